"""Credentials inside addresses and commands: connection strings, signed links, `curl -u`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span
from extauth.content.privacy.recognisers.token import TokenRecogniser

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAND_IN = compile_pattern(
    rb"(?i)[$%<{\[(].*|.*[>}\])]|[*.x\-_?]+|.*\.\.\.|(?:your|my|the|db|some|user)?[_\-]?"
    rb"(?:pass(?:word|wd|wort)?|pwd|secret|token|key)(?:_?here)?|changeme|example|redacted|hidden"
)


class UrlCredentialsRecogniser:
    """`scheme://user:password@host`, of any scheme: user, password and host.

    All three are the finding, since the password and the host would otherwise read as an email
    address. A stand-in for a password (`<password>`, `${PASS}`, `****`) does not count.
    """

    kind = "secret"
    confidence = 0.9
    opens = WORD
    name = "url-credentials"
    prefilter = rb"://[^\s\"'<>@]*:[^\s\"'<>@]*@"

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"[A-Za-z][A-Za-z0-9+.\-]{0,31}://([^\s/:@\"'<>]{0,256}"
            rb":([^\s/\"'<>?#@]{1,256}(?:[/#?@][^\s/\"'<>?#@]{1,64}){0,2})"
            rb"@[^\s/\"'<>?#,;)\]@]{1,255})"
        )
        self._port = compile_pattern(rb"\d{1,5}(?:[/?#].*)?")

    def find(self, data: bytes) -> Iterator[Span]:
        """From the user to the host's port."""
        for match in self._pattern.finditer(data):
            password = match.group(2) or b""
            if not _STAND_IN.fullmatch(password) and not self._port.fullmatch(password):
                yield Span(match.start(1), match.end(1))


CONNECTIONS = (
    UrlCredentialsRecogniser(),
    TokenRecogniser(
        "oracle-credentials",
        rb"(?i)jdbc:oracle:\w{1,8}:[\w$]",
        rb"(?i)jdbc:oracle:\w{1,8}:([\w$]{1,64}/[^@\s]{1,128})@",
        group=1,
        literal=True,
        confidence=0.9,
    ),
    # Shared access signatures of Azure, presigned links of AWS and Google.
    TokenRecogniser(
        "signed-link",
        rb"(?i)[?&;](?:amp;)?(?:sig|x-amz-signature|x-goog-signature|x-amz-security-token)=",
        rb"(?i)[?&;](?:amp;)?(?:sig|x-amz-signature|x-goog-signature|x-amz-security-token)="
        rb"([\w%+/.~\-]{32,900}=*)",
        group=1,
        confidence=0.9,
    ),
    TokenRecogniser(
        "shell-credentials",
        rb"(?i)\b(?:curl|wget|http|https|ab)\b[^\n]{0,200} (?:-u|--user"
        rb"|--proxy-user)[ =]?[\"']?[\w.@\-]",
        rb"(?i)\b(?:curl|wget|http|https|ab)\b[^\n]{0,200}? (?:-u|--user|--proxy-user)[ =]?[\"']?"
        rb"([\w.@\-]{1,64}:[^\s\"':$<{*][^\s\"']{2,127})",
        group=1,
        literal=True,
        confidence=0.9,
    ),
    TokenRecogniser(
        "shell-password",
        rb"(?i)(?:mysql|mysqldump|mysqladmin|sshpass|redis-cli|docker login)\b"
        rb"[^\n]{0,200} -(?:p|a)",
        rb"(?i)\b(?:mysql(?:dump|admin)?\b[^\n]{0,200}? -p|sshpass -p ?"
        rb"|redis-cli\b[^\n]{0,200}? -a "
        rb"|docker login\b[^\n]{0,200}? -p )[\"']?([^\s\"'$<{*\-][^\s\"']{3,127})",
        group=1,
        literal=True,
        confidence=0.7,
    ),
    TokenRecogniser(
        "netrc",
        rb"(?i)\blogin[ \t]+\S{1,64}\s{1,8}password[ \t]",
        rb"(?i)\blogin[ \t]{1,4}\S{1,64}\s{1,8}password[ \t]{1,4}([^\s$<{*]{4,128})",
        group=1,
        literal=True,
        confidence=0.9,
    ),
)
"""Recognisers of credentials in an address or a command."""
