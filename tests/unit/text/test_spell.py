from __future__ import annotations

import random
import re

import pytest

from awkward_texts import HAND_WRITTEN, random_text
from fresh_python import run_python
from pocket_fast.text.prepare import TextRules, prepare
from pocket_fast.text.spell import spell_out

WORDS_ONLY = re.compile(r"(?:[A-Za-z',.?!-]|(?<=\S) (?=\S))*")

NUMBERS = """
I have 3 cats. => I have three cats.
1,234 and 1,000,000 => One thousand two hundred thirty-four and one million
-5, .5, 0.5, 3.14, +5 => Minus five, point five, zero point five, three point one four, plus five
1st, 22nd, 103rd, 21st-century => First, twenty-second, one hundred third, twenty-first-century
1/2, 3/4, ½, 2½, 1 1/2, 11/16, 120/80 => One half, three quarters, one half, two and a half, one and a half,\
 eleven sixteenths, one hundred twenty over eighty
50%, 10-20%, 10–20, 5 % => Fifty percent, ten to twenty percent, ten to twenty, five percent
pages 10 - 20; 5 - 3 = 2 => pages ten to twenty, five minus three equals two
3x4, 3 × 4, 4x4, 10x faster => Three times four, three times four, four by four, ten times faster
5cm x 10cm, 5 x 10 m => Five centimeters by ten centimeters, five times ten meters
2+2=4 and 6 ÷ 2 ≤ 3 => Two plus two equals four and six divided by two less than or equal to three
x², 10^6, 1e-3, 10²³ => Ex squared, ten to the power of six, one times ten to the power of minus three,\
 ten to the power of twenty-three
#5, No. 5, nos. 5, № 5. I said no. => Number five, number five, numbers five, number five. I said no.
007 and 12345678901 => Zero zero seven and one two three, four five six, seven eight nine, zero one
555-1234 => Five five five, one two three four
(555) 123-4567 or 1-800-555-0199 => Five five five, one two three, four five six seven or one, eight hundred,\
 five five five, zero one nine nine
+44 20 7946 0958 => Plus four four, two zero, seven nine four six, zero nine five eight
4.0.1, v2.3.4 => Four point zero point one, version two point three point four
5-year-old, mid-1990s => Five-year-old, mid-nineteen nineties
24/7, 9/11, 16:9 => Twenty-four seven, nine eleven, sixteen to nine
1 000 000, 10 000 and 1,2,3 => One million, ten thousand and one, two, three
I have 3. 5 are missing. => I have three. Five are missing.
٣٫٥ and ５ => Three point five and five
"""
DATES = """
In 1999, 2026, 2005, 1900, 2000 and in 1066 => In nineteen ninety-nine, twenty twenty-six, two thousand five,\
 nineteen hundred, two thousand and in ten sixty-six
1800s, 1990s, '90s, 80s, the 1980's => Eighteen hundreds, nineteen nineties, nineties, eighties,\
 the nineteen eighties
1914–1918, 2020-21 => Nineteen fourteen to nineteen eighteen, twenty twenty to twenty-one
2026-11-20 => November twentieth, twenty twenty-six
11/20/2026, on 12/25 => November twentieth, twenty twenty-six, on December twenty-fifth
Nov. 20, 2026 and Nov 20 2026 => November twentieth, twenty twenty-six and November twentieth, twenty twenty-six
On 20 November 2026, the 5th of May. => On the twentieth of November, twenty twenty-six, the fifth of May.
May 5-7, JAN. 5 => May fifth to seventh, January fifth
In Nov. we go. On Fri., Dec. 3 => In November we go. On Friday, December third
3:30 pm, 15:45, 7 a.m., 10:00, 9:05 => Three thirty pee em, fifteen forty-five, seven ay em, ten o'clock,\
 nine oh five
He came at 7 p.m. Then he left at 8 a.m. Monday. => He came at seven pee em. Then he left at eight ay em Monday.
7.30pm, Nov 2026 => Seven thirty pee em, November twenty twenty-six
9am-5pm, 10:00-12:00 => Nine ay em to five pee em, ten o'clock to twelve o'clock
2026-11-20T15:45:00Z => November twentieth, twenty twenty-six, fifteen forty-five
99/99/2026 => Ninety-nine slash ninety-nine slash two thousand twenty-six
"""
AMOUNTS = """
$5, $5.99, $1, $0.99, $1.01, 50¢ => Five dollars, five dollars and ninety-nine cents, one dollar,\
 ninety-nine cents, one dollar and one cent, fifty cents
£3m, €1,000, ¥200, 5 € => Three million pounds, one thousand euros, two hundred yen, five euros
$1.5 billion, $5-10, -$5, US$5 => One point five billion dollars, five to ten dollars, minus five dollars,\
 five you ess dollars
a $5 coffee, a $100 bill, $5/month => a five dollar coffee, a one hundred dollar bill, five dollars per month
10 km, 1 kg, 5 m, 80 km/h, 10 m/s² => Ten kilometers, one kilogram, five meters, eighty kilometers per hour,\
 ten meters per second squared
20°C, 72 °F, 90° => Twenty degrees Celsius, seventy-two degrees Fahrenheit, ninety degrees
5 GB, 44.1 kHz, 60 mph, 5 m² => Five gigabytes, forty-four point one kilohertz, sixty miles per hour,\
 five square meters
5 min. 20 sec. I ran 3 mi. Then I fell. => Five minutes twenty seconds. I ran three miles. Then I fell.
6 ft 2 in. tall, 5'10" => Six feet two inches tall, five feet ten inches
1/2 lb, 2 1/2 oz, 3/4 mi => Half a pound, two and a half ounces, three quarters of a mile
5-km run, a 5 km run => Five-kilometer run, a five kilometer run
10K followers, 4K, $3bn => Ten thousand followers, four kay, three billion dollars
"""
LETTERS = """
the BBC => the bee bee see
He left the U.S. The U.S. Army stayed. => He left the you ess. The you ess Army stayed.
J. R. R. Tolkien met George W. Bush. => Jay ar ar Tolkien met George double-you Bush.
NASA, NATO, USSR, HTML => Nasa, Nato, you ess ess ar, aitch tee em ell
It was AMAZING, NOT bad. DON'T! => It was amazing, not bad. Don't!
IT IS RAINING IN PARIS. => It is raining in paris.
BBC NEWS AT TEN => Bee bee see news at ten
TVs, the DJ's PhD, iPhone, iOS, MP3, CO2, A4 => Tee vees, the dee jay's pee aitch dee, eye Phone, eye oh ess,\
 em pee three, see oh two, ay four
AT&T, R&D, Q&A, M&Ms => Ay tee and tee, ar and dee, cue and ay, em and ems
X-ray, T-shirt, e-mail, COVID-19, 3D => Ex-ray, tee-shirt, ee-mail, Covid-nineteen, three dee
Henry VIII, Elizabeth I, Louis XIV's => Henry the eighth, Elizabeth the first, Louis the fourteenth's
Chapter IV, World War II, Vol. III => Chapter four, World War two, volume three
A cat and I. So am I. Bob left. => A cat and I. So am I. Bob left.
an A, vitamin C, plan B. A, B or C. => an ay, vitamin see, plan bee. Ay, bee or see.
"""
ABBREVIATIONS = """
Mr. Smith, Mrs. Jones and Ms. X met Dr. Who and Prof. Y. => Mister Smith, Missus Jones and Miz ex met Doctor Who\
 and Professor why.
He lives on Main St. in St. Paul, near 5th Ave. Then he moved. => He lives on Main Street in Saint Paul,\
 near fifth Avenue. Then he moved.
cats, e.g. mine, i.e. three, etc. They eat, sleep, etc. => cats, for example mine, that is three, et cetera.\
 They eat, sleep, et cetera.
Sammy Davis, Jr., sang; M. L. King Jr. spoke. => Sammy Davis, Junior, sang, em ell King Junior spoke.
Cats vs. dogs, approx. half. => Cats versus dogs, approximately half.
p. 5, pp. 3-4, vol. 2, fig. 3 => Page five, pages three to four, volume two, figure three
He ate a fig. She sat. We sun. => He ate a fig. She sat. We sun.
"""
SYMBOLS = """
and/or, he/she, TCP/IP, in/out => and or, he or she, tee see pee eye pee, in slash out
C++, C#, #tag, ~5, x < y, §5, © 2026 => See plus plus, see sharp, hashtag tag, about five, ex less than why,\
 section five, copyright twenty twenty-six
See https://www.example.com/a1. Now! => See example dot com slash ay one. Now!
Mail me@x.org, open index.html and foo.bar. => Mail me at ex dot org, open index dot aitch tee em ell and foo dot bar.
**bold** _it_ `code` <b>tag</b> [link](http://x.y) :-) => bold it code tag link
café, naïve, Straße, Ærø, ﬁn => cafe, naive, Strasse, Aero, fin
“Yes”, ‘it’s’ 'fine' (really)… => Yes, it's fine really.
'Tis the dogs' bowl; rock 'n' roll. => 'Tis the dogs' bowl, rock and roll.
Hello — world – it's... fine. Ok?! No!!! => Hello, world, it's, fine. Ok? No!
Привет 世界 hello😀world => hello world
α and 5 µm Καλημέρα => alpha and five micrometers
pre- and post-war, -x => pre and post-war, ex
no space.After a mark!Or two?Yes,I know; a.Bc => no space. After a mark! Or two? Yes, I know, a. Bc
He said this.¹ And that… Then left => He said this. And that. Then left
"""


def cases(text: str) -> list[tuple[str, str]]:
    return [tuple(line.split(" => ")) for line in text.strip().split("\n")]


LISTS = (NUMBERS, DATES, AMOUNTS, LETTERS, ABBREVIATIONS, SYMBOLS)


@pytest.mark.parametrize(("text", "expected"), [case for listed in LISTS for case in cases(listed)])
def test_readings(text, expected):
    assert spell_out(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Chapter IV\n\nIt was dark\nand stormy", "Chapter four. It was dark and stormy"),
        ("Milk\nEggs, and\nbread\n", "Milk. Eggs, and bread"),
        ("- one\r\n* two\n1. three", "one. Two. One, three"),
        ("# Heading\ntext", "Heading text"),
        ("He was seen by everybody who had come to the city of\nParis.",) * 2,
        ("well-\nknown", "well-known"),
    ],
)
def test_lines(text, expected):
    """A line break ends a heading, an item or a verse; it does not end a line of wrapped prose."""
    assert spell_out(text) == expected.replace("\n", " ")


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox, who wasn't lazy, jumped! Did it? Yes, twenty-one times.",
        "I said no. A man, I think. O'Brien's o'clock well-being",
        "He sat in the sun. May I go to the fig tree in the park at ten past two?",
        "lower case stays. so does this",
    ],
)
def test_words_stay_as_they_are(text):
    assert spell_out(text) == text


@pytest.mark.parametrize(
    "text", ["", " \n", "😀😀", "世界。", "... ?! -", "'\"", "\x00\x02\x03", "\ud800", "<b></b>"]
)
def test_nothing_to_say(text):
    assert spell_out(text) == ""


WORDS = """
Mr. Ms. Dr. St. Prof. vs. etc. e.g. i.e. No. no. approx. Jr. Sr. Nov. Jan. Sat. Sun. Ave. a.m. p.m. U.S. Ph.D. J. I. A.
BBC FBI's USSR CDs PhD iOS iPhone OK TV IT US WHO NOT STOP AMAZING DON'T IT'S O'BRIEN X x A a I i T-shirt 'tis 'n'
dogs' 's ' 5 10 3.14 1,234 007 12345678901 4.0.1 1/2 3/4 ½ 1st 1990s '90s 1999 2026-11-20 11/20/2026 20 November
3:30 10:00 pm am $5 $5.99 £3m $1.5 billion 50¢ 5km 10 kg km/h 20°C % # #tag @ & && + - = / * ** _ ~ ^ x² < > -> --
555-1234 (555) 123-4567 +44 http://x.y/z?a=b me@x.org foo.bar .NET index.html α Ω µ Henry VIII Chapter IV II C#
AT&T he/she w/ 1e10 24/7 5'10" The End | { } \\ `
"""
FRAGMENTS = [*WORDS.split(), "\n", "\n\n", "\x02", "\x03", "\ud800", "\u2028"]


def random_mixture(rng: random.Random) -> str:
    glue = rng.choice(["", " ", None])
    return "".join(
        rng.choice(FRAGMENTS) + (rng.choice(["", " "]) if glue is None else glue)
        for _ in range(rng.randint(1, 8))
    )


def awkward() -> list[str]:
    rng = random.Random(5)
    anything = ["".join(chr(rng.randrange(0x11000)) for _ in range(40)) for _ in range(100)]
    mixtures = [make(rng) for _ in range(250) for make in (random_text, random_mixture)]
    return [*HAND_WRITTEN, *anything, *mixtures]


def test_whatever_comes_in_only_words_go_out():
    spoiled = [text for text in awkward() if not WORDS_ONLY.fullmatch(spell_out(text))]
    assert spoiled == []


def test_what_came_out_stays_as_it_is():
    once = [spell_out(text) for text in awkward()]
    assert [text for text in once if spell_out(text) != text] == []


def test_the_preparation_takes_it():
    prepared, _ = prepare(spell_out("costs $5 (or more);"), TextRules())
    assert prepared == "Costs five dollars or more."


UNITS = """
a A AAa 1 1, 1. 1/ 1- 1: a. A. .a ' 'a - -a @ a@ www. [ [a]( <a < / ( ((1 $1, +1- # é ½ ² ^2 Y aA 😀 α _ 5' 1°
"""
SPACED = [
    "A. ",
    "- ",
    "1 ",
    "<a ",
    "1 1/1 ",
    "+1 ",
    "\n",
    "a\n",
    "1 000 ",
    "II ",
    "J. ",
    "St. ",
    "a b@",
    "5' ",
]


@pytest.mark.parametrize("unit", [*UNITS.split(), *SPACED])
def test_runs_of_anything(unit):
    """A pattern that tries again and again never gets through these."""
    assert WORDS_ONLY.fullmatch(spell_out(unit * (10_000 // len(unit))))


@pytest.mark.parametrize("unit", ["a", "-", ".", "'", "/", "(", "[", "_", "?! ", "é", "α", "😀", "a-", "\n"])
def test_long_runs(unit):
    text = spell_out("Yes " + unit * (100_000 // len(unit)) + " no")
    assert text.startswith("Yes")
    assert text.lower().endswith("no")


def test_a_long_run_is_worth_as_much_as_its_parts():
    line = "On Nov. 20, Dr. X paid $5 for 3 km. "
    assert spell_out(line * 300) == " ".join([spell_out(line)] * 300)


def test_what_numbers_need_is_imported_when_there_are_some():
    code = """
import sys
from pocket_fast.text.spell import spell_out
wanted = ["num2words", "pocket_fast.text.spelling.quantities"]
spell_out("Plain words.")
before = [name in sys.modules for name in wanted]
spell_out("5")
print(*before, *[name in sys.modules for name in wanted])
"""
    done = run_python(code)
    assert done.stdout.split() == ["False", "False", "True", "True"], done.stderr
