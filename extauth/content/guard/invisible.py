"""Characters that no person sees and that carry text all the same."""

from __future__ import annotations

from extauth.content.pattern import compile_pattern

_TAG = r"[\x{e0000}-\x{e007f}]"
_SELECTOR = r"[\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}]"
_UNSEEN = (
    r"[\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}-\x{200f}"
    r"\x{202a}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{feff}\x{ffa0}\x{fff0}-\x{fffb}"
    r"\x{1d173}-\x{1d17a}]"
)

# One group: what is left out of the count is what people write. A flag of a region is a black flag
# and a few tags; one selector follows an emoji or an ideograph; a joiner or a mark of direction
# stands alone or beside another.
_HIDDEN = compile_pattern(
    rf"\x{{1f3f4}}[\x{{e0061}}-\x{{e007a}}\x{{e0030}}-\x{{e0039}}]{{3,6}}\x{{e007f}}"
    rf"|({_TAG}+|{_SELECTOR}{{2,}}|{_UNSEEN}{{4,}})".encode(),
    utf8=True,
)


def invisible(text: str) -> int:
    """How many characters of `text` are in runs that hide something; linear.

    Unicode's tag characters, but not those of a flag; two variation selectors or more in a row;
    four characters or more in a row of no width, of direction, or that only fill.
    """
    if text.isascii():
        return 0
    data = text.encode("utf-8", "replace")
    return sum(
        len(run.decode()) for match in _HIDDEN.finditer(data) if (run := match.group(1)) is not None
    )
