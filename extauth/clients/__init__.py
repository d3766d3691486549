"""The APIs that clients speak: OpenAI's, and KServe v2 over HTTP.

A codec reads a request into a neutral `Call`, and writes neutral `Delta`s as its answer. Pure
functions and small objects of one request: no I/O, no tasks. Nothing of a client's body is passed
on as it came: a backend writes its own request from what was understood.
"""

from extauth.clients.answer import (
    dropped_headers,
    error_body,
    error_headers,
    limit_headers,
    noted_headers,
)
from extauth.clients.body import check_headers
from extauth.clients.codec import AnswerWriter, Codec
from extauth.clients.parse import parse_request
from extauth.clients.target import api_of, parse_reference, parse_target

__all__ = [
    "AnswerWriter",
    "Codec",
    "api_of",
    "check_headers",
    "dropped_headers",
    "error_body",
    "error_headers",
    "limit_headers",
    "noted_headers",
    "parse_reference",
    "parse_request",
    "parse_target",
]
