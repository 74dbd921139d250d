"""Speech for the trainings: a set in every timbre for the codec, a large one in one timbre for the language model.

All timbres say a sentence with the same timing, up to a factor a little off one between the sexes, so that what
is said ("content") can be read off one canonical timbre and given to all of them.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voice import mel
from voice.speech import CANONICAL, FRAME, TRAINED
from voice.teachers import teacher

SILENT_FRAMES = 6  # after the end of speech: generation goes on for up to five
STEPS = FRAME // mel.HOP  # mel frames of a latent
AROUND = 2  # mel frames that a latent's encoder sees on either side
PART = 50  # sentences in a file of what is made; a stopped step loses what it had of one
# OpenVINO keeps what it made for every length of sentence: 5 GB after as many parts.
_PARTS_OF_A_PROCESS = 100
_CODEC_ARRAYS = ("sound", "target", "heard")

_worker: dict = {}


@dataclass
class CodecSet:
    """Utterances, one after the other; utterance i has frames first[i] .. first[i + 1].

    sound (frames, 1920) int16; target (frames, 8, 64) its log-mel; heard (frames, 12, 64) the canonical
    timbre's log-mel of the same moments with two more on either side, both float16; timbre (i,) index into TRAINED.
    """

    sound: np.ndarray
    target: np.ndarray
    heard: np.ndarray
    first: np.ndarray
    timbre: np.ndarray

    @classmethod
    def load(cls, folder: Path) -> CodecSet:
        names = ("sound", "target", "heard", "first", "timbre")
        return cls(*(np.load(folder / f"codec_{name}.npy", mmap_mode="r") for name in names))


def frames_of(samples: int) -> int:
    """Latents of an utterance with the silence after it."""
    return -(-samples // FRAME) + SILENT_FRAMES


def _start_worker(name: str, work: Path) -> None:
    _worker.update(teacher=teacher(name, work), filters=mel.filters())


def _padded(sound: np.ndarray, frames: int) -> np.ndarray:
    return np.pad(sound, (0, frames * FRAME - len(sound)))


def windows(spectrum: np.ndarray, frames: int, apart: int = STEPS) -> np.ndarray:
    """(n, 64) to (frames, 12, 64): each latent's mel frames with two more on either side.

    apart: mel frames from one latent to the next.
    """
    padded = np.pad(spectrum, ((AROUND, AROUND), (0, 0)), constant_values=np.log(mel.FLOOR))
    rows = np.lib.stride_tricks.sliding_window_view(padded, STEPS + 2 * AROUND, axis=0)
    return rows[: frames * apart : apart].transpose(0, 2, 1)


def _in_every_timbre(text: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per trained timbre: sound (frames, 1920), target, heard."""
    speaker, bank = _worker["teacher"], _worker["filters"]
    canonical = speaker.render(text, CANONICAL)
    said = mel.log_mel(_padded(canonical, frames_of(len(canonical))), bank)
    results = []
    for timbre in TRAINED:
        sound = speaker.render(text, timbre)
        frames = frames_of(len(sound))
        at = np.clip((np.arange(frames * STEPS) + 0.5) * len(canonical) / len(sound) - 0.5, 0, len(said) - 1)
        low = np.minimum(at.astype(int), len(said) - 2)
        part = (at - low).astype(np.float32)[:, None]
        heard = windows(said[low] * (1 - part) + said[low + 1] * part, frames)
        sound = _padded(sound, frames)
        target = mel.log_mel(sound, bank).reshape(frames, STEPS, mel.BANDS)
        results.append(
            (
                np.round(sound * 32767).astype(np.int16).reshape(frames, FRAME),
                target.astype(np.float16),
                heard.astype(np.float16),
            )
        )
    return results


def make_codec_set(sentences: list[str], folder: Path, processes: int, speaker: str = "espeak") -> None:
    """Has the speaker, a teacher by name, say all in every trained timbre; CodecSet.load reads it back.

    Stopped at any time it goes on where it was, in parts that are left out once all is there.
    """
    parts = made_in_parts(sentences, folder, "codec_parts", _codec_part, processes, _start_worker, speaker)
    lengths = [read(part, "lengths") for part in parts]
    first = np.cumsum([0, *np.concatenate(lengths)])
    np.save(folder / "codec_first.npy", first)
    np.save(folder / "codec_timbre.npy", np.tile(np.arange(len(TRAINED)), len(sentences)))
    for name in _CODEC_ARRAYS:
        at = 0
        for number, part in enumerate(parts):
            piece = read(part, name)
            if number == 0:
                whole = np.lib.format.open_memmap(
                    folder / f"codec_{name}.npy", "w+", piece.dtype, (int(first[-1]), *piece.shape[1:])
                )
            whole[at : at + len(piece)] = piece
            at += len(piece)
        whole.flush()
    shutil.rmtree(folder / "codec_parts")


def canonical_mels(sentences: list[str], folder: Path, processes: int, speaker: str) -> Iterator[np.ndarray]:
    """The log-mel (8 frames, 64) float16 of each sentence in the canonical timbre, silence after it.

    What was heard is kept in parts, for the next time and for more sentences.
    """
    parts = made_in_parts(
        sentences, folder, "heard_parts", _canonical_part, processes, _start_worker, speaker
    )
    for part in parts:
        said, ends = read(part, "said"), np.cumsum(read(part, "lengths"))
        yield from np.split(said, ends[:-1] * STEPS)


def read(path: Path, name: str) -> np.ndarray:
    """An array of a part."""
    with np.load(path) as part:
        return part[name]


def made_in_parts(
    sentences: list[str],
    folder: Path,
    name: str,
    make: Callable[[list[str]], dict[str, np.ndarray]],
    processes: int,
    start: Callable[[str, Path], None],
    speaker: str,
) -> list[Path]:
    """Files of what `make` gives for PART sentences each, in processes that `start(speaker, folder)` has made ready.

    What is there of the same sentences is left.
    """
    (folder / name).mkdir(exist_ok=True)
    paths, tasks = [], []
    for number, first in enumerate(range(0, len(sentences), PART)):
        texts = sentences[first : first + PART]
        paths.append(folder / name / f"{number:05}.npz")
        if not paths[-1].exists() or read(paths[-1], "texts").tolist() != texts:
            tasks.append((make, paths[-1], texts))
    with multiprocessing.Pool(processes, start, (speaker, folder), _PARTS_OF_A_PROCESS) as pool:
        for _ in pool.imap_unordered(_make_part, tasks):
            pass
    return paths


def _make_part(task: tuple) -> None:
    make, path, texts = task
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **make(texts), texts=np.array(texts))
    part.replace(path)


def _codec_part(texts: list[str]) -> dict[str, np.ndarray]:
    made = [item for text in texts for item in _in_every_timbre(text)]
    arrays = {name: np.concatenate([item[k] for item in made]) for k, name in enumerate(_CODEC_ARRAYS)}
    return arrays | {"lengths": np.array([len(item[0]) for item in made])}


def _canonical_part(texts: list[str]) -> dict[str, np.ndarray]:
    """The log-mel (8 frames, 64) of each, one after the other."""
    said = []
    for text in texts:
        sound = _worker["teacher"].render(text, CANONICAL)
        said.append(mel.log_mel(_padded(sound, frames_of(len(sound))), _worker["filters"]))
    lengths = np.array([len(spectrum) // STEPS for spectrum in said])
    return {"said": np.concatenate(said).astype(np.float16), "lengths": lengths}
