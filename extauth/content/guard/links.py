"""A filter of links in an answer that could carry data out: removed, or the answer refused.

An attacker talks a model into writing an image whose address contains confidential data; the client
fetches the image, and the attacker reads the address. The filter reads Markdown, HTML and bare
addresses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from extauth.content.address import Addresses, remote
from extauth.content.guard.marks import MarkFilter
from extauth.errors import ContentBlocked

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST: Final = 2048
"""Characters of an address that are read; a longer address is judged by them."""

HELD: Final = LONGEST + 64
"""Characters that a stream may hold back at most."""

REMOVED: Final = "[link removed]"

_WINDOW = 256
_CONTEXT = _WINDOW + 8
_FETCHED = ("srcset", "src", "background", "poster", "data")
_FETCHING_TAG = re.compile(r"<(?:link|image|feimage|use|base)\b", re.IGNORECASE)
_CLICKED = ("href", "action", "formaction", "ping")
_NAMES = "|".join((*_FETCHED, *_CLICKED))

_BARE_OPEN = r"(?:https?|ftp|wss?):[/\\]{1,2}|(?<![a-z0-9_.-])www\."
_OPEN = re.compile(
    r"(?P<markdown>\](?:\(|:)\s{0,8}(?P<angle><?))"
    rf"|(?<![a-z0-9_-])(?:(?P<name>{_NAMES})\s{{0,8}}=\s{{0,8}}|(?P<css>url)\(\s{{0,8}})(?P<quote>[\"']?)"
    rf"|{_BARE_OPEN}",
    re.IGNORECASE,
)
_BARE = re.compile(_BARE_OPEN, re.IGNORECASE)


def _beginnings(words: Iterable[str]) -> str:
    """Return a pattern of every beginning of `words` that is not a whole word."""
    beginnings = {word[:end] for word in words for end in range(1, len(word))}
    return "|".join(sorted(beginnings, key=len, reverse=True))


# The end of a text that could still become an opening.
_NAMED = rf"(?:{_NAMES})\s{{0,8}}|url|{_beginnings((*_FETCHED, *_CLICKED, 'url'))}"
_ALMOST = re.compile(
    rf"(?:\]|(?<![a-z0-9_-])(?:{_NAMED})"
    rf"|(?:https?|ftp|wss?):?|{_beginnings(('https:', 'ftp:', 'wss:', 'www.'))})\Z",
    re.IGNORECASE,
)
_LONGEST_ALMOST = 24

_ENDS = {
    "": re.compile(r"[\s<>\"`]"),
    "<": re.compile(r"[<>\n]"),
    '"': re.compile(r"[\"\n]"),
    "'": re.compile(r"['\n]"),
}
# First characters that no address with a host has.
_LOCAL = re.compile(r"[!-%'-.:-@\[\]-`{-~]")
_PARENTHESIS = re.compile(r"[()]")
_GOES_ON = frozenset("?&=%/#")
_PLAIN = re.compile(r"[\x21-\x7e]*")
_AFTER = ".,;:!?*_'"


class LinkFilter:
    """Filters the text of one choice of an answer, whole or in pieces.

    The output, joined, is the same however the text was cut. Holds back only the part that could
    still become an address, at most `HELD` characters. With `block` it raises ContentBlocked at the
    first address that leaks, instead of removing it. Belongs to one task.
    """

    __slots__ = ("_addresses", "_block", "_context", "_dropped", "_held", "_marks")

    def __init__(
        self, links: Literal["strip", "block"], allowed_domains: Iterable[str] = ()
    ) -> None:
        domains = tuple(allowed_domains)
        self._addresses = Addresses(domains)
        self._marks = MarkFilter(self._addresses, REMOVED) if domains else None
        self._block = links == "block"
        self._context = ""
        self._held = ""
        self._dropped: re.Pattern[str] | None = None

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that is certain by now, perhaps nothing."""
        return self._marked(self._passed(text, last=False))

    def finish(self) -> str:
        """End the text; return what was held back. Calling it again returns nothing."""
        rest = self._marked(self._passed("", last=True))
        return rest if self._marks is None else rest + self._marked("", last=True)

    def _marked(self, text: str, *, last: bool = False) -> str:
        if self._marks is None:
            return text
        text = self._marks.finish() if last else self._marks.feed(text)
        if self._block and self._marks.found:
            raise ContentBlocked("link")
        return text

    def _undropped(self, piece: str) -> str:
        """Return the part of `piece` after a removed address that was too long to hold."""
        if self._dropped is None:
            return piece
        stop = self._dropped.search(piece)
        at = stop.start() if stop else len(piece)
        if stop:
            self._dropped = None
        self._context = (self._context + piece[:at])[-_CONTEXT:]
        return piece[at:]

    def _passed(self, piece: str, *, last: bool) -> str:
        piece = self._undropped(piece)
        if self._dropped is not None:
            return ""
        text = self._context + self._held + piece
        at = len(self._context)
        given: list[str] = []
        while (opening := _OPEN.search(text, at)) is not None:
            ends, begin = _ENDS[_quote(opening)], opening.end()
            if opening.lastgroup is None:
                begin = opening.start()
            if _LOCAL.match(text, begin):
                given.append(text[at:begin])
                at = begin
                continue
            stop = ends.search(text, opening.end(), begin + LONGEST)
            if stop is None and not last and len(text) - begin < LONGEST:
                break
            run = text[begin : stop.start() if stop else begin + LONGEST]
            if not self._leaks(text, opening, run):
                # Go on behind the opening: the address may contain another one.
                inner = _BARE.match(text, begin)
                kept = max(opening.end(), inner.end() if inner else 0)
                given.append(text[at:kept])
                at = kept
                continue
            if self._block:
                raise ContentBlocked("link")
            end = begin + (len(run) if _quote(opening) else len(_linked(run)))
            given += (text[at:begin], REMOVED)
            at = end
            if end == begin + LONGEST:
                over = ends.search(text, end)
                at = over.start() if over else len(text)
                self._dropped = None if over else ends
        keep = len(text)
        if opening is not None:
            keep = opening.start()
        elif not last:
            almost = _ALMOST.search(text, max(at, len(text) - _LONGEST_ALMOST))
            keep = almost.start() if almost else len(text)
        given.append(text[at:keep])
        self._held = text[keep:]
        self._context = text[max(0, keep - _CONTEXT) : keep]
        return "".join(given)

    def _leaks(self, text: str, opening: re.Match[str], address: str) -> bool:
        name = opening["name"]
        if name is not None and name.lower() == "srcset":
            candidates = map(str.strip, address.split(","))
            return any(self._addresses.leaks(each, fetched=True) for each in candidates)
        if not remote(address):
            return False
        if opening["markdown"]:
            fetched = opening["markdown"][1] == ":" or _image(text, opening.start())
            if not opening["angle"]:
                address = _target(address)
        else:
            fetched = bool(opening["css"]) or _fetched(text, opening.start(), name)
        return self._addresses.leaks(address, fetched=fetched)


def _fetched(text: str, at: int, name: str | None) -> bool:
    """Return whether a client fetches the value of the attribute `name` at `at` by itself."""
    if name is None:
        return False
    if name.lower() in _FETCHED:
        return True
    tag = text.rfind("<", max(0, at - _WINDOW), at)
    return tag >= 0 and _FETCHING_TAG.match(text, tag) is not None


def _quote(opening: re.Match[str]) -> str:
    return opening["angle"] or opening["quote"] or ""


def _closed(run: str) -> int:
    """Return the offset of the first unmatched `)` in `run`; its length without one."""
    depth = 0
    for match in _PARENTHESIS.finditer(run):
        depth += 1 if match[0] == "(" else -1
        if depth < 0:
            return match.start()
    return len(run)


def _target(run: str) -> str:
    """Return the target of a Markdown link, or all of `run` if the link may go on behind it."""
    end = _closed(run)
    return (
        run if run[end + 1 : end + 2].isalnum() or run[end + 1 : end + 2] in _GOES_ON else run[:end]
    )


def _linked(run: str) -> str:
    """Return the part of a bare `run` that is an address, without the end of its sentence."""
    plain = _PLAIN.match(run)
    return run[: min(_closed(run), plain.end() if plain else 0)].rstrip(_AFTER)


def _image(text: str, close: int) -> bool:
    """Return whether the bracket that closes at `close` opens behind an exclamation mark."""
    depth = 0
    for at in range(close, max(close - _WINDOW, -1), -1):
        if text[at] == "]":
            depth += 1
        elif text[at] == "[":
            depth -= 1
            if depth == 0:
                return text[at - 1 : at] == "!"
    return True
