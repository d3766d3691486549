"""Request bodies: JSON that is read strictly, and refused with the field's name."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from extauth.errors import InvalidRequest, RequestTooLarge, UnsupportedEncoding

if TYPE_CHECKING:
    from extauth.types import RequestHead

T = TypeVar("T")

_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # 1 and -1 as signed bytes
_OTHERS: Final = bytes(set(range(256)) - set(b"[]{}"))

_UNKNOWN: Final = re.compile(
    r"Object contains unknown field `(.*?)`(?: - at `\$([\w.\[\]]*)`)?", re.DOTALL
)
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`(?: - at `\$(.*)`)?")
_WRONG: Final = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)
_SAFE_NAME: Final = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)


def check_headers(head: RequestHead) -> None:
    """Refuse a body that the gateway could not read, and so not decide on.

    Raises UnsupportedEncoding for any content coding: a server would inflate what nobody inspected.
    """
    if head.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedEncoding("Send the body without a content encoding.")


def read_json(body: bytes, decoder: msgspec.json.Decoder[T], depth: int) -> T:
    """Decode a request body. Raises InvalidRequest, its `param` being the offending field.

    No message repeats a value of the body. Raises RequestTooLarge when it nests deeper than
    `depth`, found by a linear scan ahead of any recursion.
    """
    if deeper_than(body, depth):
        raise RequestTooLarge(f"The body nests deeper than {depth} levels.", code="json_too_deep")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("The body is not valid JSON in UTF-8.", code="invalid_json") from None


def convert(fields: dict[str, object], type_: type[T]) -> T:
    """Check fields that did not come as JSON. Raises InvalidRequest like `read_json`."""
    try:
        return msgspec.convert(fields, type_)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None


def deeper_than(body: bytes, depth: int) -> bool:
    """Tell whether JSON nests deeper than `depth`; of malformed JSON, whether a decoder might.

    Strings are taken out, then a bracket is a step up or down: one pass, and nothing recurses.
    """
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Without escapes, every second piece between quotes is inside a string.
    steps = b"".join(body.split(b'"')[::2]).translate(_STEPS, _OTHERS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > depth


def invalid(param: str, message: str) -> InvalidRequest:
    """Return the error of a field's value."""
    return InvalidRequest(f"Invalid '{param}': {message}", code="invalid_value", param=param)


def _explained(message: str) -> InvalidRequest:
    """Return msgspec's message in the client's terms, without what the client wrote."""
    if match := _UNKNOWN.fullmatch(message):
        name, path = match.groups()
        if not _SAFE_NAME.fullmatch(name):
            name = "(unprintable)"
        param = _joined(path, name)
        return InvalidRequest(
            f"Unrecognized request argument supplied: {param}",
            code="unknown_parameter",
            param=param,
        )
    if match := _MISSING.fullmatch(message):
        param = _joined(match[2], match[1])
        return InvalidRequest(
            f"Missing required parameter: '{param}'.",
            code="missing_required_parameter",
            param=param,
        )
    if match := _WRONG.fullmatch(message):
        detail, path = match.groups()
        if detail.startswith("Invalid enum value"):
            detail = "not one of the values that it can have"
        return invalid(_joined(path, ""), detail.replace("`", "").rstrip(".") + ".")
    return InvalidRequest("The body does not have the form expected here.", code="invalid_type")


def _joined(path: str | None, name: str) -> str:
    return ".".join(filter(None, ((path or "").removeprefix("."), name)))
