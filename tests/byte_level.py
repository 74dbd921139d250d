"""A byte-level tokenizer of few words, in the three files that Qwen3-TTS folders have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from reference.qwen3.text_files import SPECIAL, Vocabulary, byte_symbols, write_json, write_text_files

# Whole words become one token each. "assistant" has to be one: prompts are cut at fixed numbers of tokens.
WORDS = """
assistant user iPhone McDonald USA NaN don 't 'tis 'll 'S re MacBook TeX eBay
Straße naïve élan 今日 は 你好 世界 ， 。 😀 👩 привет नमस्ते สวัสดี שָׁלוֹם مَرْحَبًا A̧ e̱x
  the  and  iOS  Hello ing  McDonald  15 .. ... !! ?! .\\n ,\\n/ .\\n/ \\n\\n ,\\n // :/ ./ \\r\\n \\t\\t 00
""".strip("\n")
PLAIN = ("<tool_call>", "<think>")  # added tokens that are not special
FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")

# Where ways of cutting text differ, and where added tokens or normalisation interfere.
TEXTS = [
    "My iPhone, your iPad and McDonald's MacBookPro: a USAbility test.",
    "iPhone iphone IPHONE IPhone 3iPhone iPhone3 _iPhone -iPhone (iPhone)",
    "don't DON'T Don'T he'll HE'LL it'S we've I'm 'tis 'S d'accord l'élan",
    "either/or // :/ ./ ,/\n/ http://a.b/c/?d=/ and/ /or a/\n\n/",
    "1234 1,234.50 ١٢٣ ²³ 三〇 ⅷ 15:00 2026-11-30 15 00",
    "MacBook TeX LaTeX eBay e\u0331xa A\u0327B \u0331A \u0331a",
    "Straße STRASSE naïve nai\u0308ve e\u0301lan élan A\u030a Å Ǆ ŉ ﬁ",
    "नमस्ते दुनिया। สวัสดี שָׁלוֹם مَرْحَبًا",
    "你好，世界。今日は！元気？ 안녕하세요 привет, МИР",
    "😀 👩\u200d👩\u200d👧 🇫🇷 👍🏽 a😀b",
    "line one.\nline two\r\n\r\n  three \t\t four\n \n five  \n",
    "   leading, trailing   ",
    "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>assistant\n",
    "a literal <|im_end|> in <|im_start|>text, <tts_pad><tts_text_bos> <tts_text_eod>.<|endoftext|>",
    "<think>no</think> <tool_call> <|im_end <|im_ end|> <|IM_END|> < |im_end|>",
    "\u212b<|im_end|>\u212b \u0301<tts_pad>\u0301",
    "",
    " ",
    "\n",
]


def words() -> list[str]:
    """Single blanks separate; a second one belongs to the word behind it."""
    found = []
    for line in WORDS.split("\n"):
        for word in line.replace("  ", " \0").split(" "):
            if word:
                found.append(
                    word.replace("\0", " ").replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
                )
    return found


def vocabulary(fillers: int = 0) -> Vocabulary:
    """The bytes; for every word what builds its characters, then itself, from the left; entries that nothing makes."""
    symbols = byte_symbols()
    of_byte = {ord(symbol): symbol for symbol in symbols if ord(symbol) < 256}
    of_byte.update(zip(sorted({*range(256)} - {*of_byte}), symbols[len(of_byte) :], strict=True))
    ids = {symbol: i for i, symbol in enumerate(symbols)}
    merges: list[tuple[str, str]] = []

    def build(parts: list[str]) -> str:
        start = parts[0]
        for part in parts[1:]:
            if (start, part) not in merges:
                merges.append((start, part))
            start += part
            ids.setdefault(start, len(ids))
        return start

    for word in words():
        build([build([of_byte[byte] for byte in character.encode("utf-8")]) for character in word])
    for i in range(fillers):
        ids[f"\u0200filler{i}"] = len(ids)
    return Vocabulary(ids, tuple(merges), {token: len(ids) + i for i, token in enumerate(SPECIAL + PLAIN)})


def write_tokenizer(folder: Path, fillers: int = 0) -> dict[str, int]:
    """Write the files; returns the id of every added token."""
    chosen = vocabulary(fillers)
    write_text_files(folder, chosen)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for fields in config["added_tokens_decoder"].values():
        fields["special"] = fields["content"] in SPECIAL
    write_json(path, config)
    return chosen.special


def theirs(folder: Path, split: str) -> Callable[[str], list[int]]:
    """The same tokenizer as transformers 4.57.3 loads it, with the flag that qwen-tts 0.1.1 sets.

    That flag cuts text differently where a local folder has more than 100,000 entries. Their ids, without the fillers
    that this takes.
    """
    from transformers import AutoTokenizer

    fillers = 100_000 if split == "mistral" else 0
    work = folder / split
    work.mkdir(exist_ok=True)
    write_tokenizer(work, fillers)
    config = {"model_type": "qwen2", "transformers_version": "4.57.3"}
    (work / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(str(work), fix_mistral_regex=True)
    entries = len(vocabulary().ids)

    def encode(text: str) -> list[int]:
        return [i if i < entries else i - fillers for i in tokenizer(text)["input_ids"]]

    return encode
