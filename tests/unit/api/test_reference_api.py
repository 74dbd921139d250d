"""Live: the same small models in pocket-tts 4.0.1 and here, through the same calls.

Everything is compared at temperature 0, where no noise has to be injected, or with the noise injected.
"""

import copy
import threading

import numpy as np
import pytest

import torch_files
from awkward_texts import HAND_WRITTEN
from planned import plan
from pocket_fast import TTSModel, export_model_state
from pocket_fast.models.pocket.flow import NoiseSource
from pocket_fast.text.pauses import has_words
from recordings import hum
from reference.checkpoint import read_weights
from weight_files import part, training_names, write

pytestmark = pytest.mark.reference

MODELS = ["tiny", "tiny-no-bos", "tiny-7m", "tiny-2m"]
BOUND = 2e-4
TEXT = "Hello there, my friend, how are you?"
LONG = "The first is short. The second is as long as that. And now the third of them. Last."


class Pair:
    """One model in both implementations, at temperature 0."""

    def __init__(self, config, **how):
        import pocket_tts
        import torch

        self.torch = torch
        self.config = str(config)
        self.theirs = pocket_tts.TTSModel.load_model(config=self.config, temp=0.0, **how)
        self.ours = TTSModel.load_model(config=config, temp=0.0, threads=1, **how)
        self.samples = hum(1.0, rate=self.ours.sample_rate)
        self.their_voice = self.theirs.get_state_for_audio_prompt(torch.from_numpy(self.samples)[None])
        self.our_voice = self.ours.get_state_for_audio_prompt(self.samples)

    def set(self, **attributes):
        for name, value in attributes.items():
            setattr(self.theirs, name, value)
            setattr(self.ours, name, value)
        return self

    def speak(self, *arguments, voices=None, **how):
        """Their samples and ours for the same arguments."""
        theirs, ours = voices or (self.their_voice, self.our_voice)
        return (
            self.theirs.generate_audio(theirs, *arguments, **how).numpy(),
            self.ours.generate_audio(ours, *arguments, **how),
        )


def equal(sounds):
    theirs, ours = sounds
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.02
    assert np.abs(ours - theirs).max() < BOUND
    return ours


def same_state(ours, theirs):
    assert list(ours) == list(theirs)
    for module, tensors in theirs.items():
        used = int(tensors["offset"][0])
        assert ours[module]["offset"][0] == used
        expected = tensors["cache"].numpy()[:, :, :used]
        found = ours[module]["cache"]
        assert found.shape == expected.shape
        for i in range(2):  # keys, values
            assert np.abs(found[i] - expected[i]).max() < 1e-4 * np.abs(expected[i]).max()


@pytest.fixture(scope="module")
def pairs(tiny):
    pytest.importorskip("torch")
    pytest.importorskip("pocket_tts")
    made = {}

    def pairs(name="tiny"):
        if name not in made:
            made[name] = Pair(tiny(name))
        config = made[name].ours.config
        return made[name].set(temp=0.0, eos_threshold=config.default_eos_threshold, sampler_decode_steps=1)

    return pairs


@pytest.fixture
def end_in_the_middle(pairs):
    """end_in_the_middle(name) -> a pair that hears the end of TEXT after frame 6, clearly."""

    def end_in_the_middle(name="tiny"):
        pair = pairs(name).set(eos_threshold=1e9)
        logits = []
        head = pair.theirs.flow_lm.out_eos
        hook = head.register_forward_hook(lambda module, given, out: logits.append(float(out.flatten()[0])))
        pair.theirs.generate_audio(pair.their_voice, TEXT)
        hook.remove()
        # the first value belongs to the prompt; among those that count, a record by a wide margin is the end
        logits = np.array(logits[7:])
        records = np.maximum.accumulate(logits)
        gaps = logits[1:] - records[:-1]
        at = 1 + int(np.argmax(gaps))
        assert gaps.max() > 1e-2
        return pair.set(eos_threshold=float((logits[at] + records[at - 1]) / 2)), 6 + at

    return end_in_the_middle


# --- voices -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_voices_travel_both_ways(pairs, tmp_path, name):
    import pocket_tts

    pair = pairs(name)
    same_state(pair.our_voice, pair.their_voice)
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    export_model_state(pair.our_voice, ours)
    pocket_tts.export_model_state(pair.their_voice, theirs)
    for path in (ours, theirs):
        there, here = (m.get_state_for_audio_prompt(path) for m in (pair.theirs, pair.ours))
        same_state(here, there)
        equal(pair.speak(TEXT, voices=(there, here)))
    equal(
        pair.speak(TEXT, voices=(pair.their_voice, pair.their_voice))
    )  # their tensors, used here as they are


def test_a_tensor_is_a_recording(pairs):
    pair = pairs()
    found = pair.ours.get_state_for_audio_prompt(pair.torch.from_numpy(pair.samples)[None])
    np.testing.assert_array_equal(
        pair.ours.generate_audio(found, TEXT), pair.ours.generate_audio(pair.our_voice, TEXT)
    )


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("a.wav", 24000, 1, "PCM_16"),
        ("a.wav", 44100, 2, "PCM_16"),
        ("a.wav", 48000, 2, "PCM_24"),
        ("a.flac", 16000, 1, "PCM_16"),
        ("a.ogg", 44100, 2, "VORBIS"),
        ("a.mp3", 22050, 1, "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize("truncate", [False, True])
def test_recordings(pairs, tmp_path, name, rate, channels, subtype, truncate):
    soundfile = pytest.importorskip("soundfile")
    pair = pairs()
    seconds = 31.0 if truncate and rate < 24000 else 1.3
    samples = np.stack([hum(seconds, 180.0 + 40 * c, rate) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / name, samples, rate, subtype=subtype)
    theirs, ours = (m.get_state_for_audio_prompt(tmp_path / name, truncate) for m in (pair.theirs, pair.ours))
    same_state(ours, theirs)


@pytest.mark.parametrize("ends", ["never", "at once", "at once, none after", "in the middle", "at the limit"])
@pytest.mark.parametrize("name", ["tiny", "tiny-7m"])
def test_continued_voices_hold_the_same(pairs, end_in_the_middle, name, ends):
    """copy_state=False, over the chunks of one text and over two calls."""
    pair, frames = pairs(name), 2
    if ends == "in the middle":
        pair, _ = end_in_the_middle(name)
    else:
        pair.set(eos_threshold=1e9 if ends == "never" else -1e9)
        frames = {"at once, none after": 0, "at the limit": 10**6}.get(ends, 2)
    states = copy.deepcopy(pair.their_voice), copy.deepcopy(pair.our_voice)
    for text in (LONG, TEXT):
        equal(pair.speak(text, 14, frames, False, voices=states))
        same_state(states[1], states[0])
    assert states[1].length > pair.our_voice.length + 50


# --- speech -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("text", [TEXT, "Hi", "One, two; three... four?! Five."])
def test_the_same_sound(pairs, name, text):
    pair = pairs(name)
    sound = equal(pair.speak(text))
    other = pair.ours.generate_audio(pair.our_voice, text.replace("i", "o").replace("e", "a"))
    n = min(len(other), len(sound))
    assert np.abs(other[:n] - sound[:n]).max() > 20 * BOUND


@pytest.mark.parametrize("max_tokens", [1, 9, 14, 50])
def test_the_same_chunks(pairs, max_tokens):
    pair = pairs().set(eos_threshold=-1e9)
    equal(pair.speak(LONG, max_tokens))


@pytest.mark.parametrize("frames", [None, 0, 1, 2, 3, 4, 5, 10_000])
def test_the_same_frames_after_the_end(end_in_the_middle, frames, caplog):
    pair, end = end_in_the_middle()
    sound = equal(pair.speak(TEXT, frames_after_eos=frames))
    if frames != 10_000:
        assert len(sound) == (end + (3 if frames is None else frames)) * 1920
    equal(pair.set(eos_threshold=-1e9).speak("Hi there.", frames_after_eos=frames))


@pytest.mark.parametrize("name", ["tiny", "tiny-no-bos"])
@pytest.mark.parametrize("steps", [2, 5])
def test_the_same_decode_steps(pairs, name, steps):
    equal(pairs(name).set(sampler_decode_steps=steps).speak(TEXT))


@pytest.mark.parametrize("name", MODELS)
def test_the_same_noise_gives_the_same_sound(pairs, name, monkeypatch):
    pair = pairs(name).set(temp=0.5)
    torch = pair.torch
    noise = np.random.default_rng(3).standard_normal((200, 32)).astype(np.float32) * 0.7
    theirs, ours = iter(noise), iter(noise)
    seen = []

    def normal_(tensor, mean=0.0, std=1.0):
        seen.append(std)
        return tensor if len(seen) == 1 else tensor.copy_(torch.from_numpy(next(theirs))[None])

    monkeypatch.setattr(torch.nn.init, "normal_", normal_)
    monkeypatch.setattr(NoiseSource, "draw", lambda self, out: np.copyto(out, next(ours)))
    equal(pair.speak(TEXT))
    assert set(seen) == {0.5**0.5}


@pytest.mark.parametrize("clamp", [0.1, 0.5, 2.0])
def test_clamped_noise_has_the_same_distribution(pairs, clamp):
    stats = pytest.importorskip("scipy.stats")
    torch = pairs().torch
    torch.manual_seed(0)
    theirs = torch.empty(20_000)
    torch.nn.init.trunc_normal_(theirs, mean=0.0, std=0.3**0.5, a=-clamp, b=clamp)
    ours = np.empty(20_000, np.float32)
    NoiseSource(1, 0.3, clamp).draw(ours)
    assert np.abs(ours).max() <= np.float32(clamp)
    assert stats.ks_2samp(ours, theirs.numpy()).pvalue > 1e-3


def test_streams_are_the_same_and_stop_alike(pairs):
    pair = pairs()
    theirs = list(pair.theirs.generate_audio_stream(pair.their_voice, TEXT))
    ours = list(pair.ours.generate_audio_stream(pair.our_voice, TEXT))
    equal((np.concatenate([t.numpy() for t in theirs]), np.concatenate(ours)))
    assert all(len(t) % 1920 == 0 for t in theirs)
    assert all(len(o) == 1920 for o in ours)
    stop = threading.Event()
    stop.set()
    for model, voice in ((pair.theirs, pair.their_voice), (pair.ours, pair.our_voice)):
        assert list(model.generate_audio_stream(voice, TEXT, 50, None, True, stop)) == []


@pytest.mark.parametrize(
    ("error", "text", "environment"),
    [(ValueError, "", "0"), (ValueError, " \n", "0"), (RuntimeError, TEXT, "1")],
)
def test_the_same_errors(pairs, monkeypatch, error, text, environment):
    pair = pairs().set(eos_threshold=1e9)
    monkeypatch.setenv("KPOCKET_TTS_ERROR_WITHOUT_EOS", environment)
    for model, voice in ((pair.theirs, pair.their_voice), (pair.ours, pair.our_voice)):
        with pytest.raises(error):
            model.generate_audio(voice, text)


# --- texts --------------------------------------------------------------------------------------


RULES = {
    "tiny": {},
    "padded": {"pad_with_spaces_for_short_inputs": True, "model_recommended_frames_after_eos": 7},
    "french": {
        "remove_semicolons": True,
        "replace_characters": {"«": "", "»": "", "’": "'", ":": ",", "—": ","},
    },
    "raw": {"append_terminal_punctuation": False, "capitalize_first_letter": False},
}


@pytest.mark.parametrize("rules", RULES)
def test_the_same_chunks_tokens_and_limits(pairs, changed_config, rules):
    """Everything that is decided about a text before it is spoken."""
    pairs()
    from pocket_tts.models.text_chunking import prepare_text_prompt, split_into_best_sentences

    pair = Pair(changed_config(lambda data: data.update(RULES[rules])))
    theirs, ours = pair.theirs, pair.ours
    options = {
        name: getattr(theirs, name)
        for name in (
            "pad_with_spaces_for_short_inputs",
            "remove_semicolons",
            "append_terminal_punctuation",
            "capitalize_first_letter",
            "replace_characters",
        )
    }
    spoken = 0
    for text in HAND_WRITTEN:
        if "[pause:" in text or not has_words(text):  # there is silence in their place
            continue
        for max_tokens in (4, 50):
            try:
                chunks = split_into_best_sentences(
                    theirs.flow_lm.conditioner.tokenizer, text, max_tokens, **options
                )
            except ValueError:
                with pytest.raises(ValueError, match=r"blank|nothing to speak"):
                    plan(text, ours._tokenizer, ours.config, max_tokens=max_tokens)
                continue
            found = plan(text, ours._tokenizer, ours.config, max_tokens=max_tokens)
            assert len(found) == len(chunks)
            for chunk, mine in zip(chunks, found, strict=True):
                prepared, guess = prepare_text_prompt(chunk, **options)
                tokens = theirs.flow_lm.conditioner.prepare(prepared)[0].tolist()
                frames = theirs.model_recommended_frames_after_eos
                assert mine.text == prepared
                assert list(mine.tokens) == tokens
                assert mine.frames_after_eos == (guess + 2 if frames is None else frames)
                assert mine.max_frames == theirs._estimate_max_gen_len(len(tokens))
                spoken += 1
    assert spoken > 50


# --- layouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["two files", "mimi file", "checkpoint", "lone checkpoint"])
@pytest.mark.parametrize("name", ["tiny", "tiny-7m"])
def test_layouts(pairs, changed_config, tiny, tmp_path, layout, name):
    """The same weights in every layout; both load it, and both say what the bundle says."""
    pair = pairs(name)
    torch = pair.torch
    values = read_weights(tiny(name).with_name("model.safetensors"))
    flow_lm = part(values, "flow_lm.")
    how = {}

    def change(data):
        if layout == "two files":
            data["weights_path"] = None
            data["flow_lm"]["weights_path"] = write(
                tmp_path / "l.safetensors", training_names(values, "flow_lm.")
            )
            data["mimi"]["weights_path"] = write(tmp_path / "m.safetensors", training_names(values, "mimi."))
        elif layout == "mimi file":
            spoiled = {n: a if n.startswith("flow_lm.") else a * 0 for n, a in values.items()}
            data["weights_path"] = write(tmp_path / "b.safetensors", spoiled)
            data["mimi"]["weights_path"] = write(tmp_path / "m.safetensors", training_names(values, "mimi."))
        elif layout == "checkpoint":
            spoiled = {n: a if n.startswith("mimi.") else a * 0 for n, a in values.items()}
            data["weights_path"] = write(tmp_path / "b.safetensors", spoiled)
        else:
            data["weights_path"] = None

    if "checkpoint" in layout:
        trained = flow_lm if layout == "checkpoint" else values
        model = {n: torch.from_numpy(a + 1 if "layers.0" in n else a) for n, a in trained.items()}
        averages = {n: torch.from_numpy(a) for n, a in trained.items() if "layers.0" in n}
        torch.save({"model": model, "ema": averages}, tmp_path / "step.pt")
        how["checkpoint"] = tmp_path / "step.pt"
    other = Pair(changed_config(change, name), **how)
    expected = equal(pair.speak(TEXT))
    assert np.abs(equal(other.speak(TEXT)) - expected).max() < BOUND


def test_a_checkpoint_written_without_torch_is_one(pairs, tiny, tmp_path):
    """What our own tests of checkpoints are made with, read by torch."""
    pair = pairs()
    values = read_weights(tiny().with_name("model.safetensors"))
    payload = {"model": {n: torch_files.torch_tensor(a, str(i)) for i, (n, a) in enumerate(values.items())}}
    path = torch_files.write_checkpoint(tmp_path / "step.pt", payload)
    equal(Pair(pair.config, checkpoint=path).speak(TEXT))
