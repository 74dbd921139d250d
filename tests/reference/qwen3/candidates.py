"""Implementations that are held against the official package, behind the same five calls as `official.Official`.

    prompt(case) -> Prompt             what the talker is given
    speak(case) -> codes, samples      the whole of it, drawn by case.uniforms()
    codes_of(samples, rate) -> codes   of a recording
    vector_of(samples, rate)           of who speaks in it
    decode(codes) -> samples           as the official package does, in blocks

A candidate is made with a folder and the official tokenizer's function text -> ids.
"""

from __future__ import annotations

import json

import numpy as np

from pocket_fast.models.qwen3.config_files import load_config
from pocket_fast.models.qwen3.names import CODEC_PREFIX

from ..checkpoint import read_weights
from .model import Model, Settings
from .prompt import Reference, assistant_text, instruct_text, reference_text
from .sampling import Draw


class NumpyQwen3:
    """The specification, in float64. It has no tokenizer of its own and no resampler."""

    def __init__(self, folder, ids_of, dtype=np.float64):
        self.config, self.ids_of = load_config(lambda name: folder / name, folder.name), ids_of
        self.model = Model(self.config, folder_weights(folder), dtype)

    def prompt(self, case):
        return self._prompt(case, self._voice(case))

    def speak(self, case):
        voice = self._voice(case)
        generated = self.model.generate(self._prompt(case, voice), settings_of(case), case.uniforms())
        return generated.codes, self.model.decode(generated.codes, voice.get("reference"))

    def codes_of(self, samples, rate):
        return self.model.encoder.encode(resampled(samples, rate))

    def vector_of(self, samples, rate):
        return self.model.speaker_encoder.embed(resampled(samples, rate))

    def decode(self, codes):
        return self.model.decode(codes)

    def _voice(self, case):
        """The arguments of Model.prompt that say who speaks."""
        if case.voice is None:
            return {"speaker": case.speaker}
        rate, samples = case.voice[0], case.recording()
        voice = {"speaker": self.vector_of(samples, rate)}
        if case.words is not None:
            codes = self.codes_of(samples, rate)
            voice["reference"] = Reference(self.ids_of(reference_text(case.words)), codes)
        return voice

    def _prompt(self, case, voice):
        heard = case.instruct and self.config.takes_instructions
        instruct = self.ids_of(instruct_text(case.instruct)) if heard else None
        ids = self.ids_of(assistant_text(case.text))
        return self.model.prompt(ids, language=case.language, instruct=instruct, whole=case.whole, **voice)


def folder_weights(folder):
    """{name as in expected_tensors: float32 array} of a model's folder."""
    files = [folder / "model.safetensors"]
    if not files[0].exists():
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        files = [folder / name for name in sorted(set(index["weight_map"].values()))]
    weights = {}
    for file in files:
        weights.update(read_weights(file))
    codec = read_weights(folder / "speech_tokenizer" / "model.safetensors")
    return {**weights, **{CODEC_PREFIX + name: w for name, w in codec.items()}}


def resampled(samples, rate):
    """At 24 kHz, by the resampler that the official package uses."""
    if rate == 24000:
        return samples
    import librosa

    return librosa.resample(y=samples, orig_sr=rate, target_sr=24000)


def settings_of(case) -> Settings:
    """The official keyword arguments of a case as Settings."""
    o = case.options

    def draw(prefix, switch):
        values = {k: o[prefix + k] for k in ("top_k", "top_p", "temperature") if prefix + k in o}
        return Draw(o.get(switch, True), **values)

    first, rest = draw("", "do_sample"), draw("subtalker_", "subtalker_dosample")
    return Settings(first, rest, o.get("repetition_penalty", 1.05), o["max_new_tokens"])
