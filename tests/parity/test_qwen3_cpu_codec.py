"""The compiled codec and speaker encoder of Qwen3-TTS against recordings of qwen-tts 0.1.1."""

from types import SimpleNamespace

import numpy as np

from reference.qwen3.codec_decoder import CHUNK, CONTEXT
from reference.qwen3.compare import check_chunks, check_decoder, check_recordings
from reference.qwen3.golden import load_golden
from tiny_qwen3_codec import NAME, decoder, encoder, speaker_encoder, speech


class Streamed:
    """A decoder of whole speeches, made of one that goes frame by frame."""

    def decode_all(self, codes):
        return speech(decoder(), np.int32(codes)).reshape(-1)

    def decode_chunked(self, codes):
        codes, pieces = np.int32(codes), []
        for start in range(0, len(codes), CHUNK):
            stream = decoder().stream()
            decoder().prime(stream, codes[max(start - CONTEXT, 0) : start])
            pieces.append(speech(decoder(), codes[start : start + CHUNK], stream).reshape(-1))
        return np.concatenate(pieces)


def test_decoder(isa):
    check_decoder(Streamed(), load_golden(NAME)[2])


def test_decoding_in_blocks(isa):
    check_chunks(Streamed(), load_golden(NAME)[2])


def test_recordings(isa):
    recording = load_golden(NAME)[2]
    stages = SimpleNamespace(encoder=encoder(), speaker_encoder=speaker_encoder())
    check_recordings(stages, recording, recording)
