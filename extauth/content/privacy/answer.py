"""What a model says, on its way to the client: scanned, treated, placeholders put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.privacy.edits import Edits
from extauth.content.privacy.overlap import resolve
from extauth.content.privacy.scanner import StreamScanner
from extauth.errors import ContentBlocked

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from extauth.content.privacy.detector import Detector
    from extauth.content.privacy.masker import Masker
    from extauth.content.privacy.restorer import StreamRestorer
    from extauth.content.privacy.scanner import Scanned
    from extauth.content.privacy.substitute import Substitutes
    from extauth.types import Treatment


class AnswerFilters:
    """Makes a filter for each choice of one answer.

    `treatments` says what becomes of findings of which kinds; without any the answer is not
    scanned. `found` counts the findings of these kinds in all choices, those that are left as they
    are too. Belongs to one task.
    """

    __slots__ = ("_detector", "_masker", "_treatments", "found")

    def __init__(
        self,
        detector: Detector,
        treatments: Mapping[str, Treatment],
        masker: Masker,
        found: MutableMapping[str, int],
    ) -> None:
        self._detector = detector
        self._treatments = treatments
        self._masker = masker
        self.found = found

    @property
    def idle(self) -> bool:
        """Whether every answer passes as it is."""
        return not self._treatments and self._masker.empty

    @property
    def noted(self) -> dict[str, int]:
        """How many findings are left as they are, by kind."""
        return {kind: n for kind, n in self.found.items() if self._treatments[kind] == "note"}

    def filter(self, *, quoted: bool = False) -> AnswerFilter:
        """Return the filter of a text that has not begun.

        With `quoted` the text is JSON, and what is put back goes into its strings.
        """
        restorer = self._masker.restorer(quoted=quoted)
        scanner = None
        if self._treatments:
            scanner = StreamScanner(self._detector, self._treatments, restorer.restorer)
        treat = _Treat(self._treatments, self._masker.substitutes, self.found)
        return AnswerFilter(scanner, treat, restorer)


class AnswerFilter:
    """Filters one choice of an answer: what it gave, joined, is the same however it was cut.

    What was found is treated before placeholders are put back, so a client's own words are never
    findings. Holds back what `StreamScanner` and `StreamRestorer` hold back. Belongs to one task.
    """

    __slots__ = ("_restorer", "_scanner", "_treat")

    def __init__(
        self, scanner: StreamScanner | None, treat: _Treat, restorer: StreamRestorer
    ) -> None:
        self._scanner = scanner
        self._treat = treat
        self._restorer = restorer

    def whole(self, text: str) -> str:
        """All of a choice at once, which saves looking for where it could be cut.

        For a filter that was fed nothing. Raises as `feed`.
        """
        if self._scanner is not None:
            text = self._treat(self._scanner.whole(text))
        return self._restorer.restorer.restore(text)

    def feed(self, text: str) -> str:
        """Take the next piece; give what the client may see by now, perhaps nothing.

        Raises ContentBlocked; the answer is over then.
        """
        if self._scanner is not None:
            text = self._treat(self._scanner.feed(text))
        return self._restorer.feed(text)

    def finish(self) -> str:
        """The choice has ended: give the rest. Calling it again gives nothing. Raises as `feed`."""
        rest = ""
        if self._scanner is not None:
            rest = self._restorer.feed(self._treat(self._scanner.finish()))
        return rest + self._restorer.finish()


class _Treat:
    """What becomes of findings, by kind."""

    __slots__ = ("_found", "_substitutes", "_treatments")

    def __init__(
        self,
        treatments: Mapping[str, Treatment],
        substitutes: Substitutes,
        found: MutableMapping[str, int],
    ) -> None:
        self._treatments = treatments
        self._substitutes = substitutes
        self._found = found

    def __call__(self, scanned: Scanned) -> str:
        if not scanned.findings:
            return scanned.text
        replaced = []
        for finding in scanned.findings:
            kind = finding.kind
            self._found[kind] = self._found.get(kind, 0) + 1
            if self._treatments[kind] == "block":
                raise ContentBlocked(kind)
            if self._treatments[kind] != "note":
                replaced.append(finding)
        edits = Edits(scanned.text)
        # Those that are left as they are cover up no others.
        for finding in resolve(replaced):
            original = scanned.text[finding.start : finding.end]
            edits.replace(finding.start, finding.end, self._substitute(finding.kind, original))
        return edits.text()

    def _substitute(self, kind: str, original: str) -> str:
        match self._treatments[kind]:
            case "redact" | "hash" | "stand_in" as treatment:
                return self._substitutes.substitute(kind, original, treatment)
            case treatment:
                raise ValueError(f"{treatment} puts nothing in a finding's place in an answer")
