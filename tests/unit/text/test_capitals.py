"""Words in capitals are words, unless nobody could say them; what is spelled for all that is known by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocket_fast.text.spell import spell_out
from pocket_fast.text.spelling.initials import letters

SHOUTED = """
SALE ENDS SUNDAY => Sale ends sunday
PLEASE DO NOT FEED THE DUCKS => Please do not feed the ducks
STRENGTH THROUGH GROWTH => Strength through growth
WORLD HEALTH MONTHS => World health months
HELP => Help
DOUBTS, DEBTS AND EGGS => Doubts, debts and eggs
TSUNAMI HITS SRI LANKA => Tsunami hits sri lanka
RHYTHM, PSALMS & HYMNS => Rhythm, psalms and hymns
CZECH SQUAD IN IRAQ => Czech squad in iraq
SCHMIDT MET MCGREGOR => Schmidt met mcgregor
NGUYEN AND SINGH => Nguyen and singh
ZÜRICH, ÉTÉ => Zurich, ete
NOOOO! YESSS! AAAH! => Noooo! Yesss! Aaah!
HMM. SHH! PSST... => Hmm. Shh! Psst.
She wrote NEVER AGAIN on it. => She wrote never again on it.
We want YOU. => We want you.
That is SO not true => That is so not true
I told you: DO IT NOW => I told you, do it now
I AM A MAN => I am a man
I AM => I am
AM I LATE? => Am I late?
I, ROBOT => I, robot
A TO Z => Ay to zee
GRADE A, PLAN B => Grade ay, plan bee
O HOLY NIGHT => Oh holy night
S T O P => Ess tee oh pee
I'LL BE BACK => I'll be back
THEY'RE HERE, Y'ALL => They're here, y'all
IT'S FIVE O'CLOCK => It's five o'clock
O'CONNOR'S PUB, McDONALD'S => O'Connor's pub, Mcdonald's
THE BOYS' CLUB => The boys' club
CO-OP, RE-ENTRY, X-RAY, U-TURN => Co-op, re-entry, ex-ray, you-turn
TOP10 HITS => Top ten hits
EL NIÑO IN RIO DE JANEIRO => El nino in rio de janeiro
MIX AND MATCH. CIVIL WAR => Mix and match. Civil war
"""
LETTERS = """
the CIA and an API => the see eye ay and an ay pee eye
FBI AND NASA AGREE => Eff bee eye and Nasa agree
UN WARNS, EU WAITS => You en warns, ee you waits
MADE IN USA => Made in you ess ay
WILL AI TAKE OUR JOBS? => Will ay eye take our jobs?
HTML5, CSS3 AND HTTPS => Aitch tee em ell five, see ess ess three and aitch tee tee pee ess
CEO'S PAY, CEOS, UFOs => See ee oh's pay, see ee ohs, you eff ohs
TVS, DVDs, the BBC's => Tee vees, dee vee dees, the bee bee see's
LGBTQ+ => Ell gee bee tee cue plus
CD-ROM, USB-C => See dee-rom, you ess bee-see
RSVP BY FRIDAY => Ar ess vee pee by friday
CO2 LEVELS => See oh two levels
SAN DIEGO, CA => San diego, see ay
OK, OKAY, ok => Okay, okay, ok
YMCA, UCLA, USDA => Why em see ay, you see ell ay, you ess dee ay
IoT, SaaS, PhDs, MSc => Eye oh tee, sass, pee aitch dees, em ess see
iPHONE, eBay, XBOX => Eye phone, ee bay, ex box
"""
BOTH = """
Contact IT. => Contact eye tee.
THAT'S IT => That's it
IT SUPPORT => Eye tee support
IT's role, IT'S A TRAP => Eye tee's role, it's a trap
the US, TELL US, THE US, JOIN US => the you ess, tell us, the you ess, join us
US ECONOMY GROWS => You ess economy grows
WHAT DO YOU WANT FROM US? => What do you want from us?
an AM station. 1530 AM RADIO => an ay em station. Fifteen thirty ay em radio
new LED lights. HE LED THEM. => new ell ee dee lights. He led them.
the SAT. SHE SAT DOWN => the ess ay tee. She sat down
the WHO said. WHO CARES? => the double-you aitch oh said. Who cares?
"""
ABBREVIATIONS = """
MR SMITH GOES TO WASHINGTON => Mister smith goes to washington
MR. AND MRS. BROWN => Mister and Missus brown
DR. WHO IN ST. LOUIS => Doctor who in Saint louis
ST LOUIS VS. CHICAGO => Saint louis versus chicago
PROF. GREEN => Professor green
ACME INC. AND SONS LTD. => Acme Incorporated and sons Limited.
NO. 1, VOL. 3, 5TH AVE. => Number one, volume three, fifth Avenue.
MT. EVEREST, ETC. => Mount everest, et cetera.
"""
ROMAN = """
ROCKY IV. WORLD WAR II. HENRY VIII => Rocky four. World war two. Henry the eighth
the XIX century, XXI => the nineteenth century, twenty-one
Super Bowl LIX, XXVI, MCMXCIX, MMXXIV => Super Bowl fifty-nine, twenty-six, nineteen ninety-nine, twenty twenty-four
page xii, chapter iv => page twelve, chapter four
(ii) second, iv) fourth => Two, second, four fourth
XXL, MIX, LIV => Ex ex ell, mix, liv
"""


def cases(*lists: str) -> list[tuple[str, str]]:
    return [tuple(line.split(" => ")) for text in lists for line in text.strip().split("\n")]


@pytest.mark.parametrize(("text", "expected"), cases(SHOUTED, LETTERS, BOTH, ABBREVIATIONS, ROMAN))
def test_readings(text, expected):
    assert spell_out(text) == expected


@pytest.mark.parametrize("frame", ["{} AND MORE", "They said {} to him."])
def test_frequent_words_are_said(frame):
    """Of the 20,000 most frequent words of English at most one in a thousand is spelled."""
    wordfreq = pytest.importorskip("wordfreq", reason="the list of frequent words comes with wordfreq")
    dictionary = Path("/usr/share/dict/words")
    if not dictionary.exists():
        pytest.skip("which of them are words is told by Debian's wamerican")
    known = {word for word in dictionary.read_text().split() if len(word) > 2}
    words = [
        word
        for word in wordfreq.top_n_list("en", 25_000)
        if word in known and word.isalpha() and word.isascii()
    ][:20_000]
    spelled = [word for word in words if letters(word) in spell_out(frame.format(word.upper())).lower()]
    assert len(words) > 10_000
    assert len(spelled) <= 20, spelled
