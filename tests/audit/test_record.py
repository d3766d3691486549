"""The audit record and its published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from jsonschema import Draft202012Validator

from extauth.audit import AuditRecord, Outcome

if TYPE_CHECKING:
    from .conftest import Made

PUBLISHED = Path(__file__).parents[2] / "schemas" / "audit.schema.json"


def test_every_field_is_described() -> None:
    fields = json.loads(PUBLISHED.read_text())["properties"]

    assert set(fields) == set(AuditRecord.__struct_fields__)
    assert all(field["description"].endswith(".") for field in fields.values())


def test_records_fit_the_schema(served: Made, stranger: AuditRecord) -> None:
    validator = Draft202012Validator(json.loads(PUBLISHED.read_text()))

    for record in (served("a"), stranger):
        validator.validate(json.loads(msgspec.json.encode(record)))


def test_a_record_is_read_as_it_was_written(served: Made) -> None:
    record = served("a")

    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record


def test_every_outcome_is_explained() -> None:
    assert all(f"`{outcome}`" in (Outcome.__doc__ or "") for outcome in Outcome)
