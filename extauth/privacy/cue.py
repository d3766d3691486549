"""Words of other scripts that tell what stands beside them, in the words recognisers look for.

Folding keeps no letters but ASCII's, so these few are translated first, each into as many
characters as it has: offsets stay offsets.
"""

from __future__ import annotations

import re

import re2

_CUES = {
    # Dates of birth.
    "born": (
        *(
            "生年月日",
            "出生日期",
            "誕生日",
            "出生年月日",
            "生まれ",
            "出生于",
            "出生於",
            "生于",
            "生於",
        ),
        *("생년월일", "출생일", "태어난 날", "출생"),
        *("дата рождения", "даты рождения", "дату рождения"),
        *("г.р.", "родился", "родилась", "рождён", "рождена", "рожден", "дата народження"),
        *("народився", "народилася", "роден на", "родена на", "дата на раждане"),
        *("ημερομηνία γέννησης", "γεννήθηκε", "γεννηθείς", "γεννηθείσα"),
        *("تاريخ الميلاد", "تاريخ الولادة", "مواليد", "ولد في", "ولدت في"),
        *("תאריך לידה", "נולד", "נולדה", "जन्म तिथि", "जन्मतिथि", "जन्म"),
        *("วันเกิด", "เกิดวันที่"),
    ),
    "yob": (
        "год рождения",
        "года рождения",
        "рік народження",
        "出生年",
        "出生年份",
        "έτος γέννησης",
    ),
    # Passwords.
    "pwd": (
        *("пароль", "пароля", "паролем", "密码", "密碼", "口令", "パスワード", "暗証番号"),
        *("비밀번호", "암호", "κωδικός πρόσβασης", "κωδικος προσβασης", "συνθηματικό"),
        *("كلمة المرور", "كلمة السر", "סיסמה", "סיסמא", "पासवर्ड", "รหัสผ่าน"),
    ),
    # Identity documents, tax numbers, accounts.
    "pasport": ("паспорт", "паспорта", "загранпаспорт", "паспорту"),
    "pass": ("护照", "護照", "パスポート", "旅券", "여권", "جواز السفر", "דרכון", "διαβατήριο"),
    "tel": (
        *("телефон", "тел.", "моб.", "мобильный", "电话", "電話", "手机", "手機", "携帯"),
        *("전화", "휴대폰", "τηλέφωνο", "τηλ.", "κινητό", "هاتف", "جوال", "טלפון", "נייד", "फ़ोन"),
    ),
}
# Where a word of another script has fewer characters than the ASCII one.
_SHORTER = {("born", 3): "dob", ("born", 2): "b:", ("pwd", 2): "pw"}


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for cue, words in _CUES.items():
        for word in words:
            for spelling in (word, word.capitalize(), word.upper()):
                short = _SHORTER.get((cue, len(spelling)), cue[: len(spelling)])
                spellings[spelling] = short.rjust(len(spelling))
    return spellings


_SPELLINGS = _spellings()
_ANY = "|".join(map(re.escape, sorted(_SPELLINGS, key=len, reverse=True)))
_PATTERN = re2.compile(_ANY)
_SURROGATES = re.compile("[\ud800-\udfff]")


def translated(text: str) -> str:
    """`text`, as long as it was, with the words of other scripts in ASCII where they are known."""
    try:
        if _PATTERN.search(text) is None:
            return text
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\x1f", text)
    replaced: str = _PATTERN.sub(_translation, text)
    return replaced


def _translation(found: re.Match[str]) -> str:
    word, at = found.group(), found.start()
    # In scripts with cases, the end of a longer word is another word.
    inside = at > 0 and word[0].lower() != word[0].upper() and found.string[at - 1].isalpha()
    return word if inside else _SPELLINGS[word]
