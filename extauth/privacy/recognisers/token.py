"""Secrets that can be told by their own shape: vendors' keys, signed tokens, private keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.privacy.pattern import compile_pattern
from extauth.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.privacy.finding import Kind

_WORD = compile_pattern(rb"[\w\xe9]")
_DIGIT = compile_pattern(rb"\d")


class TokenRecogniser:
    """One format, standing free of other letters and digits.

    The finding is the pattern's first group if it has one. With `digit`, words without a digit
    are none. `prefilter` is the part of the pattern that is cheap to look for.
    """

    kind: Kind = "secret"

    __slots__ = ("_digit", "_group", "_pattern", "name", "prefilter")

    def __init__(
        self, name: str, prefilter: bytes, pattern: bytes, *, group: int = 0, digit: bool = False
    ) -> None:
        self.name = name
        self.prefilter = prefilter
        self._pattern = compile_pattern(pattern)
        self._group = group
        self._digit = digit

    def find(self, data: bytes) -> Iterator[Span]:
        """Every token of this format."""
        for match in self._pattern.finditer(data):
            around = data[max(0, match.start() - 1) : match.start()]
            around += data[match.end() : match.end() + 1]
            if _WORD.search(around):
                continue
            start, end = match.start(self._group), match.end(self._group)
            if not self._digit or _DIGIT.search(data[start:end]):
                yield Span(start, end)


_PEM_LINE_END = rb"(?:\s|\\[nr])"

TOKENS = (
    TokenRecogniser(
        "aws-access-key",
        rb"A(?:KIA|SIA|BIA|CCA|IDA|ROA|GPA|NPA|NVA|IPA)[A-Z0-9]{4}",
        rb"A(?:KIA|SIA|BIA|CCA|IDA|ROA|GPA|NPA|NVA|IPA)[A-Z0-9]{16}",
    ),
    TokenRecogniser("github", rb"gh[pousr]_[A-Za-z0-9]{8}", rb"gh[pousr]_[A-Za-z0-9]{30,}"),
    TokenRecogniser("github-pat", rb"github_pat_", rb"github_pat_\w{22,}"),
    TokenRecogniser("gitlab", rb"glpat-", rb"glpat-[\w\-]{20,}"),
    TokenRecogniser("slack", rb"xox[abeoprs]-", rb"xox[abeoprs]-[A-Za-z0-9\-]{10,}"),
    TokenRecogniser(
        "slack-webhook", rb"hooks\.slack\.com/", rb"hooks\.slack\.com/\w+/[A-Za-z0-9/]{16,}"
    ),
    TokenRecogniser("google", rb"AIza[\w\-]{8}", rb"AIza[\w\-]{35}"),
    TokenRecogniser("google-oauth", rb"GOCSPX-|ya29\.", rb"(?:GOCSPX-|ya29\.)[\w\-]{20,}"),
    # OpenAI, Anthropic, OpenRouter, and this gateway's own keys.
    TokenRecogniser(
        "sk", rb"\bsk-[\w\-]{8}", rb"sk-[\w\-]{0,24}[A-Za-z0-9]{16}[\w\-]*", digit=True
    ),
    TokenRecogniser(
        "stripe",
        rb"[srp]k_(?:live|test)_|whsec_",
        rb"(?:[srp]k_(?:live|test)_|whsec_)[A-Za-z0-9]{10,}",
    ),
    TokenRecogniser("hugging-face", rb"\bhf_[A-Za-z0-9]{8}", rb"hf_[A-Za-z0-9]{30,}"),
    TokenRecogniser("npm", rb"\bnpm_[A-Za-z0-9]{8}", rb"npm_[A-Za-z0-9]{36}"),
    TokenRecogniser("pypi", rb"pypi-AgE", rb"pypi-AgE[\w\-]{40,}"),
    TokenRecogniser("sendgrid", rb"\bSG\.[\w\-]{8}", rb"SG\.[\w\-]{16,}\.[\w\-]{16,}"),
    TokenRecogniser(
        "jwt",
        rb"eyJ[\w\-]{8}",
        # Signed tokens (RFC 7515), even unsigned ones, and encrypted ones (RFC 7516).
        rb"eyJ[\w\-]{8,}\.(?:eyJ[\w\-]{8,}\.[\w\-]*|[\w\-]*\.[\w\-]{8,}\.[\w\-]+\.[\w\-]{8,})",
    ),
    TokenRecogniser(
        "private-key",
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        # RFC 7468 and OpenPGP armour, with line ends that may be escaped; a cut-off block as well.
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:" + _PEM_LINE_END + rb"*[A-Za-z\-]+: [^\n\\]*)*"
        rb"(?:" + _PEM_LINE_END + rb"*[A-Za-z0-9+/]{16,}={0,2})+"
        rb"(?:(?:" + _PEM_LINE_END + rb"+=?[A-Za-z0-9+/]{1,64}={0,2}){0,2}"
        rb"" + _PEM_LINE_END + rb"*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    TokenRecogniser(
        "authorization",
        rb"(?i)\b(?:bearer|basic)[ \t]+[\w.~+/\-]{16}",
        rb"(?i)\b(?:bearer|basic)[ \t]+([\w.~+/\-]{16,}=*)",
        group=1,
        digit=True,
    ),
    TokenRecogniser(
        "url-credentials",
        rb"://[^\s/:@\"'<>]*:[^\s/\"'<>?#]+@",
        # User, password and host: else the password and the host would read as an email address.
        rb"[A-Za-z][A-Za-z0-9+.\-]*://([^\s/:@\"'<>]*:[^\s/\"'<>?#]+@[^\s/\"'<>?#,;)\]]*)",
        group=1,
    ),
)
"""Every format, each tried only where its own prefilter occurs."""
