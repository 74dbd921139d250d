"""csrc/web, native and as WebAssembly, against recordings of pocket-tts 4.0.1: voice, steps, sampler, codec, speech."""

import numpy as np
import pytest

from reference.checkpoint import narrow
from reference.compare import MODULE, assert_close
from reference.golden import EVERY, GOLDENS, load_golden, part
from reference.record import sampler_steps
from web_machine import MACHINES, machine, open_bundle, write_tiny

BOUND = 1e-5  # of what WebAssembly has to be within
STORAGE = {"bf16": "BF16", "f16": "F16", "f32": "F32"}


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """golden(name) -> (config, path of its bundle, recording), each written once."""
    folder, found = tmp_path_factory.mktemp("web_goldens"), {}

    def golden(name):
        if name not in found:
            config, weights, recording = load_golden(name)
            storage = STORAGE[GOLDENS[name]]
            arrays = {n: narrow(w, storage) for n, w in weights.items()}
            found[name] = config, write_tiny(folder / f"{name}.pfweb", config, arrays), recording
        return found[name]

    return golden


@pytest.fixture(params=[(name, where) for where in MACHINES for name in GOLDENS], ids="-".join)
def case(request, golden):
    """(name, model, config, recording, samples of the recorded prompt in whole frames)"""
    name, where = request.param
    config, path, recording = golden(name)
    model = open_bundle(machine(where), path)
    samples = recording["voice.samples"]
    samples = np.pad(samples, (0, -len(samples) % model.frame))
    yield name, model, config, recording, samples
    model.close()


def test_voice(case):
    _, model, config, recording, samples = case
    latents = model.encode(samples, config.mimi.speaker_dim)
    assert_close(latents, recording["voice.latents"], MODULE, "voice latents")
    voice = model.voice_from_recording(samples)
    for i, (k, v) in enumerate(model.state_of(voice, len(latents) + config.flow_lm.insert_bos_before_voice)):
        assert_close(k, recording[f"voice.k.{i}"], BOUND, f"voice keys of layer {i}")
        assert_close(v, recording[f"voice.v.{i}"], BOUND, f"voice values of layer {i}")


def test_steps_sampler_and_codec(case):
    _, model, config, recording, samples = case
    voice = model.voice_from_recording(samples)
    latents = recording["steps.latents"].copy()
    latents[0] = load_golden(case[0])[1]["flow_lm.bos_emb"]
    model.begin(recording["text.tokens"], voice, max_frames=len(latents))
    assert model.prompt(3) == max(0, len(recording["text.tokens"]) - 3)
    assert model.prompt() == 0
    hidden = np.array([model.step(x, config.flow_lm.cond_dim) for x in latents])
    assert_close(hidden, recording["steps.z"], BOUND, "hidden states of the steps")
    logits = np.array([model.sample(z, np.zeros_like(latents[0]))[1] for z in hidden])
    assert_close(logits, recording["steps.logits"], BOUND, "end-of-speech logits")
    for steps in sampler_steps(config.flow_lm.flow.type):
        model.begin([], voice, steps=steps)
        pairs = zip(recording["flow.z"], recording["flow.noise"], strict=True)
        drawn = np.array([model.sample(z, noise)[0] for z, noise in pairs])
        assert_close(drawn, recording[f"flow.{steps}"], BOUND, f"sampler, {steps} steps")
    expected = recording["codec.samples"]
    latents = recording["steps.latents"][: len(expected) // model.frame]
    found = np.concatenate([model.decode(x) for x in latents])
    assert_close(found, expected, BOUND, "decoded samples", relative=False)


def test_speech(case):
    """Of its own noise there is none: the recording without noise, from the first frame to the last."""
    _, model, _, recording, samples = case
    recording = part(recording, "speak")
    voice = model.voice_from_recording(samples)
    model.begin(recording["tokens"], voice, threshold=recording["threshold"])
    model.prompt()
    found = np.concatenate(list(model.frames()))
    assert len(found) == len(recording["latents"]) * model.frame
    assert_close(found[::EVERY], recording["samples"], BOUND, "speech", relative=False)
