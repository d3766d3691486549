"""A call as a model reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types.call import Call


class DraftModel(Protocol):
    """A model, as far as obligations need it (`tokens.LanguageModel`)."""

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """The task that the model is for."""

    @property
    def context_length(self) -> int:
        """Tokens of a prompt and its answer together, at most."""

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt."""

    def prompts(self, call: Call) -> list[str]:
        """Return the strings that the model is given. Raises InvalidRequest."""


Model_co = TypeVar("Model_co", bound=DraftModel, covariant=True)


class Rendering(Generic[Model_co]):
    """A call for one model: rendered and counted when first asked for, and once.

    So a request whose texts are changed several times is rendered once for all of the changes.
    Belongs to one thread at a time. What asks for `call`, `prompts` or `counts` first may raise
    InvalidRequest, as `DraftModel.prompts` does.
    """

    __slots__ = ("_call", "_counts", "_prompts", "_texts", "model")

    def __init__(self, model: Model_co, call: Call, texts: Sequence[str] | None = None) -> None:
        """`texts` take the place of the call's own, one for one; None leaves those."""
        self.model: Model_co = model
        self._call: Call = call
        self._texts = texts
        self._prompts: Sequence[str] = ()
        self._counts: Sequence[int] = ()

    @property
    def call(self) -> Call:
        """The call with its texts."""
        if self._texts is not None:
            self._call, self._texts = self._call.replace(self._texts), None
        return self._call

    @property
    def prompts(self) -> Sequence[str]:
        """The strings that the model is given."""
        self.render()
        return self._prompts

    @property
    def counts(self) -> Sequence[int]:
        """The tokens of each prompt; of given ids, their number."""
        if not self._counts:
            self.render()
        return self._counts

    def render(self) -> None:
        """Compute what is not known by now: what is read afterwards takes no time."""
        if self._counts:
            return
        call = self.call
        self._prompts = self.model.prompts(call)
        given = call.given_ids
        self._counts = [given] if given else self.model.counts(self._prompts)

    def rewritten(self, texts: Sequence[str]) -> Rendering[Model_co]:
        """Return the same call with other texts, one for one, not rendered yet."""
        return Rendering(self.model, self._call, texts)

    def without(self, turns: int) -> Rendering[Model_co]:
        """Return the same call without its `turns` oldest turns, not rendered yet."""
        return Rendering(self.model, self.call.without(turns))
