"""Amounts of money in words."""

from __future__ import annotations

import re

from .number_words import number
from .numerals import LEFT, NUMBER, RIGHT
from .spoken import said, table

# One, many, one hundredth, many hundredths.
_NAMES = table("""
    $: dollar|dollars|cent|cents; £: pound|pounds|penny|pence; €: euro|euros|cent|cents; ¥: yen|yen; ¢: cent|cents;
    ₹: rupee|rupees|paisa|paise; ₩: won|won; ₽: ruble|rubles; ฿: baht|baht; ₪: shekel|shekels; ₿: bitcoin|bitcoins;
    ₺: lira|lira; ₴: hryvnia|hryvnias; ₱: peso|pesos; ₦: naira|naira; ₫: dong|dong; ₡: colon|colones; ₵: cedi|cedis;
    ₸: tenge|tenge; ₾: lari|lari; US$: US dollar|US dollars|cent|cents;
    A$: Australian dollar|Australian dollars|cent|cents; C$: Canadian dollar|Canadian dollars|cent|cents;
    NZ$: New Zealand dollar|New Zealand dollars; HK$: Hong Kong dollar|Hong Kong dollars;
    S$: Singapore dollar|Singapore dollars; NT$: New Taiwan dollar|New Taiwan dollars;
    MX$: Mexican peso|Mexican pesos; R$: real|reais; EUR: euro|euros|cent|cents;
    GBP: British pound|British pounds|penny|pence; JPY: yen|yen; CHF: Swiss franc|Swiss francs|centime|centimes;
    CNY: yuan|yuan; RMB: yuan|yuan; KRW: won|won; BRL: real|reais; RUB: ruble|rubles; ZAR: rand|rand;
    SEK: Swedish krona|Swedish kronor; NOK: Norwegian krone|Norwegian kroner; DKK: Danish krone|Danish kroner;
    PLN: zloty|zlotys; CZK: Czech koruna|Czech korunas; HUF: forint|forints; TRY: lira|lira; THB: baht|baht;
    ILS: shekel|shekels; AED: dirham|dirhams; SAR: riyal|riyals; PHP: peso|pesos; IDR: rupiah|rupiah; VND: dong|dong;
    NGN: naira|naira; BTC: bitcoin|bitcoins; ETH: ether|ether; kr: krona|kronor; zl: zloty|zlotys; Kc: koruna|korunas;
    RM: ringgit|ringgit
    """)
_SAME = {
    **{
        "AU$": "A$",
        "CA$": "C$",
        "SG$": "S$",
        "USD": "US$",
        "AUD": "A$",
        "CAD": "C$",
        "NZD": "NZ$",
        "HKD": "HK$",
    },
    **{"SGD": "S$", "TWD": "NT$", "MXN": "MX$", "INR": "₹", "Rs": "₹", "Rs.": "₹", "RS": "₹", "RS.": "₹"},
}
_SYMBOL = "[$£€¥₹₩₽฿₪₿₺₴₱₦₫₡₵₸₾]"
_BEHIND = ("kr", "zl", "Kc")
_CODES = "|".join(name for name in sorted({*_NAMES, *_SAME}) if name.isalpha() and name not in _BEHIND)
_SCALES = table("""
    k: thousand; m: million; mn: million; mio: million; b: billion; bn: billion; t: trillion; tn: trillion; cr: crore;
    lakhs: lakh; crores: crore
    """)
_SCALE = (
    r"(?:[ -]?(hundred|thousand|million|billion|trillion|lakhs?|crores?)(?![a-z])"
    r"|( ?)(mn|bn|tn|mio|[kKmMbBtT]|cr)(?![A-Za-z\d]))"
)
_PREFIXED = re.compile(
    rf"(?<![A-Za-z/])(?:((?:US|AU?|NZ|HK|CA?|SG?|NT|MX|R)?{_SYMBOL})|({_CODES})|(R[sS]\.|kr|zl|Kc)) ?({NUMBER}){RIGHT}"
    rf"(?: ?[-–] ?{_SYMBOL}?({NUMBER}){RIGHT})?{_SCALE}?"
)
_SUFFIXED = re.compile(
    rf"{LEFT}({NUMBER}){RIGHT}(?:{_SCALE})?(?: ?({_SYMBOL[:-1]}¢])|(?: ?)({_CODES}|kr|zl|Kc)(?![A-Za-z\d]))(?![\d])"
)
_PENCE = re.compile(r"(?<![\w.,])(\d{1,2})p(?![A-Za-z\d])")
_NAMED_THINGS = re.compile(
    r" (?:bills?|notes?|coins?|checks?|words?|question|prize|tickets?|fine|reward)(?![a-z])"
)
_ARTICLE = re.compile(r"\b[Aa]n? \Z")


def say_money(text: str) -> str:
    text = _PREFIXED.sub(_prefixed, text)
    text = _SUFFIXED.sub(_suffixed, text)
    return _PENCE.sub(lambda m: said(f"{number(m[1])} {'penny' if m[1] == '1' else 'pence'}"), text)


def _prefixed(money: re.Match[str]) -> str:
    symbol, code, other, low, high, scale, _, short = money.groups()
    scale = scale or _SCALES.get((short or "").lower())
    name = symbol or code or other
    one, many, *_ = _currency(name)
    is_adjective = (
        bool(_ARTICLE.search(money.string[max(0, money.start() - 4) : money.start()]))
        or money.string[money.end() : money.end() + 1] == "-"
        or bool(_NAMED_THINGS.match(money.string, money.end()))
    )
    if not (high or scale or is_adjective):
        return said(_money(low, name))
    words = number(low)
    if high:
        words += f" to {number(high)}"
    if scale:
        words += f" {_SCALES.get(scale, scale)}"
    return said(f"{words} {one if is_adjective or (low == '1' and not (high or scale)) else many}")


def _suffixed(money: re.Match[str]) -> str:
    amount, scale, _, short, symbol, code = money.groups()
    scale = scale or _SCALES.get((short or "").lower())
    if scale:
        return said(f"{number(amount)} {_SCALES.get(scale, scale)} {_currency(symbol or code)[1]}")
    return said(_money(amount, symbol or code))


def _currency(name: str) -> list[str]:
    known = _NAMES.get(_SAME.get(name, name)) or _NAMES[name[-1]]
    return known.split("|")


def _money(written: str, name: str) -> str:
    one, many, *hundredths = _currency(name)
    whole, _, decimals = written.partition(".")
    if not hundredths and not decimals.strip("0"):
        written = whole
    if len(decimals) != 2 or not hundredths:
        return f"{number(written)} {one if written == '1' else many}"
    cent, cents = hundredths
    words = []
    if whole.strip("0") or decimals == "00":
        words.append(f"{number(whole)} {one if whole == '1' else many}")
    if decimals != "00":
        words.append(f"{number(decimals.lstrip('0'))} {cent if decimals == '01' else cents}")
    return " and ".join(words)
