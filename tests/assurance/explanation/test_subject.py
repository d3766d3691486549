"""What can be asked about: facts or a record in a file, and what is said of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extauth.assurance.explanation.leaves import document_of
from extauth.assurance.explanation.subject import of_file, stage
from extauth.audit import AuditRecord, Outcome
from extauth.errors import ConfigurationError
from extauth.policy import Entrypoint
from extauth.types import GuardFacts

from .conftest import BASE

FIRST_VERSION = Path(__file__).parents[1] / "replay" / "version-1.jsonl"


def written(directory: Path, document: object) -> str:
    file = directory / "input.json"
    file.write_text(json.dumps(document, indent=2))
    return str(file)


def record(**changes: Any) -> dict[str, Any]:
    made = AuditRecord(
        request_id="one", time=0, snapshot="0" * 64, engine="wasm", source="192.0.2.1",
        outcome=Outcome.DENIED, status=403, facts=BASE, principal=BASE.principal,
    )  # fmt: skip
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return {**document, **changes}


def test_facts(tmp_path: Path) -> None:
    question = of_file(written(tmp_path, document_of(BASE)))

    assert question.facts == BASE
    assert question.record is None
    assert stage(BASE) is Entrypoint.INFERENCE


def test_an_audit_record(tmp_path: Path) -> None:
    question = of_file(written(tmp_path, record()))

    assert question.facts == BASE
    assert question.record is not None
    assert question.record.request_id == "one"


def test_a_wrong_field_is_told_by_its_path_and_line(tmp_path: Path) -> None:
    document = document_of(BASE)
    document["principal"]["tier"] = 5
    file = written(tmp_path, document)
    line = 1 + next(
        number for number, text in enumerate((tmp_path / "input.json").read_text().splitlines())
        if '"tier"' in text
    )  # fmt: skip

    with pytest.raises(ConfigurationError) as caught:
        of_file(file)

    assert caught.value.message == f"{file}:{line}: principal.tier: 5 is not of type string"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"request": {}}, "the key principal is missing"),
        ([], "is not of type object"),
        (
            record(version=7),
            "version: an audit record of schema version 7; this sluice reads ",
        ),
        (record(status="403"), "status: "),
        ({**document_of(BASE), "prompt": "x"}, "prompt: there is no such key"),
    ],
)
def test_what_is_neither_says_what_is_wrong(tmp_path: Path, document: object, told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"input\.json:\d+: ") as caught:
        of_file(written(tmp_path, document))

    assert told in caught.value.message


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "\x00", "[" * 5000])
def test_what_is_not_json_says_so(tmp_path: Path, text: str) -> None:
    file = tmp_path / "input.json"
    file.write_text(text)

    with pytest.raises(ConfigurationError, match="not JSON"):
        of_file(str(file))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no\.json: can't be read: No such file"):
        of_file(str(tmp_path / "no.json"))


def test_a_record_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(FIRST_VERSION.read_bytes().splitlines()[0])

    question = of_file(str(file))

    assert question.record is not None
    assert question.record.version == 1
    assert question.facts is not None
    assert (question.facts.guard, question.facts.load) == (GuardFacts(), None)
