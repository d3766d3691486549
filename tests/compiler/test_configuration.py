"""A wrong configuration is refused with its file, its line, and what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.document import read_document
from extauth.compiler.fields import duration, size
from extauth.errors import ConfigurationError
from extauth.settings import LogSettings

if TYPE_CHECKING:
    from tests.compiler.conftest import Workspace

pytestmark = pytest.mark.slow

JWT = {
    "name": "staff",
    "issuer": "https://issuer.test",
    "audiences": ["sluice"],
    "jwks_url": "https://issuer.test/keys",
    "claims": {"id": "sub", "tenant": "org", "tier": "plan"},
}
REMOTE = {"kind": "triton", "url": "http://a", "region": "x"}
EMBEDDED = {"kind": "triton", "embedded": True, "region": "x"}


def refusal(config: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(config, Overrides())
    return caught.value.message


def test_defaults_and_units_are_resolved(workspace: Workspace) -> None:
    source = read_configuration(workspace.config, Overrides(listener_port=9000, admin_port=9001))
    settings = source.settings
    assert (settings.listener.port, settings.admin.port) == (9000, 9001)
    assert (settings.policy.timeout, settings.limits.request_body) == (0.25, 1 << 20)
    assert settings.models["echo"].default == "1"
    assert settings.models["echo"].region == settings.backends["triton"].region == "eu-west"
    assert settings.audit.retention == 30 * 86_400
    assert source.repositories == {"echo": workspace.root / "echo"}
    assert source.files == {"models/echo/tokenizer.json": workspace.root / "tokenizer.json"}


def test_where_backends_tell_their_load(workspace: Workspace) -> None:
    """The embedded one on the port that the stack gave it, another where it is said."""
    told = {**REMOTE, "metrics_url": "https://a:8002/metrics"}
    config = workspace.write(("backends.told", told), ("backends.untold", REMOTE))
    backends = read_configuration(config, Overrides(triton_metrics_port=9003)).settings.backends
    assert {name: backend.metrics_url for name, backend in backends.items()} == {
        "triton": "http://127.0.0.1:9003/metrics",
        "told": "https://a:8002/metrics",
        "untold": None,
    }


@pytest.mark.parametrize(
    ("place", "value", "line", "message"),
    [
        (
            "limits.request_bodi",
            "1MiB",
            "request_bodi",
            "did you mean request_body?",
        ),
        ("listener.port", 70_000, "port: 70000", "70000 is not a port, 1 to 65535"),
        ("listener.address", "localhost", "address: localhost", '"localhost" is not an IP address'),
        ("listener.address", "999.1.1.1", "address: 999", "999.1.1.1 is not an IP address"),
        ("admin.port", 8080, "admin:", "the listener has this port already"),
        ("version", 2, "version", "2 is not 1"),
        ("time_zone", "Europe/Berln", "time_zone", "did you mean Europe/Berlin?"),
        ("time_zone", None, "version", "the key time_zone is missing"),
        ("policy.timeout", 250, "timeout: 250", "250 is not a duration such as 250ms, 60s or 24h"),
        ("policy.timeout", "0s", "timeout: 0s", "0s is out of range"),
        ("policy.timeout", "9" * 20 + "d", "timeout: 999", "is out of range"),
        ("policy.engine", "rego", "engine", '"rego" is not one of wasm, opa'),
        ("policy.directory", "policy", "directory: policy", "there is no directory"),
        ("policy.url", "opa:8181", "url: opa", "expected http://host:port"),
        ("policy.url", "http://a:b@opa", "url: http", "may not hold credentials"),
        ("limits.request_body", "1MB", "request_body: 1MB", '"1MB" is not a size such as'),
        ("limits.request_body", "8GiB", "request_body: 8GiB", "8GiB is out of range"),
        ("limits.header_bytes", "1KiB", "header_bytes: 1KiB", "1KiB is out of range"),
        (
            "backends.portal",
            REMOTE,
            "portal:",
            "needs this name",
        ),
        (
            "backends.jwks-a",
            REMOTE,
            "jwks-a:",
            "needs this name",
        ),
        (
            "backends.other",
            EMBEDDED,
            "triton:",
            "only one backend",
        ),
        (
            "backends.triton.url",
            "http://a",
            "triton:",
            "expected either `embedded: true`",
        ),
        (
            "backends.triton.embedded",
            None,
            "triton:",
            "expected either `embedded: true`",
        ),
        (
            "backends.triton.metrics_url",
            "http://a/metrics",
            "metrics_url: http",
            "the stack knows where its own server is",
        ),
        (
            "backends.remote",
            {**REMOTE, "metrics_url": "a:8002/metrics"},
            "metrics_url: a",
            "not a URL",
        ),
        (
            "models.echo.backend",
            "trition",
            "backend: trition",
            "did you mean triton?",
        ),
        ("models.echo.versions", ["1", "02"], "- '02'", '"02" is not a version'),
        ("models.echo.versions", ["1", 2], "- 2", "2 is not a version"),
        ("models.echo.versions", ["1", "1"], "versions", "a version is there twice"),
        ("models.echo.versions", ["1", "3"], "versions", "echo/3/model.py for version 3"),
        ("models.echo.versions", [], "versions", "at least one is needed"),
        (
            "models.echo.aliases",
            {"stable": "7"},
            "stable",
            "expected one of 1, 2",
        ),
        (
            "models.echo.default",
            "stabel",
            "default",
            "did you mean stable?",
        ),
        ("models.echo.repository", None, "echo:", "the key repository is missing"),
        ("models.echo.repository", "elsewhere", "repository", "there is no directory"),
        ("models.echo.repository", "policies", "versions", "policies/1/model.py"),
        ("models.echo.tokenizer", "none.json", "tokenizer", "there is no file"),
        ("models.echo.tokenizer", "echo.txt", "tokenizer", "expected a tokenizer.json, a Sentence"),
        ("models.echo.task", "chat", "echo:", "the key chat_template is missing"),
        ("models.ECHO", {}, "models:", '"ECHO" is not a name'),
        (
            "identity.jwt",
            [{**JWT, "jwks": "keys.json"}],
            "- name",
            "either `jwks`, a file",
        ),
        ("identity.jwt", [{**JWT, "jwks_url": "ftp://a"}], "jwks_url", "expected http://host:port"),
        ("identity.jwt", [JWT, JWT], "- name", "another issuer has this name"),
        ("identity.jwt", [{**JWT, "claims": {"id": "sub"}}], "claims", "the key tenant is missing"),
        ("identity.jwt", [{**JWT, "jwks_url": None}], "jwks_url", "null is not of type string"),
    ],
)
def test_what_is_wrong_is_named(
    workspace: Workspace, place: str, value: object, line: str, message: str
) -> None:
    config = workspace.write((place, value))
    refused = refusal(config)
    assert message in refused
    if place not in {"admin.port", "identity.jwt"}:
        assert f"{config}:{workspace.line(line)}: " in refused


def test_every_fault_of_form_is_told_at_once(workspace: Workspace) -> None:
    config = workspace.write(
        ("listener.port", 0), ("policy.engine", None), ("policy.timeout", None), ("wat", 1)
    )
    places = [
        line.removeprefix(f"{config}:").partition(": ")[2] for line in refusal(config).splitlines()
    ]
    assert sorted(places) == [
        "listener.port: 0 is not a port, 1 to 65535",
        "policy: the key engine is missing",
        "policy: the key timeout is missing",
        "wat: there is no such key; expected one of admin, audit, backends, classifiers, "
        "detectors, events, identity, ledger, limits, listener, logs, models, policy, time_zone, "
        "version, workers",
    ]


@pytest.mark.parametrize("keys", ["", "{}", '{"keys": []}', "[]", '{"keys": 1}'])
def test_key_sets_are_read_at_once(workspace: Workspace, keys: str) -> None:
    (workspace.root / "keys.json").write_text(keys)
    issuer = {name: value for name, value in JWT.items() if name != "jwks_url"}
    config = workspace.write(("identity.jwt", [{**issuer, "jwks": "keys.json"}]))
    assert "is no JSON Web Key Set with a key" in refusal(config)


def test_a_key_set_is_in_the_settings(workspace: Workspace) -> None:
    keys = json.dumps({"keys": [{"kty": "oct"}]})
    (workspace.root / "keys.json").write_text(keys)
    issuer = {name: value for name, value in JWT.items() if name != "jwks_url"}
    config = workspace.write(("identity.jwt", [{**issuer, "jwks": "keys.json"}]))
    (found,) = read_configuration(config, Overrides()).settings.identity.jwt
    assert (found.jwks, found.jwks_url) == (keys, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3: a is there twice"),
        ("a: {b: 1, b: 2}\n", ":1: a.b is there twice"),
        ("a: &x [1]\nb: *x\n", ":1: anchors are not used here; write the value out"),
        ("a: [1\nb: 2\n", ":2: not YAML: "),
        ("a: !!python/name:os.system x\n", ":1: not YAML: "),
        ("1: a\n", ":1: the document: the key 1 is not text"),
        ("a: 1\n---\nb: 2\n", ":2: not YAML: "),
        ("[" * 2000, ":1: more than 100 levels are not read"),
        ("a: \x00\n", "not YAML that can be read"),
    ],
)
def test_yaml_that_is_not_for_configuration(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_document(file)
    assert message in caught.value.message


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a: " + b"x" * (5 << 20)])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "gateway.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"gateway\.yaml: (can't be read|is )"):
        read_document(file)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.dates() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["listener", "models", "port", "a"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_nothing_leaves_but_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    import yaml  # noqa: PLC0415 - the only test that writes what it does not know

    file = tmp_path_factory.mktemp("any") / "gateway.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError):
        read_configuration(file, Overrides())


@given(st.integers(0, 10**6))
def test_units(number: int) -> None:
    assert size(f"{number}B") == number
    assert size(f"{number}KiB") == number * 1024
    assert duration(f"{number}h") == duration(f"{number * 60}m") == number * 3600.0


@pytest.fixture
def signing(workspace: Workspace) -> dict[str, str]:
    """Files for `policy.signing`; what is in them is not looked at here."""
    for name in ("key", "key.pub", "token"):
        (workspace.root / name).write_text("x")
        (workspace.root / name).chmod(0o600)
    return {"algorithm": "ES256", "key": "key", "public_key": "key.pub"}


def test_keys_stay_outside_of_the_settings(workspace: Workspace, signing: dict[str, str]) -> None:
    source = read_configuration(workspace.write(("policy.signing", signing)), Overrides())
    assert source.settings.policy.signing == "ES256"
    assert source.keys is not None
    assert source.keys.private == workspace.root / "key"
    assert source.keys.public == workspace.root / "key.pub"
    secret = {"algorithm": "HS256", "key": "key"}
    keys = read_configuration(workspace.write(("policy.signing", secret)), Overrides()).keys
    assert keys is not None
    assert keys.private == keys.public == workspace.root / "key"


@pytest.mark.parametrize(
    ("url", "signed", "taken"),
    [
        ("http://a/bundle", False, False),
        ("http://a/bundle", True, True),
        ("https://a/bundle", False, True),
        ("http://127.0.0.1:8081/bundle", False, True),
    ],
)
def test_policies_come_signed_or_over_a_safe_way(
    workspace: Workspace, signing: dict[str, str], url: str, signed: bool, taken: bool
) -> None:
    pull = ("policy.pull", {"url": url, "interval": "30s"})
    config = workspace.write(pull, *([("policy.signing", signing)] if signed else []))
    if taken:
        assert read_configuration(config, Overrides()).settings.policy.pull is not None
    else:
        assert "policy.pull.url: expected https, or `policy.signing`" in refusal(config)


def test_who_only_pulls_needs_no_private_key(workspace: Workspace, signing: dict[str, str]) -> None:
    pull = {"url": "http://a/bundle", "interval": "30s", "token_file": "token"}
    only = {"algorithm": "ES256", "public_key": "key.pub"}
    config = workspace.write(("policy.signing", only), ("policy.pull", pull))
    source = read_configuration(config, Overrides())
    assert source.keys is not None
    assert source.keys.private is None
    assert source.pull_token == workspace.root / "token"
    assert source.settings.policy.pull is not None
    assert source.settings.policy.pull.interval == 30
    assert "key `key` is missing" in refusal(workspace.write(("policy.signing", only)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "HS256"}, "leave public_key out"),
        ({"algorithm": "none"}, "one of RS256, ES256, HS256"),
        ({"public_key": None}, "public_key is missing"),
        ({"key": "nowhere"}, "there is no file"),
    ],
)
def test_a_wrong_signing(
    workspace: Workspace, signing: dict[str, str], change: dict[str, str | None], message: str
) -> None:
    chosen = {name: value for name, value in {**signing, **change}.items() if value is not None}
    assert message in refusal(workspace.write(("policy.signing", chosen)))


@pytest.mark.parametrize("name", ["key", "token"])
def test_a_secret_that_others_can_read(
    workspace: Workspace, signing: dict[str, str], name: str
) -> None:
    (workspace.root / name).chmod(0o640)
    pull = {"url": "http://a/bundle", "interval": "30s", "token_file": "token"}
    message = refusal(workspace.write(("policy.signing", signing), ("policy.pull", pull)))
    assert "chmod 600" in message


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        ("tokenizer.json", "tokenizer.json"),
        ("tekken.model.json", "tekken.json"),
        ("tekken_240911.json", "tekken.json"),
        ("my.model", "tokenizer.model"),
        ("tokenizer.model.v3", "tokenizer.model"),
    ],
)
def test_a_tokenizer_is_known_by_its_name(workspace: Workspace, file: str, kept: str) -> None:
    (workspace.root / file).write_text("{}")
    config = workspace.write(("models.echo.tokenizer", file))
    source = read_configuration(config, Overrides())
    assert source.files == {f"models/echo/{kept}": workspace.root / file}
    assert source.settings.models["echo"].tokenizer == f"models/echo/{kept}"


def test_without_a_tokenizer_tokens_are_estimated(workspace: Workspace) -> None:
    source = read_configuration(workspace.write(("models.echo.tokenizer", "estimate")), Overrides())
    assert source.files == {}
    assert source.settings.models["echo"].tokenizer is None


def test_what_stands_beside_a_tokenizer_goes_with_it(workspace: Workspace) -> None:
    (workspace.root / "tokenizer_config.json").write_text("{}")
    source = read_configuration(workspace.write(), Overrides())
    assert source.files == {
        f"models/echo/{name}": workspace.root / name
        for name in ("tokenizer.json", "tokenizer_config.json")
    }


def test_logs_are_bounded_unless_said_otherwise(workspace: Workspace) -> None:
    settings = read_configuration(workspace.config, Overrides()).settings
    assert settings.logs == LogSettings(size=64 << 20, files=4)
    config = workspace.write(("logs", {"size": "1MiB", "files": 2}))
    assert read_configuration(config, Overrides()).settings.logs == LogSettings(1 << 20, 2)
    with pytest.raises(ConfigurationError, match=r"logs\.size: .*out of range"):
        read_configuration(workspace.write(("logs", {"size": "1KiB"})), Overrides())
