"""Voices in every form have the same limits, are made beside speech, and can be given up."""

import copy
import threading
import time

import numpy as np
import pytest
import soundfile
from safetensors.numpy import save_file

from pocket_fast import export_model_state
from pocket_fast.errors import AudioError, StoppedError, VoiceError
from pocket_fast.models.pocket import voice as pocket_voice
from pocket_fast.models.qwen3 import voice as qwen3_voice
from ramp_model import LONG_ENOUGH, eventually
from recordings import hum


@pytest.fixture(scope="module")
def base(qwen3):
    return qwen3("qwen3-tiny-base-wide")


@pytest.fixture(scope="module")
def width(loaded):
    return len(loaded().stages.backbone.embed_text([0])[0])


def prompt_file(path, rows, width, seed=0):
    """What Kyutai published voices as: embeddings that are still to be taken in."""
    rows = np.random.default_rng(seed).standard_normal((1, rows, width)).astype(np.float32)
    save_file({"audio_prompt": rows}, path)
    return path


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [7514, 16_000])
def test_prompts_are_not_longer_than_recordings(model, width, tmp_path, rows, monkeypatch):
    monkeypatch.setattr(pocket_voice, "taking_in", lambda *given: pytest.fail("computed"))
    path = prompt_file(tmp_path / "voice.safetensors", rows, width)
    with pytest.raises(VoiceError, match=f"{rows} positions.*expected at most 600 s"):
        model.find_voice(path)
    with pytest.raises(VoiceError, match="positions"):
        model.get_state_for_audio_prompt(str(path))


@pytest.mark.parametrize("form", ["offset", "current_end", "mapping"])
def test_states_are_not_longer_than_recordings(model, voice, tmp_path, form):
    length = 7600
    modules = {name: dict(tensors) for name, tensors in copy.copy(voice).items()}
    for tensors in modules.values():
        cache = tensors["cache"]
        tensors["cache"] = np.resize(cache, (*cache.shape[:2], length, *cache.shape[3:]))
        tensors["offset"] = np.array([length])
        if form == "current_end":
            del tensors["offset"], tensors["pad"]
            tensors["current_end"] = np.zeros(length, np.float32)
    export_model_state(modules, tmp_path / "voice.safetensors")

    def speak():
        given = modules if form == "mapping" else model.find_voice(tmp_path / "voice.safetensors")
        next(model.generate_audio_stream(given, "Hello."))

    with pytest.raises(VoiceError, match="7600 positions"):
        speak()


@pytest.mark.parametrize("seconds", [600.1, 900])
def test_recordings_have_a_limit(model, seconds):
    pcm = np.full(int(seconds * 24000), 0.1, np.float32)
    with pytest.raises(AudioError, match=f"{seconds:.0f} s of sound; expected at most 600 s"):
        model.find_voice((pcm, 24000))


def test_a_caller_may_want_shorter_ones(model, width, tmp_path):
    short, long = hum(1.0), hum(3.5)
    for name, pcm in (("short", short), ("long", long)):
        export_model_state(model.find_voice(pcm), tmp_path / f"{name}.safetensors")
    assert model.find_voice(short, most_seconds=1.5).length
    assert model.find_voice(tmp_path / "short.safetensors", most_seconds=1).length
    assert model.find_voice(prompt_file(tmp_path / "p.safetensors", 13, width), most_seconds=1).length
    with pytest.raises(AudioError, match="at most 1"):
        model.find_voice(long, most_seconds=1)
    for path in (tmp_path / "long.safetensors", prompt_file(tmp_path / "q.safetensors", 40, width)):
        with pytest.raises(VoiceError, match="at most 1 s"):
            model.find_voice(path, most_seconds=1)


def test_codes_are_not_longer_than_recordings(base):
    item = base.find_voice(hum(1.0), words="Hum, hum.").item
    for frames in (1513, 1600):
        item.ref_code = np.resize(item.ref_code, (frames, 16))
        item._reference = None
        with pytest.raises(VoiceError, match=f"{frames} frames, 1.. s of sound; expected at most 120 s"):
            next(base.stream("Hello.", voice=copy.copy(item)))


@pytest.mark.parametrize("frames", [40, 1600])
def test_exported_voices_are_not_longer_than_recordings(base, tmp_path, frames):
    voice = base.find_voice(hum(1.0), words="Hum, hum.")
    voice.item.ref_code = np.resize(voice.item.ref_code, (frames, 16))
    qwen3_voice.write_voice(voice, tmp_path / "voice.safetensors")
    with pytest.raises(VoiceError, match=f"{frames} frames"):
        base.find_voice(tmp_path / "voice.safetensors", most_seconds=2)


def test_words_of_exported_voices_have_the_limit_of_words(base, tmp_path):
    voice = base.find_voice(hum(1.0), words="Hum, hum.")
    voice.item.ref_text = "Hum, hum. " * 501
    qwen3_voice.write_voice(voice, tmp_path / "voice.safetensors")
    with pytest.raises(VoiceError, match="5010 characters"):
        base.find_voice(tmp_path / "voice.safetensors")


# --- in slices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("frames", "rows"), [(1, 1), (3, 7), (1000, 1000)])
def test_slices_change_nothing(model, monkeypatch, frames, rows):
    pcm = hum(2.3)
    expected = model.find_voice(pcm)
    monkeypatch.setattr(pocket_voice, "_FRAMES", frames)
    monkeypatch.setattr(pocket_voice, "_ROWS", rows)
    found = model.find_voice(pcm)
    for name, tensors in expected.items():
        np.testing.assert_array_equal(found[name]["cache"], tensors["cache"])


@pytest.mark.parametrize("frames", [1, 3, 1000])
def test_slices_of_codes_change_nothing(base, monkeypatch, frames):
    pcm = hum(2.3)
    expected = base.find_voice(pcm, words="Hum, hum.").item
    monkeypatch.setattr(qwen3_voice, "_FRAMES", frames)
    found = base.find_voice(pcm, words="Hum, hum.").item
    np.testing.assert_array_equal(found.ref_code, expected.ref_code)
    np.testing.assert_array_equal(found.ref_spk_embedding, expected.ref_spk_embedding)


def slowed(monkeypatch, module, name, seconds=0.02):
    """The slices of a function, each `seconds` longer; how many there were."""
    real, made = getattr(module, name), []

    def slowly(*given, **named):
        slices = real(*given, **named)
        while True:
            made.append(time.perf_counter())
            time.sleep(seconds)
            try:
                yield next(slices)
            except StopIteration as end:
                return end.value

    monkeypatch.setattr(module, name, slowly)
    return made


@pytest.fixture(params=["recording", "prompt", "codes"])
def making(request, model, base, width, tmp_path, monkeypatch):
    """(the model, find_voice with a stop event, slices so far) of a voice that takes long."""
    if request.param == "codes":
        made = slowed(monkeypatch, qwen3_voice, "item_from_audio")
        return base, lambda **how: base.find_voice(hum(20.0), words="Hum, hum.", **how), made
    made = slowed(monkeypatch, pocket_voice, "hearing" if request.param == "recording" else "taking_in")
    path = prompt_file(tmp_path / "voice.safetensors", 6000, width)
    source = hum(20.0) if request.param == "recording" else path
    return model, lambda **how: model.find_voice(source, **how), made


def in_thread(call):
    found = {}

    def run():
        try:
            found["voice"] = call()
        except Exception as error:
            found["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def test_it_can_be_given_up(making):
    _, find, made = making
    stop = threading.Event()
    thread, found = in_thread(lambda: find(stop=stop))
    eventually(lambda: len(made) > 2)
    stop.set()
    thread.join(LONG_ENOUGH)
    assert isinstance(found["error"], StoppedError)
    time.sleep(0.1)
    count = len(made)
    time.sleep(0.1)
    assert len(made) == count
    with pytest.raises(StoppedError):
        find(stop=stop)


def test_others_who_want_the_same_voice_get_it(model, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "me.wav", hum(4.0), 24000)
    expected = model.find_voice(hum(4.0))
    made = slowed(monkeypatch, pocket_voice, "hearing", 0.01)
    stops = [threading.Event() for _ in range(3)]
    asking = [in_thread(lambda s=s: model.find_voice(tmp_path / "me.wav", stop=s)) for s in stops]
    eventually(lambda: len(made) > 2)
    for stop in stops[:2]:
        stop.set()
        time.sleep(0.1)
    for thread, _ in asking:
        thread.join(LONG_ENOUGH)
    voices = [found["voice"] for _, found in asking if "voice" in found]
    assert voices
    for voice in voices:
        assert voice.length == expected.length
    assert "voice" in asking[2][1]


def test_speech_goes_on_beside_it(making, voice):
    model, find, made = making
    stop = threading.Event()
    thread, _ = in_thread(lambda: find(stop=stop))
    eventually(lambda: made)
    if hasattr(model, "generate_audio"):
        assert len(model.generate_audio(voice, "Hello there.", seed=1))
    else:
        item = qwen3_voice.VoiceClonePromptItem(
            None, np.zeros(model.config.talker_config.hidden_size, np.float32), True, False
        )
        assert len(list(model.stream("Hello.", voice=item, seed=1, max_new_tokens=20)))
    assert thread.is_alive()
    assert len(made) > 1
    stop.set()
    thread.join(LONG_ENOUGH)
