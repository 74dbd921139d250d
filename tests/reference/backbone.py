"""The language model up to the vector that conditions the flow head."""

from __future__ import annotations

import numpy as np

from .parts import layer_norm, linear
from .transformer import KVCache, Transformer


class Backbone:
    """Text, voice and latents in; one conditioning vector and one end-of-speech logit per frame out.

    `flow_lm` is the config's flow_lm section, `weights` maps bundle names to float arrays. A stream is a
    KVCache; every call takes streams explicitly and streams never influence one another.
    """

    def __init__(self, flow_lm, weights, dtype=np.float32):
        self.dtype = dtype
        self.weights = {
            n.removeprefix("flow_lm."): np.asarray(w, dtype)
            for n, w in weights.items()
            if n.startswith("flow_lm.") and not n.startswith(("flow_lm.transformer.", "flow_lm.flow_net."))
        }
        self.transformer = Transformer(flow_lm.transformer, weights, "flow_lm.transformer.", None, dtype)

    def new_stream(self) -> KVCache:
        return self.transformer.new_cache()

    def embed_text(self, tokens):
        """Token ids (N,) -> rows (N, d): the table, then the projection of a low-rank table."""
        rows = self.weights["conditioner.embed.weight"][np.asarray(tokens, int)]
        proj = self.weights.get("conditioner.proj.weight")
        return rows if proj is None else linear(rows, proj)

    def embed_voice(self, latents):
        """Codec latents (T, s) -> rows (T or T + 1, d): the speaker projection after an optional first row."""
        rows = linear(np.asarray(latents, self.dtype), self.weights["speaker_proj_weight"])
        bos = self.weights.get("bos_before_voice")
        return rows if bos is None else np.concatenate([bos[0], rows])

    def embed_latent(self, latents):
        """Generated latents (B, 32) -> rows (B, d). NaN elements mean "no frame yet" and become bos_emb."""
        latents = np.asarray(latents, self.dtype)
        latents = np.where(np.isnan(latents), self.weights["bos_emb"], latents)
        return linear(latents, self.weights["input_linear.weight"])

    def prefill(self, stream: KVCache, rows):
        """Append text or voice rows (T, d) to a stream; returns the normalised hidden states (T, z)."""
        return self._head(self.transformer(rows, stream))

    def step(self, streams, latents):
        """One frame for each of B streams: the previous latents (B, 32) -> z (B, z), eos logits (B,)."""
        z = [self.prefill(s, self.embed_latent(x[None])) for s, x in zip(streams, latents, strict=True)]
        logits = [
            linear(row, self.weights["out_eos.weight"], self.weights["out_eos.bias"])[:, 0] for row in z
        ]
        return np.concatenate(z), np.concatenate(logits)

    def _head(self, x):
        x = layer_norm(x, self.weights["out_norm.weight"], self.weights["out_norm.bias"])
        proj = self.weights.get("z_proj.weight")
        return x if proj is None else linear(x, proj)
