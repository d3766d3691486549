"""Cue words of other scripts, translated into the ASCII cues that recognisers look for.

Folding keeps only ASCII letters, so these words are translated first, each into as many characters
as it has: offsets stay the same.
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
        *("密码是", "密碼是", "口令是", "パスワードは", "비밀번호는"),
        *("كلمة المرور", "كلمة السر", "סיסמה", "סיסמא", "पासवर्ड", "รหัสผ่าน"),
    ),
    # Identity documents, tax numbers, accounts.
    "pasport:": ("паспорт", "паспорта", "загранпаспорт", "паспорту"),
    "ppt": ("护照", "護照", "パスポート", "旅券", "여권", "جواز السفر", "דרכון", "διαβατήριο"),
    "nid": (
        *("身份证", "身分證", "身分证", "公民身份号码", "マイナンバー", "個人番号", "주민등록번호"),
        *("บัตรประชาชน", "주민번호", "الهوية", "תעודת זהות", "מספר זהות", "आधार"),
    ),
    "acct": (
        *(
            "银行账号",
            "银行账户",
            "銀行帳號",
            "账号",
            "帳號",
            "口座番号",
            "口座",
            "계좌번호",
            "계좌",
        ),
        *("номер счёта", "номер счета", "расчётный счёт", "расчетный счет", "лицевой счёт", "р/с"),
        *("رقم الحساب", "λογαριασμός", "חשבון בנק"),
    ),
    "snils": ("снилс",),
    "inn": ("инн",),
    "egn": ("егн", "единен граждански номер"),
    "ipn": ("ипн", "іпн", "рнокпп", "ідентифікаційний номер"),
    "edrpou": ("єдрпоу",),
    "pib": ("пиб",),
    "amka": ("αμκα",),
    "afm": ("αφμ", "α.φ.μ."),
    "tin": (
        "法人番号",
        "統一編號",
        "统一社会信用代码",
        "纳税人识别号",
        "الرقم الضريبي",
        "사업자등록번호",
    ),
    "dlic": (
        *("運転免許証", "運転免許", "驾驶证", "驾照", "駕照", "운전면허", "운전면허증"),
        *("водительское удостоверение", "رخصة القيادة", "רישיון נהיגה"),
    ),
    "ver": (
        "版本",
        "バージョン",
        "버전",
        "версия",
        "версии",
        "версию",
        "версія",
        "الإصدار",
        "έκδοση",
    ),
    "tel": (
        *("телефон", "тел.", "моб.", "мобильный", "电话", "電話", "手机", "手機", "携帯"),
        *("전화", "휴대폰", "τηλέφωνο", "τηλ.", "κινητό", "هاتف", "جوال", "טלפון", "נייד", "फ़ोन"),
    ),
}
# Short forms, for words of another script that have fewer characters than the ASCII cue.
_SHORTER = {
    ("born", 3): "dob",
    ("born", 2): "b:",
    ("pwd", 2): "pw",
    ("tel", 2): "t:",
    ("ppt", 2): "p!",
    ("acct", 2): "a!",
    ("acct", 3): "a/c",
    ("dlic", 2): "d!",
    ("dlic", 3): "dl",
    ("ver", 2): "v:",
}
# Particles that end such a word: the value follows, as after a colon.
_IS = "是は는"


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for cue, words in _CUES.items():
        for word in words:
            for spelling in (word, word.capitalize(), word.upper()):
                spellings[spelling] = _in_ascii(cue, spelling)
    return spellings


def _in_ascii(cue: str, spelling: str) -> str:
    """Return the cue at the length of `spelling`, with a colon in place of a final particle."""
    length = len(spelling)
    if spelling[-1] in _IS:
        return (_SHORTER.get((cue, length - 1), cue[: length - 1]) + ":").rjust(length)
    return _SHORTER.get((cue, length), cue[:length]).rjust(length)


_SPELLINGS = _spellings()
_ANY = "|".join(map(re.escape, sorted(_SPELLINGS, key=len, reverse=True)))
_PATTERN = re2.compile(_ANY)
_SURROGATES = re.compile("[\ud800-\udfff]")


def translated(text: str) -> str:
    """Return `text` at its length, with the known words of other scripts in ASCII."""
    try:
        if _PATTERN.search(text) is None:
            return text
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\x1f", text)
    replaced: str = _PATTERN.sub(_translation, text)
    return replaced


def _translation(found: re.Match[str]) -> str:
    word, at = found.group(), found.start()
    # In scripts with cases, a part of a longer word does not count.
    cased = word[0].lower() != word[0].upper()
    behind = found.string[found.end() : found.end() + 1]
    goes_on = word[-1].isalpha() and behind.isalpha()
    if cased and (goes_on or (at > 0 and found.string[at - 1].isalpha())):
        return word
    told = _SPELLINGS[word]
    # In scripts without spaces the number follows directly, and must not join the ASCII cue.
    if (
        not cased
        and (behind.isalnum() or behind == "+")
        and behind.isascii()
        and told[-1].isalpha()
    ):
        return _apart(told)
    return told


def _apart(told: str) -> str:
    """Return the cue with a colon behind it, shortened where there is no room."""
    cue = told.strip()
    if len(cue) < len(told):
        return f"{cue}:".rjust(len(told))
    whole = next((long for long in _CUES if long.startswith(cue)), cue)
    shorter = _SHORTER.get((whole, len(cue) - 1), cue[:-1])
    return shorter + ":" if shorter[-1].isalpha() else shorter.ljust(len(cue))
