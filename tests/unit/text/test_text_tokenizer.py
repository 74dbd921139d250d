from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from awkward_texts import HAND_WRITTEN, random_text
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.text.tokenizer import load_tokenizer

DATA = Path(__file__).parents[2] / "data"
MODEL = DATA / "tiny_tokenizer.model"
JSON = DATA / "tiny_tokenizer.json"


@pytest.fixture(scope="module")
def both():
    return load_tokenizer(MODEL, "sentencepiece", 400), load_tokenizer(JSON, "tokenizers", 400)


def test_both_formats_give_the_same_ids_and_texts(both):
    model, converted = both
    rng = random.Random(3)
    for text in HAND_WRITTEN + [random_text(rng) for _ in range(200)]:
        if any(piece in text for piece in ("<s>", "<unk>")):
            continue  # SentencePiece spells the names of control pieces, tokenizers takes the piece
        ids, other = model.encode(text), converted.encode(text)
        # `.` `..` and `..` `.` score the same: the rounding of the sum (32 or 64 bits) decides.
        assert sorted(other) == sorted(ids), text
        assert other == ids or ".." in text, text
        assert all(0 <= i < 400 for i in ids)
        if "▁" not in text:  # comes back as a space
            assert model.decode(ids) == converted.decode(ids) == text


def test_neither_begin_nor_end_token(both):
    for tokenizer in both:
        assert tokenizer.encode("") == []
        assert tokenizer.decode([]) == ""
        assert not {1, 2} & set(tokenizer.encode("Hello world."))


def test_first_id_of_the_marks_is_the_bare_word_start(both):
    for tokenizer in both:
        for marks in (".!...?", ",;:"):
            first, *rest = tokenizer.encode(marks)
            assert tokenizer.decode([first]) == ""
            assert "".join(map(tokenizer.decode, ([i] for i in rest))) == marks


def test_nul_does_not_truncate(both):
    for tokenizer in both:
        assert tokenizer.decode(tokenizer.encode("a\0b\0")) == "a\0b\0"


def test_json_suffix_wins_over_kind():
    tokenizer = load_tokenizer(JSON, "sentencepiece", 400)
    assert tokenizer.encode("the sea")
    assert tokenizer.n_bins == 400


@pytest.mark.parametrize("kind", ["tokenizers", "json"])
def test_json_kinds_need_no_suffix(tmp_path, kind):
    path = tmp_path / "blob"
    path.write_bytes(JSON.read_bytes())
    assert load_tokenizer(path, kind, 400).n_bins == 400


@pytest.mark.parametrize("path", [MODEL, JSON])
def test_vocabulary_size_must_match(path):
    with pytest.raises(ConfigError, match=r"400 entries.*n_bins = 4000"):
        load_tokenizer(path, "sentencepiece", 4000)


def test_missing_file(tmp_path):
    with pytest.raises(NotFoundError, match=r"nothing\.model"):
        load_tokenizer(tmp_path / "nothing.model", "sentencepiece", 400)


def test_unknown_kind():
    with pytest.raises(ConfigError, match="'bpe'"):
        load_tokenizer(MODEL, "bpe", 400)


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_tokenizer(tmp_path, "sentencepiece", 400)


@pytest.mark.parametrize("name", ["t.model", "t.json"])
@pytest.mark.parametrize("data", [b"", b"\0", b"not a tokenizer", b"{}", b"\xff" * 100])
def test_damaged_file(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=name):
        load_tokenizer(path, "sentencepiece", 400)


@pytest.mark.parametrize("source", [MODEL, JSON])
def test_truncated_file(tmp_path, source):
    data = source.read_bytes()
    path = tmp_path / source.name
    for size in range(0, len(data) - 2, 97):
        path.write_bytes(data[:size])
        with pytest.raises(ConfigError):
            load_tokenizer(path, "sentencepiece", 400)


def test_json_with_unknown_parts_is_refused(tmp_path):
    tree = json.loads(JSON.read_text(encoding="utf-8"))
    tree["model"]["type"] = "Magic"
    path = tmp_path / "t.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(ConfigError, match=r"t\.json"):
        load_tokenizer(path, "tokenizers", 400)


def test_files_swapped(tmp_path):
    path = tmp_path / "t.json"
    path.write_bytes(MODEL.read_bytes())
    with pytest.raises(ConfigError):
        load_tokenizer(path, "json", 400)
    path = tmp_path / "t.model"
    path.write_bytes(JSON.read_bytes())
    with pytest.raises(ConfigError):
        load_tokenizer(path, "sentencepiece", 400)
