"""The frame loop: when speech ends, what a batch changes (nothing), what a chunk leaves behind."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.models.pocket.pipeline import PocketModel, PocketUtterance, Sampling
from pocket_fast.models.pocket.prompt import Chunk
from pocket_fast.models.pocket.voice import VoiceState
from tiny_stages import config, reference, run_prompt, stages

NEVER, ALWAYS = 1e9, -1e9


def chunk(frames_after_eos=2, max_frames=40, tokens=(17, 3, 250, 8)):
    return Chunk("Hello.", tuple(tokens), frames_after_eos, max_frames)


# --- the end of speech --------------------------------------------------------------------------


def emitted(logits, frames_after_eos, max_frames=20, threshold=-4.0):
    """(frames, the utterance) when the end-of-speech output says `logits`, then its last value for ever."""
    u = PocketUtterance(chunk(frames_after_eos, max_frames), Sampling(0, threshold), *[None] * 4)
    step = 0
    while not u.done:
        logit = logits[min(step, len(logits) - 1)]
        step += 1
        if not u.hear_eos(logit):
            u.advance()
    return u.frames, u


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5])
def test_the_end_is_not_heard_in_the_first_six_frames(after):
    """What pocket-tts 4.0.1 does with a model that always says so: 6, 7, 9 frames for 0, 1, 3."""
    assert emitted([100.0], after)[0] == 6 + after
    assert emitted([100.0] * 6 + [-100.0], after)[0] == 20
    assert emitted([100.0] * 7 + [-100.0], after)[0] == 6 + after


def test_the_first_logit_above_the_threshold_counts_and_later_ones_do_not():
    assert emitted([-5.0] * 9 + [-3.9] + [-5.0] * 2 + [9.0], 3)[0] == 9 + 3
    assert emitted([-4.0] * 12 + [-3.9], 0)[0] == 12  # equal is not above
    assert emitted([0.0], 0, threshold=0.5)[0] == 20


@pytest.mark.parametrize("after", [13, 14, 15, 1000])
def test_the_limit_holds_after_the_end_was_heard(after, caplog):
    frames, u = emitted([-9.0] * 6 + [9.0], after)
    assert frames == min(6 + after, 20)
    u.check_end()
    assert not caplog.records


def test_no_end_is_a_warning_or_with_the_variable_an_error(caplog, monkeypatch):
    caplog.set_level(logging.WARNING)
    frames, u = emitted([-9.0], 3)
    assert frames == 20
    monkeypatch.setenv("KPOCKET_TTS_ERROR_WITHOUT_EOS", "0")
    u.check_end()
    assert "No end of speech within 20 frames" in caplog.text
    assert "Hello." in caplog.text
    monkeypatch.setenv("KPOCKET_TTS_ERROR_WITHOUT_EOS", "1")
    with pytest.raises(RuntimeError, match=r"no end of speech within 20 frames: 'Hello\.'"):
        u.check_end()
    emitted([9.0], 3)[1].check_end()


# --- with stages --------------------------------------------------------------------------------


def model_of(name):
    return PocketModel(config(name), stages(name))


def voice_of(name, seed=0, length=6):
    rows = np.random.default_rng(seed).standard_normal((length, config(name).flow_lm.transformer.d_model))
    return run_prompt(rows.astype(np.float32), stages(name).backbone).prefix


def begin(model, name="tiny", seed=(1, 0), voice=0, sampling=None, **how):
    sampling = sampling or Sampling(0.3, NEVER)
    return model.begin(chunk(**how), voice_of(name, voice), sampling, seed)


def step(model, utterances):
    """One frame of each, empty where speech ended instead; prompts are taken in first."""
    model.prompt(utterances, 10**6)
    frames = model.predict(utterances)
    sounds = {id(f.utterance): s for f, s in zip(frames, model.decode(frames) if frames else [], strict=True)}
    return [sounds.get(id(u), np.zeros(0, np.float32)) for u in utterances]


def finish(model, utterances):
    """Step all of them together until each is done -> the samples of each."""
    sound = [[] for _ in utterances]
    while running := [i for i, u in enumerate(utterances) if not u.done]:
        for i, frame in zip(running, step(model, [utterances[i] for i in running]), strict=True):
            sound[i].append(frame)
    return [np.concatenate(frames) for frames in sound]


def alone(model, *arguments, **named):
    return finish(model, [begin(model, *arguments, **named)])[0]


@pytest.mark.parametrize("name", ["tiny", "tiny-no-bos", "tiny-7m", "tiny-2m", "tiny-odd"])
def test_it_says_what_the_numpy_stages_say(name):
    model = model_of(name)
    limit = 30
    noise = (
        np.random.default_rng(5)
        .standard_normal((limit, stages(name).flow_head.latent_dim))
        .astype(np.float32)
    )
    rows = (
        np.random.default_rng(0)
        .standard_normal((6, config(name).flow_lm.transformer.d_model))
        .astype(np.float32)
    )
    rows_left = iter(noise)
    u = begin(model, name, max_frames=limit)
    u.noise = SimpleNamespace(draw=lambda out: np.copyto(out, next(rows_left)))
    (found,) = finish(model, [u])

    numpy = reference(name)
    voice = numpy.backbone.new_stream()
    numpy.backbone.prefill(voice, rows)
    numpy.frame_limit = lambda n: limit
    spoken = numpy.speak([17, 3, 250, 8], voice, noise, eos_threshold=NEVER)
    del numpy.frame_limit
    assert found.shape == spoken.samples.shape
    assert spoken.samples.std() > 0.05
    assert np.abs(found - spoken.samples).max() < 2e-4


def test_frames_are_whole_and_the_first_fades_in():
    model = model_of("tiny")
    u = begin(model)
    (first,) = step(model, [u])
    assert first.shape == (1920,)
    assert first.dtype == np.float32
    assert first[0] == 0
    rng = model.begin(chunk(), voice_of("tiny"), Sampling(0.3, NEVER), (1, 0))
    rng.frames = 1  # a chunk that has begun already does not fade
    (full,) = step(model, [rng])
    ramp = np.linspace(0, 1, 120, dtype=np.float32)
    np.testing.assert_array_equal(first[:120], full[:120] * ramp)
    np.testing.assert_array_equal(first[120:], full[120:])
    assert np.abs(full[:10]).max() > 0


def test_speech_that_ends_at_once_gives_an_empty_frame_and_decodes_nothing():
    model = model_of("tiny")
    u = begin(model, sampling=Sampling(0.3, ALWAYS), frames_after_eos=0)
    for _ in range(6):
        assert len(step(model, [u])[0]) == 1920
        assert not u.done
    assert len(step(model, [u])[0]) == 0
    assert u.done


def test_a_batch_is_each_of_them_alone():
    """Different voices, lengths, seeds, temperatures, thresholds, and ends at different frames."""
    model = model_of("tiny")
    settings = [
        {"seed": (1, 0)},
        {"seed": (2, 0), "voice": 1, "max_frames": 12},
        {"seed": (3, 0), "sampling": Sampling(0.9, ALWAYS), "frames_after_eos": 0},
        {"seed": (4, 0), "sampling": Sampling(0.0, ALWAYS), "frames_after_eos": 5, "tokens": range(30)},
        {"seed": (5, 0), "sampling": Sampling(0.3, NEVER, 1, 0.4), "max_frames": 25},
    ]
    together = finish(model, [begin(model, **how) for how in settings])
    for how, found in zip(settings, together, strict=True):
        np.testing.assert_array_equal(found, alone(model, **how))
    assert len({len(x) for x in together}) == 5


@pytest.mark.parametrize("name", ["tiny", "tiny-no-bos", "tiny-7m", "tiny-2m"])
def test_utterances_with_different_numbers_of_decode_steps_share_a_batch(name):
    model = model_of(name)
    usual = config(name).default_eos_threshold - 4  # of the logits of these weights

    def how(seed, steps):
        return {"seed": (seed, 0), "sampling": Sampling(0.3, usual + 0.4, steps), "frames_after_eos": 0}

    settings = [how(i, steps) for i, steps in enumerate([1, 4, 2, 1, 4, 3])]
    together = finish(model, [begin(model, name, **how) for how in settings])
    for given, found in zip(settings, together, strict=True):
        np.testing.assert_array_equal(found, alone(model, name, **given))
    assert len({len(sound) for sound in together}) > 2  # they end at different frames
    other = alone(model, name, **how(1, 1))
    one_step_samplers = ("tiny-7m", "tiny-2m")  # drifting, pointwise
    assert np.array_equal(other, together[1]) == (name in one_step_samplers)


def test_joining_and_leaving_a_batch_changes_nothing():
    model = model_of("tiny")
    expected = alone(model)
    u, found = begin(model), []
    for i in range(40):
        others = [begin(model, seed=(9, i), voice=1) for _ in range(i % 3)]
        batch = [*others[:1], u, *others[1:]]
        found.append(step(model, batch)[batch.index(u)])
    np.testing.assert_array_equal(np.concatenate(found), expected)


def test_an_utterance_does_not_change_its_voice():
    model = model_of("tiny")
    prefix = voice_of("tiny")
    before = [layer.copy() for layer in prefix.export()]
    first, second = (
        finish(model, [model.begin(chunk(), prefix, Sampling(0, NEVER), None)])[0] for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    for a, b in zip(before, prefix.export(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_voice():
    """What a state of no length would be."""
    model = model_of("tiny")
    u = model.begin(chunk(), None, Sampling(0.0, NEVER), None)
    (samples,) = finish(model, [u])
    assert len(samples) == 40 * 1920
    assert np.isfinite(samples).all()


# --- what is left behind ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "after", "length"),
    [
        (ALWAYS, 0, 6 + 4 + 7),  # voice, text, frames and the step that found the end
        (ALWAYS, 3, 6 + 4 + 9 + 1),
        (ALWAYS, 33, 6 + 4 + 39 + 1),
        (ALWAYS, 34, 6 + 4 + 40),  # the limit comes first: no step more
        (ALWAYS, 99, 6 + 4 + 40),
        (NEVER, 3, 6 + 4 + 40),
    ],
)
def test_the_past_of_a_chunk(threshold, after, length):
    model = model_of("tiny")
    u = begin(model, sampling=Sampling(0.0, threshold), frames_after_eos=after)
    finish(model, [u])
    past = model.past(u)
    assert past.length == length
    voice = VoiceState(voice_of("tiny"))
    for module, tensors in VoiceState(past).items():
        np.testing.assert_array_equal(tensors["cache"][:, :, :6], voice[module]["cache"])
        assert np.isfinite(tensors["cache"]).all()


def test_the_past_is_taken_once_or_twice():
    model = model_of("tiny")
    u = begin(model, sampling=Sampling(0.0, ALWAYS))
    finish(model, [u])
    assert model.past(u).length == model.past(u).length


def test_the_last_frame_is_part_of_the_past():
    """The step more is the one that takes the last latent in."""
    model = model_of("tiny")
    backbone = stages("tiny").backbone
    u = begin(model, sampling=Sampling(0.0, ALWAYS), frames_after_eos=3)
    latents = []
    while not u.done:
        step(model, [u])
        latents.append(u.latent)
    stream = backbone.stream(50, voice_of("tiny"))
    backbone.prefill([stream], [backbone.embed_text([17, 3, 250, 8])])
    hidden = np.empty((1, backbone.hidden_dim), np.float32)
    for latent in [backbone.bos_latent, *latents]:
        backbone.step([stream], latent[None], hidden)
    for a, b in zip(stream.freeze().export(), model.past(u).export(), strict=True):
        np.testing.assert_array_equal(a, b)
