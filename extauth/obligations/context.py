"""`context`: what becomes of a prompt that is too long."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Context


def context(obligation: Context, draft: Draft) -> Draft:
    """Leave out the oldest turns until the prompt fits, where the obligation says so.

    As few as will do: with one turn more it does not fit. Raises InvalidRequest when the rest is
    still longer than the obligation's own bound; the model's is looked at last, by `check`.
    """
    answer = draft.max_tokens
    if draft.asked is None and answer:
        answer = min(obligation.room, draft.ceiling or obligation.room)
    most = draft.model.settings.context_length - answer
    bound = obligation.max_prompt_tokens
    if bound is not None:
        most = min(most, bound)
    if obligation.on_exceed == "drop_oldest":
        draft = _fitted(draft, most)
    if bound is not None and draft.longest > bound:
        raise _exceeded(
            f"Your prompt has {draft.longest} tokens, and at most {bound} are allowed here. "
            "Please reduce its length."
        )
    return draft


def check(draft: Draft) -> None:
    """Refuse what can't fit the model's context, in the words of OpenAI's own error."""
    length = draft.model.settings.context_length
    if draft.longest + draft.max_tokens <= length:
        return
    raise _exceeded(
        f"This model's maximum context length is {length} tokens. However, you requested "
        f"{draft.longest + draft.max_tokens} tokens ({draft.longest} in the prompt, "
        f"{draft.max_tokens} for the completion). Please reduce the length of either one."
    )


def _fitted(draft: Draft, most: int) -> Draft:
    """The draft without its oldest turns; all that can go are gone when it never fits.

    A prompt without more turns is shorter, so the first number that will do is found by halving:
    most of what is rendered and counted on the way is no longer than what is left in the end.
    """
    if draft.longest <= most:
        return draft
    turns = draft.call.turns()
    droppable = max((turn + 1 for turn in turns if turn is not None), default=0)

    def fits(dropped: int) -> bool:
        prompts = draft.model.prompts(draft.call.without(dropped))
        return max(draft.model.counts(prompts)) <= most

    dropped = bisect_left(range(droppable), True, lo=min(1, droppable), key=fits)
    call = draft.call.without(dropped)
    prompts = draft.model.prompts(call)
    kept = [turn is None or turn >= dropped for turn in turns]
    return replace(
        draft,
        call=call,
        texts=[text for text, stays in zip(draft.texts, kept, strict=True) if stays],
        findings=[found for found, stays in zip(draft.findings, kept, strict=True) if stays],
        prompts=prompts,
        counts=draft.model.counts(prompts),
        dropped=draft.dropped + dropped,
    )


def _exceeded(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="context_length_exceeded", param="messages")
