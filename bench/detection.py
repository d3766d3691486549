"""How well detection does on the labelled set: precision, recall and F1 by kind.

`python -m bench.detection` prints the table. Findings count as a policy that treats every kind sees
them: overlaps resolved by the one rule. One is right if it has a label's kind and they share at
least half of the characters that either covers; each label and each finding counts once. What is
split over parts of a message counts as one.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.report import table
from extauth.content.privacy import KINDS, Detector, Finding, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Found = Callable[[Sequence[str]], list[tuple[Finding, ...]]]

TRITON = Path(__file__).parents[1] / "triton"
SHARED = 0.5
"""Of the characters that a label or a finding covers, how many both have to."""


class Span(Protocol):
    """A kind at half-open offsets: a label or a finding."""

    @property
    def kind(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Text(Protocol):
    """The parts of a message, and what is to be found in them joined."""

    @property
    def parts(self) -> Sequence[str]: ...
    @property
    def labels(self) -> Sequence[Span]: ...


@dataclass(slots=True)
class Score:
    """What was found of one kind: rightly, wrongly, and not at all."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """How much of what was found is right; 1 if nothing was."""
        found = self.right + self.wrong
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        """How much of what there is was found; 1 if there is nothing."""
        there = self.right + self.missed
        return self.right / there if there else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(slots=True)
class Scores:
    """The scores by kind, and the texts that something went wrong in."""

    kinds: dict[str, Score] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, text: Text, found: Iterable[Span]) -> None:
        """Count the findings of one text."""
        whole = "".join(text.parts)
        left = list(found)
        for label in text.labels:
            match = next((one for one in left if _same(label, one)), None)
            score = self.kinds.setdefault(label.kind, Score())
            if match is None:
                score.missed += 1
                self.faults.append(f"missed {label.kind} in {whole!r}")
            else:
                score.right += 1
                left.remove(match)
        for one in left:
            self.kinds.setdefault(one.kind, Score()).wrong += 1
            self.faults.append(f"no {one.kind}: {whole[one.start : one.end]!r} in {whole!r}")


def scores(texts: Iterable[Text], detect: Found | None = None) -> Scores:
    """Score `detect`, by default the built-in detector, on these texts."""
    find = detect or Detector().detect_all
    counted = Scores()
    for text in texts:
        counted.add(text, _joined(text.parts, find(text.parts)))
    return counted


def as_text(counted: Scores, texts: Sequence[Text]) -> str:
    """The scores as a table, one row a kind."""
    labels = Counter(label.kind for text in texts for label in text.labels)
    rows = [
        [
            kind,
            str(labels[kind]),
            *(f"{value:.3f}" for value in (score.precision, score.recall, score.f1)),
        ]
        for kind in KINDS
        if (score := counted.kinds.get(kind)) is not None
    ]
    clean = sum(not text.labels for text in texts)
    head = (
        f"Detection on {len(texts):,} labelled texts, {clean:,} of them with nothing to find:\n\n"
    )
    return head + table(["kind", "labels", "precision", "recall", "F1"], rows)


def tagger() -> Found:
    """The demo's model of names, read here as Triton would, each part of a message by itself."""
    sys.path.append(str(TRITON / "runtime"))
    from sluice_triton.tagger import Tagger  # noqa: PLC0415 - the path is known only now

    model = Tagger(TRITON / "models" / "names" / "1" / "weights.npz")
    kinds = {"PER": "person", "LOC": "location"}

    def find(parts: Sequence[str]) -> list[tuple[Finding, ...]]:
        return [
            tuple(
                Finding(kinds[s.label], s.start, s.end, "names", s.score) for s in model.tag(part)
            )
            for part in parts
        ]

    return find


def _joined(parts: Sequence[str], found: Sequence[Iterable[Finding]]) -> tuple[Finding, ...]:
    """Findings at offsets in the joined parts, those that go on from one to the next as one."""
    moved: list[Finding] = []
    base = 0
    for part, findings in zip(parts, found, strict=True):
        moved += (replace(f, start=base + f.start, end=base + f.end) for f in findings)
        base += len(part)
    whole: list[Finding] = []
    for finding in sorted(moved, key=lambda one: (one.kind, one.start)):
        last = whole[-1] if whole else None
        if last and last.kind == finding.kind and last.end == finding.start and len(parts) > 1:
            whole[-1] = replace(last, end=finding.end)
        else:
            whole.append(finding)
    return resolve(whole)


def _same(one: Span, other: Span) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    covered = max(one.end, other.end) - min(one.start, other.start)
    return one.kind == other.kind and shared >= SHARED * covered


def main() -> None:
    """Print the tables of what the gateway finds by itself, and what the demo's model does."""
    from tests.content.privacy.labelled import labelled  # noqa: PLC0415 - the set is the tests'

    texts, with_names = labelled(), labelled(names=True)
    print(as_text(scores(texts), texts))
    print("\nPersons and places by the model of the demo, triton/models/names:\n")
    print(as_text(scores(with_names, tagger()), with_names))


if __name__ == "__main__":
    main()
