"""Hold a NumPy model against a recording of the reference (see record.py); every check asserts its bound."""

from __future__ import annotations

import numpy as np

from .record import sampler_steps

# Largest difference allowed, relative to the largest value or absolute.
MODULE, HIDDEN, VOICE = 1e-5, 1e-4, 1e-4
CODEC, SPEECH = 1e-4, 2e-4


def check_modules(model, recording):
    """Every recorded module, each 1e-5 relative."""
    decoder, encoder, backbone = model.decoder, model.encoder, model.backbone
    for name in sorted({key.rsplit(".", 1)[0] for key in recording if key.endswith(".x0")}):
        side, _, index = name.partition(".")
        if index:
            state, module = {}, {"encoder": encoder, "decoder": decoder}[side].seanet[int(index)]
        elif name in ("upsample", "downsample"):
            state, module = {}, decoder.upsample if name == "upsample" else encoder.downsample
        elif name == "layer":
            module, state = backbone.transformer.first(1), backbone.new_stream()
        else:
            module = {"encoder_transformer": encoder, "decoder_transformer": decoder}[name].transformer
            state = module.new_cache()
        for piece in (0, 1):
            y = module(recording[f"{name}.x{piece}"], state)
            assert_close(y, recording[f"{name}.y{piece}"], MODULE, f"{name} piece {piece}")
    head = model.flow_head
    y = head.res_block(0, recording["res_block.x"], recording["res_block.c"])
    assert_close(y, recording["res_block.y"], MODULE, "res_block")
    for j in range(2):
        if f"time.{j}" in recording:
            rows = np.stack([head.embed_time(j, t) for t in (0.0, 0.5, 1.0)])
            assert_close(rows, recording[f"time.{j}"], MODULE, f"time embedding {j}")


def check_voice(model, recording):
    """Encoder and voice state; returns the voice."""
    latents = model.encoder.encode_all(recording["voice.samples"])
    assert_close(latents, recording["voice.latents"], MODULE, "voice latents")
    voice = model.voice_from_audio(recording["voice.samples"])
    for i, (k, v) in enumerate(zip(voice.k, voice.v, strict=True)):
        assert_close(k, recording[f"voice.k.{i}"], VOICE, f"voice keys of layer {i}")
        assert_close(v, recording[f"voice.v.{i}"], VOICE, f"voice values of layer {i}")
    return voice


def check_steps(model, recording, voice):
    """Text and teacher-forced steps after the recorded voice, then the sampler on the recorded states."""
    stream = voice.fork()
    rows = model.backbone.embed_text(recording["text.tokens"])
    assert_close(
        model.backbone.prefill(stream, rows), recording["text.z"], HIDDEN, "hidden states of the text"
    )
    inputs = recording["steps.latents"].copy()
    inputs[0] = np.nan
    z, logits = zip(*(model.backbone.step([stream], x[None]) for x in inputs), strict=True)
    assert_close(np.concatenate(z), recording["steps.z"], HIDDEN, "hidden states of the steps")
    assert_close(np.concatenate(logits), recording["steps.logits"], HIDDEN, "end-of-speech logits")
    head = model.flow_head
    for steps in sampler_steps(head.type):
        y = head.sample(recording["flow.z"], recording["flow.noise"], steps)
        assert_close(y, recording[f"flow.{steps}"], MODULE, f"sampler, {steps} steps")


def check_codec(model, recording):
    """Recorded samples, decoded frame by frame."""
    stream, expected = model.decoder.new_stream(), recording["codec.samples"]
    frame = model.config.mimi.samples_per_frame
    latents = recording["steps.latents"][: len(expected) // frame] * model.emb_std + model.emb_mean
    y = np.concatenate([model.decoder.step([stream], x[None])[0] for x in latents])
    assert_close(y, expected, CODEC, "decoded samples", relative=False)


def check_speech(model, recording, voice, frames_after_eos=2, steps=1, every=1):
    """The whole pipeline: same number of frames and the same samples (of which one in `every` is recorded)."""
    spoken = model.speak(
        recording["tokens"],
        voice,
        recording.get("noise"),
        eos_threshold=recording["threshold"],
        frames_after_eos=frames_after_eos,
        steps=steps,
    )
    assert len(spoken.latents) == len(recording["latents"]), "number of frames"
    assert_close(spoken.eos_logits, recording["logits"], HIDDEN, "end-of-speech logits")
    assert_close(spoken.latents, recording["latents"], HIDDEN, "latents")
    assert_close(spoken.samples[::every], recording["samples"], SPEECH, "speech", relative=False)
    return spoken


def assert_close(actual, expected, bound, what, relative=True):
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    scale = np.abs(expected).max() if relative else 1.0
    worst = np.abs(actual - expected).max() / scale
    assert worst <= bound, f"{what}: differs by {worst:.2e}, allowed {bound:.0e}"
