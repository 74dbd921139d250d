"""Money, and numbers with units, in words."""

from __future__ import annotations

import re

from .numerals import AMOUNT, LEFT, NUMBER, RIGHT, amount, is_singular, number
from .spoken import END, ends_sentence, said, table

# (one, many, one hundredth, many hundredths)
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "", ""),
    "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "", ""),
    "¢": ("cent", "cents", "", ""),
}
_SCALES = table("k: thousand; m: million; mn: million; b: billion; bn: billion; t: trillion; tn: trillion")
_SCALE = r"(?: ?(hundred|thousand|million|billion|trillion)(?![a-z])|(mn|bn|tn|[kKmMbBtT])(?![A-Za-z\d]))"
_PREFIXED = re.compile(
    rf"(?<![A-Za-z])(US|AU|NZ|HK|[AC])?([$£€¥₹₩₽]) ?({NUMBER}){RIGHT}(?: ?[-–] ?[$£€¥₹₩₽]?({NUMBER}){RIGHT})?{_SCALE}?"
)
_SUFFIXED = re.compile(rf"{LEFT}({NUMBER}){RIGHT}(?: ?([€£¥¢₹₩₽])|(\$))(?!\d)")
_COUNTED = table("k: thousand; K: thousand; M: million; mn: million; bn: billion; tn: trillion")
_COUNT = re.compile(rf"(?<![A-Za-z]){LEFT}(?![248]K)({NUMBER}){RIGHT}(k|K|M|mn|bn|tn)(?![A-Za-z\d²³/])")

# Symbol: name, where + is the plural s.
_UNITS = table("""
    km: kilometer+; m: meter+; dm: decimeter+; cm: centimeter+; mm: millimeter+; µm: micrometer+; nm: nanometer+;
    mi: mile+; ft: foot|feet; yd: yard+; yds: yard+; kg: kilogram+; g: gram+; mg: milligram+; µg: microgram+;
    lb: pound+; lbs: pound+; oz: ounce+; l: liter+; L: liter+; dl: deciliter+; dL: deciliter+; cl: centiliter+;
    ml: milliliter+; mL: milliliter+; gal: gallon+; qt: quart+; tsp: teaspoon+; tbsp: tablespoon+;
    cc: cubic centimeter+; ha: hectare+; px: pixel+; pcs: piece+; ns: nanosecond+; µs: microsecond+;
    ms: millisecond+; s: second+; sec: second+; secs: second+; min: minute+; mins: minute+; h: hour+; hr: hour+;
    hrs: hour+; yr: year+; yrs: year+; wk: week+; wks: week+; mph: mile+ per hour; kph: kilometer+ per hour;
    kmh: kilometer+ per hour; mpg: mile+ per gallon; rpm: revolution+ per minute; bpm: beat+ per minute;
    fps: frame+ per second; dpi: dot+ per inch; ppm: part+ per million; psi: pound+ per square inch;
    bit/s: bit+ per second; bps: bit+ per second; kbps: kilobit+ per second; kbit/s: kilobit+ per second;
    Mbps: megabit+ per second; Mbit/s: megabit+ per second; Gbps: gigabit+ per second; Gbit/s: gigabit+ per second;
    kB: kilobyte+; KB: kilobyte+; MB: megabyte+; GB: gigabyte+; TB: terabyte+; PB: petabyte+; KiB: kibibyte+;
    MiB: mebibyte+; GiB: gibibyte+; TiB: tebibyte+; Hz: hertz; kHz: kilohertz; MHz: megahertz; GHz: gigahertz;
    V: volt+; mV: millivolt+; kV: kilovolt+; W: watt+; mW: milliwatt+; kW: kilowatt+; MW: megawatt+; GW: gigawatt+;
    Wh: watt-hour+; kWh: kilowatt-hour+; MWh: megawatt-hour+; mA: milliamp+; mAh: milliamp-hour+; Ω: ohm+;
    kΩ: kilohm+; J: joule+; kJ: kilojoule+; kcal: kilocalorie+; N: newton+; Pa: pascal+; hPa: hectopascal+;
    kPa: kilopascal+; dB: decibel+; °: degree+; °C: degree+ Celsius; ° C: degree+ Celsius; °F: degree+ Fahrenheit;
    ° F: degree+ Fahrenheit; USD: US dollar+; EUR: euro+; GBP: British pound+; JPY: yen; CHF: Swiss franc+
    """)
_SINGLE_CAPITALS = "VWJN"  # follow without a blank: "Section 5 N" is no force
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_MEASURED = re.compile(
    rf"(\b[Aa]n? )?(?<![A-Za-z]){LEFT}({AMOUNT})(?: ?[-–] ?({AMOUNT}))?{RIGHT}"
    rf"([ -]?)(sq\.? ?)?({_UNIT})([²³])?(?:/({_UNIT})([²³])?)?(?![A-Za-z\d²³'])(\.(?![A-Za-z\d.]))?"
)
_FEET_INCHES = re.compile(r"(?<![\w.])(\d{1,2})' ?(\d{1,2})(?:\"|'')")
_INCHES = re.compile(rf"{LEFT}({AMOUNT}) ?in\.(?= [a-z])")
_NAMED_THINGS = re.compile(
    r" (?:bills?|notes?|coins?|checks?|words?|question|prize|tickets?|fine|reward)(?![a-z])"
)
_ARTICLE = re.compile(r"\b[Aa]n? \Z")
_PER = re.compile(rf"{END}/([a-z]+)")


def say_amounts(text: str) -> str:
    text = _PREFIXED.sub(_prefixed, text)
    text = _SUFFIXED.sub(_suffixed, text)
    text = _FEET_INCHES.sub(_feet_inches, text)
    text = _INCHES.sub(lambda m: said(f"{amount(m[1])} inch{'' if is_singular(m[1]) else 'es'}"), text)
    text = _COUNT.sub(lambda m: said(f"{number(m[1])} {_COUNTED[m[2]]}"), text)
    text = _MEASURED.sub(_measured, text)
    text = text.replace("%", said("percent"))
    return _PER.sub(lambda m: f"{END} per {_name(m[1], None, True) if m[1] in _UNITS else m[1]}", text)


def _prefixed(money: re.Match[str]) -> str:
    country, symbol, low, high, scale, short = money.groups()
    scale = scale or _SCALES.get((short or "").lower())
    one, many, *_ = _CURRENCIES[symbol]
    is_adjective = (
        bool(_ARTICLE.search(money.string[max(0, money.start() - 4) : money.start()]))
        or money.string[money.end() : money.end() + 1] == "-"
        or bool(_NAMED_THINGS.match(money.string, money.end()))
    )
    if not (high or scale or is_adjective or country):
        return said(_money(low, symbol))
    words = number(low)
    if high:
        words += f" to {number(high)}"
    if scale:
        words += f" {scale}"
    if country:
        words += f" {country}"
    return said(f"{words} {one if is_adjective or (low == '1' and not (high or scale)) else many}")


def _suffixed(money: re.Match[str]) -> str:
    return said(_money(money[1], money[2] or money[3]))


def _money(written: str, symbol: str) -> str:
    one, many, cent, cents = _CURRENCIES[symbol]
    whole, _, decimals = written.partition(".")
    if len(decimals) != 2 or not cent:
        return f"{number(written)} {one if written == '1' else many}"
    words = []
    if whole.strip("0") or decimals == "00":
        words.append(f"{number(whole)} {one if whole == '1' else many}")
    if decimals != "00":
        words.append(f"{number(decimals.lstrip('0'))} {cent if decimals == '01' else cents}")
    return " and ".join(words)


def _feet_inches(length: re.Match[str]) -> str:
    feet, inches = length.groups()
    return said(
        f"{number(feet)} {'foot' if feet == '1' else 'feet'} {number(inches)} inch{'' if inches == '1' else 'es'}"
    )


def _measured(found: re.Match[str]) -> str:
    article, low, high, glue, square, unit, power, below, below_power, period = found.groups()
    if glue and unit in _SINGLE_CAPITALS:
        return found[0]
    words = f"{amount(low)} to {amount(high)}" if high else amount(low)
    is_part = "/" in low and " " not in low and not high
    is_one = is_part or bool(article) or glue == "-" or (not high and is_singular(low))
    name = _name(unit, power, is_one, bool(square))
    if is_part and glue != "-":
        words = "half" if low == "1/2" else words
        an = "an" if name[0] in "aeio" or name.startswith("hour") else "a"
        name = f"{an} {name}" if words == "half" else f"of {an} {name}"
    if below:
        name += f" per {_name(below, None, True)}{_powers(below_power)}"
    full_stop = period and ends_sentence(found.string, found.end(), any_capital=True)
    return (article or "") + said(f"{words}{'-' if glue == '-' else ' '}{name}") + ("." if full_stop else "")


def _name(unit: str, power: str | None, is_one: bool, square: bool = False) -> str:
    one, _, many = _UNITS[unit].partition("|")
    name = one.replace("+", "") if is_one else (many or one).replace("+", "s")
    if square or power == "²":
        return f"square {name}"
    return f"cubic {name}" if power else name


def _powers(power: str | None) -> str:
    return {"²": " squared", "³": " cubed"}.get(power or "", "")
