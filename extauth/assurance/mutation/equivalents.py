"""`mutants.yaml`: changes that change no decision, and the score that the tests must reach.

threshold: 95
equivalent:
  - file: gateway/usage/usage.rego
    line: used >= tier.profile.tokens_per_day
    becomes: used > tier.profile.tokens_per_day
    reason: why no test can tell the two apart

`line` and `becomes` are the lines of the diff, without indentation; `becomes` is empty for what
is removed, and several lines are joined by spaces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.mutation.mutant import folded
from extauth.compiler.document import Document, Place, read_document
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.assurance.mutation.mutant import Mutant

FILE = "mutants.yaml"

_PATH = re.compile(r" - at `\$\.?(.*)`$")
_STEP = re.compile(r"[^.\[\]]+")


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that no test can notice, by content. `reason` is a sentence for readers."""

    file: str
    line: str
    becomes: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        """Return whether the mutant makes this change, wherever in the file."""
        return (
            self.file == mutant.module.file
            and folded(self.line) == mutant.before
            and folded(self.becomes) == mutant.after
        )


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file. `threshold` is in percent."""

    threshold: float = 95.0
    equivalent: tuple[Equivalent, ...] = ()


def read_expected(directory: Path) -> tuple[Expected, tuple[int, ...]]:
    """Read the file, and the line of each entry; without a file, nothing is equivalent.

    Raises ConfigurationError, with the line, for what is not such a file.
    """
    file = directory / FILE
    if not file.is_file():
        return Expected(), ()
    document = read_document(file)
    try:
        expected = msgspec.convert(document.value, Expected)
    except msgspec.ValidationError as error:
        raise _wrong(document, str(error)) from None
    if not 0 <= expected.threshold <= 100:
        raise document.error(("threshold",), "expected a number from 0 to 100")
    for number, entry in enumerate(expected.equivalent):
        if not entry.reason.strip():
            raise document.error(("equivalent", number, "reason"), "say why it is equivalent")
    lines = (document.line(("equivalent", number)) for number in range(len(expected.equivalent)))
    return expected, tuple(lines)


def _wrong(document: Document, message: str) -> ConfigurationError:
    found = _PATH.search(message)
    place: Place = ()
    if found:
        steps = _STEP.findall(found[1])
        place = tuple(int(step) if step.isdigit() else step for step in steps)
    return document.error(place, _PATH.sub("", message))
