"""The expression at which a unit test failed, with the values of what is in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.assurance.checks.command import sources
from extauth.rego.process import run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

_SECONDS = 20.0
_MOST = 20
_RULE = re.compile(r"^-{20,}$", re.MULTILINE)
_HEAD = re.compile(r"^data\.(?P<name>\S+): FAIL \(\S+\)$", re.MULTILINE)


def trace(opa: Path, root: Path, names: Collection[str], test_seconds: float) -> Mapping[str, str]:
    """What OPA tells of the failed tests called `names`, for people; not what they printed.

    Of the first 20 at most, and of none when it takes too long: tracing is slow.
    """
    chosen = "|".join(re.escape(name) for name in list(names)[:_MOST])
    if not chosen:
        return {}
    done = run(
        opa, "test", "--var-values", "--timeout", f"{test_seconds}s",
        "--run", rf"^data\.({chosen})$", *sources(root), cwd=root, seconds=_SECONDS,
    )  # fmt: skip
    _, _, told = done.out.partition("\nFAILURES\n")
    heads = list(_HEAD.finditer(told))
    ends = [head.start() for head in heads[1:]] + [len(told)]
    return {
        head["name"]: _body(told[head.end() : end]) for head, end in zip(heads, ends, strict=True)
    }


def _body(text: str) -> str:
    """Without the indentation of all lines, and the rules between the parts."""
    lines = _RULE.split(text)[0].strip("\n").splitlines()
    return "\n".join(line.removeprefix("  ").expandtabs(4).rstrip() for line in lines)
