"""`detectors` and `classifiers`: what is taken, and what is refused with its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from extauth.compiler import Overrides, compile_snapshot
from extauth.compiler.configuration import read_configuration
from extauth.compiler.proxy.filters import message_timeout
from extauth.errors import ConfigurationError
from extauth.settings import Auxiliary, Presidio, TextClassification, TokenClassification
from extauth.stack.engines.opa import find_opa
from tests.compiler.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.compiler.configuration import Configuration

NAMES: dict[str, Any] = {
    "kind": "triton",
    "backend": "triton",
    "model": "names",
    "repository": str(REPOSITORY / "triton/models/names"),
    "timeout": "250ms",
    "labels": {"PER": "person"},
}
PRESIDIO: dict[str, Any] = {
    "kind": "presidio",
    "url": "https://presidio.internal:3000",
    "timeout": "1s",
    "languages": ["en", "de"],
    "entities": {"PERSON": "person"},
}
INJECTION: dict[str, Any] = {
    "kind": "triton",
    "backend": "triton",
    "model": "injection",
    "repository": str(REPOSITORY / "triton/models/injection"),
    "timeout": "100ms",
}


def written(tmp_path: Path, **fields: Any) -> Path:
    """The demo's configuration with these fields."""
    config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
    for model in config["models"].values():
        for name in {"repository", "tokenizer", "chat_template"} & model.keys():
            model[name] = str(REPOSITORY / model[name])
    config["policy"]["directory"] = str(REPOSITORY / "policies")
    config |= fields
    file = tmp_path / "gateway.yaml"
    # JSON is YAML, and has no anchors for what is there twice.
    file.write_text(json.dumps(config, indent=1))
    return file


def read(tmp_path: Path, **fields: Any) -> Configuration:
    """What it compiles from."""
    return read_configuration(written(tmp_path, **fields), Overrides(triton_http_port=8123))


def refused(tmp_path: Path, **fields: Any) -> str:
    """Why it is not taken, without the file."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, **fields)
    place, _, message = caught.value.message.partition(": ")
    assert place.startswith(str(tmp_path / "gateway.yaml:"))
    return message


def test_without_them_nobody_is_asked(tmp_path: Path) -> None:
    settings = read(tmp_path).settings
    assert (settings.detectors, settings.classifiers, settings.auxiliary) == ({}, {}, {})
    assert message_timeout(settings).total_seconds() == 5.5


def test_they_are_told_whole(tmp_path: Path) -> None:
    given = PRESIDIO | {"models": ["echo"], "max_text": 1000, "min_confidence": 0.25}
    source = read(
        tmp_path,
        detectors={"names": NAMES, "presidio": given},
        classifiers={"injection": INJECTION},
    )
    assert source.settings.detectors == {
        "names": TokenClassification(
            url="http://127.0.0.1:8123",
            timeout=0.25,
            max_text=262_144,
            models=(),
            model="names",
            version="1",
            labels={"PER": "person"},
            min_confidence=0.5,
        ),
        "presidio": Presidio(
            url="https://presidio.internal:3000",
            timeout=1.0,
            max_text=1000,
            models=("echo",),
            languages=("en", "de"),
            entities={"PERSON": "person"},
            min_confidence=0.25,
        ),
    }
    assert source.settings.classifiers == {
        "injection": TextClassification(
            url="http://127.0.0.1:8123",
            timeout=0.1,
            max_text=262_144,
            models=(),
            model="injection",
            version="1",
        )
    }


def test_the_embedded_server_loads_their_models_for_nobody_else(tmp_path: Path) -> None:
    config = written(tmp_path, detectors={"names": NAMES})
    snapshot, source = compile_snapshot(
        config, tmp_path / "out", opa=find_opa().path, envoy=None, overrides=Overrides()
    )
    assert snapshot.settings.auxiliary == {"names": Auxiliary("names", "triton", ("1",))}
    assert "names" in source.repositories
    assert b"SPANS" in (snapshot.root / "triton/names/config.pbtxt").read_bytes()
    assert "names" not in snapshot.settings.models
    assert b"names" not in (snapshot.root / "policy/data.json").read_bytes()


def test_another_server_has_its_own(tmp_path: Path) -> None:
    far = {"kind": "triton", "url": "http://triton.internal:8000", "region": "eu-west"}
    config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
    backends = config["backends"] | {"far": far}
    given = {key: NAMES[key] for key in NAMES if key != "repository"} | {"backend": "far"}
    settings = read(tmp_path, backends=backends, detectors={"names": given}).settings
    (detector,) = settings.detectors.values()
    assert isinstance(detector, TokenClassification)
    assert (detector.url, detector.version) == ("http://triton.internal:8000", None)
    assert settings.auxiliary == {}
    told = refused(tmp_path, backends=backends, detectors={"names": NAMES | {"backend": "far"}})
    assert told == "detectors.names.repository: leave it out: somebody else runs this server"


def test_envoy_waits_until_all_were_asked(tmp_path: Path) -> None:
    settings = read(
        tmp_path, detectors={"names": NAMES}, classifiers={"injection": INJECTION}
    ).settings
    assert message_timeout(settings).total_seconds() == pytest.approx(5.85)


def without(given: dict[str, Any], key: str) -> dict[str, Any]:
    """All but one."""
    return {name: value for name, value in given.items() if name != key}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (NAMES | {"kind": "spacy"}, '.kind: "spacy" is not one of presidio, triton'),
        (without(NAMES, "timeout"), ": the key timeout is missing"),
        (without(NAMES, "labels"), ": the key labels is missing"),
        (without(NAMES, "model"), ": the key model is missing"),
        (
            without(NAMES, "repository"),
            ": the key repository is missing: the embedded server loads the model from it",
        ),
        (NAMES | {"url": "http://a"}, ".url: only `kind: presidio` has it"),
        (PRESIDIO | {"version": "1"}, ".version: only `kind: triton` has it"),
        (without(PRESIDIO, "languages"), ": the key languages is missing"),
        (
            NAMES | {"labels": {"PER": "Person"}},
            '.labels.PER: "Person" is not a kind: a lower-case letter, then letters, digits '
            "and '_'",
        ),
        (NAMES | {"labels": {}}, ".labels: {} is not enough: at least one is needed"),
        (
            NAMES | {"timeout": "11s"},
            ".timeout: 11s is out of range; expected 10s at most: every request may have to "
            "wait for it",
        ),
        (NAMES | {"backend": "tritn"}, ".backend: there is no backend tritn; did you mean triton?"),
        (NAMES | {"models": ["chatt"]}, ".models[0]: there is no model chatt; did you mean chat?"),
        (
            NAMES | {"model": "chat"},
            ".model: clients can ask for a model of this name; choose another",
        ),
        (NAMES | {"min_confidence": 2}, ".min_confidence: 2 is not a number, 0 to 1"),
        (
            PRESIDIO | {"url": "https://user:secret@presidio.internal"},
            ".url: a URL may not hold credentials",
        ),
        (
            PRESIDIO | {"url": "https://presidio.internal/?key=secret"},
            ".url: a URL may not hold a query",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    assert refused(tmp_path, detectors={"names": given}) == f"detectors.names{message}"


def test_a_version_that_is_not_there(tmp_path: Path) -> None:
    told = refused(tmp_path, detectors={"names": NAMES | {"version": "9"}})
    assert told.endswith("triton/models/names/9/model.py")


def test_a_name_is_one_for_policies(tmp_path: Path) -> None:
    told = refused(tmp_path, detectors={"names": NAMES}, classifiers={"names": INJECTION})
    assert told == (
        "classifiers.names: a detector has this name already; policies tell them apart by it"
    )


def test_two_may_ask_one_model_but_not_two_of_one_name(tmp_path: Path) -> None:
    strict = NAMES | {"min_confidence": 0.9}
    assert read(tmp_path, detectors={"a": NAMES, "b": strict}).settings.auxiliary.keys() == {
        "names"
    }
    other = NAMES | {"repository": INJECTION["repository"]}
    told = refused(tmp_path, detectors={"a": NAMES, "b": other})
    assert told == (
        "detectors.b.repository: the model names is loaded from another directory already"
    )
