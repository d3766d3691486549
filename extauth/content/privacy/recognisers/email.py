"""Email addresses, in the practical subset of RFC 5321."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span

if TYPE_CHECKING:
    from collections.abc import Iterator


# An image's resolution (icon@2x.png) and a package's version (name@1.2.3-beta.js) are not domains.
_NO_DOMAIN = compile_pattern(rb"\dx\..*|(?:\d+\.){2,}.*")


_HEADER = 32
_MESSAGE_ID = compile_pattern(rb"(?i)(?:message-id|in-reply-to|references|content-id):\s{0,4}<?\z")


class EmailRecogniser:
    """`local@domain` with at least two labels, the last of letters or punycode.

    Letters of any script with cases may stand anywhere. `git@host:path` is an address to clone
    from, and not a finding.
    """

    kind = "email"
    confidence = 0.9
    opens = WORD
    name = "email"
    prefilter = rb"[\w.%+\-'\xe9]@[\w\xe9]"

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"[\w%+\xe9][\w.%+\-'\xe9]*@"
            rb"((?:[a-zA-Z0-9\xe9](?:[\w\-\xe9]*[\w\xe9])?\.)+(?:xn--[a-zA-Z0-9\-]+|[a-zA-Z\xe9]{2,}))"
        )

    @staticmethod
    def _is_of_a_message(data: bytes, start: int) -> bool:
        """Return whether it is the identifier of a message (RFC 5322, section 3.6.4)."""
        before = data[max(0, start - _HEADER) : start]
        return _MESSAGE_ID.search(before) is not None

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield addresses, without punctuation around them."""
        for match in self._pattern.finditer(data):
            start, end = match.start(), match.end()
            if self._is_of_a_message(data, start):
                continue
            if data[start : start + 4] == b"git@" and data[end : end + 1] == b":":
                continue
            if _NO_DOMAIN.fullmatch(data[match.start(1) : end]) is None:
                yield Span(start, end)
