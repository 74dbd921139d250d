"""Web and mail addresses, file names and markup in words."""

from __future__ import annotations

import re

from .initials import LETTERS
from .spoken import said, word_set

_ENDINGS = (
    "com|org|net|edu|gov|mil|int|info|io|ai|app|dev|eu|uk|us|de|fr|es|it|nl|ch|at|se|no|dk|fi|pl|pt|ru|jp|cn|in|au"
    "|ca|nz|br|mx|tv|me|co|ly|gg|xyz|page|blog|local|onion"
)
_PATH = r"(?:[:/?#][^\s<>\"]{0,2000})?"
_MAIL = re.compile(r"(?<![\w.+@-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z][\w-]{1,62}(?![\w@])")
_URL = re.compile(r"(?<![A-Za-z\d])(?:https?|ftps?|file|wss?)://[^\s<>\"]{1,2000}", re.IGNORECASE)
_HOST = re.compile(
    rf"(?<![\w.@-])(?:www\.(?:[A-Za-z\d-]{{1,63}}\.){{1,8}}[a-z]{{2,20}}"
    rf"|(?:[A-Za-z\d-]{{1,63}}\.){{1,8}}(?:{_ENDINGS}))(?![\w-]|\.[A-Za-z\d]){_PATH}"
)
_FILE = re.compile(
    r"(?<![\w.-])[\w-]{1,64}(?:\.[\w-]{1,32}){0,4}\."
    r"(?:py|txt|md|pdf|html?|css|js|ts|json|xml|ya?ml|toml|ini|cfg|csv|log|sh|bat|exe|dll|so|c|h|cpp|rs|go|java|rb"
    r"|png|jpe?g|gif|svg|webp|mp[34]|wav|flac|ogg|mov|avi|zip|gz|tar|7z|docx?|xlsx?|pptx?|odt|epub)(?![\w-]|\.\w)"
)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z\d]{0,15}(?: [^<>=]{1,40}=[^<>]{0,300})? ?/?>")
_ENTITIES = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&apos;": "'",
    "&#39;": "'",
    "&nbsp;": " ",
}
_LINK = re.compile(r"!?\[([^\[\]]{1,300})\]\([^()\s]{1,1000}\)")
_SMILEY = re.compile(r"(?<!\S)[:;=]'?-?[()\[\]DPpOo|/\\*]+(?!\S)")
_WORD_OR_SIGN = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")
_SIGNS = {
    **{
        ".": "dot",
        "/": "slash",
        "-": "dash",
        "_": "underscore",
        "@": "at",
        ":": "colon",
        "?": "question mark",
    },
    **{"=": "equals", "&": "and", "#": "hash", "+": "plus", "~": "tilde", "%": "percent"},
}
# Read letter by letter although they are not written in capitals; so are words without a vowel.
_LETTERS = word_set("py md js ai io uk us eu tv exe avi odt api url")
_VOWELS = frozenset("aeiouyAEIOUY")


def say_addresses(text: str) -> str:
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    text = _LINK.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = _SMILEY.sub(" ", text)
    for pattern in (_URL, _MAIL, _HOST, _FILE):
        text = pattern.sub(_address, text)
    return text


def _address(found: re.Match[str]) -> str:
    address = found[0].rstrip(".,;:!?)]}'*_")
    rest = found[0][len(address) :]
    address = re.sub(r"^[A-Za-z]+://", "", address)
    address = re.sub(r"^www\.", "", address).rstrip("/")
    return said(" ".join(filter(None, map(_part, _WORD_OR_SIGN.findall(address))))) + rest


def _part(part: str) -> str:
    if len(part) == 1 and part.upper() in LETTERS:
        return LETTERS[part.upper()]
    if part.isalpha() and part.isascii():
        spelled = part.lower() in _LETTERS or (len(part) > 1 and _VOWELS.isdisjoint(part))
        return part.upper() if spelled else part
    return part if part.isdigit() else _SIGNS.get(part, "")
