from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.clients.body import check_headers, deeper_than, read_json
from extauth.errors import InvalidRequest, RequestTooLarge, UnsupportedEncoding
from extauth.types import RequestHead

ANY = msgspec.json.Decoder()
VALUES = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\é a'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('[{"\\'), inner, max_size=4)
    ),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(VALUES, st.integers(0, 8), st.booleans())
def test_depth_is_exact_for_json(value, limit, spaced):
    body = json.dumps(value, indent=1 if spaced else None).encode()
    assert deeper_than(body, limit) == (depth_of(value) > limit)


@given(st.binary(max_size=200) | st.text('[]{}"\\', max_size=200).map(str.encode))
def test_whatever_comes_is_decoded_or_refused(body):
    with suppress(InvalidRequest, RequestTooLarge):
        read_json(body, ANY, 4)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[{" * 50_000 + b"]"])
def test_deep_nesting_is_refused_ahead_of_decoding(body):
    with pytest.raises(RequestTooLarge) as raised:
        read_json(body, ANY, 32)
    assert raised.value.code == "json_too_deep"


def test_wide_is_not_deep():
    assert len(read_json(b"[" + b"[]," * 10_000 + b"[]]", ANY, 2)) == 10_001


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"{}{}", b'"\xff"', b'"\\ud800"', b"\xef\xbb\xbf{}", b"NaN"]
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(InvalidRequest) as raised:
        read_json(body, ANY, 32)
    assert raised.value.code == "invalid_json"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "GZIP"])
def test_a_content_coding_is_refused(coding):
    head = RequestHead("r", "POST", "/", "", {"content-encoding": coding}, "::1")
    with pytest.raises(UnsupportedEncoding):
        check_headers(head)


@pytest.mark.parametrize("headers", [{}, {"content-encoding": "identity"}])
def test_a_plain_body_is_accepted(headers):
    check_headers(RequestHead("r", "POST", "/", "", headers, "::1"))
