"""Contradictions inside a config that has the right keys and types, found before any weights are read."""

from __future__ import annotations

import math

from pocket_fast.models.qwen3.config import (
    MODEL_TYPES,
    DecoderConfig,
    EncoderConfig,
    GenerationConfig,
    ModelConfig,
    PredictorConfig,
    SpeakerEncoderConfig,
    SpeechTokenizerConfig,
    TalkerConfig,
)

# The last ids of the talker's codec vocabulary: never a code, drawn only to end the speech.
CONTROL_IDS = 1024
TOKENIZER_TYPE = "qwen3_tts_tokenizer_12hz"
ENCODER_STRIDE = 2  # of the encoder's last convolution
_MEL_BANDS, _MEL_RATE = 128, 24000  # of the spectrogram that speaker encoders are made for
_MAY_BE_ZERO = ("top_k",)
# What there is one tensor of for each: a list of a billion names would take all memory before anything is compared.
_COUNTS = ("num_hidden_layers", "num_residual_layers", "num_quantizers", "num_code_groups")
_MOST_OF_ONE = 1000


def problems_of(config: ModelConfig) -> list[str]:
    """Every contradiction as `dotted.path: what came, what was expected`; empty when there is none."""
    # A zero or negative size would only produce follow-up complaints (or a division by zero).
    sizes = _sizes("", config)
    if sizes:
        return sizes
    talker, codec = config.talker_config, config.speech_tokenizer
    found: list[str] = []
    if config.tts_model_type not in MODEL_TYPES:
        found.append(
            f"tts_model_type: {config.tts_model_type!r}, expected one of {', '.join(MODEL_TYPES)}; "
            "a newer version of pocket_fast may know it"
        )
    found += _talker(talker) + _names(talker) + _decoder(codec.decoder_config)
    found += _encoder(codec.encoder_config, codec.encoder_valid_num_quantizers) + _rates(codec)
    found += _codes(talker, codec) + _text_ids(config) + _generation(config.generation)
    if config.tts_model_type == "custom_voice" and not talker.spk_id:
        found.append(
            "talker_config.spk_id: no names, expected those of the speakers in the config of a custom_voice model"
        )
    if config.tts_model_type == "base":
        if config.speaker_encoder_config is None:
            found.append("speaker_encoder_config: missing, expected one in the config of a base model")
        else:
            found += _speaker(config.speaker_encoder_config, talker.hidden_size, codec.input_sample_rate)
    return found


def _sizes(path: str, part: object) -> list[str]:
    """Numbers that must be positive (ids and a few others: not negative) and are not, and counts beyond reason, in this
    part or below it."""
    found = []
    for name, value in vars(part).items():
        here = f"{path}.{name}".lstrip(".")
        if hasattr(value, "__dataclass_fields__"):
            found += _sizes(here, value)
            continue
        least = 0 if name.endswith("_id") or name in _MAY_BE_ZERO else 1
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, bool) or not isinstance(item, (int, float)):
                continue
            if item < 0 or (item == 0 and least):
                wanted = "a positive number" if least else "0 or more"
                found.append(
                    f"{here}: {list(value) if isinstance(value, tuple) else value}, expected {wanted}"
                )
                break
        if name in _COUNTS and isinstance(value, int) and value > _MOST_OF_ONE:
            found.append(f"{here}: {value}, expected at most {_MOST_OF_ONE}")
    return found


def _talker(talker: TalkerConfig) -> list[str]:
    path, predictor = "talker_config", talker.code_predictor_config
    found: list[str] = []
    _heads(found, path, talker, talker.head_dim)
    _heads(found, f"{path}.code_predictor_config", predictor, predictor.head_dim)
    if talker.vocab_size <= CONTROL_IDS:
        found.append(
            f"{path}.vocab_size: {talker.vocab_size}, expected more than the {CONTROL_IDS} ids that are no codes"
        )
    if talker.num_code_groups < 2:
        found.append(f"{path}.num_code_groups: {talker.num_code_groups}, expected at least 2")
    _equal(
        found,
        f"{path}.code_predictor_config.num_code_groups",
        predictor.num_code_groups,
        f"{path}.num_code_groups",
        talker.num_code_groups,
    )
    for name, value in vars(talker).items():
        if name.startswith("codec_") and name.endswith("_id") and isinstance(value, int):
            _inside(found, f"{path}.{name}", value, "vocab_size", talker.vocab_size)
    return found


def _names(talker: TalkerConfig) -> list[str]:
    """Languages and speakers: ids of the codec vocabulary, dialects that there are."""
    path, found = "talker_config", list[str]()
    for key in ("codec_language_id", "spk_id"):
        for name, value in getattr(talker, key).items():
            _inside(found, f"{path}.{key}.{name}", value, "vocab_size", talker.vocab_size)
    for name in talker.spk_id:
        dialect = talker.spk_is_dialect.get(name)
        where = f"{path}.spk_is_dialect.{name}"
        if dialect is None:
            found.append(f"{where}: missing, expected false or a dialect for every name in spk_id")
        elif dialect is True:
            found.append(f"{where}: true, expected false or the name of a dialect")
        elif dialect and dialect not in talker.codec_language_id:
            known = ", ".join(talker.codec_language_id)
            found.append(f"{where}: {dialect!r}, expected false or one of codec_language_id: {known}")
    return found


def _decoder(decoder: DecoderConfig) -> list[str]:
    path = "speech_tokenizer.decoder_config"
    found: list[str] = []
    _heads(found, path, decoder, decoder.head_dim)
    halvings = 2 ** len(decoder.upsample_rates)
    if decoder.decoder_dim % halvings:
        found.append(
            f"{path}.decoder_dim: {decoder.decoder_dim}, expected a multiple of {halvings} "
            f"(it is halved {len(decoder.upsample_rates)} times)"
        )
    if decoder.codebook_dim % 2:
        found.append(f"{path}.codebook_dim: {decoder.codebook_dim}, expected an even number")
    return found


def _encoder(encoder: EncoderConfig, used: int) -> list[str]:
    path = "speech_tokenizer.encoder_config"
    found: list[str] = []
    if encoder.head_dim is None and encoder.hidden_size % encoder.num_attention_heads:
        found.append(
            f"{path}.num_attention_heads: {encoder.num_attention_heads} heads do not divide the width "
            f"{encoder.hidden_size}"
        )
    else:
        _heads(found, path, encoder, encoder.head_width)
    if encoder.compress > encoder.num_filters:
        found.append(
            f"{path}.compress: {encoder.compress}, expected at most num_filters = {encoder.num_filters}"
        )
    _equal(
        found,
        f"{path}.vector_quantization_hidden_dimension",
        encoder.vector_quantization_hidden_dimension,
        f"{path}.codebook_dim",
        encoder.codebook_dim,
    )
    _equal(
        found, f"{path}.num_semantic_quantizers", encoder.num_semantic_quantizers, "what the decoder has", 1
    )
    if encoder.num_quantizers < used:
        found.append(
            f"{path}.num_quantizers: {encoder.num_quantizers}, expected at least {used} = "
            "speech_tokenizer.encoder_valid_num_quantizers"
        )
    return found


def _rates(codec: SpeechTokenizerConfig) -> list[str]:
    """Samples per frame, in and out, and what the ratios of the two halves make of them."""
    path, decode = "speech_tokenizer", codec.decode_upsample_rate
    found: list[str] = []
    _equal(
        found,
        f"{path}.decode_upsample_rate",
        decode,
        "the product of upsample_rates and upsampling_ratios",
        codec.decoder_config.samples_per_frame,
    )
    _equal(
        found,
        f"{path}.encode_downsample_rate",
        codec.encode_downsample_rate,
        f"the product of the encoder's upsampling_ratios, times {ENCODER_STRIDE}",
        ENCODER_STRIDE * math.prod(codec.encoder_config.upsampling_ratios),
    )
    _equal(
        found, f"{path}.encode_downsample_rate", codec.encode_downsample_rate, "decode_upsample_rate", decode
    )
    _equal(
        found,
        f"{path}.input_sample_rate",
        codec.input_sample_rate,
        "output_sample_rate",
        codec.output_sample_rate,
    )
    return found


def _codes(talker: TalkerConfig, codec: SpeechTokenizerConfig) -> list[str]:
    """What one part writes, the next one must be able to read."""
    predictor, decoder, encoder = talker.code_predictor_config, codec.decoder_config, codec.encoder_config
    found: list[str] = []
    groups = ("talker_config.num_code_groups", talker.num_code_groups)
    _equal(found, "speech_tokenizer.decoder_config.num_quantizers", decoder.num_quantizers, *groups)
    _equal(
        found, "speech_tokenizer.encoder_valid_num_quantizers", codec.encoder_valid_num_quantizers, *groups
    )
    size = decoder.codebook_size
    codes = {
        f"talker_config.vocab_size: {CONTROL_IDS} less are": talker.vocab_size - CONTROL_IDS,
        "talker_config.code_predictor_config.vocab_size:": predictor.vocab_size,
        "speech_tokenizer.encoder_config.codebook_size:": encoder.codebook_size,
    }
    for path, count in codes.items():
        if count > size:
            found.append(f"{path} {count} codes, expected at most decoder_config.codebook_size = {size}")
    if encoder.codebook_size > predictor.vocab_size:
        found.append(
            f"speech_tokenizer.encoder_config.codebook_size: {encoder.codebook_size} codes, expected at most "
            f"talker_config.code_predictor_config.vocab_size = {predictor.vocab_size}"
        )
    return found


def _text_ids(config: ModelConfig) -> list[str]:
    found: list[str] = []
    for name, value in vars(config).items():
        if name.endswith("_token_id"):
            _inside(found, name, value, "talker_config.text_vocab_size", config.talker_config.text_vocab_size)
    return found


def _generation(generation: GenerationConfig) -> list[str]:
    names = ("top_p", "subtalker_top_p")
    return [
        f"generation.{name}: {getattr(generation, name)}, expected more than 0 and at most 1"
        for name in names
        if getattr(generation, name) > 1
    ]


def _speaker(speaker: SpeakerEncoderConfig, width: int, sample_rate: int) -> list[str]:
    path = "speaker_encoder_config"
    found: list[str] = []
    _equal(found, f"{path}.enc_dim", speaker.enc_dim, "talker_config.hidden_size", width)
    _equal(found, f"{path}.mel_dim", speaker.mel_dim, "the bands of the spectrogram", _MEL_BANDS)
    _equal(found, f"{path}.sample_rate", speaker.sample_rate, "what the spectrogram is made for", _MEL_RATE)
    _equal(
        found,
        f"{path}.sample_rate",
        speaker.sample_rate,
        "speech_tokenizer.input_sample_rate",
        sample_rate,
    )
    channels = speaker.enc_channels
    for name in ("enc_kernel_sizes", "enc_dilations"):
        _equal(
            found, f"{path}.{name}", len(getattr(speaker, name)), "the length of enc_channels", len(channels)
        )
    blocks = channels[:-1]
    if len(channels) < 3 or len(set(blocks)) > 1 or channels[-1] != sum(blocks[1:]):
        found.append(
            f"{path}.enc_channels: {list(channels)}, expected equal widths of at least two layers, and at the end "
            "the sum of all but the first"
        )
    elif blocks[0] % speaker.enc_res2net_scale:
        found.append(
            f"{path}.enc_res2net_scale: {speaker.enc_res2net_scale} does not divide the width {blocks[0]}"
        )
    return found


def _heads(
    found: list[str],
    path: str,
    part: TalkerConfig | PredictorConfig | DecoderConfig | EncoderConfig,
    width: int,
) -> None:
    heads, pairs = part.num_attention_heads, part.num_key_value_heads
    if heads % pairs:
        found.append(f"{path}.num_key_value_heads: {pairs} do not divide num_attention_heads = {heads}")
    if width % 2:
        found.append(f"{path}.head_dim: {width}, expected an even width (rotary pairs)")


def _inside(found: list[str], path: str, value: int, name: str, size: int) -> None:
    if not 0 <= value < size:
        found.append(f"{path}: {value}, expected 0 to {size - 1} ({name} is {size})")


def _equal(found: list[str], path: str, value: int, other: str, expected: int) -> None:
    if value != expected:
        found.append(f"{path}: {value}, expected {expected} = {other}")
