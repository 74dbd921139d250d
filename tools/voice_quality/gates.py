"""The gates: what a voice has to reach, and what it reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from voice_quality.figures import Figures
from voice_quality.texts import lines
from voice_quality.timbre import Timbres

if TYPE_CHECKING:
    from voice_quality.sources import Truth

LEAST = {"everyday": 97.0, "hard": 85.0, "retrieval": 99.0, "words": 85.0, "paragraphs": 97.0}
LEAST |= {"durations": 98.0, "timbre": 95.0}
MOST_DECIBELS = {"everyday": 3.0, "hard": 4.5}
RATIOS = (0.8, 1.25)  # speech duration over the truth's
MOST_WORDS_WRONG = {"everyday": 12.0, "hard": 20.0, "numbers": 15.0}  # by dictation, %
MOST_POINTS_LOST = 1.0
RECOGNISED = ("everyday", "hard", "words", "paragraphs")
PROMPT_SECONDS = (1, 5, 10, 30)
_PROMPTED = 5  # texts spoken with each prompt
_LEARNT = range(100, 140)  # everyday sentences in which the timbres are learnt, and that prompts are made of

Prompted = Callable[[np.ndarray, Sequence[str]], list[np.ndarray]]  # prompt (n,), texts -> what is said
Verdicts = dict[str, np.ndarray]  # bool by set: which items the recogniser took for themselves
WordErrors = dict[
    str, np.ndarray
]  # (n, 2) by set: words that dictation got wrong in each item, and all of them


@dataclass
class Line:
    """One line of the report. required: what the value must be; "" if it is only told."""

    gate: str
    voice: str
    what: str
    value: str
    required: str = ""
    passed: bool | None = None
    beside: str = ""
    wrong: list[str] = field(default_factory=list)


@dataclass
class Measured:
    """One voice. own: the truth has the voice's timbre; otherwise only what does not hear timbre compares with it."""

    name: str
    figures: Figures
    truth: Figures
    own: bool


def not_applicable(gate: str, voice: str, why: str) -> Line:
    """A line that says that nothing was measured."""
    return Line(gate, voice, "not applicable", "", beside=why)


def recognition(measured: Measured, name: str, with_truth: bool = True) -> Line:
    """everyday, hard, words or paragraphs by the closed-grammar recogniser."""
    right = measured.figures.recognised(name)
    what = {"words": "words recognised", "paragraphs": "sentences whole in paragraphs"}
    line = _share(name, measured.name, what.get(name, "sentences recognised"), right, LEAST[name])
    line.wrong = _chosen(measured.figures.items(name), ~right)
    missing = measured.figures.source.endless & set(measured.figures.texts(name))
    beside = [f"truth {_percent(measured.truth.recognised(name))}"] if with_truth else []
    line.beside = ", ".join(beside + ([f"no end in {len(missing)} texts"] if missing else []))
    return line


def dictation(measured: Measured, with_truth: bool = True) -> list[Line]:
    """everyday, hard and numbers, written down by an open recogniser."""
    found = []
    for name, most in MOST_WORDS_WRONG.items():
        errors = measured.figures.word_errors(name)
        share = _wrong_words(errors)
        line = Line("dictation", measured.name, f"words wrong, {name}", f"{share:.1f} %", f"<= {most:g} %")
        line.passed = bool(share <= most)
        written = zip(measured.figures.texts(name), measured.figures.written(name), strict=True)
        line.wrong = _chosen([f"{text} -> {heard}" for text, heard in written], errors[:, 0] > 0)
        if with_truth:
            line.beside = f"truth {_wrong_words(measured.truth.word_errors(name)):.1f} %"
        found.append(line)
    return found


def dictation_loss(voice: str, before: WordErrors, after: WordErrors, name: str, gated: bool) -> Line:
    """Points of words that the other way of computing gets wrong more; chance weighs too much to judge one voice."""
    points, beside = [], []
    for kind in MOST_WORDS_WRONG:
        had, has = (_wrong_words(errors[kind]) for errors in (before, after))
        points.append(has - had)
        beside.append(f"{kind} {had:.1f} -> {has:.1f}")
    line = Line(name, voice, "points of words lost, most of any set", f"{max(points):.1f}")
    if gated:
        line.required = f"<= {MOST_POINTS_LOST:g}"
        line.passed = bool(max(points) <= MOST_POINTS_LOST + 1e-9)
    line.beside = ", ".join(beside)
    return line


def retrieval(measured: Measured) -> Line:
    """everyday, by warped cepstra."""
    if not measured.own:
        return not_applicable("retrieval", measured.name, "no truth in this timbre")
    right = measured.figures.retrieved(measured.truth)
    line = _share("retrieval", measured.name, "nearest to their own truth", right, LEAST["retrieval"])
    line.wrong = _chosen(measured.figures.items("everyday"), ~right)
    return line


def distortions(measured: Measured, codec: Figures | None) -> list[Line]:
    """Mean mel-cepstral distortion; codec: the truth through encoder and decoder."""
    if not measured.own:
        return [not_applicable("mcd", measured.name, "no truth in this timbre")]
    found = []
    for name, most in MOST_DECIBELS.items():
        each = measured.figures.distortion(name, measured.truth)
        line = Line("mcd", measured.name, f"distortion, {name}", f"{each.mean():.2f} dB", f"< {most:g} dB")
        line.passed = bool(each.mean() < most)
        line.wrong = _chosen(measured.figures.items(name), each >= 5)
        if codec is not None:
            line.beside = f"codec {codec.distortion(name, measured.truth).mean():.2f} dB"
        found.append(line)
    return found


def ends(measured: Measured) -> list[Line]:
    """Whether speech ends, and lasts as long as the truth."""
    ratios = measured.figures.duration_ratios(measured.truth)
    missing = [
        text for text in measured.figures.single_sentences() if text in measured.figures.source.endless
    ]
    found = len(ratios) - len(missing)
    first = Line(
        *("ends", measured.name, "end of speech found", f"{found} of {len(ratios)}", f"{len(ratios)}"),
        passed=not missing,
        wrong=missing,
    )
    low, high = RATIOS
    inside = (ratios >= low) & (ratios <= high)
    second = _share("ends", measured.name, f"duration within {low:g} to {high:g}", inside, LEAST["durations"])
    second.beside = "ratio at 5, 50, 95 %: " + ", ".join(
        f"{x:.2f}" for x in np.percentile(ratios, (5, 50, 95))
    )
    if not measured.own:
        second.beside += "; of another timbre"
    return [first, second]


def verdicts(figures: Figures, names: Sequence[str] = RECOGNISED) -> Verdicts:
    """Those of what the closed-grammar recogniser judges."""
    return {name: figures.recognised(name) for name in names}


def word_errors(figures: Figures) -> WordErrors:
    """Those of everything that is dictated."""
    return {name: figures.word_errors(name) for name in MOST_WORDS_WRONG}


def together(each: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Those of several voices as one: a sentence weighs less, and so does chance."""
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def loss(voice: str, before: Verdicts, after: Verdicts, name: str) -> Line:
    """Points of recognition that the other way of computing loses: `name` against float32."""
    points, beside = [], []
    for kind in before:
        had, has = (100 * right[kind].mean() for right in (before, after))
        points.append(had - has)
        beside.append(f"{kind} {had:.1f} -> {has:.1f}")
    worst = max(points)
    line = Line(name, voice, "points lost, most of any set", f"{worst:.1f}", f"<= {MOST_POINTS_LOST:g}")
    line.passed = bool(worst <= MOST_POINTS_LOST + 1e-9)
    line.beside = ", ".join(beside)
    return line


def timbre(truths: Sequence[Truth], prompted: Prompted) -> list[Line]:
    """Whether speech after a prompt has the prompt's timbre, of those that were trained; a held-out one is told from
    all, and not required."""
    everyday = lines("everyday")
    learnt, spoken = [everyday[k] for k in _LEARNT], everyday[:_PROMPTED]
    trained = [truth for truth in truths if not truth.timbre.held_out]
    known, all_known = (Timbres({t.timbre.name: t.say(learnt) for t in group}) for group in (trained, truths))

    def right(truth: Truth, among: Timbres, seconds: int) -> list[bool]:
        sounds = prompted(truth.prompt(learnt, seconds), spoken)
        return [among.nearest(sound) == truth.timbre.name for sound in sounds]

    def line(voice: str, group: Sequence[Truth], among: Timbres, least: float | None) -> Line:
        found = {(t.timbre.name, s): right(t, among, s) for t in group for s in PROMPT_SECONDS}
        line = _share("timbre", voice, "nearest to the prompt's", np.concatenate(list(found.values())), least)
        by_length = {s: np.concatenate([found[t.timbre.name, s] for t in group]) for s in PROMPT_SECONDS}
        line.beside = "prompts of " + ", ".join(f"{s} s {_percent(share)}" for s, share in by_length.items())
        line.wrong = [
            f"{name}, {s} s: {sum(each)} of {len(each)}" for (name, s), each in found.items() if not all(each)
        ]
        return line

    truth = [known.nearest(sound) == t.timbre.name for t in trained for sound in t.say(spoken)]
    gated = line("all", trained, known, LEAST["timbre"])
    gated.beside += f", truth {_percent(np.array(truth))}"
    return [gated, line("held out", [t for t in truths if t.timbre.held_out], all_known, None)]


def _share(gate: str, voice: str, what: str, right: np.ndarray, least: float | None) -> Line:
    line = Line(gate, voice, what, _percent(right))
    if least is not None:
        line.required, line.passed = f">= {least:g} %", bool(100 * right.mean() >= least)
    return line


def _wrong_words(errors: np.ndarray) -> float:
    wrong, words = errors.sum(axis=0)
    return 100 * wrong / words


def _percent(right: np.ndarray) -> str:
    return f"{100 * right.mean():.1f} %"


def _chosen(items: Sequence[str], mask: np.ndarray) -> list[str]:
    return [item for item, is_in in zip(items, mask, strict=True) if is_in]
