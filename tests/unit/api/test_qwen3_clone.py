"""Voices of recordings: what is made of them, what depends on it, how they are kept."""

import base64
import dataclasses
import logging

import numpy as np
import pytest
import soundfile

from guarded import same_bits
from pocket_fast import VoiceClonePromptItem
from pocket_fast.engine import intake
from pocket_fast.errors import AudioError, ConfigError, NotFoundError, VoiceError, WordsError
from recordings import hum

FRAME = 1920
BRIEF = {"max_new_tokens": 9, "seed": 3}
WORDS = "Is this what it says?"
TEXT = "How are you doing today?"
BASE = "qwen3-tiny-base-wide"


@pytest.fixture(scope="module")
def base(qwen3):
    return qwen3(BASE)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "me.wav"
    soundfile.write(path, hum(1.3), 24000, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def in_context(base, recording):
    (item,) = base.create_voice_clone_prompt(str(recording), WORDS)
    return item


@pytest.fixture(scope="module")
def by_x_vector(base, recording):
    (item,) = base.create_voice_clone_prompt(str(recording), x_vector_only_mode=True)
    return item


def clone(model, text=TEXT, **how):
    (wave,), rate = model.generate_voice_clone(text, **{**BRIEF, **how})
    assert rate == 24000
    return wave


# --- what is made of a recording ----------------------------------------------------------------


def test_an_item_has_the_fields_of_qwen_tts(base, in_context, by_x_vector):
    width = base.config.talker_config.hidden_size
    assert in_context.ref_code.shape == (17, 16)  # 1.3 s, every begun frame of it
    assert in_context.ref_code.dtype == np.int64
    assert in_context.ref_spk_embedding.shape == (width,)
    assert in_context.ref_spk_embedding.dtype == np.float32
    assert (in_context.icl_mode, in_context.x_vector_only_mode, in_context.ref_text) == (True, False, WORDS)
    assert by_x_vector.ref_code is None
    assert (by_x_vector.icl_mode, by_x_vector.x_vector_only_mode, by_x_vector.ref_text) == (False, True, None)
    assert same_bits(by_x_vector.ref_spk_embedding, in_context.ref_spk_embedding)


def _as_base64(path):
    return base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize(
    "form",
    [
        lambda path: path,
        lambda path: (hum(1.3), 24000),
        lambda path: (np.stack([hum(1.3), hum(1.3)], axis=1).astype(np.float64), 24000),
        lambda path: "data:audio/wav;base64," + _as_base64(path),
        lambda path: (hum(1.3).astype(np.float64), np.int64(24000)),
    ],
    ids=["path", "array", "two channels", "data URL", "double"],
)
def test_every_form_of_a_recording_is_the_same_voice(base, recording, in_context, form):
    (item,) = base.create_voice_clone_prompt(form(recording), WORDS)
    assert item.ref_code.tolist() == in_context.ref_code.tolist()
    assert same_bits(item.ref_spk_embedding, in_context.ref_spk_embedding)


def test_a_file_is_resampled_as_the_official_package_does(base, tmp_path):
    import soxr

    path = tmp_path / "low.wav"
    low = hum(1.0, rate=16000)
    soundfile.write(path, low, 16000, subtype="FLOAT")
    found = base.create_voice_clone_prompt(
        [str(path), (soxr.resample(low, 16000, 24000, "HQ"), 24000)], WORDS
    )
    assert found[0].ref_code.tolist() == found[1].ref_code.tolist()
    assert same_bits(found[0].ref_spk_embedding, found[1].ref_spk_embedding)


def test_many_recordings_at_once(base, recording):
    items = base.create_voice_clone_prompt([str(recording)] * 2, [WORDS, None], [False, True])
    assert [item.icl_mode for item in items] == [True, False]
    with pytest.raises(ConfigError, match="ref_text: 3 for 2"):
        base.create_voice_clone_prompt([str(recording)] * 2, ["a", "b", "c"])


def test_find_voice_puts_silence_behind_a_recording_with_words(base, recording, in_context, by_x_vector):
    voice = base.find_voice(str(recording), words=WORDS)
    assert voice.length == 23  # 1.8 s
    assert voice.item.ref_code[:16].tolist() == in_context.ref_code[:16].tolist()
    assert same_bits(voice.item.ref_spk_embedding, by_x_vector.ref_spk_embedding)
    without = base.find_voice(recording)
    assert without.length == 0
    assert without.item.x_vector_only_mode
    for samples in (hum(1.3), (hum(1.3), 24000)):
        assert base.find_voice(samples, words=WORDS).item.ref_code.tolist() == voice.item.ref_code.tolist()


# --- what is said in it -------------------------------------------------------------------------


def test_what_the_sound_depends_on(base, recording, in_context, by_x_vector):
    said = {
        "in context": clone(base, voice_clone_prompt=[in_context]),
        "x-vector": clone(base, voice_clone_prompt=[by_x_vector]),
        "other words": clone(base, ref_audio=str(recording), ref_text="Others."),
        "read whole": clone(base, voice_clone_prompt=[in_context], non_streaming_mode=True),
        "language": clone(base, voice_clone_prompt=[in_context], language="german"),
        "other recording": clone(base, ref_audio=(hum(1.3, 120.0), 24000), ref_text=WORDS),
    }
    waves = list(said.values())
    for i, wave in enumerate(waves):
        assert 8 * FRAME <= len(wave) <= 8 * FRAME + 1
        assert not any(same_bits(wave, other) for other in waves[:i])
    assert same_bits(said["in context"], clone(base, ref_audio=str(recording), ref_text=WORDS))


def test_the_second_speech_does_not_hear_the_recording_again_and_sounds_the_same(base, recording):
    (item,) = base.create_voice_clone_prompt(str(recording), WORDS)
    first = clone(base, voice_clone_prompt=[item])
    assert same_bits(clone(base, voice_clone_prompt=[item]), first)
    again = clone(base, ["Something else.", TEXT][1], voice_clone_prompt=[dataclasses.replace(item)])
    assert same_bits(again, first)


@pytest.mark.parametrize("rows", [1, 6, 256])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_prompts_with_recordings_may_be_cut_anywhere(base, rows, in_blocks, monkeypatch):
    (item,) = base.create_voice_clone_prompt((hum(24.5), 24000), WORDS)  # longer than a block
    how = {"voice_clone_prompt": [item], "decode_in_blocks": in_blocks}
    expected = clone(base, **how)
    item._reference = None  # nobody has heard it
    monkeypatch.setattr(intake, "_LEAST_ROWS", 1)
    monkeypatch.setattr(intake, "_MOST_ROWS", rows)
    assert same_bits(clone(base, **how), expected)


def test_together_alone_and_as_a_stream(base, in_context, by_x_vector):
    alone = [clone(base, voice_clone_prompt=[item]) for item in (in_context, by_x_vector)]
    together, _ = base.generate_voice_clone([TEXT] * 2, voice_clone_prompt=[in_context, by_x_vector], **BRIEF)
    for found, expected in zip(together, alone, strict=True):
        assert same_bits(found, expected)
    streamed = np.concatenate(list(base.stream(TEXT, voice=in_context, **BRIEF)))
    assert same_bits(streamed, alone[0][-8 * FRAME :])  # but for the sample that a quotient may leave


def test_a_quotient_leaves_a_sample_where_it_does_in_qwen_tts(base, by_x_vector):
    """int(17 / 28 * 53760) is 32639, one less than 17 frames."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 64, (17, 16))
    item = VoiceClonePromptItem(codes, by_x_vector.ref_spk_embedding, False, True, WORDS)
    greedy = {"do_sample": False, "repetition_penalty": 0.5}  # which never ends
    lengths = [
        len(clone(base, voice_clone_prompt=[item], max_new_tokens=frames + 1, **greedy)) - frames * FRAME
        for frames in (10, 11, 13)
    ]
    assert lengths == [0, 1, 0]


def test_a_prompt_may_be_a_dict(base, by_x_vector, in_context):
    fields = [field.name for field in dataclasses.fields(VoiceClonePromptItem) if field.init]
    prompt = {name: [getattr(in_context, name)] for name in fields}
    assert same_bits(clone(base, voice_clone_prompt=prompt), clone(base, voice_clone_prompt=[in_context]))
    bare = {name: [getattr(by_x_vector, name)] for name in fields[:4]}
    assert same_bits(clone(base, voice_clone_prompt=bare), clone(base, voice_clone_prompt=[by_x_vector]))
    with pytest.raises(VoiceError, match="without the words"):
        clone(base, voice_clone_prompt={name: [getattr(in_context, name)] for name in fields[:4]})
    with pytest.raises(VoiceError, match="expected what create_voice_clone_prompt returns"):
        clone(base, voice_clone_prompt={"ref_code": [None]})


def test_one_voice_for_several_texts(base, by_x_vector):
    waves, _ = base.generate_voice_clone([TEXT, "Fine."], voice_clone_prompt=[by_x_vector], **BRIEF)
    assert same_bits(waves[1], clone(base, "Fine.", voice_clone_prompt=[by_x_vector]))


# --- kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [WORDS, None])
def test_an_exported_voice_is_the_voice(base, recording, tmp_path, words):
    voice = base.find_voice(recording, words=words)
    file = tmp_path / "me.safetensors"
    assert "x-vector" in base.export_voice(voice, file)
    back = base.find_voice(str(file))
    assert back.item.ref_text == words
    streams = [np.concatenate(list(base.stream(TEXT, voice=v, **BRIEF))) for v in (voice, back, file)]
    assert same_bits(streams[0], streams[1])
    assert same_bits(streams[0], streams[2])
    with pytest.raises(VoiceError, match="has its words in it already"):
        base.find_voice(file, words=WORDS)


def test_the_cache_knows_a_recording_by_all_that_the_voice_depends_on(base, tmp_path, monkeypatch):
    from pocket_fast.models.qwen3 import voice

    recording = tmp_path / "me.wav"
    soundfile.write(recording, hum(1.0), 24000)

    made = []
    monkeypatch.setattr(
        voice, "item_from_audio", lambda *a, made_by=voice.item_from_audio: made.append(a[1]) or made_by(*a)
    )
    cache = base.voice_cache
    cache.folder = tmp_path / "voices"
    try:
        for _ in range(2):
            base.find_voice(recording)
            base.find_voice(recording, words=WORDS)
            base.find_voice(recording, words="Others.", truncate=True)
        assert made == [None, WORDS, "Others."]
        assert len(list(cache.folder.iterdir())) == 3
        cache._states.clear()
        found = base.find_voice(recording, words=WORDS)  # from the folder
        assert found.item.ref_text == WORDS
        assert len(made) == 3
    finally:
        cache.folder = None


# --- what is refused, and what is warned of -----------------------------------------------------


def _item(base, **changes):
    width = base.config.talker_config.hidden_size
    good = VoiceClonePromptItem(np.zeros((3, 16), np.int64), np.zeros(width, np.float32), False, True, WORDS)
    return dataclasses.replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ref_spk_embedding": np.zeros(7, np.float32)},
            r"an x-vector \(7,\) of float32; this model needs \(56,\)",
        ),
        ({"ref_spk_embedding": np.full(56, np.nan, np.float32)}, "holds NaN or infinity"),
        ({"ref_spk_embedding": np.full(56, 1e300)}, r"x-vector holds a number of 1e\+300"),
        ({"ref_spk_embedding": np.full(56, -1e38, np.float32)}, r"holds a number of 1e\+38"),
        ({"ref_spk_embedding": np.zeros(56, np.int64)}, "of int64"),
        (
            {"ref_code": np.zeros((3, 8), np.int64)},
            r"codes \(3, 8\) of int64; this model needs \(frames, 16\)",
        ),
        ({"ref_code": np.zeros((0, 16), np.int64)}, r"codes \(0, 16\)"),
        ({"ref_code": np.zeros((3, 16))}, "of float64"),
        ({"ref_code": np.full((3, 16), 64)}, "codes from 64 to 64; this model has 0 to 63"),
        ({"ref_code": np.full((3, 16), -1)}, "codes from -1 to -1"),
        ({"ref_code": None}, "without the codes"),
        ({"ref_text": ""}, "without the words"),
        ({"ref_text": "la " * 2000}, "6000 characters of words"),
        ({"x_vector_only_mode": True}, "both True"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_items_that_do_not_fit(base, changes, words):
    with pytest.raises(VoiceError, match=words):
        clone(base, voice_clone_prompt=[_item(base, **changes)])


def test_a_voice_of_another_width_is_refused_with_the_shapes(qwen3, base, recording, tmp_path):
    file = tmp_path / "me.safetensors"
    base.export_voice(base.find_voice(recording), file)
    with pytest.raises(VoiceError, match=r"x-vector \(56,\) of float32; this model needs \(40,\)"):
        qwen3("qwen3-tiny-base").find_voice(file)


def test_a_file_that_is_no_voice(base, tmp_path, tiny_qwen3):
    with pytest.raises(VoiceError, match="not a voice of a Qwen3-TTS model"):
        base.find_voice(tiny_qwen3(BASE) / "model.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(Exception, match="not a safetensors file"):
        base.find_voice(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("pcm", "words"),
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.zeros(24000, np.float32), "nothing but silence"),
        (np.ones(1, np.float32), "1 samples, which say no speaker"),
        (np.ones(1279, np.float32), "1279 samples"),
        (np.full(120 * 24000 + 1, 0.1, np.float32), "120 s of sound; expected at most 120 s"),
        (np.full(2400, np.nan, np.float32), "a sample of nan"),
        (np.full(2400, 1e10, np.float32), r"a sample of 1e\+10"),
        (np.zeros(2400, np.int16), "of int16"),
        (np.zeros((2, 3, 4), np.float32), r"an array \(2, 3, 4\)"),
    ],
)
def test_recordings_without_sound(base, pcm, words):
    with pytest.raises(AudioError, match=words):
        base.create_voice_clone_prompt((pcm, 24000), WORDS)
    with pytest.raises(AudioError, match=words):
        base.find_voice(pcm)


@pytest.mark.parametrize("samples", [1280, 1919, 1921])
def test_the_shortest_recordings(base, samples):
    (item,) = base.create_voice_clone_prompt((hum(1.0)[100 : 100 + samples], 24000), WORDS)
    assert item.ref_code.shape == (-(-samples // FRAME), 16)
    assert len(clone(base, voice_clone_prompt=[item])) >= 8 * FRAME


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "are blank"),
        (" \n", "are blank"),
        ("half a \udcff", r"lone surrogate \(U\+DCFF\) at character 7"),
        ("x" * 5001, "5001 characters of words for one recording"),
        (b"words", "must be a str"),
    ],
)
def test_words_that_nobody_can_have_said(base, recording, words, message):
    with pytest.raises(WordsError, match=message):
        base.find_voice(recording, words=words)


def test_bad_forms_of_recordings(base, recording):
    with pytest.raises(AudioError, match="an array alone does not tell its rate"):
        base.create_voice_clone_prompt(hum(1.0), WORDS)
    with pytest.raises(AudioError, match="not valid base64"):
        base.create_voice_clone_prompt("data:audio/wav;base64,abc", WORDS)
    with pytest.raises(NotFoundError):
        base.create_voice_clone_prompt("gone.wav", WORDS)
    with pytest.raises(VoiceError, match="ref_text is missing"):
        base.create_voice_clone_prompt(str(recording))
    with pytest.raises(ConfigError, match="give ref_audio"):
        clone(base)
    with pytest.raises(VoiceError, match="in the voice of a recording"):
        next(base.stream(TEXT, **BRIEF))
    with pytest.raises(VoiceError, match="expected a name, or what find_voice"):
        next(base.stream(TEXT, voice=5, **BRIEF))


def test_words_that_are_far_too_few_are_warned_of(base, caplog):
    caplog.set_level(logging.WARNING)
    base.create_voice_clone_prompt((hum(4.0), 24000), "Much is said in here.")
    assert caplog.text == ""
    base.create_voice_clone_prompt((hum(12.0), 24000), "Much is said in here.")
    assert "few for 12.0 s of sound" in caplog.text


def test_a_base_model_takes_no_instructions(base, by_x_vector):
    with pytest.raises(ConfigError, match="instruct: this model has no such setting"):
        next(base.stream(TEXT, voice=by_x_vector, instruct="Softly."))
    assert base.clones
    assert base.takes_words
    assert base.voice_names == ()


def test_warming_up(base, caplog):
    base.warm_up()
    assert caplog.text == ""
