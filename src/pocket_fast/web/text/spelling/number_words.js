// Made by tools/make_web_spelling.py of text/spelling/number_words.py: change that, and run it again.

import { has, int, pairwise, partition, partitionLast, range, stripEnd, stripStart } from "../python.js";
import { cardinal, ordinal } from "./cardinal.js";
import { take } from "./rules.js";

let _DIGITS, _MOST_DIGITS;
take("number_words", (own) => ([_DIGITS, _MOST_DIGITS] = own));

export function digits(run) {
  return [...[...run].map((digit) => _DIGITS[int(digit)])].join(" ");
}

export function in_groups(run) {
  let edges;
  edges = [...range(0, Math.max((run.length - 1), 1), 3), run.length];
  return [...[...pairwise(edges)].map(([start, end]) => digits(run.slice(start, end)))].join(", ");
}

export function year(n) {
  let century, rest;
  [century, rest] = [Math.floor(n / 100), n % 100];
  if ((((n % 1000) < 10) || !((10 <= century) && (century < 100)))) {
    return cardinal(n);
  }
  if ((rest === 0)) {
    return `${cardinal(century)} hundred`;
  }
  return `${cardinal(century)} ${((rest < 10) ? "oh " : "")}${cardinal(rest)}`;
}

export function code(run) {
  let hundreds, n, rest;
  n = int(run);
  if (((run.length > 4) || ((run.length > 1) && (run[0] === "0")))) {
    return ((run.length < 7) ? digits(run) : in_groups(run));
  }
  if ((run.length === 4)) {
    return year(n);
  }
  [hundreds, rest] = [Math.floor(n / 100), n % 100];
  if ((!hundreds || !rest)) {
    return cardinal(n);
  }
  return `${cardinal(hundreds)} ${((rest < 10) ? "oh " : "")}${cardinal(rest)}`;
}

export function number(written, years = false) {
  let bare, decimals, dot, whole, words;
  [whole, dot, decimals] = partition(written, ".");
  bare = whole.split(",").join("");
  if (!bare) {
    words = "";
  } else if (((bare.length > 1) && (bare[0] === "0"))) {
    words = digits(bare);
  } else if (((bare === whole) && (bare.length > _MOST_DIGITS))) {
    words = in_groups(bare);
  } else if ((years && (bare === whole) && !dot && ((1100 <= int(bare)) && (int(bare) < 2100)))) {
    words = year(int(bare));
  } else {
    words = cardinal(int(bare));
  }
  return (dot ? stripStart(`${words} point ${digits(decimals)}`) : words);
}

export function amount(written) {
  let _, fraction, over, under, whole, words;
  if (!has(written, "/")) {
    return number(written);
  }
  [whole, _, fraction] = partitionLast(written, " ");
  [over, under] = fraction.split("/");
  words = _fraction(over, under);
  if (!whole) {
    return words;
  }
  return `${number(whole)} and ${((words === "one half") ? "a half" : words)}`;
}

export function plural(words) {
  if (words.endsWith("y")) {
    return (words.slice(0, -1) + "ies");
  }
  return (words + (words.endsWith("x") ? "es" : "s"));
}

export function is_singular(written) {
  return (has(written, ".") ? (stripEnd(stripEnd(written, "0"), ".") === "1") : (written === "1"));
}

function _fraction(over, under) {
  let bottom, part, top;
  [top, bottom] = [int(over), int(under)];
  if (!(((0 < top) && (top < bottom)) && ((bottom <= 20) || [32, 64, 100, 1000].includes(bottom)))) {
    return `${number(over)} over ${number(under)}`;
  }
  part = (new Map([[2, "half"], [4, "quarter"]]).get(bottom) || ordinal(bottom));
  return `${cardinal(top)} ${((top === 1) ? part : plural(part))}`;
}
