"""From token ids and a voice to samples: the loop that the package's own pipeline must reproduce."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .backbone import Backbone
from .codec import CodecDecoder, CodecEncoder
from .flow_head import FlowHead
from .transformer import KVCache

MIN_FRAMES_BEFORE_EOS = 6
FADES_PER_SECOND = 200  # 5 ms


@dataclass
class Spoken:
    """One chunk of speech: latents (n, 32) as the flow head made them (not yet times emb_std plus emb_mean),
    samples (n * frame size,), one end-of-speech logit per step taken, and whether speech ended by itself."""

    latents: np.ndarray
    samples: np.ndarray
    eos_logits: np.ndarray
    ended: bool


class Model:
    """All four stages of one checkpoint. `config` is the whole config, `weights` maps bundle names to arrays."""

    def __init__(self, config, weights, dtype=np.float32):
        self.config, self.dtype = config, dtype
        self.backbone = Backbone(config.flow_lm, weights, dtype)
        self.flow_head = FlowHead(config.flow_lm.flow, weights, dtype)
        self.decoder = CodecDecoder(config.mimi, weights, dtype)
        self.encoder = CodecEncoder(config.mimi, weights, dtype)
        self.emb_std = np.asarray(weights["flow_lm.emb_std"], dtype)
        self.emb_mean = np.asarray(weights["flow_lm.emb_mean"], dtype)

    def voice_from_audio(self, samples) -> KVCache:
        """A voice: the stream that has heard `samples` (n,), at the codec's rate and already ended on a pause."""
        stream = self.backbone.new_stream()
        self.backbone.prefill(stream, self.backbone.embed_voice(self.encoder.encode_all(samples)))
        return stream

    def frame_limit(self, n_tokens) -> int:
        return math.ceil((n_tokens / 3.0 + 2.0) * self.config.mimi.frame_rate)

    def speak(
        self, tokens, voice: KVCache, noise=None, *, eos_threshold=None, frames_after_eos=3, steps=1
    ) -> Spoken:
        """One chunk of text.

        tokens (N,) ids; voice is not changed; noise (frame_limit(N), 32) is what the flow head starts from,
        None = zeros (temperature 0). Speech ends `frames_after_eos` frames after the first logit above the
        threshold (None: the config's), not counting the first 6 frames, or else at the frame limit.
        """
        limit = self.frame_limit(len(tokens))
        if noise is None:
            noise = np.zeros((limit, len(self.emb_std)))
        if eos_threshold is None:
            eos_threshold = self.config.default_eos_threshold
        stream = voice.fork()
        self.backbone.prefill(stream, self.backbone.embed_text(tokens))
        latent = np.full((1, len(self.emb_std)), np.nan, self.dtype)
        latents, logits, end = [], [], None
        for i in range(limit):
            z, logit = self.backbone.step([stream], latent)
            logits.append(logit[0])
            if end is None and i >= MIN_FRAMES_BEFORE_EOS and logit[0] > eos_threshold:
                end = i + frames_after_eos
            if end is not None and i >= end:
                break
            latent = self.flow_head.sample(z, noise[i][None], steps)
            latents.append(latent[0])
        latents = np.array(latents)
        return Spoken(latents, self.decode(latents), np.array(logits), end is not None)

    def decode(self, latents):
        """Samples of one chunk, frame by frame from a fresh decoder, the first 5 ms faded in."""
        stream = self.decoder.new_stream()
        scaled = latents * self.emb_std + self.emb_mean
        samples = np.concatenate([self.decoder.step([stream], frame[None])[0] for frame in scaled])
        fade = self.config.mimi.sample_rate // FADES_PER_SECOND
        samples[:fade] *= np.linspace(0, 1, fade).astype(self.dtype)
        return samples
