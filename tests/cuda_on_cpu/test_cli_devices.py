"""`generate --device`, `serve --device` and `info` where there is a GPU."""

import json

import numpy as np
import pytest

from command_line import REF_WAV, read_wav
from pocket_fast.cli import main
from pocket_fast.cli import serve as serve_command
from pocket_fast.errors import UnsupportedError


@pytest.fixture
def spoken(tiny, tmp_path):
    """spoken(*options) -> what `generate` says with them, samples."""

    def spoken(*options):
        target = tmp_path / "out.wav"
        common = ["--config", str(tiny("tiny")), "--voice", str(REF_WAV), "--truncate", "--seed", "1"]
        brief = ["--eos-threshold", "-100", "--text", "Yes.", "--output-path", str(target), "--quiet"]
        assert main(["generate", *common, *brief, *options]) == 0
        return read_wav(target).astype(int)

    return spoken


def test_generate(machine, spoken):
    cpu, gpu = spoken(), spoken("--device", "cuda")
    assert cpu.shape == gpu.shape
    assert np.abs(cpu).max() > 1000
    assert np.abs(gpu - cpu).max() <= 4  # of 32768


def test_info_lists_what_there_is(machine, capsys):
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["GPUs"] == {"cuda:0": "Stand-in, 80 GiB, sm_90"}
    assert main(["info"]) == 0
    assert "cuda:0:" in capsys.readouterr().out


def test_the_server_speaks_from_it(machine, tiny, monkeypatch, capsys):
    """As far as the model that it would serve."""
    pytest.importorskip("fastapi")

    def load(*given, device, **options):
        raise UnsupportedError(f"this is where {device} is loaded")

    monkeypatch.setattr(serve_command, "load_speaker", load)
    common = ["serve", "--config", str(tiny("tiny")), "--default-voice", str(REF_WAV)]
    for options, device in ((["--device", "cuda:0"], "cuda:0"), ([], "cpu")):
        assert main([*common, *options]) == 1
        assert f"this is where {device} is loaded" in capsys.readouterr().err
