"""`gateway.yaml` read, checked and normalised: settings, and the files that they need."""

from __future__ import annotations

import json
import re
import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from extauth import settings as to
from extauth.compiler.backends import read_backends
from extauth.compiler.document import read_document
from extauth.compiler.events import read_events
from extauth.compiler.external import read_externals
from extauth.compiler.fields import Fields
from extauth.compiler.parameters import read_parameters
from extauth.compiler.prices import read_price, read_prices
from extauth.compiler.stores import read_ledger, read_store, read_workers
from extauth.compiler.url import Origin
from extauth.compiler.validation import nearest, validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.compiler.document import Document
    from extauth.settings import Overrides

_SMALLEST_LOG, _LARGEST_LOG = 64 << 10, 64 << 30
# Envoy counts what it buffers of a stream in 31 bits.
_LARGEST_BODY = 1 << 30

_ESTIMATE = "estimate"
"""In place of a tokenizer's file: there is none, and tokens are estimated."""

_TOKENIZERS = {
    r"(^|/)tekken[^/]*\.json$": "tekken.json",
    r"\.json$": "tokenizer.json",
    r"\.model(\.v\w+)?$": "tokenizer.model",
}
"""Names of tokenizers' files, the first that fits, and the name in the snapshot."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The files of `policy.signing`.

    `private` signs and is None where this gateway only verifies what it pulls; `public` verifies,
    for HS256 the same file.
    """

    private: Path | None
    public: Path


@dataclass(frozen=True, slots=True)
class Configuration:
    """An operator's configuration: the settings, and where its files are.

    `repositories` are the directories of model versions for the embedded Triton. `files` maps
    names inside the snapshot to files of the operator. `keys` sign and verify, `pull_token` holds
    the token for the server of `policy.pull`; their content is nowhere else.
    """

    settings: to.Settings
    policies: Path
    repositories: Mapping[str, Path]
    files: Mapping[str, Path]
    keys: Keys | None = None
    pull_token: Path | None = None


def read_configuration(config: Path, overrides: Overrides) -> Configuration:
    """Read a configuration. Raises ConfigurationError with file and line, whatever is wrong."""
    document = read_document(config)
    validate(document, "gateway")
    return _Reader(document, overrides).configuration()


class _Reader:
    """Checks that a schema can't say: names exist, files are there, versions are canonical."""

    def __init__(self, document: Document, overrides: Overrides) -> None:
        self._fields = Fields(document)
        self._value: dict[str, Any] = document.value
        self._overrides = overrides
        self._files: dict[str, Path] = {}
        self._repositories: dict[str, Path] = {}

    def configuration(self) -> Configuration:
        value, policies = self._value, self._fields.directory("policy", "directory")
        zone = value["time_zone"]
        known = zoneinfo.available_timezones()
        if zone not in known:
            raise self._fields.error(
                ("time_zone",), f"{zone!r} is no IANA time zone{nearest(zone, known)}"
            )
        backends = read_backends(self._fields, self._overrides)
        ledger = read_ledger(self._fields)
        models = {name: self._model(name, backends) for name in sorted(value["models"])}
        externals = read_externals(self._fields, models, backends, self._overrides)
        self._repositories.update(externals.repositories)
        settings = to.Settings(
            time_zone=zone,
            listener=to.ListenerSettings(
                address=self._fields.address("listener", "address"),
                port=self._overrides.listener_port or value["listener"]["port"],
            ),
            admin=to.Admin(
                address=self._fields.address("admin", "address"),
                port=self._overrides.admin_port or value["admin"]["port"],
            ),
            policy=self._policy(),
            backends=backends,
            models=models,
            identity=self._identity(),
            limits=self._limits(),
            audit=self._audit(),
            logs=self._logs(),
            ledger=ledger,
            workers=read_workers(self._fields, ledger),
            events=read_events(self._fields),
            detectors=externals.detectors,
            classifiers=externals.classifiers,
            auxiliary=externals.auxiliary,
        )
        if (settings.listener.address, settings.listener.port) == (
            settings.admin.address,
            settings.admin.port,
        ):
            raise self._fields.error(("admin", "port"), "the listener has this port already")
        pull = value["policy"].get("pull", {})
        return Configuration(
            settings,
            policies,
            self._repositories,
            self._files,
            keys=self._keys(),
            pull_token=self._fields.secret("policy", "pull", "token_file")
            if "token_file" in pull
            else None,
        )

    def _policy(self) -> to.Policy:
        policy = self._value["policy"]
        return to.Policy(
            engine=policy["engine"],
            timeout=self._fields.duration("policy", "timeout"),
            url=self._fields.url("policy", "url"),
            watch=policy.get("watch", False),
            pull=self._pull(),
            signing=policy["signing"]["algorithm"] if "signing" in policy else None,
        )

    def _pull(self) -> to.Pull | None:
        if "pull" not in self._value["policy"]:
            return None
        place = ("policy", "pull")
        url = str(self._fields.url(*place, "url"))
        origin = Origin.parse(url)
        if "signing" not in self._value["policy"] and not (origin.tls or origin.loopback):
            raise self._fields.error(
                (*place, "url"),
                "expected https, or `policy.signing`: whoever is on the way could write policies",
            )
        return to.Pull(url, self._fields.duration(*place, "interval", least=1))

    def _keys(self) -> Keys | None:
        policy, place = self._value["policy"], ("policy", "signing")
        if "signing" not in policy:
            return None
        signing = policy["signing"]
        symmetric = signing["algorithm"] == "HS256"
        if symmetric == ("public_key" in signing):
            told = "leave public_key out: the key of HS256 verifies, too"
            raise self._fields.error(place, told if symmetric else "the key public_key is missing")
        if "key" not in signing and (symmetric or "pull" not in policy):
            raise self._fields.error(
                place, "the key `key` is missing: snapshots are signed with it"
            )
        private = self._fields.secret(*place, "key") if "key" in signing else None
        public = private if symmetric else self._fields.file(*place, "public_key")
        return Keys(private, public) if public else None

    def _model(self, name: str, backends: Mapping[str, to.BackendSettings]) -> to.Model:
        model, place = self._value["models"][name], ("models", name)
        backend = backends.get(model["backend"])
        if backend is None:
            raise self._fields.error(
                (*place, "backend"),
                f"there is no backend {model['backend']}{nearest(model['backend'], backends)}",
            )
        self._check_kind(place, backend)
        given = model.get("versions", ["1"])
        versions = tuple(sorted(set(given), key=int))
        if len(versions) != len(given):
            raise self._fields.error((*place, "versions"), "a version is there twice")
        aliases = model.get("aliases", {})
        for alias, version in aliases.items():
            if version not in versions:
                raise self._fields.error(
                    (*place, "aliases", alias),
                    f"there is no version {version}{nearest(version, versions)}",
                )
        default = model.get("default", versions[0])
        resolved = aliases.get(default, default)
        if resolved not in versions:
            known = (*versions, *aliases)
            raise self._fields.error(
                (*place, "default"), f"{default} is no version or alias{nearest(default, known)}"
            )
        repository = None
        if backend.url is None:
            repository = self._repositories[name] = self._repository(name, versions)
        return to.Model(
            name=name,
            backend=backend.name,
            task=model["task"],
            versions=versions,
            aliases=dict(sorted(aliases.items())),
            default=resolved,
            context_length=model["context_length"],
            price=read_price(model["price"]),
            region=backend.region,
            tokenizer=self._tokenizer(name),
            chat_template=self._kept(f"models/{name}/chat_template.jinja", *place, "chat_template")
            if "chat_template" in model
            else None,
            add_special_tokens=model.get("add_special_tokens", True),
            upstream_name=model.get("upstream_name"),
            parameters=read_parameters(self._fields, place, backend, repository),
            prices=read_prices(
                self._fields, (*place, "prices"), versions, ZoneInfo(self._value["time_zone"])
            ),
        )

    def _check_kind(self, place: tuple[str, str], backend: to.BackendSettings) -> None:
        """Hold a model to the keys that its kind of backend needs, and to those that it has."""
        model = self._value["models"][place[1]]
        if backend.kind == "openai":
            if "repository" in model:
                raise self._fields.error(
                    (*place, "repository"), "leave it out: its server has the model already"
                )
            return
        if "upstream_name" in model:
            raise self._fields.error(
                (*place, "upstream_name"), "only a backend of `kind: openai` has it"
            )
        for key in ("versions", "tokenizer"):
            if key not in model:
                raise self._fields.error(place, f"the key {key} is missing")
        if model["task"] == "chat" and "chat_template" not in model:
            raise self._fields.error(place, "the key chat_template is missing: it is for chat")

    def _tokenizer(self, name: str) -> str | None:
        place = ("models", name, "tokenizer")
        file = self._value["models"][name].get("tokenizer", _ESTIMATE)
        if file == _ESTIMATE:
            return None
        found = next((kept for form, kept in _TOKENIZERS.items() if re.search(form, file)), None)
        if found == "tokenizer.json":
            # As in every repository of Hugging Face: it names the tokens that a template writes.
            beside = self._fields.file(*place).with_name("tokenizer_config.json")
            if beside.is_file():
                self._files[f"models/{name}/tokenizer_config.json"] = beside
        if found is not None:
            return self._kept(f"models/{name}/{found}", *place)
        raise self._fields.error(
            place,
            f"{file} is no tokenizer that is known: expected a tokenizer.json, a SentencePiece "
            f".model, a tekken.json, or `{_ESTIMATE}`",
        )

    def _repository(self, name: str, versions: tuple[str, ...]) -> Path:
        place = ("models", name)
        if "repository" not in self._value["models"][name]:
            raise self._fields.error(
                place, "the key repository is missing: the embedded server loads the model from it"
            )
        repository = self._fields.directory(*place, "repository")
        for version in versions:
            program = repository / version / "model.py"
            if not program.is_file():
                raise self._fields.error(
                    (*place, "versions"), f"there is no {program} for version {version}"
                )
        if not (repository / "signature.yaml").is_file():
            raise self._fields.error(
                (*place, "repository"), f"there is no {repository / 'signature.yaml'}"
            )
        return repository

    def _identity(self) -> to.Identity:
        identity = self._value["identity"]
        issuers = identity.get("jwt", [])
        return to.Identity(
            rotation_grace=self._fields.duration("identity", "rotation_grace", least=0),
            store=read_store(self._fields, "identity"),
            jwt=tuple(self._jwt(index) for index in range(len(issuers))),
            demo_keys=tuple(
                self._demo_key(index) for index in range(len(identity.get("demo_keys", [])))
            ),
        )

    def _demo_key(self, index: int) -> to.DemoKey:
        keys = self._value["identity"]["demo_keys"]
        key = keys[index]
        if any(
            (key["tenant"], key["name"]) == (one["tenant"], one["name"]) for one in keys[:index]
        ):
            raise self._fields.error(
                ("identity", "demo_keys", index, "name"),
                f"tenant {key['tenant']} has a key of this name already",
            )
        return to.DemoKey(
            name=key["name"],
            tenant=key["tenant"],
            tier=key["tier"],
            roles=tuple(key.get("roles", ())),
            region=key.get("region"),
            attributes=key.get("attributes", {}),
        )

    def _jwt(self, index: int) -> to.Jwt:
        place = ("identity", "jwt", index)
        issuer = self._value["identity"]["jwt"][index]
        if ("jwks" in issuer) == ("jwks_url" in issuer):
            raise self._fields.error(place, "expected either `jwks`, a file, or `jwks_url`")
        if issuer["name"] in {other["name"] for other in self._value["identity"]["jwt"][:index]}:
            raise self._fields.error((*place, "name"), "another issuer has this name")
        jwks = self._jwks(*place, "jwks") if "jwks" in issuer else None
        return to.Jwt(
            name=issuer["name"],
            issuer=issuer["issuer"],
            audiences=tuple(issuer["audiences"]),
            claims=issuer["claims"],
            jwks=jwks,
            jwks_url=self._fields.url(*place, "jwks_url"),
        )

    def _kept(self, name: str, *place: str | int) -> str:
        self._files[name] = self._fields.file(*place)
        return name

    def _jwks(self, *place: str | int) -> str:
        file = self._fields.file(*place)
        try:
            text = file.read_text("utf-8")
            keys = json.loads(text)["keys"]
        except (ValueError, KeyError, TypeError):
            keys = None
        if not isinstance(keys, list) or not keys:
            raise self._fields.error(place, f"{file} is no JSON Web Key Set with a key")
        return text

    def _audit(self) -> to.Audit:
        store = read_store(self._fields, "audit")
        if "retention" not in self._value.get("audit", {}):
            return to.Audit(store=store)
        return to.Audit(retention=self._fields.duration("audit", "retention"), store=store)

    def _logs(self) -> to.LogSettings:
        logs = self._value.get("logs", {})
        given = {"files": logs["files"]} if "files" in logs else {}
        if "size" in logs:
            given["size"] = self._fields.size(
                "logs", "size", least=_SMALLEST_LOG, most=_LARGEST_LOG
            )
        return to.LogSettings(**given)

    def _limits(self) -> to.Limits:
        limits = self._value["limits"]
        return to.Limits(
            request_body=self._fields.size("limits", "request_body", most=_LARGEST_BODY),
            response_body=self._fields.size("limits", "response_body", most=_LARGEST_BODY),
            header_bytes=self._fields.size("limits", "header_bytes", least=8 << 10, most=96 << 10),
            request_timeout=self._fields.duration("limits", "request_timeout"),
            stream_idle_timeout=self._fields.duration("limits", "stream_idle_timeout"),
            json_depth=limits["json_depth"],
        )
