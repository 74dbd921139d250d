"""Hold a NumPy model of Qwen3-TTS against a recording (see golden.py); every check asserts its bound."""

from __future__ import annotations

import numpy as np

from ..compare import assert_close
from .candidates import settings_of
from .cases import CHUNKED_FRAMES, CODEC_FRAMES, EVERY, EVERY_OF_MANY, RECORDINGS, random_codes
from .codec_decoder import CHUNK, CONTEXT
from .golden import recorded_voice

# Largest difference allowed, absolute.
PROMPT, SAMPLES, VECTOR, LOGITS = 1e-6, 1e-5, 1e-5, 2e-5


def check_speech(model, recording, speech):
    """Prompt, codes and samples of one recorded speech."""
    check_prompt(model, recording, speech)
    spoken = model.generate(speech.prompt, settings_of(speech.case), speech.uniforms)
    assert np.array_equal(spoken.codes, speech.codes), "codes"
    reference = recorded_voice(recording, speech).get("reference")
    _close(model.decode(speech.codes, reference)[::EVERY], speech.samples, SAMPLES, "samples")


def check_prompt(model, recording, speech):
    case = speech.case
    voice = recorded_voice(recording, speech)
    made = model.prompt(
        speech.ids, language=case.language, instruct=speech.instruct, whole=case.whole, **voice
    )
    for name in ("rows", "trailing", "pad"):
        _close(getattr(made, name), getattr(speech.prompt, name), PROMPT, name)


def check_logits(model, recording):
    """The talker after the prompt of the first speech, and the predictor on the frame after it."""
    hidden = model.talker.prefill(model.talker.new_stream(), recording["0.rows"])
    _close(hidden, recording["hidden"], LOGITS, "hidden states")
    _close(model.talker.logits(hidden)[-1], recording["logits"], LOGITS, "logits of code 0")
    predicted = model.predictor.logits(recording["hidden"][-1], recording["0.codes"][0])
    _close(predicted, recording["predicted"], LOGITS, "logits of the predictor")


def check_recordings(model, recording, recordings):
    """Codes and speakers of the recordings at 24 kHz; recordings: the golden that holds their samples."""
    for i, (rate, _, _) in enumerate(RECORDINGS):
        if rate == 24000:
            samples = recordings[f"{i}.recording"] / 32768
            codes = model.encoder.encode(samples)
            assert np.array_equal(codes, recording[f"{i}.code"]), f"codes of recording {i}"
            _close(model.speaker_encoder.embed(samples), recording[f"{i}.vector"], VECTOR, "speaker")


def check_decoder(decoder, recording):
    samples = decoder.decode_all(random_codes(CODEC_FRAMES))
    _close(samples[::EVERY], recording["decoded"], SAMPLES, "decoded samples")


def check_chunks(decoder, recording):
    samples = decoder.decode_chunked(random_codes(CHUNKED_FRAMES))
    _close(samples[::EVERY_OF_MANY], recording["chunked"], SAMPLES, "samples decoded in blocks")


def check_second_block(decoder, recording, context=CONTEXT):
    """Of the same samples those of the second block alone, which begins anew `context` frames before it."""
    codes, first = random_codes(CHUNKED_FRAMES), CHUNK * decoder.samples_per_frame
    block = decoder.decode_all(codes[CHUNK - context :])[context * decoder.samples_per_frame :]
    kept = -(-first // EVERY_OF_MANY)  # of the recorded samples, the first that is in this block
    samples = block[kept * EVERY_OF_MANY - first :: EVERY_OF_MANY]
    _close(samples, recording["chunked"][kept:], SAMPLES, "samples of the second block")


def _close(actual, expected, bound, what):
    assert_close(actual, expected, bound, what, relative=False)
