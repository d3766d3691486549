"""Triton's files, and the shared library of Debian's own Python."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.stack.engines import libpython, triton
from extauth.stack.engines.triton import find_triton, link_backend, obtain_triton
from extauth.stack.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Offer = Callable[[str], Path]

PACKAGE = libpython.LIBRARY.partition(".so")[0]
VERSION = f"{platform.python_version()}-6"


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Lets an archive have the package in this version, for Debian's own Python; the cache."""
    made = tmp_path / "made"
    library = made / "usr" / "lib" / "x86_64-linux-gnu" / libpython.LIBRARY
    library.parent.mkdir(parents=True)
    library.write_text("a library")
    (made / "DEBIAN").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("SLUICE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr("sysconfig.get_config_var", lambda _: None)

    def offer(version: str) -> Path:
        (made / "DEBIAN" / "control").write_text(
            f"Package: {PACKAGE}\nVersion: {version}\nArchitecture: amd64\n"
            "Maintainer: Ada <ada@example.com>\nDescription: a library\n"
        )
        archive = tmp_path / "archive.deb"
        subprocess.run(["dpkg-deb", "--build", made, archive], check=True, capture_output=True)
        apt_get(tmp_path, f'test "$*" = "download {PACKAGE}" && cp {archive} package.deb')
        return tmp_path / "cache"

    return offer


def apt_get(root: Path, script: str) -> None:
    command = root / "bin" / "apt-get"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def test_triton_finds_its_backend_and_the_stub_of_this_python(tmp_path: Path) -> None:
    _, files = find_triton()
    for _ in range(2):
        link_backend(files, tmp_path)
    names = {one.name for one in (tmp_path / "python").iterdir()}
    assert {"libtriton_python.so", "triton_python_backend_stub"} <= names
    assert (tmp_path / "python" / "triton_python_backend_stub").resolve().is_file()


def test_debians_own_python_gets_its_library_from_the_archive(offer: Offer) -> None:
    cache = offer(VERSION)
    assert libpython.directory() is None

    libpython.fetch(Silent())

    directory = libpython.directory()
    assert directory is not None
    assert directory.parent == cache
    assert (directory / libpython.LIBRARY).read_text() == "a library"
    assert {file.name for file in directory.iterdir()} == {libpython.LIBRARY, "lock"}


def test_triton_is_obtained_with_the_library_and_started_with_it(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loadable(*_: object) -> None:
        """As the loader of a machine that has no library but the one that is fetched."""
        if libpython.directory() is None:
            raise triton._LibpythonMissing("missing")

    monkeypatch.setattr(triton, "_require_loadable", loadable)
    cache = offer(VERSION)
    _, files = obtain_triton(Silent())
    assert files.environment()["LD_LIBRARY_PATH"].startswith(f"{cache}/")


def test_what_was_fetched_once_is_not_fetched_again(offer: Offer, tmp_path: Path) -> None:
    offer(VERSION)
    libpython.fetch(Silent())
    apt_get(tmp_path, "exit 1")
    libpython.fetch(Silent())


def test_a_library_of_another_python_is_not_kept(offer: Offer) -> None:
    offer("3.10.1-1")
    with pytest.raises(StackError, match=rf"the archive has {PACKAGE} 3\.10\.1-1 and this Python"):
        libpython.fetch(Silent())
    assert libpython.directory() is None


def test_an_archive_that_does_not_have_it_is_told(offer: Offer, tmp_path: Path) -> None:
    offer(VERSION)
    apt_get(tmp_path, f"echo 'E: Unable to locate package {PACKAGE}' >&2; exit 100")
    with pytest.raises(
        StackError,
        match=rf"^apt-get download failed: Unable to locate package {PACKAGE}; install the package",
    ):
        libpython.fetch(Silent())


def test_another_python_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/opt/python")
    with pytest.raises(StackError, match="or use a Python built with --enable-shared"):
        libpython.fetch(Silent())
