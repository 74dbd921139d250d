"""What a backbone stream may depend on: its own past and nothing else, bit for bit."""

import functools

import numpy as np
import pytest

from guarded import same_bits
from tiny_stages import F32, config, normal, stages, step, worst

NAMES = ("tiny", "tiny-7m", "tiny-2m", "tiny-odd")


def geometry(name):
    t = config(name).flow_lm.transformer
    return t.num_layers, t.kv_heads, t.head_dim


def prompt(name, seed, length):
    return normal(seed, length, config(name).flow_lm.transformer.d_model)


def latents(name, seed, frames):
    return normal(seed, frames, config(name).mimi.latent_dim)


@functools.cache
def voice(name, length=45):
    layers, kv, dim = geometry(name)
    return stages(name).backbone.import_prefix([normal(i, 2, length, kv, dim) for i in range(layers)])


def speak(backbone, stream, rows, heard, cuts=()):
    """Prefill in pieces cut at `cuts`, then one step per latent; the hidden vectors (frames, z)."""
    for piece in np.split(rows, cuts):
        backbone.prefill([stream], [piece])
    return np.concatenate([step(backbone, [stream], x[None]) for x in heard])


def state(stream):
    return np.stack(stream.freeze().export())


@pytest.mark.parametrize("name", NAMES)
def test_grouping_of_a_prompt(isa, name):
    """In one call, one by one, in odd pieces: around the 8 score rows, the tiles and the panel of 32."""
    backbone, rows, heard = stages(name).backbone, prompt(name, 1, 70), latents(name, 2, 4)
    whole = backbone.stream(80, voice(name))
    expected = speak(backbone, whole, rows, heard)
    for cuts in (range(1, 70), [1], [8, 17, 18, 50], [31, 32, 33, 64], [40, 40, 69]):
        stream = backbone.stream(80, voice(name))
        assert same_bits(speak(backbone, stream, rows, heard, cuts), expected)
        assert same_bits(state(stream), state(whole))


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_strangers(isa, name):
    """Streams at different offsets, with and without a prefix, of different capacity."""
    backbone = stages(name).backbone
    lengths = (0, 1, 40, 7, 33, 2, 64, 5, 12)
    prompts = [prompt(name, i, n) for i, n in enumerate(lengths)]
    heard = [latents(name, 50 + i, 5) for i in range(len(lengths))]
    together, expected = [], []
    for i, (rows, frames) in enumerate(zip(prompts, heard, strict=True)):
        prefix = voice(name) if i % 2 else None
        expected.append(speak(backbone, backbone.stream(100, prefix), rows, frames))
        together.append(backbone.stream(len(rows) + 5 + 40 * (i % 3), prefix))
    backbone.prefill(together, prompts)
    for t in range(5):
        # another order and another company in every frame
        order = np.random.default_rng(t).permutation(len(together))
        for some in np.split(order, [4] if t % 2 else []):
            out = step(backbone, [together[i] for i in some], np.stack([heard[i][t] for i in some]))
            for i, row in zip(some, out, strict=True):
                assert same_bits(row, expected[i][t])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_number_of_threads(isa, name, threads, two_threads):
    found = []
    for n in (1, threads):
        backbone = stages(name, threads=n).backbone
        assert backbone.threads == n
        streams = [backbone.stream(60) for _ in range(3)]
        backbone.prefill(streams, [prompt(name, i, 1 + 20 * i) for i in range(3)])
        outs = [step(backbone, streams, latents(name, t, 3)) for t in range(4)]
        found.append((np.stack(outs), *(state(s) for s in streams)))
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_causality(isa, name):
    """What comes later in the same call changes no earlier key, value or output."""
    backbone, rows = stages(name).backbone, prompt(name, 1, 50)
    for changed_from in (1, 8, 31, 49):
        other = rows.copy()
        other[changed_from:] = 100 * rows[0]
        found = []
        for given in (rows, other):
            stream = backbone.stream(50)
            backbone.prefill([stream], [given])
            found.append(state(stream))
        assert same_bits(found[0][:, :, :changed_from], found[1][:, :, :changed_from])
        assert not same_bits(found[0], found[1])


def test_a_stream_of_nan_harms_no_neighbour(isa):
    backbone, rows = stages("tiny").backbone, prompt("tiny", 1, 10)
    expected = speak(backbone, backbone.stream(20), rows, latents("tiny", 2, 1))
    well, ill = backbone.stream(20), backbone.stream(20)
    backbone.prefill([ill, well], [np.full_like(rows, np.nan), rows])
    out = step(backbone, [ill, well], np.repeat(latents("tiny", 2, 1), 2, axis=0))
    assert np.isnan(out[0]).all()
    assert same_bits(out[1:], expected)


@pytest.mark.parametrize("name", NAMES)
def test_reset_is_fresh(isa, name):
    backbone, rows, heard = stages(name).backbone, prompt(name, 1, 20), latents(name, 2, 3)
    fresh = backbone.stream(40, voice(name))
    expected = speak(backbone, fresh, rows, heard)
    used = backbone.stream(40, voice(name))
    speak(backbone, used, np.full((35, rows.shape[1]), np.nan, F32), heard)
    used.reset()
    assert (used.length, used.offset) == (0, 45)
    assert same_bits(speak(backbone, used, rows, heard), expected)
    assert same_bits(state(used), state(fresh))


@pytest.mark.parametrize("name", NAMES)
def test_a_prefix_is_as_good_as_own_positions(isa, name):
    backbone, rows, heard = stages(name).backbone, prompt(name, 1, 53), latents(name, 2, 3)
    alone = backbone.stream(60)
    expected = speak(backbone, alone, rows, heard)
    for cut in (1, 31, 32, 33, 53):
        first = backbone.stream(60)
        backbone.prefill([first], [rows[:cut]])
        prefix = first.freeze()
        assert prefix.length == cut
        stream = backbone.stream(60, prefix)
        # the two parts of a sum are added in another order: not the same bits
        assert worst(speak(backbone, stream, rows[cut:], heard), expected) < 2e-6
        assert stream.offset == alone.offset
        assert worst(state(stream), state(alone)) < 2e-6


def test_streams_share_a_prefix_and_never_write_it(isa):
    backbone, prefix = stages("tiny").backbone, voice("tiny")
    before, nbytes = np.stack(prefix.export()).tobytes(), prefix.nbytes
    streams = [backbone.stream(64, prefix) for _ in range(4)]
    backbone.prefill(streams, [prompt("tiny", i, 3 + 20 * i) for i in range(3)] + [prompt("tiny", 1, 23)])
    for t in range(3):
        out = step(backbone, streams, np.repeat(latents("tiny", t, 1), 4, axis=0))
        assert same_bits(out[1], out[3])
        assert not same_bits(out[0], out[1])
    streams[0].freeze()
    streams[1].reset()
    assert np.stack(prefix.export()).tobytes() == before
    assert prefix.nbytes == nbytes
    assert all(s.prefix is prefix for s in streams)


@pytest.mark.parametrize("name", NAMES)
def test_voices_go_out_and_come_back_exactly(name):
    backbone = stages(name).backbone
    layers, kv, dim = geometry(name)
    for length in (0, 1, 31, 32, 33, 100):
        given = [normal(i, 2, length, kv, dim) for i in range(layers)]
        prefix = backbone.import_prefix(given)
        assert prefix.length == length
        back = prefix.export()
        assert all(same_bits(a, b) for a, b in zip(back, given, strict=True))
        # a prefix inside another one: prefix, own positions, all frozen
        stream = backbone.stream(10, prefix)
        backbone.prefill([stream], [prompt(name, 1, 7)])
        frozen = stream.freeze()
        assert frozen.length == length + 7
        assert same_bits(np.stack(frozen.export())[:, :, :length], np.stack(given))
        again = backbone.import_prefix(frozen.export()).export()
        assert same_bits(np.stack(again), np.stack(frozen.export()))


def test_a_frozen_stream_is_a_copy():
    backbone = stages("tiny").backbone
    stream = backbone.stream(20)
    backbone.prefill([stream], [prompt("tiny", 1, 5)])
    frozen = stream.freeze()
    before = np.stack(frozen.export())
    stream.reset()
    backbone.prefill([stream], [prompt("tiny", 2, 9)])
    assert same_bits(np.stack(frozen.export()), before)


def test_the_room_of_a_stream_does_not_matter(isa):
    backbone, rows, heard = stages("tiny").backbone, prompt("tiny", 1, 20), latents("tiny", 2, 2)
    found = [speak(backbone, backbone.stream(n), rows, heard) for n in (22, 64, 1000)]
    assert same_bits(found[0], found[1])
    assert same_bits(found[0], found[2])


def test_read_only_inputs():
    backbone = stages("tiny").backbone  # its weights are read-only arrays too
    rows, heard = prompt("tiny", 1, 4), latents("tiny", 2, 1)
    for array in (rows, heard):
        array.setflags(write=False)
    stream = backbone.stream(8)
    assert np.isfinite(speak(backbone, stream, rows, heard)).all()
    layers = stream.freeze().export()
    for layer in layers:
        layer.setflags(write=False)
    assert backbone.import_prefix(layers).length == 5
