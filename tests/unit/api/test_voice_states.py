"""Voice states: as mappings, as files in every form, and everything that may be wrong with them."""

import copy
import json
import os
import pickle

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pocket_fast import TTSModel, export_model_state
from pocket_fast.errors import VoiceError, WeightsError
from recordings import hum
from reference.checkpoint import narrow, write_weights
from tiny_stages import run_prompt

TEXT = "Hello there, my friend."
LENGTH = 15  # of the voice: 1 s, the 80 ms pause, frames counted up, and the BOS
FIRST = "transformer.layers.0.self_attn"


@pytest.fixture
def says(model):
    """says(state) -> what "tiny" says in that voice."""
    return lambda state: model.generate_audio(state, TEXT, seed=5)


@pytest.fixture
def plain(voice):
    """The voice as pocket-tts keeps it: plain dicts of arrays that may be written to."""
    return {module: {k: a.copy() for k, a in tensors.items()} for module, tensors in voice.items()}


@pytest.fixture
def exported(voice, tmp_path):
    path = tmp_path / "me.safetensors"
    export_model_state(voice, path)
    return path


@pytest.fixture
def rewritten(exported):
    """rewritten(change) -> the exported file after change({name: array})."""

    def rewritten(change):
        tensors = load_file(exported)
        change(tensors)
        save_file(tensors, exported)
        return exported

    return rewritten


def same_voice(a, b):
    assert list(a) == list(b)
    for module in a:
        np.testing.assert_array_equal(a[module]["cache"], b[module]["cache"])
        assert a[module]["offset"] == b[module]["offset"]


# --- as a mapping -------------------------------------------------------------------------------


def test_a_state_reads_like_the_one_of_pocket_tts(voice):
    assert list(voice) == [FIRST, "transformer.layers.1.self_attn"]
    assert len(voice) == 2
    assert FIRST in voice
    assert "transformer.layers.2.self_attn" not in voice
    for tensors in voice.values():
        assert {name: (a.shape, a.dtype) for name, a in tensors.items()} == {
            "cache": ((2, 1, LENGTH, 2, 32), np.float32),
            "offset": ((1,), np.int64),
            "pad": ((1,), np.int64),
        }
        assert tensors["offset"][0] == voice.length == LENGTH
        assert tensors["pad"][0] == 0
        assert np.isfinite(tensors["cache"]).all()
    assert not np.array_equal(voice[FIRST]["cache"][0], voice[FIRST]["cache"][1])
    assert voice.nbytes >= 2 * 2 * LENGTH * 2 * 32 * 4


def test_the_arrays_refuse_changes_that_would_be_lost(voice):
    for array in voice[FIRST].values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_copies_and_plain_dicts_speak_the_same(voice, plain, says):
    expected = says(voice)
    for state in (copy.deepcopy(voice), copy.copy(voice), plain, dict(voice)):
        np.testing.assert_array_equal(says(state), expected)


def test_a_state_goes_to_another_process_in_the_plain_form(voice, says):
    sent = pickle.loads(pickle.dumps(voice))
    assert type(sent) is dict
    same_voice(sent, voice)
    np.testing.assert_array_equal(says(sent), says(voice))


def test_a_copy_is_continued_on_its_own(brief, voice):
    state = copy.copy(voice)
    brief.generate_audio(state, TEXT, copy_state=False)
    assert state.length > voice.length == LENGTH


def test_a_change_in_a_plain_dict_is_heard(plain, voice, says):
    plain[FIRST]["cache"][1] += 0.5
    assert not np.array_equal(says(plain), says(voice))


def test_unused_positions_may_hold_nan(plain, voice, says):
    for tensors in plain.values():
        room = np.full((2, 1, 50, 2, 32), np.nan, np.float32)
        room[:, :, :LENGTH] = tensors["cache"]
        tensors["cache"] = room
        del tensors["pad"]
    np.testing.assert_array_equal(says(plain), says(voice))


def test_the_state_of_the_same_model_loaded_twice(tiny, voice, says):
    again = TTSModel.load_model(config=tiny(), threads=1)
    np.testing.assert_array_equal(again.generate_audio(voice, TEXT, seed=5), says(voice))
    with pytest.raises(VoiceError, match="needs a state from this model's"):
        again.generate_audio(copy.deepcopy(voice), TEXT, copy_state=False)


def test_the_state_of_another_model_is_refused_with_the_shapes(new_model, voice, model):
    with pytest.raises(VoiceError, match=r"model_state: made for another model: .*2 layers .* needs 24 of"):
        new_model("tiny-24l").generate_audio(voice, TEXT)
    other = new_model("tiny-7m").get_state_for_audio_prompt(hum(0.5))
    with pytest.raises(
        VoiceError, match=r"3 layers of \(2, 9, 2, 32\), this model needs 2 of \(2, length, 2, 32\)"
    ):
        model.generate_audio(other, TEXT)


@pytest.mark.parametrize("state", [None, "alba", [1, 2], np.zeros(3)])
def test_what_is_no_state_at_all(model, state):
    with pytest.raises(VoiceError, match="expected what get_state_for_audio_prompt returns, got"):
        model.generate_audio(state, TEXT)


def test_copy_state_false_needs_a_state_that_can_be_changed(model, plain):
    with pytest.raises(VoiceError, match="not a plain mapping"):
        model.generate_audio(plain, TEXT, copy_state=False)


def spoil_shape(tensors):
    tensors["cache"] = tensors["cache"][0]


def spoil_batch(tensors):
    tensors["cache"] = np.concatenate([tensors["cache"]] * 2, axis=1)


def spoil_heads(tensors):
    tensors["cache"] = tensors["cache"][:, :, :, :1]


def spoil_offset(tensors):
    tensors["offset"] = tensors["offset"] + 1


def spoil_empty(tensors):
    tensors["offset"] = tensors["offset"] * 0


def spoil_offset_type(tensors):
    tensors["offset"] = np.full(1, np.nan)


def spoil_no_offset(tensors):
    del tensors["offset"]


def spoil_nan(tensors):
    tensors["cache"][1, 0, LENGTH - 1, 1, 31] = np.nan


def spoil_infinite(tensors):
    tensors["cache"][0, 0, 0, 0, 0] = -np.inf


def spoil_pad(tensors):
    tensors["pad"] = np.ones(1, np.int64)


SPOILT = [
    (spoil_shape, r"a cache \(1, 15, 2, 32\) with 15 positions used; expected \(2, 1,"),
    (spoil_batch, r"a cache \(2, 2, 15, 2, 32\)"),
    (spoil_heads, r"made for another model: .*\(2, 15, 1, 32\), this model needs 2 of \(2, length, 2, 32\)"),
    (spoil_offset, "with 16 positions used"),
    (spoil_empty, "with 0 positions used; expected .* at least 1"),
    (spoil_offset_type, "with 0 positions used"),
    (spoil_no_offset, "with 0 positions used"),
    (spoil_nan, "NaN or infinity; export it again"),
    (spoil_infinite, "NaN or infinity"),
    (spoil_pad, "padded .*; export the voice on its own"),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILT, ids=lambda x: getattr(x, "__name__", ""))
def test_damaged_states_are_refused(model, plain, tmp_path, spoil, words):
    for tensors in plain.values():
        spoil(tensors)
    with pytest.raises(VoiceError, match="^model_state: .*" + words):
        model.generate_audio(plain, TEXT)
    path = tmp_path / "spoilt.safetensors"
    export_model_state(plain, path)
    with pytest.raises(VoiceError, match=words) as error:
        model.get_state_for_audio_prompt(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1


def test_mappings_of_other_things(model, plain):
    for state in ({}, {"a": 1}, {FIRST: {}}, {FIRST: None}, {"transformer.layers.1.self_attn": plain[FIRST]}):
        with pytest.raises(
            VoiceError, match=r"an empty voice state|not a voice state: no transformer\.layers\.0"
        ):
            model.generate_audio(state, TEXT)


# --- files --------------------------------------------------------------------------------------


def test_a_file_brings_back_the_same_bits(model, voice, exported, says, tmp_path):
    for source in (exported, str(exported)):
        again = model.get_state_for_audio_prompt(source)
        same_voice(again, voice)
        np.testing.assert_array_equal(says(again), says(voice))
    export_model_state(again, str(tmp_path / "twice.safetensors"))
    assert (tmp_path / "twice.safetensors").read_bytes() == exported.read_bytes()


def test_the_names_in_a_file(exported):
    tensors = load_file(exported)
    assert sorted(tensors) == sorted(
        f"transformer.layers.{i}.self_attn/{name}" for i in range(2) for name in ("cache", "offset", "pad")
    )


def test_the_older_form_counts_by_length(model, voice, rewritten, says):
    def older(tensors):
        for module in voice:
            del tensors[f"{module}/offset"], tensors[f"{module}/pad"]
            tensors[f"{module}/current_end"] = np.zeros((LENGTH, 3), np.float32)
            room = np.full((2, 1, 20, 2, 32), np.nan, np.float32)
            room[:, :, :LENGTH] = tensors[f"{module}/cache"]
            tensors[f"{module}/cache"] = room

    np.testing.assert_array_equal(says(model.get_state_for_audio_prompt(rewritten(older))), says(voice))


@pytest.mark.parametrize("name", ["tiny", "tiny-no-bos"])
def test_the_prompt_form_is_run_through_the_model(new_model, tmp_path, name):
    """audio_prompt holds the projected latents, without the BOS."""
    model = new_model(name)
    backbone, encoder = model.stages.backbone, model.stages.encoder
    samples = np.concatenate([hum(0.4), np.zeros(1920, np.float32)])
    rows = backbone.embed_voice(encoder.encode(encoder.stream(), samples))
    has_bos = backbone.bos_voice is not None
    path = tmp_path / "prompt.safetensors"
    save_file({"audio_prompt": rows[None, has_bos:]}, path)
    state = model.get_state_for_audio_prompt(path)
    assert state.length == 6 + has_bos
    same_voice(state, run_prompt(rows, backbone))
    for shape in [(1, 6, 63), (2, 6, 64), (6, 64), (1, 0, 64)]:
        save_file({"audio_prompt": np.zeros(shape, np.float32)}, path)
        with pytest.raises(VoiceError, match=r"audio_prompt \(.*\), this model needs \(1, length, (64|48)\)"):
            model.get_state_for_audio_prompt(path)


@pytest.mark.parametrize(("storage", "bound"), [("F16", 2e-3), ("BF16", 2e-2)])
def test_half_precision_caches(model, voice, tmp_path, storage, bound):
    path = tmp_path / "half.safetensors"
    caches = {f"{module}/cache": tensors["cache"] for module, tensors in voice.items()}
    write_weights(path, {n: a.shape for n, a in caches.items()}, caches.__getitem__, storage)
    tail = b""
    blob = path.read_bytes()
    start = 8 + int.from_bytes(blob[:8], "little")
    header, data = json.loads(blob[8:start]), blob[start:]
    for module in voice:
        at = len(data) + len(tail)
        header[f"{module}/offset"] = {"dtype": "I64", "shape": [1], "data_offsets": [at, at + 8]}
        tail += (LENGTH).to_bytes(8, "little")
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data + tail)
    found = model.get_state_for_audio_prompt(path)
    for module, tensors in voice.items():
        exact = tensors["cache"]
        assert 0 < np.abs(found[module]["cache"] - exact).max() < bound * np.abs(exact).max()
        np.testing.assert_array_equal(narrow(found[module]["cache"], storage), narrow(exact, storage))


def test_other_files(model, rewritten, exported, tmp_path, voice):
    def stranger(tensors):
        tensors["weight"] = np.zeros(3, np.float32)

    def too_deep(tensors):
        tensors[f"{FIRST}/cache/keys"] = np.zeros(3, np.float32)
        tensors.pop("weight", None)

    def whole_numbers(tensors):
        tensors.pop(f"{FIRST}/cache/keys")
        tensors[f"{FIRST}/cache"] = tensors[f"{FIRST}/cache"].astype(np.int32)

    for change, words in [
        (stranger, "it holds a tensor 'weight'"),
        (too_deep, "holds a tensor"),
        (whole_numbers, "is I32, expected floating point"),
    ]:
        with pytest.raises(VoiceError, match=words):
            model.get_state_for_audio_prompt(rewritten(change))
    export_model_state(voice, exported)
    exported.write_bytes(exported.read_bytes()[:-10])
    with pytest.raises(WeightsError, match=r"me\.safetensors: truncated"):
        model.get_state_for_audio_prompt(exported)
    with pytest.raises(FileNotFoundError, match="no such file"):
        model.get_state_for_audio_prompt(str(tmp_path / "none.safetensors"))


def test_a_state_by_url_is_kept(model, hub, exported, voice):
    hub.files["a/b/main/v.safetensors"] = hub.files["v.safetensors"] = exported.read_bytes()
    for url in (
        f"{hub.url}/v.safetensors?download=true",
        "hf://a/b/v.safetensors",
        "hf://a/b/v.safetensors@main",
    ):
        first, second = (model.get_state_for_audio_prompt(url) for _ in range(2))
        same_voice(first, voice)
        assert first.prefix is second.prefix


# --- writing ------------------------------------------------------------------------------------


def test_plain_states_can_be_written(plain, exported, tmp_path):
    export_model_state(plain, tmp_path / "plain.safetensors")
    assert (tmp_path / "plain.safetensors").read_bytes() == exported.read_bytes()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(voice, tmp_path):
    path = tmp_path / "me.safetensors"
    path.write_bytes(b"old")
    reader = open(path, "rb")  # noqa: SIM115  who reads the old file goes on reading it
    export_model_state(voice, path)
    assert reader.read() == b"old"
    reader.close()
    assert [p.name for p in tmp_path.iterdir()] == ["me.safetensors"]
    (tmp_path / "usual").touch()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_targets_that_cannot_be_written(voice, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "none/me.safetensors", "file/me.safetensors", "pipe", "n" * 300):
        with pytest.raises(VoiceError, match="cannot be written"):
            export_model_state(voice, tmp_path / name)
    with pytest.raises(VoiceError, match="cannot be written"):
        export_model_state(voice, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "pipe"]


def test_a_full_disk_leaves_the_old_file(voice, tmp_path, monkeypatch):
    path = tmp_path / "me.safetensors"
    path.write_bytes(b"old")

    def replace(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(VoiceError, match="cannot be written: No space left on device"):
        export_model_state(voice, path)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("me.safetensors", b"old")]


def test_an_interruption_leaves_nothing_behind(voice, tmp_path, monkeypatch):
    def replace(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        export_model_state(voice, tmp_path / "me.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_many_threads_write_one_file(model, voice, tmp_path, in_threads):
    path = tmp_path / "me.safetensors"
    in_threads([lambda: export_model_state(voice, path)] * 8)
    same_voice(model.get_state_for_audio_prompt(path), voice)
    assert [p.name for p in tmp_path.iterdir()] == ["me.safetensors"]
