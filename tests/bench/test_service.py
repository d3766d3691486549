"""The driver and this checkout's own service: they have to understand each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.errors import MeasurementFailed
from bench.gate.checkout import working_tree
from bench.gate.request import KINDS, Kind, requests
from bench.gate.service import Command, Service, prepare, service
from bench.processes import peak_resident_bytes, resident_bytes

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """How the service of this checkout is started."""
    return prepare(working_tree(), tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def running(command: Command) -> Iterator[Service]:
    """The service by itself."""
    with service(command) as started:
        yield started


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_service_answers_each_kind_as_it_should(
    kind: Kind, command: Command, running: Service
) -> None:
    running.connection.run(requests(kind, command.key, 8, seed=1))


def test_a_key_that_is_not_known_ends_the_measurement(running: Service) -> None:
    with pytest.raises(MeasurementFailed, match="the service answers 401"):
        running.connection.run(requests(KINDS[0], "sk-wrong", 1, seed=1))


def test_its_memory_is_read(running: Service) -> None:
    resident = resident_bytes(running.pid)
    assert 50_000_000 < resident <= peak_resident_bytes(running.pid)


def test_a_service_that_does_not_start_is_told_with_its_last_words(command: Command) -> None:
    broken = Command(
        command.checkout,
        [*command.arguments, "--no-such-option"],
        command.environment,
        command.state.with_name("other"),
        command.pristine,
        command.key,
    )
    broken.state.mkdir()
    with (
        pytest.raises(MeasurementFailed, match=r"(?s)the service ended.*no-such-option"),
        service(broken),
    ):
        pass
