"""tools/bench_compare.py: from what was measured to the table."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("packaging")
sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from bench_compare import cut_short, pairs, spoken_quantities, summary, table
from contenders import frame_times

SPOKEN = {"arrivals": [0.5, 0.6, 1.0], "sizes": [1920, 1920, 3840], "wall": 1.1, "cpu": 0.16}


def test_frames_that_come_together_share_their_time():
    assert frame_times(SPOKEN) == pytest.approx([0.1, 0.2, 0.2])
    in_pairs = {"arrivals": [0.5, 0.6, 0.601, 0.7, 0.701, 0.8], "sizes": [1920] * 6}
    assert frame_times(in_pairs) == pytest.approx([0.0505, 0.0505, 0.05, 0.05, 0.099])


def test_a_frame_costs_what_follows_the_first_sound():
    quantities = spoken_quantities(SPOKEN)
    assert quantities["ms per frame"] == pytest.approx(200)
    assert quantities["first audio, warm, ms"] == 500
    assert quantities["sound made, s"] == pytest.approx(0.32)
    assert quantities["CPU s per audio s"] == pytest.approx(0.5)


def test_where_all_sound_comes_at_once_a_shorter_speech_tells_what_a_frame_costs():
    whole = {"arrivals": [12.0], "sizes": [50 * 1920], "wall": 12.0, "cpu": 16.0}
    brief = {"arrivals": [4.0], "sizes": [10 * 1920], "wall": 4.0, "cpu": 5.0}
    quantities = spoken_quantities(whole, brief)
    assert quantities["ms per frame"] == pytest.approx(200)
    assert quantities["first audio, warm, ms"] == 12000
    assert quantities["times real time"] == pytest.approx(1 / 3)
    assert "ms per frame" not in spoken_quantities(brief, brief)  # it ended too early to tell
    assert "ms per frame" not in spoken_quantities(whole)


def test_speech_that_ended_by_itself_is_told_of():
    made = {"pocket_fast": [50.0, 50.0], "qwen_tts": [50.0, 12.0, 30.0]}
    line = "qwen_tts: 2 of 3 speeches ended before 50 frames, the shortest after 12"
    assert cut_short(made, 50) == [line]
    assert cut_short(made, 0) == []


def test_the_slow_frames_of_all_rounds_count():
    frames = [0.010] * 980 + [0.030] * 20
    found = summary([{"ms per frame": 1}, {"ms per frame": 3}, {"ms per frame": 50}], frames)
    assert found["ms per frame"] == 3
    assert found["frame time p99 / p50"] == pytest.approx(3)
    assert "frame time p99, ms" not in summary([], frames[:50])  # too few to say


def test_ours_stand_beside_the_rival_that_computes_alike():
    names = ["pocket_fast", "pocket_fast-int8", "ptts", "pocket_tts", "pocket_tts-2", "pocket_tts-int8"]
    assert pairs(names) == [("pocket_fast", "pocket_tts"), ("pocket_fast-int8", "pocket_tts-int8")]


def test_four_bits_stand_beside_eight_where_a_rival_has_no_fewer():
    assert pairs(["pocket_fast-int4", "pocket_tts", "pocket_tts-int8"]) == [
        ("pocket_fast-int4", "pocket_tts-int8")
    ]


def test_ours_stand_beside_the_rivals_of_the_other_family_too():
    names = ["pocket_fast-int8", "pocket_fast-bfloat16", "qwen_tts", "qwen_tts-bf16", "vox", "vox-1"]
    assert pairs(names) == [("pocket_fast-int8", "vox"), ("pocket_fast-bfloat16", "qwen_tts")]


def test_more_is_always_better_in_a_ratio():
    ours = {"ms per frame": 5.0, "times real time": 16.0, "10 s voice prompt, ms": 400.0}
    theirs = {"ms per frame": 30.0, "times real time": 2.0, "peak RSS, MiB": 1010.0}
    assert table("x", {"pocket_fast": ours, "pocket_tts": theirs}) == [
        "| x | pocket_fast | pocket_tts | pocket_tts / pocket_fast |",
        "|---|---|---|---|",
        "| ms per frame | 5 | 30 | 6.00 |",
        "| times real time | 16 | 2 | 8.00 |",
        "| 10 s voice prompt, ms | 400 |  |  |",
        "| peak RSS, MiB |  | 1010 |  |",
    ]
