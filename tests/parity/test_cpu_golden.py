"""The compiled stages against recordings of pocket-tts 4.0.1: voice, text, steps, sampler, codec, whole speech."""

import functools

import numpy as np
import pytest

from pocket_fast.cpu.pocket.backend import load_stages
from reference.checkpoint import narrow
from reference.compare import CODEC, HIDDEN, MODULE, SPEECH, VOICE, assert_close
from reference.golden import EVERY, GOLDENS, NOISY_STEPS, load_golden, part
from reference.record import sampler_steps

F32 = np.float32
FRAMES_BEFORE_EOS, FRAMES_AFTER_EOS = 6, 2


@functools.cache
def golden(name):
    """(config, stages with the weights stored as the golden's checkpoint stores them, recording)"""
    config, weights, recording = load_golden(name)
    stored = {"bf16": lambda w: narrow(w, "BF16"), "f16": lambda w: w.astype(np.float16), "f32": lambda w: w}
    given = {n: stored[GOLDENS[name]](w) for n, w in weights.items()}
    return config, load_stages(config, given, threads=1), recording


def voice_of(name):
    """(latents, prefix) of the recorded prompt."""
    config, stages, recording = golden(name)
    frame = config.mimi.samples_per_frame
    samples = recording["voice.samples"]
    samples = np.pad(samples, (0, -len(samples) % frame))
    latents = stages.encoder.encode(stages.encoder.stream(), samples)
    rows = stages.backbone.embed_voice(latents)
    stream = stages.backbone.stream(len(rows))
    stages.backbone.prefill([stream], [rows])
    return latents, stream.freeze()


@pytest.mark.parametrize("name", GOLDENS)
def test_voice(isa, name):
    _, _, recording = golden(name)
    latents, voice = voice_of(name)
    assert_close(latents, recording["voice.latents"], MODULE, "voice latents")
    for i, layer in enumerate(voice.export()):
        assert_close(layer[0], recording[f"voice.k.{i}"], VOICE, f"voice keys of layer {i}")
        assert_close(layer[1], recording[f"voice.v.{i}"], VOICE, f"voice values of layer {i}")


@pytest.mark.parametrize("name", GOLDENS)
def test_steps_after_voice_and_text(isa, name):
    _, stages, recording = golden(name)
    backbone, head = stages.backbone, stages.flow_head
    tokens, latents = recording["text.tokens"], recording["steps.latents"].copy()
    latents[0] = backbone.bos_latent
    stream = backbone.stream(len(tokens) + len(latents), voice_of(name)[1])
    backbone.prefill([stream], [backbone.embed_text(tokens)])
    hidden = np.empty((len(latents), backbone.hidden_dim), F32)
    for i in range(len(latents)):
        backbone.step([stream], latents[i : i + 1], hidden[i : i + 1])
    assert_close(hidden, recording["steps.z"], HIDDEN, "hidden states of the steps")
    eos = np.empty(len(hidden), F32)
    head.sample(hidden, np.zeros_like(latents), np.empty_like(latents), eos)
    assert_close(eos, recording["steps.logits"], HIDDEN, "end-of-speech logits")


@pytest.mark.parametrize("name", GOLDENS)
def test_sampler(isa, name):
    _, stages, recording = golden(name)
    noise = recording["flow.noise"]
    for steps in sampler_steps(stages.flow_head.flow_type):
        latents = np.empty_like(noise)
        stages.flow_head.sample(recording["flow.z"], noise, latents, np.empty(len(noise), F32), steps)
        assert_close(latents, recording[f"flow.{steps}"], MODULE, f"sampler, {steps} steps")


@pytest.mark.parametrize("name", GOLDENS)
def test_codec_frame_by_frame(isa, name):
    _, stages, recording = golden(name)
    decoder, expected = stages.decoder, recording["codec.samples"]
    stream = decoder.stream()
    samples = np.empty((len(expected) // decoder.samples_per_frame, decoder.samples_per_frame), F32)
    for i, frame in enumerate(samples):
        decoder.decode([stream], recording["steps.latents"][i : i + 1], frame[None])
    assert_close(samples.reshape(-1), expected, CODEC, "decoded samples", relative=False)


def speak(name, recording, steps):
    """(latents, logits, samples) of the whole loop, driven here so that only stages are under test."""
    config, stages, _ = golden(name)
    backbone, head, decoder = stages.backbone, stages.flow_head, stages.decoder
    tokens, noise = recording["tokens"], recording.get("noise")
    limit = len(recording["logits"]) + 5
    stream = backbone.stream(len(tokens) + limit, voice_of(name)[1])
    backbone.prefill([stream], [backbone.embed_text(tokens)])
    codec, latent, end = decoder.stream(), backbone.bos_latent[None], None
    hidden, eos = np.empty((1, backbone.hidden_dim), F32), np.empty(1, F32)
    latents, logits, samples = [], [], []
    for i in range(limit):
        backbone.step([stream], latent, hidden)
        drawn = np.zeros((1, head.latent_dim), F32) if noise is None or i >= len(noise) else noise[i : i + 1]
        latent = np.empty_like(drawn)
        head.sample(hidden, drawn, latent, eos, steps)
        logits.append(eos[0])
        if end is None and i >= FRAMES_BEFORE_EOS and eos[0] > recording["threshold"]:
            end = i + FRAMES_AFTER_EOS
        if end is not None and i >= end:
            break
        latents.append(latent[0])
        samples.append(np.empty((1, decoder.samples_per_frame), F32))
        decoder.decode([codec], latent, samples[-1])
    samples = np.concatenate(samples).reshape(-1)
    fade = config.mimi.sample_rate // 200
    samples[:fade] *= np.linspace(0, 1, fade, dtype=F32)
    return np.array(latents), np.array(logits), samples


@pytest.mark.parametrize("kind", ["speak", "noisy"])
@pytest.mark.parametrize("name", GOLDENS)
def test_speech(isa, name, kind):
    recording = part(golden(name)[2], kind)
    steps = NOISY_STEPS.get(name, 1) if kind == "noisy" else 1
    latents, logits, samples = speak(name, recording, steps)
    assert len(latents) == len(recording["latents"]), "number of frames"
    assert_close(logits, recording["logits"], HIDDEN, "end-of-speech logits")
    assert_close(latents, recording["latents"], HIDDEN, "latents")
    assert_close(samples[::EVERY], recording["samples"], SPEECH, "speech", relative=False)
