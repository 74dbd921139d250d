// Made by tools/make_web_spelling.py of text/spelling/phones.py: change that, and run it again.

import { findAll, isDigit, sub } from "../python.js";
import { digits, in_groups } from "./number_words.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";

let _LONG_RUN, _PHONE, _EXTENSION, _EXTENSION_ALONE, _NAMED_LETTERS, _CALLED, _EMERGENCY, _SECRET, _ZIP, _STATES, _PATTERN_1;
take("phones", (own) => ([_LONG_RUN, _PHONE, _EXTENSION, _EXTENSION_ALONE, _NAMED_LETTERS, _CALLED, _EMERGENCY, _SECRET, _ZIP, _STATES, _PATTERN_1] = own));

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
