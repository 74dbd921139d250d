"""Audio files in: any container, width, rate and channel count, as one float32 channel."""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.audio.channels import Channels, as_float32, is_floating, one_voice
from pocket_fast.audio.kinds import CONVERT
from pocket_fast.audio.library import load_soundfile
from pocket_fast.audio.parts import Part, known_frames, parts_of
from pocket_fast.audio.quiet import quiet
from pocket_fast.audio.resample import resample
from pocket_fast.audio.source import open_source
from pocket_fast.errors import AudioError, shown

logger = logging.getLogger("pocket_fast.audio")

MAX_SECONDS = 600.0
"""Longest file that is read whole. A voice prompt is seconds long; hours of audio are a mistake."""

PROMPT_SECONDS = 30.0
"""What is used of a recording that is truncated. A longer prompt is no better, and makes speech run on."""

_BLOCK = 1 << 13  # values per read over all channels; what a damaged file loses before the damage
_SILENT = 1e-4  # -80 dBFS
_NO_NOISE = 0.28  # as loud as speech may be in all; what is no sound, read as if it were, is louder
_A_MOMENT = 0.05  # seconds that no header has to count right


def read_audio(
    path: str | Path, *, max_seconds: float | None = None, max_rate: int | None = None
) -> tuple[np.ndarray, int]:
    """Samples of an audio file: ((n,) float32, rate in Hz).

    The content decides what the file is, not its name: WAV in every width, FLAC, MP3, Ogg and the rest of what
    libsndfile reads; all of it, whatever its header counts, and files that were joined end to end. A pipe is read
    once. Of several channels their mean, without silent ones; where they cancel each other, the loudest.
    Integers are divided by 2**(bits - 1), so full scale is [-1, 1); floating-point files are taken as they are.
    `max_seconds` decodes only that much, int(max_seconds * rate) samples; without it, files longer than MAX_SECONDS
    are refused. A file that is cut short or damaged gives what can be decoded, with a warning; a silent one has a
    warning, too.

    Raises NotFoundError; AudioError when nothing can be decoded, when there are no samples, when one is NaN or
    infinite, or the rate is above `max_rate`; UnsupportedError without libsndfile.
    """
    path = Path(path)
    soundfile = load_soundfile()
    seconds = MAX_SECONDS if max_seconds is None else max_seconds
    reading = _Reading(path, seconds)
    with open_source(path) as file:
        for part in parts_of(file, path, seconds):
            with quiet if part.talks else nullcontext():
                try:
                    sound = part.open()
                except soundfile.SoundFileError as error:
                    if reading.rate:  # what was before it counts
                        reading.is_short = True
                        continue
                    reason = f"not an audio file that can be read ({_reason(error)})"
                    raise AudioError(f"{path}: {reason}; {CONVERT}") from error
                with sound:
                    rate = sound.samplerate
                    if max_rate is not None and rate > max_rate:
                        raise AudioError(f"{path}: a recording at {rate} Hz; expected at most {max_rate}")
                    reading.add(part, sound, max_seconds is None)
            if max_seconds is not None and reading.left == 0:
                break
    reading.warn()
    return reading.samples(), reading.rate


def check_audio(path: Path) -> None:
    """Raises, as read_audio, for a file that no recording can be read from; its sound is not read."""
    soundfile = load_soundfile()
    with open_source(path) as file:
        first = next(parts_of(file, path, 1.0))
        with quiet if first.talks else nullcontext():
            try:
                first.open().close()
            except soundfile.SoundFileError as error:
                raise AudioError(f"{path}: not an audio file that can be read ({_reason(error)})") from error


def one_channel(given: Any, rate: int) -> np.ndarray:
    """(n,) float32 of floating-point samples (n,) or (1, n) at `rate`, as an array or what NumPy can make one of.

    Raises AudioError for anything else.
    """
    try:
        samples = np.asarray(given)
    except Exception as error:  # whatever a stranger's __array__ raises
        raise AudioError(
            f"voice prompt: {type(given).__name__}, of which NumPy makes no array ({error})"
        ) from error
    pcm = samples[0] if samples.ndim == 2 and len(samples) == 1 else samples
    if pcm.ndim != 1 or not is_floating(pcm):
        raise AudioError(
            f"voice prompt: an array {samples.shape} of {samples.dtype}; expected one channel, (1, samples) or "
            f"(samples,), floating point in [-1, 1] at {rate} Hz"
        )
    return as_float32(pcm)


def samples_and_rate(given: Any) -> tuple[np.ndarray, int]:
    """(n,) floating-point samples, and their rate in Hz, of a pair of such: the samples (n,), (1, n) or (n, channels).

    Raises AudioError for anything else.
    """
    try:
        samples, rate = np.asarray(given[0]), given[1]
        is_pair = len(given) == 2
    except Exception as error:  # whatever a stranger's __array__ raises
        raise AudioError(f"a recording as (samples, rate): NumPy makes no array of it ({error})") from error
    if not is_pair or not is_floating(samples) or samples.ndim not in (1, 2) or isinstance(rate, (bool, str)):
        raise AudioError(
            f"a recording as (samples, rate): an array {samples.shape} of {samples.dtype} and {shown(rate)}; expected "
            "floating point, (samples,) or (samples, channels), and a whole number of Hz"
        )
    try:
        whole = operator.index(int(rate) if rate == int(rate) else rate)
    except (TypeError, ValueError, OverflowError):
        raise AudioError(f"a recording at {shown(rate)} Hz; expected a whole number") from None
    if samples.ndim == 2:
        samples = samples[0] if len(samples) == 1 else one_voice(samples)
    return (samples if samples.dtype == np.float64 else as_float32(samples)), whole


def warn_of_length(seconds: float, best: str) -> None:
    """A warning in the log about a voice prompt that is too long. best: seconds that are best, in words."""
    if seconds > PROMPT_SECONDS:
        logger.warning(
            "%.1f s of recording as a voice: after so much, speech runs on and starts late. %s are best; --truncate "
            "(truncate=True) uses the first %.0f s",
            seconds,
            best,
            PROMPT_SECONDS,
        )


class _Reading:
    """What was read so far of one file, of at most so many seconds."""

    def __init__(self, path: Path, seconds: float):
        self._path = path
        self._seconds = seconds
        self._pieces: list[np.ndarray] = []
        self._stated = 0.0  # seconds that headers count
        self.rate = 0
        self.left = 0  # samples that are still wanted
        self.is_short = False

    def add(self, part: Part, sound: Any, whole: bool) -> None:
        """Read a part. whole: more than the seconds is an error."""
        if not self.rate:
            self.rate, self.left = sound.samplerate, int(self._seconds * sound.samplerate)
        rate, before = sound.samplerate, self.seconds
        stated, there = part.stated(sound), known_frames(sound)
        wanted = self.left if rate == self.rate else -(-self.left * rate // self.rate)
        length = stated if there is None else there
        if whole and length is not None and length > wanted:
            raise AudioError(_too_long(self._path, f"{before + length / rate:.0f} s"))
        most = wanted if there is None else min(wanted, there)
        if stated is not None and there is not None and stated < there:
            pcm = self._voice(part, sound, min(most, stated), most)
        else:
            pcm = self._voice(part, sound, most)
        if whole and length is None and len(pcm) == wanted:
            raise AudioError(_too_long(self._path, f"over {MAX_SECONDS:.0f} s"))
        self._stated += (len(pcm) if stated is None else stated) / rate
        is_short = part.is_short or (stated is not None and len(pcm) < stated)
        self.is_short = self.is_short or (is_short and len(pcm) < wanted)
        self._pieces.append(pcm if rate == self.rate else resample(pcm, rate, self.rate)[: self.left])
        self.left -= len(self._pieces[-1])

    def warn(self) -> None:
        """Say what is missing, or odd. Raises AudioError where there is nothing at all."""
        samples = self.samples()
        if len(samples) == 0:
            raise AudioError(f"{self._path}: no samples in it; expected speech")
        if self.is_short:
            of = (
                f"{self.seconds:.1f} of {self._stated:.1f} s"
                if self._stated > self.seconds
                else f"{self.seconds:.1f} s"
            )
            logger.warning("%s is cut short or damaged: %s read", self._path, of)
        elif self.left and self._stated < self.seconds - _A_MOMENT:
            logger.warning(
                "%s: its header counts %.1f s; all that is there is read, %.1f s",
                self._path,
                self._stated,
                self.seconds,
            )
        if np.abs(samples).max() < _SILENT:
            logger.warning("%s is silent; a voice made from it will not sound like anybody", self._path)

    def _voice(self, part: Part, sound: Any, counted: int, there: int = 0) -> np.ndarray:
        """(n,) float32 of a part: so many samples; and more, as far as there are, if that goes on as it was."""
        heard = Channels(sound.channels)
        pcm = _joined(self._blocks(sound, counted, heard))
        voice = heard.voice()
        with ExitStack() as stack:
            if len(voice) < sound.channels:
                # few files need it, and all channels may take much memory
                sound = stack.enter_context(part.open())
                pcm = _joined(self._blocks(sound, counted, heard, voice))
            if there > counted:
                with suppress(AudioError):  # bytes that are no numbers
                    more = _joined(self._blocks(sound, there - counted, heard, voice))
                    if _loudness(more) < max(_NO_NOISE, 2 * _loudness(pcm)):
                        pcm = np.concatenate([pcm, more])
        return pcm

    def _blocks(
        self, sound: Any, wanted: int, heard: Channels, voice: list[int] | None = None
    ) -> Iterator[np.ndarray]:
        """At most `wanted` samples, mean of the channels `voice` or of all, block by block; what precedes the damage in
        a damaged file."""
        size = max(1, _BLOCK // sound.channels)
        got = 0
        while got < wanted:
            try:
                block = sound.read(min(size, wanted - got), dtype="float32", always_2d=True)
            except load_soundfile().SoundFileError as error:
                if got == 0 and not self._pieces:
                    raise AudioError(
                        f"{self._path}: damaged, nothing can be decoded ({_reason(error)})"
                    ) from error
                self.is_short = True
                return
            if len(block) == 0:
                return
            with np.errstate(invalid="ignore", over="ignore"):
                mono = (block if voice is None else block[:, voice]).mean(axis=1)
            if not np.isfinite(mono).all():
                at = self.seconds + (got + int(np.argmin(np.isfinite(mono)))) / sound.samplerate
                raise AudioError(
                    f"{self._path}: NaN or infinite sample at {at:.3f} s; repair or convert the file"
                )
            if voice is None and sound.channels > 1:
                heard.hear(block, mono)
            got += len(mono)
            yield mono

    @property
    def seconds(self) -> float:
        """Read so far."""
        return sum(map(len, self._pieces)) / self.rate if self.rate else 0.0

    def samples(self) -> np.ndarray:
        """(n,) float32: all that was read."""
        return _joined(self._pieces)


def _joined(blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.float32), *blocks])


def _loudness(pcm: np.ndarray) -> float:
    return float(np.sqrt(np.square(pcm, dtype=np.float64).mean())) if len(pcm) else 0.0


def _reason(error: Exception) -> str:
    """libsndfile's own words, without the prefix that repeats the path."""
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _too_long(path: Path, length: str) -> str:
    limit = f"at most {MAX_SECONDS:.0f} s are read whole"
    return f"{path}: {length} of audio, {limit}; use its first 30 s (truncate)"
