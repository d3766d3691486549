"""Model servers of gateway.yaml: what each kind needs, and what is refused with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.proxy import render
from extauth.errors import ConfigurationError
from extauth.settings import Price

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compiler.conftest import Workspace

CLOUD = {"kind": "openai", "url": "https://api.example.com/v1", "region": "us-east"}
LARGE = {
    "backend": "cloud",
    "task": "chat",
    "context_length": 4096,
    "price": {"prompt": 0, "completion": 0},
}


def refusal(workspace: Workspace, *changes: tuple[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(workspace.write(*changes), Overrides())
    assert caught.value.message.startswith(f"{workspace.config}:")
    return caught.value.message


@pytest.fixture
def key(workspace: Workspace) -> Path:
    """A file with a credential."""
    file = workspace.root / "key"
    file.write_text("sk-secret\n")
    file.chmod(0o600)
    return file


def test_a_model_needs_no_more_than_its_length_and_price(workspace: Workspace) -> None:
    config = workspace.write(("backends.cloud", CLOUD), ("models.large", LARGE))
    model = read_configuration(config, Overrides()).settings.models["large"]
    assert (model.versions, model.default, model.tokenizer) == (("1",), "1", None)
    assert (model.chat_template, model.upstream_name, model.price) == (None, None, Price())


def test_a_credential_is_nowhere_but_in_its_file(workspace: Workspace, key: Path) -> None:
    cloud = {**CLOUD, "credential_file": "key"}
    settings = read_configuration(workspace.write(("backends.cloud", cloud)), Overrides()).settings
    assert settings.backends["cloud"].credential_file == str(key)
    files = render(settings, Overrides())
    (name,) = [name for name in files if name.startswith("credential-")]
    (secret,) = yaml.safe_load(files[name])["resources"]
    assert secret["generic_secret"]["secret"]["filename"] == str(key)
    assert name.removesuffix(".yaml") == secret["name"]
    assert secret["name"] in files["cds.yaml"].decode()
    assert b"sk-secret" not in b"".join(files.values())


def test_without_a_credential_nothing_is_injected(workspace: Workspace) -> None:
    config = workspace.write(("backends.cloud", CLOUD))
    files = render(read_configuration(config, Overrides()).settings, Overrides())
    assert set(files) == {"cds.yaml", "lds.yaml"}
    assert b"credential_injector" not in files["cds.yaml"]


@pytest.mark.parametrize(
    ("changes", "place", "expected"),
    [
        ({"kind": "azure"}, "backends.cloud.kind", "is not one of triton, openai"),
        ({"url": "https://me:secret@a"}, "backends.cloud.url", "may not hold credentials"),
        ({"url": "https://a/v1?key=secret"}, "backends.cloud.url", "may not have a query"),
        ({"url": "ftp://a"}, "backends.cloud.url", "not a URL"),
        ({"embedded": True}, "backends.cloud.embedded", "only `kind: triton` has it"),
        ({"profile": "gpu"}, "backends.cloud.profile", "only `kind: triton` has it"),
        ({"metrics_url": "http://a"}, "backends.cloud.metrics_url", "only `kind: triton` has it"),
        ({"ca_file": "nowhere.pem"}, "backends.cloud.ca_file", "there is no file"),
        ({"credential_file": "nowhere"}, "backends.cloud.credential_file", "there is no file"),
        ({"api_key": "secret"}, "backends.cloud.api_key", "there is no such key"),
    ],
)
def test_a_wrong_backend_is_refused_with_its_line(
    workspace: Workspace, changes: dict[str, Any], place: str, expected: str
) -> None:
    message = refusal(workspace, ("backends.cloud", {**CLOUD, **changes}))
    assert f"{place}: " in message
    assert expected in message
    assert "secret" not in message


def test_a_backend_needs_an_address(workspace: Workspace) -> None:
    cloud = {"kind": "openai", "region": "x"}
    assert "the key url is missing" in refusal(workspace, ("backends.cloud", cloud))


def test_a_credential_that_others_can_read_is_refused(workspace: Workspace, key: Path) -> None:
    key.chmod(0o640)
    message = refusal(workspace, ("backends.cloud", {**CLOUD, "credential_file": "key"}))
    assert f"others can read {key}; chmod 600 it" in message


def test_an_empty_credential_is_refused(workspace: Workspace, key: Path) -> None:
    key.write_text("")
    message = refusal(workspace, ("backends.cloud", {**CLOUD, "credential_file": "key"}))
    assert "is empty or too large" in message


@pytest.mark.parametrize(("host", "refused"), [("api.example.com", True), ("127.0.0.1", False)])
def test_a_credential_goes_over_http_to_this_machine_alone(
    workspace: Workspace, key: Path, host: str, refused: bool
) -> None:
    cloud = {**CLOUD, "url": f"http://{host}:8000", "credential_file": str(key)}
    if refused:
        assert "expected https" in refusal(workspace, ("backends.cloud", cloud))
    else:
        read_configuration(workspace.write(("backends.cloud", cloud)), Overrides())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"repository": "echo"}, "its server has the model already"),
        ({"backend": "triton", "upstream_name": "x"}, "only a backend of `kind: openai` has it"),
        ({"backend": "triton"}, "the key versions is missing"),
        ({"backend": "triton", "versions": ["1"]}, "the key tokenizer is missing"),
    ],
)
def test_a_model_has_the_keys_of_its_kind(
    workspace: Workspace, changes: dict[str, Any], expected: str
) -> None:
    message = refusal(workspace, ("backends.cloud", CLOUD), ("models.large", {**LARGE, **changes}))
    assert expected in message


def test_a_detector_is_on_triton(workspace: Workspace) -> None:
    detector = {
        "kind": "triton",
        "backend": "cloud",
        "model": "ner",
        "timeout": "1s",
        "labels": {"PER": "person"},
    }
    message = refusal(workspace, ("backends.cloud", CLOUD), ("detectors", {"ner": detector}))
    assert "expected a Triton server" in message


def test_the_certificate_is_held_against_authorities_and_the_host(workspace: Workspace) -> None:
    (workspace.root / "ca.pem").write_text("-")
    cloud = {**CLOUD, "ca_file": "ca.pem"}
    config = workspace.write(("backends.cloud", cloud), ("models.large", LARGE))
    files = render(read_configuration(config, Overrides()).settings, Overrides())
    clusters = {one["name"]: one for one in yaml.safe_load(files["cds.yaml"])["resources"]}
    tls = clusters["cloud"]["transport_socket"]["typed_config"]
    validation = tls["common_tls_context"]["validation_context"]
    assert validation["trusted_ca"]["filename"] == str(workspace.root / "ca.pem")
    assert (tls["sni"], tls["auto_sni_san_validation"]) == ("api.example.com", True)


def test_every_backend_has_its_routes_and_no_other(workspace: Workspace) -> None:
    backends = {
        "cloud": {**CLOUD, "url": "https://a.example.com/" + "long/" * 30 + "v2"},
        "near": {"kind": "openai", "url": "http://10.0.0.1:8000", "region": "x"},
        "same": {"kind": "openai", "url": "http://10.0.0.2:8000", "region": "x"},
    }
    changes = [(f"backends.{name}", backend) for name, backend in backends.items()]
    files = render(read_configuration(workspace.write(*changes), Overrides()).settings, Overrides())
    listener = files["lds.yaml"].decode()
    for path in ("/v1/chat/completions", "/" + "long/" * 30 + "v2/embeddings"):
        assert listener.count(f"path: {path}\n") == 2
