"""The natural teacher of the built-in voice: which sentences it says first, what is kept, and the locked timbres.

The network itself is pretended: a buzz that glides, as long as the text.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

TOOLS = Path(__file__).parents[3] / "tools"
TEXTS = [f"Sentence {'x' * k}." for k in range(7)]


@pytest.fixture(scope="module", autouse=True)
def _tools_on_the_path():
    sys.path.insert(0, str(TOOLS))
    yield
    sys.path.remove(str(TOOLS))


class Buzz:
    """In place of kokoro.Network and kokoro.Planner."""

    said = 0

    def __init__(self, voices, exact=True):
        pass

    def say(self, text, sex):
        Buzz.said += 1
        hertz = self._hertz(text, sex)
        turns = np.cumsum(hertz) / 24000
        sound = sum(np.cos(2 * np.pi * k * turns) / k for k in range(1, 30))
        return np.pad(0.1 * sound, (4800, 7200)).astype(np.float32), self._plan(text, sex).pitch

    def plan(self, text):
        return self._plan(text, "male")

    def _plan(self, text, sex):
        pitch = np.pad(self._hertz(text, sex)[::300], (16, 24)).astype(np.float32)
        frames = np.outer(pitch[::2] > 0, np.linspace(-1, 1, 512)).astype(np.float32)
        return importlib.import_module("voice.kokoro").Plan(frames, pitch, 0.01 * pitch)

    def _hertz(self, text, sex):
        times = np.arange(600 * int(12 + 0.8 * len(text))) / 24000
        return (120 if sex == "male" else 210) * (1 + 0.1 * np.sin(6 * times))


@pytest.fixture
def kokoro(monkeypatch):
    module = importlib.import_module("voice.kokoro")
    monkeypatch.setattr(module, "Network", Buzz)
    monkeypatch.setattr(module, "Planner", Buzz)
    monkeypatch.setattr(module, "PART", 3)
    monkeypatch.setattr(Buzz, "said", 0)
    return module


def test_the_most_useful_sentences_come_first():
    order = importlib.import_module("voice.order")
    texts = [
        "Zyme.",
        "The cat is here.",
        "The cat is here, is here, is here.",
        "The dog is there.",
        "The cat.",
    ]
    found = order.useful_first([*texts, "The cat is on it."])
    assert sorted(found) == sorted([*texts, "The cat is on it."])
    assert found[-1] == "Zyme."
    assert found.index("The cat is here.") < found.index("The cat is here, is here, is here.")


def test_the_parts_of_the_network_must_be_the_ones_it_was_made_of(monkeypatch, tmp_path):
    kokoro = importlib.import_module("voice.kokoro")
    (tmp_path / "part.bin").write_bytes(b"other")
    module = SimpleNamespace(__file__=str(tmp_path / "__init__.py"))
    with monkeypatch.context() as patch:
        patch.setattr(kokoro.importlib, "import_module", lambda name: module)
        with pytest.raises(ValueError, match=r"SHA-256 .* expected 6e742170"):
            kokoro.weights()


def test_what_was_said_is_kept_and_gone_on_with(kokoro, tmp_path):
    kokoro.say_all(TEXTS[:4], 3, tmp_path, processes=1)
    assert Buzz.said == 4 + 3  # the woman says the first part alone
    assert kokoro.texts_said(tmp_path, "male") == TEXTS[:4]
    assert kokoro.texts_said(tmp_path, "female") == TEXTS[:3]
    kokoro.say_all(TEXTS[:4], 3, tmp_path, processes=1)
    assert Buzz.said == 7
    (tmp_path / "said" / "male_00000.npz").unlink()
    assert kokoro.texts_said(tmp_path, "male") == []
    kokoro.say_all(TEXTS[:4], 3, tmp_path, processes=1)
    assert Buzz.said == 7 + 3
    said = kokoro.Said(tmp_path)
    for sex, text in (("male", TEXTS[3]), ("female", TEXTS[1]), ("male", TEXTS[0])):
        sound, pitch = said.say(text, sex)
        true, true_pitch = Buzz(None).say(text, sex)
        assert np.abs(sound - true).max() < 1e-4
        assert np.array_equal(pitch, true_pitch)
    Buzz.said = 0
    for _ in range(2):
        said.say("Never before.", "female")
    assert Buzz.said == 1


def test_speech_is_cut_just_around_it():
    natural = importlib.import_module("voice.natural")
    sound = np.concatenate([np.full(9600, 1e-5), np.full(4800, 0.3), np.zeros(240), np.full(4800, 0.1)])
    sound = np.append(sound, np.full(9600, 1e-5)).astype(np.float32)
    assert natural.spoken_part(sound) == slice(9600 - 600, 9600 + 9840 + 600)
    assert natural.spoken_part(sound[9600:]).start == 0


def test_every_timbre_has_its_period_from_the_first_sample_on(kokoro, tmp_path):
    pytest.importorskip("pyworld", reason="the locked pitch needs the extra [teacher]")
    natural, speech = (importlib.import_module(f"voice.{name}") for name in ("natural", "speech"))
    teacher = natural.Natural(tmp_path)
    sounds = {timbre.name: teacher.render("Is it so?", timbre) for timbre in speech.TIMBRES.values()}
    assert len({len(sound) for sound in sounds.values()}) == 1
    colours = []
    for timbre in speech.TIMBRES.values():
        period = int(24000 / timbre.pitch)
        whole = sounds[timbre.name][2400:9600].reshape(-1, period)
        mean = whole.mean(0)
        assert np.square(mean).sum() > 0.9 * np.square(whole).sum(1).mean()  # every period is as the others
        assert np.abs(whole).max() <= 0.8
        power = np.abs(np.fft.rfft(mean, 240))[1:110:2] ** 2
        colours.append(np.log(np.add.reduceat(power, [0, 5, 15, 30]) / power.sum()))
    apart = [np.abs(a - b).max() for i, a in enumerate(colours) for b in colours[:i]]
    assert min(apart) > 0.1


def test_a_plan_gives_the_content_of_what_it_would_sound_like(kokoro, tmp_path, monkeypatch):
    for name in ("torch", "pyworld"):
        pytest.importorskip(name, reason="trainings on natural speech need the extra [teacher]")
    data, latents, planned = (importlib.import_module(f"voice.{n}") for n in ("data", "latents", "planned"))
    texts = [f"Number {'x' * (k % 40)}{k}." for k in range(24)]
    kokoro.say_all(texts, 6, tmp_path, processes=1)
    data.make_codec_set(texts[:6], tmp_path, 1, speaker="kokoro")
    latents.train(tmp_path, steps=30, batch=16)
    latents.encode_sentences(tmp_path, texts, 1, speaker="kokoro")
    true, ends = np.load(tmp_path / "spoken_content.npy"), np.load(tmp_path / "spoken_first.npy")
    planned.train(tmp_path, texts[:18], 1, steps=120, batch=4)
    said = Buzz.said
    planned.encode(tmp_path, texts[18:], 1)  # the shortcut never heard these
    assert Buzz.said == said
    content, first = np.load(tmp_path / "spoken_content.npy"), np.load(tmp_path / "spoken_first.npy")
    assert np.array_equal(first[:25], ends)
    assert np.array_equal(content[: len(true)], true)
    assert len(first) == 25 + 6
    for k in range(6):
        made, wanted = content[first[24 + k] : first[25 + k]], true[ends[18 + k] : ends[19 + k]]
        assert abs(len(made) - len(wanted)) <= 1
        n = min(len(made), len(wanted))
        assert np.square(made[:n] - wanted[:n]).mean() < 0.2 * wanted.var()
    (tmp_path / "planned.pt").unlink()
    planned.train(tmp_path, texts[:18], 1, steps=1, batch=2)  # another shortcut: what this one made goes
    assert not (tmp_path / "planned_parts").exists()


def test_every_step_runs_with_the_natural_teacher_from_another_models_weights(kokoro, tmp_path, monkeypatch):
    for name in ("torch", "pyworld"):
        pytest.importorskip(name, reason="trainings on natural speech need the extra [teacher]")
    from pocket_fast import TTSModel
    from pocket_fast.models.pocket import builtin

    train_voice = importlib.import_module("train_voice")
    monkeypatch.setattr(importlib.import_module("voice.language"), "PROMPT_MOST", 40)
    texts = [f"Number {'x' * k}." for k in range(20)]  # of which four are only planned
    (tmp_path / "sentences.txt").write_text("\n".join(texts) + "\n")
    for step in train_voice.STEPS[1:]:
        train_voice.run(
            step, tmp_path, tmp_path / "bundle", threads=1, dry=True, teacher="kokoro", bundle=builtin.FOLDER
        )
    made = TTSModel.load_model(config=tmp_path / "bundle" / "builtin.yaml", compute_type="float32", threads=1)
    voice = made.get_state_for_audio_prompt(tmp_path / "bundle" / "voices" / "ada.safetensors")
    sound = next(iter(made.generate_audio_stream(voice, "Hello there.")))
    assert sound.shape == (1920,)
    assert np.isfinite(sound).all()
    # twelve steps change little of what it began from
    export, language = (importlib.import_module(f"voice.{name}") for name in ("export", "language"))
    began = export.begun(builtin.FOLDER)["flow_lm.conditioner.embed.weight"]
    now = language.load(tmp_path).state_dict()["conditioner.embed.weight"]
    assert (now - began).abs().mean() < 0.1 * began.abs().mean()
