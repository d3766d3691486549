"""The masker of a request: replaces findings, and remembers the originals of placeholders."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from extauth.content.markup import AddressReader
from extauth.content.openings import no_domain
from extauth.content.privacy.edits import Edits
from extauth.content.privacy.overlap import resolve
from extauth.content.privacy.restorer import Restorer, StreamRestorer, canonical, put_back
from extauth.content.privacy.substitute import OneWay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from extauth.content.privacy.finding import Finding
    from extauth.content.privacy.substitute import Substitutes

Replacing = Literal["placeholder"] | OneWay
"""The treatments that replace a text. A `placeholder` is restored in the answer."""

# Without 0, 1, i, l and o, which a small model confuses when it copies them.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_SHORTEST_NONCE = 4


@dataclass(frozen=True, slots=True, repr=False)
class Masked:
    """A masked text and the findings that remain in it, at their new offsets."""

    text: str
    remaining: tuple[Finding, ...]


class Masker:
    """Masks the texts of one request, and restores them.

    A placeholder reads `[EMAIL_1_k3f9]`: kind, number, and a nonce that is drawn for this request
    and occurs in none of `texts`. So a client can neither guess a placeholder nor have written one
    by chance, and `restore(mask(text))` is `text` for all of them. Equal originals of one kind get
    the same placeholder throughout the request. Originals are held in memory only, as long as the
    request, and appear in no repr. `substitutes` are the request's one-way substitutes. Belongs to
    one task.
    """

    __slots__ = (
        "_issued",
        "_longest",
        "_nonce",
        "_originals",
        "_restorer",
        "_texts",
        "substitutes",
    )

    def __init__(self, texts: Iterable[str], substitutes: Substitutes) -> None:
        self.substitutes = substitutes
        self._texts = tuple(texts)
        self._nonce = ""
        self._issued: dict[tuple[str, str], str] = {}
        self._originals: dict[str, str] = {}
        self._longest = 0
        self._restorer: Restorer | None = None

    def __repr__(self) -> str:
        return f"Masker({len(self._issued)} placeholders)"

    @property
    def empty(self) -> bool:
        """True if there is nothing to restore: answers may pass unchanged."""
        return not self._issued

    def mask(
        self,
        text: str,
        findings: Sequence[Finding],
        *,
        kinds: Collection[str],
        treatment: Replacing,
    ) -> Masked:
        """Replace the findings of these kinds, by the rule of `resolve` where they overlap.

        `text` is one of the constructor's texts or the result of an earlier call; `findings` are
        its findings. A remaining finding that overlapped a replaced span is cut to the rest of it;
        one that contained the span contains the replacement.
        """
        chosen = resolve(finding for finding in findings if finding.kind in kinds)
        if not chosen:
            return Masked(text, tuple(findings))
        edits = Edits(text)
        for finding in chosen:
            original = text[finding.start : finding.end]
            edits.replace(
                finding.start, finding.end, self._substitute(finding.kind, original, treatment)
            )
        remaining = (edits.moved(finding) for finding in findings if finding.kind not in kinds)
        return Masked(edits.text(), tuple(finding for finding in remaining if finding))

    def restore(self, text: str) -> str:
        """Return `text` with this request's placeholders replaced by their originals."""
        return put_back(text, self._originals, self._longest)

    def restorer(
        self, allows: Callable[[str], bool] = no_domain, *, quoted: bool = False
    ) -> StreamRestorer:
        """Return a restorer for one text of the answer, once all masking is done.

        It leaves placeholders in addresses, but for those with an authority that `allows` accepts.
        With `quoted` it writes originals as the inside of JSON strings.
        """
        reader = AddressReader(allows, quoted=quoted)
        if quoted:
            written = {key: json.dumps(text)[1:-1] for key, text in self._originals.items()}
            return StreamRestorer(Restorer(written), reader)
        if self._restorer is None:
            self._restorer = Restorer(self._originals)
        return StreamRestorer(self._restorer, reader)

    def _substitute(self, kind: str, original: str, treatment: Replacing) -> str:
        # A span that is masked again, as another kind, contains placeholders.
        original = self.restore(original)
        if treatment != "placeholder":
            return self.substitutes.substitute(kind, original, treatment)
        placeholder = self._issued.get((kind, original))
        if placeholder is None:
            placeholder = self._issued[kind, original] = self._placeholder(kind, original)
        return placeholder

    def _placeholder(self, kind: str, original: str) -> str:
        if not self._nonce:
            self._nonce = _unused(self._texts)
        number = len(self._issued) + 1
        while (key := canonical(f"{kind}_{number}_{self._nonce}")) in self._originals:
            # A kind may end like a number, so that `term_1` and `term` could collide.
            number += 1
        self._originals[key] = original
        self._longest = max(self._longest, len(key))
        self._restorer = None
        return f"[{kind.upper()}_{number}_{self._nonce}]"


def _unused(texts: Iterable[str]) -> str:
    """Return a nonce that can't be read in any of the texts, nor across two in a row."""
    # A template may put texts side by side.
    written = canonical("".join(texts))
    length = _SHORTEST_NONCE
    while True:
        nonce = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if nonce not in written:
            return nonce
        # The texts may contain every nonce of this length, but not of every length.
        length += 1
