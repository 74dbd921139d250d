"""Live: the names and shapes of the official model classes, at released size and without memory for the weights."""

from __future__ import annotations

import importlib.util

import pytest

from pocket_fast.models.qwen3.config_files import MODEL_CONFIG, TOKENIZER_CONFIG
from pocket_fast.models.qwen3.names import CODEC_PREFIX, expected_tensors, is_unused
from reference.qwen3 import QWEN3_MODELS
from reference.qwen3.official import import_official
from reference.qwen3.released import RELEASED_QWEN3, released_files
from reference.qwen3.tiny import config_of, tiny_files

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def state_dicts():
    """files of a folder -> {name: shape} of everything the official classes would save."""
    torch = pytest.importorskip("torch")
    if importlib.util.find_spec("qwen_tts") is None:
        pytest.skip("needs qwen-tts 0.1.1")
    import_official()
    from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration
    from qwen_tts.core.tokenizer_12hz import modeling_qwen3_tts_tokenizer_v2 as codec

    def shapes(files):
        with torch.device("meta"):
            model = Qwen3TTSForConditionalGeneration(Qwen3TTSConfig(**files[MODEL_CONFIG]))
            tokenizer = codec.Qwen3TTSTokenizerV2Model(
                codec.Qwen3TTSTokenizerV2Config(**files[TOKENIZER_CONFIG])
            )
        found = dict(model.state_dict())
        found.update({CODEC_PREFIX + name: tensor for name, tensor in tokenizer.state_dict().items()})
        return {name: tuple(tensor.shape) for name, tensor in found.items()}

    return shapes


@pytest.mark.parametrize("name", QWEN3_MODELS)
def test_the_same_tensors(state_dicts, name):
    files = released_files(name) if name in RELEASED_QWEN3 else tiny_files(name)
    ours = expected_tensors(config_of(files, name))
    theirs = state_dicts(files)
    assert {n: theirs.get(n) for n in ours} == ours
    assert [n for n in theirs if n not in ours and not is_unused(n)] == []
