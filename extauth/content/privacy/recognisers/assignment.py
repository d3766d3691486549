"""Secrets that only their name gives away: `password = …`, `"api_key": "…"`, `mot de passe : …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import WORD, Span

if TYPE_CHECKING:
    from collections.abc import Iterator


_PASSWORD = (
    rb"\bpw|pass(?:word|wd|phrase|code|wort|w\xe9rter)?s?|pwd|kennwort|zugangswort"
    rb"|mot[ _\-]?de[ _\-]?passe|mdp|contrase(?:\xe9|n|ny)as?|clave[ _\-]de[ _\-]acceso|senhas?"
    rb"|palavra[ _\-]passe|parola(?:[ _\-]d.ordine)?|wachtwoord|has[l\xe9]o|heslo"
    rb"|l\xe9senord(?:et)?"
    rb"|losenord|adgangskode|passord|salasana|[s\xe9]ifre(?:niz|m)?|jelsz\xe9|lozinka|geslo"
    rb"|m\xe9t kh\xe9u|kata sandi|sandi"
)
_KEY = (
    rb"token|client[_\-]?secret|secret(?:[_\-]?access)?[_\-]?key"
    rb"|(?:api|access|account|app|auth|consumer|encryption|master|private|service|session|shared"
    rb"[_\-]?access|signing|storage|webhook|jwt|hmac|aws|bot|refresh|id|personal[_\-]?access"
    rb"|subscription|license)[_ \-]?(?:key|token|secret)"
    rb"|private[_\-]key[_\-]id|credentials?|secret|api[ _\-]?schl\xe9ssel|schl\xe9ssel"
    rb"|cl\xe9 (?:d.)?api|clave (?:de )?api|chave (?:de |da )?api|chiave (?:api|segreta)"
    rb"|jsessionid|phpsessid|session[_\-]?id"
)
_NAME = rb"(?:" + _PASSWORD + rb"|" + _KEY + rb")"
_ENDING = (
    rb"(?:[_\-]?(?:\d{1,2}|prod(?:uction)?|dev|staging|test|live|value|plain|primary|secondary"
    rb"|root|admin|main|default|old|new|current|b64|base64))?"
)
_AFTER_NAME = rb"[\"'`\]\\*]{0,4}"
_QUOTED = b"|".join(
    rb"\\?" + quote + rb"([^\n" + quote + rb"]{4,512})" + quote for quote in (b'"', b"'", b"`")
)
_OPEN_QUOTE = (
    rb"(?:[\s,\"']{1,20}value[\"']?[ \t]?[:=]|[^\n\"'`]{0,16})\\?"
    rb"(?:\"[^\n\"]{0,400}|'[^\n']{0,400}|`[^\n`]{0,400})"
)
# An ampersand separates the fields of a form, unless nothing is assigned behind it.
_BARE = rb"([^\s\"'`,;<>&|]{4,512}(?:&[^\s\"'`,;<>&|=]{0,64}(?:\s|\z))?)"
_BE = rb"(?:is|ist|lautet|est|es|\xe9|to|er|\xe9r|on|was|war|ser\xe9|equals)"
_OPERATOR = (
    rb"[ \t]{0,4}(?::=|=>|={1,3}|:[ \t]?(?:str|string)[ \t]?=|:|\xe9r[ \t]|" + _BE + rb"[ \t])"
)
_SHORTEST = 4
_MOST_SPACES = 5
_BEFORE = 24
_LONGEST = 600


class AssignmentRecogniser:
    """The value assigned to a name that says that it is secret; the finding excludes the name.

    Knows names in twenty languages, as written in environments, YAML, JSON, XML, code, forms and
    sentences. A value may be quoted, or bare if it does not read like code (a call, a variable, a
    type) or like prose (words without a digit or symbol, unless directly behind `=`). Stand-ins
    such as `${PASSWORD}`, `<password>`, `****` and `changeme` are not findings, nor are the tokens
    that models count, pad with and page through.
    """

    kind = "secret"
    confidence = 0.7
    # Only a quoted value has spaces, and it is one only once the quotes are closed.
    opens = WORD + rb"|(?i:" + _NAME + rb")" + _ENDING + _AFTER_NAME + _OPEN_QUOTE
    name = "assignment"
    prefilter = (
        rb"(?i)"
        + _NAME
        + _ENDING
        + _AFTER_NAME
        + rb"(?:[ \t]{0,4}[:=]|[ \t]{1,4}"
        + _BE
        + rb"[ \t]"
        rb"|[ \t]{1,5}[\"'`]|[ \t]?\([ \t]{0,4}[\"']|,[ \t]{0,4}[\"']|>[^\s<]"
        rb"|[\s,\"']{1,20}value[\"']?[ \t]?[:=])"
        rb"|--[\w\-]{0,24}" + _NAME + rb"[ =]"
        rb"|(?:" + _PASSWORD + rb")[ \t][^\s\"'`,;<>&|]{0,40}[!@#$%^*+]"
    )

    def __init__(self) -> None:
        self._likely = compile_pattern(self.prefilter)
        self._pattern = compile_pattern(
            rb"(?i)\A(?:--[\w\-]{0,24}?)?("
            + _NAME
            + rb")"
            + _ENDING
            + _AFTER_NAME
            + rb"([\s,\"']{1,20}value[\"']?[ \t]?[:=]|"
            + _OPERATOR
            + rb"|,|[ \t]?\(|>|[ \t]"
            rb")[ \t]{0,4}(?:" + _QUOTED + rb"|" + _BARE + rb")"
        )
        self._stand_in = compile_pattern(
            rb"(?i)0x[0-9a-f]{1,4}|.*<[a-z][\w \-]*>.*|\$[({].*|\$[a-z_][\w.:\-]*|\$\d?|![a-z]*"
            rb"|%.*%|\{.*|<.*|\[.*|\(.*|[*.x\-_?#\x1f]+|.*\.\.\.|none|null|nil"
            rb"|undefined"
            rb"|true|false|yes|no|await|async|new|lambda|function|self|this|string|str|bytes"
            rb"|text|optional"
            rb"|required|redacted|hidden|masked"
            rb"|removed|unknown|empty|blank|n/?a|tbd|todo|change[_ \-]?(?:me|it|this)\w{0,4}"
            rb"|example\w{0,9}"
            rb"|placeholder|dummy|sample|xxx.*|env[.:(\[].*|process\.env.*|secrets?\..*|vault:.*"
            rb"|(?:your|my|the|a|an|new|old|some|any|enter|insert|use|choose|dein|deine|ihr|votre"
            rb"|mon|tu|su"
            rb"|il|la|el|o)[ _\-].*|your.*|enter.*|.*[_\-]here|" + _NAME
        )
        self._code = compile_pattern(
            rb"(?i)[a-z_][\w.]*[(\[{].*|[a-z_]\w*(?:\.[a-z_]\w*)+|/\S*/\S*"
        )
        self._reference = compile_pattern(
            rb"(?i).*(?:pass|pwd|secret|token|key|env|config|input|value).*"
        )
        self._symbol = compile_pattern(rb"[\d!@#$%^*+~=?\\]")
        self._letter, self._digit = compile_pattern(rb"[A-Za-z]"), compile_pattern(rb"\d")
        self._special = compile_pattern(rb"[!@#$%^*+]")
        self._counted = compile_pattern(
            rb"(?i)(?:next|page|continuation|cancel(?:lation)?|pad|eos|bos|unk|sep|cls|mask|stop"
            rb"|special|start|end|max|min|total|prompt|completion|input|output|num|per|sync"
            rb"|delimiter"
            rb"|by|compass|bypass|trespass)[ _\-]?\z"
        )
        self._line = compile_pattern(rb"(?:\A|\n)[ \t]{0,4}[\w\-]*\z")
        self._flag = compile_pattern(rb"(?:^|\s)--[\w\-]*\z")
        self._url = compile_pattern(rb"(?i)[a-z][a-z0-9+.\-]*://[^@]*")

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield values without their quotes."""
        done = 0
        while (likely := self._likely.search(data, done)) is not None:
            begin = likely.start()
            done = likely.end()
            match = self._pattern.search(data[begin : done + _LONGEST])
            if match is None:
                # No value follows.
                continue
            done = max(done, begin + match.end())
            name_at = begin + match.start(1)
            before = data[max(0, name_at - _BEFORE) : name_at]
            if self._counted.search(before):
                continue
            group = next(number for number in (3, 4, 5, 6) if match.group(number) is not None)
            start, end = begin + match.start(group), begin + match.end(group)
            value = data[start:end].rstrip()
            if match.group(2) == b">" and data[end : end + 1] != b"<":
                continue
            name, operator = match.group(1) or b"", (match.group(2) or b"").strip()
            if not operator and self._flag.search(before):
                operator = b"="
            if group < 6:
                value = value.rstrip(b"\\")
                secret = self._is_quoted_secret(value, operator)
                if not operator and name.lower() == b"pass":
                    # `pass` mostly means to hand something over.
                    secret = secret and self._made_up(value)
            elif operator in _QUOTED_ONLY:
                # `password Blue!Sky77` in a sentence: only a value composed like a password.
                value = value.rstrip(b".:)]}!?")
                secret = not operator and name[:1] in b"pP" and self._made_up(value)
            else:
                value = value.rstrip(b".:)]}")
                spaced = match.end(2) < match.start(group) or operator != match.group(2)
                code = spaced and self._line.search(before) is None
                secret = self._is_bare_secret(value.rstrip(b"!?"), name, operator, code=code)
            if secret and len(value) >= _SHORTEST:
                yield Span(start, start + len(value))

    def _made_up(self, value: bytes) -> bool:
        """Return whether it has letters, digits and symbols, and is not a stand-in."""
        kinds = (self._letter, self._digit, self._special)
        return all(kind.search(value) for kind in kinds) and not self._stand_in.fullmatch(value)

    def _is_quoted_secret(self, value: bytes, operator: bytes) -> bool:
        if self._stand_in.fullmatch(value) or self._url.fullmatch(value):
            return False
        if operator in _QUOTED_ONLY:
            return b" " not in value and self._symbol.search(value) is not None
        return value.count(b" ") <= _MOST_SPACES

    def _is_bare_secret(self, value: bytes, name: bytes, operator: bytes, *, code: bool) -> bool:
        if self._stand_in.fullmatch(value) or self._code.fullmatch(value):
            return False
        if self._url.fullmatch(value):
            return False
        if value.isdigit():
            # A number behind `token` counts tokens.
            return name[:1] in {b"p", b"P"}
        if self._symbol.search(value):
            return True
        # Spaces around `=` mean code, except at the beginning of a line of a configuration.
        return operator == b"=" and not code and self._reference.fullmatch(value) is None


_QUOTED_ONLY = frozenset({b"", b",", b"("})
