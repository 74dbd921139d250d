"""Train the tiny tokenizer of the tests: the traits of the real one in 400 pieces.

    python tools/make_tiny_tokenizer.py [FOLDER]        # default: tests/data

writes tiny_tokenizer.model (SentencePiece, unigram) and tiny_tokenizer.json (the same vocabulary for
`tokenizers`). Deterministic for one version of sentencepiece. Traits shared with the released tokenizers:
ids 0 to 3 are <unk> <s> </s> <pad>, then 256 byte pieces, then words; no normalisation; the bare word-start
piece comes first in the ids of `.!...?` and `,;:`; a run of periods has its own piece; so has a period fused
with a quote.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import sentencepiece
import tokenizers
from tokenizers import decoders, models, normalizers

N_BINS = 400
WORD_START = "▁"

SENTENCES = """
The boat left the harbour at five, and the gulls went with it.
"Where is the lamp?" she asked. "It was on the table!"
He opened the door, looked at the rain, and closed it again.
"I have no idea." That was all he said.
We waited for the train... and waited... and then it came!
The price went from 3.14 to 2.50; nobody knew why.
Is this the road to the mill? Yes, it is: turn left at the bridge.
"Stop!" The dog did not stop. It never does.
My sister sings in the morning, my brother sings at night.
There are 12 eggs, 7 apples and 90 plums in the kitchen.
"What are you doing?" "Nothing." "Nothing at all?" "Nothing!"
First the wind... then the thunder... then the silence.
It's not that far; it's just that the hill is steep.
Don't forget the keys, the map, the bread and the milk.
Which of them is right? The one who asks, not the one who knows.
The old clock in the hall has been wrong for 60 years.
"Good morning!" said the baker. "Two loaves?" "Three."
A small light moved over the water, slowly, without a sound.
What a day! What a view! What a long way down!
She counted: one, two, three, four, five, six, seven, eight.
The report is due on Monday; the figures are on page 48.
They were tired, they were wet, and they were happy.
"Listen." He listened. "Do you hear it?" He heard the sea.
Well... perhaps... if the weather is kind... we shall see.
No one had seen the fox, but the hens were gone.
Quiet, please: the judges are thinking about the jazz quartet.
How many questions can a child ask before breakfast?
The letters were short, the answers were shorter.
"Wait!" "For what?" "For me!" And so they waited.
Under the stairs there was a box, and in the box a key.
"""


def train() -> bytes:
    """The serialised SentencePiece model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES.strip().splitlines()),
        model_writer=model,
        model_type="unigram",
        vocab_size=N_BINS,
        pad_id=3,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def convert(model: sentencepiece.SentencePieceProcessor) -> tokenizers.Tokenizer:
    """The same vocabulary, encoder and decoder as a `tokenizers` pipeline."""
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.vocab_size())]
    result = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=model.unk_id(), byte_fallback=True))
    result.normalizer = normalizers.Sequence(
        [normalizers.Prepend(WORD_START), normalizers.Replace(" ", WORD_START)]
    )
    result.decoder = decoders.Sequence(
        [
            decoders.Replace(WORD_START, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return result


def check(model: sentencepiece.SentencePieceProcessor, converted: tokenizers.Tokenizer) -> None:
    """Stop if a promised trait is missing."""
    assert [model.id_to_piece(i) for i in model.encode(",;:")] == [WORD_START, *",;:"]
    first, *marks = [model.id_to_piece(i) for i in model.encode(".!...?")]
    assert first == WORD_START
    assert set(".!?") < set(marks)
    assert set("".join(marks)) == set(".!?")
    assert [model.id_to_piece(i) for i in range(5)] == ["<unk>", "<s>", "</s>", "<pad>", "<0x00>"]
    assert not model.is_unknown(model.piece_to_id('."'))
    texts = [*SENTENCES.splitlines(), "  two  spaces ", "déjà vu… 中文。 😀 \0 \t\x7f", "3.5 ٣.٥ a.b.c", ""]
    for text in texts:
        ids = model.encode(text)
        assert converted.encode(text).ids == ids, text
        assert converted.decode(ids) == model.decode(ids) == text, text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "tests" / "data"
    parser.add_argument("folder", nargs="?", type=Path, default=default, help="default: %(default)s")
    folder = parser.parse_args().folder
    serialised = train()
    model = sentencepiece.SentencePieceProcessor(model_proto=serialised)
    converted = convert(model)
    check(model, converted)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny_tokenizer.model").write_bytes(serialised)
    (folder / "tiny_tokenizer.json").write_text(converted.to_str() + "\n", encoding="utf-8")
    print(f"{N_BINS} pieces in {folder}")


if __name__ == "__main__":
    main()
