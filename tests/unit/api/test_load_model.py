"""TTSModel.load_model: what it takes, what it refuses, and what can be set afterwards."""

import inspect
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from pocket_fast import TTSModel, export_model_state
from pocket_fast.cpu import _threads, compute_types
from pocket_fast.errors import ConfigError, NotFoundError, UnsupportedError
from pocket_fast.models.pocket import catalog
from recordings import hum

# name -> default, in the order of pocket-tts 4.0.1, whose callers use positions
LOAD = {
    "language": None,
    "config": None,
    "temp": None,
    "sampler_decode_steps": 1,
    "noise_clamp": None,
    "eos_threshold": None,
    "quantize": False,
    "checkpoint": None,
    "lsd_decode_steps": None,
}
SPEAK = {
    "model_state": inspect.Parameter.empty,
    "text_to_generate": inspect.Parameter.empty,
    "max_tokens": None,
    "frames_after_eos": None,
    "copy_state": True,
}
POSITIONAL = {
    "load_model": LOAD,
    "get_state_for_audio_prompt": {"audio_conditioning": inspect.Parameter.empty, "truncate": False},
    "generate_audio": SPEAK,
    "generate_audio_stream": {**SPEAK, "stop": None},
}


def positional(function):
    parameters = list(inspect.signature(function).parameters.values())
    return {
        p.name: p.default
        for p in parameters
        if p.name != "self" and p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }


@pytest.mark.parametrize("method", POSITIONAL)
def test_names_order_and_defaults(method):
    found = positional(getattr(TTSModel, method))
    assert list(found.items()) == list(POSITIONAL[method].items())


@pytest.mark.reference
def test_names_order_and_defaults_are_those_of_pocket_tts():
    pocket_tts = pytest.importorskip("pocket_tts")
    for method, expected in POSITIONAL.items():
        theirs = positional(getattr(pocket_tts.TTSModel, method))
        if "max_tokens" in theirs:  # None is 50 with every model of theirs
            assert theirs["max_tokens"] == 50
            theirs["max_tokens"] = None
        assert list(theirs.items()) == list(expected.items())
        others = inspect.signature(getattr(TTSModel, method)).parameters.keys() - theirs.keys() - {"self"}
        loading = {"device", "compute_type", "threads", "schedule", "progress"}
        assert others <= loading | {"seed", "stop", "natural_pauses", "live", "deadline", "marks"}
    assert list(inspect.signature(pocket_tts.export_model_state).parameters) == list(
        inspect.signature(export_model_state).parameters
    )


def test_language_and_config_exclude_each_other(tiny):
    with pytest.raises(ConfigError, match="a language or a config, not both"):
        TTSModel.load_model("english", tiny())


def test_an_unknown_language_gets_the_nearest_names():
    with pytest.raises(NotFoundError, match="'germann'; did you mean german"):
        TTSModel.load_model("germann")
    with pytest.raises(FileNotFoundError, match=r"known: .*english_2026-01"):
        TTSModel.load_model(language="klingon")
    with pytest.raises(NotFoundError):
        TTSModel.load_model(language="")


def test_neither_is_english(monkeypatch, tiny):
    asked = []

    def shipped_config(name):
        asked.append(name)
        raise KeyError

    monkeypatch.setattr(catalog, "shipped_config", shipped_config)
    for arguments in ({}, {"language": "dutch"}, {"language": "b6369a24"}):
        with pytest.raises(KeyError):
            TTSModel.load_model(**arguments)
    assert asked == ["english", "dutch", "english_2026-01"]


@pytest.mark.parametrize(
    "location", ["config.json", "config", "hf://a/b/c.txt@main", "https://h/c.yaml?token=1"]
)
def test_a_config_must_be_yaml(location):
    with pytest.raises(ConfigError, match=r"expected a \.yaml or \.yml file"):
        TTSModel.load_model(config=location)


def test_a_missing_config(tmp_path):
    with pytest.raises(NotFoundError, match="no such file"):
        TTSModel.load_model(config=tmp_path / "a.yaml")


def test_unknown_keys_and_wrong_types(changed_config):
    def spoil(data):
        data["flow_lm"]["colour"] = "red"
        data["mimi"]["sample_rate"] = "fast"

    with pytest.raises(ValueError, match=r"(?s)2 problems.*flow_lm\.colour: unknown.*mimi\.sample_rate"):
        TTSModel.load_model(config=changed_config(spoil))


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_config_by_path_with_files_beside_it(tiny, changed_config, tmp_path, monkeypatch, suffix):
    def relative(data):
        data["weights_path"] = "model.safetensors"
        data["flow_lm"]["lookup_table"]["tokenizer_path"] = "./tokenizer.model"

    for name in ("model.safetensors", "tokenizer.model"):
        (tmp_path / name).symlink_to(tiny().with_name(name))
    path = changed_config(relative, file=f"c{suffix}")
    model = TTSModel.load_model(config=str(path))
    assert model.origin == path
    monkeypatch.chdir(tmp_path)
    assert TTSModel.load_model(config=f"c{suffix}").origin == Path(f"c{suffix}")


@pytest.mark.parametrize("scheme", ["http", "hf"])
def test_a_config_by_url(hub, tiny, scheme):
    folder = tiny().parent
    text = tiny().read_text()
    where = hub.url + "/some" if scheme == "http" else "hf://some/repo"
    for name in ("model.safetensors", "tokenizer.model"):
        text = text.replace(str(folder / name), f"{where}/{name}")
        hub.files[f"some/repo/main/{name}"] = hub.files[f"some/{name}"] = (folder / name).read_bytes()
    hub.files["some/repo/v1/c.yaml"] = hub.files["some/c.yaml"] = text.encode()
    model = TTSModel.load_model(config=f"{where}/c.yaml" + ("@v1" if scheme == "hf" else ""))
    assert model.language is None
    assert hub.count("GET", "model.safetensors") == 1
    assert model.has_voice_cloning


def test_defaults_come_from_the_config(changed_config, tiny):
    def change(data):
        data.update(default_temperature=0.61, default_eos_threshold=-2.5)

    path = changed_config(change)
    model = TTSModel.load_model(config=path)
    assert (model.temp, model.eos_threshold) == (0.61, -2.5)
    model = TTSModel.load_model(config=path, temp=0.0, eos_threshold=0.0)
    assert (model.temp, model.eos_threshold) == (0.0, 0.0)
    model = TTSModel.load_model(None, path, 0.5, 3, 1.5, -1.0)
    assert (model.temp, model.sampler_decode_steps, model.noise_clamp, model.eos_threshold) == (
        0.5,
        3,
        1.5,
        -1,
    )


def test_what_a_model_says_about_itself(loaded, tiny):
    model = loaded()
    assert model.sample_rate == 24000
    assert loaded("tiny-odd").sample_rate == 8000
    assert model.origin == tiny()
    assert model.config.mimi.frame_rate == 12.5
    assert model.has_voice_cloning is True
    assert model.max_decoder_frames_per_call == 0
    assert model.compute_type == "float32"
    assert str(model.device) == "cpu"
    assert (model.temp, model.sampler_decode_steps, model.noise_clamp, model.eos_threshold) == (
        0.3,
        1,
        None,
        -4.0,
    )


def test_lsd_decode_steps_is_the_deprecated_name_and_wins(tiny):
    with pytest.warns(DeprecationWarning, match="use sampler_decode_steps") as caught:
        model = TTSModel.load_model(config=tiny(), sampler_decode_steps=2, lsd_decode_steps=5)
    assert model.sampler_decode_steps == 5
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert TTSModel.load_model(config=tiny(), sampler_decode_steps=2).sampler_decode_steps == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"compute_type": "bfloat16"}, "'bfloat16' needs bfloat16 instructions, which .* use 'float32'"),
        ({"compute_type": "int8_bfloat16", "quantize": True}, "'int8_bfloat16' needs"),
        ({"compute_type": "float8"}, "'float8': expected one of auto, float32"),
        ({"compute_type": None}, "None: expected one of"),
    ],
)
def test_compute_types_are_refused_before_anything_is_fetched(monkeypatch, arguments, words):
    monkeypatch.setattr(compute_types, "has_bf16_dot", lambda: False)
    with pytest.raises(UnsupportedError, match=words):
        TTSModel.load_model(config="hf://nobody/nothing/x.yaml", **arguments)


def test_quantize_contradicts_another_compute_type():
    with pytest.raises(ConfigError, match="quantize means compute_type 'int8', but 'float32'"):
        TTSModel.load_model(quantize=True, compute_type="float32")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, "float32"),
        ({"compute_type": "auto"}, "float32"),
        ({"compute_type": "float32"}, "float32"),
        ({"quantize": True}, "int8_float32"),
        ({"compute_type": "int8"}, "int8_float32"),
        ({"quantize": True, "compute_type": "int8_float32"}, "int8_float32"),
    ],
)
def test_compute_types(monkeypatch, tiny, model, arguments, found):
    monkeypatch.setattr(compute_types, "has_bf16_dot", lambda: False)
    other = TTSModel.load_model(config=tiny(), **arguments)
    assert other.compute_type == found
    same = [
        m.generate_audio(m.get_state_for_audio_prompt(hum(0.5)), "Hello.", seed=1) for m in (model, other)
    ]
    assert np.array_equal(*same) == (found == "float32")


def test_threads(tiny, monkeypatch):
    monkeypatch.setattr(_threads, "has_openmp", lambda: True)
    assert TTSModel.load_model(config=tiny(), threads=3).stages.threads == 3
    monkeypatch.setenv("POCKET_FAST_THREADS", "2")
    assert TTSModel.load_model(config=tiny()).stages.threads == 2
    assert TTSModel.load_model(config=tiny(), threads=1).stages.threads == 1


@pytest.mark.parametrize("threads", [0, -1, "many", 1.5])
def test_bad_threads(tiny, threads):
    with pytest.raises(ConfigError, match="threads: expected a whole number of at least 1"):
        TTSModel.load_model(config=tiny(), threads=threads)


BAD = [
    ("temp", -0.1),
    ("temp", float("nan")),
    ("temp", float("inf")),
    ("temp", "hot"),
    ("temp", True),
    ("eos_threshold", float("nan")),
    ("eos_threshold", "high"),
    ("sampler_decode_steps", 0),
    ("sampler_decode_steps", 1.5),
    ("sampler_decode_steps", True),
    ("noise_clamp", 0.0),
    ("noise_clamp", -1),
    ("noise_clamp", float("nan")),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_settings_are_refused_when_loading_and_afterwards(tiny, model, voice, name, value):
    with pytest.raises(ConfigError, match=f"{name}: expected .*, got {value!r}"):
        TTSModel.load_model(config=tiny(), **{name: value})
    setattr(model, name, value)
    with pytest.raises(ConfigError, match=f"{name}: expected"):
        next(model.generate_audio_stream(voice, "Hello."))


def test_infinite_thresholds_mean_never_and_always(model, voice):
    lengths = []
    for model.eos_threshold in (float("inf"), -np.inf):
        lengths.append(len(model.generate_audio(voice, "Hello.", frames_after_eos=0)) // 1920)
    assert lengths == [46, 6]


def test_settings_hold_from_the_next_call_on(model, voice):
    def speak():
        return model.generate_audio(voice, "Hello there.", seed=1)

    usual = speak()
    for name, value in {"temp": 0.9, "noise_clamp": 0.2, "sampler_decode_steps": 2}.items():
        before = getattr(model, name)
        setattr(model, name, value)
        assert not np.array_equal(speak(), usual), name
        setattr(model, name, before)
    model.eos_threshold = -1e9
    assert len(speak()) < len(usual)
    model.eos_threshold = -4.0
    model.max_decoder_frames_per_call = 1
    np.testing.assert_array_equal(speak(), usual)


def test_numbers_of_numpy_are_numbers(model, voice):
    usual = model.generate_audio(voice, "Hello.", seed=1)
    model.temp, model.eos_threshold = np.float64(model.temp), np.float32(model.eos_threshold)
    model.sampler_decode_steps = np.int64(1)
    np.testing.assert_array_equal(model.generate_audio(voice, "Hello.", seed=np.uint8(1)), usual)


def test_to_where_there_is_nothing(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert model.to("cpu") is model
    with pytest.raises(UnsupportedError, match="device 'cuda' needs CuPy"):
        model.to("cuda:0")
    with pytest.raises(UnsupportedError, match="device 'mps': expected 'cpu', 'cuda'"):
        model.to("mps")
    assert model.device == "cpu"
