"""Mistakes that other implementations of Qwen3-TTS made: each is made here, and must be noticed by a recording.

What passes the checks against qwen-tts 0.1.1 (see test_qwen3_numpy_golden.py) has then made none of them.
"""

import dataclasses

import numpy as np
import pytest

from reference.codec import Conv
from reference.parts import gelu_tanh
from reference.qwen3 import CodecDecoder, Model, part
from reference.qwen3.cases import RECORDINGS
from reference.qwen3.codec_decoder import ConvNeXt, Snake
from reference.qwen3.compare import (
    check_decoder,
    check_logits,
    check_prompt,
    check_recordings,
    check_second_block,
    check_speech,
)
from reference.qwen3.golden import load_golden, recorded_voice, speeches
from reference.qwen3.sampling import first_code_scores

BASE = "qwen3-tiny-base"


def mistaken(name=BASE):
    """A model of its own to make a mistake in, its recording and its recorded speeches."""
    config, weights, recording = load_golden(name)
    return Model(config, weights), recording, tuple(speeches(name, recording))


def noticed(check, *arguments):
    with pytest.raises(AssertionError):
        check(*arguments)


# -- a voice that goes on from a recording --------------------------------------------------------------------------


def in_context():
    """A model with its recording, and its recorded speeches after a recording."""
    model, recording, spoken = mistaken()
    heard = [s for s in spoken if s.words is not None]
    assert len(heard) == 3
    return model, recording, heard


def test_codes_before_the_text_are_noticed(monkeypatch):
    """The words of the recording, its codes and then the text; right are all words and then the codes."""

    def wrong_order(talker, words, speech, pad, end, whole):
        return [talker.embed_text(words[:4]), speech, talker.embed_text(words[4:]), end[None]], pad[None]

    monkeypatch.setattr("reference.qwen3.prompt._continuation", wrong_order)
    model, recording, heard = in_context()
    for speech in heard:
        noticed(check_prompt, model, recording, speech)


def test_codes_looked_up_in_the_wrong_tables_are_noticed():
    """Codes 1 to 15 of the recording in the talker's table."""
    model, recording, heard = in_context()
    model.predictor.tables[1:] = [model.predictor.tables[0]] * 15
    for speech in heard:
        noticed(check_prompt, model, recording, speech)


def test_a_cold_codec_is_noticed():
    """The speech decoded without the recording's codes before it."""
    model, recording, heard = in_context()
    decode = model.decode
    model.decode = lambda codes, reference: decode(codes)
    for speech in heard:
        noticed(check_speech, model, recording, speech)


def test_a_recording_at_another_rate_is_noticed():
    model, recording, _ = mistaken()
    for i, (rate, _, _) in enumerate(RECORDINGS):
        if rate != 24000:
            codes = model.encoder.encode(recording[f"{i}.recording"] / 32768)
            assert len(codes) != len(recording[f"{i}.code"])


def test_recorded_codes_are_not_all_the_same():
    """An encoder that hears nothing gives one code in every frame; such a recording would pass."""
    for i in range(len(RECORDINGS)):
        codes = mistaken()[1][f"{i}.code"]
        assert len(np.unique(codes)) > 20
        assert len(np.unique(codes, axis=0)) > 0.9 * len(codes)


def own_tables(encoder):
    """The second quantiser goes on from what the first has left."""
    semantic, acoustic = encoder.quantizers

    def rest(latents):
        h = latents @ semantic.project.T
        left = h - semantic.tables[0][semantic(latents)[:, 0]]
        return acoustic(np.linalg.lstsq(acoustic.project, left.T, rcond=None)[0].T)

    encoder.quantizers = [semantic, rest]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda encoder: setattr(encoder.transformer, "window", 8),
        lambda encoder: setattr(encoder.transformer, "eps", 1e-6),
        lambda encoder: setattr(encoder.transformer, "theta", 1e6),
        lambda encoder: setattr(encoder.downsample, "pad_mode", "constant"),
        lambda encoder: setattr(encoder, "seanet", [x for x in encoder.seanet if isinstance(x, Conv)]),
        lambda encoder: encoder.quantizers.reverse(),
        own_tables,
    ],
    ids=["window", "eps", "theta", "padding", "mirror", "order", "residual"],
)
def test_another_encoder_is_noticed(mistake):
    model, recording, _ = mistaken()
    mistake(model.encoder)
    noticed(check_recordings, model, recording, recording)


# -- the loop -------------------------------------------------------------------------------------------------------


def test_keys_left_from_the_request_before_are_noticed():
    model, recording, spoken = mistaken()
    old = model.talker.new_stream()
    model.talker.prefill(old, spoken[1].prompt.rows)
    model.talker.new_stream = old.fork
    noticed(check_speech, model, recording, spoken[0])


def test_keys_left_from_the_frame_before_are_noticed():
    """The predictor begins every frame at position 0 with nothing."""
    model, recording, spoken = mistaken()
    kept = model.predictor.transformer.new_cache()
    model.predictor.transformer.new_cache = lambda: kept
    noticed(check_speech, model, recording, spoken[0])


def test_positions_shared_with_the_talker_are_noticed():
    """After its first two rows, the predictor goes on from where the talker is."""
    model, recording, spoken = mistaken()
    run, talker = model.predictor._run, len(spoken[0].prompt.rows)

    def elsewhere(x, cache):
        out = run(x, cache)
        cache.offset += talker if len(x) == 2 else 0
        return out

    model.predictor._run = elsewhere
    noticed(check_speech, model, recording, spoken[0])


@pytest.mark.parametrize(
    ("stage", "mistake"),
    [
        ("talker", {"rms_norm_eps": 1e-5}),
        ("talker", {"rope_theta": 10000.0}),
        ("predictor", {"rms_norm_eps": 1e-5}),
        ("predictor", {"rope_theta": 10000.0}),
    ],
)
def test_a_constant_of_the_language_models_is_noticed(stage, mistake):
    config, weights, recording = load_golden(BASE)
    talker = config.talker_config
    if stage == "talker":
        talker = dataclasses.replace(talker, **mistake)
    else:
        inner = dataclasses.replace(talker.code_predictor_config, **mistake)
        talker = dataclasses.replace(talker, code_predictor_config=inner)
    noticed(check_logits, Model(dataclasses.replace(config, talker_config=talker), weights), recording)


def test_reference_codes_in_the_history_are_noticed(monkeypatch):
    """The repetition penalty is for codes of this speech alone."""
    model, recording, heard = in_context()
    speech = next(s for s in heard if s.case.options.get("repetition_penalty"))
    before = recorded_voice(recording, speech)["reference"].codes[:, 0]

    def with_reference(logits, history, penalty, eos):
        first_two = len(history) < 2
        return first_code_scores(logits, history if first_two else [*before, *history], penalty, eos)

    monkeypatch.setattr("reference.qwen3.model.first_code_scores", with_reference)
    noticed(check_speech, model, recording, speech)


# -- the codec's decoder: one wrong constant sounds robotic, and no comparison of codes tells ------------------------


@pytest.mark.parametrize(
    "mistake",
    [
        {"rms_norm_eps": 1e-6},
        {"rope_theta": 1e6},
        {"sliding_window": 39},
        {"sliding_window": 41},
    ],
    ids=str,
)
def test_a_constant_of_the_decoder_is_noticed(mistake):
    config, weights, recording = load_golden(BASE)
    decoder = dataclasses.replace(config.speech_tokenizer.decoder_config, **mistake)
    noticed(check_decoder, CodecDecoder(decoder, part(weights, "speech_tokenizer.decoder.")), recording)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("ConvNeXt.EPS", 1e-5),
        ("Codebooks.LEAST_USAGE", 1e-6),
        ("gelu", gelu_tanh),
    ],
)
def test_a_constant_in_the_code_of_the_decoder_is_noticed(monkeypatch, place, value):
    monkeypatch.setattr(f"reference.qwen3.codec_decoder.{place}", value)
    model, recording, _ = mistaken()
    noticed(check_decoder, model.decoder, recording)


def test_other_blocks_are_noticed():
    """A frame less before the second block, or all of them as if there were no blocks."""
    model, recording, _ = mistaken()
    for context in (24, 60):
        noticed(check_second_block, model.decoder, recording, context)


def swapped(decoder):
    """The parameters of SnakeBeta, one for the other."""
    for snake in parts_of(decoder, Snake):
        snake.alpha, snake.beta = snake.beta, snake.alpha


def undilated(decoder):
    for conv in parts_of(decoder, Conv):
        conv.dilation = 3 if conv.dilation == 9 else conv.dilation


def without_gamma(decoder):
    for block in parts_of(decoder, ConvNeXt):
        block.gamma = np.ones_like(block.gamma)


def one_projection(decoder):
    """The first quantiser's sum through the projection of the others."""
    first, rest = decoder.quantizers
    first.project = rest.project


def parts_of(layers, kind):
    """All parts of a kind below something."""
    for value in vars(layers).values():
        for x in value if isinstance(value, list) else [value]:
            if isinstance(x, kind):
                yield x
            elif hasattr(x, "__dict__"):
                yield from parts_of(x, kind)


@pytest.mark.parametrize("mistake", [swapped, undilated, without_gamma, one_projection])
def test_another_decoder_is_noticed(mistake):
    model, recording, _ = mistaken()
    mistake(model.decoder)
    noticed(check_decoder, model.decoder, recording)
