"""`detectors` and `classifiers` of gateway.yaml: who is asked, where, and about what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from extauth.compiler.validation import nearest
from extauth.settings import Auxiliary, Presidio, TextClassification, TokenClassification

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from extauth.compiler.fields import Fields
    from extauth.settings import BackendSettings, Overrides

_LONGEST = 10.0
_MAX_TEXT = 256 << 10
_MIN_CONFIDENCE = 0.5
_OF_KIND = {
    "presidio": ("url", "languages", "entities"),
    "triton": ("backend", "model", "labels", "version", "repository"),
}
_OPTIONAL = frozenset({"version", "repository"})

Section = tuple[str, str]


@dataclass(slots=True)
class Externals:
    """External services by name, and the models that the embedded server loads for them.

    `repositories` are the directories of these models.
    """

    detectors: dict[str, Presidio | TokenClassification] = field(default_factory=dict)
    classifiers: dict[str, TextClassification] = field(default_factory=dict)
    auxiliary: dict[str, Auxiliary] = field(default_factory=dict)
    repositories: dict[str, Path] = field(default_factory=dict)


def read_externals(
    fields: Fields,
    models: Collection[str],
    backends: Mapping[str, BackendSettings],
    overrides: Overrides,
) -> Externals:
    """Read both. Raises ConfigurationError with the line, whatever is wrong."""
    return _Reader(fields, models, backends, overrides).read()


class _Reader:
    def __init__(
        self,
        fields: Fields,
        models: Collection[str],
        backends: Mapping[str, BackendSettings],
        overrides: Overrides,
    ) -> None:
        self._fields = fields
        self._models = models
        self._backends = backends
        self._embedded_url = f"http://127.0.0.1:{overrides.triton_http_port}"
        self._found = Externals()

    def read(self) -> Externals:
        found = self._found
        for name in sorted(self._fields.at("detectors") or ()):
            found.detectors[name] = self._detector(("detectors", name))
        for name in sorted(self._fields.at("classifiers") or ()):
            place = ("classifiers", name)
            if name in found.detectors:
                raise self._fields.error(
                    place, "a detector has this name already; policies tell them apart by it"
                )
            found.classifiers[name] = TextClassification(**self._triton(place))
        return found

    def _detector(self, place: Section) -> Presidio | TokenClassification:
        given = self._fields.at(*place)
        kind = given["kind"]
        for other, keys in _OF_KIND.items():
            for key in keys:
                if other != kind and key in given:
                    raise self._fields.error((*place, key), f"only `kind: {other}` has it")
                if other == kind and key not in given and key not in _OPTIONAL:
                    raise self._fields.error(place, f"the key {key} is missing")
        least = float(given.get("min_confidence", _MIN_CONFIDENCE))
        if kind == "triton":
            return TokenClassification(
                **self._triton(place), labels=given["labels"], min_confidence=least
            )
        return Presidio(
            **self._bounds(place, self._url(place)),
            languages=tuple(dict.fromkeys(given["languages"])),
            entities=given["entities"],
            min_confidence=least,
        )

    def _url(self, place: Section) -> str:
        """Of a server, and nothing in it that could be a secret."""
        url = str(self._fields.url(*place, "url"))
        parts = urlsplit(url)
        if parts.query or parts.fragment:
            raise self._fields.error((*place, "url"), "a URL may not hold a query")
        return url

    def _bounds(self, place: Section, url: str) -> dict[str, Any]:
        given = self._fields.at(*place)
        timeout = self._fields.duration(*place, "timeout")
        if timeout > _LONGEST:
            raise self._fields.error(
                (*place, "timeout"),
                f"{given['timeout']} is out of range; expected {_LONGEST:g}s at most: "
                "every request may have to wait for it",
            )
        for index, model in enumerate(given.get("models", ())):
            if model not in self._models:
                raise self._fields.error(
                    (*place, "models", index),
                    f"there is no model {model}{nearest(model, self._models)}",
                )
        return {
            "url": url,
            "timeout": timeout,
            "max_text": given.get("max_text", _MAX_TEXT),
            "models": tuple(given.get("models", ())),
        }

    def _triton(self, place: Section) -> dict[str, Any]:
        given = self._fields.at(*place)
        wanted = given["backend"]
        backend = self._backends.get(wanted)
        if backend is None:
            raise self._fields.error(
                (*place, "backend"),
                f"there is no backend {wanted}{nearest(wanted, self._backends)}",
            )
        if given["model"] in self._models:
            raise self._fields.error(
                (*place, "model"), "clients can ask for a model of this name; choose another"
            )
        version = given.get("version")
        if backend.kind != "triton":
            raise self._fields.error(
                (*place, "backend"), f"{wanted} speaks the OpenAI API; expected a Triton server"
            )
        if backend.url is None:
            version = version or "1"
            self._load(place, backend, version)
        elif "repository" in given:
            raise self._fields.error(
                (*place, "repository"), "leave it out: somebody else runs this server"
            )
        return {
            **self._bounds(place, backend.url or self._embedded_url),
            "model": given["model"],
            "version": version,
        }

    def _load(self, place: Section, backend: BackendSettings, version: str) -> None:
        """Have the embedded server load the model that is asked."""
        given, found = self._fields.at(*place), self._found
        if "repository" not in given:
            raise self._fields.error(
                place, "the key repository is missing: the embedded server loads the model from it"
            )
        repository = self._fields.directory(*place, "repository")
        for needed in (f"{version}/model.py", "signature.yaml"):
            if not (repository / needed).is_file():
                raise self._fields.error(
                    (*place, "repository"), f"there is no {repository / needed}"
                )
        name = given["model"]
        known = found.auxiliary.get(name)
        if known and found.repositories[name].resolve() != repository.resolve():
            raise self._fields.error(
                (*place, "repository"), f"the model {name} is loaded from another directory already"
            )
        versions = sorted({version, *(known.versions if known else ())}, key=int)
        found.repositories[name] = repository
        found.auxiliary[name] = Auxiliary(name, backend.name, tuple(versions))
