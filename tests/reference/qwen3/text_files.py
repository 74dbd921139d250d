"""A byte-level BPE vocabulary of a few hundred tokens, in the files of the released models.

The 256 bytes come first, in GPT-2's order (so a newline is 198, as in the released vocabulary), then what the
merges make: `assistant` and `user` are one token each, and there are enough pieces of words for merges to compete.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>")
_CHAINS = ("assistant", "user")  # merged from the left, one letter more each time
_MERGES = (
    ("Ġ", "t"),
    ("h", "e"),
    ("Ġt", "he"),
    ("i", "n"),
    ("in", "g"),
    ("e", "r"),
    ("o", "u"),
    ("Ġ", "w"),
    ("å", "¤"),  # the first two bytes of several Chinese characters
    ("Ã", "©"),  # é
)


@dataclass(frozen=True)
class Vocabulary:
    """ids by token, merges in order, ids of the added tokens."""

    ids: dict[str, int]
    merges: tuple[tuple[str, str], ...]
    special: dict[str, int]


def byte_symbols() -> list[str]:
    """The printable character that stands for each token 0 to 255: printable bytes first, then the others."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def tiny_vocabulary() -> Vocabulary:
    ids = {symbol: i for i, symbol in enumerate(byte_symbols())}
    merges = []
    for word in _CHAINS:
        merges += [(word[:n], word[n]) for n in range(1, len(word))]
    merges += _MERGES
    for first, second in merges:
        ids.setdefault(first + second, len(ids))
    special = {token: len(ids) + i for i, token in enumerate(SPECIAL)}
    return Vocabulary(ids, tuple(merges), special)


def full_vocabulary() -> Vocabulary:
    """The tiny vocabulary with the ids that the released configs name.

    The added tokens stand in vocab.json too: a token that is not there gets the next free number from the
    tokenizers library, whatever tokenizer_config.json says.
    """
    tiny = tiny_vocabulary()
    special = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
    special.update({"<tts_pad>": 151671, "<tts_text_bos>": 151672, "<tts_text_eod>": 151673})
    return Vocabulary({**tiny.ids, "assistant": 77091, **special}, tiny.merges, special)


def write_text_files(folder: Path, vocabulary: Vocabulary) -> None:
    """vocab.json, merges.txt, tokenizer_config.json and preprocessor_config.json."""
    lines = ["#version: 0.2", *(" ".join(pair) for pair in vocabulary.merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    added = {
        str(i): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for token, i in vocabulary.special.items()
    }
    tokenizer = {
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "errors": "replace",
        "model_max_length": 131072,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
    }
    for name, data in {
        "vocab.json": vocabulary.ids,
        "tokenizer_config.json": tokenizer,
        "preprocessor_config.json": {"processor_class": "Qwen3TTSProcessor"},
    }.items():
        write_json(folder / name, data)


def write_json(path: Path, data) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
