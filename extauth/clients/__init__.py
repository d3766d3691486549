"""The OpenAI and KServe v2 HTTP APIs on one side, Triton's on the other: parse and translate.

Pure functions and small objects of one request: no I/O, no tasks. Nothing of a client's body is
passed on as it came: what goes to Triton is written anew from what was understood.
"""

from extauth.clients.answer import (
    dropped_headers,
    error_body,
    error_headers,
    limit_headers,
    noted_headers,
)
from extauth.clients.body import check_headers
from extauth.clients.call import REPLACED_HEADERS, Call, CallModel, ResponseCodec, UpstreamRequest
from extauth.clients.parse import parse_call
from extauth.clients.target import api_of, parse_reference, parse_target, triton_path

__all__ = [
    "REPLACED_HEADERS",
    "Call",
    "CallModel",
    "ResponseCodec",
    "UpstreamRequest",
    "api_of",
    "check_headers",
    "dropped_headers",
    "error_body",
    "error_headers",
    "limit_headers",
    "noted_headers",
    "parse_call",
    "parse_reference",
    "parse_target",
    "triton_path",
]
