"""Python threads: different streams at the same time, one stream by one thread."""

import threading

import numpy as np
import pytest
from pocket_fast.cpu.qwen3.sampling import Draw

from guarded import same_bits
from tiny_stages import F32, decode, new_stages, normal, sample, step
from tiny_talkers import WIDE, new_predictor, new_talker, predict
from tiny_talkers import step as talk

FRAMES = 15


def speak(stages, seed, prefix):
    """Latents and samples of one utterance that hears itself."""
    backbone, head, decoder = stages.backbone, stages.flow_head, stages.decoder
    stream, codec = backbone.stream(64, prefix), decoder.stream()
    backbone.prefill([stream], [normal(seed, 7 + seed, 64)])
    latent, samples = backbone.bos_latent[None], []
    for noise in normal(seed + 100, FRAMES, 32):
        hidden = step(backbone, [stream], latent)
        latent, _ = sample(head, hidden, noise[None], 2)
        samples.append(decode(decoder, [codec], latent)[0])
    return np.concatenate(samples)


def in_threads(*functions):
    """Run them at the same time; their results, or the first exception."""
    results, start = [None] * len(functions), threading.Barrier(len(functions))

    def run(i):
        start.wait()
        try:
            results[i] = functions[i]()
        except Exception as error:
            results[i] = error

    workers = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


@pytest.mark.parametrize("threads", [1, 2])
def test_streams_of_one_model_at_the_same_time(threads, request):
    if threads == 2:
        request.getfixturevalue("two_threads")
    stages = new_stages("tiny", threads=threads)
    prefix = stages.backbone.import_prefix([normal(i, 2, 33, 2, 32) for i in range(2)])
    serial = [speak(stages, seed, prefix) for seed in range(4)]
    together = in_threads(*(lambda seed=seed: speak(stages, seed, prefix) for seed in range(4)))
    assert all(same_bits(a, b) for a, b in zip(serial, together, strict=True))


class Attempt(threading.Thread):
    """A call on another thread; `refused` if it was told that the stream is in use."""

    def __init__(self, call):
        super().__init__()
        self.call, self.entered, self.refused = call, threading.Event(), False

    def run(self):
        self.entered.set()
        self.refused = is_refused(self.call)


def is_refused(call):
    """Run it; whether it said that another thread uses the stream."""
    try:
        call()
    except RuntimeError as error:
        if "another thread" not in str(error):
            raise
        return True
    return False


def conflict(long_call, short_call, reset):
    """Make two threads meet in one stream: one of them must be told, and the other must not notice.

    True if they met, and the long call was the one that went through.
    """
    reset()
    attempt = Attempt(long_call)
    attempt.start()
    attempt.entered.wait()
    met = False
    while attempt.is_alive() and not met:
        met = is_refused(short_call)
    attempt.join()
    return met and not attempt.refused


def until_met(long_call, short_call, reset):
    for _ in range(100):
        if conflict(long_call, short_call, reset):
            return
    pytest.fail("two threads never met: is the GIL released?")


def test_one_backbone_stream_by_two_threads():
    backbone = new_stages("tiny").backbone
    stream, other = backbone.stream(3000), backbone.stream(3000)
    rows = normal(1, 2000, 64)
    backbone.prefill([other], [rows])
    stepped = []

    def short_call():
        stepped.append(step(backbone, [stream], np.zeros((1, 32), F32)))

    def reset():
        stream.reset()
        stepped.clear()

    until_met(lambda: backbone.prefill([stream], [rows]), short_call, reset)
    # steps that slipped in before the prompt count; what was refused left no trace
    assert stream.length == 2000 + len(stepped)
    if not stepped:
        assert same_bits(np.stack(stream.freeze().export()), np.stack(other.freeze().export()))
    step(backbone, [stream], np.zeros((1, 32), F32))


def test_one_codec_stream_by_two_threads():
    encoder = new_stages("tiny").encoder
    stream, pcm, found = encoder.stream(), 0.1 * normal(1, 1920 * 100), []

    def long_call():
        found[:] = [encoder.encode(stream, pcm)]

    slipped_in = []

    def short_call():
        slipped_in.append(encoder.encode(stream, pcm[:1920]))

    def reset():
        stream.reset()
        slipped_in.clear()

    until_met(long_call, short_call, reset)
    assert stream.frames == 100 + len(slipped_in)
    if not slipped_in:
        assert same_bits(found[0], encoder.encode(encoder.stream(), pcm))


def say(talker, predictor, seed):
    """Codes of one speech that hears itself; its stream grows by a block meanwhile."""
    stream, said = talker.stream(), []
    talker.prefill([stream], [normal(seed, 250 + seed, talker.hidden_dim)])
    row = talker.embed_codec([71])
    for numbers in np.random.default_rng(seed).random((FRAMES, 1, predictor.draws)):
        hidden, logits = talk(talker, [stream], row)
        codes, row = predict(predictor, hidden, logits[:, :64].argmax(axis=1), numbers, [Draw()])
        said.append(codes)
    return np.concatenate(said)


@pytest.mark.parametrize("threads", [1, 2])
def test_speeches_of_one_talker_at_the_same_time(threads, request):
    if threads == 2:
        request.getfixturevalue("two_threads")
    talker, predictor = new_talker(WIDE, threads=threads), new_predictor(WIDE, threads=threads)
    serial = [say(talker, predictor, seed) for seed in range(4)]
    together = in_threads(*(lambda seed=seed: say(talker, predictor, seed) for seed in range(4)))
    assert all(same_bits(a, b) for a, b in zip(serial, together, strict=True))


def test_one_talker_stream_by_two_threads():
    """It grows while another thread would like to step it."""
    talker = new_talker(WIDE)
    rows, stream, stepped = normal(1, 2000, talker.hidden_dim), talker.stream(), []

    def short_call():
        stepped.append(talk(talker, [stream], rows[:1]))

    def reset():
        stream.reset()
        stepped.clear()

    until_met(lambda: talker.prefill([stream], [rows]), short_call, reset)
    assert stream.length == 2000 + len(stepped)
