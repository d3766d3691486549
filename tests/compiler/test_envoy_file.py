"""Clusters of two snapshots at once."""

from __future__ import annotations

import msgspec

from extauth.compiler import Overrides
from extauth.compiler.envoy_file import resources, union
from extauth.compiler.proxy import render
from extauth.settings import BackendSettings
from tests.compiler.conftest import SETTINGS


def clusters(**urls: str) -> bytes:
    backends = {
        name: BackendSettings(name, name, "triton", "cpu", "here", url)
        for name, url in urls.items()
    }
    settings = msgspec.structs.replace(SETTINGS, backends=backends)
    return render(settings, Overrides())["cds.yaml"]


def test_both_are_there_and_the_newest_wins() -> None:
    old = clusters(a="http://127.0.0.1:1", b="http://127.0.0.1:2")
    new = clusters(b="http://127.0.0.1:3", c="http://127.0.0.1:4")
    both = resources(union(new, old))
    assert both == resources(old) | resources(new)
    assert both.keys() == {"ext_proc", "ext_authz", "portal", "a", "b", "c"}


def test_nothing_is_written_anew_where_nothing_is_added() -> None:
    new = clusters(a="http://127.0.0.1:1", b="http://127.0.0.1:2")
    assert union(new, clusters(a="http://127.0.0.1:9")) is new
    assert union(new) is new
