"""A Qwen3-TTS model stored with the layers of its language models in 8 or 4 bits (contract.StoredModel)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.errors import UnsupportedError
from pocket_fast.models.qwen3.choices import language_id, speaker_id
from pocket_fast.models.qwen3.config_files import GENERATION_CONFIG, MODEL_CONFIG, TOKENIZER_CONFIG
from pocket_fast.models.qwen3.loading import INDEX, WEIGHTS, Loaded
from pocket_fast.models.qwen3.names import CODEC_PREFIX, integer_matrices
from pocket_fast.models.qwen3.prompt import Embedder, Prompt, plan_prompt
from pocket_fast.models.qwen3.texts import FILES
from pocket_fast.models.qwen3.voice import Voice
from pocket_fast.models.qwen3.voices import DEFAULT_TEXT
from pocket_fast.weights.integers import as_tensors, bits_in, write_integers
from pocket_fast.weights.tensors import Tensor

if TYPE_CHECKING:
    from pocket_fast.models.contract import Quantize
    from pocket_fast.weights.bundle import WebModel
    from pocket_fast.weights.folders import Folder

_FRAMES = 50  # spoken for the report: 4 s
_TYPES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int8": "I8"}
_CODEC = "speech_tokenizer"
# Files that nothing here reads, but other programs that load such folders.
_OTHERS = ("preprocessor_config.json", f"{_CODEC}/preprocessor_config.json", f"{_CODEC}/configuration.json")


class StoredQwen3:
    """See contract.StoredModel. folder: where the model was loaded from."""

    main_file = WEIGHTS

    def __init__(self, folder: Folder, loaded: Loaded):
        self.files = loaded.files
        self._folder = folder
        self._loaded = loaded

    @property
    def bits(self) -> int | None:
        """See contract.StoredModel."""
        return bits_in(self._loaded.weights.values())

    def quantized(self, quantize: Quantize, bits: int) -> dict[str, Tensor]:
        """See contract.StoredModel. Without the codec, which stays as it is."""
        tensors = self.as_stored()
        for name, own in integer_matrices(self._loaded.config, bits).items():
            tensors.update(as_tensors(name, quantize(tensors[name].array, own)))
        return tensors

    def as_stored(self) -> dict[str, Tensor]:
        """The tensors that quantized() starts from."""
        return {
            name: Tensor(array, _TYPES[array.dtype.name])
            for name, array in self._loaded.weights.items()
            if not name.startswith(CODEC_PREFIX)
        }

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """See contract.StoredModel. All other files are copied."""
        write_integers(folder / self.main_file, tensors, voice_cloning=True, model=self._loaded.released)
        (folder / _CODEC).mkdir()
        for name in (MODEL_CONFIG, GENERATION_CONFIG, TOKENIZER_CONFIG, *FILES):
            shutil.copyfile(self._folder.fetch(name, progress=False), folder / name)
        for path in self._loaded.codec_files:
            shutil.copyfile(path, folder / _CODEC / path.name)
        for name in (*_OTHERS, f"{_CODEC}/{INDEX}"):
            found = self._folder.find(name, progress=False)
            if found is not None:
                shutil.copyfile(found, folder / name)

    def report(
        self, tensors: Mapping[str, Tensor], models: tuple[Any, Any], voices: tuple[Any, Any]
    ) -> list[str]:
        """See contract.StoredModel. Both models hear the past that the first one spoke."""
        from pocket_fast.models.qwen3.fidelity import speech_report
        from pocket_fast.weights.fidelity import weights_report

        prompts = [self._prompt(model.stages, voice) for model, voice in zip(models, voices, strict=True)]
        return [
            *weights_report(self.as_stored(), tensors),
            "",
            *speech_report(models[0].stages, models[1].stages, prompts, _FRAMES),
        ]

    def for_web(self, compute_type: str, quantize: Quantize, *, cloning: bool = True) -> WebModel:
        """See contract.StoredModel."""
        raise UnsupportedError("Qwen3-TTS does not run in a page; export a Pocket TTS model (see `voices`)")

    def _prompt(self, stages: Any, voice: Voice | None) -> Prompt:
        """The default text in a voice, as these stages embed it."""
        config, texts, voice = self._loaded.config, self._loaded.texts, voice or Voice()
        plan = plan_prompt(
            config,
            texts.speech(DEFAULT_TEXT),
            language=language_id(config, None, voice.speaker),
            speaker=None if voice.speaker is None else speaker_id(config, voice.speaker),
            x_vector=voice.item is not None,
            words=texts.words(voice.item.ref_text or "") if voice.item and voice.reference else (),
            frames=voice.length,
        )
        embedder = Embedder(stages.talker, config, stages.predictor.embed)
        x_vector = None if voice.item is None else voice.item.ref_spk_embedding
        return embedder.prompt(plan, x_vector, None if voice.reference is None else voice.reference.codes)
