"""Letters in words, for a model that knows letters only as parts of words: initials, acronyms, Roman numerals."""

from __future__ import annotations

import re

from .numerals import cardinal, ordinal
from .spoken import END, START, ends_sentence, said, table, word_set

LETTERS = table("""
    A: ay; B: bee; C: see; D: dee; E: ee; F: eff; G: gee; H: aitch; I: eye; J: jay; K: kay; L: ell; M: em; N: en;
    O: oh; P: pee; Q: cue; R: ar; S: ess; T: tee; U: you; V: vee; W: double-you; X: ex; Y: why; Z: zee
    """)
_READ_AS = table("""
    OK: okay; PHD: pee aitch dee; IEEE: eye triple ee; JPEG: jay peg; MPEG: em peg; COVID: Covid; GUI: gooey;
    DOS: doss; WIFI: Wi-Fi; NAACP: en double-ay see pee; AAA: triple ay; WWI: World War one; WWII: World War two;
    YAML: yamel; SCUBA: scuba; LASER: laser; RADAR: radar; BASIC: basic
    """)
_NAMES = word_set("""
    NASA NATO UNESCO UNICEF OPEC ASEAN FIFA UEFA NAFTA INTERPOL EUROPOL IKEA FIAT NASDAQ LEGO SARS MERS AIDS ASCII
    JSON DARPA NOAA FEMA OSHA HIPAA ICANN MENSA OSCE MOMA CERN ESA
    """)
_SPELLED = word_set("""
    AI AM API ATM CEO CIA CIO CTO DIY DOA EU EUR FAQ GOP GPA GPU CPU HIV HR ID IOU IP IPA IPO IQ IRA IRS ISO IT LA LED
    MIA MIT NBA NGO NYC OS PA PE PO POW PR RIP SAT SUV TBA UAE UFC UFO UI UK UN UNO UPS URL US USA USB USSR USAF UTC
    UV VIP YMCA YWCA UCLA ACLU UAW ADHD ICU ECU OECD IBAN ISBN IMDB AOL ADSL
    """)
# Short words that are shouted; other short ones in capitals are letters.
_SHOUTED = word_set("""
    AN AS AT BE BY DO GO HE IF IN IS ME MY NO OF OH ON OR SO TO UP WE AH HA HI HEY WOW YAY BOO ALL AND ANY ARE ASK BAD
    BIG BUT BUY CAN CUT DAD DAY DID DIE DOG CAT BOY EAT END FAR FEW FOR FUN GET GOD GOT GUN GUY HAD HAS HER HIM HIS
    HIT HOT HOW JOB LET LOT LOW MAD MAN MAY MEN MOM NEW NOR NOT NOW ODD OFF OLD ONE OUR OUT OWN PAY PUT RAN RED RUN
    SAD SAW SAY SEE SET SHE SIR SIT SIX SON SUN TEN THE TOO TOP TRY TWO USE VERY WAR WAS WAY WHO WHY WIN WON YES YET
    YOU AGO AIR BED BOX CAR CRY FIX FLY HUG ICE KEY KID KIT LAW LEG LIE MIX NIL OIL PIN RAM RAT RAW RID ROM SEA SEX SIM
    SKY TAX TEA TIE TOY ZIP ZOO LAN GIF ADD AGE AID AIM ANT ARM ART BAG BAR BAT BET BUS CAP COW CUP EAR EGG FAN FAT
    FIT FOG FOX GAS HAT HEN JOY LAY LIP MAP MUD NET NUT PEN PET PIG POT ROW SKI TAP VAN WET
    """)
_SUFFIXES = ("T", "RE", "LL", "VE", "M", "D", "S")

_DOTTED = re.compile(r"(?<![A-Za-z\d.'])[A-Za-z]\.[A-Za-z](?:\.[A-Za-z])*(?![A-Za-z\d])\.?")
_INITIAL = re.compile(r"(?<![A-Za-z.'\-])([A-Z])\. ?(?=[A-Z])")
_INITIAL_BEFORE = re.compile(r"(?<![A-Za-z])[A-HJ-Z]\. ?\Z")
_THING_BEFORE = re.compile(
    r"(?<![A-Za-z])(?:an|plan|vitamin|grade|type|class|section|option|team|group|hepatitis|part|point|appendix|item"
    r"|exhibit|gate|size|phase|step|room) \Z",
    re.IGNORECASE,
)
_AFTER_LETTER = re.compile(",|-[a-z]| [B-HJ-Z](?![A-Za-z'])")
_ROMAN = r"(?=[IVXLC])((?:C{0,3})(?:XL|XC|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_NUMBERED = re.compile(
    rf"(?<![A-Za-z'-])([A-Za-z]{{2,20}}{END}?) {_ROMAN}(?![A-Za-z-])(?=(?:'s)?( of|[^A-Za-z' ]|\Z)?)"
)
_SURELY_ROMAN = re.compile("X{0,3}V?I{2,3}|X{1,3}I[VX]")
_PARTS = word_set("""
    Chapter Book Part Volume Act Scene Section Article Phase Type Class War Bowl Level Stage Appendix Figure Table
    Title Grade Page Psalm Canto Episode Mark Group Schedule Unit Lesson Exhibit Round Step
    """)
_RULERS = word_set("""
    Henry Louis Charles Elizabeth George Edward James William Richard Philip Pius Paul Benedict Gregory Leo Napoleon
    Catherine Peter Nicholas Frederick Wilhelm Alexander Ivan Francis Clement Innocent Urban Ramses Mary Victoria
    Alfonso Ferdinand Christian Gustav Carl Karl Otto Leopold Albert Umberto Harald Haakon Felipe Carlos Juan Pedro
    Darius Xerxes Ptolemy Cleopatra Constantine Theodosius Justinian Boniface Sixtus Urban Robert
    """)
_PIECE = re.compile(r"[^.?!]+")
_MADE_HERE = re.compile(f"{START}[^{END}]*{END}")
_CAPITALS = re.compile(
    r"(?<![A-Za-z'])(?:([A-Za-z])('[sS])?(?![A-Za-z'])|[A-Z]{2,}s?(?:'[A-Za-z]+)*(?![A-Za-z])|[A-Z]'[A-Z]{2,}s?(?![A-Za-z]))"
)
_MIXED = re.compile(r"(?<![A-Za-z])[A-Za-z]*[A-Z]{2}[A-Za-z]*")
_LOWER_THEN_UPPER = re.compile(r"(?<![A-Za-z])[a-z](?=[A-Z])")
_HUMP = re.compile(r"^[a-z](?=[A-Z])[A-Z]*|[A-Z]{2,}s?(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]")
_AFTER_SIGN = re.compile(f"(?<={END})([A-Z])s(?![A-Za-z'])")  # M&Ms

# Consonants that words begin and end with, in spelling: AMAZING is a word, USSR and HTML are letters.
_ONSETS = word_set("""
    b bl br c ch chr cl cr d dr dw f fl fr g gh gl gn gr h j k kl kn kr l m n p ph pl pr q r rh s sc sch scr sh shr sk
    sl sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr z
    """) | {""}
_CODAS = word_set("""
    b bb bs c ch ck cks cs ct cts d dd ds f ff ffs ft fts g gg gh ght ghts gn gs h hn k ks l lb lch ld lds lf lk
    lks ll lls lm lms lp lps ls lt lts m mb mbs mn mp mps ms n nc nch nd nds ng ngs ngth nk nks nn ns nt nth nts
    p ps pt pts r rb rc rch rd rds rf rg rk rks rl rls rm rms rn rns rp rr rs rsh rst rt rth rths rts s sh sk
    sks sm sms sp sps ss st sts t tch th ths ts tt v w wl wn wns ws x xt z zz
    """) | {""}
_EDGES = re.compile(r"([^aeiouy]*)[aeiouy](?:.*[aeiouy])?([^aeiouy]*)")


def part_capitals(text: str) -> str:
    """`XMLHttp`, `macOS`, `iPhone`, `M&Ms` in parts that the next steps know."""
    text = _MIXED.sub(_humps, text)
    text = _LOWER_THEN_UPPER.sub(lambda m: said(LETTERS[m[0].upper()]), text)
    return _AFTER_SIGN.sub(lambda m: said(LETTERS[m[1]] + "s"), text)


def spell_letters(text: str) -> str:
    text = _DOTTED.sub(_dotted, text)
    text = _INITIAL.sub(_initial, text)
    text = _NUMBERED.sub(_numbered, text)
    return _PIECE.sub(_sentence, text)


def letters(word: str) -> str:
    return " ".join(LETTERS[letter] for letter in word.upper())


def _humps(found: re.Match[str]) -> str:
    word = found[0]
    if word.isupper() or (word[:-1].isupper() and word[-1] == "s"):
        return word
    return said(_READ_AS[word.upper()]) if word.upper() in _READ_AS else " ".join(_HUMP.findall(word))


def _dotted(found: re.Match[str]) -> str:
    stop = found[0].endswith(".") and ends_sentence(found.string, found.end())
    return said(letters(found[0].replace(".", ""))) + ("." if stop else "")


def _initial(found: re.Match[str]) -> str:
    text = found.string
    before = text[max(0, found.start() - 12) : found.start()]
    if ends_sentence(text, found.start() + 2) or _THING_BEFORE.search(before):
        return found[0]
    if found[1] == "I" and not _INITIAL_BEFORE.search(before):
        return found[0]  # "so did I. Bob left"
    return said(letters(found[1])) + " "


def _numbered(found: re.Match[str]) -> str:
    name, roman, after = found[1].rstrip(END).title(), found[2], found[3]
    if not roman or (roman == "I" and after is None and name != "War"):
        return found[0]
    if name in _PARTS:
        return f"{found[1]} {said(cardinal(_value(roman)))}"
    if name in _RULERS:
        return f"{found[1]} {said('the ' + ordinal(_value(roman)))}"
    if name == "The" and _SURELY_ROMAN.fullmatch(roman):
        return f"{found[1]} {said(ordinal(_value(roman)))}"
    if len(roman) > 1 and set(roman) <= set("IVX") and found[1] == name:
        return f"{found[1]} {said(cardinal(_value(roman)))}"
    return found[0]


def _value(roman: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in roman]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _sentence(piece: re.Match[str]) -> str:
    written = _MADE_HERE.sub(" ", piece[0])
    shouting = not re.search("[a-z]", written) and len(re.findall(r"[A-Z]{2,}", written)) > 1
    is_at_mark = piece.end() < len(piece.string)
    return _CAPITALS.sub(lambda word: _capitals(word, shouting, is_at_mark), piece[0])


def _capitals(found: re.Match[str], shouting: bool, is_at_mark: bool) -> str:
    if found[1]:
        return _single(found, is_at_mark)
    base, apostrophe, suffix = found[0].partition("'")
    if suffix in _SUFFIXES and (suffix != "S" or base in _SHOUTED or base in ("IT", "LET")):
        return said(found[0].lower())  # DON'T
    if apostrophe and len(base) == 1:
        return said(f"{base}'{suffix.title()}")  # O'BRIEN
    end = "s" if base[-1] == "s" else ""
    words = _as_word(base.removesuffix("s"), shouting, _is_glued(found)) + end
    return said(words + (apostrophe + suffix).lower())


def _as_word(capitals: str, shouting: bool, glued: bool) -> str:
    if capitals in _READ_AS:
        return _READ_AS[capitals]
    if _SURELY_ROMAN.fullmatch(capitals):
        return cardinal(_value(capitals))
    if capitals in _NAMES:
        return capitals.title()
    if capitals in _SHOUTED and not glued:
        return capitals.lower()
    if capitals not in _SPELLED and (shouting or len(capitals) > 3) and _is_speakable(capitals.lower()):
        return capitals.lower()
    if shouting and capitals in ("US", "IT", "AM") and not glued:
        return capitals.lower()
    return letters(capitals)


def _is_speakable(word: str) -> bool:
    edges = _EDGES.fullmatch(word)
    return bool(edges) and edges[1] in _ONSETS and edges[2] in _CODAS and not re.search("[^aeiouy]{5}", word)


def _single(found: re.Match[str], is_at_mark: bool) -> str:
    """One letter on its own: a word if it is one, else its name."""
    letter, suffix = found[1], found[2]
    text, start, end = found.string, found.start(), found.end()
    named = bool(suffix) or _is_glued(found)
    if letter in "Ii" and not named:
        return "I"
    if letter == "a" and not named:
        return letter
    if letter == "A" and not named:  # an article stands before a word, and not after "vitamin"
        is_last = end == len(text) and (is_at_mark or start > 0)
        is_thing = _THING_BEFORE.search(text[max(0, start - 12) : start])
        if not (is_last or is_thing or _AFTER_LETTER.match(text, end)):
            return letter
    return said(LETTERS[letter.upper()] + (suffix or "").lower())


def _is_glued(found: re.Match[str]) -> bool:
    """Whether a number or a sign follows or precedes without a blank, as in A4, Q&A."""
    text = found.string
    return (
        text[found.start() - 1 : found.start()] in (END, START)
        or text[found.end() : found.end() + 1] == START
    )
