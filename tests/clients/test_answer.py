from __future__ import annotations

import json

import pytest

from extauth.clients.answer import error_body, error_headers, limit_headers
from extauth.errors import InvalidRequest, LimitExceeded, Unauthenticated
from extauth.types import Api, Limit, LimitState


def state(name: str, unit: str, remaining: int, reset: float = 12.2) -> LimitState:
    limit = Limit(name=name, key="k", unit=unit, window=60, max=100)
    return LimitState(limit=limit, remaining=remaining, reset=reset)


def test_an_openai_error_has_four_members():
    error = InvalidRequest("Wrong.", code="invalid_value", param="n")
    assert json.loads(error_body(Api.OPENAI, error)) == {
        "error": {
            "message": "Wrong.",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        }
    }


def test_a_kserve_error_is_a_sentence():
    assert json.loads(error_body(Api.KSERVE, InvalidRequest("Wrong."))) == {"error": "Wrong."}


def test_who_are_you_names_the_scheme():
    assert ("www-authenticate", "Bearer") in error_headers(Unauthenticated("Who?"))


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (3.0, "3"), (3.1, "4")])
def test_retry_after_is_whole_seconds_and_never_too_early(seconds, header):
    error = LimitExceeded("Slow down.", retry_after=seconds)
    assert dict(error_headers(error))["retry-after"] == header


def test_an_errors_own_headers_are_kept():
    error = LimitExceeded("Slow down.", headers=(("x-a", "b"),))
    assert ("x-a", "b") in error_headers(error)
    assert "retry-after" not in dict(error_headers(error))


def test_the_tightest_limit_of_each_unit_is_told_and_all_are_listed():
    states = [
        state("a", "requests", 7),
        state("b", "requests", 3, 4.0),
        state("c", "tokens", 0),
    ]
    assert dict(limit_headers(states)) == {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "4s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "13s",
        "ratelimit-policy": '"a";q=100;w=60, "b";q=100;w=60, "c";q=100;w=60',
        "ratelimit": '"a";r=7;t=13, "b";r=3;t=4, "c";r=0;t=13',
    }


def test_without_limits_there_is_nothing_to_tell():
    assert limit_headers([]) == ()
