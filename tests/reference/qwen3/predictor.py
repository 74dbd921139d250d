"""The code predictor: codes 1 to G - 1 of a frame from the talker's hidden state and code 0."""

from __future__ import annotations

import numpy as np

from ..parts import linear, root_mean_square_norm
from .sampling import pick
from .transformer import Transformer


class CodePredictor:
    """`config` is the model's *talker_config*; `weights` the tensors of the main file without `talker.`.

    It remembers nothing from frame to frame: keys and values of at most G positions live within one call.
    """

    def __init__(self, config, weights, dtype=np.float64):
        inner = config.code_predictor_config
        self.groups, self.eps, self.dtype = config.num_code_groups, inner.rms_norm_eps, dtype

        def take(name):
            return np.asarray(weights[name], dtype)

        prefix, rest = "code_predictor.", range(self.groups - 1)
        # The table of each code: code 0 has the talker's, which is larger than the others.
        self.tables = [take("model.codec_embedding.weight")]
        self.tables += [take(f"{prefix}model.codec_embedding.{g}.weight") for g in rest]
        self.heads = [take(f"{prefix}lm_head.{g}.weight") for g in rest]
        self.norm = take(f"{prefix}model.norm.weight")
        self.projection = None
        if config.hidden_size != inner.hidden_size:
            name = f"{prefix}small_to_mtp_projection"
            self.projection = take(name + ".weight"), take(name + ".bias")
        self.transformer = Transformer(
            inner,
            weights,
            prefix + "model.",
            layers=inner.num_hidden_layers,
            head_dim=inner.head_dim,
            eps=self.eps,
            dtype=dtype,
        )

    @property
    def draws(self) -> int:
        """Uniform numbers a frame takes."""
        return self.groups - 1

    def embed_frames(self, codes):
        """Whole frames of codes (n, G) -> rows (n, H): each the sum of its G embeddings."""
        columns = np.asarray(codes, int).T
        return sum(table[column] for table, column in zip(self.tables, columns, strict=True))

    def predict(self, hidden, first, draws, uniforms):
        """Codes (B, G) of one frame for each of B streams, and the frames' rows (B, H).

        hidden (B, H): what the talker's final norm gave when it led to code 0; first (B,): code 0; draws: a Draw
        for each row; uniforms (B, G - 1) in [0, 1): code g + 1 is drawn with number g.
        """
        rows = zip(hidden, first, draws, uniforms, strict=True)
        codes = np.array([self._frame(*row) for row in rows], dtype=np.int64)
        return codes, self.embed_frames(codes)

    def logits(self, hidden, codes):
        """Teacher forcing: hidden (H,) and the codes of a frame (G,) -> logits of codes 1 to G - 1 (G - 1, V)."""
        inputs = [hidden, *(self.tables[g][codes[g]] for g in range(self.groups - 1))]
        out = self._run(np.array(inputs), self.transformer.new_cache())[1:]
        return np.array([linear(x, head) for x, head in zip(out, self.heads, strict=True)])

    def _frame(self, hidden, first, draw, uniforms):
        cache, codes = self.transformer.new_cache(), [int(first)]
        x = np.array([hidden, self.tables[0][codes[0]]])
        for g in range(self.groups - 1):
            logits = linear(self._run(x, cache)[-1], self.heads[g])
            codes.append(pick(logits, draw, uniforms[g]))
            x = self.tables[g + 1][codes[-1]][None]
        return codes

    def _run(self, x, cache):
        x = np.asarray(x, self.dtype)
        if self.projection is not None:
            x = linear(x, *self.projection)
        return root_mean_square_norm(self.transformer(x, cache), self.norm, self.eps)
