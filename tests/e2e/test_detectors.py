"""Names of persons, found by a model on the demo's own Triton: hidden from the model, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import openai
import pytest
import yaml

from tests.e2e.stack import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e

TEXT = "My name is Desmond Achebe and I live in Leicester."


def detectors() -> dict[str, Any]:
    """Those that docs/configuration.md shows, without the Presidio that is not here."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    shown = next(block for block in text.split("```yaml\n") if block.startswith("detectors:"))
    config: dict[str, Any] = yaml.safe_load(shown.partition("```")[0])
    del config["detectors"]["presidio"]
    for services in config.values():
        for service in services.values():
            service["repository"] = str(REPOSITORY / service["repository"])
    return config


def test_names_are_masked_and_restored_and_nobody_passes_unseen(
    private_site: Callable[..., Site],
) -> None:
    site = private_site(own_triton=True)
    site.change(lambda config: config.update(detectors()))
    stack = site.start()
    client = stack.openai()
    chat = [{"role": "user", "content": TEXT}]

    raw = client.chat.completions.with_raw_response.create(model="echo", messages=chat)
    assert raw.parse().choices[0].message.content == TEXT
    facts = stack.audit(raw.headers["x-request-id"])["facts"]
    assert facts["sensitive"] == {"person": 1, "location": 1}
    assert facts["classifiers"]["injection"]["injection"] < 0.5
    cut = client.chat.completions.create(model="echo", messages=chat, stop="PERSON")
    assert cut.choices[0].message.content == "My name is ["
    assert 'sluice_external_requests_total{outcome="answered",service="names"}' in stack.metrics()

    # The model is for the gateway: to clients it is not there.
    hidden = stack.http("platform").get("/v2/models/names")
    assert hidden.status_code == 404

    httpx.post(f"{stack.triton}/v2/repository/models/names/unload").raise_for_status()
    with pytest.raises(openai.InternalServerError) as denied:
        client.chat.completions.create(model="echo", messages=chat)
    assert (denied.value.status_code, denied.value.code) == (503, "detectors.absent")

    site.change_data(
        "detectors", lambda data: data["detectors"].update(tenants={"acme": ["names"]})
    )
    stack.sluice("apply")
    raw = client.chat.completions.with_raw_response.create(model="echo", messages=chat)
    assert raw.parse().choices[0].message.content == TEXT
    facts = stack.audit(raw.headers["x-request-id"])["facts"]
    assert (facts["sensitive"], facts["absent"]) == ({}, ["names"])
    with pytest.raises(openai.InternalServerError):
        stack.openai("platform").chat.completions.create(model="echo", messages=chat)
