"""Explainers of the shipped policies and of small ones, with the real OPA."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from extauth.assurance.explanation import Explainer, Explanation
from extauth.assurance.explanation.altered import alter
from extauth.assurance.explanation.policies import Policies, of_repository
from extauth.assurance.explanation.subject import Subject
from tests.policy.conftest import POLICIES, opa_path
from tests.policy.facts import ADA, CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.types import Facts

__all__ = ["ADA", "CHAT"]

BASE = msgspec.structs.replace(CHAT, sensitive={})
CATALOG = "models: {}\n"
EMPTY_STAGES = {
    "admission": 'package gateway.admission\n\ndecision := {"allow": true}\n',
    "inference": 'package gateway.inference\n\ndecision := {"allow": true, "obligations": []}\n',
}


class Explain(Protocol):
    """Explains the ordinary chat with a few facts set otherwise, `path=value`."""

    def __call__(self, *changes: str) -> Explanation: ...


class Repository(Protocol):
    """Compiles a directory of policies: `gateway/` files by name, and data by name."""

    def __call__(self, rego: dict[str, str], **data: str) -> Policies: ...


PROMPT = "request.operation=completions"
"""A prompt has no turns that could be left out, as those of a chat are when it is too long."""


def facts(*changes: str) -> Facts:
    """The ordinary chat with a few facts set otherwise."""
    return alter(BASE, changes)[0]


def place(file: str, text: str) -> str:
    """`file:line` of the one line of a shipped module that begins with this text."""
    lines = (POLICIES / file).read_text().splitlines()
    (line,) = (number for number, found in enumerate(lines, 1) if found.lstrip().startswith(text))
    return f"{file}:{line}"


@pytest.fixture(scope="session")
def shipped() -> Iterator[Policies]:
    """The repository's own policies."""
    with of_repository(POLICIES, opa_path()) as policies:
        yield policies


@pytest.fixture(scope="session")
def explainer(shipped: Policies) -> Explainer:
    """Explains with them; the search has all the time it wants."""
    return Explainer(shipped, opa_path(), seconds=30, search_seconds=60)


@pytest.fixture(scope="session")
def hurried(shipped: Policies) -> Explainer:
    """Explains with them, and searches nothing."""
    return Explainer(shipped, opa_path(), seconds=30, search_seconds=0)


@pytest.fixture(scope="session")
def explain(hurried: Explainer) -> Explain:
    """See Explain; without the changes that would flip the decision."""
    return cache(lambda *changes: hurried.explain(Subject(facts(*changes))))


@pytest.fixture(scope="session")
def search(explainer: Explainer) -> Explain:
    """See Explain; with them."""
    return cache(lambda *changes: explainer.explain(Subject(facts(*changes))))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """See Repository."""
    with ExitStack() as stack:

        def make(rego: dict[str, str], **data: str) -> Policies:
            (tmp_path / "catalog.yaml").write_text(CATALOG)
            (tmp_path / "data").mkdir()
            for name, text in data.items():
                (tmp_path / "data" / f"{name}.yaml").write_text(text)
            for name, text in (EMPTY_STAGES | rego).items():
                file = tmp_path / "gateway" / f"{name}.rego"
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            return stack.enter_context(of_repository(tmp_path, opa_path()))

        yield make
