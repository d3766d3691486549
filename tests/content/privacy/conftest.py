"""One detector for all: it is immutable, and compiling takes a quarter of a second."""

import pytest

from extauth.content.privacy import Detector


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector(regions=("US", "GB", "DE"))
