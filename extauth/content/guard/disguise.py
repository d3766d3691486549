"""Disguises of words that a search would miss and a model would read, and their removal."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from extauth.content.pattern import PatternSet, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEET = bytes.maketrans(b"01345789@$!|", b"oieastbgasil")
_FEWEST = 3
_APART = compile_pattern(rb"\b(?:[a-z0-9][ .*_|/~-]){2,}[a-z0-9]\b")
_APART_BY = b" .*_|/~-"
_TAG = re.compile(rb"<[/!a-z][^<>]{0,256}>")
_LEET_WORD = compile_pattern(rb"[a-z][0134579@$!|]+[a-z]")


def _joined(reads: bytes) -> bytes:
    """Join letters that are set apart; wider gaps between them are the gaps between words."""
    pieces, at = [], 0
    for match in _APART.finditer(reads):
        between = reads[at : match.start()]
        pieces += [
            between if between.strip(_APART_BY) else b" ",
            reads[match.start() : match.end() : 2],
        ]
        at = match.end()
    return b"".join([*pieces, reads[at:]])


def _unleet(reads: bytes) -> bytes:
    """Replace digits by letters, in a text with several such words; one may be a product's name."""
    words = zip(range(_FEWEST), _LEET_WORD.finditer(reads), strict=False)
    return reads.translate(_LEET) if len(list(words)) == _FEWEST else b""


def _unrotated(reads: bytes) -> bytes:
    return codecs.encode(reads.decode(), "rot13").encode()


def _turned(reads: bytes) -> bytes:
    return reads.decode()[::-1].encode()


def _untagged(reads: bytes) -> bytes:
    return _TAG.sub(b" ", reads)


def _merged(reads: bytes) -> bytes:
    return _TAG.sub(b"", reads)


_DISGUISES: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (rb"\b(?:[a-z0-9][ .*_|/~-]){6}", _joined),
    (rb"[a-z][0134579@$!|]+[a-z]", _unleet),
    # By its name, or by the words of a command written in it.
    (rb"rot.?13|caesar|\bvafgehpgvba|\bcebzcg\b|\bvtaber\b|\bertneq", _unrotated),
    (rb"revers|backward|\bsnoitcurtsni|\btpmorp\b|\berongi\b|\bdragersid", _turned),
    # HTML tags, between words or inside of them.
    (rb"[a-z0-9]</?[a-z][^<>]*>|</?[a-z][^<>]*>[a-z0-9]", _untagged),
    (rb"[a-z](?:</?[a-z][^<>]*>)+[a-z]", _merged),
)
_SIGNS = PatternSet(sign for sign, _ in _DISGUISES)


def undisguised(reads: bytes) -> Iterator[bytes]:
    """Yield other readings of a skeleton that shows signs of a disguise; for most texts, none.

    The disguises are letters set apart, digits for letters, rot13, reversed text, and tags. Linear.
    """
    for sign in _SIGNS.match(reads):
        other = _DISGUISES[sign][1](reads)
        if other:
            yield other
