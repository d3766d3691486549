"""Signatures agree with the reference implementation."""

from __future__ import annotations

import base64
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier

from extauth.errors import ConfigurationError
from extauth.events import Secret

if TYPE_CHECKING:
    from pathlib import Path


def written(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@given(
    key=st.binary(min_size=24, max_size=64),
    message_id=st.text("abc_0123456789", min_size=1),
    timestamp=st.integers(0, 2**33),
    body=st.text(),
)
def test_signatures_are_those_of_the_reference(
    key: bytes, message_id: str, timestamp: int, body: str
) -> None:
    theirs = Verifier(written(key)).sign(message_id, datetime.fromtimestamp(timestamp, UTC), body)
    assert Secret.parse(written(key)).sign(message_id, timestamp, body.encode()) == theirs


def test_the_example_of_the_specification() -> None:
    secret = Secret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_padding_may_be_left_out() -> None:
    key = bytes(range(32))
    bare = Secret.parse(written(key).rstrip("="))
    assert bare.sign("m", 1, b"") == Secret.parse(written(key)).sign("m", 1, b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "hunter2hunter2hunter2hunter2hunter2",
        written(bytes(23)),
        written(bytes(65)),
        written(bytes(32)).removeprefix("whsec_"),
        "whsec_" + "not base64! " * 4,
        "whsec_" + "ä" * 40,
    ],
)
def test_what_is_no_secret_is_refused_and_not_quoted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        Secret.read(file)
    assert caught.value.message == (
        f"{file}: is not a webhook secret; expected whsec_ and 24 to 64 bytes in base64"
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing: can't be read: No such file"):
        Secret.read(tmp_path / "missing")


def test_it_shows_itself_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Secret.parse(written(b"k" * 32))
    logging.getLogger().info("%r %s", secret, secret)
    assert "kkkk" not in caplog.text
    assert base64.b64encode(b"k" * 32).decode() not in caplog.text
