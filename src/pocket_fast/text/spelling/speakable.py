"""Whether a reader could say a run of letters: AMAZING is a word, USSR and HTML are letters."""

from __future__ import annotations

import re

from .spoken import word_set

# Consonants that words begin and end with, in spelling; the rare ones make a word of four letters or more only.
_ONSETS = word_set("""
    b bl br c ch chr cl cr d dr dw f fl fr g gh gl gn gr h j k kl kn kr l m n p ph pl pr q qu r rh s sc sch scr sh shr
    sk sl sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr y z
    """) | {""}
_CODAS = word_set("""
    b bb bs c ch ck cks cs ct cts d dd ds f ff ffs ft fts g gg gh ght ghts gn gs h hh hn k ks l lb lch ld lds lf lk
    lks ll lls lm lms lp lps ls lt lts m mb mbs mn mp mps ms n nc nch nd nds ng ngs ngth nk nks nn ns nt nth nts p pp
    ps pt pts r rb rc rch rd rds rf rg rk rks rl rls rm rms rn rns rp rr rs rsh rst rt rth rths rts s sc sh sk sks sm
    sms sp sps ss st sts t tch th ths ts tt v w wd wl wn wns ws ww x xt y z zz
    """) | {""}
_RARE_ONSETS = word_set("""
    bj chl chth cz dh fj gm gw hw kh ll ng phl phr phth pn ps pt schl schm schn schw scl sg sph sphr sq sr sv tch ts
    tz vl x xh zh zl
    """)
_RARE_CODAS = word_set("""
    bbs bt bts cc chs cht chts dds dg dnt dst dt dth fs fth ggs ghn ghs ghth gm gms gns hl hm hns hr hrs hs ht j kh
    lbs lc lfth lg ln lph lsh lst lth ltz lv lx md mm mms mns mph mpt mpts nct ncts ncs ngh ngst ngths nj nns nst nths
    nx nz ph phs pps pr pth pths q rbs rcs rfs rgh rgs rj rld rlds rmth rnst rnt rps rpt rpts rq rsk rtz rv rx rz sch
    scs snt sz tc thm thms tm tns tts tz tzs vs wds wg wk wks wls wp wt wth xth xts yl
    """)
_EDGES = re.compile(r"([^aeiouy]*)[aeiouy](?:.*[aeiouy])?([^aeiouy]*)")
_REPEATED = re.compile(r"(.)\1{2,}")
_LONG = 6  # letters: hardly any abbreviation has as many


def is_speakable(word: str) -> bool:
    """Of a word in small letters: whether English has words that look like that."""
    word = _REPEATED.sub(r"\1\1", word)  # NOOOO
    if word.startswith("mc") and len(word) > 4:
        word = word[2:]
    edges = _EDGES.fullmatch(word)
    if not edges:
        return False
    onset, coda = edges.groups()
    if len(word) >= _LONG:
        is_onset = len(onset) <= 3 or onset in _RARE_ONSETS
        return is_onset and len(coda) <= 5 and not re.search("[^aeiouy]{7}", word)
    is_onset, is_coda = onset in _ONSETS, coda in _CODAS
    if len(word) > 3:
        is_onset, is_coda = is_onset or onset in _RARE_ONSETS, is_coda or coda in _RARE_CODAS
    return is_onset and is_coda and not re.search("[^aeiouy]{5}", word)
