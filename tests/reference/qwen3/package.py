"""The package itself as a candidate (candidates.py): its tokenizer, resampler, stages and engine."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import numpy as np

from pocket_fast import Qwen3TTSModel
from pocket_fast.audio.resample import resample_soxr
from pocket_fast.models.qwen3 import pipeline
from pocket_fast.models.qwen3.voice import Voice

_METHODS = {
    "custom_voice": "generate_custom_voice",
    "voice_design": "generate_voice_design",
    "base": "generate_voice_clone",
}


class PackageQwen3:
    """The methods of qwen-tts where they take the case; a text of nothing is spoken one level below them."""

    def __init__(self, folder, ids_of=None, **options):
        self.model = Qwen3TTSModel.from_pretrained(folder, **options)

    def prompt(self, case):
        script = self._script(case)
        chunk = script._chunk(case.text)
        prompt = script.begin(chunk, None).prompt
        beside = [prompt.beside(i) for i in range(len(chunk.plan.trailing) + 1)]
        rows = prompt.rows(0, len(prompt))
        return SimpleNamespace(rows=rows, trailing=np.stack(beside[:-1]), pad=beside[-1])

    def speak(self, case, item=None):
        """item: a VoiceClonePromptItem in place of the case's recording."""
        with self._injected(case.uniforms()) as frames:
            samples = self._samples(case, item)
        return np.array(frames, dtype=np.int64).reshape(-1, 16), samples

    def codes_of(self, samples, rate):
        return self.model.stages.encoder.encode(resample_soxr(samples, rate, 24000))

    def vector_of(self, samples, rate):
        return self.model.stages.speaker.embed(resample_soxr(samples, rate, 24000))

    def decode(self, codes):
        stream = pipeline.CodecStream(self.model.stages.decoder.stream(), in_blocks=True)
        model, sounds = self.model._model, []
        for row in codes:
            while stream.context_left:
                model._hear_again(stream, 0)
            sounds.append(model._decode([stream], np.int32(row)[None], 0)[0])
            stream.draw()
            stream.hear(np.int32(row))
        return np.concatenate(sounds)

    def _samples(self, case, item):
        kind = self.model.tts_model_type
        how = {"language": case.language, "non_streaming_mode": case.whole, "max_characters": 0}
        if kind == "base":
            how["voice_clone_prompt"] = [item or self._item(case)]
        else:
            how["instruct"] = case.instruct
        if kind == "custom_voice":
            how["speaker"] = case.speaker
        if case.text.strip():
            waves, _ = getattr(self.model, _METHODS[kind])(case.text, **how, **case.options)
            return waves[0]
        script = self._script(case)
        speech = self.model._engine().submit(live=False)
        speech.add([lambda: script.begin(script._chunk(case.text), None)])
        speech.close()
        sounds = []
        while (sound := speech.take()) is not None:
            sounds.append(sound)
        return np.concatenate([*sounds, np.zeros(0, np.float32)])

    def _script(self, case):
        settings = {"language": case.language, "non_streaming_mode": case.whole, **case.options}
        if self.model.config.takes_instructions:
            settings["instruct"] = case.instruct or ""
        voice = Voice(speaker=case.speaker and case.speaker.lower())
        if case.voice is not None:
            voice = Voice(item=self._item(case))
        return self.model._script(voice, settings, seed=None, natural_pauses=False)

    def _item(self, case):
        recording = (case.recording(), case.voice[0])
        (item,) = self.model.create_voice_clone_prompt(recording, case.words, case.words is None)
        return item

    @contextlib.contextmanager
    def _injected(self, uniforms):
        """Have the next speech drawn by these numbers; gives the list of its frames' codes."""
        rows, frames, model = iter(uniforms), [], self.model._model
        begin, decode = model.begin, model.decode

        def begin_with(*args):
            utterance = begin(*args)
            utterance.uniforms = _Given(rows)
            return utterance

        def decode_and_note(drawn, threads=0):
            frames.extend(frame.codes for frame in drawn)
            return decode(drawn, threads)

        model.begin, model.decode = begin_with, decode_and_note
        try:
            yield frames
        finally:
            del model.begin, model.decode


class _Given:
    """A generator that has its numbers from elsewhere."""

    def __init__(self, rows):
        self._rows = rows

    def random(self, n):
        row = next(self._rows)
        assert len(row) == n
        return row
