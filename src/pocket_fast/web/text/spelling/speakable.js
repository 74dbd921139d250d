// Made by tools/make_web_spelling.py of text/spelling/speakable.py: change that, and run it again.

import { fullMatch, search, sub, words } from "../python.js";

const _ONSETS = words("b bl br c ch chr cl cr d dr dw f fl fr g gh gl gn gr h j k kl kn kr l m n p ph pl pr q qu r rh s sc sch scr sh shr sk sl sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr y z", true);
const _CODAS = words("b bb bs c ch ck cks cs ct cts d dd ds f ff ffs ft fts g gg gh ght ghts gn gs h hh hn k ks l lb lch ld lds lf lk lks ll lls lm lms lp lps ls lt lts m mb mbs mn mp mps ms n nc nch nd nds ng ngs ngth nk nks nn ns nt nth nts p pp ps pt pts r rb rc rch rd rds rf rg rk rks rl rls rm rms rn rns rp rr rs rsh rst rt rth rths rts s sc sh sk sks sm sms sp sps ss st sts t tch th ths ts tt v w wd wl wn wns ws ww x xt y z zz", true);
const _RARE_ONSETS = words("bj chl chth cz dh fj gm gw hw kh ll ng phl phr phth pn ps pt schl schm schn schw scl sg sph sphr sq sr sv tch ts tz vl x xh zh zl");
const _RARE_CODAS = words("bbs bt bts cc chs cht chts dds dg dnt dst dt dth fs fth ggs ghn ghs ghth gm gms gns hl hm hns hr hrs hs ht j kh lbs lc lfth lg ln lph lsh lst lth ltz lv lx md mm mms mns mph mpt mpts ncs nct ncts ngh ngst ngths nj nns nst nths nx nz ph phs pps pr pth pths q rbs rcs rfs rgh rgs rj rld rlds rmth rnst rnt rps rpt rpts rq rsk rtz rv rx rz sch scs snt sz tc thm thms tm tns tts tz tzs vs wds wg wk wks wls wp wt wth xth xts yl");
const _EDGES = /([^aeiouy]*)[aeiouy](?:[^\n]*[aeiouy])?([^aeiouy]*)/g;
const _REPEATED = /([^\n])(?:\1){2,}/g;
const _LONG = 6;
const _PATTERN_1 = /[^aeiouy]{7}/g;
const _PATTERN_2 = /[^aeiouy]{5}/g;

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
