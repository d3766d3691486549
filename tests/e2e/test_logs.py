"""Strangers ask for long paths: every request is in the access log once, and no file grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e

SIZE = 64 << 10


def test_the_access_log_takes_turns_and_loses_nothing(private_site: Callable[..., Site]) -> None:
    site = private_site()
    site.change(lambda config: config.update(logs={"size": "64KiB", "files": 9}))
    stack = site.start()
    stranger = stack.http(key="")
    asked: list[str] = []

    def several_files() -> None:
        for _ in range(100):
            answer = stranger.get(f"/v1/models/{'p' * 3000}")
            assert answer.status_code == 404
            asked.append(answer.headers["x-request-id"])
        assert len(list(site.state.logs.glob("access.log*"))) > 2

    eventually(several_files, within=60)

    def all_recorded() -> None:
        lines = [
            json.loads(line)
            for file in site.state.logs.glob("access.log*")
            for line in file.read_text().splitlines()
        ]
        recorded = [
            line["request_id"] for line in lines if line["path"].startswith("/v1/models/pp")
        ]
        assert sorted(recorded) == sorted(asked)
        assert max(len(line["path"]) for line in lines) == 512

    eventually(all_recorded, within=15)
