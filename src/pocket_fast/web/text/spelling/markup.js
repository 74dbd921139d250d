// Made by tools/make_web_spelling.py of text/spelling/markup.py: change that, and run it again.

import { has, range, removePrefix, stripEnd, sub, translate } from "../python.js";
import { _of_entity, _of_number } from "./entities.js";
import { take } from "./rules.js";

let _ENTITY, _NUMBER, _MARK, _DEPTH, _DROPPED, _RAISED, _SUPERSCRIPTS, _TAG, _PLACE, _INLINE, _BLOCKS, _CELLS, _CELL_END, _FLAGGED, _SUBTITLE, _AUTOLINK, _IMAGE, _LINK, _WIKI_LINK, _FOOTNOTE, _MARKED_NOTE, _ESCAPED, _PATTERN_1;
take("markup", (own) => ([_ENTITY, _NUMBER, _MARK, _DEPTH, _DROPPED, _RAISED, _SUPERSCRIPTS, _TAG, _PLACE, _INLINE, _BLOCKS, _CELLS, _CELL_END, _FLAGGED, _SUBTITLE, _AUTOLINK, _IMAGE, _LINK, _WIKI_LINK, _FOOTNOTE, _MARKED_NOTE, _ESCAPED, _PATTERN_1] = own));

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
