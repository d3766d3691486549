"""Secrets that only their name gives away: `password = …`, `"api_key": "…"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.privacy.pattern import compile_pattern
from extauth.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.privacy.finding import Kind

_NAME = (
    rb"(?:pass(?:word|wd|phrase|code)?|pwd|token|client[_\-]?secret|secret(?:[_\-]?access)?[_\-]?key"
    rb"|(?:api|access|account|auth|encryption|private|shared[_\-]?access|signing)[_\-]?"
    rb"(?:key|token|secret)|secret)"
)
_AFTER_NAME = rb"[\"'\]\\]{0,3}"
_QUOTED = b"|".join(
    rb"\\?" + quote + rb"([^\n" + quote + rb"]{4,512})" + quote for quote in (b'"', b"'", b"`")
)
_BARE = rb"([^\s\"'`,;<>&|]{4,})"
_SHORTEST = 4
_MOST_SPACES = 5


class AssignmentRecogniser:
    """The value given to a name that says that it is secret; the name stays.

    Quoted values, and bare ones that do not read like code (a call, a variable, a type) or like
    prose (words without a digit or symbol, unless directly behind `=`). Stand-ins such as
    `${PASSWORD}`, `<password>`, `****` and `changeme` are none.
    """

    kind: Kind = "secret"
    name = "assignment"
    prefilter = rb"(?i)" + _NAME + _AFTER_NAME + rb"[ \t]*(?:[:=]|is[ \t])"

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"(?i)(" + _NAME + rb")" + _AFTER_NAME + rb"([ \t]{0,4}"
            rb"(?::=|=>|={1,3}|:[ \t]?(?:str|string)[ \t]?=|:|is[ \t])[ \t]{0,4})"
            rb"(?:" + _QUOTED + rb"|" + _BARE + rb")"
        )
        self._stand_in = compile_pattern(
            rb"(?i)\$.*|%.*%|\{.*|<.*|\[.*|[*.x\-_?]+|.*\.\.\.|none|null|nil|undefined|true|false"
            rb"|string|bytes|text|optional|required|redacted|hidden|changeme"
            rb"|(?:your|my|the|new|old|some|enter)[ _\-]?.*|" + _NAME
        )
        self._code = compile_pattern(rb"(?i)[a-z_][\w.]*[(\[{].*|[a-z_]\w*(?:\.[a-z_]\w*)+")
        self._reference = compile_pattern(
            rb"(?i).*(?:pass|pwd|secret|token|key|env|config|input|value).*"
        )
        self._symbol = compile_pattern(rb"[\d!@#$%^*+~=?\\]")

    def find(self, data: bytes) -> Iterator[Span]:
        """Values without their quotes."""
        for match in self._pattern.finditer(data):
            group = next(number for number in (3, 4, 5, 6) if match.group(number) is not None)
            start, end = match.start(group), match.end(group)
            value = data[start:end]
            if group < 6:
                value = value.rstrip(b"\\")
                secret = not self._stand_in.fullmatch(value) and value.count(b" ") <= _MOST_SPACES
            else:
                value = value.rstrip(b".:)]}")
                secret = self._is_bare_secret(
                    value.rstrip(b"!?"), match.group(1) or b"", match.group(2)
                )
            if secret and len(value) >= _SHORTEST:
                yield Span(start, start + len(value))

    def _is_bare_secret(self, value: bytes, name: bytes, operator: bytes | None) -> bool:
        if self._stand_in.fullmatch(value) or self._code.fullmatch(value):
            return False
        if value.isdigit():
            # A number behind `token` counts tokens.
            return name[:1] in {b"p", b"P"}
        if self._symbol.search(value):
            return True
        return operator == b"=" and self._reference.fullmatch(value) is None
