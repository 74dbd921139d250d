"""Numbers that are read digit by digit: telephone numbers, postal and secret codes, long runs."""

from __future__ import annotations

import re

from .number_words import digits, in_groups
from .spoken import said, table

_LONG_RUN = re.compile(r"\d{16,}")
_PHONE = re.compile(
    r"(?<![\w.-])(?:(?:\+?\d{1,3}[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[ .-]\d{4}|\d{3}-\d{4}(?<!000))(?![\w-])"
    r"|\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}(?![\d,]|\.\d)"
    r"|(?<![\w.-])\d{1,15}(?:-\d{1,15}){2,7}(?![\w-])"
    r"|(?<![\w.,$£€¥-])(?:0\d{1,4}|\(0\d{1,4}\)|1[38]00)(?:[ -]\d{2,4}){2,4}(?![\d,]|\.\d| \d)"
    r"|(?<![\w.,$£€¥-])(?<!\d )(?:\d{3,4} ){2}\d{4}(?![\d,]|\.\d| \d)"
    r"|(?<![\w.,$£€¥-])(?<!\d )0\d{3,4} \d{5,7}(?![\d,]|\.\d| \d)"
    r"|(?<![\w.,$£€¥-])(?<!\d )\d{3} 0\d{3}(?![\d,]|\.\d| \d)"
    r"|(?<![\w.,$£€¥-])(?<!\d )\d{4}(?: \d{4}){2,4}(?![\d,]|\.\d| \d)"
)
_EXTENSION = re.compile(r"(?<=\x03),? ?(?:x|ext\.?|extn\.?|extension) ?(\d{1,5})(?!\d)")
_EXTENSION_ALONE = re.compile(r"(?<![A-Za-z])[Ee]xtn?\. ?(?=\d)")
_NAMED_LETTERS = re.compile(
    r"(?<![\w.-])1-(800|888|877|866|855|844|833|900)-([A-Z]{3,7}(?:-[A-Z]{2,7})?|[A-Z]{2,6}\d{1,4})(?!\w)"
)
_CALLED = re.compile(
    r"(?<![A-Za-z])((?:call|dial|phone|telephone|tel|fax|ring|text|hotline|mobile|cell|whatsapp)(?:\.| no\.?| number)?"
    r"(?: us| me| him| her)?(?: at| on| to| is)?:? ?)(\+?\(?\d[\d ()./-]{1,20}\d)"
    r"(?![\d%$£€]|[,.:]\d| ?(?:am|pm|percent|times))",
    re.IGNORECASE,
)
_EMERGENCY = ("911", "999", "112", "000", "101", "111", "988", "311", "411", "211")
_NUMBERED = (
    r"(?:order|account|case|ticket|reference|tracking|serial|card|confirmation|invoice|member(?:ship)?|customer|policy"
    r"|routing) (?:number|no\.?|#)"
)
_SECRET = re.compile(
    rf"(?<![A-Za-z])((?:code|pin|OTP|passcode|password|passwd|zip|postcode|{_NUMBERED})"
    r"(?: (?:is|was|number|code)){0,2}:? ?#?)(\d{3,15}(?: \d{4}){0,4})(?![\d%$£€]|[,.:]\d|[A-Za-z])",
    re.IGNORECASE,
)
_ZIP = re.compile(r"(?<![A-Za-z])([A-Z]{2}),? (\d{5})(-\d{4})?(?![\w-]|[.,]\d)")
_STATES = table("""
    AL: Alabama; AK: Alaska; AZ: Arizona; AR: Arkansas; CA: California; CO: Colorado; CT: Connecticut; DE: Delaware;
    DC: dee see; FL: Florida; GA: Georgia; HI: Hawaii; ID: Idaho; IL: Illinois; IN: Indiana; IA: Iowa; KS: Kansas;
    KY: Kentucky; LA: Louisiana; ME: Maine; MD: Maryland; MA: Massachusetts; MI: Michigan; MN: Minnesota;
    MS: Mississippi; MO: Missouri; MT: Montana; NE: Nebraska; NV: Nevada; NH: New Hampshire; NJ: New Jersey;
    NM: New Mexico; NY: New York; NC: North Carolina; ND: North Dakota; OH: Ohio; OK: Oklahoma; OR: Oregon;
    PA: Pennsylvania; RI: Rhode Island; SC: South Carolina; SD: South Dakota; TN: Tennessee; TX: Texas; UT: Utah;
    VT: Vermont; VA: Virginia; WA: Washington; WV: West Virginia; WI: Wisconsin; WY: Wyoming
    """)


def say_phones(text: str) -> str:
    """Needs the brackets; comes after dates."""
    text = _NAMED_LETTERS.sub(lambda m: said(f"one, {_group(m[1])},") + " " + m[2].replace("-", " "), text)
    text = _LONG_RUN.sub(lambda run: said(in_groups(run[0])), text)
    text = _ZIP.sub(_zip, text)
    text = _CALLED.sub(_called, text)
    text = _SECRET.sub(lambda m: m[1] + _phone(m[2]), text)
    text = _PHONE.sub(lambda m: _phone(m[0]), text)
    text = _EXTENSION.sub(lambda m: said(f"extension {digits(m[1])}"), text)
    return _EXTENSION_ALONE.sub(said("extension") + " ", text)


def _called(found: re.Match[str]) -> str:
    """A short number is one of those for emergencies; `call 100 people` is none."""
    count = sum(map(str.isdigit, found[2]))
    return found[1] + _phone(found[2]) if count > 4 or found[2] in _EMERGENCY else found[0]


def _phone(written: str) -> str:
    written = written.replace("(0)", "")
    groups = ", ".join(map(_group, re.findall(r"\d+", written)))
    return said(("plus " if written[0] == "+" else "") + groups)


def _group(run: str) -> str:
    return "eight hundred" if run == "800" else in_groups(run) if len(run) > 5 else digits(run)


def _zip(found: re.Match[str]) -> str:
    if found[1] not in _STATES:
        return found[0]
    more = f" {digits(found[3][1:])}" if found[3] else ""
    return said(f"{_STATES[found[1]]}, {digits(found[2])}{more}")
