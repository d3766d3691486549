"""The filter of an answer: scan, treat findings, restore placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.openings import no_domain
from extauth.content.privacy.edits import Edits
from extauth.content.privacy.overlap import resolve
from extauth.content.privacy.scanner import StreamScanner
from extauth.errors import ContentBlocked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from extauth.content.privacy.detector import Detector
    from extauth.content.privacy.masker import Masker
    from extauth.content.privacy.restorer import StreamRestorer
    from extauth.content.privacy.scanner import Scanned
    from extauth.content.privacy.substitute import Substitutes
    from extauth.obligations import Treatment


class AnswerFilters:
    """Makes a filter for each choice of one answer.

    `treatments` is the treatment of each kind; if it is empty, the answer is not scanned. `found`
    counts the findings of these kinds in all choices, including those that are left in place.
    Belongs to one task.
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
        """True if every answer passes unchanged."""
        return not self._treatments and self._masker.empty

    @property
    def noted(self) -> dict[str, int]:
        """Number of findings left in place, by kind."""
        return {kind: n for kind, n in self.found.items() if self._treatments[kind] == "note"}

    def filter(
        self, allows: Callable[[str], bool] = no_domain, *, quoted: bool = False
    ) -> AnswerFilter:
        """Return the filter of a text that has not begun.

        Originals go back into addresses with an authority that `allows` accepts, and into no
        others. With `quoted` the text is JSON, and what is put back goes into its strings.
        """
        restorer = self._masker.restorer(allows, quoted=quoted)
        scanner = None
        if self._treatments:
            scanner = StreamScanner(self._detector, self._treatments, restorer.restorer)
        treat = _Treat(self._treatments, self._masker.substitutes, self.found)
        return AnswerFilter(scanner, treat, restorer)


class AnswerFilter:
    """Filters one choice of an answer. The output, joined, is the same however the text was cut.

    Findings are treated before placeholders are restored, so the client's own data is never a
    finding. Holds back what `StreamScanner` and `StreamRestorer` hold back. Belongs to one task.
    """

    __slots__ = ("_restorer", "_scanner", "_treat")

    def __init__(
        self, scanner: StreamScanner | None, treat: _Treat, restorer: StreamRestorer
    ) -> None:
        self._scanner = scanner
        self._treat = treat
        self._restorer = restorer

    def whole(self, text: str) -> str:
        """Filter a whole choice at once, without looking for places to cut it.

        Only for a filter that was fed nothing. Raises as `feed` does.
        """
        if self._scanner is not None:
            text = self._treat(self._scanner.whole(text))
        return self._restorer.finish(text)

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that is certain by now, perhaps nothing.

        Raises ContentBlocked for a finding whose treatment is `block`; the answer ends there.
        """
        if self._scanner is not None:
            text = self._treat(self._scanner.feed(text))
        return self._restorer.feed(text)

    def finish(self) -> str:
        """End the choice; return the rest. Calling it again returns nothing. Raises as `feed`."""
        rest = ""
        if self._scanner is not None:
            rest = self._restorer.feed(self._treat(self._scanner.finish()))
        return rest + self._restorer.finish()


class _Treat:
    """The treatment of findings, by kind."""

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
        # Findings left in place must not win over overlapping ones.
        for finding in resolve(replaced):
            original = scanned.text[finding.start : finding.end]
            edits.replace(finding.start, finding.end, self._substitute(finding.kind, original))
        return edits.text()

    def _substitute(self, kind: str, original: str) -> str:
        match self._treatments[kind]:
            case "redact" | "hash" | "stand_in" as treatment:
                return self._substitutes.substitute(kind, original, treatment)
            case treatment:
                raise ValueError(f"{treatment} does not replace findings in an answer")
