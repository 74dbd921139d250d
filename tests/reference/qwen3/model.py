"""From ids and a voice to codes and samples: the loop that the package's own pipeline must reproduce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .codec_decoder import CodecDecoder
from .codec_encoder import CodecEncoder
from .predictor import CodePredictor
from .prompt import Prompt, build_prompt, spoken_language
from .sampling import GREEDY, SAMPLED, Draw, first_code_scores, pick
from .speaker_encoder import SpeakerEncoder
from .talker import Talker
from .weights import part


@dataclass(frozen=True)
class Settings:
    """How the codes of a speech are drawn, and how many at most (the last drawn code 0 gives no frame)."""

    first: Draw = SAMPLED
    rest: Draw = SAMPLED
    repetition_penalty: float = 1.05
    max_new_tokens: int = 2048


@dataclass(frozen=True)
class Spoken:
    """codes (frames, G); ended: whether the end was drawn, and not just the last frame reached."""

    codes: np.ndarray
    ended: bool


class Model:
    """All stages of one checkpoint; `weights` maps the names of expected_tensors to arrays.

    `encoder` and `speaker_encoder` are None where the model cannot hear a voice.
    """

    def __init__(self, config, weights, dtype=np.float64):
        self.config, self.dtype = config, dtype
        lm, codec = part(weights, "talker."), config.speech_tokenizer
        self.talker = Talker(config.talker_config, lm, dtype)
        self.predictor = CodePredictor(config.talker_config, lm, dtype)
        decoder = part(weights, "speech_tokenizer.decoder.")
        self.decoder = CodecDecoder(codec.decoder_config, decoder, dtype)
        self.encoder = self.speaker_encoder = None
        if config.tts_model_type == "base":
            encoder = part(weights, "speech_tokenizer.encoder.")
            quantizers = codec.encoder_valid_num_quantizers
            self.encoder = CodecEncoder(codec.encoder_config, encoder, quantizers, dtype)
            speaker = part(weights, "speaker_encoder.")
            self.speaker_encoder = SpeakerEncoder(config.speaker_encoder_config, speaker, dtype)

    def prompt(
        self, ids, *, language="auto", speaker=None, instruct=None, reference=None, whole=True
    ) -> Prompt:
        """As build_prompt, with a language by name and a speaker by name or as a vector (H,)."""
        talker, name = self.config.talker_config, speaker if isinstance(speaker, str) else None
        if name is not None:
            speaker = self.talker.embed_codec([talker.spk_id[name.lower()]])[0]
        return build_prompt(
            self.talker,
            self.predictor,
            self.config,
            ids,
            language=spoken_language(talker, language, name),
            speaker=speaker,
            instruct=instruct,
            reference=reference,
            whole=whole,
        )

    def generate(self, prompt: Prompt, settings=None, uniforms=None) -> Spoken:
        """The codes of one speech. uniforms (max_new_tokens, G): the numbers of each frame's draws, code 0 first."""
        settings = settings or Settings()
        eos = self.config.talker_config.codec_eos_token_id
        if uniforms is None:
            assert not settings.first.do_sample, "drawing takes uniforms"
            assert not settings.rest.do_sample, "drawing takes uniforms"
            uniforms = np.zeros((settings.max_new_tokens, self.predictor.groups))
        stream, frames, history = self.talker.new_stream(), [], []
        hidden = self.talker.prefill(stream, prompt.rows)[-1:]
        logits = self.talker.logits(hidden)
        for k in range(settings.max_new_tokens):
            scores = first_code_scores(logits[0], history, settings.repetition_penalty, eos)
            history.append(pick(scores, settings.first, uniforms[k][0]))
            if history[-1] == eos or k == settings.max_new_tokens - 1:
                break
            codes, row = self.predictor.predict(hidden, history[-1:], [settings.rest], uniforms[k][None, 1:])
            frames.append(codes[0])
            text = prompt.trailing[k] if k < len(prompt.trailing) else prompt.pad
            hidden, logits = self.talker.step([stream], row + text)
        codes = np.array(frames, dtype=np.int64).reshape(-1, self.predictor.groups)
        return Spoken(codes, history[-1] == eos)

    def decode(self, codes, reference=None):
        """Samples of a speech as the official package returns them: in blocks; a reference's codes go before, and
        their share of the samples is cut off."""
        if reference is None:
            return self.decoder.decode_chunked(codes)
        everything = np.concatenate([reference.codes, codes])
        samples = self.decoder.decode_chunked(everything)
        # In this order of floating-point operations: what is cut can be one sample short of whole frames.
        return samples[int(len(reference.codes) / len(everything) * len(samples)) :]


def greedy(max_new_tokens, repetition_penalty=1.05) -> Settings:
    return Settings(GREEDY, GREEDY, repetition_penalty, max_new_tokens)
