"""What the talker is given before the first frame, and the text that it is given with the frames after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Ids around the user's text, by position: `<|im_start|>assistant\n`, and what comes after the text.
HEAD, TAIL, REFERENCE_TAIL = 3, 5, 2


def assistant_text(text) -> str:
    """The string whose ids a speech is made of."""
    return f"<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n"


def reference_text(words) -> str:
    """The words of a recording."""
    return f"<|im_start|>assistant\n{words}<|im_end|>\n"


def instruct_text(instruction) -> str:
    return f"<|im_start|>user\n{instruction}<|im_end|>\n"


@dataclass(frozen=True)
class Prompt:
    """rows (n, H): the prompt; trailing (m, H): text for each of the first m frames; pad (H,): for the others."""

    rows: np.ndarray
    trailing: np.ndarray
    pad: np.ndarray


@dataclass(frozen=True)
class Reference:
    """A recording to go on from: the ids of its words (reference_text) and its codes (frames, G)."""

    ids: np.ndarray
    codes: np.ndarray


def spoken_language(talker_config, language, speaker=None):
    """The id of a language, None for "auto". A speaker's dialect stands in for auto and for Chinese."""
    language = language.lower()
    dialect = talker_config.spk_is_dialect.get(speaker.lower(), False) if speaker else False
    if dialect and language in ("auto", "chinese"):
        language = dialect
    return None if language == "auto" else talker_config.codec_language_id[language]


def build_prompt(
    talker, predictor, config, ids, *, language=None, speaker=None, instruct=None, reference=None, whole=True
) -> Prompt:
    """The prompt of one speech.

    ids: of assistant_text; language: an id or None; speaker: a row (H,) or None; instruct: ids of instruct_text or
    None; reference: a Reference to be continued or None; whole: all text before the first frame, else one text row
    with each frame.
    """
    c, text, codec = talker.config, talker.embed_text, talker.embed_codec
    ids = np.asarray(ids, int)
    pad, start, end = text([config.tts_pad_token_id, config.tts_bos_token_id, config.tts_eos_token_id])
    think = [c.codec_think_id, c.codec_think_bos_id, language, c.codec_think_eos_id]
    if language is None:
        think = [c.codec_nothink_id, c.codec_think_bos_id, c.codec_think_eos_id]
    prefix = [codec(think) + pad]
    if speaker is not None:
        prefix.append((np.asarray(speaker, talker.dtype) + pad)[None])
    prefix.append(codec([c.codec_pad_id]) + start)
    head = [text(ids[:HEAD]), *prefix]
    if instruct is not None and len(instruct):
        head.insert(0, text(instruct))

    if reference is not None:
        words = np.concatenate([np.asarray(reference.ids, int)[HEAD:-REFERENCE_TAIL], ids[HEAD:-TAIL]])
        speech = np.concatenate([codec([c.codec_bos_id]), predictor.embed_frames(reference.codes)])
        body, trailing = _continuation(talker, words, speech, pad, end, whole)
    elif whole:
        words = np.concatenate([text(ids[HEAD:-TAIL]), end[None]]) + codec([c.codec_pad_id])
        body, trailing = [words, codec([c.codec_bos_id]) + pad], pad[None]
    else:
        body = [text(ids[HEAD : HEAD + 1]) + codec([c.codec_bos_id])]
        trailing = np.concatenate([text(ids[HEAD + 1 : -TAIL]), end[None]])
    return Prompt(np.concatenate([*head, *body]), trailing, pad)


def _continuation(talker, words, speech, pad, end, whole):
    """The recording's words and then the text, beside or before the recording's frames: (rows, trailing)."""
    words = np.concatenate([talker.embed_text(words), end[None]])
    if whole:
        return [words + talker.embed_codec([talker.config.codec_pad_id]), speech + pad], pad[None]
    n = len(speech)
    if len(words) > n:
        return [words[:n] + speech], words[n:]
    words = np.concatenate([words, np.repeat(pad[None], n - len(words), axis=0)])
    return [words + speech], pad[None]
