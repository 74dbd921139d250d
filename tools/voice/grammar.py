"""Sentences of our own making: patterns over everyday words, numbers, dates, money, letters, word lists."""

from __future__ import annotations

import random
import re

from num2words import num2words

WORDS = {
    "name": """Anna Ben Clara David Emma Frank Grace Henry Irene Jack Kate Leo Maria Nick Olivia Paul Rachel Sam
        Tina Victor Wendy Zoe Alice Brian Charlotte Daniel Eleanor George Hannah Isaac Julia Kevin Laura Michael
        Nora Oscar Peter Robert Sarah Thomas Mister_Smith Missus_Brown Doctor_Jones Professor_Lee""",
    "place": """the_kitchen the_garden the_station the_office the_market the_library the_beach the_airport the_park
        the_hospital the_village the_bridge the_harbor the_museum the_forest the_city London Paris Chicago Boston
        Dublin Texas Africa Canada Rome the_school the_river the_mountains the_theater the_corner the_bakery""",
    "thing": """book phone letter window table chair lamp computer bicycle camera umbrella ticket bottle blanket key
        guitar newspaper suitcase mirror clock piano picture hammer pencil basket cup knife ladder candle jacket
        wallet radio engine screen button cable battery password message file program printer car truck boat""",
    "food": """bread cheese soup coffee tea rice fish chicken butter salad apples oranges potatoes onions eggs milk
        sugar chocolate honey pepper cake toast lemons beans noodles pancakes strawberries mushrooms""",
    "creature": """dog cat horse rabbit parrot tiger elephant monkey spider mouse goat sheep eagle dolphin turtle
        snake fox bear wolf donkey squirrel whale frog""",
    "person": """teacher doctor neighbor driver nurse farmer lawyer soldier singer painter manager student waiter
        captain engineer baker cousin brother sister grandmother uncle girl boy woman man stranger visitor""",
    "quality": """small large old new broken heavy quiet bright dark strange beautiful cheap expensive empty warm cold
        dirty clean yellow green purple round narrow wooden golden famous gentle lazy clever angry hungry tired
        lonely careful dangerous ordinary enormous fragile useful modern""",
    "did": """found bought lost painted opened dropped carried forgot cleaned repaired sold borrowed noticed watched
        moved measured returned wanted needed brought counted ignored examined followed heard pushed""",
    "do": """find buy lose paint open carry forget clean repair sell borrow notice watch move return want need bring
        count ignore follow hear push check choose describe explain remember understand""",
    "doing": """reading walking cooking sleeping running singing waiting writing swimming talking working dancing
        shopping fishing driving laughing thinking painting climbing""",
    "how": """slowly quickly quietly carefully suddenly finally probably never always often usually rarely again
        today yesterday tomorrow together alone outside early late""",
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": "January February March April May June July August September October November December",
    "unit": """miles kilometers pounds minutes hours days weeks years meters inches degrees gallons seconds pages
        people dollars euros cents percent grams bottles boxes""",
    "letter": """ay bee see dee ee eff gee aitch eye jay kay ell em en oh pee cue ar ess tee you vee double-you ex
        why zee""",
    "little": "a and as at but by for from he in is it of on or she that the to was which with",
}
_CHOICES = {kind: text.replace("\n", " ").split() for kind, text in WORDS.items()}

PATTERNS = """
The {quality} {thing} is on the {thing}.
{name} {did} a {quality} {thing} in {place}.
Where did you {do} the {thing}?
I {did} the {thing} {how}.
We are {doing} in {place} {how}.
Can you {do} the {quality} {thing}, please?
My {person} likes {food} and {food}.
The {person} {did} {number} {quality} {thing}s.
Please {do} the {thing} before {day}.
{name} and {name} went to {place} on {day}.
Why is the {creature} {doing} in {place}?
There are {number} {creature}s near {place}.
It costs {money}.
The {thing} costs {money}, not {money}.
The meeting is at {time} on {day}.
It is {time} and the {person} is still {doing}.
She was born on {date}.
On {date}, {year}, the {person} {did} the {thing}.
In {year} there was a {quality} {creature} in {place}.
The answer is {number}.
{number} plus {number} is {number}.
About {number} {unit}, I think.
It took {number} {unit} to {do} the {thing}.
{decimal} {unit}.
The {thing} is {decimal} {unit} long.
Call me at {digits}.
The code is {digits}.
My initials are {letters}.
The {letters} {thing} is {quality}.
Spell it, {letters}.
Turn {letters} {how}.
Version {decimal} of the program is {quality}.
Do not {do} the {quality} {thing}!
Are you {doing} or {doing}?
What a {quality} {creature}!
Yes, I {did} it {how}.
No, the {person} did not {do} the {thing}.
If you {do} the {thing}, {name} will {do} the {food}.
{name} said that the {person} {did} the {thing} {how}.
When the {person} came to {place}, the {creature} was {doing}.
The {quality}, {quality} {creature} {did} the {food}.
{food}, {food}, and {food}.
I have never seen such a {quality} {thing} in {place}.
Who {did} the {food} in {place}?
How many {unit} are there in {place}?
Thank you, {name}.
Good morning, {name}, how are you {how}?
Let us {do} the {thing} {how}.
The {person}'s {thing} wasn't {quality}, it was {quality}.
They don't {do} it, they won't {do} it, and they can't {do} it.
You should have {did} the {thing} on the {ordinal} of {month}.
This is the {ordinal} {thing} from the left.
{number} percent of the {person}s {did} the {thing}.
""".strip().splitlines()


def number_words(value: float | int, **options: str) -> str:
    """A number in en-US words without commas or "and"."""
    return re.sub(r",| and\b", "", num2words(value, **options))


class Grammar:
    """Draws sentences; `lexicon` are further words for lists and single words."""

    def __init__(self, draw: random.Random, lexicon: list[str]):
        self._draw = draw
        self._lexicon = lexicon
        self._left: list[str] = []

    def sentence(self) -> str:
        """One of the patterns, filled."""
        pattern = self._draw.choice(PATTERNS)
        text = re.sub(r"\{(\w+)\}", lambda match: self._fill(match[1]), pattern)
        text = re.sub(r"\ba (?=[aeiou])", "an ", text.replace("_", " "))
        return text[0].upper() + text[1:]

    def _fill(self, kind: str) -> str:
        draw = self._draw
        if kind in _CHOICES:
            return draw.choice(_CHOICES[kind])
        if kind == "letters":
            return " ".join(draw.choices(_CHOICES["letter"], k=draw.randint(1, 5)))
        if kind == "digits":
            return " ".join(number_words(draw.randint(0, 9)) for _ in range(draw.randint(3, 8)))
        number = draw.choice((draw.randint(0, 20), draw.randint(20, 100), draw.randint(100, 9999)))
        if draw.random() < 0.1:
            number *= draw.choice((1000, 10**6))
        if kind == "number":
            return number_words(number)
        if kind == "ordinal":
            return number_words(number % 100, to="ordinal")
        if kind == "decimal":
            return number_words(round(draw.uniform(0, 30), draw.randint(1, 2)))
        if kind == "year":
            return number_words(draw.randint(1500, 2060), to="year").replace("-", " ", draw.randint(0, 1))
        if kind == "date":
            return f"{self._fill('month')} {number_words(draw.randint(1, 31), to='ordinal')}"
        if kind == "money":
            dollars = number_words(number % 1000) + draw.choice((" dollars", " euros", " pounds"))
            return dollars + draw.choice(("", f" and {number_words(draw.randint(1, 99))} cents"))
        if kind == "time":
            minutes = draw.choice(("", " fifteen", " thirty", " forty-five", " oh five", " twenty"))
            return (
                number_words(draw.randint(1, 12))
                + minutes
                + draw.choice((" ay em", " pee em", " o'clock", ""))
            )
        raise KeyError(kind)

    def word_list(self, most: int) -> str:
        """Words of the lexicon, at most `most` characters: with little words between, some again soon after, commas."""
        draw = self._draw
        words: list[str] = []
        length = draw.randint(10, most - 1)
        while True:
            which = draw.random()
            if which < 0.15:
                word = draw.choice(_CHOICES["little"])
            elif which < 0.27 and words:
                word = draw.choice(words[-6:]).rstrip(",")
            else:
                word = self._word() + draw.choices(("", "'s"), (20, 1))[0]
            for _ in range(draw.choices((1, 2, 3), (20, 1, 1))[0]):
                if sum(map(len, words)) + len(words) + len(word) > length:
                    return self._ended(words or [word])
                words.append(word + draw.choices(("", ","), (8, 1))[0])

    def single_word(self) -> str:
        """One word as a sentence."""
        return self._ended([self._word()])

    def _word(self) -> str:
        """One of the lexicon, which is gone through whole before a word comes again."""
        if not self._left:
            self._left = self._draw.sample(self._lexicon, len(self._lexicon))
        return self._left.pop()

    def _ended(self, words: list[str]) -> str:
        text = " ".join(words).rstrip(",")
        return text[0].upper() + text[1:] + self._draw.choices((".", "?", "!"), (14, 1, 1))[0]
