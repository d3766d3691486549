"""Decision cases: what they may hold, and what is told when they are wrong or broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import ConfigurationError
from extauth.policy import Entrypoint
from extauth.policy.cases import Case, check, load_cases
from tests.policy.conftest import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.policy import WasmEngine

FIXTURES = (POLICIES / "cases" / "fixtures.yaml").read_text()


def load(directory: Path, text: str) -> tuple[Case, ...]:
    """The cases of one file, beside the repository's own fixtures."""
    (directory / "fixtures.yaml").write_text(FIXTURES)
    (directory / "mine.yaml").write_text(text)
    return load_cases(directory)


def test_a_case(tmp_path: Path) -> None:
    (case,) = load(
        tmp_path,
        """# a comment
cases:
  - name: Ada chats
    entrypoint: admission
    from: [ada]
    given: { principal: { tier: free } }
    expect: { allow: true }
""",
    )
    assert case.name == "Ada chats"
    assert case.place == f"{tmp_path}/mine.yaml:3"
    assert case.entrypoint is Entrypoint.ADMISSION
    assert case.facts.principal.id == "acme/ada"
    assert case.facts.principal.tier == "free"
    assert case.facts.time.weekday == "wednesday"
    assert case.facts.parameters is None


def test_fixtures_of_the_file_come_after_the_shared_ones(tmp_path: Path) -> None:
    (case,) = load(
        tmp_path,
        """
fixtures:
  ada: { principal: { id: a, kind: jwt, tenant: t, tier: free } }
  late: { time: { hour: 23 } }
cases:
  - { name: x, from: [ada, chats, late], expect: { allow: true } }
""",
    )
    assert (case.facts.principal.id, case.facts.time.hour) == ("a", 23)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("cases: [", 1, "not YAML"),
        ("cases:\n  - name: x\n", 2, "missing required field `expect`"),
        ("cases:\n  - name: x\n    expect: { allow: maybe }\n", 3, "Expected `bool`"),
        (
            "cases:\n  - name: x\n    expect:\n      allow: true\n      rulez: []\n",
            5,
            "no key rulez; did you mean rules?",
        ),
        ("case: []\n", 1, "there is no key case; did you mean cases?"),
        (
            "cases:\n  - name: x\n    expct: { allow: true }\n",
            3,
            "there is no key expct; did you mean expect?",
        ),
        (
            "cases:\n  - { name: x, why: y, expect: { allow: true } }\n",
            2,
            "there is no key why; there are name, expect, entrypoint, from, given",
        ),
        (
            "cases:\n  - name: x\n    from:\n      - ada\n      - eve\n"
            "    expect: { allow: true }\n",
            5,
            "no fixture 'eve'",
        ),
        (
            "cases:\n  - name: x\n    from: [ada]\n    given:\n      time: { hour: noon }\n"
            "    expect: { allow: true }\n",
            5,
            "Expected `int`",
        ),
        (
            "cases:\n  - name: x\n    from: [ada, chats]\n    given:\n      tokens:\n"
            "        promt: 5\n    expect: { allow: true }\n",
            6,
            "no request has the fact tokens.promt",
        ),
        (
            "cases:\n  - name: x\n    expect: { allow: true }\n",
            2,
            "missing required field `principal`",
        ),
    ],
)
def test_what_is_no_case(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, text)
    assert told in raised.value.message
    assert (raised.value.file, raised.value.line) == (tmp_path / "mine.yaml", line)


def test_a_directory_without_fixtures(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"fixtures\.yaml: can't be read: No such file"):
        load_cases(tmp_path)


@pytest.mark.parametrize(
    ("who", "expect", "told"),
    [
        ("ada", "{ allow: false }", "allowed, expected a deny"),
        ("bob", "{ allow: true }", "denied by rbac.api"),
        (
            "bob",
            "{ allow: false, rules: [rbac.model] }",
            "denied by rbac.api, expected rbac.model",
        ),
        (
            "bob",
            "{ allow: false, rules: [rbac.api], message: nope }",
            "the message is 'no role of [viewer] allows embeddings', expected 'nope'",
        ),
        (
            "ada",
            "{ allow: true, route: { version: '7' } }",
            "routed to {'model': 'embed', 'version': '1', 'cluster': 'triton'}, "
            "expected {'version': '7'}",
        ),
        ("ada", "{ allow: true, without: [limit] }", "an obligation limit, expected none"),
    ],
)
async def test_what_differs_is_told(
    tmp_path: Path, wasm: WasmEngine, who: str, expect: str, told: str
) -> None:
    (case,) = load(
        tmp_path, f"cases:\n  - {{ name: x, from: [{who}, embeds], expect: {expect} }}\n"
    )
    assert await check(case, wasm) == (told,)


async def test_an_obligation_that_is_missing(tmp_path: Path, wasm: WasmEngine) -> None:
    wanted = "{ allow: true, obligations: [{ type: clamp, max_tokens: 1 }] }"
    (case,) = load(tmp_path, f"cases:\n  - {{ name: x, from: [ada, chats], expect: {wanted} }}\n")
    (told,) = await check(case, wasm)
    assert told.startswith("no obligation {'type': 'clamp', 'max_tokens': 1}; there are [")
