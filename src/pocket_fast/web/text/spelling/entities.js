// Entities of HTML -> characters: text/spelling/markup.py and Python's html.entities.

import { int } from "../python.js";
import { BARE, ENTITIES, WINDOWS } from "./characters.js";

let known = null; // name -> character; made when it is first needed
let from = null; // of these

function html5() {
  if (from === ENTITIES) return known;
  known = new Map();
  from = ENTITIES;
  const parts = ENTITIES.split(" ");
  let name = "";
  for (let i = 0; i < parts.length; i += 2) {
    name = name.slice(0, Number(parts[i][0])) + parts[i].slice(1);
    known.set(name, parts[i + 1][0] === "%" && parts[i + 1].length > 1 ? ofHexadecimal(parts[i + 1]) : parts[i + 1]);
  }
  return known;
}

function ofHexadecimal(written) {
  return String.fromCharCode(...written.slice(1).match(/.{4}/g).map((code) => parseInt(code, 16)));
}

export function _of_entity(entity) {
  const [all, , , name, semicolon] = entity;
  if (!name) return _of_number(entity);
  if (!semicolon && !BARE.has(name)) return all;
  return html5().get(name) || html5().get(name.toLowerCase()) || all;
}

export function _of_number(entity) {
  return character(entity[1] ? parseInt(entity[1], 16) : Number(int(decimal(entity[2]))));
}

/** Digits of any script as ASCII. */
function decimal(digits) {
  return digits.replace(/[^\x00-\x7f]/gu, digit);
}

/** What a decimal digit of any script is worth: they stand in tens. */
export function digit(character) {
  let first = character.codePointAt(0);
  if (first >= 0x1d7ce && first <= 0x1d7ff) return String((first - 0x1d7ce) % 10);
  const code = first;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((code - first) % 10);
}

/** As browsers read it: 128 to 159 are those of Windows. */
function character(code) {
  if (code >= 128 && code < 160) return WINDOWS[code - 128];
  return code > 0 && code < 0x110000 && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : " ";
}
