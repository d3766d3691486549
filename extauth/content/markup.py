"""A reader of Markdown, HTML and plain text that knows whether its end stands in an address.

It follows no single renderer: the text is in an address if any of them could read it so. A tag that
one renderer shows as text is real to another, so that every `<` with a letter behind it begins one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.content.openings import Openings, Stretch

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGINS = frozenset("<]")
# What changes no state while no more than a bare address is open, and while something else is.
_IDLE = re.compile(r"[^<\]]+")
_PLAIN = re.compile(r"[^ \t\n\v\f\r<>\"'=\]()\\`:]+")
_SPECIAL = frozenset(" \t\n\v\f\r<>\"'=]()\\`:")
_ENDS = " \t\n\v\f\r"
_SPACES = frozenset(" \t\n\v\f\r")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RAW = frozenset({"style", "script"})
# `<https:` begins no tag but a link, which may have spaces to some.
_LINKED = frozenset({"http", "https", "ftp"})
_LONGEST_NAME = 8

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CUT_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}

_UNQUOTED_VALUE = re.compile(r"[\w:.\-]+=[^=(*_~\"'`]*")

# States of a tag that may be open; those of several possible tags at once are added up.
_NAMES, _EQUALS, _UNQUOTED, _DOUBLE, _SINGLE = 1, 2, 4, 8, 16
_VALUES = _EQUALS | _UNQUOTED | _DOUBLE | _SINGLE


class AddressReader:
    """Reads a text from its beginning; `closed` tells of the place behind what was read.

    `allows` tells of an authority (`user@host:port`) whether its domain is allowed. With `quoted`
    the text is JSON, read without its escapes. What `closed` says depends on the text alone, not on
    how it was cut. Takes linear time and holds some thousands of characters. Belongs to one task.
    """

    __slots__ = (
        *("_openings", "_quoted", "_escape", "_before", "_run", "_tag", "_value", "_name"),
        *("_region", "_linked", "_raw", "_style", "_hostless", "_target", "_definition"),
    )

    def __init__(self, allows: Callable[[str], bool], *, quoted: bool = False) -> None:
        self._openings = openings = Openings(allows)
        # In JSON a `<base>` can't be made another tag: it counts from the start.
        openings.based = quoted
        self._quoted = quoted
        self._escape = ""
        self._before = ""
        self._region = 0
        self._run = Stretch(openings.links)
        self._tag = 0
        self._value = Stretch(openings.names)
        self._name: str | None = None
        self._raw: set[str] = set()
        self._style = Stretch(openings.styles)
        self._hostless = False
        self._linked = False
        self._target: _Target | None = None
        self._definition: _Definition | None = None

    @property
    def closed(self) -> bool:
        """True where an address begins or goes on whose domain is not allowed."""
        return (
            self._run.off
            or (self._openings.based and bool(self._tag & _VALUES or self._raw))
            or (bool(self._tag & _VALUES or self._linked) and self._value.off)
            or (bool(self._raw) and self._style.off)
            or (self._target is not None and self._target.text.off)
            or (self._definition is not None and self._definition.text.off)
        )

    def feed(self, text: str) -> str:
        """Read on; return the text that may be told.

        That is `text`, but for a `<base>` behind addresses without a host that an original was put
        back into: it would give them one, and becomes a tag without a meaning.
        """
        if self._quoted:
            self._go_on(self._unescaped(text))
            return text
        return self._go_on(text)

    def put_back(self, original: str) -> str:
        """Read on over an original that is put back; return it."""
        self._hostless = self._hostless or self._marked
        self.feed(original)
        return original

    @property
    def region(self) -> int:
        """The number of the attribute, target or style sheet that is open; 0 outside of them."""
        return self._region if self._target is not None or self._marked else 0

    def skip(self, text: str, at: int) -> int:
        """Read on over characters from `at` that change no state, as far as they go; return where.

        What follows is for `step`.
        """
        skipped = None
        if self._target is None and not self._marked:
            if self._before not in _BEGINS:
                skipped = _IDLE.match(text, at)
                if skipped is not None:
                    self._read(skipped[0])
        elif self._name is None and self._before not in _SPECIAL:
            skipped = _PLAIN.match(text, at)
            if skipped is not None:
                self._pass(skipped[0])
        return at if skipped is None else skipped.end()

    @property
    def _marked(self) -> bool:
        return bool(self._tag or self._raw or self._definition)

    def _go_on(self, text: str) -> str:
        told: list[str] = []
        at = begin = 0
        while at < len(text):
            at = self.skip(text, at)
            if at == len(text):
                break
            if self.step(text[at]) and self._hostless:
                told += (text[begin:at], "-")
                begin = at
            at += 1
        return "".join([*told, text[begin:]])

    def _pass(self, text: str) -> None:
        """Read on over characters that change no state, behind another of them."""
        self._before = text[-1]
        self._run.add(text)
        if self._tag:
            self._value.add(text)
        if self._raw:
            self._style.add(text)
        if self._target is not None:
            self._target.text.add(text)
        if self._definition is not None:
            self._definition.text.add(text)

    def _read(self, text: str) -> None:
        """Read on where nothing but a bare address can be open."""
        end = max(map(text.rfind, _ENDS))
        if end >= 0:
            self._run.clear()
        self._run.add(text[end + 1 :])
        self._before = text[-1]

    def step(self, char: str) -> bool:
        """Read one character; return whether the name `base` of a tag ends before it."""
        opened = self._target is not None or self._marked
        before, self._before = self._before, char
        # What a tag ends behind a value without quotes: others may read no tag, and read on.
        ends = char == ">" and self._tag and _UNQUOTED_VALUE.fullmatch(self._run.text)
        if char in _SPACES or char == "<" or ends:
            self._run.clear()
        else:
            self._run.add(char)
        fresh = self._step_tag(before, char)
        if self._raw:
            self._style.add(char)
        if self._target is not None:
            if not self._target.step(char):
                self._target = None
        elif before == "]" and char == "(":
            self._target = _Target(Stretch(self._openings.addresses))
        if before == "]" and char == ":":
            self._definition = _Definition(Stretch(self._openings.defined))
        elif self._definition is not None and not self._definition.step(char):
            self._definition = None
        if not opened or (fresh and not (self._target or self._definition or self._raw)):
            self._region += 1
        return self._step_name(char)

    def _step_tag(self, before: str, char: str) -> bool:
        """Read one character; return whether an attribute begins with it."""
        tag, fresh = self._tag, False
        if tag:
            self._tag = tag = _next(tag, char)
            self._linked = self._linked and tag > 0
            if (
                tag == _NAMES
                and not self._linked
                and (char in "\"'" or (before in _SPACES and char not in _SPACES and char != "="))
            ):
                self._value.clear()
                fresh = True
            self._value.add(char)
        if before == "<" and char in _LETTERS:
            if not tag:
                self._value.clear()
                self._value.add(char)
            self._tag = tag | _NAMES
        return fresh

    def _step_name(self, char: str) -> bool:
        if char == "<":
            self._name = ""
        elif self._name is None:
            return False
        elif char in _LETTERS or (char == "/" and not self._name):
            self._name = (self._name + char)[:_LONGEST_NAME]
        elif char > " " or char in _SPACES:
            name, self._name = self._name.lower(), None
            if name in _RAW:
                self._raw.add(name)
            elif name[:1] == "/" and name[1:] in self._raw:
                self._raw.discard(name[1:])
                if not self._raw:
                    self._style.clear()
            elif char == ":" and name in _LINKED:
                self._linked = True
            elif name == "base":
                self._openings.based = self._openings.based or not self._hostless
                return True
        return False

    def _unescaped(self, text: str) -> str:
        text = self._escape + text
        cut = _CUT_ESCAPE.search(text)
        self._escape = cut[1] if cut else ""
        return _ESCAPE.sub(_meant, text[: len(text) - len(self._escape)])


class _Target:
    """The target of a Markdown link or image, up to its parenthesis or the paragraph's end."""

    __slots__ = ("_angle", "_blank", "_code", "_depth", "_escaped", "text")

    def __init__(self, text: Stretch) -> None:
        self.text = text
        self._depth = 1
        self._escaped = False
        self._code = False
        self._blank = False
        self._angle: bool | None = None

    def step(self, char: str) -> bool:
        """Read on; return whether it goes on."""
        self.text.add(char)
        if char == "\n" and self._blank:
            return False
        self._blank = char == "\n" or (self._blank and char in _SPACES)
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == "`":
            # To some, code comes before links: its parentheses then end none.
            self._code = True
        elif self._angle:
            self._angle = char != ">"
        elif char == "<" and self._angle is None:
            self._angle = True
        elif char == "(":
            self._depth += 1
        elif char == ")" and not self._code:
            self._depth -= 1
        if self._angle is None and char not in _SPACES:
            self._angle = False
        return self._depth > 0


class _Definition:
    """The target of a reference: a word, or what is in angle brackets."""

    __slots__ = ("_angle", "_blank", "text")

    def __init__(self, text: Stretch) -> None:
        self.text = text
        self._blank = False
        self._angle: bool | None = None

    def step(self, char: str) -> bool:
        """Read on; return whether it goes on."""
        if char == "\n" and self._blank:
            return False
        self._blank = char == "\n" or (self._blank and char in _SPACES)
        if self._angle is None:
            if char in _SPACES:
                return True
            self._angle = char == "<"
        self.text.add(char)
        return char != ">" if self._angle else char not in _SPACES


def _next(tag: int, char: str) -> int:
    """Return the states of a tag after `char` (WHATWG HTML, section 13.2.5.32 and on)."""
    after = 0
    if tag & _NAMES and char != ">":
        after |= _EQUALS if char == "=" else _NAMES
    if tag & _EQUALS and char != ">":
        after |= (
            _EQUALS
            if char in _SPACES
            else _DOUBLE
            if char == '"'
            else _SINGLE
            if char == "'"
            else _UNQUOTED
        )
    if tag & _UNQUOTED and char != ">":
        after |= _NAMES if char in _SPACES else _UNQUOTED
    if tag & _DOUBLE:
        after |= _NAMES if char == '"' else _DOUBLE
    if tag & _SINGLE:
        after |= _NAMES if char == "'" else _SINGLE
    return after


def _meant(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _SHORT.get(escape[2], escape[2])
