"""Abbreviations in full: titles, months, streets, Latin."""

from __future__ import annotations

import re

from .initials import letters
from .spoken import ends_sentence, said, table, word_set

# In front of numbers only; elsewhere "no." and "fig." are words.
_COUNTED = table("""
    no: number; nos: numbers; nr: number; p: page; pp: pages; vol: volume; ch: chapter; fig: figure; figs: figures;
    eq: equation; sect: section; Sec: section; art: article; pt: part; ca: circa; c: circa; est: established;
    ver: version; apt: apartment; tab: table
    """)
_BEFORE_NUMBER = re.compile(r"(?<![\w.'])([A-Za-z]{1,4})\. ?(?=\(?[\d#]|(?:[IVX]{2,5}|[VX])(?![A-Za-z]))")
_LIVES = {"b": "born", "d": "died", "r": "reigned", "fl": "flourished"}
_LIFE = re.compile(r"(?<![\w.'])(b|d|r|fl)\. ?(?=(?:c\. ?)?\d{3,4}(?!\d))")
_CENTURY = re.compile(r"(?<=\d(?:th|st|nd|rd)) c(?:ent)?\.(?= (?:BC|AD|[a-z])|[,;)]|\Z)")
_NUMERO = re.compile(r"(?<=[a-z,] )No (?=\d)|(?<![A-Za-z])[Nn][°º]\.? ?(?=\d)")
_PAGE = re.compile(r"(?<![\w.'])(pp?) ?(?=\d)")

# In front of names: their period is never a full stop.
_TITLES = table("""
    Mr: Mister; Mrs: Missus; Ms: Miz; Messrs: Messieurs; Prof: Professor; Rev: Reverend; Hon: Honorable; Gen: General;
    Col: Colonel; Maj: Major; Capt: Captain; Lt: Lieutenant; Sgt: Sergeant; Cpl: Corporal; Adm: Admiral;
    Cmdr: Commander; Gov: Governor; Sen: Senator; Rep: Representative; Pres: President; Mt: Mount; Ft: Fort;
    Drs: Doctors; Mme: Madame; Mlle: Mademoiselle; Msgr: Monsignor; Supt: Superintendent; Pvt: Private;
    Atty: Attorney; Amb: Ambassador; Insp: Inspector; Det: Detective
    """)
# Their period may be a full stop too.
_WORDS = table("""
    vs: versus; v: versus; etc: et cetera; approx: approximately; incl: including; Jr: Junior; Sr: Senior;
    Esq: Esquire; Inc: Incorporated; Ltd: Limited; Co: Company; Corp: Corporation; Bros: Brothers; Assn: Association;
    Dept: Department; dept: department; Univ: University; govt: government; Govt: Government; misc: miscellaneous;
    cf: compare; viz: namely; Ave: Avenue; Blvd: Boulevard; Rd: Road; Ln: Lane; Hwy: Highway; Pkwy: Parkway;
    Sq: Square; Apt: Apartment; tel: telephone; Tel: Telephone; al: al; esp: especially; asst: assistant;
    Asst: Assistant; attn: attention; Attn: Attention; bldg: building; Bldg: Building; qty: quantity; Qty: Quantity;
    intl: international; Intl: International; natl: national; mgr: manager; doz: dozen; max: maximum; min: minimum;
    avg: average; Jan: January; Feb: February; Apr: April; Aug: August; Sept: September; Sep: September; Oct: October;
    Nov: November; Dec: December; Mon: Monday; Tue: Tuesday; Tues: Tuesday; Wed: Wednesday; Thu: Thursday;
    Thur: Thursday; Thurs: Thursday; Fri: Friday
    """)
_STREET = re.compile(
    r"(\x03 (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3})(St|Ave|Rd|Dr|Ln|Blvd|Ct|Pl|Pkwy|Hwy|Sq|Ter)"
    r"(?:\.?,? (NW|NE|SW|SE)(?![A-Za-z'])|(?![A-Za-z.']))"
)
_STREETS = table("""
    St: Street; Ave: Avenue; Rd: Road; Dr: Drive; Ln: Lane; Blvd: Boulevard; Ct: Court; Pl: Place; Pkwy: Parkway;
    Hwy: Highway; Sq: Square; Ter: Terrace; NW: Northwest; NE: Northeast; SW: Southwest; SE: Southeast
    """)
_RANK = re.compile(r"(?<![A-Za-z.'])(Sgt|Lt|Cpl|Capt|Col|Maj|Mt|Ft|Gov|Rev)(?= [A-Z][a-z])")
_SPECIES = re.compile(
    r"(?<![A-Za-z.'])([A-Z])\. "
    r"(?=(?:coli|rex|elegans|difficile|aureus|sapiens|botulinum|pneumoniae|albicans|cerevisiae)(?![a-z]))"
)
_WITHOUT_PERIOD = word_set("Mr Mrs Ms Prof vs etc Blvd Hwy Jr")
_ANY_CAPITAL = frozenset(["etc", "approx", "max", "min", "avg"])  # no part of names
_SHORT = table("""
    e.g: for example; i.e: that is; a.k.a: also known as; &c: et cetera; w/o: without; w/out: without; w/in: within;
    w/: with; b/c: because; c/o: care of; n/a: en ay; s/he: she or he
    """)
_LATIN = re.compile(
    r"(?<![\w.'/])(?:([Ee]\.g|[Ii]\.e|a\.k\.a|&c)\.?|(w/(?:out|o|in)?|[bB]/c|c/o|n/a|s/he))(?![A-Za-z/]|\.[A-Za-z])"
)
_IN_HASTE = table("""
    btw: by the way; thx: thanks; pls: please; plz: please; ppl: people; aka: also known as; eg: for example;
    ie: that is
    """)
_HASTY = re.compile(rf"(?<![A-Za-z.'-])(?:BTW|Btw|{'|'.join(_IN_HASTE)})(?![A-Za-z'-]|\.[A-Za-z])")
_SMALL_TITLES = {"mr": "Mister", "mrs": "Missus", "dr": "Doctor"}
_SCIENCES = re.compile(r"(?<![\w.])([BM])\.? ?Sc(?:\.|(?![A-Za-z]))")
_SMALL_TITLE = re.compile(r"(?<![A-Za-z.'])(mrs?|dr)\.?(?= \x02?[A-Za-z]{2})")
# The same in capitals: some with their period only, some before a word as well.
_SHOUTED = re.compile(
    r"(?<![A-Za-z.'])(?:(MR|MRS|MS|DR|ST|JR|SR|PROF|REV|GEN|COL|CAPT|LT|SGT|GOV|SEN|REP|MT|FT|AVE|BLVD|RD|HWY|INC|LTD"
    r"|CORP|CO|BROS|DEPT)\.(?! ?[A-Z]\.)|(MRS?|DR|ST)(?= [A-Z]{2})|(VS|ETC|BLVD|LTD|GOVT|DEPT|SGT|HWY|APPROX)\.?)"
    r"(?![A-Za-z'])"
)
_WORD = re.compile(r"(?<![A-Za-z.'])([A-Z]?[a-z]{1,6})(?:(\x03?)\.|(?![A-Za-z'.-]))")
_PLACE = re.compile(r"(?<![A-Za-z.'])(St|Dr)(?:(\x03?)\.|(?= [A-Z]))")
_NAME_BEFORE = re.compile(
    r"(?:(?<=[a-z,\x03] )|(?<=\x03[A-Z] ))(?!(?:Mount|Lake|Fort|Port|Cape|Professor|Herr) )[A-Z][a-z]+(?:'s)? \Z"
    r"|(?:st|nd|rd|th)\x03 \Z"
)
_SUN = re.compile(r"(?<![A-Za-z.'])(Sat|Sun)\.(?=,? [\x02(]|,)")
_PHD = re.compile(r"(?<![\w.])Ph\.? ?D(?![a-z])\.?")


def expand_before_numbers(text: str) -> str:
    """`No. 5`, `pp. 3-4`: while the numbers are still digits."""
    text = _LIFE.sub(lambda m: said(_LIVES[m[1]]) + " ", text)
    text = _CENTURY.sub(" century", text)
    text = _NUMERO.sub(said("number") + " ", text)
    text = _PAGE.sub(lambda m: said("pages" if m[1] == "pp" else "page"), text)
    return _BEFORE_NUMBER.sub(_before_number, text)


def expand(text: str) -> str:
    text = _PHD.sub(_phd, text)
    text = _HASTY.sub(lambda m: said(_IN_HASTE[m[0].lower()]), text)
    text = _SHOUTED.sub(_shouted, text)
    text = _SMALL_TITLE.sub(lambda m: said(_SMALL_TITLES[m[1]]), text)
    text = _SCIENCES.sub(lambda m: said(f"{letters(m[1])} ess see"), text)
    text = _STREET.sub(_street, text)
    text = _RANK.sub(lambda m: said(_TITLES[m[1]]), text)
    text = _SPECIES.sub(lambda m: said(letters(m[1])) + " ", text)
    text = _SUN.sub(lambda m: said("Saturday" if m[1] == "Sat" else "Sunday"), text)
    text = _PLACE.sub(_place, text)
    return _WORD.sub(_word, text)


def expand_latin(text: str) -> str:
    """The ones with a period or a slash inside, before those are taken for something else."""
    return _LATIN.sub(lambda m: said(_SHORT[(m[1] or m[2]).lower()]), text)


def is_abbreviation(word: str) -> bool:
    return word in _TITLES or word in _WORDS or word in ("St", "Dr", "Sat", "Sun") or len(word) == 1


def _shouted(found: re.Match[str]) -> str:
    """As it is written in small letters, for the next steps."""
    word = found[1] or found[2] or found[3]
    small = word.lower() if word in ("VS", "ETC", "APPROX") else word.title()
    return small + found[0][len(word) :]


def _before_number(found: re.Match[str]) -> str:
    words = _COUNTED.get(found[1]) or _COUNTED.get(found[1].lower())
    return said(words) + " " if words else found[0]


def _phd(found: re.Match[str]) -> str:
    stop = found[0].endswith(".") and ends_sentence(found.string, found.end())
    return said("pee aitch dee") + ("." if stop else "")


def _place(found: re.Match[str]) -> str:
    """Saint and Doctor come before names, Street and Drive after them."""
    text, at = found.string, found.end()
    before = text[max(0, found.start() - 24) : found.start()]
    is_before_capital = text[at : at + 1] == " " and text[at + 1 : at + 2].isupper()
    opens_name = is_before_capital and not _NAME_BEFORE.search(before)
    stop = ends_sentence(text, at, any_capital=True) and not opens_name
    words = {"St": ("Street", "Saint"), "Dr": ("Drive", "Doctor")}[found[1]][opens_name]
    return said(words) + (found[2] or "") + ("." if stop and found[0].endswith(".") else "")


def _street(found: re.Match[str]) -> str:
    """`10 Downing St`"""
    quarter = f" {_STREETS[found[3]]}" if found[3] else ""
    return found[1] + said(_STREETS[found[2]] + quarter)


def _word(found: re.Match[str]) -> str:
    word, has_period = found[1], found[0].endswith(".")
    if not has_period and word not in _WITHOUT_PERIOD:
        return found[0]
    if word in _TITLES:
        return said(_TITLES[word]) + (found[2] or "")
    if word not in _WORDS:
        return found[0]
    stop = has_period and ends_sentence(found.string, found.end(), any_capital=word in _ANY_CAPITAL)
    return said(_WORDS[word]) + (found[2] or "") + ("." if stop else "")
