// Any Unicode text -> ASCII and a few symbols that have names: text/spelling/folding.py, where the reasons are.

import { isAscii, sub } from "../python.js";
import {
  GREEK,
  KEPT,
  LIKE_UNITS,
  NUMERIC,
  REPLACED,
  WINDOWS,
  _DEGREES,
  _FOOTNOTE,
  _HEART,
  _LONE_GREEK,
  _LOST,
  _LOST_APOSTROPHE,
  _MISREAD,
  _PARTED,
  _RAISED,
  _STARS,
  _TICK,
} from "./characters.js";
import { digit } from "./entities.js";

/** What programs broke: words parted by soft hyphens, apostrophes that were lost, letters that were misread. */
export function mend(text) {
  if (isAscii(text) && !/[\x02\x1f`]/.test(text)) return text;
  text = sub(_MISREAD, readAgain, text);
  text = sub(_LOST, "", sub(_LOST_APOSTROPHE, "'", sub(_PARTED, "", text)));
  return sub(_TICK, "'", text);
}

/** Accents, typography and other scripts' digits in ASCII; what has no name here is gone. */
export function fold(text) {
  if (isAscii(text)) return text.replace(/[\x00-\x1f\x7f]/g, " ");
  text = sub(_FOOTNOTE, "", text);
  text = sub(_STARS, stars, sub(_HEART, "love", text));
  text = sub(_DEGREES, "°", text);
  text = sub(_RAISED, ([raised]) => `^${raised.normalize("NFKD").replaceAll("−", "-").replace(/^\++/, "")}`, text);
  text = sub(_LONE_GREEK, ([letter]) => LIKE_UNITS.get(letter) ?? (GREEK.has(letter) ? ` ${GREEK.get(letter)} ` : " "), text);
  const known = new Map();
  return Array.from(text, (character) => {
    if (!known.has(character)) known.set(character, foldOne(character));
    return known.get(character);
  }).join("");
}

function foldOne(character) {
  if (REPLACED.has(character)) return REPLACED.get(character);
  if (isKept(character)) return character;
  if (/\p{Nd}/u.test(character)) return digit(character);
  if (NUMERIC.has(character)) return ` ${NUMERIC.get(character)} `;
  const decomposed = character.normalize("NFKD");
  if (/\p{No}/u.test(character) && decomposed.includes("⁄")) return ` ${decomposed.replaceAll("⁄", "/")}`;
  const plain = Array.from(decomposed).filter(isKept).join("");
  return plain || (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character) ? "" : " ");
}

const isKept = (character) => (character >= " " && character <= "~") || KEPT.has(character);

/** ★★★☆☆ */
function stars([, { length: full }, { length: empty }]) {
  return empty ? ` ${full} out of ${full + empty} stars ` : " ";
}

/** UTF-8 that was read as Windows-1252. */
function readAgain([misread]) {
  if (misread === "â€") return '"';
  const bytes = Array.from(misread, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? code : 128 + WINDOWS.indexOf(character);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return misread;
  }
}
