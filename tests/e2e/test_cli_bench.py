"""`bench`: what is measured, and how it is told; not how fast anything is."""

import json
import re

import pytest

from command_line import error_of
from pocket_fast.cli import bench
from pocket_fast.cpu import machine
from reference.qwen3 import make_qwen3_model


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(machine, "WINDOW", 0.001)
    monkeypatch.setattr(machine, "MEMORY", 1 << 20)
    monkeypatch.setattr(bench, "_STAGE_SECONDS", 0.0)
    monkeypatch.setattr(bench, "_MOST_FRAMES", 4)
    monkeypatch.setattr(bench, "_UTTERANCES", 1)


def measured(result):
    assert result.code == 0, result.err
    return json.loads(result.out)


def check(found):
    assert found["frame_ms"] == pytest.approx(sum(s["ms"] for s in found["stages"] if s["every_frame"]))
    for stage in found["stages"]:
        assert stage["ms"] > 0
        assert stage["of_limit"] > 0
        assert stage["limit"] in ("reading", "float32 products", "int8 products", "bfloat16 products")
    for name in (
        "load_s",
        "ms_per_frame",
        "times_real_time",
        "first_sound_ms",
        "first_sound_cold_ms",
        "process_to_first_sound_ms",
    ):
        assert found[name] > 0
    assert found["peak_memory_mib"] is None or found["peak_memory_mib"] > 10


def test_json_has_everything_and_nothing_else_is_on_standard_output(run, tiny):
    result = run("bench", tiny / "config.yaml", "--voice", tiny / "prompt.wav", "--json", "--threads", "1")
    found = measured(result)
    check(found)
    assert [stage["stage"] for stage in found["stages"]] == [
        "backbone step",
        "flow head",
        "codec frame",
        "prompt of 35 tokens",
    ]
    assert [stage["every_frame"] for stage in found["stages"]] == [True, True, True, False]
    assert (found["threads"], found["compute_type"]) == (1, "float32")
    assert {"read_gb_s_1", "float32_gflop_s_1", "int8_gflop_s_1"} <= set(found["limits"])
    assert "again_gb_s_1" not in found["limits"]
    assert "measuring the machine" in result.err


def test_the_compute_type_is_measured_that_was_asked_for(run, tiny):
    words = ("--voice", tiny / "prompt.wav", "--json", "--compute-type", "int8_float32", "-q")
    result = run("bench", "--model", tiny / "config.yaml", *words)
    found = measured(result)
    assert found["compute_type"] == "int8_float32"
    assert result.err == ""


def test_the_builtin_model_is_measured_by_default(run):
    result = run("bench", "--threads", "1")
    assert result.code == 0, result.err
    *table, empty, line = result.out.decode().splitlines()
    assert empty == ""
    assert re.fullmatch(
        r"pocket_fast \S+, .+, 1 thread; .*builtin.* float32: \S+ x real time; "
        r"\S+ ms a frame \(stages \S+ \+ \S+ \+ \S+\); "
        r"first sound \S+ ms, from process start \d+ ms; (\d+ MiB; )?reads \S+ GB/s, float32 \d+ GFLOP/s",
        line,
    )
    text = "\n".join(table)
    for words in (
        "limits of this machine",
        "backbone step",
        "of limit",
        "times real time",
        "first sound, ms",
    ):
        assert words in text


def test_the_other_family(run, tmp_path_factory):
    folder = make_qwen3_model(tmp_path_factory.mktemp("model"), "qwen3-tiny-customvoice", endless=True)
    found = measured(run("bench", folder, "--json", "-q"))
    check(found)
    assert [stage["stage"] for stage in found["stages"]] == [
        "talker step",
        "code predictor",
        "codec frame",
        "prompt of 40 rows",
    ]
    assert {"again_gb_s_1", "read_gb_s_1"} <= set(found["limits"])


def test_a_model_is_given_once(run, tiny):
    result = run("bench", "builtin", "--model", tiny / "config.yaml")
    assert "a model was given twice: builtin" in error_of(result)


def test_what_the_fresh_process_complains_of_is_told(run, tiny):
    result = run(
        "bench", tiny / "config.yaml", "--voice", tiny / "prompt.wav", "--compute-type", "int3", "-q"
    )
    assert "int3" in error_of(result)
    assert result.out == b""
