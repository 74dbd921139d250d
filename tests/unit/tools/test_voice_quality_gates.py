"""tools/voice_quality: from what was said to the verdict, with a recogniser and a model that are pretended."""

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.models.pocket.pipeline import PocketUtterance

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from voice_quality import gates
from voice_quality.report import passed, table, write_json
from voice_quality.sources import Speaker
from voice_quality.texts import lines, single_sentences


class Pretended:
    """Figures of so many wrong items in each set; also their source."""

    def __init__(self, wrong=0, ratio=1.0, decibels=0.0, endless=()):
        self.wrong, self.ratio, self.decibels, self.endless = wrong, ratio, decibels, set(endless)
        self.source = self

    def items(self, name):
        return [f"{name} {k}" for k in range(200 if name == "paragraphs" else len(lines(name)))]

    texts = items

    def single_sentences(self):
        return single_sentences()

    def recognised(self, name):
        return np.arange(len(self.items(name))) >= self.wrong

    def written(self, name):
        return [f"heard {k}" for k in range(len(self.items(name)))]

    def word_errors(self, name):
        """One word of ten in `wrong` items."""
        return np.column_stack([self.recognised(name) == 0, np.full(len(self.items(name)), 10)])

    def retrieved(self, truth):
        return self.recognised("everyday")

    def distortion(self, name, truth):
        return np.full(len(self.items(name)), self.decibels)

    def duration_ratios(self, truth):
        return np.where(np.arange(500) < self.wrong, self.ratio, 1.0)


def measured(own=True, **figures):
    return gates.Measured("abel", Pretended(**figures), Pretended(), own)


@pytest.mark.parametrize(
    ("name", "most_wrong"), [("everyday", 6), ("hard", 15), ("words", 75), ("paragraphs", 6)]
)
def test_so_many_may_be_misheard(name, most_wrong):
    good, bad = (gates.recognition(measured(wrong=wrong), name) for wrong in (most_wrong, most_wrong + 1))
    assert (good.passed, bad.passed) == (True, False)
    assert good.beside == "truth 100.0 %"
    assert bad.wrong == [f"{name} {k}" for k in range(most_wrong + 1)]


def test_a_missing_end_is_told_beside_the_figure():
    line = gates.recognition(measured(endless=["words 3"]), "words", with_truth=False)
    assert line.beside == "no end in 1 texts"


def test_retrieval_and_distortion_need_a_truth_in_the_same_timbre():
    assert gates.retrieval(measured(wrong=2)).passed
    assert gates.retrieval(measured(wrong=3)).passed is False
    assert [line.passed for line in gates.distortions(measured(decibels=2.99), None)] == [True, True]
    assert [line.passed for line in gates.distortions(measured(decibels=3.0), None)] == [False, True]
    assert [line.passed for line in gates.distortions(measured(decibels=4.5), Pretended())] == [False, False]
    strange = measured(own=False)
    for line in (gates.retrieval(strange), *gates.distortions(strange, None)):
        assert (line.what, line.passed) == ("not applicable", None)


def test_so_many_words_may_be_written_wrongly():
    lines = gates.dictation(measured(wrong=50))
    assert [line.what for line in lines] == [
        "words wrong, everyday",
        "words wrong, hard",
        "words wrong, numbers",
    ]
    assert [line.value for line in lines] == ["2.5 %", "5.0 %", "10.0 %"]
    assert all(line.passed for line in lines)
    assert lines[0].beside == "truth 0.0 %"
    assert lines[1].wrong[49] == "hard 49 -> heard 49"
    assert len(lines[1].wrong) == 50

    class Worse(Pretended):
        def word_errors(self, name):
            return 2 * super().word_errors(name) // (1, 2)

    worse = gates.dictation(gates.Measured("abel", Worse(wrong=50), Pretended(), True), with_truth=False)
    assert [line.passed for line in worse] == [True, True, False]
    assert worse[0].beside == ""


def test_int8_may_lose_one_point_of_words_over_all_voices():
    before, after = (gates.word_errors(Pretended(wrong=wrong)) for wrong in (10, 15))
    line = gates.dictation_loss("all", before, after, "int8", gated=True)
    assert (line.gate, line.value, line.required, line.passed) == ("int8", "1.0", "<= 1", True)
    assert "numbers 2.0 -> 3.0" in line.beside
    worse = gates.word_errors(Pretended(wrong=16))
    assert gates.dictation_loss("all", before, worse, "int8", gated=True).passed is False
    assert gates.dictation_loss("abel", before, worse, "int8", gated=False).passed is None
    assert gates.dictation_loss("all", worse, before, "int8", gated=True).passed


def test_every_sentence_has_to_end():
    ended, lasted = gates.ends(measured(endless=["words 3"]))
    assert (ended.value, ended.passed, lasted.passed) == ("500 of 500", True, True)
    ended, _ = gates.ends(measured(endless=single_sentences()[7:8]))
    assert (ended.value, ended.passed) == ("499 of 500", False)
    assert ended.wrong == single_sentences()[7:8]


@pytest.mark.parametrize(
    ("ratio", "wrong", "good"), [(0.79, 10, True), (0.79, 11, False), (1.26, 11, False), (1.25, 99, True)]
)
def test_speech_lasts_about_as_long_as_the_truth(ratio, wrong, good):
    assert gates.ends(measured(ratio=ratio, wrong=wrong))[1].passed is good


def test_int8_may_lose_one_point_and_win_any():
    none, one, two, many = (gates.verdicts(Pretended(wrong=wrong)) for wrong in (0, 1, 2, 20))
    assert gates.loss("abel", none, one, "int8").passed  # 1 of 100 hard sentences
    line = gates.loss("abel", none, two, "int8")
    assert (line.gate, line.voice, line.value, line.passed) == ("int8", "abel", "2.0", False)
    assert gates.loss("abel", many, none, "int8").passed


def test_of_all_voices_together_int8_may_lose_one_point_too():
    none, one, two, four = (gates.verdicts(Pretended(wrong=wrong)) for wrong in (0, 1, 2, 4))
    three_voices = gates.together([none, none, one])
    assert gates.loss("all", three_voices, gates.together([none, none, four]), "int8").value == "1.0"
    assert gates.loss("all", three_voices, gates.together([none, two, four]), "int8").passed is False
    assert (
        "hard 99.7 -> 98.0" in gates.loss("all", three_voices, gates.together([two, two, two]), "int8").beside
    )


def test_the_report_tells_what_was_missed(tmp_path):
    good, bad = gates.recognition(measured(), "hard"), gates.recognition(measured(wrong=90), "hard")
    told = gates.not_applicable("mcd", "alba", "no truth in this timbre")
    assert passed([good, told])
    assert not passed([good, bad, told])
    rows = table([good, bad, told]).splitlines()
    assert len(rows) == 4
    for row, verdict in zip(rows[1:], ("pass", "MISSED", "no truth"), strict=True):
        assert verdict in row
    assert rows[1].index(">=") == rows[2].index(">=")
    write_json(tmp_path / "report.json", [good, bad], {"compute_type": "int8"})
    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["passed"], found["compute_type"], len(found["lines"][1]["wrong"])) == (False, "int8", 90)


class Talker:
    """A model of which some texts never end."""

    def __init__(self, endless):
        self.endless, self.asked = endless, []

    def generate_audio(self, state, text, seed):
        self.asked.append(text)
        if text in self.endless:
            chunk = SimpleNamespace(text=text.capitalize() + ".")
            PocketUtterance.check_end(SimpleNamespace(ends_at=None, frames=9, chunk=chunk))
        logging.getLogger("pocket_fast").warning("a chunk of %d tokens near %r", 60, text)
        return np.full(3, len(text), dtype=np.float32)


def test_a_speaker_says_everything_once_and_knows_what_did_not_end(caplog):
    talker = Talker({"one two"})
    speaker = Speaker(talker, None)
    texts = ["one two", "two", "one", "one two"]
    assert [sound[0] for sound in speaker.say(texts)] == [7, 3, 3, 7]
    speaker.say(["two"])
    assert sorted(talker.asked) == ["one", "one two", "two"]
    assert speaker.endless == {"one two"}
    assert caplog.records == []
    logging.getLogger("pocket_fast").warning("heard again")
    assert len(caplog.records) == 1
