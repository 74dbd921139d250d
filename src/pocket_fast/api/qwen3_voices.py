"""The voices of Qwen3TTSModel: speakers by name, recordings, exported ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.api.arguments import check_event, check_flag, check_place, check_seconds
from pocket_fast.api.qwen3_speech import Qwen3Speaking
from pocket_fast.errors import VoiceError, WordsError
from pocket_fast.models.qwen3.voice import VoiceClonePromptItem

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Samples
    from pocket_fast.models.qwen3.voice import Voice


class Qwen3Voices(Qwen3Speaking):
    """Speech from a Qwen3Model, in the voices it finds."""

    stages: Any
    _progress: bool

    def find_voice(
        self,
        source: str | Path | np.ndarray | Samples,
        *,
        words: str | None = None,
        truncate: bool = False,
        most_seconds: float | None = None,
        stop: threading.Event | None = None,
    ) -> Voice:
        """A voice, ready to speak with any number of times.

        source: a speaker's name (custom_voice models); or for base models a path or URL of a recording, or of what
        `export-voice` made of one, or samples (n,), floating point at sample_rate, or (samples, their rate). words:
        what is said in the recording: then the model goes on from it, else it has the speaker's x-vector only.
        truncate: use the first 30 seconds of a recording. Half a second of silence is added behind one with words.
        most_seconds, stop: see Speaking.find_voice; None: 120.

        Raises VoiceError, AudioError, NotFoundError, DownloadError, StoppedError.
        """
        from pocket_fast.audio.read import PROMPT_SECONDS, check_audio, one_channel
        from pocket_fast.audio.source import is_pipe, whole_file
        from pocket_fast.models.qwen3.choices import speaker_id
        from pocket_fast.models.qwen3.recordings import read_recording, samples_of
        from pocket_fast.models.qwen3.voice import MOST_SECONDS, SILENCE, Voice, read_voice, write_voice
        from pocket_fast.models.qwen3.voices import check_recordings, check_words
        from pocket_fast.weights.hub import fetch, is_safetensors

        check_flag("truncate", truncate)
        check_seconds("most_seconds", most_seconds)
        check_event("stop", stop)
        check_words(self.config, words)
        most = MOST_SECONDS if most_seconds is None else min(most_seconds, MOST_SECONDS)

        def voice_of(pcm: np.ndarray) -> Voice:
            return Voice(item=self._item_of(pcm, words, words is None, SILENCE, most, stop))

        if not isinstance(source, (str, Path)):
            check_recordings(self.config)
            if isinstance(source, tuple):
                return voice_of(samples_of(source, self.sample_rate))
            return voice_of(one_channel(source, self.sample_rate))
        if isinstance(source, str) and not self.clones:
            speaker_id(self.config, source)
            return Voice(speaker=source.lower())
        check_recordings(self.config)
        if is_pipe(Path(source)):
            with whole_file(Path(source)) as copy:
                return self.find_voice(
                    copy, words=words, truncate=truncate, most_seconds=most_seconds, stop=stop
                )
        is_stored = is_safetensors(str(source))
        path = fetch(str(source), progress=self._progress, check=None if is_stored else check_audio)
        if is_stored:
            if words is not None:
                raise WordsError(f"{source}: an exported voice has its words in it already; leave them out")
            return read_voice(path, self.config, most)
        return self.voice_cache.get_recording(
            path,
            ("words", words, truncate),
            lambda: voice_of(read_recording(path, self.sample_rate, PROMPT_SECONDS if truncate else None)),
            read=lambda file: read_voice(file, self.config, most),
            write=write_voice,
        )

    def _item_of(
        self,
        pcm: np.ndarray,
        words: str | None,
        x_vector_only: bool,
        silence: float = 0.0,
        most_seconds: float | None = None,
        stop: threading.Event | None = None,
    ) -> VoiceClonePromptItem:
        """What a recording gives, computed beside speech."""
        from pocket_fast.models.qwen3.voice import MOST_SECONDS, item_from_audio

        most = MOST_SECONDS if most_seconds is None else most_seconds
        return self._engine().compute(
            lambda threads: item_from_audio(pcm, words, x_vector_only, self.stages, silence, threads, most),
            stop,
        )

    def create_voice_clone_prompt(
        self,
        ref_audio: Any,
        ref_text: str | list[str | None] | None = None,
        x_vector_only_mode: bool | list[bool] = False,
    ) -> list[VoiceClonePromptItem]:
        """What a base model takes of recordings, for generate_voice_clone, stream and astream.

        ref_audio: a path, URL, base64 audio (bare or as a data: URL), or (samples, rate); or a list of such.
        ref_text: what is said in them; x_vector_only_mode: leave the words out and go by the speaker's x-vector.
        Nothing is added to the recordings, as in qwen-tts; find_voice adds half a second of silence.

        Raises ConfigError (another kind of model, lists of different lengths), VoiceError (words missing), AudioError,
        NotFoundError, DownloadError.
        """
        from pocket_fast.api.qwen3_speech import for_each
        from pocket_fast.models.qwen3.choices import check_kind
        from pocket_fast.models.qwen3.recordings import samples_of

        check_kind(self.config, "base")
        recordings = ref_audio if isinstance(ref_audio, list) else [ref_audio]
        texts, only = for_each(
            len(recordings), {"ref_text": ref_text, "x_vector_only_mode": x_vector_only_mode}
        )
        for flag in only:
            check_flag("x_vector_only_mode", flag)
        items = []
        for recording, words, x_vector_only in zip(recordings, texts, only, strict=True):
            if not x_vector_only and not words:  # before the work
                raise VoiceError(
                    "ref_text is missing: without x_vector_only_mode, the words of the recording are needed"
                )
            pcm = samples_of(recording, self.sample_rate, progress=self._progress)
            items.append(self._item_of(pcm, words, bool(x_vector_only)))
        return items

    def export_voice(self, voice: Voice | VoiceClonePromptItem, path: str | Path) -> str:
        """See Speaking."""
        from pocket_fast.models.qwen3.voice import write_voice

        check_place("path", path)
        voice = self._as_voice(voice)
        write_voice(voice, Path(path))
        return f"x-vector, {voice.length} frames and their words" if voice.length else "x-vector"

    def _as_voice(self, voice: Any) -> Voice:
        from pocket_fast.models.qwen3.voice import Voice, check_item
        from pocket_fast.models.qwen3.voices import check_recordings, default_voice

        if voice is None:
            if self.clones:
                raise VoiceError(
                    "a base model speaks in the voice of a recording: give one, and best its words too"
                )
            return Voice(speaker=default_voice(self.config))
        if isinstance(voice, list) and len(voice) == 1:
            voice = voice[0]
        if isinstance(voice, (str, Path)):
            return self.find_voice(voice)
        item = voice if isinstance(voice, VoiceClonePromptItem) else getattr(voice, "item", None)
        if item is None and not isinstance(voice, Voice):
            raise VoiceError(
                "voice: expected a name, or what find_voice or create_voice_clone_prompt returns, got "
                f"{type(voice).__name__}"
            )
        if item is None:
            return voice
        check_recordings(self.config)
        check_item(item, self.config, "voice")
        return voice if isinstance(voice, Voice) else Voice(item=item)
