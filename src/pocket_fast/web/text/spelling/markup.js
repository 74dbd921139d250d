// Made by tools/make_web_spelling.py of text/spelling/markup.py: change that, and run it again.

import { has, range, removePrefix, stripEnd, sub, table, translate, words } from "../python.js";
import { _of_entity, _of_number } from "./entities.js";

const _ENTITY = /&(?:#[xX]([0-9A-Fa-f]{1,8})|#(\p{Nd}{1,10})|([A-Za-z][A-Za-z0-9]{1,31}))(;|(?![A-Za-z0-9=]))/gu;
const _NUMBER = /&#(?:[xX]([0-9A-Fa-f]{1,8})|(\p{Nd}{1,10}));?/gu;
const _MARK = /&([lr][sd]quo|[mn]dash|hellip|nbsp|apos)(?![;=])/gu;
const _DEPTH = 4;
const _DROPPED = /<(?:!--[^]{0,4000}?-->|(s(?:cript|tyle))(?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]))[^>]{0,300}>[^]{0,8000}?<\/\1 ?>|![A-Za-z][^>]{0,300}>|\?[^>]{0,300}\?>)/giu;
const _RAISED = /<(su[pb])>([\-+\p{Nd}]{1,8}|n|st|nd|rd|th)<\/\1>/giu;
const _SUPERSCRIPTS = table("0: ⁰; 1: ¹; 2: ²; 3: ³; 4: ⁴; 5: ⁵; 6: ⁶; 7: ⁷; 8: ⁸; 9: ⁹; +: ⁺; -: ⁻; n: ⁿ");
const _TAG = /<(\/?)([A-Za-z][A-Za-z\p{Nd}]{0,15}(?::[A-Za-z]{1,15})?)(?:[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000][^<>=]{0,60}(?:=[^<>]{0,2000})?)?\/?>/gu;
const _PLACE = /<([A-Za-z][^<>\n=]{0,60}[A-Za-z])>/gu;
const _INLINE = words("a abbr acronym b big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var wbr");
const _BLOCKS = words("address article aside blockquote body br button caption dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol option p paragraph pre section select sentence speak table tbody textarea tfoot thead title tr ul");
const _CELLS = words("td th");
const _CELL_END = "\x1a";
const _FLAGGED = words("audio button details iframe input ol option script select textarea video");
const _SUBTITLE = /(?<![^\n])(?:\p{Nd}{1,5}[ \t]*\n)?\p{Nd}\p{Nd}:\p{Nd}\p{Nd}:\p{Nd}\p{Nd}[,.]\p{Nd}{3} --> \p{Nd}\p{Nd}:\p{Nd}\p{Nd}:\p{Nd}\p{Nd}[,.]\p{Nd}{3}[^\n]{0,100}(?![^\n])/gu;
const _AUTOLINK = /<((?:https?|ftp):\/\/[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>]{1,2000}|mailto:[^\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>]{1,200}|[\p{L}\p{N}_.+\-]{1,64}@[\p{L}\p{N}_.\-]{1,200})>/gu;
const _IMAGE = /!\[([^\[\]\n]{0,300})\](?:\([^()\n]{0,1000}\)|\[[^\[\]\n]{0,100}\])/gu;
const _LINK = /\[([^\[\]\n]{1,300})\](?:\( ?<?[^()\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{0,1000}(?:\([^()\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{0,200}\)[^()\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{0,200})?>?(?: +(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'))? ?\)|\[[^\[\]\n]{0,100}\])/gu;
const _WIKI_LINK = /\[\[(?:[^\[\]|\n]{1,200}\|)?([^\[\]|\n]{1,200})\]\]/gu;
const _FOOTNOTE = /(?:\[\^[^\[\]\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{1,40}\](?!:)|(?:(?<=[A-Za-z]{3})|(?<=\p{Nd}{3})|(?<=[.,;!?"”’)]))(?:\[[1-9]\p{Nd}{0,2}(?:[,–\-] ?\p{Nd}{1,3}){0,9}\])+)/gu;
const _MARKED_NOTE = /\[(?:citation needed|edit)\]/gu;
const _ESCAPED = /\\([\\`*_{}\[\]()#+.!|<>~\-])/gu;
const _PATTERN_1 = /\x1a(?=[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:\n|$))/gu;

export function strip_markup(text) {
  if (has(text, "&")) {
    text = _decode(text);
  }
  if (has(text, "-->")) {
    text = sub(_SUBTITLE, "", text);
  }
  if (has(text, "<")) {
    text = _strip_html(text);
  }
  if (has(text, "[")) {
    text = sub(_IMAGE, "\\1", sub(_WIKI_LINK, "\\1", text));
    text = sub(_LINK, "\\1", sub(_FOOTNOTE, "", text));
    text = sub(_MARKED_NOTE, "", text);
  }
  return (has(text, "\\") ? sub(_ESCAPED, "\\1", text) : text);
}

function _decode(text) {
  let _, decoded;
  for (_ of range(_DEPTH)) {
    decoded = sub(_NUMBER, _of_number, sub(_MARK, "&\\1;", text));
    decoded = sub(_ENTITY, _of_entity, decoded);
    if ((decoded === text)) {
      break;
    }
    text = decoded;
  }
  return text;
}

function _strip_html(text) {
  text = sub(_AUTOLINK, (m) => removePrefix(m[1], "mailto:"), text);
  text = sub(_RAISED, (m) => ((m[1].toLowerCase() === "sup") ? translate(m[2], _SUPERSCRIPTS) : m[2]), sub(_DROPPED, " ", text));
  text = sub(_PATTERN_1, "", sub(_TAG, _tag, text.split(_CELL_END).join(" ")));
  return sub(_PLACE, "\\1", text.split(_CELL_END).join(", "));
}

function _tag(tag) {
  let name;
  name = tag[2].toLowerCase();
  if ((!has(tag[0], "=") && has(stripEnd(tag[0], "/> "), " ") && !_FLAGGED.has(name))) {
    return tag[0];
  }
  if (_INLINE.has(name)) {
    return "";
  }
  if (_CELLS.has(name)) {
    return (tag[1] ? _CELL_END : " ");
  }
  return (_BLOCKS.has(name) ? "\n" : " ");
}
