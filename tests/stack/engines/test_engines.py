"""Finding engines, and refusing those that will not do."""

from __future__ import annotations

import hashlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.stack.engines import opa_source
from extauth.stack.engines.engine import version_of
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa, obtain_opa
from extauth.stack.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator


def binary(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any OPA and without Go."""
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for name in ("SLUICE_OPA", "SLUICE_OPA_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A directory, and the URL under which it is served."""
    root = tmp_path / "mirror"
    root.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield root, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_missing_opa_says_what_to_do() -> None:
    with pytest.raises(StackError, match=r"^OPA >=1\.19\.1,<2 is missing; run `sluice engines`"):
        find_opa()


def test_a_named_opa_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary(tmp_path / "bin" / "opa", "Version: 1.19.1")
    monkeypatch.setenv("SLUICE_OPA", str(binary(tmp_path / "mine", "Version: 1.20.0")))
    engine = find_opa()
    assert (engine.path, engine.version) == (tmp_path / "mine", "1.20.0")


@pytest.mark.parametrize("version", ["1.19.0", "0.70.0", "2.0.0"])
def test_a_named_opa_that_will_not_do_is_refused(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary(tmp_path / "bin" / "opa", "Version: 1.19.1")
    monkeypatch.setenv("SLUICE_OPA", str(binary(tmp_path / "mine", f"Version: {version}")))
    with pytest.raises(StackError, match=rf"is OPA {version}, not >=1\.19\.1,<2"):
        obtain_opa(Silent())


def test_a_named_opa_that_does_not_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_OPA", str(tmp_path / "nowhere"))
    with pytest.raises(StackError, match="is not an OPA that runs"):
        find_opa()


def test_the_path_comes_before_the_cache(tmp_path: Path) -> None:
    cached = binary(tmp_path / "cache" / "opa-1.19.1" / "opa", "Version: 1.19.1")
    assert find_opa().path == cached
    on_path = binary(tmp_path / "bin" / "opa", "Version: 1.19.2")
    assert find_opa().path == on_path


def test_an_old_opa_on_the_path_is_passed_over(tmp_path: Path) -> None:
    binary(tmp_path / "bin" / "opa", "Version: 1.0.0")
    cached = binary(tmp_path / "cache" / "opa-1.19.1" / "opa", "Version: 1.19.1")
    assert find_opa().path == cached


def test_go_builds_the_pinned_module_into_the_cache(tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    binary(go, "")
    go.write_text(
        "#!/bin/sh\n"
        f'echo "$@" > {tmp_path}/asked\n'
        'printf "#!/bin/sh\\necho Version: 1.19.1\\n" > "$GOBIN/opa"\n'
        'chmod +x "$GOBIN/opa"\n'
    )
    engine = obtain_opa(Silent())
    assert engine.path == tmp_path / "cache" / "opa-1.19.1" / "opa"
    assert (tmp_path / "asked").read_text().split()[-1] == (
        "github.com/open-policy-agent/opa@v1.19.1"
    )


def test_what_was_fetched_once_is_not_fetched_again(tmp_path: Path) -> None:
    go = binary(tmp_path / "bin" / "go", "")
    go.write_text(
        '#!/bin/sh\nprintf "#!/bin/sh\\necho Version: 1.19.1\\n" > "$GOBIN/opa"\n'
        'chmod +x "$GOBIN/opa"\n'
    )
    obtain_opa(Silent())
    go.unlink()
    assert obtain_opa(Silent()).source == "cache"


def test_a_download_with_the_pinned_digest_is_kept(
    tmp_path: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, url = mirror
    asset = binary(root / f"opa_linux_{opa_source.ARCHITECTURES[os.uname().machine]}_static", "")
    asset.write_text("#!/bin/sh\necho Version: 1.19.1\n")
    digest = hashlib.sha256(asset.read_bytes()).hexdigest()
    monkeypatch.setattr(opa_source, "SHA256", dict.fromkeys(opa_source.SHA256, digest))
    monkeypatch.setenv("SLUICE_OPA_BASE_URL", url)
    assert obtain_opa(Silent()).path == tmp_path / "cache" / "opa-1.19.1" / "opa"


def test_a_download_with_another_digest_is_thrown_away(
    tmp_path: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, url = mirror
    binary(root / f"opa_linux_{opa_source.ARCHITECTURES[os.uname().machine]}_static", "evil")
    monkeypatch.setenv("SLUICE_OPA_BASE_URL", url)
    with pytest.raises(StackError, match="not the pinned"):
        obtain_opa(Silent())
    assert {one.name for one in (tmp_path / "cache" / "opa-1.19.1").iterdir()} == {"lock"}


def test_a_failed_build_and_a_failed_download_are_both_told(
    tmp_path: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = binary(tmp_path / "bin" / "go", "")
    go.write_text("#!/bin/sh\necho 'go: too old' >&2\nexit 1\n")
    monkeypatch.setenv("SLUICE_OPA_BASE_URL", mirror[1])
    with pytest.raises(StackError, match=r"^cannot obtain OPA: .*go: too old; http.*static: "):
        obtain_opa(Silent())


def test_another_system_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(StackError, match=r"for Darwin on .* is pinned; install OPA or Go"):
        obtain_opa(Silent())


def test_only_http_is_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_OPA_BASE_URL", "file:///etc")
    with pytest.raises(StackError, match="not an http or https URL"):
        obtain_opa(Silent())


def test_the_wheels_envoy_is_new_enough() -> None:
    version = tuple(map(int, find_envoy().version.split(".")))
    assert version >= (1, 39, 1)


@pytest.mark.parametrize("output", ["", "nonsense", "Version: x"])
def test_a_binary_that_tells_no_version_has_none(output: str, tmp_path: Path) -> None:
    assert version_of(binary(tmp_path / "one", output), pattern="Version: ") is None


def test_a_file_that_is_no_binary_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("")
    assert version_of(Path(tmp_path / "one"), pattern="") is None
