"""`context`: the handling of a prompt that is too long."""

from __future__ import annotations

from bisect import bisect_left
from itertools import compress
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec.structs import replace

from extauth.errors import InvalidRequest
from extauth.obligations.draft import rendered

if TYPE_CHECKING:
    from extauth.obligations.draft import D, Draft


class Context(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="context"
):
    """Bound a prompt: by `max_prompt_tokens`, and by the model's context either way."""

    label: ClassVar[str] = "context"

    on_exceed: Annotated[
        Literal["deny", "drop_oldest"],
        msgspec.Meta(
            description="deny: the request is refused. drop_oldest: the oldest turns of a chat are "
            "left out, as few as needed: never a system's or developer's message, half a tool "
            "call, the last user's message or what the model is to answer. A chat that still does "
            "not fit is refused."
        ),
    ] = "deny"
    max_prompt_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(
            description="The most tokens that a prompt may have; the model's context bounds it "
            "either way."
        ),
    ] = None
    room: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="The tokens that stay free for an answer whose length the client does not "
            "give.",
        ),
    ] = 1

    def __str__(self) -> str:
        bound = self.max_prompt_tokens
        return self.on_exceed if bound is None else f"{self.on_exceed} over {bound}"

    def enforce(self, draft: D) -> D:
        """Leave out the oldest turns until the prompt fits, where the obligation says so.

        As few as will do: with one turn more it does not fit. Raises InvalidRequest when the rest
        is still longer than the obligation's own bound; the model's is looked at last, by `check`.
        """
        draft = draft.rendered()
        answer = draft.max_tokens
        if draft.asked is None and answer:
            answer = min(self.room, draft.ceiling or self.room)
        most = draft.model.settings.context_length - answer
        bound = self.max_prompt_tokens
        if bound is not None:
            most = min(most, bound)
        if self.on_exceed == "drop_oldest":
            draft = _fitted(draft, most)
        if bound is not None and draft.longest > bound:
            raise _exceeded(
                f"Your prompt has {draft.longest} tokens, and at most {bound} are allowed here. "
                "Please reduce its length."
            )
        return draft


def check(draft: Draft[Any, Any]) -> None:
    """Refuse what can't fit the model's context, in the words of OpenAI's own error."""
    length = draft.model.settings.context_length
    if draft.longest + draft.max_tokens <= length:
        return
    raise _exceeded(
        f"This model's maximum context length is {length} tokens. However, you requested "
        f"{draft.longest + draft.max_tokens} tokens ({draft.longest} in the prompt, "
        f"{draft.max_tokens} for the completion). Please reduce the length of either one."
    )


def _fitted(draft: D, most: int) -> D:
    """Return the draft without its oldest turns; all that can go are gone when it never fits.

    A prompt without more turns is shorter, so the first number that will do is found by halving:
    most of what is rendered and counted on the way is no longer than what is left in the end.
    """
    if draft.longest <= most:
        return draft
    turns = draft.call.turns()
    droppable = max((turn + 1 for turn in turns if turn is not None), default=0)
    if not droppable:
        return draft

    tried = {}

    def fits(dropped: int) -> bool:
        call = draft.call.without(dropped)
        tried[dropped] = (call, *rendered(draft.model, call))
        return max(tried[dropped][2]) <= most

    dropped = bisect_left(range(droppable), True, lo=min(1, droppable), key=fits)
    if dropped not in tried:
        fits(dropped)
    call, prompts, counts = tried[dropped]
    kept = [turn is None or turn >= dropped for turn in turns]
    return replace(
        draft,
        call=call,
        texts=list(compress(draft.texts, kept)),
        findings=list(compress(draft.findings, kept)),
        prompts=prompts,
        counts=counts,
        dropped=draft.dropped + dropped,
    )


def _exceeded(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="context_length_exceeded", param="messages")
