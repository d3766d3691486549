"""Openings of addresses in written text: whether what follows may be sent to a host."""

from __future__ import annotations

import html
import re
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 1024
"""Characters of an address that are judged together."""

_KEPT = 128
_LAYERS = 4

# Browsers drop line ends and tabs within an address, Markdown libraries some control characters.
_UNSEEN = re.compile(r"[\x00-\x20\x7f\u200b-\u200f\u2060\ufeff]+")
_QUOTES = frozenset("\"'")
_HOST = r"(?P<host>[^/?#\\\"'`<>|^,;)]*)(?P<more>[/?#])?"
_LINK = re.compile(
    r"(?:(?:https?|ftp|wss?|file|smb):[/\\]+|(?<![:\w/\\])//+|(?<![\w.\-])(?=www\.)"
    rf"|(?<![\w.@/:\-])(?=(?:[a-z0-9\-]+\.)+[a-z]{{2,24}}(?::\d+)?/)){_HOST}",
    re.IGNORECASE,
)
"""The beginning of an address, in text, that a person clicks."""

_REMOTE = re.compile(
    r"(?:(?:https?|ftp|wss?|file|smb|blob|filesystem|view-source):[/\\]*|[/\\]{2,})" + _HOST,
    re.IGNORECASE,
)
"""The host that an attribute or the target of a link names, anywhere in it."""

_EVIL = re.compile(r"\\|(?:data|javascript|vbscript):", re.IGNORECASE)
# Programs that write to a person or call one; what they do is seen first.
_HOSTLESS = re.compile(r"(?:mailto|tel|sms|sip|xmpp):[^?/\\=<>\"'&]*\Z", re.IGNORECASE)
_ADDRESS_NAMES = (
    *("src", "srcset", "imagesrcset", "href", "action", "formaction", "ping", "data", "poster"),
    *("background", "attributionsrc", "manifest", "srcdoc", "lowsrc", "dynsrc", "longdesc"),
    *("codebase", "classid", "archive"),
)
_ATTRIBUTE = re.compile(
    rf"(?:^|[\s\"'/<>])(?:[\w\-]+:)?(?:(?:{'|'.join(_ADDRESS_NAMES)})|on[a-z]+)\s*=",
    re.IGNORECASE,
)
_URL = re.compile(r"url[(=]|\bset\(|@import", re.IGNORECASE)

# A picture in the address itself asks nobody.
_SCRIPT = re.compile(
    r"(?:javascript|vbscript):|data:(?!image/(?:png|jpe?g|gif|webp|avif|bmp)[;,])", re.IGNORECASE
)
_MARKDOWN = re.compile(r"\\([!-/:-@\[-`{-~])")
_CSS = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


def no_domain(_: str) -> bool:
    """Allow no authority."""
    return False


class Openings:
    """Judges texts that are not over: whether they opened an address whose domain is not allowed.

    `allows` tells of an authority (`user@host:port`) whether its domain is allowed. An address
    without a host is its page's; it counts as closed where a page may say another host for it.
    """

    __slots__ = ("_allows", "based")

    def __init__(self, allows: Callable[[str], bool]) -> None:
        self._allows = allows
        self.based = False
        """True where a `<base>` may give a host to addresses that have none."""

    def links(self, written: str) -> bool:
        """Judge a bare address."""
        shown = _shown(written)
        # Most words have neither; the pattern is slow.
        if "/" not in shown and "\\" not in shown and "ww" not in shown.lower():
            return False
        return self._others(_LINK, shown)

    def names(self, written: str) -> bool:
        """Judge a tag's attribute, with its name."""
        shown = _shown(written)
        if _ATTRIBUTE.search(written) or _URL.search(shown):
            return self.addresses(written.partition("=")[2].lstrip(" \t\n\v\f\r\"'"))
        return self._evil(shown)

    def styles(self, written: str) -> bool:
        """Judge a style sheet or a script."""
        shown = _shown(written)
        return self._evil(shown) or (_URL.search(shown) is not None and not _REMOTE.search(shown))

    def defined(self, written: str) -> bool:
        """Judge the target of a reference."""
        shown = _shown(written)
        if _HOSTLESS.match(shown):
            return False
        return self._evil(shown) or (self.based and not _REMOTE.search(shown))

    def addresses(self, written: str) -> bool:
        """Judge the target of a link, or the value of an attribute that has an address."""
        shown = _shown(written)
        if _HOSTLESS.match(shown):
            return False
        return self._evil(shown) or not _REMOTE.search(shown)

    def told(self, written: str) -> bool:
        """Judge an attribute, a target or a style sheet that is over: whether it has others' hosts.

        Escapes are read as Markdown and CSS do, a backslash as browsers do in an address.
        """
        shown = _shown(written)
        forms = {shown}
        if "\\" in shown:
            forms = {shown.replace("\\", "/"), _MARKDOWN.sub(r"\1", shown)}
            forms.add(_CSS.sub(_of_css, html.unescape(written)))
        return any(
            _SCRIPT.search(form)
            or any(not self._allows(one["host"]) for one in _REMOTE.finditer(form))
            for form in forms
        )

    def _evil(self, shown: str) -> bool:
        return _EVIL.search(shown) is not None or self._others(_REMOTE, shown)

    def _others(self, openings: re.Pattern[str], shown: str) -> bool:
        for opening in openings.finditer(shown):
            if openings is _LINK and _closed(shown, opening):
                continue
            if opening["more"] is None or not self._allows(opening["host"]):
                return True
        return False


class Stretch:
    """A text that grows, and whether it, or its beginning where it is long, is `bad`.

    Holds less than `LONGEST` characters.
    """

    __slots__ = ("_bad", "_known", "_long", "text")

    def __init__(self, bad: Callable[[str], bool]) -> None:
        self._bad = bad
        self.text = ""
        """The text, or its end where it is long."""
        self._long = False
        self._known: bool | None = None

    @property
    def off(self) -> bool:
        """True if the text, as far as it is known, is bad."""
        if self._known is None:
            self._known = self._long or self._bad(self.text)
        return self._known

    def add(self, text: str) -> None:
        """Let the text grow."""
        self._known = None
        if len(self.text) + len(text) < LONGEST:
            self.text += text
            return
        text = self.text + text
        at = 0
        while len(text) - at >= LONGEST:
            part = text[at : at + LONGEST]
            # A reference with zeros in front may be longer than what the next part begins with.
            self._long = self._long or "&#0" in part or self._bad(part)
            at += LONGEST - _KEPT
        self.text = text[at:]

    def clear(self) -> None:
        """Begin anew."""
        self._known = None
        self._long = False
        self.text = ""


def _closed(shown: str, opening: re.Match[str]) -> bool:
    """Return whether a quotation mark before an address has its second one behind it."""
    before = shown[opening.start() - 1 : opening.start()]
    return before in _QUOTES and shown.find(before, opening.end()) >= 0


def _shown(written: str) -> str:
    """Return what a client reads: without HTML's references, and without what it drops."""
    for _ in range(_LAYERS):
        if "&" not in written:
            break
        written = html.unescape(written)
    return _UNSEEN.sub("", written)


def _of_css(escape: re.Match[str]) -> str:
    """Return the character of an escape (CSS Syntax, section 4.3.7)."""
    if escape[1] is None:
        return escape[2]
    code = int(escape[1], 16)
    return chr(code) if code <= sys.maxunicode else "\ufffd"
