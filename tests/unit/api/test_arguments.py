"""Every argument of every public function, with values of the wrong type: a ConfigError, or what stands for it there.

The functions and their arguments are read off the package: a new one fails here until it is in the tables.
"""

import asyncio
import dataclasses
import inspect
import threading
from pathlib import Path

import numpy as np
import pytest

import pocket_fast
from pocket_fast import Qwen3TTSModel, TTSModel
from pocket_fast.errors import (
    AudioError,
    ConfigError,
    PocketFastError,
    TextError,
    UnsupportedError,
    VoiceError,
)
from recordings import hum

TEXT = "Hello there."
NAN, INFINITY = float("nan"), float("inf")

# --- kinds of arguments: wrong values, right ones, and the errors that wrong ones raise ---------------

FLAG = (["yes", 2, 1.5, [], None, NAN], [True, np.bool_(False)], ConfigError)
WHOLE = (
    ["50", 1.5, NAN, INFINITY, True, np.True_, -1, [1], {}, object()],
    [1, np.int64(2), np.uint8(3), None],
    ConfigError,
)
NUMBER = (
    ["0.5", NAN, True, [], object(), 1j],
    [0.5, 1, np.float32(0.25), np.float64(0.5), np.int16(1), None],
    ConfigError,
)
NAME = ([5, True, b"text", ["a"], 1.5, object()], [], ConfigError)
PLACE = ([5, True, b"path", ["a"], 1.5, object()], [], ConfigError)
EVENT = ([True, 1, "stop", object()], [None, threading.Event()], ConfigError)
FUNCTION = ([True, 5, "print", []], [], ConfigError)
TABLE = ([5, "temperature", [("temperature", 1)], None], [{}], ConfigError)
SPOKEN = ([5, None, True, b"bytes", 1.5], [TEXT], TextError)
VOICE = ([5, True, 1.5, object(), {"a": 1}, [1, 2]], [], PocketFastError)
RECORDING = ([5, None, True, object(), b"RIFF"], [], (AudioError, VoiceError))
WORDS = ([5, True, b"words", [1]], [], (VoiceError, ConfigError))  # a WordsError is a VoiceError

KINDS = {
    "language": NAME,
    "config": PLACE,
    "checkpoint": PLACE,
    "pretrained_model_name_or_path": PLACE,
    "temp": NUMBER,
    "sampler_decode_steps": (WHOLE[0], [1, np.int32(2)], ConfigError),
    "lsd_decode_steps": WHOLE,
    "noise_clamp": NUMBER,
    "eos_threshold": (NUMBER[0], [*NUMBER[1], INFINITY, -INFINITY], ConfigError),
    "quantize": FLAG,
    "compute_type": (
        [5, "float7", None, ["auto"], True],
        ["auto", "float32"],
        (UnsupportedError, ConfigError),
    ),
    "threads": (WHOLE[0], [1, np.int64(1), None], ConfigError),
    "schedule": ([5, "parallel", True, [], ""], ["auto", "sequence", None], ConfigError),
    "progress": FLAG,
    "text_split": ([5, "gpt", None, []], ["qwen2"], ConfigError),
    "device": ([5, "cuda", None], ["cpu"], UnsupportedError),
    "device_map": ([5, "cuda", ["cpu"], {"": "cuda"}], ["cpu", "auto", None], UnsupportedError),
    "dtype": ([5, "float16", ["float32"]], ["float32", "auto", None], UnsupportedError),
    "attn_implementation": (NAME[0], ["eager", None], ConfigError),
    "source": RECORDING,
    "audio_conditioning": RECORDING,
    "words": WORDS,
    "truncate": FLAG,
    "voice": VOICE,
    "model_state": VOICE,
    "path": (PLACE[0], [], PocketFastError),
    "dest": PLACE,
    "text_to_generate": SPOKEN,
    "text": SPOKEN,
    "max_tokens": WHOLE,
    "frames_after_eos": WHOLE,
    "copy_state": (FLAG[0], [True, np.True_], ConfigError),
    "settings": TABLE,
    "seed": WHOLE,
    "stop": EVENT,
    "natural_pauses": FLAG,
    "live": FLAG,
    "deadline": NUMBER,
    "most_seconds": (NUMBER[0], [30, np.float32(30), None], ConfigError),
    "marks": (FUNCTION[0], [lambda *_: None, None], ConfigError),
    "observer": (FUNCTION[0], [lambda *_: None], ConfigError),
    "max_streams": (WHOLE[0], [64, np.int64(64), None], ConfigError),
    "max_queue": (WHOLE[0], [256, np.int64(256), None], ConfigError),
    "idle_seconds": (NUMBER[0], [INFINITY, 1e9, np.float32(1e9), None], ConfigError),
    "idle_bytes": (WHOLE[0], [1 << 30, np.int64(1 << 30), None], ConfigError),
    "speaker": VOICE,
    "instruct": ([5, True, b"text", 1.5, object()], ["Calmly.", "", None], ConfigError),
    "non_streaming_mode": (FLAG[0][:-2], FLAG[1], ConfigError),
    "ref_audio": (RECORDING[0], [], (AudioError, VoiceError, ConfigError)),
    "ref_text": WORDS,
    "x_vector_only_mode": (FLAG[0][:3], [True, np.True_], ConfigError),
    "voice_clone_prompt": VOICE,
    "model": ([5, True, None, ["a"], b"builtin"], [], PocketFastError),
    "choice": None,  # of other code of ours
}
# --- how each function is called: right arguments, which one after the other are replaced ------------


class Owner:
    """What the functions are called on."""

    def __init__(self, pocket, custom, base, voice, tiny, folder):
        self.pocket, self.custom, self.base, self.voice, self.tiny, self.folder = (
            pocket,
            custom,
            base,
            voice,
            tiny,
            folder,
        )


def drained(sounds):
    """All of a stream, or what raises when it begins."""
    if hasattr(sounds, "__anext__"):

        async def drain():
            return [sound async for sound in sounds]

        return asyncio.run(drain())
    return list(sounds)


def watched(model, observer):
    """Only for a moment: others use the model too."""
    model.watch(observer)
    model._engine().observers.remove(observer)


BRIEF = {"max_new_tokens": 9}
FUNCTIONS = {
    "TTSModel.load_model": lambda o: (TTSModel.load_model, {"config": o.tiny}),
    "TTSModel.to": lambda o: (o.pocket.to, {"device": "cpu"}),
    "TTSModel.find_voice": lambda o: (o.pocket.find_voice, {"source": hum(0.2)}),
    "TTSModel.export_voice": lambda o: (
        o.pocket.export_voice,
        {"voice": o.voice, "path": o.folder / "a.safetensors"},
    ),
    "TTSModel.get_state_for_audio_prompt": lambda o: (
        o.pocket.get_state_for_audio_prompt,
        {"audio_conditioning": hum(0.2)},
    ),
    "TTSModel.generate_audio": lambda o: (
        o.pocket.generate_audio,
        {"model_state": o.voice, "text_to_generate": TEXT},
    ),
    "TTSModel.generate_audio_stream": lambda o: (
        lambda **how: drained(o.pocket.generate_audio_stream(**how)),
        {"model_state": o.voice, "text_to_generate": TEXT},
    ),
    "TTSModel.astream": lambda o: (
        lambda **how: drained(o.pocket.astream(**how)),
        {"model_state": o.voice, "text_to_generate": TEXT},
    ),
    "TTSModel.speak": lambda o: (
        lambda **how: drained(o.pocket.speak(**how)),
        {"voice": o.voice, "text": TEXT},
    ),
    "TTSModel.aspeak": lambda o: (
        lambda **how: drained(o.pocket.aspeak(**how)),
        {"voice": o.voice, "text": TEXT},
    ),
    "TTSModel.trials": lambda o: (o.pocket.trials, {"voice": o.voice}),
    "TTSModel.count_tokens": lambda o: (o.pocket.count_tokens, {"text": TEXT}),
    "TTSModel.limit": lambda o: (o.pocket.limit, {}),
    "TTSModel.watch": lambda o: (lambda observer: watched(o.pocket, observer), {"observer": len}),
    "Qwen3TTSModel.from_pretrained": lambda o: (
        Qwen3TTSModel.from_pretrained,
        {"pretrained_model_name_or_path": o.folder / "qwen3"},
    ),
    "Qwen3TTSModel.to": lambda o: (o.custom.to, {"device": "cpu"}),
    "Qwen3TTSModel.find_voice": lambda o: (o.base.find_voice, {"source": hum(0.5), "words": "Hum."}),
    "Qwen3TTSModel.create_voice_clone_prompt": lambda o: (
        o.base.create_voice_clone_prompt,
        {"ref_audio": (hum(0.5), 24000), "ref_text": "Hum."},
    ),
    "Qwen3TTSModel.export_voice": lambda o: (
        o.base.export_voice,
        {"voice": o.base.find_voice(hum(0.5)), "path": o.folder / "b.safetensors"},
    ),
    "Qwen3TTSModel.generate_custom_voice": lambda o: (
        o.custom.generate_custom_voice,
        {"text": TEXT, "speaker": "ryan", **BRIEF},
    ),
    "Qwen3TTSModel.generate_voice_design": lambda o: (
        o.designed.generate_voice_design,
        {"text": TEXT, "instruct": "A voice.", **BRIEF},
    ),
    "Qwen3TTSModel.generate_voice_clone": lambda o: (
        o.base.generate_voice_clone,
        {"text": TEXT, "ref_audio": (hum(0.5), 24000), "ref_text": "Hum.", **BRIEF},
    ),
    "Qwen3TTSModel.stream": lambda o: (
        lambda **how: drained(o.custom.stream(**how)),
        {"text": TEXT, "voice": "ryan", **BRIEF},
    ),
    "Qwen3TTSModel.astream": lambda o: (
        lambda **how: drained(o.custom.astream(**how)),
        {"text": TEXT, "voice": "ryan", **BRIEF},
    ),
    "Qwen3TTSModel.trials": lambda o: (o.custom.trials, {"voice": o.custom.find_voice("ryan")}),
    "Qwen3TTSModel.speak": lambda o: (
        lambda **how: drained(o.custom.speak(**how)),
        {"voice": o.custom.find_voice("ryan"), "text": TEXT, "settings": BRIEF},
    ),
    "Qwen3TTSModel.aspeak": lambda o: (
        lambda **how: drained(o.custom.aspeak(**how)),
        {"voice": o.custom.find_voice("ryan"), "text": TEXT, "settings": BRIEF},
    ),
    "Qwen3TTSModel.count_tokens": lambda o: (o.custom.count_tokens, {"text": TEXT}),
    "Qwen3TTSModel.limit": lambda o: (o.custom.limit, {}),
    "Qwen3TTSModel.watch": lambda o: (lambda observer: watched(o.custom, observer), {"observer": len}),
    "load": lambda o: (pocket_fast.load, {"model": o.tiny, "threads": 1}),
    "export_model_state": lambda o: (
        pocket_fast.export_model_state,
        {"model_state": o.voice, "dest": o.folder / "c.safetensors"},
    ),
}
# What **kwargs takes.
MORE = {
    "Qwen3TTSModel.generate_custom_voice": ("seed", "stop", "natural_pauses"),
    "Qwen3TTSModel.generate_voice_design": ("seed", "stop", "natural_pauses"),
    "Qwen3TTSModel.generate_voice_clone": ("seed", "stop", "natural_pauses"),
    "Qwen3TTSModel.stream": ("seed", "stop", "natural_pauses", "live", "deadline", "marks"),
    "Qwen3TTSModel.astream": ("seed", "natural_pauses", "live", "deadline", "marks"),
    "load": ("quantize", "device", "compute_type", "threads", "progress", "schedule"),
}
NO_ARGUMENTS = {"engine_load", "warm_up", "close", "get_supported_speakers", "get_supported_languages"}
# Where a value that is wrong elsewhere is right.
RIGHT_HERE = {
    ("Qwen3TTSModel.find_voice", "words"): [None],
    ("Qwen3TTSModel.stream", "voice"): [None],
    ("Qwen3TTSModel.generate_voice_clone", "ref_text"): [None],
}


def public():
    """{name: function} of all that a program may call."""
    found = {}
    for name in pocket_fast.__all__:
        thing = getattr(pocket_fast, name)
        if inspect.isfunction(thing):
            found[name] = thing
        elif inspect.isclass(thing) and issubclass(thing, pocket_fast.api.Speaking):
            for member, function in inspect.getmembers(thing, callable):
                if not member.startswith("_"):
                    found[f"{name}.{member}"] = function
    return found


def arguments():
    """(function, argument) of all of them."""
    for name, function in public().items():
        if name.rpartition(".")[2] in NO_ARGUMENTS:
            continue
        parameters = inspect.signature(function).parameters.values()
        named = [
            p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"
        ]
        for argument in (*named, *MORE.get(name, ())):
            yield name, argument


def test_every_function_and_argument_is_in_the_tables():
    functions = {name for name in public() if name.rpartition(".")[2] not in NO_ARGUMENTS}
    assert functions == set(FUNCTIONS)
    assert {argument for _, argument in arguments()} <= set(KINDS)
    for name, function in public().items():
        if name.rpartition(".")[2] in NO_ARGUMENTS:
            assert list(inspect.signature(function).parameters) in ([], ["self"])
        if any(p.kind == p.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
            assert name in MORE


@pytest.fixture(scope="module")
def owner(loaded, voice, tiny, qwen3, tiny_qwen3, tmp_path_factory):
    import copy

    folder = tmp_path_factory.mktemp("arguments")
    (folder / "qwen3").symlink_to(tiny_qwen3("qwen3-tiny-customvoice"))
    pocket = copy.copy(loaded())
    pocket.eos_threshold = -1e9
    found = Owner(
        pocket, qwen3("qwen3-tiny-customvoice"), qwen3("qwen3-tiny-base-wide"), voice, tiny(), folder
    )
    found.designed = qwen3("qwen3-tiny-voicedesign")
    return found


def call(owner, name, **changed):
    function, right = FUNCTIONS[name](owner)
    if "quantize" in changed and changed["quantize"] is True:
        changed["compute_type"] = "int8"
    return function(**{**right, **changed})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_right_arguments_are_right(owner, name):
    call(owner, name)


@pytest.mark.filterwarnings("ignore:lsd_decode_steps")
@pytest.mark.parametrize(("name", "argument"), [pair for pair in arguments() if KINDS[pair[1]] is not None])
def test_wrong_and_right_values(owner, name, argument):
    wrong, right, errors = KINDS[argument]
    for value in wrong:
        if any(value is other for other in RIGHT_HERE.get((name, argument), ())):
            continue
        with pytest.raises(errors) as caught:
            call(owner, name, **{argument: value})
        assert isinstance(caught.value, PocketFastError)
        assert len(str(caught.value)) < 600
    for value in right:
        call(owner, name, **{argument: value})


@pytest.mark.filterwarnings("ignore:lsd_decode_steps")
def test_wrong_arguments_are_refused_before_a_model_is_loaded(monkeypatch, owner):
    for module in ("pocket.loading", "qwen3.loading"):
        monkeypatch.setattr(f"pocket_fast.models.{module}.load", lambda *_, **__: pytest.fail("loaded"))
    for name in ("TTSModel.load_model", "Qwen3TTSModel.from_pretrained"):
        for function, argument in arguments():
            if function == name:
                wrong, _, errors = KINDS[argument]
                with pytest.raises(errors):
                    call(owner, name, **{argument: wrong[0]})


@pytest.mark.parametrize("attribute", ["temp", "eos_threshold", "sampler_decode_steps", "noise_clamp"])
def test_attributes_count_from_the_next_call_on(new_model, voice, attribute):
    wrong, right, errors = KINDS[attribute]
    for value in [*wrong, None] if attribute != "noise_clamp" else wrong:
        with pytest.raises(errors, match=attribute):
            next(new_model(**{attribute: value}).generate_audio_stream(voice, TEXT))
    for value in right:
        if value is not None and np.isfinite(value):
            next(new_model(**{attribute: value}).generate_audio_stream(voice, TEXT))


def test_a_path_may_be_a_path(owner):
    assert isinstance(owner.tiny, Path)
    assert TTSModel.load_model(config=str(owner.tiny), threads=1).name == "custom"


@pytest.mark.parametrize("family", ["pocket", "custom", "base", "designed"])
def test_settings_of_every_model(owner, family):
    model = getattr(owner, family)
    voice = {"pocket": owner.voice, "base": None}.get(family, "ryan" if family == "custom" else None)
    if family != "pocket":
        voice = model._as_voice(voice) if family != "base" else model.find_voice(hum(0.5))
    wrong = {bool: FLAG[0], int: WHOLE[0], float: NUMBER[0], str: [5, True, b"text", ["a"]]}
    for setting in model.settings:
        for value in wrong[setting.type]:
            if value is not None:
                with pytest.raises(ConfigError, match=setting.name):
                    next(model.speak(voice, TEXT, {setting.name: value}))


@pytest.mark.parametrize(
    "changed",
    [
        {"ref_spk_embedding": 5},
        {"ref_spk_embedding": "vector"},
        {"ref_spk_embedding": None},
        {"x_vector_only_mode": "yes"},
        {"icl_mode": 1},
        {"icl_mode": None},
        {"ref_text": 5},
        {"ref_code": "codes"},
    ],
    ids=str,
)
def test_items_of_recordings(owner, changed):
    (item,) = owner.base.create_voice_clone_prompt((hum(0.5), 24000), "Hum.")
    item = dataclasses.replace(item, **changed)
    with pytest.raises(VoiceError):
        next(owner.base.stream(TEXT, voice=item, **BRIEF))
