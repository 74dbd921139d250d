"""Web and mail addresses, file names, hashtags and emoticons in words."""

from __future__ import annotations

import re

from .initials import LETTERS, letters
from .number_words import code
from .spoken import said, word_set

_ENDINGS = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|eu|uk|us|de|fr|es|it|nl|ch|at|se|no|dk|fi|pl|pt|ru|jp|cn|in|au"
    "|ca|nz|br|mx|za|ie|il|kr|tw|hk|sg|cz|gr|tr|ua|tv|fm|me|co|ly|gg|gl|xyz|page|blog|news|tech|online|site|store|shop"
    "|cloud|wiki|local|onion"
)
_PATH = r"(?:[:/?#][^\s<>\"]{0,2000})?"
_MAIL = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z][\w-]{1,62}(?![\w@])")
_URL = re.compile(r"(?<![A-Za-z\d])(?:https?|ftps?|file|wss?)://[^\s<>\"]{1,2000}", re.IGNORECASE)
_HOST = re.compile(
    rf"(?<![\w.@-])(?:www\.(?:[A-Za-z\d-]{{1,63}}\.){{1,8}}[a-z]{{2,20}}|localhost(?=[:/]\w)"
    rf"|(?:[A-Za-z\d-]{{1,63}}\.){{1,8}}(?:{_ENDINGS}))(?![\w-]|\.[A-Za-z\d]){_PATH}"
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NUMERIC_HOST = re.compile(rf"(?<![\w.])(?:{_BYTE}\.){{3}}{_BYTE}(?![\w]|\.\w)(?:[:/]\d{{1,5}})?")
_FILE = re.compile(
    r"(?<![\w.-])[\w-]{1,64}(?:\.[\w-]{1,32}){0,4}\."
    r"(?:py|pyx|ipynb|txt|md|rst|pdf|html?|css|scss|js|mjs|jsx|ts|tsx|json|xml|ya?ml|toml|ini|cfg|conf|env|lock|csv|tsv"
    r"|sql|log|sh|bat|exe|dll|so|c|h|cpp|hpp|rs|go|java|kt|rb|php|swift|png|jpe?g|gif|svg|webp|bmp|ico|mp[34]|wav|flac"
    r"|ogg|opus|m4a|mov|avi|mkv|webm|zip|gz|tar|tgz|7z|rar|iso|apk|dmg|deb|rpm|whl|docx?|xlsx?|pptx?|odt|epub|tex|srt"
    r"|bak|tmp|onnx|safetensors|gguf)(?![\w-]|\.\w)(?::\d{1,6})?"
)
_WINDOWS_PATH = re.compile(r"(?<![A-Za-z\d])[A-Z]:\\[^\s\"<>|*?]{0,300}")
_UNIX_PATH = re.compile(
    r"(?<![\w/:.~)])(?:(?:~|\.{1,2})/(?:[\w.@-]{1,64}/){0,20}|/(?:[\w.@-]{1,64}/){1,20})[\w.@-]{0,64}"
)
_HASHTAG = re.compile(r"(?<![\w&#/])#(?![A-Fa-f\d]{6}(?!\w))([A-Za-z]\w{0,99})")
_COLOUR = re.compile(r"(?<![\w&#/])#(?=\d{0,5}[A-Fa-f])([A-Fa-f\d]{6})(?!\w)")
_HUMP = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_")
_END = r"(?=[\s.,!?\"')\]]|\Z)"
_SMILEY = re.compile(
    rf"(?<!\S)(?:[>}}]?[:;=]'?[-^]?[()\[\]{{}}DPpOo|/\\*$]+|:3|[8B]-\)|\([-^]?[:;=]|[xX]D+|</?3+|\^_*\^|[-TtOo0uU>]_+[-TtOo0uU<]"
    rf"|[Oo]\.[Oo]|\\o/){_END}"
)
_LOVES = re.compile(r"(?<=\b[Ii] )<3+ (?=[A-Za-z])")
_WORD_OR_SIGN = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")
_SIGNS = {
    **{".": "dot", "/": "slash", "\\": "backslash", "-": "dash", "_": "underscore", "@": "at", ":": "colon"},
    **{
        "?": "question mark",
        "=": "equals",
        "&": "and",
        "#": "hash",
        "+": "plus",
        "~": "tilde",
        "%": "percent",
    },
}
# Read letter by letter although they are not written in capitals; so are words without a vowel.
_LETTERS = word_set("py pyx md js ai io uk us eu tv exe avi odt api url iso ie etc")
_VOWELS = frozenset("aeiouyAEIOUY")


def say_addresses(text: str) -> str:
    text = _SMILEY.sub(" ", _LOVES.sub("love ", text))
    for pattern in (_URL, _MAIL, _HOST, _NUMERIC_HOST, _WINDOWS_PATH, _UNIX_PATH, _FILE):
        text = pattern.sub(_address, text)
    if "#" in text:
        text = _COLOUR.sub(lambda m: said("hash " + _letter_by_letter(m[1])), text)
        text = _HASHTAG.sub(lambda m: f"{said('hashtag')} {_HUMP.sub(' ', m[1])}", text)
    return text


def _address(found: re.Match[str]) -> str:
    address = found[0].rstrip(".,;:!?)]}'*_")
    rest = found[0][len(address) :]
    address = re.sub(r"^[A-Za-z]+://", "", address)
    address = re.sub(r"^www\.", "", address)
    address = address.rstrip("/") or address
    words = " ".join(filter(None, map(_part, _WORD_OR_SIGN.findall(address))))
    return (said(words) if words else "") + rest


def _part(part: str) -> str:
    if len(part) == 1 and part.upper() in LETTERS:
        return LETTERS[part.upper()]
    if part.isalpha() and part.isascii():
        spelled = part.lower() in _LETTERS or (len(part) > 1 and _VOWELS.isdisjoint(part))
        return letters(part) if spelled else part
    return code(part) if part.isdecimal() else _SIGNS.get(part, "")


def _letter_by_letter(run: str) -> str:
    return " ".join(LETTERS.get(sign.upper()) or code(sign) for sign in run)
