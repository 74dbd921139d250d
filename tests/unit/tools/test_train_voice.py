"""The built-in voice can be made again: every step of its making, at a size that takes seconds."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import tiny_stages

TOOLS = Path(__file__).parents[3] / "tools"

torch = pytest.importorskip("torch", reason="the trainings need the extra [train]")
pytest.importorskip("espeakng_loader", reason="the synthesised speech needs the extra [train]")


@pytest.fixture(scope="module", autouse=True)
def _tools_on_the_path():
    sys.path.insert(0, str(TOOLS))
    yield
    sys.path.remove(str(TOOLS))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder after every step but `text`, which needs books that not every machine has, and the other teacher's."""
    train_voice = importlib.import_module("train_voice")
    work = tmp_path_factory.mktemp("voice")
    texts = ["The cat sat down.", "Where is it?", "Yes.", "One more time, please.", "Do not run!"]
    (work / "sentences.txt").write_text("\n".join(texts * 8) + "\n")
    for step in train_voice.STEPS[1:]:
        if step not in train_voice.NATURAL_STEPS:
            train_voice.run(step, work, work / "bundle", threads=1, dry=True)
    return work


def test_every_timbre_is_locked_to_its_pitch_and_sounds_unlike_the_others():
    speech = importlib.import_module("voice.speech")
    synthesizer = speech.Synthesizer()
    spectra = []
    for timbre in speech.TIMBRES.values():
        sound = synthesizer.render("Many more men may now run away, and all will be well.", timbre)
        peaks = np.abs(np.fft.rfft(sound, 1 << 18))
        bins = (1 << 18) / speech.RATE
        near = slice(int(4.8 * timbre.pitch * bins), int(5.2 * timbre.pitch * bins))  # the fifth harmonic
        found = (near.start + np.argmax(peaks[near])) / bins / 5
        assert found == pytest.approx(timbre.pitch, rel=6e-3)
        spectra.append(np.log(np.add.reduceat(peaks[:100_000] ** 2, np.arange(0, 100_000, 5000)) + 1e-9))
    apart = [np.abs(a - b).mean() for i, a in enumerate(spectra) for b in spectra[:i]]
    assert min(apart) > 0.1


def test_all_timbres_say_a_sentence_with_the_same_timing():
    speech = importlib.import_module("voice.speech")
    synthesizer = speech.Synthesizer()
    text = "The quick brown fox jumps over the lazy dog."
    lengths = [len(synthesizer.render(text, timbre)) for timbre in speech.TIMBRES.values()]
    assert max(lengths) - min(lengths) < 0.02 * max(lengths)


def test_the_bundle_speaks_in_this_package(made):
    from pocket_fast import TTSModel

    model = TTSModel.load_model(config=made / "bundle" / "builtin.yaml", compute_type="float32", threads=1)
    speech = importlib.import_module("voice.speech")
    for timbre in speech.TRAINED:
        voice = model.get_state_for_audio_prompt(made / "bundle" / "voices" / f"{timbre.name}.safetensors")
        sound = next(iter(model.generate_audio_stream(voice, "Hello there.")))
        assert sound.shape == (1920,)
        assert np.isfinite(sound).all()


def test_the_package_computes_what_was_trained(made):
    """Prompt, text, the first latent and its sound: by the training's code and by the package."""
    from pocket_fast import TTSModel

    language, codec, tokens, latents, export = (
        importlib.import_module(f"voice.{name}")
        for name in ("language", "codec", "tokens", "latents", "export")
    )
    stages = TTSModel.load_model(
        config=made / "bundle/builtin.yaml", compute_type="float32", threads=1
    ).stages
    trained, decoder = language.load(made), codec.load(made, codec.Decoder, "decoder")
    prompt = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([tokens.encode("Hello there.")])
    nothing = torch.zeros(1, ids.shape[1] + 1, 32)
    start = torch.arange(nothing.shape[1])[None] == ids.shape[1]
    with torch.no_grad():
        batch = language.Batch(
            torch.nn.functional.pad(ids, (0, 1)),
            ~start,
            start,
            nothing,
            nothing,
            nothing[..., 0],
            start,
            torch.nn.functional.pad(prompt, (0, 0, 1, 0)),
            torch.tensor([6]),
        )
        said = trained(batch, nothing)[:, -1]
        expected = trained.flow_net(torch.zeros(1, 32), said)
        sound = decoder(expected[:, None] + latents.OFFSET)[0].numpy() * export.LEVELS["espeak"]

    backbone = stages.backbone
    stream = backbone.stream(64)
    voice = backbone.embed_voice((prompt[0] + latents.OFFSET).numpy())
    backbone.prefill([stream], [np.concatenate([voice, backbone.embed_text(ids[0].numpy())])])
    hidden = tiny_stages.step(backbone, [stream], backbone.bos_latent[None])
    found, _ = tiny_stages.sample(stages.flow_head, hidden, np.zeros((1, 32), np.float32))
    assert np.abs(found - expected.numpy()).max() < 1e-2 * expected.abs().max()  # weights lie in float16
    heard = tiny_stages.decode(stages.decoder, [stages.decoder.stream()], found)[0]
    assert np.abs(heard - sound).max() < 1e-2 * np.abs(sound).max()


def test_stopped_speech_goes_on(tmp_path, monkeypatch):
    data = importlib.import_module("voice.data")
    monkeypatch.setattr(data, "PART", 2)
    texts = ["Yes.", "Is it?", "No.", "It was.", "Where?"]
    with monkeypatch.context() as patch:
        patch.setattr(data.shutil, "rmtree", lambda folder: None)  # as if it stopped just before its end
        data.make_codec_set(texts, tmp_path, 1)
    whole = data.CodecSet.load(tmp_path)
    expected = [np.array(whole.sound), np.array(whole.heard), np.array(whole.first)]
    parts = sorted((tmp_path / "codec_parts").iterdir())
    assert len(parts) == 3
    parts[1].unlink()
    kept = parts[0].stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(data.shutil, "rmtree", lambda folder: None)
        data.make_codec_set(texts, tmp_path, 1)
    assert parts[0].stat().st_mtime_ns == kept
    whole = data.CodecSet.load(tmp_path)
    for found, wanted in zip((whole.sound, whole.heard, whole.first), expected, strict=True):
        assert np.array_equal(found, wanted)
    data.make_codec_set(texts, tmp_path, 1)
    assert not parts[0].exists()

    heard = list(data.canonical_mels(texts[:3], tmp_path, 1, "espeak"))
    first = expected[2]
    for k, said in enumerate(heard):  # the canonical timbre is the codec set's first
        rows = data.windows(said, len(said) // data.STEPS)
        assert np.abs(rows.astype(np.float32) - expected[1][first[6 * k] : first[6 * k + 1]]).max() < 0.02
    kept = (tmp_path / "heard_parts" / "00000.npz").stat().st_mtime_ns
    more = list(
        data.canonical_mels(texts, tmp_path, 1, "espeak")
    )  # there are more by now: the last part is another
    assert (tmp_path / "heard_parts" / "00000.npz").stat().st_mtime_ns == kept
    assert len(more) == 5
    assert all(np.array_equal(a, b) for a, b in zip(heard, more, strict=False))


def test_content_becomes_what_the_model_begun_from_hears(made, tmp_path):
    from pocket_fast.models.pocket import builtin

    export, latents = (importlib.import_module(f"voice.{name}") for name in ("export", "latents"))
    for path in made.glob("codec_*.npy"):
        shutil.copy(path, tmp_path)
    history = latents.train(tmp_path, steps=60, batch=16, weights=export.begun(builtin.FOLDER))
    away = [step["away"] for step in history]
    assert np.isfinite([step["loss"] for step in history]).all()
    assert np.mean(away[-5:]) < 0.5 * np.mean(away[:5])


@pytest.mark.parametrize("with_muon", [False, True])
def test_a_stopped_training_goes_on(tmp_path, with_muon):
    training = importlib.import_module("voice.training")
    goal = torch.tensor([1.0, -2.0])

    def run(steps: int, path: Path):
        torch.manual_seed(1)
        model = torch.nn.Linear(2, 2)
        matrices = [model.weight] if with_muon else []
        run = training.Run(model, path, steps, rate=0.05, matrices=matrices)
        run._schedule = lambda: 1  # one that does not hang on the last step: halves and whole must agree
        began = run.step
        history = run.go(lambda step: {"loss": (model(goal) - goal).square().mean()})
        return began, [step["loss"] for step in history]

    assert run(20, tmp_path / "run.pt")[0] == 0
    began, after = run(60, tmp_path / "run.pt")
    assert began == 20
    assert after[-1] < after[0] / 2
    assert after == run(60, tmp_path / "whole.pt")[1][20:]


def test_gradients_in_bfloat16_point_where_those_of_float32_do():
    """Some runtimes' do not, of some layers on some processors; a training then leaps away."""
    codec, training = (importlib.import_module(f"voice.{name}") for name in ("codec", "training"))
    torch.manual_seed(0)
    cases = (codec.Decoder(), torch.randn(8, 8, 32)), (codec.Encoder(), torch.randn(4, 8 * 1920) / 10)
    for model, given in cases:
        found = []
        for context in (contextlib.nullcontext(), training.autocast()):
            model.zero_grad()
            with context:
                made = model(given)
            made.float().mean().backward()
            found.append([parameter.grad.flatten().clone() for parameter in model.parameters()])
        for (name, _), exact, ours in zip(model.named_parameters(), *found, strict=True):
            assert torch.cosine_similarity(exact, ours, 0) > 0.98, name


def test_half_of_the_pasts_hold_a_stretch_near_the_mean_in_their_own_timbre():
    language = importlib.import_module("voice.language")
    torch.manual_seed(1)
    disturbed = language._disturbed(torch.full((400, 50, 32), 10.0))
    faint = disturbed[..., : language.CONTENT].mean(-1) < 7
    assert 0.3 < faint.any(1).float().mean() < 0.5  # some stretches are empty
    assert 10 < faint.sum(1).max() <= 20
    assert ((faint[:, 1:] & ~faint[:, :-1]).sum(1) + faint[:, 0] <= 1).all()  # one each
    assert disturbed[..., language.CONTENT :].min() > 7


def test_a_trained_decoder_is_nearer_to_the_sound(made, tmp_path):
    """On the same crops before and after: the loss of single steps leaps where a crop is silent."""
    codec = importlib.import_module("voice.codec")
    for name in ("sound", "target", "heard", "first", "timbre", "content"):
        shutil.copy(made / f"codec_{name}.npy", tmp_path)
    sound, latents = codec._Crops(tmp_path, frames=4, batch=16, seed=1).next()

    def distance(decoder) -> float:
        with torch.no_grad():
            return codec.SpectralLoss()(decoder(latents), sound, np.arange(2))["dB"].item()

    torch.manual_seed(1)
    before = distance(codec.Decoder())
    codec.train_decoder(tmp_path, steps=24, batch=2, frames=4)
    assert distance(codec.load(tmp_path, codec.Decoder, "decoder")) < before - 2
