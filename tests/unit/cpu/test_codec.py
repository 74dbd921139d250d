"""Codec stages on every instruction set: the numbers of the NumPy stages for any architecture."""

import dataclasses
import functools

import numpy as np
import pytest

from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.models.pocket.config import CodecTransformerConfig, SEANetConfig
from reference import CodecDecoder, CodecEncoder, lively_weights
from tiny_stages import F32, MODELS, config, decode, normal, reference, stages, weights, worst

BOUND = 1e-5  # relative to the loudest sample; the worst of these tests reach 2e-6


def rescaled(name, latents):
    """What the NumPy decoder takes: latents as they were before the language model's normalisation."""
    return latents * weights(name)["flow_lm.emb_std"] + weights(name)["flow_lm.emb_mean"]


@functools.cache
def spoken(name, frames):
    """(latents, samples by frame) of the NumPy decoder."""
    decoder, latents = reference(name).decoder, normal(1, frames, config(name).mimi.latent_dim)
    stream = decoder.new_stream()
    return latents, [decoder.decode(stream, x[None]) for x in rescaled(name, latents)]


def compare_frames(decoder, latents, expected):
    stream = decoder.stream()
    for i, (latent, samples) in enumerate(zip(latents, expected, strict=True)):
        assert worst(decode(decoder, [stream], latent[None])[0], samples) < BOUND, f"frame {i}"
    assert stream.frames == len(latents)


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", MODELS)
def test_decoder_equals_the_numpy_stage(isa, name, storage):
    # 16 steps a frame in a ring of 64 or 96: it wraps at least twice
    compare_frames(stages(name, storage).decoder, *spoken(name, 14))


@functools.cache
def heard(name, frames):
    """(samples, latents) of the NumPy encoder."""
    pcm = 0.3 * normal(2, frames * config(name).mimi.samples_per_frame)
    return pcm, reference(name).encoder.encode_all(pcm)


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", MODELS)
def test_encoder_equals_the_numpy_stage(isa, name, storage):
    encoder, (pcm, expected) = stages(name, storage).encoder, heard(name, 9)
    found = encoder.encode(encoder.stream(), pcm)
    assert found.shape == (9, config(name).mimi.speaker_dim)
    assert worst(found, expected) < BOUND


def test_a_long_speech(isa):
    """300 frames: the ring goes round 50 times, and the stream does not grow."""
    decoder = stages("tiny-2m").decoder
    stream = decoder.stream()
    nbytes = stream.nbytes
    latents, expected = spoken("tiny-2m", 300)
    found = np.concatenate([decode(decoder, [stream], x[None])[0] for x in latents])
    assert worst(found, np.concatenate(expected)) < BOUND
    assert worst(found[-5000:], np.concatenate(expected)[-5000:]) < BOUND
    assert stream.nbytes == nbytes
    # the window and a frame of keys and values, in whole panels, and a little history of every convolution
    t = config("tiny-2m").mimi.decoding_transformer
    ring = t.num_layers * 2 * (t.context + 16 + 31) * 32 * 4
    assert nbytes < ring + 100_000


@functools.cache
def with_window(context, frames):
    """(config, latents, samples, pcm, its latents) with another attention window on both sides."""
    mimi = dataclasses.replace(
        config("tiny").mimi, transformer=dataclasses.replace(config("tiny").mimi.transformer, context=context)
    )
    decoder, encoder = CodecDecoder(mimi, weights("tiny")), CodecEncoder(mimi, weights("tiny"))
    latents, stream = normal(3, frames, 32), decoder.new_stream()
    samples = [decoder.decode(stream, x[None]) for x in rescaled("tiny", latents)]
    pcm = normal(4, 1920 * 7)
    return dataclasses.replace(config("tiny"), mimi=mimi), latents, samples, pcm, encoder.encode_all(pcm)


@pytest.mark.parametrize("context", [1, 5, 16, 17, 32, 33, 48, 100])
def test_any_window(isa, context):
    """Shorter and longer than a frame, in rings that it fills exactly or not."""
    other, latents, samples, pcm, encoded = with_window(context, 16)
    found = load_stages(other, weights("tiny"), threads=1)
    compare_frames(found.decoder, latents, samples)
    assert worst(found.encoder.encode(found.encoder.stream(), pcm), encoded) < BOUND


def random_side(rng, ratios):
    """One side of a codec: any legal SEANet and transformer around the same ratios."""
    dimension, filters, heads = (int(rng.integers(2, high)) for high in (40, 9, 4))
    seanet = SEANetConfig(
        dimension=dimension,
        channels=1,
        n_filters=filters,
        n_residual_layers=int(rng.integers(0, 4)),
        ratios=tuple(int(r) for r in rng.permutation(ratios)),
        kernel_size=int(rng.integers(1, 8)),
        residual_kernel_size=int(rng.integers(1, 5)),
        last_kernel_size=int(rng.integers(1, 5)),
        dilation_base=int(rng.integers(1, 4)),
        pad_mode=str(rng.choice(["constant", "replicate"])),
        compress=int(rng.integers(1, filters + 1)),
    )
    width = heads * 2 * int(rng.integers(1, 10))
    transformer = CodecTransformerConfig(
        d_model=dimension if rng.random() < 0.3 and dimension % (2 * heads) == 0 else width,
        input_dimension=dimension,
        output_dimensions=(dimension,),
        num_heads=heads,
        num_layers=int(rng.integers(1, 3)),
        layer_scale=0.01,
        context=int(rng.integers(1, 60)),
        dim_feedforward=int(rng.integers(1, 70)),
        max_period=float(rng.choice([100.0, 10000.0])),
    )
    return seanet, transformer


@functools.cache
def random_codec(seed):
    """(config, weights, latents, samples, pcm, its latents) of an architecture nobody has trained."""
    rng = np.random.default_rng(seed)
    ratios = rng.integers(2, 6, rng.integers(1, 4))
    steps = int(rng.choice([2, 3, 8, 16, 40]))
    encoder_side, decoder_side = random_side(rng, ratios), random_side(rng, ratios)
    width = decoder_side[0].dimension
    mimi = dataclasses.replace(
        config("tiny").mimi,
        sample_rate=int(np.prod(ratios)) * steps * 10,
        frame_rate=10.0,
        inner_dim=int(rng.integers(1, 30)),
        outer_dim=width,
        seanet=encoder_side[0],
        transformer=encoder_side[1],
        quantizer=dataclasses.replace(config("tiny").mimi.quantizer, output_dimension=width),
        decoder_seanet=decoder_side[0],
        decoder_transformer=decoder_side[1],
    )
    changed = dataclasses.replace(config("tiny"), mimi=mimi)
    given = lively_weights(changed, seed)
    decoder, encoder = CodecDecoder(mimi, given, np.float64), CodecEncoder(mimi, given, np.float64)
    latents, stream = normal(seed, 9, 32), decoder.new_stream()
    scaled = latents * given["flow_lm.emb_std"] + given["flow_lm.emb_mean"]
    samples = [decoder.decode(stream, x[None]) for x in scaled]
    pcm = 0.3 * normal(seed + 1, 8 * mimi.samples_per_frame)
    return changed, given, latents, samples, pcm, encoder.encode_all(pcm)


@pytest.mark.parametrize("seed", range(20))
def test_random_architectures(isa, seed):
    changed, given, latents, samples, pcm, encoded = random_codec(seed)
    found = load_stages(changed, given, threads=1)
    expected = np.stack(samples)
    stream = found.decoder.stream()
    speech = np.stack([decode(found.decoder, [stream], x[None])[0] for x in latents])
    assert worst(speech, expected) < BOUND
    assert worst(found.encoder.encode(found.encoder.stream(), pcm), encoded) < BOUND


def test_float16_checkpoints(isa):
    half = {n: w.astype(np.float16) for n, w in weights("tiny-odd").items()}
    wide = {n: w.astype(F32) for n, w in half.items()}
    found = [load_stages(config("tiny-odd"), given, threads=1) for given in (half, wide)]
    latents, pcm = normal(1, 1, 21), normal(2, found[0].encoder.samples_per_frame)
    speech = [decode(s.decoder, [s.decoder.stream()], latents) for s in found]
    assert (speech[0] == speech[1]).all()
    encoded = [s.encoder.encode(s.encoder.stream(), pcm) for s in found]
    assert (encoded[0] == encoded[1]).all()


def test_voices_cannot_be_made_without_an_encoder():
    given = {n: w for n, w in weights("tiny").items() if "encoder" not in n and "downsample" not in n}
    without = load_stages(config("tiny"), given, threads=1, encoder=False)
    assert without.encoder is None
    assert decode(without.decoder, [without.decoder.stream()], normal(1, 1, 32)).shape == (1, 1920)
