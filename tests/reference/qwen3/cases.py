"""Speeches to compare implementations by: every mode, language rule and way of feeding text, long and short."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..record import synthetic_voice
from .tiny import TINY_QWEN3

SHORT, TEXT = "Hi.", "The gulls went with it, waiting."
LONG = "Seven children waved; 天地玄黄 — “the café's” tide was in: 12,5 metres & rising… Wir gehen über die Brücke."
WORDS, MANY_WORDS = (
    "Then he said it.",
    "The thing in the water was nothing that he or she or the others had ever seen.",
)

GREEDY = {"do_sample": False, "subtalker_dosample": False}
# Settings to draw by: the defaults, then what the defaults leave out.
SAMPLED = (
    {},
    {
        "top_k": 0,
        "top_p": 0.8,
        "temperature": 1.3,
        "repetition_penalty": 1.3,
        "subtalker_top_k": 7,
        "subtalker_top_p": 0.9,
        "subtalker_temperature": 0.6,
    },
    {"top_k": 5, "temperature": 1.0, "repetition_penalty": 1.0, "subtalker_dosample": False},
)


@dataclass(frozen=True)
class Case:
    """One call of generate_*: what is said, by whom, and how.

    voice: (rate, seconds, pitch) of a synthetic recording; words: what is said in it, None for the vector alone;
    whole: non_streaming_mode; options: keyword arguments by their official names.
    """

    model: str
    text: str = TEXT
    language: str = "Auto"
    speaker: str | None = None
    instruct: str | None = None
    voice: tuple[int, float, float] | None = None
    words: str | None = None
    whole: bool = True
    options: dict = field(default_factory=lambda: {**GREEDY, "max_new_tokens": 16})

    def __str__(self):
        parts = [self.model.removeprefix("qwen3-tiny-"), self.speaker, self.language]
        parts += ["whole" if self.whole else "streamed", f"{len(self.text)}-letters"]
        if self.voice:
            parts.append("vector" if self.words is None else f"{len(self.words)}-letters-heard")
        if self.instruct is not None:
            parts.append(f"{len(self.instruct)}-letters-of-instruction")
        return "-".join(p for p in parts if p)

    def drawn(self, options):
        """The same speech, sampled."""
        return replace(self, options={**options, "max_new_tokens": self.options["max_new_tokens"]})

    def recording(self):
        rate, seconds, pitch = self.voice
        return synthetic_voice(rate, seconds, pitch)

    def uniforms(self):
        """(max_new_tokens, 16) numbers for the draws of this speech."""
        return np.random.default_rng(len(self.text)).random((self.options["max_new_tokens"], 16))


VOICE, HIGH_VOICE = (24000, 1.3, 120.0), (24000, 0.5, 210.0)


def _cases():
    for model in ("qwen3-tiny-base", "qwen3-tiny-base-wide"):
        for whole in (True, False):
            for words in (None, WORDS, MANY_WORDS):
                base = Case(model, voice=VOICE, words=words, whole=whole)
                yield base
                yield replace(base, text=LONG, language="German", voice=HIGH_VOICE)
                yield replace(base, text=SHORT, language="chinese")
    for model in ("qwen3-tiny-customvoice", "qwen3-tiny-customvoice-wide"):
        for whole in (True, False):
            base = Case(model, speaker="ryan", whole=whole)
            yield base
            yield replace(base, speaker="Dylan")  # a dialect in place of auto,
            yield replace(base, speaker="eric", language="Chinese", text=LONG)  # and of Chinese,
            yield replace(base, speaker="eric", language="english", text=SHORT)  # and of nothing else
            yield replace(base, speaker="serena", language="Chinese")
            yield replace(base, speaker="vivian", language="japanese", text=LONG)
            yield replace(base, instruct="Speak slowly, in a whisper.")  # dropped by the small model
            yield replace(base, speaker="uncle_fu", instruct="", text="é")
            yield replace(base, speaker="ono_anna", text="")
    for whole in (True, False):
        base = Case("qwen3-tiny-voicedesign", instruct="A deep old voice, 天 tired.", whole=whole)
        yield base
        yield replace(base, language="Russian", text=LONG)
        yield replace(base, language="korean", text=SHORT, instruct="Young.")
        yield replace(base, instruct="")
        yield replace(base, language="french", instruct="A voice like the sea. " * 6)
        yield replace(base, text=LONG, options={**GREEDY, "max_new_tokens": 40})
    yield Case("qwen3-tiny-base", voice=VOICE, words=WORDS, options={**GREEDY, "max_new_tokens": 2})
    yield Case("qwen3-tiny-customvoice", speaker="aiden", options={**GREEDY, "max_new_tokens": 3})


CASES = tuple(_cases())
DRAWN = tuple(
    case.drawn(options)
    for options in SAMPLED
    for case in (
        Case("qwen3-tiny-base-wide", voice=VOICE, words=WORDS, whole=False),
        Case("qwen3-tiny-customvoice", text=LONG, speaker="sohee", language="english"),
        Case("qwen3-tiny-voicedesign", instruct="A deep old voice.", whole=False),
    )
)


def _recorded(model):
    """The speeches of a model's golden."""
    few, design = {**GREEDY, "max_new_tokens": 9}, "A deep old voice, 天 tired."
    if "base" in model:
        base = Case(model, voice=VOICE, options=few)
        yield replace(base, language="english")
        yield replace(base, text=LONG, language="German", voice=HIGH_VOICE, whole=False)
        yield replace(base, text=SHORT, words=WORDS, whole=False)  # less text than recording
        yield replace(base, words=MANY_WORDS, whole=False)  # more
        yield replace(base, words=WORDS, language="chinese").drawn(SAMPLED[1])
    elif "customvoice" in model:
        base = Case(model, speaker="ryan", options=few)
        yield replace(base, language="english", whole=False)
        yield replace(base, speaker="Dylan", text=SHORT)
        yield replace(base, speaker="eric", language="Chinese", whole=False)
        yield replace(base, speaker="eric", language="english", text=LONG)
        yield replace(base, instruct="Speak slowly, in a whisper.").drawn(SAMPLED[0])
    else:
        base = Case(model, instruct=design, options=few)
        yield base
        yield replace(base, language="Russian", text=LONG, whole=False)
        yield replace(base, instruct="", text="").drawn(SAMPLED[2])


RECORDED = {name: tuple(_recorded(name)) for name in TINY_QWEN3}
# (rate, seconds, pitch) of recordings whose codes and speakers are recorded.
RECORDINGS = (VOICE, HIGH_VOICE, (44100, 0.7, 150.0), (16000, 0.9, 90.0))
EVERY, EVERY_OF_MANY = 13, 101  # one sample in so many is recorded; no divisor of a frame, so every phase is
CODEC_FRAMES, CHUNKED_FRAMES = 45, 320


def random_codes(frames):
    return np.random.default_rng(frames).integers(0, 64, (frames, 16))
