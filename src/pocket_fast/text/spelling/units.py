"""Numbers with units in words, and units on their own where nothing else looks like that."""

from __future__ import annotations

import re

from .number_words import amount, is_singular, number
from .numerals import AMOUNT, FRACTION, LEFT, NUMBER, RIGHT
from .spoken import END, ends_sentence, said, table, word_set

_COUNTED = table("k: thousand; K: thousand; M: million; mn: million; bn: billion; tn: trillion")
_COUNT = re.compile(rf"(?<![A-Za-z]){LEFT}(?![248]K)({NUMBER}){RIGHT}(k|K|M|mn|bn|tn)(?![A-Za-z\d²³/])")

_CROWD = "people|users|views|viewers|followers|subscribers|dollars|euros|pounds|copies|downloads|customers|jobs|homes"
_MILLIONS = re.compile(rf"(?<![A-Za-z]){LEFT}({NUMBER}){RIGHT}m(?= (?:{_CROWD})(?![a-z]))")
_SPORTS = re.compile(
    r"(?<![\w.,])(\d{1,2})K(?= (?:race|run|walk|TV|video|monitor|display|screen|resolution|camera))"
)

# Symbol: name, where + is the plural s.
_UNITS = table("""
    km: kilometer+; m: meter+; dm: decimeter+; cm: centimeter+; mm: millimeter+; µm: micrometer+; nm: nanometer+;
    mi: mile+; ft: foot|feet; yd: yard+; yds: yard+; kg: kilogram+; g: gram+; mg: milligram+; µg: microgram+;
    mcg: microgram+; lb: pound+; lbs: pound+; oz: ounce+; l: liter+; L: liter+; dl: deciliter+; dL: deciliter+;
    cl: centiliter+; ml: milliliter+; mL: milliliter+; gal: gallon+; qt: quart+; tsp: teaspoon+; tbsp: tablespoon+;
    cc: cubic centimeter+; mmHg: millimeter+ of mercury; ha: hectare+; px: pixel+; pcs: piece+; ns: nanosecond+;
    µs: microsecond+; ms: millisecond+; s: second+; sec: second+; secs: second+; min: minute+; mins: minute+;
    h: hour+; hr: hour+; hrs: hour+; yr: year+; yrs: year+; wk: week+; wks: week+; mo: month+; mos: month+;
    yo: year old; mph: mile+ per hour; kph: kilometer+ per hour; kmh: kilometer+ per hour; mpg: mile+ per gallon;
    rpm: revolution+ per minute; bpm: beat+ per minute; fps: frame+ per second; dpi: dot+ per inch;
    ppm: part+ per million; psi: pound+ per square inch; Mbit: megabit+; Gbit: gigabit+; bit/s: bit+ per second;
    bps: bit+ per second; kbps: kilobit+ per second; kbit/s: kilobit+ per second; Mbps: megabit+ per second;
    Mbit/s: megabit+ per second; Gbps: gigabit+ per second; Gbit/s: gigabit+ per second; Mb/s: megabit+ per second;
    Gb/s: gigabit+ per second; kB: kilobyte+; KB: kilobyte+; MB: megabyte+; GB: gigabyte+; TB: terabyte+;
    PB: petabyte+; kb: kilobyte+; mb: megabyte+; gb: gigabyte+; tb: terabyte+; KiB: kibibyte+; MiB: mebibyte+;
    GiB: gibibyte+; TiB: tebibyte+; Hz: hertz; kHz: kilohertz; MHz: megahertz; GHz: gigahertz; hz: hertz;
    khz: kilohertz; mhz: megahertz; ghz: gigahertz; V: volt+; mV: millivolt+; kV: kilovolt+; W: watt+; mW: milliwatt+;
    kW: kilowatt+; MW: megawatt+; GW: gigawatt+; Wh: watt-hour+; kWh: kilowatt-hour+; kwh: kilowatt-hour+;
    MWh: megawatt-hour+; mA: milliamp+; mAh: milliamp-hour+; Ah: amp-hour+; Ω: ohm+; kΩ: kilohm+; MΩ: megohm+;
    J: joule+; kJ: kilojoule+; kcal: kilocalorie+; cal: calorie+; N: newton+; Nm: newton-meter+; Pa: pascal+;
    hPa: hectopascal+; kPa: kilopascal+; MPa: megapascal+; mbar: millibar+; bar: bar+; hp: horsepower; mol: mole+;
    mmol: millimole+; rad: radian+; lx: lux; lm: lumen+; dB: decibel+; °: degree+; °C: degree+ Celsius;
    ° C: degree+ Celsius; °F: degree+ Fahrenheit; ° F: degree+ Fahrenheit; °K: kelvin; KM: kilometer+; KG: kilogram+;
    Kg: kilogram+; CM: centimeter+; ML: milliliter+; KMH: kilometer+ per hour; MPH: mile+ per hour; LBS: pound+;
    kms: kilometer+; kgs: kilogram+; sqft: square foot|square feet; sqm: square meter+
    """)
_SINGLE_CAPITALS = "VWJN"  # "Section 5 N" is no force
_LABEL = re.compile(r"(?:[A-Z][a-z]*\.? |# ?)\Z")
_LENGTHS = "km|dm|cm|mm|m|ft|in|yd|mi|s"
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_POWER = r"(?:²|³|\^?[23](?![\d.]*\d))"
_BELOW = rf"(?:/ ?((?:10{{1,3}} ?)?)({_UNIT})({_POWER})?)"
_MEASURED = re.compile(
    rf"(\b[Aa]n? )?(?<![A-Za-z]){LEFT}({AMOUNT})(?: ?(?:[-–]|to) ?({AMOUNT}))?{RIGHT}([ -]?)(sq\.? ?|cu\.? ?)?"
    rf"(?:({_UNIT})([²³])?|({_LENGTHS})(\^?[23]))(?:{_BELOW})?(?![A-Za-z\d²³'^])(\.(?![A-Za-z\d.]))?"
)
_TWO = re.compile(rf"(?<=\d)( ?(?:{_UNIT}))/(?=\d)(?!10{{1,3}} ?(?:{_UNIT}))")  # 180°C/350°F
# On its own: `in km`, `kg/m³`.
_ALONE = r"(?:km|kg|cm|mg|ml|mL|kWh|MWh|kHz|MHz|GHz|mph|kph|MB|GB|Mbit|kcal|kJ|kW|µg)"
_RATE = re.compile(
    rf"(?<![\w/°.'-])(?<!\d )({_ALONE}|[mgl$€£]|[LJWN](?!/[LJWNV])|rad|m?mol)({_POWER})?/((?:100 ?)?)({_UNIT}|K|d|a)"
    rf"({_POWER})?(?![\w/²³'-])"
)
_LONE = re.compile(
    r"(?<![\w/.'-])(?<!\d )(per |each )?(km|kg|cm|mg|µg|µm|kWh|kHz|MHz|GHz|mph|kph)([²³]|\^?[23])?(?![\w'-])"
)
_SQUARES = re.compile(
    r"(?<![\w/.'-])(?<!\d )(per |each )?(?:(km|cm|mm|ft|yd|mi|m(?=[²³]))([²³]|\^?[23])(?![\w/'-])"
    r"|sq\.? (ft|km|mi|m|yd|in)\b\.?(?! [A-Z]))"
)
_MORE_NAMES = {"K": "kelvin", "d": "day", "a": "year"}
_MORE_NAMES |= {"$": "dollars", "€": "euros", "£": "pounds"}
_HEIGHT = re.compile(r"(?<![\w.,])([3-8])'(1[01]|\d)(?![\w'\"])")  # 5'4
_FEET_INCHES = re.compile(
    r"(?<![\w.])(\d{1,2})(?:' ?(\d{1,2}(?: ?1/2|\.5)?)(?:\"|'')| ?(?:ft\.?|feet|foot) (\d{1,2}) ?in\.?(?![A-Za-z]))"
)
_HEIGHT = re.compile(r"(?<![\w.,])([3-8])'(1[01]|\d)(?![\w'\"])")  # 5'4
_INCHES = re.compile(rf"{LEFT}({AMOUNT})(?: ?in\.(?= [a-z])|\"(?= (?:tall|wide|long|deep|thick|high)))")
_VOLTS_AMPS = re.compile(rf"{LEFT}({NUMBER}) ?V ?[/,] ?({NUMBER}) ?A(?![A-Za-z\d])")
_DEGREES = re.compile(r"(?<!\d)(?<!\d )° ?([CF])(?![A-Za-z])")
_SIZED = re.compile(
    rf"{LEFT}({AMOUNT})\"(?= (?:monitor|screen|TV|display|laptop|tablet|pipe|wheel|record|vinyl|pizza|ruler))"
    rf"|{LEFT}({FRACTION})\""
)
_FEET = re.compile(r"(?<![\w.,'])(\d{1,3})'(?: ?[x×] ?(\d{1,3})'|(?= (?:tall|wide|long|deep|high)(?![a-z])))")
_SIZE = re.compile(rf"{LEFT}({AMOUNT})\" ?[xX×] ?({AMOUNT})\"(?: ?[xX×] ?({AMOUNT})\")?")
_ANGLE = re.compile(
    r"(?<![\w.])(\d{1,3}(?:\.\d{1,9})?)°(?: ?(\d{1,2}(?:\.\d{1,9})?)')?(?: ?(\d{1,2}(?:\.\d{1,9})?)(?:\"|''))?"
    r" ?([NSEW])?(?![A-Za-z])"
)
_WINDS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_EACH = word_set("""
    day week month year hour minute second night quarter season person capita head user student employee customer
    patient unit item piece pack box bottle can bag page word liter litre gallon mile kilometer kilometre meter metre
    kilogram pound ounce ton acre hectare household family child adult team game match session visit click seat room
    hr min sec wk mo yr
    """)
_PER = re.compile(rf"{END}(?:/({_UNIT}|[a-z]+)| / ({'|'.join(sorted(_EACH))}))(?!\w)")
_SHARES = re.compile(
    rf"((?<=\d )[a-z]{{2,20}}(?= ?/)|(?<![A-Za-z])[a-z]{{2,20}}s(?<!ss)|people|once|twice) ?/ ?"
    rf"(?:({'|'.join(sorted(_EACH))})|({_ALONE}|L|m)({_POWER})?|(?<=/)([sh]))(?![\w'/-])"
)
_PRICE = re.compile(rf"(?<!\w)([$€£]) ?/ ?({'|'.join(sorted(_EACH))})(?![\w'/-])")
_SHORT_PERIODS = {"mo": "month", "wk": "week", "yr": "year"}


def say_units(text: str) -> str:
    text = _ANGLE.sub(_angle, _TWO.sub(r"\1 / ", text))
    text = _FEET_INCHES.sub(_feet_inches, _HEIGHT.sub(r"\1'\2''", text))
    text = _FEET.sub(lambda m: said(" by ".join(map(number, filter(None, m.groups()))) + " feet"), text)
    text = _SIZE.sub(lambda m: said(" by ".join(map(amount, filter(None, m.groups()))) + " inches"), text)
    text = _INCHES.sub(lambda m: said(f"{amount(m[1])} inch{'' if is_singular(m[1]) else 'es'}"), text)
    text = _SIZED.sub(lambda m: said(f"{amount(m[1] or m[2])} inch"), text)
    text = _VOLTS_AMPS.sub(lambda m: said(f"{number(m[1])} volts, {number(m[2])} amps"), text)
    text = _SPORTS.sub(lambda m: said(f"{number(m[1])} kay"), text)
    text = _MILLIONS.sub(lambda m: said(f"{number(m[1])} million"), text)
    text = _COUNT.sub(lambda m: said(f"{number(m[1])} {_COUNTED[m[2]]}"), text)
    text = _MEASURED.sub(_measured, text)
    text = text.replace("%", said("percent"))
    return _PER.sub(lambda m: f"{END} per {_one(m[1] or m[2])}", text)


def say_lone_units(text: str) -> str:
    """Those without a number: `in km/h`, `litres/day`. Comes before numbers."""
    if "/" in text:
        text = _RATE.sub(_rate, text)
        text = _PRICE.sub(lambda m: f"{said(_MORE_NAMES[m[1]])} per {_one(m[2])}", text)
        text = _SHARES.sub(_share, text)
    text = _DEGREES.sub(lambda m: said(f"degrees {'Celsius' if m[1] == 'C' else 'Fahrenheit'}"), text)
    text = _SQUARES.sub(lambda m: (m[1] or "") + said(_name(m[2] or m[4], m[3] or "²", bool(m[1]))), text)
    return _LONE.sub(lambda m: (m[1] or "") + said(_name(m[2], m[3], bool(m[1]))), text)


def _one(unit: str) -> str:
    if unit in _SHORT_PERIODS:
        return _SHORT_PERIODS[unit]
    return _name(unit, None, True) if unit in _UNITS else unit


def _share(found: re.Match[str]) -> str:
    thing, each, unit, power, time = found.groups()
    return f"{thing} per " + (
        _one(each) if each else said(_raised(_name(unit or time, None, True), unit or time, power))
    )


def _rate(found: re.Match[str]) -> str:
    unit, power, count, below, below_power = found.groups()
    over = _MORE_NAMES.get(unit) or _name(unit, power, False)
    under = _MORE_NAMES.get(below) or _name(below, None, not count)
    return said(f"{over} per {'one hundred ' if count else ''}{_raised(under, below, below_power)}")


def _angle(found: re.Match[str]) -> str:
    """`37°46'N`; degrees alone are a unit like others."""
    degrees, minutes, seconds, wind = found.groups()
    if not (minutes or wind):
        return found[0]
    parts = [(degrees, "degree"), (minutes, "minute"), (seconds, "second")]
    words = " ".join(f"{number(n)} {unit}{'' if n == '1' else 's'}" for n, unit in parts if n)
    return said(f"{words} {_WINDS[wind]}" if wind else words)


def _feet_inches(length: re.Match[str]) -> str:
    feet, inches = length[1], length[2] or length[3]
    inches = inches.replace(" 1/2", ".5").replace("1/2", ".5")
    half = " and a half" if inches.endswith(".5") else ""
    whole = inches.removesuffix(".5")
    return said(
        f"{number(feet)} {'foot' if feet == '1' else 'feet'} {number(whole)}{half} inch"
        f"{'' if whole == '1' and not half else 'es'}"
    )


def _measured(found: re.Match[str]) -> str:
    article, low, high, glue, shape, unit, power, length, digit, count, below, below_power, period = (
        found.groups()
    )
    unit, power = unit or length, power or digit
    is_bare_capital = bool(glue) and unit in _SINGLE_CAPITALS and not (below or power)
    before = found.string[max(0, found.start() - 20) : found.start()]
    if is_bare_capital and (unit in "JN" or _LABEL.search(before)):
        return found[0]
    words = f"{amount(low)} to {amount(high)}" if high else amount(low)
    is_part = "/" in low and " " not in low and not high
    if is_part and " over " in words:  # 50/60 Hz
        words, is_part = words if unit == "mmHg" else words.replace(" over ", " or "), False
        is_one = False
    is_one = is_part or bool(article) or glue == "-" or (not high and is_singular(low))
    if shape:
        power = "²" if shape[0] == "s" else "³"
    name = _name(unit, power, is_one)
    if is_part and glue != "-":
        words = "half" if low == "1/2" else words
        an = "an" if name[0] in "aeio" or name.startswith("hour") else "a"
        name = f"{an} {name}" if words == "half" else f"of {an} {name}"
    if below:
        many = f"{number(count.strip())} " if count else ""
        name += f" per {many}{_raised(_name(below, None, not many), below, below_power)}"
    full_stop = period and ends_sentence(found.string, found.end(), any_capital=True)
    return (article or "") + said(f"{words}{'-' if glue == '-' else ' '}{name}") + ("." if full_stop else "")


def _name(unit: str, power: str | None, is_one: bool) -> str:
    if unit == "in":
        name = "inch" if is_one else "inches"
    else:
        one, _, many = _UNITS[unit].partition("|")
        name = one.replace("+", "") if is_one else (many or one).replace("+", "s")
    if not power:
        return name
    if unit == "s":
        return f"{name} {'squared' if power[-1] in '²2' else 'cubed'}"
    return f"{'square' if power[-1] in '²2' else 'cubic'} {name}"


def _raised(name: str, unit: str, power: str | None) -> str:
    """Below the line: per second squared, per cubic meter."""
    if not power:
        return name
    if unit in ("s", "h", "min"):
        return f"{name} {'squared' if power[-1] in '²2' else 'cubed'}"
    return f"{'square' if power[-1] in '²2' else 'cubic'} {name}"
