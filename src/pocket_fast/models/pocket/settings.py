"""What may be asked of the speech of a Pocket TTS model."""

from __future__ import annotations

from pocket_fast.models.settings import Setting

SETTINGS = (
    Setting(
        "temperature",
        float,
        help="variance of the noise (default: the model's)",
        description="Variance of the noise.",
        least=0,
        most_asked=10,
        absurd=1e6,
    ),
    Setting(
        "steps",
        int,
        help="steps per frame (default 1)",
        description="Sampler steps per frame; also called sampler_decode_steps and lsd_steps.",
        least=1,
        most_asked=64,
        absurd=1000,
        also=("sampler_decode_steps", "lsd_steps"),
        option="--sampler-decode-steps",
        old_option="--lsd-decode-steps",
    ),
    Setting(
        "noise_clamp",
        float,
        help="redraw noise beyond +-X (default: never)",
        description="No noise beyond plus or minus this.",
        above=0,
    ),
    Setting(
        "eos_threshold",
        float,
        help="end of speech above it (default: the model's)",
        description="Speech ends above it.",
    ),
    Setting(
        "frames_after_eos",
        int,
        help="80 ms frames kept after end of speech",
        description="80 ms frames kept after the end.",
        least=0,
        most_asked=125,
    ),
    Setting(
        "max_tokens",
        int,
        help="longest chunk of text (default 50; builtin 130)",
        description="Longest chunk of text.",
        least=1,
        most_asked=1000,
    ),
)
