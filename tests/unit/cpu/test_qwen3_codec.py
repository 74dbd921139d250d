"""The codec decoder of Qwen3-TTS: the numbers of the NumPy stage, and what a stream may depend on, bit for bit."""

import dataclasses
import functools

import numpy as np
import pytest
from pocket_fast.cpu._dispatch import isa as isa_now
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot, round_to_bf16
from pocket_fast.cpu.qwen3.codec import CodecDecoder

from guarded import Guarded, same_bits
from reference import qwen3
from reference.qwen3 import lively_weights, part
from tiny_qwen3_codec import (
    F32,
    NAME,
    config,
    decode,
    decoder,
    decoder_config,
    new_decoder,
    random_codes,
    reference_decoder,
    speech,
    weights,
)

BOUND = 1e-5  # of samples within [-1, 1]; the worst of these tests reach 4e-6


@functools.cache
def spoken(seed, frames):
    """(codes, samples by frame) of the NumPy decoder in one piece."""
    codes = random_codes(seed, frames)
    return codes, reference_decoder().decode_all(codes).reshape(frames, -1)


@functools.cache
def heard(isa, seed, frames):
    """(codes, samples by frame) of the decoder alone, on one thread."""
    codes = random_codes(seed, frames)
    return codes, speech(decoder(), codes)


# --- the numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 5, 30, 130])
def test_streaming_equals_the_numpy_stage_in_one_piece(isa, frames):
    """The ring of the window, 40 frames and those of a call in whole panels, goes round twice."""
    codes, expected = spoken(frames, frames)
    assert np.abs(expected).max() > 0.5
    assert np.abs(speech(decoder(), codes) - expected).max() < BOUND


def released_like():
    """A decoder whose heads, groups and rates are others than the tiny one's."""
    return dataclasses.replace(
        decoder_config(),
        num_attention_heads=6,
        num_key_value_heads=3,
        sliding_window=72,
        num_quantizers=5,
        upsample_rates=(3, 2),
        upsampling_ratios=(2, 3, 1),
        decoder_dim=20,
        codebook_dim=6,
        latent_dim=33,
        hidden_size=17,
    )


def test_other_shapes(isa):
    changed = released_like()
    tokenizer = dataclasses.replace(config(NAME).speech_tokenizer, decoder_config=changed)
    given = part(
        lively_weights(dataclasses.replace(config(NAME), speech_tokenizer=tokenizer)),
        "speech_tokenizer.decoder.",
    )
    stage = CodecDecoder(WeightStore(), given, changed)
    assert (stage.samples_per_frame, stage.groups) == (36, 5)
    codes = np.ascontiguousarray(random_codes(3, 90)[:, :5])
    expected = qwen3.CodecDecoder(changed, given).decode_all(codes)
    assert np.abs(speech(stage, codes).reshape(-1) - expected).max() < BOUND


def test_samples_stay_within_one(isa):
    """The sum of many codes is clipped, not folded; no sample of NumPy's is outside either."""
    codes, expected = spoken(7, 40)
    samples = speech(decoder(), codes)
    assert samples.max() <= 1
    assert samples.min() >= -1
    assert (np.abs(expected) == 1).any(), "nothing was loud enough to test this"


def test_weights_that_bfloat16_holds_are_kept_so(isa):
    """Half the memory and the same bits; one number more precise, and all stay float32."""
    given = weights("speech_tokenizer.decoder.")
    rounded = {
        n: (round_to_bf16(a).astype(np.uint32) << 16).view(F32) if a.ndim > 1 else a for n, a in given.items()
    }
    stored = {n: round_to_bf16(a) if a.ndim > 1 else a for n, a in given.items()}
    fine = rounded | {"pre_conv.conv.weight": given["pre_conv.conv.weight"]}
    codes, sizes, found = random_codes(1, 3), [], []
    for each in (rounded, stored, fine, given):
        store = WeightStore()
        found.append(speech(CodecDecoder(store, each, decoder_config()), codes))
        sizes.append(store.used)
    assert same_bits(found[0], found[1])
    assert sizes[0] == sizes[1]
    assert sizes[2] == sizes[3]
    assert sizes[0] < 0.7 * sizes[3]
    assert not same_bits(found[0], found[2])


def test_sources_are_released():
    """Every matrix and table once it is packed, so that a mapped file's pages may go."""
    given, gone = weights("speech_tokenizer.decoder."), []
    CodecDecoder(WeightStore(gone.append), given, decoder_config())
    released = sum(array.nbytes for array in gone)
    assert released > 0.9 * sum(array.nbytes for array in given.values())


def test_rounded_products(isa):
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    codes, expected = heard(isa, 1, 20)
    samples = speech(decoder(product="dot"), codes)
    error = np.sqrt(np.mean((samples - expected) ** 2) / np.mean(expected**2))
    assert 1e-4 < error < 0.05


# --- what a stream may depend on -------------------------------------------------------------------


def test_a_batch_of_strangers(isa):
    """Streams that start at different times and miss frames, in any order and company."""
    alone = [heard(isa, i, 12) for i in range(5)]
    streams = [decoder().stream() for _ in alone]
    rng = np.random.default_rng(1)
    while any(s.frames < 12 for s in streams):
        here = [i for i in rng.permutation(5) if streams[i].frames < 12 and rng.random() < 0.7]
        at = [streams[i].frames for i in here]
        codes = np.array([alone[i][0][t] for i, t in zip(here, at, strict=True)], np.int32).reshape(
            len(here), 16
        )
        out = decode(decoder(), [streams[i] for i in here], codes)
        for i, t, samples in zip(here, at, out, strict=True):
            assert same_bits(samples, alone[i][1][t])


@pytest.mark.parametrize("product", [None, "dot"])
def test_number_of_threads(isa, product, two_threads):
    """Fewer streams than threads share every layer; with enough of them each thread takes whole streams."""
    if product and not has_bf16_dot():
        product = None
    codes = [random_codes(i, 4) for i in range(5)]
    expected = [speech(decoder(product=product), c) for c in codes]
    for threads in (2, 3):
        stage = decoder(threads=threads, product=product)
        for n in (1, 2, 3, 5):
            streams = [stage.stream() for _ in range(n)]
            for t in range(4):
                out = decode(stage, streams, np.stack([c[t] for c in codes[:n]]))
                assert same_bits(out, np.stack([e[t] for e in expected[:n]]))


@functools.cache
def wide_weights():
    """(config, weights) of a decoder whose inputs of a few streams are more than one product takes together."""
    wide = dataclasses.replace(decoder_config(), decoder_dim=640)
    codec = dataclasses.replace(config(NAME).speech_tokenizer, decoder_config=wide)
    whole = lively_weights(dataclasses.replace(config(NAME), speech_tokenizer=codec))
    return wide, part(whole, "speech_tokenizer.decoder.")


def test_more_streams_than_fit_one_product(isa, two_threads):
    """Groups of streams, and a last one alone, have the bits that each has by itself."""
    product, fit = ("dot", 7) if has_bf16_dot() else (None, 3)
    wide, given = wide_weights()
    stage = CodecDecoder(WeightStore(), given, wide, product=product, threads=2)
    codes = [random_codes(i, 2) for i in range(fit + 2)]
    expected = [speech(stage, c) for c in codes]
    for n in (fit, fit + 1, fit + 2):
        streams = [stage.stream() for _ in range(n)]
        for t in range(2):
            out = decode(stage, streams, np.stack([c[t] for c in codes[:n]]))
            assert same_bits(out, np.stack([e[t] for e in expected[:n]]))


def test_frames_in_a_row(isa, two_threads):
    """Any number of frames of any number of streams in one call."""
    for threads, n, frames in [(1, 1, 2), (1, 3, 3), (2, 1, 5), (2, 2, 2), (2, 3, 4)]:
        stage = decoder(threads)
        streams = [stage.stream() for _ in range(n)]
        for at in range(0, 60, frames):
            rows = np.concatenate([heard(isa, i, 60)[0][at : at + frames] for i in range(n)])
            expected = np.concatenate([heard(isa, i, 60)[1][at : at + frames] for i in range(n)])
            out = np.full(expected.shape, np.nan, F32)
            stage.decode(streams, rows, out, frames=len(rows) // n)
            assert same_bits(out, expected)


def test_reset_is_fresh(isa):
    codes, expected = heard(isa, 2, 9)
    stream = decoder().stream()
    speech(decoder(), random_codes(9, 50), stream)
    assert stream.frames == 50
    stream.reset()
    assert stream.frames == 0
    assert same_bits(speech(decoder(), codes, stream), expected)


def test_copies_go_their_own_ways(isa):
    """Of one voice: each goes on as the whole would, and the snapshot itself stays where it is."""
    codes, expected = heard(isa, 4, 60)
    voice = decoder().stream()
    assert same_bits(speech(decoder(), codes[:50], voice), expected[:50])
    first, second = voice.copy(), voice.copy()
    assert (first.frames, first.nbytes) == (50, voice.nbytes)
    speech(decoder(), random_codes(5, 10), second)
    assert same_bits(speech(decoder(), codes[50:], first), expected[50:])
    assert same_bits(speech(decoder(), codes[50:], voice.copy()), expected[50:])
    assert voice.frames == 50
    voice.reset()
    assert same_bits(speech(decoder(), codes[:50], voice), expected[:50])


def test_a_stream_does_not_grow():
    stream = decoder().stream()
    nbytes = stream.nbytes
    speech(decoder(), random_codes(1, 30), stream)
    assert stream.nbytes == nbytes


def test_writes_its_outputs_only(isa):
    for n in (0, 1, 3):
        codes = random_codes(1, n)
        codes.setflags(write=False)
        out = Guarded((n, 1920), skew=3)
        decoder().decode([decoder().stream() for _ in range(n)], codes, out.array)
        out.check()


# --- priming ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 10, 11, 12, 23, 24, 25, 49, 80])
def test_priming_leaves_what_decoding_does(isa, frames):
    codes, expected = heard(isa, 6, 84)
    stream = decoder().stream()
    decoder().prime(stream, codes[:frames])
    assert stream.frames == frames
    assert same_bits(speech(decoder(), codes[frames : frames + 4], stream), expected[frames : frames + 4])


def test_priming_in_slices_and_after_speech(isa, two_threads):
    codes, expected = heard(isa, 6, 84)
    for threads in (1, 2):
        stage = decoder(threads=threads)
        stream = stage.stream()
        stage.prime(stream, codes[:7])
        stage.prime(stream, codes[7:40], 1)
        assert same_bits(speech(stage, codes[40:45], stream), expected[40:45])
        stage.prime(stream, codes[45:48])
        stage.prime(stream, codes[48:48])
        stage.prime(stream, codes[48:80])
        assert same_bits(speech(stage, codes[80:], stream), expected[80:])


def test_most_of_a_primed_past_is_not_heard_by_the_convolutions():
    """What priming leaves out is what it is for."""
    assert 5 < decoder().memory < 13


# --- what it refuses -------------------------------------------------------------------------------


def test_shapes_and_codes_that_do_not_fit():
    stream, good = decoder().stream(), (random_codes(1, 1), np.zeros((1, 1920), F32))
    beyond, below = good[0].copy(), good[0].copy()
    beyond[0, 7], below[0, 0] = decoder_config().codebook_size, -1
    for codes, out in [
        (good[0][:, :15], good[1]),
        (random_codes(1, 2), good[1]),
        (good[0], np.zeros((1, 1919), F32)),
        (good[0].astype(np.int64), good[1]),
        (good[0], good[1].astype(float)),
        (beyond, good[1]),
        (below, good[1]),
    ]:
        with pytest.raises(ValueError, match=r"decode|codes from|dtype|contiguous"):
            decoder().decode([stream], codes, out)
    for codes in (good[0][:, :15].copy(), beyond, below, good[0].astype(np.int64)):
        with pytest.raises(ValueError, match=r"prime|codes from|dtype"):
            decoder().prime(stream, codes)
    assert stream.frames == 0


def test_streams_of_another_codec_and_twice_in_a_batch():
    stream, codes = decoder().stream(), random_codes(1, 2)
    for foreign in (new_decoder().stream(), None):
        with pytest.raises(ValueError, match="another codec"):
            decode(decoder(), [stream, foreign], codes)
        with pytest.raises(ValueError, match="another codec"):
            decoder().prime(foreign, codes)
    with pytest.raises(RuntimeError, match="twice in one batch"):
        decode(decoder(), [stream, stream], codes)
    assert stream.frames == 0
    assert same_bits(speech(decoder(), codes, stream), heard(isa_now(), 1, 2)[1])
