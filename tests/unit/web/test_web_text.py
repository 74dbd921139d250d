"""Chunks, tokens, passages and spelling in JavaScript: what Python makes of the same texts.

POCKET_FAST_FUZZ_TEXTS=10000 makes it thorough.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys

import pytest

from awkward_texts import RULES
from node import ROOT, WEB, node, run_script
from planned import plan
from pocket_fast.errors import ConfigError, PocketFastError
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.prompt import text_rules
from pocket_fast.text.arriving import Arriving
from pocket_fast.text.portable import check_portable
from pocket_fast.text.prepare import TextRules
from pocket_fast.text.spell import spell_out
from pocket_fast.text.tokenizer import load_tokenizer
from text_cases import readings
from web_texts import web_texts

COUNT = int(os.environ.get("POCKET_FAST_FUZZ_TEXTS", "1500"))
DATA = ROOT / "tests" / "data"
BUILTIN = ROOT / "src" / "pocket_fast" / "builtin" / "tokenizer.model"
TOKENIZERS = {
    "unigram": (DATA / "tiny_tokenizer.model", "sentencepiece", 400),
    "json": (DATA / "tiny_tokenizer.json", "tokenizers", 400),
    "builtin": (BUILTIN, "sentencepiece", 60),
}


def texts(seed: int, count: int = COUNT) -> list[str]:
    found = web_texts(count, seed)
    for text in found:
        text.encode("utf-8")
    return found


def differences(given, expected, got, most=5):
    assert len(got) == len(expected)
    return [
        (text, want, have) for text, want, have in zip(given, expected, got, strict=True) if want != have
    ][:most]


def test_spelling_is_that_of_python():
    given = texts(1)
    got = run_script("spell.mjs", WEB, lines=given)
    assert differences(given, [spell_out(text) for text in given], got) == []


def test_each_model_spells_by_the_rules_it_came_with():
    """Two of them on one thread, in turn: words and patterns are data, and only their readers are the package's."""
    script = """
        const { ours } = await import(process.argv[1]);
        const folder = new URL(process.argv[2]);
        const newer = await ours(folder);
        const older = await ours(folder, (rules) => rules.replaceAll("hertz", "cycles"));
        const said = [newer, older, newer].map((spell) => spell("50 Hz &alpha;"));
        const stranger = await ours(folder, undefined, "3").catch((error) => [error.name, error.message]);
        console.log(JSON.stringify([said, stranger]));
    """
    place = [(ROOT / "tests" / "web" / "spelling.mjs").as_uri(), WEB.as_uri() + "/"]
    command = [node(), "--input-type=module", "-e", script, *place]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    said, (kind, message) = json.loads(done.stdout)
    assert said == ["Fifty hertz alpha", "Fifty cycles alpha", "Fifty hertz alpha"]
    assert kind == "WeightsError"
    assert "of version 3, this package's of" in message
    assert "export the model again" in message


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="the translator reads patterns as Python 3.11 parses them"
)
def test_spelling_in_javascript_is_what_is_made_of_python():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "make_web_spelling.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run tools/make_web_spelling.py; changed: {done.stdout}{done.stderr}"


def described(rules: TextRules, kind: str, pieces: int) -> dict:
    """As in a bundle."""
    return {
        "sample_rate": 24000,
        "frame_rate": 12.5,
        "tokenizer": {"kind": kind, "pieces": pieces},
        "text_rules": {name: getattr(rules, name) for name in rules.__dataclass_fields__},
        "limits": {"most_tokens": 10_000, "tokens_per_second": 3.0, "spare_seconds": 2.0},
        "defaults": {"frames_after_eos": None},
    }


def planned(text, tokenizer, config, rules, options):
    try:
        parts = plan(
            text,
            tokenizer,
            config,
            rules=rules,
            max_tokens=options.get("maxTokens"),
            frames_after_eos=options.get("framesAfterEos"),
            natural_pauses=options.get("naturalPauses", False),
        )
    except PocketFastError as error:
        return {"error": type(error).__name__}
    return [
        p.samples
        if hasattr(p, "samples")
        else {
            "text": p.text,
            "tokens": list(p.tokens),
            "framesAfterEos": p.frames_after_eos,
            "maxFrames": p.max_frames,
        }
        for p in parts
    ]


@pytest.mark.parametrize("which", [*TOKENIZERS])
def test_plans_are_those_of_python(which):
    """Chunks, their tokens and limits, and pauses; with all kinds of rules."""
    path, kind, pieces = TOKENIZERS[which]
    tokenizer = load_tokenizer(path, kind, pieces)
    config = builtin.config()
    rng = random.Random(4)
    all_rules = (
        [text_rules(config, builtin.NAME)]
        if which == "builtin"
        else [TextRules(**rules) for rules in RULES.values()]
    )
    given, expected = [], []
    for text in texts(2):
        rules = rng.choice(all_rules)
        options = {
            "maxTokens": rng.choice((None, None, 1, 7, 20, 50)),
            "framesAfterEos": rng.choice((None, None, 0, 4)),
            "naturalPauses": rng.random() < 0.5,
        }
        given.append([text, described(rules, kind, pieces), str(path), options])
        expected.append(planned(text, tokenizer, config, rules, options))
    got = run_script("plan.mjs", WEB, lines=given)
    for answer in got:
        if isinstance(answer, dict):
            assert answer.pop("message")
    assert differences(given, expected, got) == []


def test_passages_are_those_of_python():
    """Of texts that arrive in pieces of any length."""
    rng = random.Random(6)
    given, expected = [], []
    for text in texts(3):
        pieces, at = [], 0
        while at < len(text):
            size = rng.choice((1, 3, 8, 40, 10_001))
            pieces.append(text[at : at + size])
            at += size
        arriving = Arriving()
        given.append([pieces])
        expected.append([*(p for piece in pieces for p in arriving.push(piece)), *arriving.finish()])
    assert differences(given, expected, run_script("plan.mjs", WEB, lines=given)) == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """make(name, **how) -> a small SentencePiece model of another kind."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("tokenizers")

    def make(name, **how):
        made = io.BytesIO()
        how = {"normalization_rule_name": "identity", **how}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(text for text, _ in readings()),
            model_writer=made,
            num_threads=1,
            minloglevel=2,
            **how,
        )
        path = folder / f"{name}.model"
        path.write_bytes(made.getvalue())
        return path, sentencepiece.SentencePieceProcessor(model_proto=made.getvalue()).vocab_size()

    return make


KINDS = {
    "merged": {
        "model_type": "bpe",
        "vocab_size": 600,
        "byte_fallback": True,
        "remove_extra_whitespaces": False,
    },
    "merged without bytes": {"model_type": "bpe", "vocab_size": 250},
    "characters": {"model_type": "char", "vocab_size": 380, "byte_fallback": True},
    "without a word start": {"model_type": "unigram", "vocab_size": 300, "add_dummy_prefix": False},
}


@pytest.mark.parametrize("name", [*TOKENIZERS, *KINDS])
def test_tokens_are_those_of_the_libraries(name, trained):
    if name in KINDS:
        path, pieces = trained(name.replace(" ", "-"), **KINDS[name])
        kind = "sentencepiece"
    else:
        path, kind, pieces = TOKENIZERS[name]
    check_portable(path.read_bytes(), kind)
    tokenizer = load_tokenizer(path, kind, pieces)
    rng = random.Random(8)
    given = [[text] for text in [*texts(5, max(COUNT // 3, 700)), "", "▁", " ▁▁ a ▁", "  a  b "]]
    given += [[None, [rng.randrange(pieces) for _ in range(rng.randint(0, 12))]] for _ in range(300)]
    expected = [tokenizer.encode(ids[0]) if len(ids) == 1 else tokenizer.decode(ids[1]) for ids in given]
    got = run_script("tokens.mjs", WEB / "text" / "tokenizer.js", path, kind, pieces, lines=given)
    assert differences(given, expected, got) == []


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"normalization_rule_name": "nmt_nfkc"}, "it maps characters"),
        ({"user_defined_symbols": ["<x>"]}, "<x>"),
        ({"treat_whitespace_as_suffix": True}, "blanks at the ends"),
        ({"model_type": "word", "vocab_size": 300}, "of type 3"),
    ],
)
def test_what_is_not_known_is_refused(how, says, trained):
    """There, and when a model is exported."""
    path, pieces = trained("refused", **{"model_type": "unigram", "vocab_size": 300, **how})
    with pytest.raises(AssertionError, match=says):
        run_script("tokens.mjs", WEB / "text" / "tokenizer.js", path, "sentencepiece", pieces)
    with pytest.raises(ConfigError, match="browser"):
        check_portable(path.read_bytes(), "sentencepiece")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("normalizer", {"type": "NFKC"}),
        ("pre_tokenizer", {"type": "ByteLevel"}),
        ("post_processor", {"type": "TemplateProcessing"}),
        ("decoder", {"type": "WordPiece"}),
        ("model", {"type": "WordLevel", "vocab": {}}),
    ],
)
def test_json_that_asks_for_more_is_refused(part, value, tmp_path):
    file = json.loads(TOKENIZERS["json"][0].read_text(encoding="utf-8"))
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({**file, part: value}), encoding="utf-8")
    with pytest.raises(AssertionError, match=value["type"]):
        run_script("tokens.mjs", WEB / "text" / "tokenizer.js", path, "tokenizers", 400)
    with pytest.raises(ConfigError, match="browser"):
        check_portable(path.read_bytes(), "tokenizers")


def test_a_text_that_cannot_be_spoken_is_an_error():
    path, kind, pieces = TOKENIZERS["unigram"]
    about = described(TextRules(), kind, pieces)
    lines = [
        [text, about, str(path), {}]
        for text in ("\ud800", "  ", "[pause:1234567890123456s]", "word " * 60_000)
    ]
    got = run_script("plan.mjs", WEB, lines=lines)
    assert [answer["error"] for answer in got] == ["TextError"] * 4
    assert "lone surrogate (U+D800) at character 0" in got[0]["message"]
    assert "at most 15" in got[2]["message"]
    assert "tokens without a mark to cut at" in got[3]["message"]
