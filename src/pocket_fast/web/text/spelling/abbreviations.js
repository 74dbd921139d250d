// Made by tools/make_web_spelling.py of text/spelling/abbreviations.py: change that, and run it again.

import { isUpper, search, sub, table, title, words } from "../python.js";
import { letters } from "./initials.js";
import { ends_sentence, said } from "./spoken.js";

const _COUNTED = table("no: number; nos: numbers; nr: number; p: page; pp: pages; vol: volume; ch: chapter; fig: figure; figs: figures; eq: equation; sect: section; Sec: section; art: article; pt: part; ca: circa; c: circa; est: established; ver: version; apt: apartment; tab: table");
const _BEFORE_NUMBER = /(?<![\wµ²³Ω.'])([A-Za-z]{1,4})\. ?(?=\(?[\d#]|(?:[IVX]{2,5}|[VX])(?![A-Za-z]))/g;
const _LIVES = table("b: born; d: died; r: reigned; fl: flourished");
const _LIFE = /(?<![\wµ²³Ω.'])(b|d|r|fl)\. ?(?=(?:c\. ?)?\d{3,4}(?!\d))/g;
const _CENTURY = /(?<=\d(?:th|st|nd|rd)) c(?:ent)?\.(?= (?:BC|AD|[a-z])|[,;)]|$)/g;
const _NUMERO = /(?:(?<=[a-z,] )No (?=\d)|(?<![A-Za-z])[Nn][°º]\.? ?(?=\d))/g;
const _PAGE = /(?<![\wµ²³Ω.'])(pp?) ?(?=\d)/g;
const _TITLES = table("Mr: Mister; Mrs: Missus; Ms: Miz; Messrs: Messieurs; Prof: Professor; Rev: Reverend; Hon: Honorable; Gen: General; Col: Colonel; Maj: Major; Capt: Captain; Lt: Lieutenant; Sgt: Sergeant; Cpl: Corporal; Adm: Admiral; Cmdr: Commander; Gov: Governor; Sen: Senator; Rep: Representative; Pres: President; Mt: Mount; Ft: Fort; Drs: Doctors; Mme: Madame; Mlle: Mademoiselle; Msgr: Monsignor; Supt: Superintendent; Pvt: Private; Atty: Attorney; Amb: Ambassador; Insp: Inspector; Det: Detective");
const _WORDS = table("vs: versus; v: versus; etc: et cetera; approx: approximately; incl: including; Jr: Junior; Sr: Senior; Esq: Esquire; Inc: Incorporated; Ltd: Limited; Co: Company; Corp: Corporation; Bros: Brothers; Assn: Association; Dept: Department; dept: department; Univ: University; govt: government; Govt: Government; misc: miscellaneous; cf: compare; viz: namely; Ave: Avenue; Blvd: Boulevard; Rd: Road; Ln: Lane; Hwy: Highway; Pkwy: Parkway; Sq: Square; Apt: Apartment; tel: telephone; Tel: Telephone; al: al; esp: especially; asst: assistant; Asst: Assistant; attn: attention; Attn: Attention; bldg: building; Bldg: Building; qty: quantity; Qty: Quantity; intl: international; Intl: International; natl: national; mgr: manager; doz: dozen; max: maximum; min: minimum; avg: average; Jan: January; Feb: February; Apr: April; Aug: August; Sept: September; Sep: September; Oct: October; Nov: November; Dec: December; Mon: Monday; Tue: Tuesday; Tues: Tuesday; Wed: Wednesday; Thu: Thursday; Thur: Thursday; Thurs: Thursday; Fri: Friday");
const _STREET = /(\x03 (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3})(St|Ave|Rd|Dr|Ln|Blvd|Ct|Pl|Pkwy|Hwy|Sq|Ter)(?:\.?,? (NW|NE|SW|SE)(?![A-Za-z'])|(?![A-Za-z.']))/g;
const _STREETS = table("St: Street; Ave: Avenue; Rd: Road; Dr: Drive; Ln: Lane; Blvd: Boulevard; Ct: Court; Pl: Place; Pkwy: Parkway; Hwy: Highway; Sq: Square; Ter: Terrace; NW: Northwest; NE: Northeast; SW: Southwest; SE: Southeast");
const _RANK = /(?<![A-Za-z.'])(Sgt|Lt|Cpl|Capt|Col|Maj|Mt|Ft|Gov|Rev)(?= [A-Z][a-z])/g;
const _SPECIES = /(?<![A-Za-z.'])([A-Z])\. (?=(?:coli|rex|elegans|difficile|aureus|sapiens|botulinum|pneumoniae|albicans|cerevisiae)(?![a-z]))/g;
const _WITHOUT_PERIOD = words("Blvd Hwy Jr Mr Mrs Ms Prof etc vs");
const _ANY_CAPITAL = words("approx avg etc max min");
const _SHORT = table("e.g: for example; i.e: that is; a.k.a: also known as; &c: et cetera; w/o: without; w/out: without; w/in: within; w/: with; b/c: because; c/o: care of; n/a: en ay; s/he: she or he");
const _LATIN = /(?<![\wµ²³Ω.'/])(?:([Ee]\.g|[Ii]\.e|a\.k\.a|&c)\.?|(w\/(?:out|o|in)?|[bB]\/c|c\/o|n\/a|s\/he))(?![A-Za-z/]|\.[A-Za-z])/g;
const _IN_HASTE = table("btw: by the way; thx: thanks; pls: please; plz: please; ppl: people; aka: also known as; eg: for example; ie: that is");
const _HASTY = /(?<![A-Za-z.'\-])(?:BTW|Btw|btw|thx|pls|plz|ppl|aka|eg|ie)(?![A-Za-z'\-]|\.[A-Za-z])/g;
const _SMALL_TITLES = table("mr: Mister; mrs: Missus; dr: Doctor");
const _SCIENCES = /(?<![\wµ²³Ω.])([BM])\.? ?Sc(?:\.|(?![A-Za-z]))/g;
const _SMALL_TITLE = /(?<![A-Za-z.'])(mrs?|dr)\.?(?= \x02?[A-Za-z]{2})/g;
const _SHOUTED = /(?<![A-Za-z.'])(?:(MR|MRS|MS|DR|ST|JR|SR|PROF|REV|GEN|COL|CAPT|LT|SGT|GOV|SEN|REP|MT|FT|AVE|BLVD|RD|HWY|INC|LTD|CORP|CO|BROS|DEPT)\.(?! ?[A-Z]\.)|(MRS?|DR|ST)(?= [A-Z]{2})|(VS|ETC|BLVD|LTD|GOVT|DEPT|SGT|HWY|APPROX)\.?)(?![A-Za-z'])/g;
const _WORD = /(?<![A-Za-z.'])([A-Z]?[a-z]{1,6})(?:(\x03?)\.|(?![A-Za-z'.\-]))/g;
const _PLACE = /(?<![A-Za-z.'])(St|Dr)(?:(\x03?)\.|(?= [A-Z]))/g;
const _NAME_BEFORE = /(?:(?:(?<=[a-z,\x03] )|(?<=\x03[A-Z] ))(?!(?:Mount|Lake|Fort|Port|Cape|Professor|Herr) )[A-Z][a-z]+(?:'s)? $|(?:st|nd|rd|th)\x03 $)/g;
const _SUN = /(?<![A-Za-z.'])(S(?:at|un))\.(?=,? [\x02(]|,)/g;
const _PHD = /(?<![\wµ²³Ω.])Ph\.? ?D(?![a-z])\.?/g;

export function expand_before_numbers(text) {
  text = sub(_LIFE, (m) => (said(_LIVES.get(m[1])) + " "), text);
  text = sub(_CENTURY, " century", text);
  text = sub(_NUMERO, (said("number") + " "), text);
  text = sub(_PAGE, (m) => said(((m[1] === "pp") ? "pages" : "page")), text);
  return sub(_BEFORE_NUMBER, _before_number, text);
}

export function expand(text) {
  text = sub(_PHD, _phd, text);
  text = sub(_HASTY, (m) => said(_IN_HASTE.get(m[0].toLowerCase())), text);
  text = sub(_SHOUTED, _shouted, text);
  text = sub(_SMALL_TITLE, (m) => said(_SMALL_TITLES.get(m[1])), text);
  text = sub(_SCIENCES, (m) => said(`${letters(m[1])} ess see`), text);
  text = sub(_STREET, _street, text);
  text = sub(_RANK, (m) => said(_TITLES.get(m[1])), text);
  text = sub(_SPECIES, (m) => (said(letters(m[1])) + " "), text);
  text = sub(_SUN, (m) => said(((m[1] === "Sat") ? "Saturday" : "Sunday")), text);
  text = sub(_PLACE, _place, text);
  return sub(_WORD, _word, text);
}

export function expand_latin(text) {
  return sub(_LATIN, (m) => said(_SHORT.get((m[1] || m[2]).toLowerCase())), text);
}

export function is_abbreviation(word) {
  return (_TITLES.has(word) || _WORDS.has(word) || ["St", "Dr", "Sat", "Sun"].includes(word) || (word.length === 1));
}

function _shouted(found) {
  let small, word;
  word = (found[1] || found[2] || found[3]);
  small = (["VS", "ETC", "APPROX"].includes(word) ? word.toLowerCase() : title(word));
  return (small + found[0].slice(word.length));
}

function _before_number(found) {
  let words;
  words = (_COUNTED.get(found[1]) || _COUNTED.get(found[1].toLowerCase()));
  return (words ? (said(words) + " ") : found[0]);
}

function _phd(found) {
  let stop;
  stop = (found[0].endsWith(".") && ends_sentence(found.input, (found.index + found[0].length)));
  return (said("pee aitch dee") + (stop ? "." : ""));
}

function _place(found) {
  let at, before, is_before_capital, opens_name, stop, text, words;
  [text, at] = [found.input, (found.index + found[0].length)];
  before = text.slice(Math.max(0, (found.index - 24)), found.index);
  is_before_capital = ((text.slice(at, (at + 1)) === " ") && isUpper(text.slice((at + 1), (at + 2))));
  opens_name = (is_before_capital && !search(_NAME_BEFORE, before));
  stop = (ends_sentence(text, at, true) && !opens_name);
  words = new Map([["St", ["Street", "Saint"]], ["Dr", ["Drive", "Doctor"]]]).get(found[1])[Number(opens_name)];
  return ((said(words) + (found[2] || "")) + ((stop && found[0].endsWith(".")) ? "." : ""));
}

function _street(found) {
  let quarter;
  quarter = (found[3] ? ` ${_STREETS.get(found[3])}` : "");
  return (found[1] + said((_STREETS.get(found[2]) + quarter)));
}

function _word(found) {
  let has_period, stop, word;
  [word, has_period] = [found[1], found[0].endsWith(".")];
  if ((!has_period && !_WITHOUT_PERIOD.has(word))) {
    return found[0];
  }
  if (_TITLES.has(word)) {
    return (said(_TITLES.get(word)) + (found[2] || ""));
  }
  if (!_WORDS.has(word)) {
    return found[0];
  }
  stop = (has_period && ends_sentence(found.input, (found.index + found[0].length), _ANY_CAPITAL.has(word)));
  return ((said(_WORDS.get(word)) + (found[2] || "")) + (stop ? "." : ""));
}
