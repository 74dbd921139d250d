"""Record the goldens in tests/parity from qwen-tts 0.1.1, which must be installed with PyTorch beside this project.

    python tools/make_qwen3_golden.py

What is in them and why the tests need no weights: tests/reference/qwen3/golden.py and weights.py.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from reference.golden import weights_checksum  # noqa: E402
from reference.qwen3 import (  # noqa: E402
    TINY_QWEN3,
    assistant_text,
    instruct_text,
    lively_weights,
    make_qwen3_model,
    reference_text,
    tiny_config,
)
from reference.qwen3.cases import (  # noqa: E402
    CHUNKED_FRAMES,
    CODEC_FRAMES,
    EVERY,
    EVERY_OF_MANY,
    RECORDED,
    RECORDINGS,
    random_codes,
)
from reference.qwen3.golden import golden_path  # noqa: E402
from reference.qwen3.official import Official  # noqa: E402
from reference.record import synthetic_voice  # noqa: E402


def main() -> None:
    for name in TINY_QWEN3:
        with tempfile.TemporaryDirectory() as folder:
            official = Official(make_qwen3_model(folder, name))
        config = tiny_config(name)
        golden = {"checksum": np.uint32(weights_checksum(lively_weights(config)))}
        for n, case in enumerate(RECORDED[name]):
            speech = record_speech(official, config, case)
            golden.update({f"{n}.{key}": value for key, value in speech.items()})
        golden.update(record_logits(official, golden["0.rows"], golden["0.codes"][0]))
        if config.tts_model_type == "base":
            for i, (rate, seconds, pitch) in enumerate(RECORDINGS):
                samples = synthetic_voice(rate, seconds, pitch)
                if name == TINY_QWEN3[0]:
                    golden[f"{i}.recording"] = (samples * 32768).astype(np.int16)
                golden[f"{i}.code"] = official.codes_of(samples, rate).astype(np.uint8)
                golden[f"{i}.vector"] = official.vector_of(samples, rate)
        if name == TINY_QWEN3[0]:
            golden["decoded"] = official.decode(random_codes(CODEC_FRAMES))[::EVERY]
            golden["chunked"] = official.decode(random_codes(CHUNKED_FRAMES))[::EVERY_OF_MANY]
        path = golden_path(name)
        np.savez_compressed(path, **golden)
        frames = [len(golden[f"{n}.codes"]) for n in range(len(RECORDED[name]))]
        print(f"{path.name}: {path.stat().st_size} bytes, {frames} frames spoken")


def record_speech(official, config, case):
    prompt = official.prompt(case)
    codes, samples = official.speak(case)
    speech = {
        "ids": np.array(official.ids_of(assistant_text(case.text)), np.int32),
        "uniforms": case.uniforms(),
        "rows": prompt.rows,
        "trailing": prompt.trailing,
        "pad": prompt.pad,
        "codes": codes.astype(np.uint8),
        "samples": samples[::EVERY],
    }
    if case.instruct and config.takes_instructions:
        speech["instruct"] = np.array(official.ids_of(instruct_text(case.instruct)), np.int32)
    if case.words is not None:
        speech["words"] = np.array(official.ids_of(reference_text(case.words)), np.int32)
    return speech


def record_logits(official, rows, codes):
    """What the talker makes of the rows of a prompt, and the predictor of the frame after them."""
    talker = official.model.model.talker
    with torch.no_grad():
        hidden = talker.model(inputs_embeds=torch.tensor(rows)[None]).last_hidden_state
        logits = talker.codec_head(hidden[0, -1])
        predicted, _ = talker.forward_sub_talker_finetune(
            torch.tensor(codes[None].astype(np.int64)), hidden[:, -1]
        )
    return {"hidden": hidden[0].numpy(), "logits": logits.numpy(), "predicted": predicted[0].numpy()}


if __name__ == "__main__":
    main()
