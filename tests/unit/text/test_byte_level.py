"""The byte-level tokenizer: ids as transformers gives them, special tokens, and files that are damaged."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from byte_level import FILES, vocabulary, write_tokenizer
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.text.tokenizer import load_byte_level
from reference.qwen3.text_files import full_vocabulary, write_text_files

GOLDEN = Path(__file__).parents[2] / "data" / "token_golden.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path):
    write_tokenizer(tmp_path)
    return tmp_path


def load(folder, **options):
    return load_byte_level(*(folder / name for name in FILES), **options)


def complaint(folder):
    with pytest.raises(ConfigError) as caught:
        load(folder)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_ids_are_those_of_transformers(folder):
    qwen2, mistral = load(folder), load(folder, split="mistral")
    assert sum(case[2] is not None for case in CASES) >= 6
    for text, ids, others in CASES:
        assert qwen2.encode(text) == ids, text
        assert mistral.encode(text) == (others or ids), text


def test_decoding_gives_the_normalised_text_back(folder):
    tokenizer = load(folder)
    for text, ids, _ in CASES:
        if unicodedata.is_normalized("NFC", text):
            assert tokenizer.decode(ids) == text
    assert tokenizer.decode(tokenizer.encode("e\u0301")) == "é"


@pytest.mark.parametrize(
    ("text", "qwen2", "mistral"),
    [
        ("iPhone", ["iPhone"], ["i", "P", "h", "o", "n", "e"]),
        ("McDonald", ["McDonald"], ["Mc", "D", "o", "na", "l", "d"]),
        ("'tis", ["'t", "i", "s"], ["'tis"]),
        (".\n/", [".\n", "/"], [".\n/"]),
        ("00", ["0", "0"], ["0", "0"]),
        ("a  the", ["a", " ", " the"], ["a", " ", " the"]),
    ],
)
def test_where_text_is_cut(folder, text, qwen2, mistral):
    for split, wanted in (("qwen2", qwen2), ("mistral", mistral)):
        tokenizer = load(folder, split=split)
        assert [tokenizer.decode([i]) for i in tokenizer.encode(text)] == wanted


def test_special_tokens_are_found_in_the_text_and_nothing_is_added(tmp_path):
    special = write_tokenizer(tmp_path)
    tokenizer = load(tmp_path)
    start, end = special["<|im_start|>"], special["<|im_end|>"]
    assert tokenizer.encode("") == []
    ids = tokenizer.encode("<|im_start|>assistant\nno<|im_end|>\n")
    assert (ids[0], len(ids), ids[-2]) == (start, 7, end)
    assert tokenizer.decode(ids) == "<|im_start|>assistant\nno<|im_end|>\n"
    assert start not in tokenizer.encode("<|im_start |> <|IM_START|>")
    assert tokenizer.n_bins == max(special.values()) + 1


def test_unknown_split(folder):
    with pytest.raises(ConfigError, match="split 'gpt2'; use 'qwen2' or 'mistral'"):
        load(folder, split="gpt2")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_or_a_folder(folder, name):
    (folder / name).unlink()
    with pytest.raises(NotFoundError, match=f"no tokenizer file at .*{name}"):
        load(folder)
    (folder / name).mkdir()
    assert "cannot read the tokenizer file" in complaint(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"{", b"[1]", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_a_file_that_is_something_else(folder, name, content):
    (folder / name).write_bytes(content)
    assert name in complaint(folder)


@pytest.mark.parametrize("name", ["vocab.json", "tokenizer_config.json"])
def test_an_empty_file(folder, name):
    (folder / name).write_bytes(b"")
    assert name in complaint(folder)


def test_a_truncated_vocabulary(folder):
    text = (folder / "vocab.json").read_text(encoding="utf-8")
    for size in range(0, len(text) - 1, 61):
        (folder / "vocab.json").write_text(text[:size], encoding="utf-8")
        complaint(folder)


def test_a_merge_of_unknown_symbols(folder):
    with open(folder / "merges.txt", "a", encoding="utf-8") as file:
        file.write("zz top\n")
    assert "no usable byte-level vocabulary" in complaint(folder)


def test_a_merge_of_one_or_three_symbols(folder):
    with open(folder / "merges.txt", "a", encoding="utf-8") as file:
        file.write("a b c\n")
    assert "of the merges is 'a b c', expected two symbols" in complaint(folder)


def test_a_vocabulary_without_some_byte_would_lose_text(folder):
    entries = vocabulary().ids
    del entries["z"]
    (folder / "vocab.json").write_text(json.dumps(entries), encoding="utf-8")
    assert "1 of the 256 bytes have no entry, the first is 'z'" in complaint(folder)


@pytest.mark.parametrize(
    "added",
    [None, {"x": {"content": "<a>"}}, {"400": {"text": "<a>"}}, {"400": {"content": ""}}, {"400": 3}, [1]],
)
def test_damaged_added_tokens(folder, added):
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}))
    assert "no usable added_tokens_decoder" in complaint(folder)


def test_added_tokens_of_another_vocabulary(folder):
    first = len(vocabulary().ids)
    path = folder / "tokenizer_config.json"
    added = json.loads(path.read_text())["added_tokens_decoder"]
    moved = {str(int(number) + 1): fields for number, fields in added.items()}
    path.write_text(json.dumps({"added_tokens_decoder": moved}))
    text = complaint(folder)
    assert f"'<|endoftext|>' should be {first + 1}, with the {first} entries of" in text
    assert "do not belong together" in text


def test_ids_with_gaps(tmp_path):
    write_text_files(tmp_path, full_vocabulary())
    tokenizer = load(tmp_path)
    assert tokenizer.encode("<|im_start|>assistant\n") == [151644, 77091, 198]
    assert tokenizer.n_bins == 151674


def test_line_ends_of_another_system(folder):
    path = folder / "merges.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    for text, ids, _ in CASES:
        assert load(folder).encode(text) == ids
