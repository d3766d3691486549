"""`gateway.yaml` read, checked and normalised: settings, and the files that they need."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extauth import settings as to
from extauth.compiler.document import Document, read_document
from extauth.compiler.proxy.clusters import RESERVED
from extauth.compiler.units import duration, size
from extauth.compiler.url import Origin
from extauth.compiler.validation import nearest, validate
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.compiler.overrides import Overrides


@dataclass(frozen=True, slots=True)
class Source:
    """An operator's configuration: the settings, and where its files are.

    `repositories` are the directories of model versions for the embedded Triton. `files` maps
    names inside the snapshot to files of the operator.
    """

    settings: to.Settings
    policies: Path
    repositories: Mapping[str, Path]
    files: Mapping[str, Path]


def read_source(config: Path, overrides: Overrides) -> Source:
    """Read a configuration. Raises ConfigurationError with file and line, whatever is wrong."""
    document = read_document(config)
    validate(document, "gateway")
    return _Reader(document, overrides).source()


class _Reader:
    """What a schema can't say: that names exist, files are there, versions are canonical."""

    def __init__(self, document: Document, overrides: Overrides) -> None:
        self._document = document
        self._value: dict[str, Any] = document.value
        self._overrides = overrides
        self._base = document.file.resolve().parent
        self._files: dict[str, Path] = {}
        self._repositories: dict[str, Path] = {}

    def source(self) -> Source:
        value, policies = self._value, self._directory("policy", "directory")
        zone = value["time_zone"]
        if zone not in zoneinfo.available_timezones():
            known = zoneinfo.available_timezones()
            raise self._document.error(
                ("time_zone",), f"{zone!r} is no time zone{nearest(zone, known)[:80]}"
            )
        backends = {name: self._backend(name) for name in value["backends"]}
        settings = to.Settings(
            time_zone=zone,
            listener=to.Listener(
                address=value["listener"]["address"],
                port=self._overrides.listener_port or value["listener"]["port"],
            ),
            admin=to.Admin(
                address=value["admin"]["address"],
                port=self._overrides.admin_port or value["admin"]["port"],
            ),
            policy=self._policy(),
            backends=backends,
            models={name: self._model(name, backends) for name in sorted(value["models"])},
            identity=self._identity(),
            limits=self._limits(),
            audit=to.Audit(retention=duration(value.get("audit", {}).get("retention", "30d"))),
        )
        return Source(settings, policies, self._repositories, self._files)

    def _policy(self) -> to.Policy:
        policy = self._value["policy"]
        return to.Policy(
            engine=policy["engine"],
            timeout=duration(policy["timeout"]),
            url=self._url(policy, "policy", "url"),
        )

    def _backend(self, name: str) -> to.Backend:
        backend, place = self._value["backends"][name], ("backends", name)
        if name in RESERVED:
            raise self._document.error(place, "the gateway needs this name itself; choose another")
        embedded = backend.get("embedded", False)
        if embedded == ("url" in backend):
            raise self._document.error(place, "expected either `embedded: true` or a `url`")
        if embedded and any(
            other != name and self._value["backends"][other].get("embedded")
            for other in self._value["backends"]
        ):
            raise self._document.error(place, "only one backend can be the embedded server")
        return to.Backend(
            name=name,
            cluster=name,
            kind=backend["kind"],
            profile=backend.get("profile", "cpu"),
            region=backend["region"],
            url=self._url(backend, *place, "url"),
        )

    def _model(self, name: str, backends: Mapping[str, to.Backend]) -> to.Model:
        model, place = self._value["models"][name], ("models", name)
        backend = backends.get(model["backend"])
        if backend is None:
            raise self._document.error(
                (*place, "backend"),
                f"there is no backend {model['backend']}{nearest(model['backend'], backends)}",
            )
        versions = tuple(sorted(set(model["versions"]), key=int))
        if len(versions) != len(model["versions"]):
            raise self._document.error((*place, "versions"), "a version is there twice")
        aliases = model.get("aliases", {})
        for alias, version in aliases.items():
            if version not in versions:
                raise self._document.error(
                    (*place, "aliases", alias),
                    f"there is no version {version}{nearest(version, versions)}",
                )
        default = model.get("default", versions[0])
        resolved = aliases.get(default, default)
        if resolved not in versions:
            known = (*versions, *aliases)
            raise self._document.error(
                (*place, "default"), f"{default} is no version or alias{nearest(default, known)}"
            )
        if model["task"] == "chat" and "chat_template" not in model:
            raise self._document.error(place, "the key chat_template is missing: it is for chat")
        if backend.url is None:
            self._repositories[name] = self._repository(name, versions)
        prices = model.get("price", {})
        return to.Model(
            name=name,
            backend=backend.name,
            task=model["task"],
            versions=versions,
            aliases=dict(sorted(aliases.items())),
            default=resolved,
            context_length=model["context_length"],
            price=to.Price(prices.get("prompt", 0), prices.get("completion", 0)),
            region=backend.region,
            tokenizer=self._kept(f"models/{name}/tokenizer.json", *place, "tokenizer"),
            chat_template=self._kept(f"models/{name}/chat_template.jinja", *place, "chat_template")
            if "chat_template" in model
            else None,
        )

    def _repository(self, name: str, versions: tuple[str, ...]) -> Path:
        place = ("models", name)
        if "repository" not in self._value["models"][name]:
            raise self._document.error(
                place, "the key repository is missing: the embedded server loads the model from it"
            )
        repository = self._directory(*place, "repository")
        for version in versions:
            if not (repository / version).is_dir():
                raise self._document.error(
                    (*place, "versions"),
                    f"there is no {repository / version} for version {version}",
                )
        return repository

    def _identity(self) -> to.Identity:
        identity = self._value["identity"]
        issuers = identity.get("jwt", [])
        return to.Identity(
            rotation_grace=duration(identity["rotation_grace"]),
            jwt=tuple(self._jwt(index) for index in range(len(issuers))),
            demo_keys=tuple(
                to.DemoKey(
                    name=key["name"],
                    tenant=key["tenant"],
                    tier=key["tier"],
                    roles=tuple(key.get("roles", ())),
                    region=key.get("region"),
                    attributes=key.get("attributes", {}),
                )
                for key in identity.get("demo_keys", [])
            ),
        )

    def _jwt(self, index: int) -> to.Jwt:
        place = ("identity", "jwt", index)
        issuer = self._value["identity"]["jwt"][index]
        if ("jwks" in issuer) == ("jwks_url" in issuer):
            raise self._document.error(place, "expected either `jwks`, a file, or `jwks_url`")
        jwks = None
        if "jwks" in issuer:
            jwks = self._file(*place, "jwks").read_text("utf-8")
        return to.Jwt(
            name=issuer["name"],
            issuer=issuer["issuer"],
            audiences=tuple(issuer["audiences"]),
            claims=issuer["claims"],
            jwks=jwks,
            jwks_url=self._url(issuer, *place, "jwks_url"),
        )

    def _limits(self) -> to.Limits:
        limits = self._value["limits"]
        return to.Limits(
            request_body=size(limits["request_body"]),
            response_body=size(limits["response_body"]),
            header_bytes=size(limits["header_bytes"]),
            request_timeout=duration(limits["request_timeout"]),
            stream_idle_timeout=duration(limits["stream_idle_timeout"]),
            json_depth=limits["json_depth"],
        )

    def _url(self, holder: Mapping[str, Any], *place: str | int) -> str | None:
        url = holder.get(str(place[-1]))
        if url is None:
            return None
        try:
            Origin.parse(url)
        except ConfigurationError as error:
            raise self._document.error(place, error.message) from None
        return str(url)

    def _kept(self, name: str, *place: str | int) -> str:
        self._files[name] = self._file(*place)
        return name

    def _file(self, *place: str | int) -> Path:
        path = self._path(*place)
        if not path.is_file():
            raise self._document.error(place, f"there is no file {path}")
        return path

    def _directory(self, *place: str | int) -> Path:
        path = self._path(*place)
        if not path.is_dir():
            raise self._document.error(place, f"there is no directory {path}")
        return path

    def _path(self, *place: str | int) -> Path:
        value: Any = self._value
        for key in place:
            value = value[key]
        return self._base / str(value)
