"""What may be asked of the speech of a Qwen3-TTS model: names and meaning of qwen-tts 0.1.1, and chunks of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pocket_fast.models.qwen3.config import GenerationConfig, ModelConfig
from pocket_fast.models.qwen3.pipeline import Sampling
from pocket_fast.models.settings import Setting

_ALL_CODES = (1 << 31) - 1  # no model has as many to draw from: any larger top_k says the same
_MOST_CHARACTERS = 2000  # of an instruction: it is a prompt, taken in before the first sound


def _drawn(prefix: str, of: str, do_sample: str) -> tuple[Setting, ...]:
    """The four that say how codes are drawn."""
    by_model = "default: the model's"
    return (
        Setting(
            do_sample,
            bool,
            help=f"false: no chance in {of}, always the likeliest ({by_model})",
            description=f"False: no chance in {of}, always the likeliest.",
        ),
        Setting(
            f"{prefix}temperature",
            float,
            help=f"of {of}: higher is livelier ({by_model})",
            description=f"Of {of}: higher is livelier.",
            above=0,
            most_asked=10,
            absurd=1e6,
        ),
        Setting(
            f"{prefix}top_k",
            int,
            help=f"draw {of} from the likeliest K; 0: from all ({by_model})",
            description=f"Draw {of} from the likeliest so many; 0: from all.",
            least=0,
        ),
        Setting(
            f"{prefix}top_p",
            float,
            help=f"draw {of} from the likeliest that add up to it ({by_model})",
            description=f"Draw {of} from the likeliest that add up to it.",
            above=0,
            most=1,
        ),
    )


SETTINGS = (
    Setting(
        "language",
        str,
        help="what is spoken: german, ... or auto (default: auto)",
        description="The language spoken, or auto.",
    ),
    Setting(
        "instruct",
        str,
        help="how to speak, or whose voice it is, in words",
        description="How to speak, or whose voice it is, in words.",
        most=_MOST_CHARACTERS,
    ),
    *_drawn("", "the first code of a frame", "do_sample"),
    Setting(
        "repetition_penalty",
        float,
        help="above 1: first codes that were drawn before become less likely (default: the model's)",
        description="Above 1: first codes that were drawn before become less likely.",
        above=0,
        most_asked=10,
        absurd=1e6,
    ),
    *_drawn("subtalker_", "the other codes", "subtalker_dosample"),
    Setting(
        "max_new_tokens",
        int,
        help="most 80 ms frames of a chunk, plus one (default: by the length of its text)",
        description="Most 80 ms frames of a chunk, plus one.",
        least=2,
        most_asked=8192,
    ),
    Setting(
        "non_streaming_mode",
        bool,
        help="true: the model reads all of a chunk before it speaks; false: word by word (default: true, and false "
        "with a recording)",
        description="True: the model reads all of a chunk before it speaks; false: word by word.",
    ),
    Setting(
        "max_characters",
        int,
        help="longest chunk of text, in characters; 0: never cut (default 200)",
        description="Longest chunk of text, in characters; 0: never cut.",
        least=0,
    ),
    Setting(
        "decode_in_blocks",
        bool,
        help="true: decode 300 frames at a time, each block anew, as the official package does (default: false)",
        description="True: decode 300 frames at a time, each block anew, as the official package does.",
    ),
)


def settings_of(config: ModelConfig) -> tuple[Setting, ...]:
    """Those that a model has: how base models speak is up to the recording, and small models hear no instructions."""
    if config.takes_instructions:
        return SETTINGS
    return tuple(setting for setting in SETTINGS if setting.name != "instruct")


def sampling_of(
    settings: Mapping[str, Any], defaults: GenerationConfig, draw: Callable[..., Any]
) -> Sampling:
    """How codes are drawn: by `settings` where they say, else by the model's defaults. draw: the stages' own Draw."""

    def get(name: str) -> Any:
        return settings.get(name, getattr(defaults, name))

    def draws(prefix: str, do_sample: str) -> Any:
        top_k = min(get(f"{prefix}top_k"), _ALL_CODES)
        return draw(get(do_sample), top_k, get(f"{prefix}top_p"), get(f"{prefix}temperature"))

    return Sampling(
        draws("", "do_sample"),
        draws("subtalker_", "subtalker_dosample"),
        get("repetition_penalty"),
        settings.get("decode_in_blocks", False),
    )
