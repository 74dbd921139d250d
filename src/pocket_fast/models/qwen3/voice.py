"""Voices of Qwen3-TTS: a speaker the model was trained with, a recording, or nobody in particular."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.audio.read import warn_of_length
from pocket_fast.errors import AudioError, TextError, VoiceError, WordsError, shown
from pocket_fast.models.contract import Slices
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.pipeline import Reference
from pocket_fast.models.settings import is_flag
from pocket_fast.text.prepare import check_text
from pocket_fast.weights.tensors import TensorFile
from pocket_fast.weights.whole import write_whole

FORMAT = "pocket_fast qwen3 voice 1"
SILENCE = 0.5  # seconds behind a recording: without it speech may begin inside the recording's last sound
_MOST_TENSORS = 1000  # in a file; a voice has two
_LARGEST = 1e15  # in an x-vector: it still has a square in 32 bits
_ABSURD = 1e9  # no sample is that large; integers read as numbers are
MOST_SECONDS = 120.0  # more makes no better voice, but takes gigabytes, and minutes in front of every text
_SPARE_SECONDS = 1.0  # of silence that may be added behind
_FRAMES_PER_SECOND = 12.5
_FRAMES = 4  # of a recording that are heard in one piece
_MOST_CHARACTERS = 5000  # of its words: nobody says as many in that time
_LEAST_CHARACTERS = 3.0  # for every second of a recording: the slowest speakers say five and more
_WORDLESS_SECONDS = 2.0  # of pauses that any recording may have

_log = logging.getLogger("pocket_fast")


@dataclass(eq=False)
class VoiceClonePromptItem:
    """A recording as a Base model takes it, by the names of qwen-tts.

    ref_code (T, 16) int64: its codes, None with x_vector_only_mode; ref_spk_embedding (enc_dim,) float32: its
    speaker's x-vector; icl_mode: the model reads ref_text and its codes before it goes on in that voice.
    """

    ref_code: np.ndarray | None
    ref_spk_embedding: np.ndarray
    x_vector_only_mode: bool
    icl_mode: bool
    ref_text: str | None = None
    _reference: Reference | None = field(default=None, init=False, repr=False)

    @property
    def reference(self) -> Reference | None:
        """The codes as utterances begin with them, and what the codec remembers of them: one for all."""
        if not self.icl_mode or self.ref_code is None:
            return None
        if self._reference is None:
            self._reference = Reference(np.asarray(self.ref_code))
        return self._reference


class Voice:
    """Who speaks: `speaker`, a name of the config's; or a recording, `item`; or, with neither, the description."""

    def __init__(self, speaker: str | None = None, item: VoiceClonePromptItem | None = None):
        self.speaker = speaker
        self.item = item
        self.reference = None if item is None else item.reference

    @property
    def length(self) -> int:
        """Frames of the recording that the model hears."""
        return 0 if self.reference is None else len(self.reference.codes)

    @property
    def nbytes(self) -> int:
        """Bytes of what was made of the recording, without the codec's memory of it."""
        if self.item is None:
            return 0
        return self.item.ref_spk_embedding.nbytes + (
            0 if self.item.ref_code is None else self.item.ref_code.nbytes
        )


def item_from_audio(
    pcm: np.ndarray,
    words: str | None,
    x_vector_only: bool,
    stages: Any,
    silence: float = 0.0,
    threads: int = 0,
    most_seconds: float = MOST_SECONDS,
) -> Slices[VoiceClonePromptItem]:
    """What a recording gives: pcm (n,) float32 at 24 kHz, `words`: what is said in it, unless x_vector_only.

    silence: seconds of it that the codes end with. Raises AudioError for a recording that is silent, too short or too
    long, WordsError where words are missing or unusable.
    """
    if not x_vector_only and not words:
        raise WordsError(
            "a voice in context needs the words of its recording; give them, or ask for the x-vector only"
        )
    words = words if x_vector_only else spoken_words(words)
    if len(pcm) == 0:
        raise AudioError("voice prompt: no samples; expected speech, best 3 to 15 seconds of it")
    if len(pcm) < stages.speaker.shortest:
        raise AudioError(
            f"voice prompt: {len(pcm)} samples, which say no speaker; expected speech, best 3 to 15 seconds of it"
        )
    rate = stages.sample_rate
    seconds = len(pcm) / rate
    if seconds > most_seconds:
        raise AudioError(f"voice prompt: {_too_long(seconds, most_seconds)}")
    peak = np.abs(pcm).max()
    if not peak < _ABSURD:  # NaN too
        raise AudioError(f"voice prompt: a sample of {peak:g}; expected numbers in [-1, 1]")
    if peak == 0:
        raise AudioError("voice prompt: nothing but silence; expected speech, best 3 to 15 seconds of it")
    warn_of_length(seconds, "3 to 15 s")
    pcm = np.ascontiguousarray(pcm, dtype=np.float32)
    codes = None
    if not x_vector_only:
        _compare_lengths(words, seconds)
        heard = np.concatenate([pcm, np.zeros(round(silence * rate), np.float32)])
        codes = yield from _codes_of(heard, stages.encoder, threads)
    x_vector = yield from stages.speaker.embed_in_slices(pcm, threads)
    return VoiceClonePromptItem(codes, x_vector, x_vector_only, not x_vector_only, words)


def _codes_of(pcm: np.ndarray, encoder: Any, threads: int) -> Slices[np.ndarray]:
    """(frames, groups) int64."""
    stream, piece, codes = encoder.stream(len(pcm)), _FRAMES * encoder.samples_per_frame, []
    for at in range(0, len(pcm), piece):
        latents = encoder.hear(stream, pcm[at : at + piece], threads)
        codes.append(encoder.quantise(latents, threads))
        yield
    return np.concatenate(codes).astype(np.int64)


def spoken_words(words: str) -> str:
    """The words themselves, if they can be what is said in a recording. Raises WordsError."""
    try:
        if not check_text(words).strip():
            raise WordsError("the words of the recording are blank; give them, or none for the x-vector only")
    except TextError as error:
        raise WordsError(f"the words of the recording: {error}") from None
    if len(words) > _MOST_CHARACTERS:
        raise WordsError(
            f"{len(words)} characters of words for one recording; expected at most {_MOST_CHARACTERS}"
        )
    return words


def _too_long(seconds: float, most: float) -> str:
    return (
        f"{seconds:.0f} s of sound; expected at most {most:g} s, best 3 to 15; use its first 30 s (truncate)"
    )


def _compare_lengths(words: str, seconds: float) -> None:
    """A warning where the words cannot be all that is said: the model then goes on with what is missing."""
    if len(words) < _LEAST_CHARACTERS * (seconds - _WORDLESS_SECONDS):
        _log.warning(
            "The words of the recording (%d characters) are few for %.1f s of sound: where they are not all that is "
            "said in it, speech runs on or does not end",
            len(words),
            seconds,
        )


def check_item(
    item: VoiceClonePromptItem, config: ModelConfig, where: str, most_seconds: float = MOST_SECONDS
) -> None:
    """Raises VoiceError, with the shapes, for one that the model of this config cannot use, or is too long."""
    talker, codec = config.talker_config, config.speech_tokenizer
    x_vector = _array(item.ref_spk_embedding, f"{where}: ref_spk_embedding")
    if x_vector.shape != (talker.hidden_size,) or x_vector.dtype.kind != "f":
        raise VoiceError(
            f"{where}: an x-vector {x_vector.shape} of {x_vector.dtype}; this model needs ({talker.hidden_size},) "
            "floating point: the voice was made with a model of another size"
        )
    largest = np.abs(x_vector).max(initial=0)
    if not largest <= _LARGEST:  # NaN too
        what = f"a number of {largest:.3g}" if np.isfinite(largest) else "NaN or infinity"
        raise VoiceError(f"{where}: the x-vector holds {what}; make the voice again")
    for name in ("icl_mode", "x_vector_only_mode"):
        if not is_flag(getattr(item, name)):
            raise VoiceError(f"{where}: {name}: expected True or False, got {shown(getattr(item, name))}")
    if not isinstance(item.ref_text, str | None):
        raise VoiceError(f"{where}: ref_text: expected text, got {shown(item.ref_text)}")
    if item.icl_mode == item.x_vector_only_mode:
        raise VoiceError(
            f"{where}: icl_mode and x_vector_only_mode are both {item.icl_mode}; one of them has to hold"
        )
    if item.x_vector_only_mode:
        return
    if item.ref_code is None or not item.ref_text:
        missing = "codes" if item.ref_code is None else "words"
        raise VoiceError(f"{where}: a voice in context without the {missing} of its recording")
    try:
        spoken_words(item.ref_text)
    except WordsError as error:
        raise VoiceError(f"{where}: {error}") from None
    codes, groups, size = (
        _array(item.ref_code, f"{where}: ref_code"),
        talker.num_code_groups,
        codec.decoder_config.codebook_size,
    )
    if codes.ndim != 2 or codes.shape[1] != groups or not len(codes) or codes.dtype.kind not in "iu":
        raise VoiceError(
            f"{where}: codes {codes.shape} of {codes.dtype}; this model needs (frames, {groups}) whole numbers"
        )
    seconds = len(codes) / _FRAMES_PER_SECOND
    if seconds > most_seconds + _SPARE_SECONDS:
        raise VoiceError(f"{where}: {len(codes)} frames, {_too_long(seconds, most_seconds)}")
    if codes.min() < 0 or codes.max() >= size:
        raise VoiceError(
            f"{where}: codes from {codes.min()} to {codes.max()}; this model has 0 to {size - 1}"
        )


def _array(given: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(given)
    except Exception as error:  # whatever a stranger's __array__ raises
        raise VoiceError(f"{name}: NumPy makes no array of it ({error})") from None


def read_voice(path: Path, config: ModelConfig, most_seconds: float = MOST_SECONDS) -> Voice:
    """A voice that write_voice wrote. Raises VoiceError where it does not fit; WeightsError, NotFoundError."""
    with TensorFile(path, _MOST_TENSORS, mapped=False) as file:
        if file.metadata.get("format") != FORMAT or "x_vector" not in file.names:
            raise VoiceError(
                f"{path}: not a voice of a Qwen3-TTS model (it holds {', '.join(file.names[:3]) or 'nothing'}); "
                "`pocket-fast export-voice` makes one"
            )
        codes = file.array("codes").copy() if "codes" in file.names else None
        if codes is not None and codes.dtype.kind in "iu":
            codes = codes.astype(np.int64)
        item = VoiceClonePromptItem(
            codes, file.array("x_vector").copy(), codes is None, codes is not None, file.metadata.get("words")
        )
    check_item(item, config, str(path), most_seconds)
    return Voice(item=item)


def write_voice(voice: Voice, path: Path) -> None:
    """Write the x-vector, and in context codes and words, as .safetensors. The file appears whole or not at all.

    Raises VoiceError if the voice has no recording, or cannot be written.
    """
    from safetensors.numpy import save

    if voice.item is None:
        raise VoiceError("a voice without a recording is a name or a description: there is nothing to write")
    tensors = {"x_vector": np.ascontiguousarray(voice.item.ref_spk_embedding, dtype=np.float32)}
    metadata = {"format": FORMAT}
    if voice.item.icl_mode:
        tensors["codes"] = np.ascontiguousarray(voice.item.ref_code, dtype=np.int16)
        metadata["words"] = voice.item.ref_text or ""
    try:
        write_whole(path, save(tensors, metadata))
    except OSError as error:
        raise VoiceError(f"{path}: cannot be written: {error.strerror or error}") from None
