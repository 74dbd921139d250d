"""The CUDA stages of all tiny models against the NumPy ones: alone and in company, as stored and in bfloat16."""

import functools

import numpy as np
import pytest

from cuda_on_cpu.conftest import NEAR, weights
from reference import TINY_MODELS, Model, tiny_config

F32 = np.float32


@functools.cache
def reference(name):
    return Model(tiny_config(name), weights(name, "F32"))


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(F32)


def near(found, expected, bound=NEAR):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()  # NaN is not near


def step(backbone, streams, latents):
    out = np.full((len(streams), backbone.hidden_dim), np.nan, F32)
    backbone.step(streams, latents, out)
    return out


def sample(head, hidden, noise, steps=1):
    latents, eos = np.full(noise.shape, np.nan, F32), np.full(len(noise), np.nan, F32)
    head.sample(hidden, noise, latents, eos, steps)
    return latents, eos


def decode(decoder, streams, latents):
    out = np.full((len(streams), decoder.samples_per_frame), np.nan, F32)
    decoder.decode(streams, latents, out)
    return out


def prompted(backbone, rows, prefix=None):
    """A stream of 100 positions that has taken in rows."""
    stream = backbone.stream(100, prefix)
    backbone.prefill([stream], [rows])
    return stream


@pytest.mark.parametrize("name", TINY_MODELS)
@pytest.mark.parametrize("storage", ["BF16", "F32"])
def test_backbone(stages, name, storage):
    backbone, expected = stages(name, storage).backbone, reference(name).backbone
    tokens = np.arange(3, 83) % 50
    near(backbone.embed_text(tokens), expected.embed_text(tokens))
    stream, other = prompted(backbone, backbone.embed_text(tokens)), expected.new_stream()
    expected.prefill(other, expected.embed_text(tokens))
    for i in range(3):
        latents = backbone.bos_latent[None] if i == 0 else normal(i, 1, backbone.latent_dim)
        found, _ = expected.step([other], np.full_like(latents, np.nan) if i == 0 else latents)
        near(step(backbone, [stream], latents), found)


@pytest.mark.parametrize("name", TINY_MODELS)
@pytest.mark.parametrize("steps", [1, 3])
def test_flow_head(stages, name, steps):
    head, expected = stages(name).flow_head, reference(name)
    hidden, noise = normal(1, 3, head.hidden_dim), normal(2, 3, head.latent_dim)
    latents, eos = sample(head, hidden, noise, steps)
    near(latents, expected.flow_head.sample(hidden, noise, steps))
    w = {n: weights(name, "F32")[f"flow_lm.out_eos.{n}"] for n in ("weight", "bias")}
    near(eos, (hidden @ w["weight"].T + w["bias"])[:, 0])


@pytest.mark.parametrize("name", TINY_MODELS)
def test_codec_decoder(stages, name):
    decoder, expected = stages(name).decoder, reference(name)
    stream, other = decoder.stream(), expected.decoder.new_stream()
    for i in range(8):  # beyond the windows
        latents = normal(i, 1, decoder.latent_dim)
        pcm = expected.decoder.step([other], latents * expected.emb_std + expected.emb_mean)
        near(decode(decoder, [stream], latents), pcm)


@pytest.mark.parametrize("name", TINY_MODELS)
def test_codec_encoder(stages, name):
    encoder, expected = stages(name).encoder, reference(name).encoder
    pcm = F32(0.3) * normal(5, 8 * encoder.samples_per_frame)
    stream = encoder.stream()
    pieces = np.split(pcm, [encoder.samples_per_frame])
    found = np.concatenate([encoder.encode(stream, piece) for piece in pieces])
    near(found, expected.encode(expected.new_stream(), pcm))


@pytest.mark.parametrize("name", ["tiny", "tiny-2m", "tiny-odd"])
@pytest.mark.parametrize("compute_type", ["float32", "bfloat16"])
def test_company_changes_nothing(stages, name, compute_type):
    """Not a bit, whoever shares a batch, whatever it is filled up to, and however prompts were cut."""
    ours = stages(name, compute_type=compute_type)
    backbone, head, decoder = ours.backbone, ours.flow_head, ours.decoder
    rows = [normal(i, n, backbone.stack.d) for i, n in enumerate((70, 3, 17))]
    latents, noise = normal(4, 3, backbone.latent_dim), normal(6, 3, head.latent_dim)
    alone, together = [prompted(backbone, r) for r in rows], [backbone.stream(100) for _ in rows]
    backbone.prefill(together, [r[:2] for r in rows])
    backbone.prefill(together, [r[2:] for r in rows])
    hidden = step(backbone, together, latents)
    made, eos = sample(head, hidden, noise, 2)
    codecs, companions = [decoder.stream() for _ in rows], [decoder.stream() for _ in rows]
    for _ in range(2):
        pcm = decode(decoder, companions, made)
        for i in range(3):
            one = slice(i, i + 1)
            np.testing.assert_array_equal(decode(decoder, [codecs[i]], made[one])[0], pcm[i])
    for i in range(3):
        one = slice(i, i + 1)
        np.testing.assert_array_equal(step(backbone, [alone[i]], latents[one])[0], hidden[i])
        latent, logit = sample(head, hidden[one], noise[one], 2)
        np.testing.assert_array_equal(latent[0], made[i])
        assert logit[0] == eos[i]


@pytest.mark.parametrize("name", ["tiny", "tiny-7m"])
def test_bfloat16_is_near(stages, name):
    """Tensor cores: what they multiply has 8 bits, so that results differ in the third digit."""
    exact, near_by = stages(name, compute_type="float32"), stages(name, compute_type="bfloat16")
    rows, latents = normal(1, 9, exact.backbone.stack.d), normal(2, 1, exact.backbone.latent_dim)
    hidden = [step(s.backbone, [prompted(s.backbone, rows)], latents) for s in (exact, near_by)]
    pcm = [decode(s.decoder, [s.decoder.stream()], latents) for s in (exact, near_by)]
    for expected, found in (hidden, pcm):
        difference = np.abs(found - expected).max() / np.abs(expected).max()
        assert 1e-5 < difference < 0.05


def test_a_prefix_is_shared(stages):
    """Streams go on from a voice as if it were their own past, also where it ends in the middle of a page."""
    backbone = stages("tiny").backbone
    rows, latents = normal(1, 70, backbone.stack.d), normal(2, 1, backbone.latent_dim)
    voice = prompted(backbone, rows[:67]).freeze()
    assert (voice.length, backbone.owns(voice)) == (67, True)
    expected = step(backbone, [prompted(backbone, rows)], latents)
    for _ in range(2):
        stream = prompted(backbone, rows[67:], voice)
        assert stream.offset == 70
        np.testing.assert_array_equal(step(backbone, [stream], latents), expected)
    again = backbone.import_prefix(voice.export())
    np.testing.assert_array_equal(step(backbone, [prompted(backbone, rows[67:], again)], latents), expected)
    longer = stream.freeze()
    for layer, other in zip(longer.export(), voice.export(), strict=True):
        np.testing.assert_array_equal(layer[:, :67], other)


def test_pages_are_given_back(stages):
    backbone = stages("tiny").backbone
    for _ in range(3):
        stream = prompted(backbone, normal(1, 90, backbone.stack.d))
        pages = {(id(slab), i) for slab, i in stream.span.pages}
        free = len(backbone.pool._free)
        del stream
        assert len(backbone.pool._free) == free + len(pages)


def test_a_codec_stream_can_be_copied_and_reset(stages):
    decoder = stages("tiny").decoder
    stream, latents = decoder.stream(), normal(1, 3, decoder.latent_dim)
    first = decode(decoder, [stream], latents[:1])
    twin = stream.copy()
    second = decode(decoder, [stream], latents[1:2])
    np.testing.assert_array_equal(decode(decoder, [twin], latents[1:2]), second)
    stream.reset()
    np.testing.assert_array_equal(decode(decoder, [stream], latents[:1]), first)


def test_what_does_not_fit_is_refused(stages):
    ours, others = stages("tiny"), stages("tiny-2m")
    backbone, decoder = ours.backbone, ours.decoder
    stream, latents = backbone.stream(1), normal(1, 2, backbone.latent_dim)
    with pytest.raises(ValueError, match="2 streams, latents"):
        step(backbone, [stream, backbone.stream(1)], latents[:1])
    with pytest.raises(ValueError, match="belongs to another model"):
        step(others.backbone, [stream], latents[:1])
    with pytest.raises(RuntimeError, match="twice in one batch"):
        step(backbone, [stream, stream], latents)
    with pytest.raises(ValueError, match=r"holds 0 of 64 positions: 65 more do not fit"):
        backbone.prefill([stream], [normal(1, 65, backbone.stack.d)])
    with pytest.raises(ValueError, match="embeddings"):
        backbone.prefill([stream], [normal(1, 1, backbone.stack.d + 1)])
    with pytest.raises(ValueError, match=r"token ids 0\.\.999"):
        backbone.embed_text([0, 999])
    with pytest.raises(ValueError, match="voice state: 1 layers"):
        backbone.import_prefix([np.zeros((2, 3, 1, 4))])
    with pytest.raises(ValueError, match="another codec"):
        decode(decoder, [others.decoder.stream()], latents[:1])
    with pytest.raises(ValueError, match="at least 1"):
        sample(ours.flow_head, normal(1, 1, ours.flow_head.hidden_dim), latents[:1], 0)
    with pytest.raises(ValueError, match="whole number of frames"):
        ours.encoder.encode(ours.encoder.stream(), np.zeros(7))


@pytest.mark.parametrize("name", ["tiny", "tiny-7m", "tiny-odd"])
def test_a_whole_frame_is_its_three_stages(stages, name):
    """Bit for bit, however many there are and whatever the rooms were used for before."""
    ours = stages(name)
    backbone, head, decoder = ours.backbone, ours.flow_head, ours.decoder
    rows, latents = normal(1, 5, backbone.stack.d), np.stack([backbone.bos_latent] * 3)
    streams = [[prompted(backbone, rows) for _ in latents] for _ in range(2)]
    codecs = [[decoder.stream() for _ in latents] for _ in range(2)]
    for seed, count in enumerate((3, 2, 3)):
        noise = normal(seed, count, head.latent_dim)
        given, eos = latents[:count].copy(), np.full(count, np.nan, F32)
        sound = np.full((count, decoder.samples_per_frame), np.nan, F32)
        ours.frame(streams[0][:count], codecs[0][:count], given, noise, eos, sound, 1 + seed)
        hidden = step(backbone, streams[1][:count], latents[:count])
        latents[:count], logits = sample(head, hidden, noise, 1 + seed)
        np.testing.assert_array_equal(given, latents[:count])
        np.testing.assert_array_equal(eos, logits)
        np.testing.assert_array_equal(sound, decode(decoder, codecs[1][:count], latents[:count]))
    assert [s.length for s in streams[0]] == [s.length for s in streams[1]]


def test_what_is_recorded_before_is_not_recorded_again(stages):
    ours = stages("tiny")
    ours.prepare(3)
    plays = dict(ours.frame._plays)
    assert sorted(key[0] for key in plays) == [1, 2, 4]
    streams, codecs = [
        [make() for _ in range(3)] for make in (lambda: ours.backbone.stream(9), ours.decoder.stream)
    ]
    latents, sound = normal(1, 3, 32), np.empty((3, ours.decoder.samples_per_frame), F32)
    ours.frame(streams, codecs, latents, normal(2, 3, 32), np.empty(3, F32), sound, 1)
    assert ours.frame._plays == plays
