"""What a codec stream may depend on: its own past and nothing else, bit for bit."""

import functools

import numpy as np
import pytest
from pocket_fast.cpu.packing import has_bf16_dot

from guarded import Guarded, same_bits
from pocket_fast.cpu.pocket.backend import load_stages
from tiny_stages import F32, config, decode, new_stages, normal, stages, weights

NAMES = ("tiny", "tiny-7m", "tiny-odd")


def latents(name, seed, frames):
    return normal(seed, frames, config(name).mimi.latent_dim)


def speech(decoder, heard, stream=None):
    """(frames, samples) of one stream alone."""
    stream = stream or decoder.stream()
    return np.concatenate([decode(decoder, [stream], x[None]) for x in heard])


def pcm(encoder, seed, frames):
    return 0.3 * normal(seed, frames * encoder.samples_per_frame)


# --- decoder ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_strangers(isa, name):
    """Streams that start at different times and miss frames, in any order and company."""
    decoder = stages(name).decoder
    heard = [latents(name, i, 12) for i in range(5)]
    expected = [speech(decoder, x) for x in heard]
    streams = [decoder.stream() for _ in heard]
    rng = np.random.default_rng(1)
    while any(s.frames < 12 for s in streams):
        here = [i for i in rng.permutation(5) if streams[i].frames < 12 and rng.random() < 0.7]
        at = [streams[i].frames for i in here]
        out = decode(
            decoder,
            [streams[i] for i in here],
            np.array([heard[i][t] for i, t in zip(here, at, strict=True)], F32).reshape(len(here), -1)
            if here
            else np.zeros((0, decoder.latent_dim), F32),
        )
        for i, t, samples in zip(here, at, out, strict=True):
            assert same_bits(samples, expected[i][t])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_frames_in_a_row(isa, name, threads, two_threads):
    """Any number of frames of any number of streams in one call, around the end of the window's ring."""
    decoder, alone = stages(name, threads=threads).decoder, stages(name).decoder
    heard = [latents(name, i, 90) for i in range(3)]
    streams, lone = [decoder.stream() for _ in heard], [alone.stream() for _ in heard]
    dice, at = np.random.default_rng(threads), 0
    while at < 85:
        n, frames = dice.integers(1, 4), dice.integers(1, 6)
        rows = np.concatenate([x[at : at + frames] for x in heard[:n]])
        out = np.full((len(rows), decoder.samples_per_frame), np.nan, F32)
        decoder.decode(streams[:n], rows, out, frames=frames)
        expected = [speech(alone, x[at : at + frames], s) for x, s in zip(heard[:n], lone, strict=False)]
        assert same_bits(out, np.concatenate(expected))
        for x, s, other in zip(heard[n:], streams[n:], lone[n:], strict=True):
            speech(decoder, x[at : at + frames], s), speech(alone, x[at : at + frames], other)
        at += frames


@pytest.mark.parametrize("compute_type", ["float32", "bfloat16", "int8", "int4"])
def test_frames_in_a_row_in_every_compute_type(isa, compute_type):
    if compute_type == "bfloat16" and not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    decoder = load_stages(config("tiny"), weights("tiny"), threads=1, compute_type=compute_type).decoder
    heard = latents("tiny", 1, 41)
    stream, found = decoder.stream(), []
    for rows in np.split(heard, [1, 3, 5, 6, 9, 11, 15]):
        found.append(np.full((len(rows), decoder.samples_per_frame), np.nan, F32))
        decoder.decode([stream], rows, found[-1], frames=len(rows))
    assert same_bits(np.concatenate(found), speech(decoder, heard))


@pytest.mark.parametrize("name", NAMES)
def test_number_of_threads(isa, name, two_threads):
    """Fewer streams than threads share every layer; with enough of them each thread takes whole streams."""
    heard = [latents(name, i, 6) for i in range(5)]
    expected = [speech(stages(name).decoder, x) for x in heard]
    for threads in (2, 3):
        decoder = stages(name, threads=threads).decoder
        assert decoder.threads == threads
        for n in (1, 2, 3, 5):
            streams = [decoder.stream() for _ in range(n)]
            for t in range(6):
                out = decode(decoder, streams, np.stack([x[t] for x in heard[:n]]))
                assert same_bits(out, np.stack([e[t] for e in expected[:n]]))


@pytest.mark.parametrize("name", NAMES)
def test_reset_is_fresh(isa, name):
    decoder, heard = stages(name).decoder, latents(name, 1, 9)
    fresh = speech(decoder, heard)
    stream = decoder.stream()
    speech(decoder, np.full_like(heard, np.nan), stream)
    assert stream.frames == 9
    stream.reset()
    assert stream.frames == 0
    assert same_bits(speech(decoder, heard, stream), fresh)


def test_a_stream_of_nan_harms_no_neighbour(isa):
    decoder, heard = stages("tiny").decoder, latents("tiny", 1, 3)
    expected = speech(decoder, heard)
    ill, well = decoder.stream(), decoder.stream()
    for latent, samples in zip(heard, expected, strict=True):
        out = decode(decoder, [ill, well], np.stack([np.full_like(latent, np.nan), latent]))
        assert np.isnan(out[0]).all()
        assert same_bits(out[1], samples)


def test_storage_does_not_change_a_bit(isa):
    for name in NAMES:
        found = [speech(stages(name, s).decoder, latents(name, 1, 4)) for s in ("F32", "BF16")]
        assert same_bits(*found)


def test_writes_its_outputs_only(isa):
    decoder = stages("tiny-odd").decoder
    for n in (0, 1, 3):
        heard = latents("tiny-odd", 1, n)
        heard.setflags(write=False)
        out = Guarded((n, decoder.samples_per_frame), skew=3)
        decoder.decode([decoder.stream() for _ in range(n)], heard, out.array)
        out.check()


# --- encoder ---------------------------------------------------------------------------------------


@functools.cache
def heard_whole(name, isa):
    encoder = stages(name).encoder
    return encoder.encode(encoder.stream(), pcm(encoder, 1, 15))


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_does_not_see_the_pieces(isa, name):
    encoder = stages(name).encoder
    samples, frame = pcm(encoder, 1, 15), encoder.samples_per_frame
    for cuts in (range(1, 15), [1], [3, 5, 12], [7, 7, 14]):
        stream = encoder.stream()
        pieces = [encoder.encode(stream, x) for x in np.split(samples, [frame * c for c in cuts])]
        assert same_bits(np.concatenate(pieces), heard_whole(name, isa))
        assert stream.frames == 15


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_is_causal(isa, name):
    encoder = stages(name).encoder
    samples, frame = pcm(encoder, 1, 15), encoder.samples_per_frame
    for changed_from in (frame, 4 * frame, 14 * frame):
        other = samples.copy()
        other[changed_from:] = np.nan
        found = encoder.encode(encoder.stream(), other)
        seen = changed_from // frame
        assert same_bits(found[:seen], heard_whole(name, isa)[:seen])
        assert np.isnan(found[seen:]).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_with_threads(isa, name, two_threads):
    for threads in (2, 3):
        encoder = stages(name, threads=threads).encoder
        assert same_bits(encoder.encode(encoder.stream(), pcm(encoder, 1, 15)), heard_whole(name, isa))


def test_an_encoder_stream_starts_again(isa):
    encoder = stages("tiny").encoder
    stream = encoder.stream()
    nbytes = stream.nbytes
    encoder.encode(stream, np.full(1920 * 7, np.nan, F32))
    stream.reset()
    found = encoder.encode(stream, pcm(encoder, 1, 15))
    assert same_bits(found, heard_whole("tiny", isa))
    assert stream.nbytes == nbytes


# --- what they refuse ------------------------------------------------------------------------------


def test_shapes_that_do_not_fit():
    decoder, encoder = stages("tiny").decoder, stages("tiny").encoder
    stream = decoder.stream()
    good = np.zeros((1, 32), F32), np.zeros((1, 1920), F32)
    for given, out in [
        (np.zeros((1, 31), F32), good[1]),
        (np.zeros((2, 32), F32), good[1]),
        (good[0], np.zeros((1, 1919), F32)),
        (good[0], np.zeros((2, 1920), F32)),
        (good[0].astype(float), good[1]),
        (good[0], good[1].astype(float)),
        (good[0], np.zeros((1, 3840), F32)[:, ::2]),
        (np.zeros((2, 32), F32), np.zeros((2, 1920), F32)),
    ]:
        with pytest.raises(ValueError, match=r"decode|dtype|contiguous"):
            decoder.decode([stream], given, out)
    for frames in (2, -1):
        with pytest.raises(ValueError, match=rf"expected \({frames}, 32\) and \({frames}, 1920\)"):
            decoder.decode([stream], *good, frames=frames)
    assert stream.frames == 0
    for n in (1, 1919, 1921):
        with pytest.raises(ValueError, match=f"{n} samples are not a whole number of frames of 1920"):
            encoder.encode(encoder.stream(), np.zeros(n, F32))
    assert encoder.encode(encoder.stream(), np.zeros(0, F32)).shape == (0, 32)
    assert encoder.encode(encoder.stream(), np.zeros(1920)).shape == (1, 32)  # float64 is converted


def test_streams_of_another_codec_and_what_is_no_stream():
    decoder, encoder = stages("tiny").decoder, stages("tiny").encoder
    stream = decoder.stream()
    heard, other = latents("tiny", 1, 2), new_stages("tiny").decoder.stream()
    for foreign in (other, encoder.stream(), None):
        with pytest.raises(ValueError, match="another codec"):
            decode(decoder, [stream, foreign], heard)
        with pytest.raises(ValueError, match="another codec"):
            decode(decoder, [foreign, stream], heard)
    with pytest.raises(TypeError):
        decode(decoder, [stream, stages("tiny").backbone.stream(4)], heard)
    with pytest.raises(ValueError, match="another codec"):
        encoder.encode(stream, np.zeros(1920, F32))
    assert stream.frames == 0
    expected = speech(decoder, heard)
    assert same_bits(speech(decoder, heard, stream), expected), "a refused call left its mark"


@pytest.mark.parametrize("streams", [[0, 0], [0, 1, 0], [1, 0, 0]])
def test_a_stream_twice_in_one_batch(streams):
    decoder, backbone = stages("tiny").decoder, stages("tiny").backbone
    two = [decoder.stream(), decoder.stream()]
    heard = latents("tiny", 1, len(streams))
    with pytest.raises(RuntimeError, match="twice in one batch"):
        decode(decoder, [two[i] for i in streams], heard)
    assert [s.frames for s in two] == [0, 0]
    decode(decoder, two, heard[:2])  # neither is left locked

    two = [backbone.stream(4), backbone.stream(4)]
    with pytest.raises(RuntimeError, match="twice in one batch"):
        backbone.step([two[i] for i in streams], heard, np.empty((len(streams), 64), F32))
    assert [s.length for s in two] == [0, 0]
    backbone.step(two, heard[:2], np.empty((2, 64), F32))
