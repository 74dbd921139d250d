"""The official package (qwen-tts 0.1.1) held still: what it computes on the way, and fixed numbers to draw by.

The only file here that needs PyTorch, imported inside functions.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import sys
import types
from types import SimpleNamespace

import numpy as np

from .prompt import Prompt
from .sampling import inverse_cdf

# Modules that the package imports for its 25 Hz codec alone.
_ONLY_25HZ = ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi", "sox", "onnxruntime")


def import_official():
    """The package `qwen_tts`, with empty modules in the place of what the 12 Hz models do not use."""
    roots = {name.split(".")[0] for name in _ONLY_25HZ}
    missing = {root for root in roots if root not in sys.modules and importlib.util.find_spec(root) is None}
    for name in _ONLY_25HZ:
        parent, _, child = name.rpartition(".")
        if name.split(".")[0] not in missing:
            continue
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        module.__version__ = "0"
        sys.modules[name] = module
        if parent:
            setattr(sys.modules[parent], child, module)
    import qwen_tts

    return qwen_tts


def load_official(folder):
    """The official Qwen3TTSModel of a folder, in float32 with plain attention."""
    import torch

    package = import_official()
    return package.Qwen3TTSModel.from_pretrained(
        str(folder), dtype=torch.float32, attn_implementation="eager"
    )


@contextlib.contextmanager
def drawing_by(uniforms):
    """Replace torch's draws by the inverse distribution function of the given numbers, one for each draw, in order."""
    import torch

    numbers = iter(np.ravel(uniforms))

    def multinomial(probabilities, num_samples, **_):
        assert num_samples == 1
        rows = probabilities.double().numpy()
        return torch.tensor([[inverse_cdf(row, next(numbers))] for row in rows])

    original, torch.multinomial = torch.multinomial, multinomial
    try:
        yield
    finally:
        torch.multinomial = original


@contextlib.contextmanager
def watching(official):
    """What a generate_* call computes on the way, filled in when it returns.

    prompt (list of (n, H)): the rows before the first frame; trailing (list of (m, H)): text rows for the frames after
    it; pad (H,): the row for frames beyond those; codes (list of (frames, G)).
    """
    seen = SimpleNamespace()
    model, talker = official.model, official.model.talker
    generate, inner = model.generate, talker.generate

    def watch_talker(inputs_embeds, attention_mask, trailing_text_hidden, tts_pad_embed, **rest):
        lengths = attention_mask.sum(dim=1)
        seen.prompt = [row[len(row) - n :].numpy() for row, n in zip(inputs_embeds, lengths, strict=True)]
        seen.trailing = list(trailing_text_hidden.numpy())
        seen.pad = tts_pad_embed[0, 0].numpy()
        return inner(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            trailing_text_hidden=trailing_text_hidden,
            tts_pad_embed=tts_pad_embed,
            **rest,
        )

    def watch_model(*arguments, **rest):
        codes, hidden = generate(*arguments, **rest)
        seen.codes = [c.numpy() for c in codes]
        return codes, hidden

    model.generate, talker.generate = watch_model, watch_talker
    try:
        yield seen
    finally:
        del model.generate, talker.generate


class Official:
    """The official package behind the calls of a candidate (see candidates.py)."""

    def __init__(self, folder):
        self.model, self.spoken = load_official(folder), {}

    def ids_of(self, text):
        return self.model.processor(text=text)["input_ids"][0]

    def prompt(self, case):
        return self._spoken(case)[0]

    def speak(self, case):
        return self._spoken(case)[1:]

    def codes_of(self, samples, rate):
        return self.model.model.speech_tokenizer.encode(samples, sr=rate).audio_codes[0].numpy()

    def vector_of(self, samples, rate):
        (item,) = self.model.create_voice_clone_prompt((samples, rate), x_vector_only_mode=True)
        return item.ref_spk_embedding.numpy()

    def decode(self, codes):
        return self.model.model.speech_tokenizer.decode([{"audio_codes": codes}])[0][0]

    def _spoken(self, case):
        """(Prompt, codes, samples), each case spoken once."""
        key = repr(case)
        if key not in self.spoken:
            with watching(self.model) as seen, drawing_by(drawn_numbers(case)):
                samples = self._call(case)
            prompt = Prompt(seen.prompt[0], seen.trailing[0], seen.pad)
            self.spoken[key] = prompt, seen.codes[0], samples
        return self.spoken[key]

    def _call(self, case):
        said = {
            "text": case.text,
            "language": case.language,
            "non_streaming_mode": case.whole,
            **case.options,
        }
        if case.voice is not None:
            said.update(ref_audio=(case.recording(), case.voice[0]), ref_text=case.words)
            wavs, rate = self.model.generate_voice_clone(x_vector_only_mode=case.words is None, **said)
        elif case.speaker is not None:
            wavs, rate = self.model.generate_custom_voice(
                speaker=case.speaker, instruct=case.instruct, **said
            )
        else:
            wavs, rate = self.model.generate_voice_design(instruct=case.instruct, **said)
        assert rate == 24000
        return wavs[0]


def drawn_numbers(case):
    """case.uniforms() without those that a greedy sampler does not take."""
    uniforms, options = case.uniforms(), case.options
    first = uniforms[:, :1] if options.get("do_sample", True) else uniforms[:, :0]
    rest = uniforms[:, 1:] if options.get("subtalker_dosample", True) else uniforms[:, :0]
    return np.concatenate([first, rest], axis=1)


def stored_tensors(official):
    """{name: shape} of all that the official classes keep in the main file, and in the codec's."""
    model = official.model.model
    return [
        {name: tuple(tensor.shape) for name, tensor in part.state_dict().items()}
        for part in (model, model.speech_tokenizer.model)
    ]
