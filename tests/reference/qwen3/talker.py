"""The talker: rows of text and speech in, code 0 of the next frame out."""

from __future__ import annotations

import numpy as np

from ..parts import linear, root_mean_square_norm, silu
from ..transformer import KVCache
from .transformer import Transformer


class Talker:
    """`config` is the model's talker_config; `weights` the tensors of the main file without `talker.`.

    A stream is a KVCache; every call takes streams explicitly and streams never influence one another.
    """

    def __init__(self, config, weights, dtype=np.float64):
        self.config, self.dtype = config, dtype
        names = ("model.text_embedding", "model.codec_embedding", "codec_head", "model.norm")
        names += ("text_projection.linear_fc1", "text_projection.linear_fc2")
        self.weights = {n: np.asarray(w, dtype) for n, w in weights.items() if n.startswith(names)}
        self.transformer = Transformer(
            config,
            weights,
            "model.",
            layers=config.num_hidden_layers,
            head_dim=config.head_dim,
            eps=config.rms_norm_eps,
            dtype=dtype,
        )

    def new_stream(self) -> KVCache:
        return self.transformer.new_cache()

    def embed_text(self, ids):
        """T(i), text ids (n,) -> rows (n, H): two linear layers with SiLU between, over the text table."""
        w = self.weights
        x = w["model.text_embedding.weight"][np.asarray(ids, int)]
        x = linear(x, w["text_projection.linear_fc1.weight"], w["text_projection.linear_fc1.bias"])
        return linear(silu(x), w["text_projection.linear_fc2.weight"], w["text_projection.linear_fc2.bias"])

    def embed_codec(self, ids):
        """E(i), ids of the codec vocabulary (n,) -> rows (n, H)."""
        return self.weights["model.codec_embedding.weight"][np.asarray(ids, int)]

    def prefill(self, stream: KVCache, rows):
        """Append rows (T, H) to a stream; returns the hidden states (T, H) after the final norm."""
        x = self.transformer(np.asarray(rows, self.dtype), stream)
        return root_mean_square_norm(x, self.weights["model.norm.weight"], self.config.rms_norm_eps)

    def logits(self, hidden):
        """Hidden states (n, H) -> logits of code 0 (n, vocabulary)."""
        return linear(hidden, self.weights["codec_head.weight"])

    def step(self, streams, rows):
        """One position for each of B streams: rows (B, H) -> hidden (B, H), logits (B, vocabulary)."""
        hidden = [self.prefill(s, row[None]) for s, row in zip(streams, rows, strict=True)]
        hidden = np.concatenate(hidden)
        return hidden, self.logits(hidden)
