"""Awkward texts and rule sets shared by the golden tool and the tests of pocket_fast.text."""

from __future__ import annotations

import random

_QUOTES = dict.fromkeys('"“”„«»()[]', "")
_APOSTROPHES = {"’": "'", "‘": "'"}
_DASH = {"–": ","}

# The text options of the shipped models, and two that switch everything on or off.
RULES: dict[str, dict] = {
    "plain": {},
    "english": {"replace_characters": _APOSTROPHES},
    "small": {"replace_characters": {**_APOSTROPHES, **_DASH, "—": ","}},
    "dutch": {"replace_characters": {**_QUOTES, **_APOSTROPHES, **_DASH}},
    "spanish": {"replace_characters": {**_QUOTES, **_APOSTROPHES, **_DASH, "¡": "", "¿": ""}},
    "german": {
        "replace_characters": {**_QUOTES, **_APOSTROPHES, **_DASH, "—": ","},
        "remove_semicolons": True,
    },
    "french": {
        "replace_characters": {**_QUOTES, **_APOSTROPHES, **_DASH, ":": ","},
        "remove_semicolons": True,
    },
    "padded": {"replace_characters": _APOSTROPHES, "pad_with_spaces_for_short_inputs": True},
    "bare": {"append_terminal_punctuation": False, "capitalize_first_letter": False},
    "everything": {
        "pad_with_spaces_for_short_inputs": True,
        "remove_semicolons": True,
        "replace_characters": {"ß": "ss", "\t": " tab ", "?": "", "4": "four "},
    },
}
MAX_TOKENS = (1, 2, 3, 4, 7, 10, 20, 50, 300)

HAND_WRITTEN = [
    "hello world",
    "Hello there, my friend,",
    'He said "stop"',
    'He said "stop",',
    'She asked, "Why?"',
    "It costs 3.14 dollars. Really.",
    "I have 3. 5 are missing.",
    "Version 1.2.3. 4 of them. 5.6!7",
    "1.2",
    "1.",
    ".1",
    "3.14.15.92.6",
    "٣.٥ و ٤.٦. نعم",
    "²³.⁴ and x².5",
    "五.六.七 三.5",
    "�.5 5.� �",
    "5.😀 😀.5 5.5😀",
    "Wait... what? No!! Yes.",
    "What?!?! Oh... !!! ??? ...",
    "line one\nline two\r\nline three",
    "\n\n  two\n\n\nparagraphs  \n",
    "one     two   three",
    "one; two; three",
    "‘Quoted’ it’s fine",
    "one, two, three, four, five, six, seven, eight, nine, ten, eleven",
    'She said "Go." Then left.',
    'She said "Go!" "No?" "Yes." Then left.',
    "A. B. C. D.",
    "a.b.c.d",
    "See example.com now, or mail me@example.org",
    "Hello – world —",
    "Hello - -- - ,",
    "«Bonjour?», dit-elle : (oui)",
    "«Bonjour !» , dit-il ; puis : rien…,",
    "Bye… Ok then. Fine",
    "…",
    "Hello world :)",
    "Hello (world).)",
    "Dr. Smith met Mr. Jones at 5 p.m. on Main St. yesterday.",
    "hello [pause:500ms] world",
    "-- ",
    "- - - -",
    "a b c d –",
    "a b c d -- \" ' )",
    ")",
    '"',
    '""',
    '"hello',
    "'tis the season",
    "ßtraße ist da",
    "ǆ digraph, ŉ too",
    "ﬁne ligature",
    "élan vital; déjà vu: naïve",
    "   ",
    "\u00a0\u2003\u2028",
    "\u00a0no\u00a0break\u2003space\u2028line",
    "tab\tand\vand\fand\x1cand\x85",
    "\x00",
    "nul\x00in the\x00middle. Second\x00sentence.",
    "bell\x07 escape\x1b[0m delete\x7f.",
    "\u200bzero width\u200b \ufeff",
    "😀",
    "😀😀. 👩‍👩‍👧 family! 🇫🇷?",
    "שלום עולם. מה שלומך?",
    "مرحبا، كيف حالك؟ بخير.",
    "今日は。元気ですか？はい！",
    "नमस्ते दुनिया। कैसे हो?",
    "e\u0301 combining. a\u0308!",
    "<s> </s> <unk> <pad> ▁ ⁇",
    "▁▁ word start. ▁9.▁9",
    "word " * 60,
    "x" * 200,
    "comma," * 20,
    "a,b;c:d " * 12 + ". " + "e,f;g:h " * 12,
    ",,,;;;:::",
    ". , . ; ! :",
    "?, !; .: …, ?,, . ,",
    "no space.After a mark!Or two?Yes",
    "100,000.50 dollars, 1,2,3.4; 5:6",
    "the 1. of May. 2 days. 3.",
    "ends with number 5.",
    "5. 6. 7. 8.",
    "5.\n6.\n7.",
    "http://a.b/c?d=e&f=g;h#i",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of"
    " foolishness, it was the epoch of belief, it was the epoch of incredulity",
]

_WORDS = """
a I x Hello world the said and then it's waited Nothing 3 14 0 5 100 1,000 ² ٣ 五 é ß ﬁ 😀 中文 שלום
. . . . , , , ; : ! ? ... .. … - – — " ' “ ” ‘ ’ « » ( ) [ ] „ ¡ ¿ ?! !! ." ?" !" ," .) ؟ 。
"""
_BLANKS_AND_ODDITIES = ("\n", "\r\n", "\t", "  ", "\u00a0", "\x00", "\x1f", "\x85", "\u200b", "\ufffd", "▁")
_FRAGMENTS = [*_WORDS.split(), *_BLANKS_AND_ODDITIES, "[pause:1s]"]


def random_text(rng: random.Random) -> str:
    """Up to 60 fragments, joined by nothing, by spaces or by a mixture."""
    glue = rng.choice(["", " ", None])
    parts = []
    for _ in range(rng.randint(1, rng.choice([4, 15, 60]))):
        parts.append(rng.choice(_FRAGMENTS))
        parts.append(rng.choice(["", " ", " "]) if glue is None else glue)
    return "".join(parts)
