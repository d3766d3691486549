"""A detector for all tests: it is immutable, and compiling it takes a quarter of a second."""

import pytest

from extauth.content.privacy import Detector


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector(regions=("US", "GB", "DE"))
