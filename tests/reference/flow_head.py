"""The sampler: from a conditioning vector and noise to one latent."""

from __future__ import annotations

import numpy as np

from .parts import layer_norm, linear, rms_norm, silu, timestep_embedding

TIMES = {"lsd": 2, "flow_matching": 1, "drifting": 0, "pointwise": 0}


class FlowHead:
    """A residual MLP whose blocks are shifted, scaled and gated by the condition (AdaLN).

    `flow` is the config's flow_lm.flow section, `weights` maps bundle names to float arrays.
    """

    def __init__(self, flow, weights, dtype=np.float32):
        self.type, self.depth, self.dtype = flow.type, flow.depth, dtype
        prefix = "flow_lm.flow_net."
        self.weights = {
            n.removeprefix(prefix): np.asarray(w, dtype) for n, w in weights.items() if n.startswith(prefix)
        }

    def embed_time(self, j, t):
        """Row (w,) for the j-th time condition at t: two linear layers and an RMS norm over cos and sin."""
        name = f"time_embed.{j}."
        x = timestep_embedding(t, self.weights[name + "freqs"])
        x = self._linear(name + "mlp.2", silu(self._linear(name + "mlp.0", x)))
        return rms_norm(x, self.weights[name + "mlp.3.alpha"])

    def res_block(self, n, x, y):
        """One AdaLN block: x + gate * mlp(norm(x) * (1 + scale) + shift). x, y (B, w)."""
        name = f"res_blocks.{n}."
        shift, scale, gate = np.split(self._linear(name + "adaLN_modulation.1", silu(y)), 3, axis=-1)
        h = layer_norm(x, self.weights[name + "in_ln.weight"], self.weights[name + "in_ln.bias"], eps=1e-6)
        h = self._linear(name + "mlp.0", h * (1 + scale) + shift)
        return x + gate * self._linear(name + "mlp.2", silu(h))

    def __call__(self, z, times, x):
        """The network itself. z (B, z), times: as many numbers as the type has, x (B, 32) -> (B, 32)."""
        y = self._linear("cond_embed", z)
        if times:
            y = y + sum(self.embed_time(j, t) for j, t in enumerate(times)) / len(times)
        x = self._linear("input_proj", x)
        for n in range(self.depth):
            x = self.res_block(n, x, y)
        shift, scale = np.split(self._linear("final_layer.adaLN_modulation.1", silu(y)), 2, axis=-1)
        return self._linear("final_layer.linear", layer_norm(x, eps=1e-6) * (1 + scale) + shift)

    def sample(self, z, noise, steps=1):
        """Latents (B, 32) from conditions z (B, z) and noise (B, 32), already scaled by sqrt(temperature).

        lsd: `steps` jumps along the flow map between times i/steps and (i+1)/steps; flow_matching: Euler
        integration with `steps` velocities; drifting and pointwise take one step whatever `steps` says.
        """
        x = np.asarray(noise, self.dtype)
        if self.type == "drifting":
            return self(z, (), x)
        if self.type == "pointwise":
            return x + self(z, (), x)
        for i in range(steps):
            times = (i / steps, (i + 1) / steps)[: TIMES[self.type]]
            x = x + self(z, times, x) / steps
        return x

    def _linear(self, name, x):
        return linear(x, self.weights[name + ".weight"], self.weights[name + ".bias"])
