"""Addresses in an answer that could carry data out, judged by their host and their contents."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

# In characters, above those of usual identifiers, slugs and searches. A commit's hash has 40, the
# id of a shared document 44.
LONGEST_VALUE: Final = 40
LONGEST_QUERY: Final = 128
LONGEST_WORD: Final = 48
LONGEST_PATH: Final = 256
LONGEST_LABEL: Final = 32
LONGEST_HOST: Final = 96
LONGEST_FETCHED_PATH: Final = 128
LONGEST_FETCHED_WORD: Final = 32
"""For an image, which is fetched without a click."""

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_HOST = re.compile(r"[/\\]{2}")
_UNSEEN = re.compile(r"[\x00-\x20\u200b-\u200f\u2060\ufeff]+")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}):")
_BEGINS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:|//|www\.", re.IGNORECASE)
_HEAD = 256
_SHORT = 32
_PARTS = re.compile(r"/*([^/?#]*)([^?#]*)\??([^#]*)#?(.*)", re.DOTALL)
_WORDS = re.compile(r"[/\-_.+~,;:@!()]|%20")
_VALUES = re.compile(r"[&;=]")
# Windows connects to the host of a `file` address, and sends it the user's name.
_REMOTE = frozenset({"http", "https", "ftp", "ws", "wss", "file", "smb"})
_SCRIPTS = frozenset({"javascript", "vbscript"})


class Addresses:
    """Judges addresses. Immutable.

    With `allowed_domains`, an address leaks if its host is not one of them or of their subdomains.
    Without, it leaks if its host, path or query carries more than an address needs, and an image
    leaks if it has a query.
    """

    __slots__ = ("_allowed", "_subdomains")

    def __init__(self, allowed_domains: Iterable[str]) -> None:
        self._allowed = frozenset(_domain(domain) for domain in allowed_domains)
        self._subdomains = tuple(f".{domain}" for domain in self._allowed)

    def allows(self, authority: str) -> bool:
        """Return whether the host in `authority` is an allowed domain or one of its subdomains."""
        host = _domain(authority.rpartition("@")[2].partition(":")[0])
        return host in self._allowed or host.endswith(self._subdomains)

    def leaks(self, written: str, *, fetched: bool) -> bool:
        """Return whether `written`, as it stands in Markdown or HTML, may carry data out.

        `fetched` is true for an address that a client fetches by itself, such as an image's.
        """
        address = _read(written)
        scheme = _SCHEME.match(address)
        if scheme is not None:
            name = scheme[1].lower()
            if name not in _REMOTE:
                return name in _SCRIPTS
            address = address[scheme.end() :]
        elif not address.startswith("//") and address[:4].lower() != "www.":
            return False
        parts = _PARTS.fullmatch(address)
        if parts is None:
            return True
        authority, path, query, fragment = parts.groups()
        if self.allows(authority):
            return False
        return bool(self._allowed) or _carries(authority, path, query, fragment, fetched=fetched)


def remote(written: str) -> bool:
    """Return whether `written` may name a host or a script. Cheap if not, as for most texts."""
    head = _read(written[:_HEAD])
    if len(head) < _SHORT and len(written) > _HEAD:
        head = _read(written)
    return _BEGINS.match(head) is not None


def _read(written: str) -> str:
    """Return an address as a client reads it: without escapes and invisible characters."""
    address = _UNSEEN.sub("", html.unescape(written))
    if _HOST.match(address) is None:
        # Backslash escapes of Markdown; HTML has none.
        address = _ESCAPED.sub(r"\1", address)
    return address.replace("\\", "/")


def _domain(host: str) -> str:
    return unicodedata.normalize("NFKC", unquote(host)).casefold().replace("\u3002", ".").strip(".")


def _carries(authority: str, path: str, query: str, fragment: str, *, fetched: bool) -> bool:
    if fetched and query:
        return True
    return (
        len(authority) > LONGEST_HOST
        or _longest(authority.split(".")) > LONGEST_LABEL
        or len(path) > (LONGEST_FETCHED_PATH if fetched else LONGEST_PATH)
        or _longest(_WORDS.split(path)) > (LONGEST_FETCHED_WORD if fetched else LONGEST_WORD)
        or len(query) > LONGEST_QUERY
        or len(fragment) > LONGEST_QUERY
        or _longest(_VALUES.split(query)) > LONGEST_VALUE
    )


def _longest(parts: list[str]) -> int:
    return max(map(len, parts))
