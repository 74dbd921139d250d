"""HTML and Markdown -> the text that a page would show, in lines. Nothing here looks at more than one line of Markdown.

Tags vanish; those that begin a block begin a line, cells are parted by commas. What is escaped counts as what it
stands for, twice escaped too: `&amp;#39;` is an apostrophe, `&lt;b&gt;` is a tag.
"""

from __future__ import annotations

import re

from .spoken import word_set

_ENTITY = re.compile(
    r"&(?:#[xX]([0-9A-Fa-f]{1,8})|#(\d{1,10})|([A-Za-z][A-Za-z0-9]{1,31}))(;|(?![A-Za-z0-9=]))"
)
_NUMBER = re.compile(r"&#(?:[xX]([0-9A-Fa-f]{1,8})|(\d{1,10}));?")  # without a semicolon: `don&#39t`
_MARK = re.compile(r"&([lr][sd]quo|[mn]dash|hellip|nbsp|apos)(?![;=])")  # `don&rsquot`
_DEPTH = 4
# May stand without their semicolon, besides the old ones, which HTML allows itself.
_BARE = word_set("rsquo lsquo rdquo ldquo ndash mdash hellip trade euro bull apos")

_DROPPED = re.compile(
    r"<!--.{0,4000}?-->|<(script|style)\b[^>]{0,300}>.{0,8000}?</\1 ?>|<![A-Za-z][^>]{0,300}>|<\?[^>]{0,300}\?>",
    re.DOTALL | re.IGNORECASE,
)
_RAISED = re.compile(r"<(sup|sub)>([-+\d]{1,8}|n|st|nd|rd|th)</\1>", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_TAG = re.compile(
    r"<(/?)([A-Za-z][A-Za-z\d]{0,15}(?::[A-Za-z]{1,15})?)(?:\s[^<>=]{0,60}(?:=[^<>]{0,2000})?)?/?>"
)
_PLACE = re.compile(r"<([A-Za-z][^<>\n=]{0,60}[A-Za-z])>")  # <your name here>
_INLINE = word_set("""
    a abbr acronym b big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var
    wbr
    """)
_BLOCKS = word_set("""
    address article aside blockquote body br button caption dd div dl dt fieldset figcaption figure footer form h1 h2
    h3 h4 h5 h6 head header hr html legend li main nav ol option p pre section select table tbody textarea tfoot thead
    title tr ul speak paragraph sentence
    """)
_CELLS = word_set("td th")
_CELL_END = "\x1a"
_FLAGGED = word_set(
    "audio button details iframe input ol option script select textarea video"
)  # <input disabled>

_TIME = r"\d\d:\d\d:\d\d[,.]\d{3}"
_SUBTITLE = re.compile(rf"^(?:\d{{1,5}}[ \t]*\n)?{_TIME} --> {_TIME}.{{0,100}}$", re.MULTILINE)
_AUTOLINK = re.compile(
    r"<((?:https?|ftp)://[^\s<>]{1,2000}|mailto:[^\s<>]{1,200}|[\w.+-]{1,64}@[\w.-]{1,200})>"
)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,300})\](?:\([^()\n]{0,1000}\)|\[[^\[\]\n]{0,100}\])")
_LINK = re.compile(
    r"\[([^\[\]\n]{1,300})\]"
    r"(?:\( ?<?[^()\s]{0,1000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?>?(?: +(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'))? ?\)"
    r"|(?:\[[^\[\]\n]{0,100}\]))"
)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]")
_FOOTNOTE = re.compile(
    r"\[\^[^\[\]\s]{1,40}\](?!:)"
    r"|(?:(?<=[A-Za-z]{3})|(?<=\d{3})|(?<=[.,;!?\"”’)]))(?:\[[1-9]\d{0,2}(?:[,–-] ?\d{1,3}){0,9}\])+"
)
_MARKED_NOTE = re.compile(r"\[(?:citation needed|edit)\]")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")


def strip_markup(text: str) -> str:
    if "&" in text:
        text = _decode(text)
    if "-->" in text:
        text = _SUBTITLE.sub("", text)
    if "<" in text:
        text = _strip_html(text)
    if "[" in text:
        text = _IMAGE.sub(r"\1", _WIKI_LINK.sub(r"\1", text))
        text = _LINK.sub(r"\1", _FOOTNOTE.sub("", text))
        text = _MARKED_NOTE.sub("", text)
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _decode(text: str) -> str:
    """Entities with their semicolon; the usual ones without it too."""
    for _ in range(_DEPTH):
        decoded = _NUMBER.sub(_of_number, _MARK.sub(r"&\1;", text))
        decoded = _ENTITY.sub(_of_entity, decoded)
        if decoded == text:
            break
        text = decoded
    return text


def _of_entity(entity: re.Match[str]) -> str:
    name, semicolon = entity[3], entity[4]
    if not name:
        return _character(int(entity[1], 16) if entity[1] else int(entity[2]))
    from html.entities import html5

    if semicolon or name in html5 or name in _BARE:
        return html5.get(f"{name};") or html5.get(f"{name.lower()};", entity[0])
    return entity[0]


def _of_number(entity: re.Match[str]) -> str:
    return _character(int(entity[1], 16) if entity[1] else int(entity[2]))


def _character(code: int) -> str:
    """As browsers read it: 128 to 159 are those of Windows."""
    if 128 <= code < 160:
        return bytes([code]).decode("cp1252", "replace")
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " "


def _strip_html(text: str) -> str:
    text = _AUTOLINK.sub(lambda m: m[1].removeprefix("mailto:"), text)
    text = _RAISED.sub(
        lambda m: m[2].translate(_SUPERSCRIPTS) if m[1].lower() == "sup" else m[2], _DROPPED.sub(" ", text)
    )
    text = re.sub(f"{_CELL_END}(?=\\s*(?:\n|\\Z))", "", _TAG.sub(_tag, text.replace(_CELL_END, " ")))
    return _PLACE.sub(r"\1", text.replace(_CELL_END, ", "))


def _tag(tag: re.Match[str]) -> str:
    name = tag[2].lower()
    if "=" not in tag[0] and " " in tag[0].rstrip("/> ") and name not in _FLAGGED:
        return tag[0]  # `a <b and c> d` is no tag
    if name in _INLINE:
        return ""
    if name in _CELLS:
        return _CELL_END if tag[1] else " "
    return "\n" if name in _BLOCKS else " "
