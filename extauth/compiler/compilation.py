"""The compiler's one door: a configuration in, an immutable snapshot out."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from extauth.compiler.configuration import Configuration, read_configuration
from extauth.compiler.envoy_file import dump, load
from extauth.compiler.policies import catalog_of, compile_policies
from extauth.compiler.triton import model_config
from extauth.errors import ConfigurationError
from extauth.rego.process import SECONDS, run
from extauth.snapshot.snapshot import MANIFEST, Snapshot, digest, manifest
from extauth.storage.resources import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.settings import Overrides


def compile_snapshot(
    config: Path,
    out: Path,
    *,
    opa: Path,
    envoy: Path | None,
    overrides: Overrides,
    pulled: Path | None = None,
) -> tuple[Snapshot, Configuration]:
    """Compile `config` into `out/<digest>/`, all or nothing; equal inputs give equal bytes.

    With `envoy`, Envoy itself checks its part. `pulled` are policies to take instead of the
    directory's, where the configuration pulls them. Returns the snapshot and what it was made
    from. Raises ConfigurationError with file and line, StackError when an engine can't be run.
    """
    # Most commands need none of Envoy's types, and they take most of a second to import.
    from extauth.compiler.proxy import render  # noqa: PLC0415

    configuration = read_configuration(config, overrides)
    settings = configuration.settings
    policies = pulled if pulled and settings.policy.pull else configuration.policies
    files = {
        "settings.json": msgspec.json.encode(settings, order="deterministic"),
        **{f"envoy/{name}": text for name, text in render(settings, overrides).items()},
        **compile_policies(policies, catalog_of(settings), opa),
        **{name: _read(path) for name, path in configuration.files.items()},
        **{
            f"triton/{name}/config.pbtxt": model_config(
                settings.served[name], settings.backends[settings.served[name].backend], path
            )
            for name, path in configuration.repositories.items()
        },
    }
    if envoy is not None:
        _check_envoy(envoy, files)
    return write_snapshot(files, out), configuration


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None


def write_snapshot(files: Mapping[str, bytes], out: Path) -> Snapshot:
    """Put files into the directory of their digest in `out`, all or nothing.

    Raises ConfigurationError when the disk refuses.
    """
    told = manifest(files)
    root = out / digest(told)
    if not root.is_dir():
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=out))
        try:
            _fill(temporary, {**files, MANIFEST: told})
            temporary.rename(root)
        except OSError as error:
            # Somebody else compiled the same at the same time: theirs is as good.
            if not root.is_dir():
                raise ConfigurationError(f"can't be written: {error.strerror}", file=root) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Snapshot.load(root)


def _check_envoy(envoy: Path, files: Mapping[str, bytes]) -> None:
    """Ask Envoy whether it would take these resources.

    It validates what its bootstrap names, and not what it would watch: so they are made static.
    """
    # As late as `render`, and for the same reason.
    from extauth.compiler.proxy.credentials import PREFIX  # noqa: PLC0415

    document = load(bootstrap().read_bytes())
    del document["dynamic_resources"]
    document["static_resources"] = {
        kind: [_untyped(resource) for resource in load(files[name])["resources"]]
        for kind, name in (("listeners", "envoy/lds.yaml"), ("clusters", "envoy/cds.yaml"))
    }
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        (work / "envoy.yaml").write_bytes(dump(document))
        for directory in ("run", "logs", "xds"):
            (work / directory).mkdir()
        for name in files:
            if name.startswith(f"envoy/{PREFIX}"):
                (work / "xds" / name.removeprefix("envoy/")).write_bytes(files[name])
        done = run(envoy, "--mode", "validate", "--config-path", "envoy.yaml", cwd=work)
    if done.late:
        raise ConfigurationError(f"Envoy took more than {SECONDS:g} s to validate")
    if done.status != 0:
        # One line of its log says why; before it stand the time and the place in Envoy's source.
        reason = done.err.partition("error initializing configuration 'envoy.yaml': ")[2]
        words = " ".join((reason or done.err).split())
        raise ConfigurationError(f"Envoy refuses the configuration: {words[:500]}")


def _untyped(resource: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in resource.items() if name != "@type"}


def _fill(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
