"""Any Unicode text -> ASCII and a few symbols that have names."""

from __future__ import annotations

import re
import unicodedata

# What later steps read: money, units, arithmetic, dashes.
KEPT = frozenset("€£¥¢₹₩₽฿₪₿₺₴₱₦₫₡₵₸₾°±×÷≈≠≤≥−²³§©®™µΩ√∞→↑↓–—∑∏∫∂∇∈∉∀∃∅∪∩⊂⊆∝∴∵⊥≡≅∧∨♯♭")

_SAME = {
    **{
        "'": "‘’‚‛′ʼ＇ʹʻʽˈˊˋ՚Ꞌꞌ´",
        '"': "“”„‟″«»‹›「」『』",
        "-": "‐‑",
        "–": "‒",
        "—": "―",
        "...": "…",
        ":": "∶؛",
    },
    **{". ": "。｡।॥۔։", ", ": "、，،•∙●▪■◦", "! ": "！", "? ": "？؟‽", " ": "·", "/": "∕⁄", "×": "⋅✕✖"},
    **{"ss": "ß", "SS": "ẞ", "ae": "æ", "Ae": "Æ", "oe": "œ", "Oe": "Œ", "th": "ðþ", "Th": "ÐÞ", "ng": "ŋ"},
    **{"o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "d": "đ", "D": "Đ", "h": "ħ", "H": "Ħ", "i": "ı"},
    **{
        "number ": "№",
        " per thousand": "‰",
        "~": "∼∽˜",
        "→": "⟶➔➜⇒➡",
        ".": "٫",
        ",": "٬",
        "°": "˚",
        "|": "｜¦",
    },
}
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
_REPLACED = {
    character: plain for plain, characters in _SAME.items() for character in characters
} | _SMALL_CAPITALS
_GREEK = "\u03b1-\u03c9\u0391-\u03a9"
_LONE_GREEK = re.compile(rf"(?<![{_GREEK}ά-ώ])([{_GREEK}])(?![{_GREEK}ά-ώ])")
_LIKE_UNITS = {
    "\N{GREEK SMALL LETTER MU}": "\N{MICRO SIGN}",
    "\N{GREEK CAPITAL LETTER OMEGA}": "\N{OHM SIGN}",
}
_FOOTNOTE = re.compile('(?:(?<=[A-Za-z]{3})|(?<=[.,!?”"]))[⁰¹²³⁴-⁹]+')
_RAISED = re.compile("[⁺⁻]?[⁰¹²³⁴-⁹]{2,}|[⁺⁻][⁰¹²³⁴-⁹]|[⁰¹⁴-⁹](?![A-Za-z])|ⁿ")
_HEART = re.compile("(?<=[Ii] )[♥❤]\ufe0f?(?= ?[A-Za-z])")
_STARS = re.compile("(★{1,5})(☆{0,4})")
_DEGREES = re.compile(r"(?<=\d)( ?)º(?=[CF](?![A-Za-z]))")

# What is left of a word that was parted at the end of a line: soft hyphens, and what programs write for them.
_PARTED = re.compile(
    "(?<=[A-Za-z\u00c0-\u024f])[\u00ad\u00ac\u0002\u001f\ufffe\uffff]\\s*(?=[a-z\u00df-\u024f])"
)
_LOST_APOSTROPHE = re.compile("(?<=[A-Za-z])\ufffd(?=(?:t|s|m|d|re|ve|ll)(?![A-Za-z]))")
_LOST = re.compile("(?<=[A-Za-z])\ufffd(?=[A-Za-z])")
_TICK = re.compile("(?<=[A-Za-z])`(?=(?:t|s|m|d|re|ve|ll)(?![A-Za-z]))")
# UTF-8 that was read as Windows-1252: `itâ€™s`.
_HIGH = "\u0080-\u00bf" + bytes(range(128, 160)).decode("cp1252", "ignore")
_MISREAD = re.compile(f"[\u00c2-\u00df][{_HIGH}]|[\u00e0-\u00ef][{_HIGH}]{{2}}|â€(?=[\\s.,!?]|\\Z)")


def mend(text: str) -> str:
    """What programs broke: words parted by soft hyphens, apostrophes that were lost, letters that were misread."""
    if text.isascii() and "\x02" not in text and "\x1f" not in text and "`" not in text:
        return text
    text = _MISREAD.sub(_read_again, text)
    text = _LOST.sub("", _LOST_APOSTROPHE.sub("'", _PARTED.sub("", text)))
    return _TICK.sub("'", text)


def fold(text: str) -> str:
    """Accents, typography and other scripts' digits in ASCII; what has no name here is gone."""
    if text.isascii():
        return text.translate(dict.fromkeys((*range(32), 127), " "))
    text = _FOOTNOTE.sub("", text)
    text = _STARS.sub(_stars, _HEART.sub("love", text))
    text = _DEGREES.sub("°", text)
    text = _RAISED.sub(
        lambda m: "^" + unicodedata.normalize("NFKD", m[0]).replace("−", "-").lstrip("+"), text
    )
    text = _LONE_GREEK.sub(_greek_letter, text)
    return text.translate({ord(character): _fold(character) for character in set(text)})


def _fold(character: str) -> str:
    if character in _REPLACED:
        return _REPLACED[character]
    if character in KEPT or " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Nl" or "\u2460" <= character <= "\u249b" or "\u2776" <= character <= "\u2793":  # Ⅳ, ④
        return f" {unicodedata.numeric(character):.0f} "
    plain = unicodedata.normalize("NFKD", character)
    if category == "No" and "⁄" in plain:  # ½
        return " " + plain.replace("⁄", "/")
    plain = "".join(part for part in plain if " " <= part <= "~" or part in KEPT)
    return plain or ("" if category in ("Mn", "Me", "Cf") else " ")


def _greek_letter(letter: re.Match[str]) -> str:
    if letter[0] in _LIKE_UNITS:
        return _LIKE_UNITS[letter[0]]
    name = unicodedata.name(letter[0], "").split()[-1:]
    return f" {name[0].lower()} " if name else " "


def _stars(found: re.Match[str]) -> str:
    """★★★☆☆"""
    full, empty = len(found[1]), len(found[2])
    return f" {full} out of {full + empty} stars " if empty else " "


def _read_again(found: re.Match[str]) -> str:
    if found[0] == "â€":
        return '"'
    try:
        return b"".join(_byte(character) for character in found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def _byte(character: str) -> bytes:
    return bytes([ord(character)]) if ord(character) < 256 else character.encode("cp1252")
