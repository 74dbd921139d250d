"""What is written with digits, in words: counts, years, ordinals, fractions, ranges, versions, powers."""

from __future__ import annotations

import re

from .number_words import amount, cardinal, code, digits, number, ordinal, plural, year
from .spoken import said

# A number in groups or not, with decimals or not. Runs are bounded: `long_runs` comes before all others.
NUMBER = r"(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})"
FRACTION = r"(?:(?:\d{1,4} )?\d{1,4}/\d{1,4}(?![\d/]))"
AMOUNT = rf"(?:{FRACTION}|{NUMBER})"
LEFT = r"(?<![\d/^])(?<!\^-)(?<!\d[.,])"
RIGHT = r"(?!\d|\.\d)"

_SPACED = re.compile(
    r"(?<![\w.,])(?<!\d )[1-9]\d{0,2}(?:(?: \d{3}){2,5}(?:,\d{1,2})?| 000| \d{3},\d{1,2})(?!,?\d)(?! \d)"
)
_SWISS = re.compile(r"(?<![\w,'])(?<!\d\.)[1-9]\d{0,2}(?:(?:'\d{3}){1,5}|(?:_\d{3}){1,5})(?![\d'_])")
_INDIAN = re.compile(r"(?<![\d,])(?<!\d\.)[1-9]\d?(?:,\d\d){1,6},\d{3}(?![\d,])")
_DOTTED = re.compile(
    r"(?<![\w.,])[1-9]\d{0,2}(?:(?:\.\d{3}){2,5}(?:,\d{1,2})?|\.\d{3},\d{1,2})(?![\d,]|\.\d)"
)
_COMMA = re.compile(
    r"(?<![\d,(])(?<!\d\.)(\d{1,6}),(\d{1,2}|\d{4,12})(?!\d|[.,]\d| (?:and|or|&) \d)"
    r"|(?<=\()(\d{1,6}),(\d{1,2})(?![\d)]|[.,]\d)"
)
_ROUND = re.compile(r"(?<=\d)/[-–](?![\w])")  # Rs. 500/-
_GERMAN = re.compile(r"(?<=\d) (Mio|Mrd)(?![A-Za-z])\.?")
_LISTED = re.compile(
    r"(?:pages|rows|lines|columns|items|chapters|verses|numbers|questions|rooms|steps|days|figures|games) \Z",
    re.IGNORECASE,
)
_PADDED = re.compile(
    r"(?<![A-Za-z])((?:chapter|lesson|track|day|episode|season|level|part|unit|step|round|week|month|volume|page|section"
    r"|question|exercise|figure|table|item|act|scene|book|phase|stage|game|match|race|slide|take|verse|version|module"
    r"|number|no\.|vol\.|ch\.) )0+([1-9]\d?)(?!\d|[.,:/-]\d)",
    re.IGNORECASE,
)
_SOFTWARE = re.compile(
    r"(?<![A-Za-z])([Vv]ersion|[Rr]elease|Python|Java|PHP|Ruby|Perl|Go|Rust|Node|Django|Rails|React|Angular|Ubuntu|Debian"
    r"|Fedora|Android|iOS|iPadOS|macOS|Windows|Linux|Kernel|kernel|Firefox|Chrome|Safari|PostgreSQL|Postgres|MySQL|SQLite"
    r"|Redis|CUDA|PyTorch|NumPy|Kubernetes|Docker) (\d{1,3})\.(\d{2})(?![\d%]|\.\d)"
)
_SCIENTIFIC = re.compile(r"(?<=\d)[eE]\+?(-?)(\d{1,3})(?!\w|\.\w)")
_VERSION = re.compile(r"(?<![\d.])\d{1,15}(?:\.\d{1,15}){2,9}(?!\.?\d)")
_PRERELEASE = re.compile(r"(?<=\d)-?(alpha|beta|rc|dev|pre|preview|post|snapshot)\.?(\d{0,3})(?!\w)")
_MINUS = re.compile(r"(?<![\w.,)\]%°^\-\x03])-(?=[$£€¥₹]?\.?\d)")
_ORDINAL = re.compile(
    rf"{LEFT}(\d{{1,3}}(?:,\d{{3}}){{1,4}}|\d{{1,15}})(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])"
)
_DECADE = re.compile(r"'?(?<![A-Za-z\d.,])(\d0|\d{3,4})'?s(?![A-Za-z'])")
_SHORT_YEAR = re.compile(r"(?<![\w'])'(\d\d)(?![\w'])")
_TIMES = re.compile(r"(\d{1,15})( ?[xX×*] ?)(?=(\d{1,15})(?!\d))")
_PAIR = re.compile(r"(?<![\d/])(?:(24)[/x](7)(/365)?|(9)/(11)|(50)/(50))(?![\d/])")
_MANY = re.compile(r"(?<![\d.,])1(00|,?000|,?000,?000)'?s(?= of )")
_TIMES_MORE = re.compile(r"(\d)[xX×](?![A-Za-z\d]| ?[-+=*/^])")
_OR_ORDINAL = re.compile(r"(?<=\d(?:st|nd|rd|th))/(?=\d)")
_SPLIT_ORDINAL = re.compile(r"(?<=\d) (?=(?:st|nd|rd|th)(?![A-Za-z']))")
_PART_WITH_LETTERS = re.compile(r"(?<![\d/])(\d{1,4}/\d{1,4})(?:st|nd|rd|th)s?(?![A-Za-z])")
_LETTER_POWER = re.compile(r"(?<=[A-Za-z\d)\]])\^[({]?(-?)([A-Za-z])[)}]?(?![A-Za-z\d])")
_PRODUCT = re.compile(r"(?<=[\d)]) ?\* ?(?=\()|(?<=\)) ?\* ?(?=[\d(])|(?<=\w) \* (?=\d)|(?<=\d) \* (?=\w)")
_POWER = re.compile(r"(?<=[A-Za-z\d)\]])\^(-?)(\d{1,15})(?!\d|\.\d)")
_SUPERSCRIPT = re.compile(r"(?<=[A-Za-z\d)\]\x03])([²³])")
_FRACTION = re.compile(rf"{LEFT}{FRACTION}{RIGHT}")
_RANGE = re.compile(rf"{LEFT}({AMOUNT}) ?[-–] ?({AMOUNT}){RIGHT}( ?=)?")
_RATIO = re.compile(r"(?<=\d):(?=\d)")
_BOOK = (
    r"(?:Gen|Ex|Exod|Lev|Num|Deut|Josh|Judg|Sam|Kgs|Chr|Neh|Ps|Prov|Eccl|Isa|Jer|Ezek|Dan|Hos|Mic|Matt|Rom|Cor|Gal|Eph"
    r"|Phil|Col|Thess|Tim|Heb|Jas|Pet|Rev)\.?|Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel"
    r"|Kings|Chronicles|Ezra|Nehemiah|Esther|Job|Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Ezekiel|Daniel|Hosea|Joel"
    r"|Amos|Jonah|Micah|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|Philippians|Colossians"
    r"|Thessalonians|Timothy|Titus|Hebrews|James|Peter|Jude|Revelation|Quran|Qur'an|Surah"
)
_VERSE = re.compile(rf"(?<![A-Za-z])({_BOOK}) (\d{{1,3}}):(\d{{1,3}})(?![\d:]| ?[ap]\.?m)")
_OLD_YEAR = re.compile(r"(?<=\b[Ii]n )(10\d\d)(?![\d,:/-]|\.\d)")
_PLAIN = re.compile(rf"{LEFT}({NUMBER}){RIGHT}('?s(?![A-Za-z]))?")
_REST = re.compile(r"\d{1,15}")


def say_groups(text: str) -> str:
    """Numbers in the groups and with the decimal marks of other countries, as Americans write them."""
    text = _SPACED.sub(lambda m: _american(m[0], " "), text)
    text = _SWISS.sub(lambda m: re.sub("['_]", ",", m[0]), text)
    text = _INDIAN.sub(lambda m: f"{int(m[0].replace(',', '')):,}", text)
    text = _DOTTED.sub(lambda m: _american(m[0], "."), text)
    text = _GERMAN.sub(lambda m: " million" if m[1] == "Mio" else " billion", _ROUND.sub("", text))
    text = _COMMA.sub(_decimal_comma, text)
    text = _PADDED.sub(r"\1\2", text)
    return _SCIENTIFIC.sub(lambda m: f" × 10^{m[1]}{m[2]}", text)


def say_verses(text: str) -> str:
    """`John 3:16` is no time."""
    return _VERSE.sub(lambda m: f"{m[1]} {said(f'{number(m[2])} {number(m[3])}')}", text)


def say_series(text: str) -> str:
    """Versions like 4.0.1, decades, whose `s` is not seconds, and products."""
    text = re.sub(r"\b(?:v\.? ?(?=\d)|V(?=\d\.\d))", "version ", text)
    text = _SOFTWARE.sub(_software, text)
    text = _PAIR.sub(lambda m: said(_pair(m)), text)
    text = _MANY.sub(lambda m: said(plural(cardinal(int("1" + m[1].replace(",", ""))).split()[-1])), text)
    text = _DECADE.sub(lambda m: said(plural(number(m[1], years=True))), text)
    text = _TIMES.sub(lambda m: m[1] + said(_times(m)), text)
    text = _PRERELEASE.sub(r" \1 \2", text)
    return _VERSION.sub(lambda m: said(" point ".join(map(number, m[0].split(".")))), text)


def mark_minus(text: str) -> str:
    return re.sub(r"([$£€¥₹])-(?=\.?\d)", r"−\1", _MINUS.sub("−", text))


def say_numbers(text: str) -> str:
    """All digits that are left."""
    text = _POWER.sub(_power, _PRODUCT.sub(" × ", text))
    text = _LETTER_POWER.sub(lambda m: said(f"to the power of{' minus' if m[1] else ''}") + f" {m[2]}", text)
    text = _PART_WITH_LETTERS.sub(r"\1", _SPLIT_ORDINAL.sub("", _OR_ORDINAL.sub(" or ", text)))
    text = _ORDINAL.sub(lambda m: said(ordinal(int(m[1].replace(",", "")))), text)
    text = _SHORT_YEAR.sub(lambda m: said(year(1900 + int(m[1])).split(" ", 1)[1]), text)
    text = _TIMES_MORE.sub(lambda m: m[1] + said("times"), text)
    text = _RANGE.sub(_range, text)
    text = _FRACTION.sub(lambda m: said(amount(m[0])), text)
    text = _OLD_YEAR.sub(lambda m: said(year(int(m[1]))), text)
    text = _RATIO.sub(said("to"), text)
    text = _PLAIN.sub(_plain, text)
    text = re.sub(r"(?<=\d)\.(?=\d)", said("point"), text)
    text = _REST.sub(lambda m: said(number(m[0])), text)
    return _SUPERSCRIPT.sub(lambda m: said("squared" if m[1] == "²" else "cubed"), text)


def _american(written: str, group: str) -> str:
    whole, comma, decimals = written.partition(",")
    return whole.replace(group, ",") + ("." + decimals if comma else "")


def _decimal_comma(found: re.Match[str]) -> str:
    """22,1 is no list, but 1999,2000 is one; so is `pages 3,7`."""
    whole, decimals = found[1] or found[3], found[2] or found[4]
    is_list = len(whole) > 3 and len(decimals) > 3
    if is_list or _LISTED.search(found.string[max(0, found.start() - 12) : found.start()]):
        return f"{whole}, {decimals}"
    return f"{whole}.{decimals}"


def _software(found: re.Match[str]) -> str:
    """Version 3.11 comes after 3.9."""
    name, major, minor = found.groups()
    behind = f"oh {cardinal(int(minor))}" if minor[0] == "0" else f"point {code(minor)}"
    return f"{name} {said(f'{cardinal(int(major))} {behind}')}"


def _power(power: re.Match[str]) -> str:
    minus, exponent = power.groups()
    if not minus and exponent in ("2", "3"):
        return said("squared" if exponent == "2" else "cubed")
    return said(f"to the power of {'minus ' if minus else ''}{number(exponent)}")


def _times(times: re.Match[str]) -> str:
    """`3x4` is a product; 4x4 and 1920x1080 are sizes."""
    first, sign, second = times.groups()
    is_size = min(len(first), len(second)) > 2 or (first == second and sign.strip() in "xX")
    return "by" if is_size else "times"


def _pair(pair: re.Match[str]) -> str:
    words = " ".join(number(n) for n in pair.groups() if n and n[0] != "/")
    return f"{words}, three sixty-five" if pair[3] else words


def _range(span: re.Match[str]) -> str:
    low, high, equals = span.groups()
    if len(high) > 2 and high[0] == "0" and high.isdigit():  # INV 2024-001
        return said(f"{number(low, years=True)} dash {digits(high)}") + (equals or "")
    is_spaced = " - " in span[0] and "/" not in low + high
    is_minus = bool(equals) or (is_spaced and _value(low) >= _value(high))
    if any("/" in end for end in (low, high)):
        words = amount(low), amount(high)
    else:
        words = number(low, years=True), number(high, years=True)
    return said(f"{words[0]} {'minus' if is_minus else 'to'} {words[1]}") + (equals or "")


def _value(written: str) -> float:
    return float(written.replace(",", ""))


def _plain(found: re.Match[str]) -> str:
    words = number(found[1], years=True)
    return said(plural(words) if found[2] else words)
