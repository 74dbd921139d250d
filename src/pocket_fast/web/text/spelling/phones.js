// Made by tools/make_web_spelling.py of text/spelling/phones.py: change that, and run it again.

import { findAll, isDigit, sub, table } from "../python.js";
import { digits, in_groups } from "./number_words.js";
import { said } from "./spoken.js";

const _LONG_RUN = /\d{16,}/g;
const _PHONE = /(?:(?<![\wµ²³Ω.\-])(?:(?:\+?\d{1,3}[ .\-])?(?:\(\d{3}\) ?|\d{3}[.\-])\d{3}[ .\-]\d{4}|\d{3}-\d{4}(?<!000))(?![\wµ²³Ω\-])|\+\d{1,3}(?:[ .\-]?\(?\d{1,4}\)?){2,6}(?![\d,]|\.\d)|(?<![\wµ²³Ω.\-])\d{1,15}(?:-\d{1,15}){2,7}(?![\wµ²³Ω\-])|(?<![\wµ²³Ω.,$£€¥\-])(?:0\d{1,4}|\(0\d{1,4}\)|1[38]00)(?:[ \-]\d{2,4}){2,4}(?![\d,]|\.\d| \d)|(?<![\wµ²³Ω.,$£€¥\-])(?<!\d )(?:\d{3,4} ){2}\d{4}(?![\d,]|\.\d| \d)|(?<![\wµ²³Ω.,$£€¥\-])(?<!\d )0\d{3,4} \d{5,7}(?![\d,]|\.\d| \d)|(?<![\wµ²³Ω.,$£€¥\-])(?<!\d )\d{3} 0\d{3}(?![\d,]|\.\d| \d)|(?<![\wµ²³Ω.,$£€¥\-])(?<!\d )\d{4}(?: \d{4}){2,4}(?![\d,]|\.\d| \d))/g;
const _EXTENSION = /(?<=\x03),? ?(?:x|ext\.?|extn\.?|extension) ?(\d{1,5})(?!\d)/g;
const _EXTENSION_ALONE = /(?<![A-Za-z])[Ee]xtn?\. ?(?=\d)/g;
const _NAMED_LETTERS = /(?<![\wµ²³Ω.\-])1-(800|888|877|866|855|844|833|900)-([A-Z]{3,7}(?:-[A-Z]{2,7})?|[A-Z]{2,6}\d{1,4})(?![\wµ²³Ω])/g;
const _CALLED = /(?<![A-Za-z])((?:call|dial|phone|telephone|tel|fax|ring|text|hotline|mobile|cell|whatsapp)(?:\.| no\.?| number)?(?: (?:us|me|him|her))?(?: (?:at|on|to|is))?:? ?)(\+?\(?\d[\d ()./\-]{1,20}\d)(?![\d%$£€]|[,.:]\d| ?(?:am|pm|percent|times))/gi;
const _EMERGENCY = ["911", "999", "112", "000", "101", "111", "988", "311", "411", "211"];
const _SECRET = /(?<![A-Za-z])((?:code|pin|OTP|passcode|password|passwd|zip|postcode|(?:order|account|case|ticket|reference|tracking|serial|card|confirmation|invoice|member(?:ship)?|customer|policy|routing) (?:number|no\.?|#))(?: (?:is|was|number|code)){0,2}:? ?#?)(\d{3,15}(?: \d{4}){0,4})(?![\d%$£€]|[,.:]\d|[A-Za-z])/gi;
const _ZIP = /(?<![A-Za-z])([A-Z]{2}),? (\d{5})(-\d{4})?(?![\wµ²³Ω\-]|[.,]\d)/g;
const _STATES = table("AL: Alabama; AK: Alaska; AZ: Arizona; AR: Arkansas; CA: California; CO: Colorado; CT: Connecticut; DE: Delaware; DC: dee see; FL: Florida; GA: Georgia; HI: Hawaii; ID: Idaho; IL: Illinois; IN: Indiana; IA: Iowa; KS: Kansas; KY: Kentucky; LA: Louisiana; ME: Maine; MD: Maryland; MA: Massachusetts; MI: Michigan; MN: Minnesota; MS: Mississippi; MO: Missouri; MT: Montana; NE: Nebraska; NV: Nevada; NH: New Hampshire; NJ: New Jersey; NM: New Mexico; NY: New York; NC: North Carolina; ND: North Dakota; OH: Ohio; OK: Oklahoma; OR: Oregon; PA: Pennsylvania; RI: Rhode Island; SC: South Carolina; SD: South Dakota; TN: Tennessee; TX: Texas; UT: Utah; VT: Vermont; VA: Virginia; WA: Washington; WV: West Virginia; WI: Wisconsin; WY: Wyoming");
const _PATTERN_1 = /\d+/g;

export function say_phones(text) {
  text = sub(_NAMED_LETTERS, (m) => ((said(`one, ${_group(m[1])},`) + " ") + m[2].split("-").join(" ")), text);
  text = sub(_LONG_RUN, (run) => said(in_groups(run[0])), text);
  text = sub(_ZIP, _zip, text);
  text = sub(_CALLED, _called, text);
  text = sub(_SECRET, (m) => (m[1] + _phone(m[2])), text);
  text = sub(_PHONE, (m) => _phone(m[0]), text);
  text = sub(_EXTENSION, (m) => said(`extension ${digits(m[1])}`), text);
  return sub(_EXTENSION_ALONE, (said("extension") + " "), text);
}

function _called(found) {
  let count;
  count = [...found[2]].map((each) => isDigit(each)).reduce((a, b) => a + Number(b), 0);
  return (((count > 4) || _EMERGENCY.includes(found[2])) ? (found[1] + _phone(found[2])) : found[0]);
}

function _phone(written) {
  let groups;
  written = written.split("(0)").join("");
  groups = [...[...findAll(_PATTERN_1, written)].map((each) => _group(each))].join(", ");
  return said((((written[0] === "+") ? "plus " : "") + groups));
}

function _group(run) {
  return ((run === "800") ? "eight hundred" : ((run.length > 5) ? in_groups(run) : digits(run)));
}

function _zip(found) {
  let more;
  if (!_STATES.has(found[1])) {
    return found[0];
  }
  more = (found[3] ? ` ${digits(found[3].slice(1))}` : "");
  return said(`${_STATES.get(found[1])}, ${digits(found[2])}${more}`);
}
