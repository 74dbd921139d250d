"""The program in the package's docstring, run as it stands but for what needs the hub."""

import textwrap

import numpy as np

import pocket_fast
from pocket_fast import TTSModel


def test_the_sample_program_runs(tiny, monkeypatch, capsys):
    class Here(TTSModel):
        @classmethod
        def load_model(cls):
            return super().load_model(config=tiny / "config.yaml", eos_threshold=-1e9)

        def get_state_for_audio_prompt(self, audio_conditioning):
            assert audio_conditioning == "alba"
            return super().get_state_for_audio_prompt(tiny / "prompt.wav")

    monkeypatch.setattr(pocket_fast, "TTSModel", Here)
    _, program = pocket_fast.__doc__.split("\n", 1)
    names = {}
    exec(textwrap.dedent(program), names)
    assert names["samples"].dtype == np.float32
    assert len(names["samples"]) > 0
    assert len(names["frame"]) == 1920
    assert capsys.readouterr().out.startswith("0.08 s more\n")
