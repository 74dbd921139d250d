"""benches/contenders.py and what it is given: ours among them, and the stages that the benchmarks time."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benches"))
import rivals
from contenders import ROOT, PocketFast, Process, cold_start, speak
from pocket_fast import Qwen3TTSModel
from pocket_fast.models.qwen3 import trials as work
from reference.checkpoint import read_weights
from reference.qwen3 import make_qwen3_model
from reference.synthetic import make_model

CUSTOM = "qwen3-tiny-customvoice"
FEW = 2  # frames: no speech ends by itself before


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_qwen3_model(tmp_path_factory.mktemp("model"), CUSTOM, endless=True)


@pytest.fixture(scope="module")
def model(folder):
    return Qwen3TTSModel.from_pretrained(folder, threads=1)


def test_a_model_with_speakers_speaks_as_many_frames_as_asked(folder):
    contender = PocketFast("pocket_fast-int8", str(folder), 1)
    spoken = speak(contender, contender.voice("ryan"), "Hello there.", FEW)
    assert spoken["sizes"] == [1920] * FEW
    assert 0 < spoken["arrivals"][0] < spoken["arrivals"][1] <= spoken["wall"]
    assert spoken["cpu"] > 0
    assert contender.model.compute_type.startswith("int8")
    assert not contender.clones


def test_a_model_that_clones_speaks_to_its_end(tmp_path):
    contender = PocketFast("pocket_fast", str(make_model(tmp_path, "tiny")), 1)
    voice = contender.voice(str(ROOT / "ref.wav"))
    assert sum(speak(contender, voice, "Hello there.", 0)["sizes"]) > 1920 * FEW
    assert contender.clones
    assert contender.model.compute_type == "float32"


def test_a_process_answers_what_it_is_told(folder):
    process = Process(sys.executable, "pocket_fast", folder, "ryan", 1)
    try:
        assert process(do="speak", text="Hello there.", frames=FEW)["sizes"] == [1920] * FEW
        assert process(do="voice", path="ryan") == {}  # nothing to make of a recording
    finally:
        process.close()


def test_a_cold_start_ends_with_the_first_sound(folder):
    found = cold_start(sys.executable, "pocket_fast", folder, "ryan", 1, "Hello there.", FEW)
    assert 0 < found["first"] < found["start"]
    assert found["rss"] > 10


def test_a_rival_with_a_file_of_its_own_has_it_written_once(folder, tmp_path):
    log = tmp_path / "log"
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"open({str(log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\nopen(sys.argv[-1], 'w')\n"
    )
    python.chmod(0o755)
    for _ in range(2):
        assert rivals.prepare("vox", str(python), folder, "ryan", tmp_path) == (tmp_path / "vox.tmod", "ryan")
    (command,) = map(json.loads, log.read_text().splitlines())
    assert command[:4] == ["-m", "vox.build", "--model", str(folder)]
    assert rivals.prepare("qwen_tts", str(python), folder, "ryan", tmp_path) == (folder, "ryan")


def test_a_model_without_end_differs_in_nothing_else(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    end = config["talker_config"]["codec_eos_token_id"]
    ordinary = read_weights(make_qwen3_model(tmp_path, CUSTOM) / "model.safetensors")
    for name, weight in read_weights(folder / "model.safetensors").items():
        if name == "talker.codec_head.weight":
            assert ordinary[name][end].any()
            ordinary[name][end] = 0
        np.testing.assert_array_equal(weight, ordinary[name], err_msg=name)


def test_streams_that_are_timed_are_where_they_are_said_to_be(model):
    batch = work.Batch(model, 2, 30)
    batch.predict()
    batch.decode()
    assert [stream.offset for stream in batch.talkers] == [31, 31]
    assert [stream.frames for stream in batch.codecs] == [31, 31]
    for made in (batch.hidden, batch.logits, batch.embeddings, batch.pcm):
        assert np.isfinite(made).all()
        assert made.any()


def test_work_of_many_streams_is_that_of_one_but_for_the_weights(model):
    stages = model.stages
    for count, once in (
        (lambda n: work.talker(model, n, 100), stages.talker.weight_bytes),
        (lambda n: work.prompt(model, n, 40), 0),
        (lambda n: work.predictor(model, n), stages.predictor.draws * stages.predictor.weight_bytes),
        (lambda n: work.codec(model, n, 100), 0),
    ):
        one, eight = count(1), count(8)
        assert eight.flops == pytest.approx(8 * one.flops)
        assert once < one.nbytes <= eight.nbytes < 8 * one.nbytes


def test_a_longer_past_is_more_to_read_until_the_window_is_full(model):
    assert work.talker(model, 1, 500).nbytes > work.talker(model, 1, 50).nbytes
    window = model.config.speech_tokenizer.decoder_config.sliding_window
    assert work.codec(model, 1, window) == work.codec(model, 1, 500)
    assert work.codec(model, 1, 10).flops < work.codec(model, 1, window).flops
