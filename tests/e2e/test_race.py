"""Two hundred clients want what is left of one limit: here before one process with its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.limited import RACED, limit_tenants, race

if TYPE_CHECKING:
    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e


def test_two_hundred_clients_race_on_one_limit(site: Site) -> None:
    limit_tenants(site, {"racing": [RACED]})
    site.apply()
    race(site.stack, "racing")
