"""A new obligation is a file and a row: all else that knows obligations is made from the table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from extauth.stack.engines.opa import find_opa

ROOT = Path(__file__).parents[2]

OBLIGATION = '''
"""`halve`: an answer of half the length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

if TYPE_CHECKING:
    from extauth.obligations.draft import D


class Halve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="halve"):
    """Let an answer have half of the tokens that it could have."""

    label: ClassVar[str] = "halve"

    times: Annotated[int, msgspec.Meta(ge=1, description="How often.")]

    def __str__(self) -> str:
        return f"{self.times} times"

    def enforce(self, draft: D) -> D:
        """Lower the bound on a choice's tokens."""
        return draft.bounded(draft.rendered().max_tokens >> self.times)
'''
REGO = """
# Let an answer have half of the tokens that it could have.
halve(times) := {"type": "halve", "times": times}
"""
REGO_TEST = """
test_halve if obligation.halve(2) == {"type": "halve", "times": 2}
"""
TEST = '''
"""`halve` in everything that knows obligations."""

import msgspec
import pytest

from extauth.clients import parse_request, parse_target
from extauth.content.privacy import KeyedHash, Masker, Substitutes
from extauth.errors import ConfigurationError
from extauth.obligations import Clamp, Decision, draft_of, enforce
from extauth.obligations.halve import Halve
from extauth.policy.cases import differences, load_cases
from extauth.policy.verdict import Verdict
from extauth.policy.verdict import differences as changes
from extauth.settings import Model, Price
from extauth.tokens import LanguageModel
from extauth.tokens.estimate import Estimate
from extauth.types import RequestHead

CASE = """
fixtures:
  base:
    request: {{ api: openai, operation: chat.completions }}
    source: {{ ip: 192.0.2.7 }}
    time: {{ date: "2026-03-04", weekday: wednesday, hour: 12, minute: 30 }}
    principal: {{ id: acme/ada, kind: api_key, tenant: acme, tier: free }}
cases:
  - name: it is not there
    expect: {{ allow: true, without: [{}] }}
"""


def decided(*obligations):
    return msgspec.json.decode(
        msgspec.json.encode({"allow": True, "obligations": obligations}), type=Decision
    )


def test_it_is_decoded():
    assert decided({"type": "halve", "times": 2}).obligations == (Halve(2),)
    with pytest.raises(msgspec.ValidationError, match="times"):
        decided({"type": "halve", "times": 0})


def test_it_is_enforced_after_a_clamp():
    settings = Model("m", "b", "completion", ("1",), {}, "1", 1024, Price(), "eu", None)
    path = "/v1/completions"
    body = msgspec.json.encode({"model": "m", "prompt": "Hello.", "max_tokens": 100})
    head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
    call = parse_request(parse_target("POST", path), head, body, depth=32).call
    masker = Masker(call.texts(), Substitutes(KeyedHash(bytes(32), "acme")))
    draft = draft_of(LanguageModel(settings, Estimate(()), None), call, call.texts(), masker)
    assert enforce((Halve(2), Clamp(40)), draft).max_tokens == 10


def test_a_verdict_names_it():
    before, after = (Verdict.of(decided({"type": "halve", "times": n})) for n in (1, 2))
    (change,) = changes(before, after)
    assert change.by == ("halve",)
    assert after.under(change.by) == "halve 2 times"


def test_a_case_may_exclude_it(tmp_path):
    (tmp_path / "fixtures.yaml").write_text("{}")
    (tmp_path / "halve.yaml").write_text(CASE.format("halve"))
    (case,) = load_cases(tmp_path)
    assert list(differences(case.expect, decided())) == []
    (told,) = differences(case.expect, decided({"type": "halve", "times": 2}))
    assert told == "an obligation halve, expected none"
    (tmp_path / "halve.yaml").write_text(CASE.format("halved"))
    with pytest.raises(ConfigurationError, match="halved"):
        load_cases(tmp_path)
'''
BY_HAND = {
    "extauth/obligations/halve.py",
    "extauth/obligations/table.py",
    "policies/gateway/obligation/obligation.rego",
    "policies/gateway/obligation/obligation_test.rego",
    "tests/obligations/test_halve.py",
}
GENERATED = {
    "docs/policy-reference.md",
    "schemas/audit.schema.json",
    "schemas/case.schema.json",
    "schemas/decision.schema.json",
}


def contents(root: Path) -> dict[str, bytes]:
    """Every file below, but for what Python and pytest keep."""
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and not {"__pycache__", ".pytest_cache"} & set(file.parts)
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a new obligation could touch, with the demo that Envoy's files are made of."""
    for name in ("extauth", "schemas", "policies", "envoy"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "gateway.yaml", tmp_path)
    (tmp_path / "triton").symlink_to(ROOT / "triton")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/policy-reference.md", tmp_path / "docs")
    (tmp_path / "tests/obligations").mkdir(parents=True)
    return tmp_path


def run(checkout: Path, *command: str) -> str:
    """Run a command on the copy, with its own package, to its end."""
    opa = str(find_opa().path.parent)
    done = subprocess.run(
        command,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{opa}:{os.environ['PATH']}",
            "PYTHONPATH": str(checkout),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_obligation_touches_at_most_six_files(checkout: Path) -> None:
    before = contents(checkout)
    (checkout / "extauth/obligations/halve.py").write_text(OBLIGATION.lstrip())
    (checkout / "tests/obligations/test_halve.py").write_text(TEST.lstrip())
    table = checkout / "extauth/obligations/table.py"
    for old, new in (
        ("    | Clamp\n", "    | Clamp\n    | Halve\n"),
        ("import Mask\n", "import Mask\nfrom extauth.obligations.halve import Halve\n"),
    ):
        assert table.read_text().count(old) == 1
        table.write_text(table.read_text().replace(old, new))
    for name, more in (("obligation", REGO), ("obligation_test", REGO_TEST)):
        with (checkout / f"policies/gateway/obligation/{name}.rego").open("a") as file:
            file.write(more)

    run(checkout, sys.executable, "-m", "extauth.assurance.generate")
    run(checkout, *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"), "tests")
    run(checkout, "opa", "test", "policies/gateway/obligation")

    after = contents(checkout)
    touched = {name for name in after if after[name] != before.get(name)}
    assert touched == BY_HAND | GENERATED
    assert len(BY_HAND) <= 6
    reference = after["docs/policy-reference.md"].decode()
    assert "### The obligation `halve`" in reference
    assert "Built by `obligation.halve(times)`." in reference
