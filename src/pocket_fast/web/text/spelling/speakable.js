// Made by tools/make_web_spelling.py of text/spelling/speakable.py: change that, and run it again.

import { fullMatch, search, sub } from "../python.js";
import { take } from "./rules.js";

let _ONSETS, _CODAS, _RARE_ONSETS, _RARE_CODAS, _EDGES, _REPEATED, _LONG, _PATTERN_1, _PATTERN_2;
take("speakable", (own) => ([_ONSETS, _CODAS, _RARE_ONSETS, _RARE_CODAS, _EDGES, _REPEATED, _LONG, _PATTERN_1, _PATTERN_2] = own));

export function is_speakable(word) {
  let coda, edges, is_coda, is_onset, onset;
  word = sub(_REPEATED, "\\1\\1", word);
  if ((word.startsWith("mc") && (word.length > 4))) {
    word = word.slice(2);
  }
  edges = fullMatch(_EDGES, word);
  if (!edges) {
    return false;
  }
  [onset, coda] = edges.slice(1);
  if ((word.length >= _LONG)) {
    is_onset = ((onset.length <= 3) || _RARE_ONSETS.has(onset));
    return (is_onset && (coda.length <= 5) && !search(_PATTERN_1, word));
  }
  [is_onset, is_coda] = [_ONSETS.has(onset), _CODAS.has(coda)];
  if ((word.length > 3)) {
    [is_onset, is_coda] = [(is_onset || _RARE_ONSETS.has(onset)), (is_coda || _RARE_CODAS.has(coda))];
  }
  return (is_onset && is_coda && !search(_PATTERN_2, word));
}
