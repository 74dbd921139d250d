// Made by tools/make_web_spelling.py of text/spelling/addresses.py: change that, and run it again.

import {
  disjoint,
  findAll,
  has,
  isAlpha,
  isAscii,
  isDecimal,
  stripEnd,
  sub,
  table,
  words,
} from "../python.js";
import { LETTERS, letters } from "./initials.js";
import { code } from "./number_words.js";
import { said } from "./spoken.js";

const _MAIL = /(?<![\wµ²³Ω.+@\-])[\wµ²³Ω.+\-]{1,64}@(?:[\wµ²³Ω\-]{1,63}\.){1,8}[A-Za-z][\wµ²³Ω\-]{1,62}(?![\wµ²³Ω@])/g;
const _URL = /(?<![A-Za-z\d])(?:https?|ftps?|file|wss?):\/\/[^\t-\r\x1c- <>"]{1,2000}/gi;
const _HOST = /(?<![\wµ²³Ω.@\-])(?:www\.(?:[A-Za-z\d\-]{1,63}\.){1,8}[a-z]{2,20}|localhost(?=[:/][\wµ²³Ω])|(?:[A-Za-z\d\-]{1,63}\.){1,8}(?:com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|eu|uk|us|de|fr|es|it|nl|ch|at|se|no|dk|fi|pl|pt|ru|jp|cn|in|au|ca|nz|br|mx|za|ie|il|kr|tw|hk|sg|cz|gr|tr|ua|tv|fm|me|co|ly|gg|gl|xyz|page|blog|news|tech|online|site|store|shop|cloud|wiki|local|onion))(?![\wµ²³Ω\-]|\.[A-Za-z\d])(?:[:/?#][^\t-\r\x1c- <>"]{0,2000})?/g;
const _NUMERIC_HOST = /(?<![\wµ²³Ω.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\wµ²³Ω]|\.[\wµ²³Ω])(?:[:/]\d{1,5})?/g;
const _FILE = /(?<![\wµ²³Ω.\-])[\wµ²³Ω\-]{1,64}(?:\.[\wµ²³Ω\-]{1,32}){0,4}\.(?:py|pyx|ipynb|txt|md|rst|pdf|html?|css|scss|js|mjs|jsx|ts|tsx|json|xml|ya?ml|toml|ini|cfg|conf|env|lock|csv|tsv|sql|log|sh|bat|exe|dll|so|c|h|cpp|hpp|rs|go|java|kt|rb|php|swift|png|jpe?g|gif|svg|webp|bmp|ico|mp[34]|wav|flac|ogg|opus|m4a|mov|avi|mkv|webm|zip|gz|tar|tgz|7z|rar|iso|apk|dmg|deb|rpm|whl|docx?|xlsx?|pptx?|odt|epub|tex|srt|bak|tmp|onnx|safetensors|gguf)(?![\wµ²³Ω\-]|\.[\wµ²³Ω])(?::\d{1,6})?/g;
const _WINDOWS_PATH = /(?<![A-Za-z\d])[A-Z]:\\[^\t-\r\x1c- "<>|*?]{0,300}/g;
const _UNIX_PATH = /(?<![\wµ²³Ω/:.~)])(?:(?:~|\.{1,2})\/(?:[\wµ²³Ω.@\-]{1,64}\/){0,20}|\/(?:[\wµ²³Ω.@\-]{1,64}\/){1,20})[\wµ²³Ω.@\-]{0,64}/g;
const _HASHTAG = /(?<![\wµ²³Ω&#/])#(?![A-Fa-f\d]{6}(?![\wµ²³Ω]))([A-Za-z][\wµ²³Ω]{0,99})/g;
const _COLOUR = /(?<![\wµ²³Ω&#/])#(?=\d{0,5}[A-Fa-f])([A-Fa-f\d]{6})(?![\wµ²³Ω])/g;
const _HUMP = /(?:(?<=[a-z\d])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_)/g;
const _SMILEY = /(?<![^\t-\r\x1c- ])(?:[>}]?[:;=]'?[\-\^]?[()\[\]{}DPpOo|/\\*$]+|:3|[8B]-\)|\([\-\^]?[:;=]|[xX]D+|<\/?3+|\^_*\^|[\-TtOo0uU>]_+[\-TtOo0uU<]|[Oo]\.[Oo]|\\o\/)(?=[\t-\r\x1c- .,!?"')\]]|$)/g;
const _LOVES = /(?<=(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))[Ii] )<3+ (?=[A-Za-z])/g;
const _WORD_OR_SIGN = /(?:[A-Za-z]+|\d+|[^A-Za-z\d])/g;
const _SIGNS = table(".: dot; /: slash; \\: backslash; -: dash; _: underscore; @: at; :: colon; ?: question mark; =: equals; &: and; #: hash; +: plus; ~: tilde; %: percent");
const _LETTERS = words("ai api avi etc eu exe ie io iso js md odt py pyx tv uk url us");
const _VOWELS = new Set("AEIOUYaeiouy");
const _PATTERN_1 = /^[A-Za-z]+:\/\//g;
const _PATTERN_2 = /^www\./g;

export function say_addresses(text) {
  let pattern;
  text = sub(_SMILEY, " ", sub(_LOVES, "love ", text));
  for (pattern of [_URL, _MAIL, _HOST, _NUMERIC_HOST, _WINDOWS_PATH, _UNIX_PATH, _FILE]) {
    text = sub(pattern, _address, text);
  }
  if (has(text, "#")) {
    text = sub(_COLOUR, (m) => said(("hash " + _letter_by_letter(m[1]))), text);
    text = sub(_HASHTAG, (m) => `${said("hashtag")} ${sub(_HUMP, " ", m[1])}`, text);
  }
  return text;
}

function _address(found) {
  let address, rest, words;
  address = stripEnd(found[0], ".,;:!?)]}'*_");
  rest = found[0].slice(address.length);
  address = sub(_PATTERN_1, "", address);
  address = sub(_PATTERN_2, "", address);
  address = (stripEnd(address, "/") || address);
  words = [...[...[...findAll(_WORD_OR_SIGN, address)].map((each) => _part(each))].filter(Boolean)].join(" ");
  return ((words ? said(words) : "") + rest);
}

function _part(part) {
  let spelled;
  if (((part.length === 1) && LETTERS.has(part.toUpperCase()))) {
    return LETTERS.get(part.toUpperCase());
  }
  if ((isAlpha(part) && isAscii(part))) {
    spelled = (_LETTERS.has(part.toLowerCase()) || ((part.length > 1) && disjoint(_VOWELS, part)));
    return (spelled ? letters(part) : part);
  }
  return (isDecimal(part) ? code(part) : (_SIGNS.get(part) ?? ""));
}

function _letter_by_letter(run) {
  return [...[...run].map((sign) => (LETTERS.get(sign.toUpperCase()) || code(sign)))].join(" ");
}
