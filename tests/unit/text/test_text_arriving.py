from __future__ import annotations

import asyncio
import dataclasses
import random

import pytest

from awkward_texts import HAND_WRITTEN, RULES, random_text
from planned import plan
from pocket_fast.errors import TextError
from pocket_fast.text.arriving import (
    CLAUSE,
    PARAGRAPH,
    SENTENCE,
    SPACE,
    Arriving,
    apassages,
    passages,
    places,
)
from pocket_fast.text.pauses import Silence, is_spoken
from tiny_stages import config

# Texts with `¦` where passages end. First those about sentences, whatever their length.
SENTENCES = """
It is late.¦ Go home!¦ Why?¦ Because…¦ Now
Pi is 3.14.¦ Or 3. 5 of them. 2 more, v1.2.3 of www.example.com.¦ Go to http://a.b/c?d=e.¦ Yes
Dr. Smith met Mr. J. R. Jones in the U.S. Capital at 5 p.m. Then, e.g. now, i.e. later.¦ Bye
He met J.-P. Sartre, **Dr. No** and/or Mr. Xu.¦ Yes
Am 3. Oktober kam Ludwig XIV. König, z. B. und z.B. Prof. Maier mit 5 Mio. Euro bzw. 6 Mrd. Mark.¦ Ich weiß es.¦ Ja
M. Dupont et Mme. Durand, p. ex. Marie.¦ La Sra. López y el Dr. Paz de EE.UU. Ayer.¦ Il Sig. Rossi.¦ A Profa. Ana.¦ Fim
Dhr. Jansen en mevr. De Vries, d.w.z. Anna, bijv. Piet.¦ Ja
In 1999.¦ Then 5. Then 12. Then 100.¦ Then
Wait... what? no!! yes.¦ Now ...¦ Then
"Why?" she asked.¦ "Because!"¦ He left (at last.)¦ [Then] he 'slept.'¦ “Good.”¦ ‘Yes.’¦ **Bold.**¦ *So*
« Bonjour ! » dit-il.¦ « Oui ! »¦ Il partit.¦ »Nein!«¦ Sie ging. „aber“ wohin?¦ „Nach Haus.“¦ Gut
« Bonjour ! », dit-il ; « Ça va ? ».¦ Oui
¿Qué?¦ ¡No!¦ (¿Sí?)¦ ¡Ya
Really?!¦ No . . . yes.. no. ?!¦ Oh
今日は。¦ok。¦元気ですか？¦「はい！」¦と3.14。¦そう
नमस्ते दुनिया।¦ कैसे हो?¦ كيف حالك؟¦ بخير
no.space!here?yes.No
well.so! lower? case. and so on
Is it 5?¦ 5!¦ 5 more: "Yes." "5
"""
CLAUSES = """
one,¦ two;¦ three:¦ four –¦ five —¦ six -¦ seven—¦eight，¦九
1,000 and 10:30 and 10–20 and 3 - 2 and a-b - 5 and x–y and http://a:b
"so,"¦ (and,)¦ so :)¦ on ,¦ and
1,¦ 2,¦ 3
wait...¦ what.¦ e.g. this
- item -¦ and -¦ more
Vor- und Nachteile -¦ x-,¦ y
"""


@pytest.mark.parametrize("marked", SENTENCES.strip().splitlines())
def test_sentences(marked):
    check(marked, Arriving(least=1, clause=10_000))


@pytest.mark.parametrize("marked", CLAUSES.strip().splitlines())
def test_clauses(marked):
    check(marked, Arriving(least=1, clause=1))


LINE = "a line of prose that was wrapped at about sixty characters,"


@pytest.mark.parametrize(
    "marked",
    [
        "# A heading\n¦The text.\n¦- one\n¦- two\n¦(three",
        "so it\ngoes on\n\n¦and\r\n\r\n¦on\n \t\n¦\n¦end",
        f"This is\n{LINE}\nElizabeth said,\n¦Then.\n¦And",
        f"This {LINE}.¦ He\nElizabeth,\n{LINE}\n\n¦And",
        f"{LINE} ends.\n¦And {LINE}\n¦- item",
        "I met Mr.\n¦Short lines are verse",
        f"{LINE} and Mr.\nDarcy",
        "— Oui.\n¦— Non",
        "It was 5.\n¦and it was over",
        "So am I.\n\n¦Yes",
        "Hi\n[x]",
    ],
)
def test_lines(marked):
    check(marked.replace("\n[x]", "\n¦[x]"), Arriving(least=1, clause=10_000))


@pytest.mark.parametrize(
    "marked",
    [
        "Hello [pause:500ms]¦ world, [pause:1.5s]¦[pause:1s]¦",
        "[pause:1s]¦ Hello.[pause:1s]¦",
        "Hello. [pause:1s]¦ Well, [pause:2s]¦ Yes.¦ [pause:x] no.¦ [pau] no",
        "Hello.¦ [pause:0.2ms] Well [pause:0ms] yes[pause:0s].¦ [Then",
        "Hello.\n¦[pause:1s]¦ Then\n[pause:1s]¦",
        "Hello.¦ [pause: 1s] is read",
        "-- [pause:1s]¦",
    ],
)
def test_pauses(marked):
    check(marked, Arriving(least=1, clause=10_000))


def check(marked: str, arriving: Arriving) -> None:
    expected = [part.strip() for part in marked.split("¦")]
    text = marked.replace("¦", "")
    assert arriving.push(text) + arriving.finish() == [part for part in expected if part]
    found = []
    for character in text:
        found += arriving.push(character)
    assert found + arriving.finish() == [part for part in expected if part]


def test_short_sentences_wait_for_more_and_passages_grow():
    text = "Sure! Of course. It is so, yes. It was so. It is going to be so for ever. So be it. Amen. "
    assert list(passages(text * 2)) == [
        "Sure! Of course.",
        "It is so, yes. It was so.",
        "It is going to be so for ever. So be it.",
        "Amen. Sure! Of course. It is so, yes.",
        "It was so. It is going to be so for ever.",
        "So be it. Amen.",
    ]


def test_a_long_sentence_is_cut_at_clauses_that_grow():
    cut = list(passages("it was the best of times, " * 30))
    assert [len(part) for part in cut[:4]] == [51, 103, 129, 129]
    assert all(part.endswith("times,") for part in cut)


def test_without_marks_it_is_cut_between_words():
    assert [len(part) for part in passages("word " * 200)][:4] == [99, 139, 179, 179]
    assert list(passages("1 000 000 " * 100)) == [("1 000 000 " * 100).strip()]
    assert list(passages("x\u00a0" * 500 + "y")) == ["x\u00a0" * 500 + "y"]
    assert list(passages("x" * 1000 + ".y" * 1000)) == ["x" * 1000 + ".y" * 1000]
    assert list(passages("Dr. " * 35 + "No")) == ["Dr. " * 35 + "No"]


def test_without_marks_it_is_cut_at_the_last_clause_there_was():
    text = "oh, I went home, and then " + "on and " * 30
    first, second = list(passages(text))[:2]
    assert first == "oh, I went home,"
    assert second.startswith("and then on and")
    assert len(next(passages("oh, I went home and then " + "on and " * 30))) > 40  # not a single word


def test_when_a_passage_is_known():
    arriving = Arriving(least=1)
    steps = [
        ("It costs 3.", []),
        ("14 dollars.", []),
        (" ", []),
        ("\n", ["It costs 3.14 dollars."]),
        ('He said "No.', []),
        ('"', []),
        (" ", []),
        ('"', []),
        ("T", ['He said "No."']),
        ("hen. [pau", []),
        ("", []),
        ("se:1s", []),
        ("]", ['"Then. [pause:1s]']),
        ("And. [pause", []),
        ("d", ["And."]),
    ]
    assert [arriving.push(piece) for piece, _ in steps] == [known for _, known in steps]
    assert arriving.finish() == ["[paused"]


def test_after_the_end_another_text_may_come():
    arriving = Arriving()
    text = "it was the best of times, " * 30
    first = arriving.push(text) + arriving.finish()
    assert arriving.finish() == []
    assert arriving.push(text) + arriving.finish() == first


@pytest.mark.parametrize("text", ["", " \n", '"', "...", "[pause:0ms] . [pause:0.2ms]", ")\n\n", "👍", "***"])
def test_what_cannot_be_spoken_is_a_passage_only_if_it_is_all_there_is(text):
    assert list(passages([text])) == list(filter(None, [text.strip()]))
    assert list(passages(["It is over.\n", text])) == ["It is over."]


@pytest.mark.parametrize("text", ["", " \n", "[pause:0ms]", " [pause:0.2ms] [pause:0s]"])
def test_blank_text_is_no_passage(text):
    assert list(passages([text])) == []


def test_marks_alone_join_what_follows():
    assert list(passages("--\n\n" * 9 + "Hello there.\n\n")) == ["--\n\n" * 9 + "Hello there."]


def test_what_is_no_text_is_refused_at_once():
    with pytest.raises(TextError, match="must be a str, got bytes"):
        Arriving().push(b"Hello")
    with pytest.raises(TextError, match="lone surrogate"):
        Arriving().push("\ud83d")
    assert list(passages("[pause:" + "9" * 20 + "s]")) == ["[pause:" + "9" * 20 + "s]"]  # plan refuses it


FRAGMENTS = [
    "[pause:1s]",
    "[pause:0.2ms]",
    "[pa",
    "\n",
    "\n\n",
    " \n ",
    ". ",
    "! ",
    "» ",
    " «",
    "— ",
    " - ",
    "-",
]
FRAGMENTS += [
    "...",
    "…",
    "Dr.",
    "U.S.",
    "12.",
    "3",
    "he ",
    "She ",
    "(",
    "*",
    "，",
    "。",
    "word, ",
    '"',
    "[",
    "]",
]
FRAGMENTS += ["and so it went on and on ", "1,000", "x" * 30, "\u00a0", " "]


def many_texts() -> list[str]:
    rng = random.Random(4)
    texts = HAND_WRITTEN + [random_text(rng) for _ in range(300)]
    return texts + ["".join(rng.choices(FRAGMENTS, k=rng.randint(1, 80))) for _ in range(300)]


def test_the_passages_do_not_depend_on_the_pieces():
    """Not even when each of them is known: only on the characters that have arrived."""
    rng = random.Random(5)
    for text in many_texts():
        one_by_one, found, known = Arriving(), [], [0]
        for character in text:
            found += one_by_one.push(character)
            known.append(len(found))
        found += one_by_one.finish()
        assert list(passages([text])) == found
        for longest in (4, 50):
            arriving, again, at = Arriving(), [], 0
            while at < len(text):
                size = rng.randint(0, longest)
                again += arriving.push(text[at : at + size])
                at = min(at + size, len(text))
                assert len(again) == known[at], text[:at]
            assert again + arriving.finish() == found


def test_nothing_is_lost_doubled_or_moved():
    for text in many_texts():
        cut = list(passages([text]))
        assert all(part == part.strip() != "" for part in cut)
        whole, joined = "".join(text.split()), "".join("".join(cut).split())
        assert whole.startswith(joined)
        rest = whole[len(joined) :].replace("[pause:0.2ms]", "")
        assert not any(map(is_spoken, rest)), text


def test_a_book_in_one_piece():
    sentence = "It is a truth universally acknowledged, that a single man must be in want of a wife. "
    cut = list(passages([sentence * 1000]))
    assert cut == list(passages([sentence] * 1000))
    assert " ".join(cut) == (sentence * 1000).strip()


def test_in_an_event_loop():
    async def arriving():
        for piece in ["Hello the", "re. How", " are you?"]:
            await asyncio.sleep(0)
            yield piece

    async def gather(pieces):
        return [passage async for passage in apassages(pieces)]

    expected = ["Hello there.", "How are you?"]
    assert asyncio.run(gather(arriving())) == expected
    assert asyncio.run(gather(["Hello the", "re. How", " are you?"])) == expected
    assert list(passages(["Hello the", "re. How", " are you?"])) == expected


@pytest.mark.parametrize("name", ["english", "french"])
def test_every_passage_can_be_planned(tiny, name):
    """Also with rules that delete quotes and brackets, and as a clause gets a capital and a period."""
    settings = dataclasses.replace(config("tiny"), **RULES[name])

    def planned(text):
        return plan(text, tiny, settings, max_tokens=50)

    for text in many_texts():
        for passage in passages([text]):
            assert planned(passage)
    first, second = (planned(passage) for passage in Arriving(least=1, clause=1).push("so, and, y"))
    assert [part.text for part in first + second] == ["So.", "And."]
    assert [type(part) is Silence for part in planned(*passages(["Hello. [pause:1s]"]))] == [False, True]


@pytest.mark.parametrize("marked", SENTENCES.strip().splitlines())
def test_places_of_a_text_that_is_all_there(marked):
    text = marked.replace("¦", "")
    found = {at for at, kind in places(text) if kind >= SENTENCE}
    wanted = {len(marked[:i].replace("¦", "")) for i, character in enumerate(marked) if character == "¦"}
    assert found == wanted


def test_kinds_of_places():
    text = "One, two - three.\n\nFour"
    kinds = {text[:at]: kind for at, kind in places(text)}
    assert kinds == {
        "One,": CLAUSE,
        "One, two -": CLAUSE,
        "One, two - three.": SENTENCE,
        "One, two - three.\n\n": PARAGRAPH,
    }
    assert {kind for _, kind in places("a b c")} == {SPACE}


@pytest.mark.parametrize(
    ("arrived", "spoken"),
    [
        ("Hello there.", ["Hello there."]),
        ("Hello there. How are y", ["Hello there."]),
        ("Hi. How are", ["Hi."]),  # too short to have been spoken before
        ("One. Two! Three? Fo", ["One. Two!", "Three?"]),
        ('She said: "Why?" And th', ['She said: "Why?"']),
        ("A heading\nand", []),
        ("# A heading\n\nText th", ["# A heading"]),
        ("It costs 3.", ["It costs 3."]),
        ("I saw Dr.", []),
        ("Yes. I saw Dr.", ["Yes."]),
        ("No end at all, not even", []),
        ("元気ですか？そ", ["元気ですか？"]),
        ("Wait. [pause:1s] Now. [pau", ["Wait. [pause:1s]", "Now."]),
        ("", []),
        (" ", []),
    ],
)
def test_a_text_that_breaks_off_is_spoken_to_its_last_sentence(arrived, spoken):
    def pieces():
        yield from arrived
        raise KeyError("no more")

    async def gather():
        async def later():
            for piece in pieces():
                yield piece

        async for passage in apassages(later()):
            found.append(passage)

    found = []
    with pytest.raises(KeyError, match="no more"):
        found.extend(passages(pieces()))
    assert " ".join(found) == " ".join(spoken)
    found.clear()
    with pytest.raises(KeyError, match="no more"):
        asyncio.run(gather())
    assert " ".join(found) == " ".join(spoken)


def test_none_is_no_text():
    assert list(passages([None, "Hello", None, " there, my fr", None, "iend. Bye", None])) == [
        "Hello there, my friend.",
        "Bye",
    ]
    assert list(passages([None])) == []
