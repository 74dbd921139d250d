"""Run pocket-tts 4.0.1 and write down what goes into and comes out of its modules.

The only file here that needs PyTorch (imported inside functions). The same recordings are committed as goldens
of tiny models and made live for models of full size; both are flat dicts of arrays:

voice.samples (n,)                 a prompt (nothing is cut or faded here)
voice.latents (T, s)               its codec latents; voice.k.I, voice.v.I (T, Hkv, D): the voice
text.tokens (N,), text.z (N, z)    hidden states of a text prefilled after the voice
steps.latents (F, 32)              teacher-forced inputs, bos in place of the first; steps.z (F, z), steps.logits (F,)
flow.z, flow.noise, flow.S (B, 32) the sampler with S steps
codec.samples (F * frame,)         steps.latents * emb_std + emb_mean, decoded frame by frame
speak.* and noisy.*                the whole pipeline: see record_speech
MODULE.x0 .y0 .x1 .y1              one module fed two pieces of a stream: see record_modules
"""

from __future__ import annotations

import contextlib
import logging
import threading

import numpy as np

# Steps fed to a module in turn: the reference wants each to fill the widest left context (5 taps, dilation 3).
PIECES = (13, 12)
FRAME_PIECES = (2, 1)


def load_reference(config_path):
    from pocket_tts.models.tts_model import TTSModel

    logging.getLogger("pocket_tts").setLevel(logging.ERROR)
    return TTSModel.load_model(config=str(config_path), temp=0.0)


def synthetic_voice(sample_rate, seconds=0.5, pitch=120.0, seed=0):
    """A buzzing, breathing something in float32 that 16 bits hold exactly."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 2.3 * t))) / sample_rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    breath = np.random.default_rng(seed).standard_normal(len(t))
    x = 0.15 * np.clip(np.sin(2 * np.pi * 3 * t), 0.05, 1) * buzz + 0.003 * breath
    return (np.round(x * 32768) / 32768).astype(np.float32)


def record_stages(reference, samples, text, frames=50, seed=0, latents=None):
    """Voice, text, teacher-forced steps, sampler and codec. Returns (recording, the reference's voice state).

    The steps are forced to `latents` (frames, 32), of which bos takes the place of the first; None: noise.
    """
    import torch
    from pocket_tts.modules.stateful_module import increment_steps, init_states

    flow_lm, mimi = reference.flow_lm, reference.mimi
    out = {"voice.samples": samples}
    rng = np.random.default_rng(seed)
    if latents is None:
        latents = rng.standard_normal((frames, flow_lm.ldim)).astype(np.float32)
    with torch.no_grad():
        audio = torch.from_numpy(samples)[None, None]
        out["voice.latents"] = mimi.encode_to_latent(audio)[0].numpy()
        rows = reference._encode_audio(audio)
        if flow_lm.insert_bos_before_voice:
            rows = torch.cat([flow_lm.bos_before_voice, rows], dim=1)
        tokens = flow_lm.conditioner.prepare(text)
        voice = init_states(flow_lm, 1, rows.shape[1])
        reference._run_flow_lm_and_increment_step(model_state=voice, audio_conditioning=rows)
        out.update(_keys_and_values(voice))

        state = {name: {k: v.clone() for k, v in entry.items()} for name, entry in voice.items()}
        reference._expand_kv_cache(state, rows.shape[1] + tokens.shape[1] + len(latents))
        nothing = torch.zeros(1, 0, flow_lm.ldim)
        prompt = flow_lm.conditioner(tokens)
        z = flow_lm.backbone(torch.zeros(1, 0, flow_lm.dim), prompt, nothing, state)
        increment_steps(flow_lm, state, tokens.shape[1])
        out["text.tokens"], out["text.z"] = tokens[0].numpy(), z[0].numpy()

        no_text, hidden, logits = torch.zeros(1, 0, flow_lm.dim), [], []
        for i in range(len(latents)):
            latent = flow_lm.bos_emb if i == 0 else torch.from_numpy(latents[i])
            row = flow_lm.input_linear(latent[None, None])
            z = flow_lm.backbone(row, no_text, latent[None, None], state)[:, -1]
            increment_steps(flow_lm, state, 1)
            hidden.append(z[0].numpy())
            logits.append(flow_lm.out_eos(z)[0, 0].item())
        out.update({"steps.latents": latents, "steps.z": np.array(hidden)})
        out["steps.logits"] = np.array(logits, np.float32)
        out.update(_flow(flow_lm, torch.from_numpy(out["steps.z"][:5]), rng))
        out["codec.samples"] = _decode(reference, latents)
    return out, voice


def record_speech(
    reference, voice, text, noise=None, eos_step=None, frames_after_eos=2, steps=1, threshold=float("inf")
):
    """The whole pipeline on one short text; noise (frames, 32) is injected, None = temperature 0.

    eos_step: choose a threshold that the logit first exceeds near this step; None: use `threshold`, which
    nothing exceeds unless it is given. Returns threshold, tokens, noise, latents (n, 32), logits (steps taken,),
    samples (n * frame,).
    """
    import torch
    from pocket_tts.models.text_chunking import prepare_text_prompt

    c = reference.config
    prepared, _ = prepare_text_prompt(
        text,
        c.pad_with_spaces_for_short_inputs,
        c.remove_semicolons,
        c.append_terminal_punctuation,
        c.capitalize_first_letter,
        c.replace_characters,
    )
    reference.sampler_decode_steps = steps
    reference.max_decoder_frames_per_call = 1  # else its threads' timing decides how frames are grouped

    def run(threshold):
        heard = {"latents": [], "logits": []}
        reference.eos_threshold = threshold
        with _injected(noise), _listening(reference.flow_lm, heard):
            pieces = list(
                reference._generate_audio_stream_short_text(
                    voice, prepared, frames_after_eos, True, threading.Event()
                )
            )
        n = sum(len(p) for p in pieces) // mimi_frame(reference)
        return {
            "latents": np.array(heard["latents"][1 : n + 1]),  # the first is drawn after the text
            "logits": np.array(heard["logits"][1:]),
            "samples": torch.cat(pieces).numpy(),
            "threshold": np.float32(threshold),
        }

    out = run(threshold)
    if eos_step is not None:
        out = run(_threshold_near(out["logits"], eos_step))
    out["tokens"] = reference.flow_lm.conditioner.prepare(prepared)[0].numpy()
    if noise is not None:
        out["noise"] = np.asarray(noise, np.float32)
    return out


def record_modules(reference, seed=0):
    """Every module of the codec and one block of each transformer, fed two pieces of a stream of noise.

    Names: encoder.N, decoder.N (layers of the SEANets, (C, T)), encoder_transformer and decoder_transformer
    (with their projections, (C, T)), upsample, downsample (C, T), layer (block 0 of the backbone, (T, d));
    res_block.x, .c, .y (a block of the flow head); time.J (3, w): the embeddings of 0, 0.5 and 1.
    """
    import torch
    from pocket_tts.modules.stateful_module import increment_steps, init_states

    flow_lm, mimi = reference.flow_lm, reference.mimi
    rng, out = np.random.default_rng(seed), {}

    def feed(name, module, top, width, stride=1, pieces=PIECES, transposed=False):
        state = init_states(top, 1, 100)
        for piece, steps in enumerate(pieces):
            x = rng.standard_normal((width, steps * stride)).astype(np.float32)
            x = x.T.copy() if transposed else x
            y = module(torch.from_numpy(x)[None], state)
            y = y[0] if isinstance(y, list) else y
            increment_steps(top, state, steps)
            out[f"{name}.x{piece}"], out[f"{name}.y{piece}"] = x, y[0].numpy().copy()

    with torch.no_grad():
        for side in ("encoder", "decoder"):
            width = 1 if side == "encoder" else mimi.decoder.dimension
            for i, module in enumerate(getattr(mimi, side).model):
                conv = getattr(module, "conv", None) or getattr(module, "convtr", None)
                if conv is None and not hasattr(module, "block"):
                    continue
                stride = module.conv.stride[0] if hasattr(module, "conv") else 1
                feed(f"{side}.{i}", module, mimi, width, stride)
                width = conv.out_channels if conv is not None else width
            transformer = getattr(mimi, f"{side}_transformer")
            feed(f"{side}_transformer", transformer, mimi, transformer.input_dimension)
        down, up = mimi.downsample.conv.conv, mimi.upsample.convtr.convtr
        feed("downsample", mimi.downsample, mimi, down.in_channels, down.stride[0], FRAME_PIECES)
        feed("upsample", mimi.upsample, mimi, up.in_channels, 1, FRAME_PIECES)
        feed("layer", flow_lm.transformer.layers[0], flow_lm, flow_lm.dim, transposed=True)
        width = flow_lm.flow_net.model_channels
        x, c = (rng.standard_normal((4, width)).astype(np.float32) for _ in range(2))
        y = flow_lm.flow_net.res_blocks[0](torch.from_numpy(x), torch.from_numpy(c))
        out.update({"res_block.x": x, "res_block.c": c, "res_block.y": y.numpy()})
        for j, embed in enumerate(flow_lm.flow_net.time_embed):
            out[f"time.{j}"] = embed(torch.tensor([[0.0], [0.5], [1.0]])).numpy()
    return out


def mimi_frame(reference):
    return int(reference.config.mimi.sample_rate / reference.config.mimi.frame_rate)


def sampler_steps(flow_type):
    """The step counts worth recording for a sampler."""
    return {"lsd": (1, 2, 5), "flow_matching": (1, 16)}.get(flow_type, (1,))


def _flow(flow_lm, z, rng):
    import functools

    import torch
    from pocket_tts.models import flow_lm as module

    decode = {
        "lsd": module.lsd_decode,
        "flow_matching": module.ot_decode,
        "drifting": module.drifting_decode,
        "pointwise": module.pointwise_decode,
    }[flow_lm.flow_type]
    noise = rng.standard_normal((len(z), flow_lm.ldim)).astype(np.float32)
    out = {"flow.z": z.numpy(), "flow.noise": noise}
    for steps in sampler_steps(flow_lm.flow_type):
        velocity = functools.partial(flow_lm.flow_net, z)
        out[f"flow.{steps}"] = decode(velocity, torch.from_numpy(noise), steps).numpy()
    return out


def _decode(reference, latents):
    import torch
    from pocket_tts.modules.stateful_module import increment_steps, init_states

    mimi = reference.mimi
    steps = int(mimi.encoder_frame_rate / mimi.frame_rate)
    state, pieces = init_states(mimi, 1, steps * len(latents)), []
    scaled = torch.from_numpy(latents) * reference.flow_lm.emb_std + reference.flow_lm.emb_mean
    for frame in scaled:
        pieces.append(mimi.decode_from_latent(frame[None, None], state)[0, 0])
        increment_steps(mimi, state, steps)
    return torch.cat(pieces).numpy()


def _keys_and_values(voice):
    out = {}
    for i, entry in enumerate(voice.values()):
        out[f"voice.k.{i}"], out[f"voice.v.{i}"] = entry["cache"][:, 0].numpy().copy()
    return out


def _threshold_near(logits, step):
    """Where the first logit that counts and exceeds it comes near `step`, with as much room as can be had."""
    gaps = {e: logits[e] - logits[6:e].max() for e in range(max(7, step - 3), step + 6)}
    best = max(gaps, key=gaps.get)
    if gaps[best] <= 0:  # no logit there is higher than all before it: end at the first that counts
        return float(logits[6] - 0.05)
    return float(logits[best] - gaps[best] / 2)


@contextlib.contextmanager
def _injected(noise):
    """Make the sampler draw these rows (after the one it draws, and wastes, for the text)."""
    import torch

    original = torch.nn.init.normal_
    if noise is not None:
        rows = iter(np.concatenate([np.zeros_like(noise[:1]), noise]).astype(np.float32))
        torch.nn.init.normal_ = lambda x, mean, std: x.copy_(torch.from_numpy(next(rows))[None])
    try:
        yield
    finally:
        torch.nn.init.normal_ = original


@contextlib.contextmanager
def _listening(flow_lm, heard):
    """Collect every latent sampled and every end-of-speech logit."""
    hook = flow_lm.out_eos.register_forward_hook(lambda m, i, y: heard["logits"].append(y[0, 0].item()))
    original = flow_lm._sample_next_latent

    def sample(*args, **kwargs):
        latent, ended = original(*args, **kwargs)
        heard["latents"].append(latent[0].numpy().copy())
        return latent, ended

    flow_lm._sample_next_latent = sample
    try:
        yield
    finally:
        del flow_lm._sample_next_latent
        hook.remove()
