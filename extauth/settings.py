"""The configuration after the compiler: defaults filled in, units resolved, paths in the snapshot.

`compiler/` writes it as `settings.json`; everything else reads only this. Durations are seconds,
sizes are bytes, prices are micro-units of a currency a million tokens.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class ListenerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address that clients connect to."""

    address: str
    port: int


class Admin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address that operators connect to, with the token of the state directory."""

    address: str
    port: int


class Pull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server that policies are fetched from, every `interval` seconds."""

    url: str
    interval: float


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy engine. `url` is an OPA server's; None means the stack's own, on loopback.

    With `watch` the stack applies what changes on disk. `signing` is the algorithm of the
    snapshots' and bundles' signatures, None where nothing is signed; the keys stay outside.
    """

    engine: Literal["wasm", "opa"]
    timeout: float
    url: str | None = None
    watch: bool = False
    pull: Pull | None = None
    signing: Literal["RS256", "ES256", "HS256"] | None = None

    @property
    def external(self) -> str | None:
        """The OPA server of somebody else that decides; None where it is an engine of ours."""
        return self.url if self.engine == "opa" else None


class BackendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model server. `cluster` is Envoy's name for it; `url` None means the embedded Triton.

    `metrics_url` is where a Triton server tells its load; None where nobody asks. The certificate
    of an `https` url is held against the authorities in `ca_file`, or the machine's. What stands
    in `credential_file`, an absolute path, Envoy alone reads, and sends as a bearer token.
    """

    name: str
    cluster: str
    kind: Literal["triton", "openai"]
    profile: Literal["cpu", "gpu"]
    region: str
    url: str | None = None
    metrics_url: str | None = None
    ca_file: str | None = None
    credential_file: str | None = None


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-units of a currency a million tokens."""

    prompt: int = 0
    completion: int = 0


class DatedPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price from `since` on, in unix seconds; of some `versions`, or of all where it is empty."""

    since: float
    price: Price
    versions: tuple[str, ...] = ()


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that clients can ask for.

    `versions` are canonical digits, ascending. `default` is the version used when the client
    names none and the policy has no other wish. `prices` are the newest first, and of one date
    those for some versions before the one for all; where none holds, `price` does. `tokenizer`
    and `chat_template` are paths relative to the snapshot's directory; without a tokenizer its
    tokens are estimated. With `add_special_tokens` the backend puts the tokenizer's around a
    prompt. `upstream_name` is what its server calls it, where that is another name. `parameters`
    are those of generation that its backend honours; None is all that its kind of backend has.
    """

    name: str
    backend: str
    task: Literal["chat", "completion", "embedding"]
    versions: tuple[str, ...]
    aliases: dict[str, str]
    default: str
    context_length: int
    price: Price
    region: str
    tokenizer: str | None
    chat_template: str | None = None
    prices: tuple[DatedPrice, ...] = ()
    add_special_tokens: bool = True
    upstream_name: str | None = None
    parameters: tuple[str, ...] | None = None


class Jwt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token issuer that Envoy's jwt_authn trusts.

    `claims` maps a principal's field (`id`, `tenant`, `tier`, `roles`, `region`,
    `attributes.<name>`) to a claim, dotted for nested ones.
    """

    name: str
    issuer: str
    audiences: tuple[str, ...]
    claims: dict[str, str]
    jwks: str | None = None
    jwks_url: str | None = None


class DemoKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that a state directory's first start creates."""

    name: str
    tenant: str
    tier: str
    roles: tuple[str, ...] = ()
    region: str | None = None
    attributes: dict[str, str] = {}


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place of a store: a file of the state directory, or a PostgreSQL.

    `url` is `postgresql://user@host:port/database`, which `kind: postgres` always has. The
    password, if there is one, is the first line of `password_file`, an absolute path.
    """

    kind: Literal["embedded", "postgres"] = "embedded"
    url: str | None = None
    password_file: str | None = None


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The known principals and their store.

    After a rotation the old key works for `rotation_grace` more seconds.
    """

    rotation_grace: float
    store: StoreSettings = StoreSettings()
    jwt: tuple[Jwt, ...] = ()
    demo_keys: tuple[DemoKey, ...] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds that hold before any policy is asked."""

    request_body: int
    response_body: int
    header_bytes: int
    request_timeout: float
    stream_idle_timeout: float
    json_depth: int


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The audit log and its store: records are kept for `retention` seconds, then deleted."""

    retention: float = 30 * 86_400.0
    store: StoreSettings = StoreSettings()


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The store of usage and reservations: files of the state directory, or a Redis.

    `url` is of the scheme `redis`, `rediss` or `unix` and names a Redis, which `kind: redis` always
    has. The password, if there is one, is the first line of `password_file`, an absolute path.
    What a process has reserved is given up `lease` seconds after the process died.
    """

    kind: Literal["embedded", "redis"] = "embedded"
    url: str | None = None
    password_file: str | None = None
    lease: float = 30.0


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver of events: of all of them, or only of those of some tenants or limits.

    The secret that signs them is in `secret_file`, an absolute path, and nowhere else.
    """

    url: str
    secret_file: str
    tenants: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class EventSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receivers of events of limits, beside the log and the metrics."""

    webhooks: tuple[Webhook, ...] = ()


class ExternalService(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A detector or classifier of the texts of requests, which has `timeout` seconds to answer.

    `url` is a server's. Requests with more than `max_text` code points are not sent. `models` are
    those that it is asked about; all where it is empty.
    """

    url: str
    timeout: float
    max_text: int
    models: tuple[str, ...]


class Presidio(ExternalService, frozen=True, forbid_unknown_fields=True, tag="presidio"):
    """A Presidio Analyzer. `entities` maps its names to our kinds, and only these are asked for.

    A finding below `min_confidence` does not count.
    """

    languages: tuple[str, ...]
    entities: dict[str, str]
    min_confidence: float


class TokenClassification(ExternalService, frozen=True, forbid_unknown_fields=True, tag="triton"):
    """A model on Triton that finds spans. `labels` maps its names to our kinds; others are left.

    `version` None is Triton's choice. A finding below `min_confidence` does not count.
    """

    model: str
    labels: dict[str, str]
    min_confidence: float
    version: str | None = None


class TextClassification(ExternalService, frozen=True, forbid_unknown_fields=True, tag="triton"):
    """A model on Triton that scores texts by label. `version` None is Triton's choice."""

    model: str
    version: str | None = None


class Auxiliary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that the embedded server has for the gateway alone; no client can reach it."""

    name: str
    backend: str
    versions: tuple[str, ...]


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log files of a stack: of each log there are at most `files`, of some `size` bytes."""

    size: int = 64 << 20
    files: int = 4


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `gateway.yaml`, normalised. `workers` processes serve; more than one share a
    ledger in Redis.
    """

    time_zone: str
    listener: ListenerSettings
    admin: Admin
    policy: Policy
    backends: dict[str, BackendSettings]
    models: dict[str, Model]
    identity: Identity
    limits: Limits
    audit: Audit = Audit()
    logs: LogSettings = LogSettings()
    ledger: LedgerSettings = LedgerSettings()
    workers: int = 1
    events: EventSettings = EventSettings()
    detectors: dict[str, Presidio | TokenClassification] = {}
    classifiers: dict[str, TextClassification] = {}
    auxiliary: dict[str, Auxiliary] = {}

    @property
    def embedded(self) -> BackendSettings | None:
        """The backend that is the stack's own Triton, if there is one."""
        return next((one for one in self.backends.values() if one.url is None), None)

    @property
    def served(self) -> dict[str, Model | Auxiliary]:
        """Every model that a backend has, for clients or for the gateway itself."""
        return {**self.models, **self.auxiliary}


class Overrides(msgspec.Struct, frozen=True):
    """Ports that a state directory decides, and not `gateway.yaml`; None keeps what that says.

    `triton_http_port` is where the embedded model server listens, on loopback, and
    `triton_metrics_port` where it tells its load.
    """

    listener_port: int | None = None
    admin_port: int | None = None
    triton_http_port: int = 8000
    triton_metrics_port: int = 8002
