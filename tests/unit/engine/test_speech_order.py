"""What one listener hears: parts in order, silences, fades; on a model that does nothing."""

import numpy as np
import pytest

from pocket_fast.engine.engine import Engine
from pocket_fast.engine.listen import listen
from ramp_model import FRAME, Ramp, runs, silent

# --- order --------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [True, False])
def test_parts_come_in_order(speak, live):
    parts = [lambda level=level: Ramp(5 + level % 3, level) for level in range(1, 30)]
    samples = np.concatenate(list(speak(parts, live=live)))
    assert runs(samples) == [(level, (5 + level % 3) * FRAME) for level in range(1, 30)]


def test_a_file_is_spoken_many_parts_at_a_time(speak, model):
    list(speak([lambda: Ramp(40)] * 20, live=False))
    assert max(model.batches) == 16
    assert model.batches[:10] == [1] * 10  # the first second belongs to the first part


def test_the_first_sound_is_not_kept_waiting_by_later_parts(speak):
    begun = []

    def begin(level):
        begun.append(level)
        return Ramp(100, level)

    sound = speak([lambda: begin(1.0), lambda: begin(2.0)], sequential=True)
    assert next(sound)[0] == 1
    assert begun == [1]


def test_parts_in_sequence_begin_when_the_one_before_is_over(speak):
    order = []
    parts = [lambda: order.append("begin") or Ramp(2)] * 3
    list(speak(parts, sequential=True, finished=lambda utterance: order.append("finished")))
    assert order == ["begin", "finished"] * 3


def test_between_utterances_nothing_is_changed(speak):
    samples = np.concatenate(list(speak([lambda: Ramp(1), lambda: Ramp(1)])))
    assert (samples == 1).all()


def test_parts_may_come_later(engine):
    speech = engine.submit()
    heard = listen(speech)
    speech.add([lambda: Ramp(1, 1.0)])
    assert next(heard)[0] == 1
    silent(engine)
    speech.add([lambda: Ramp(1, 2.0), 480])
    assert next(heard)[0] == 2
    assert len(next(heard)) == 480
    speech.close()
    assert next(heard, None) is None


def test_a_speech_of_nothing_ends(engine):
    speech = engine.submit()
    speech.close()
    assert list(listen(speech)) == []


def test_a_problem_with_the_text_is_heard_after_what_came_before(engine):
    speech = engine.submit(live=False)
    speech.add([lambda level=level: Ramp(20, level) for level in (1.0, 2.0, 3.0)])
    speech.fail(KeyError("text"))
    heard = []
    with pytest.raises(KeyError, match="text"):
        heard.extend(listen(speech))
    assert runs(np.concatenate(heard)) == [(level, 20 * FRAME) for level in (1.0, 2.0, 3.0)]


def test_nothing_can_be_added_to_what_was_left(engine):
    speech = engine.submit()
    speech.cancel()
    silent(engine)
    speech.add([lambda: pytest.fail("begun"), 100])
    assert not speech.parts
    assert speech.take(0) is None


# --- silences -----------------------------------------------------------------------------------


@pytest.mark.parametrize("late_end", [False, True])
def test_speech_before_a_silence_fades_out_over_5_ms_and_the_silence_is_exact(speak, late_end):
    samples = np.concatenate(list(speak([lambda: Ramp(3, 1.0, late_end), 1000, lambda: Ramp(1, 2.0)])))
    end = 3 * FRAME
    assert (samples[: end - 120] == 1).all()
    assert np.abs(np.diff(samples[end - 121 : end])).max() < 1 / 110
    assert samples[end - 1] == 0
    assert (samples[end : end + 1000] == 0).all()
    assert (samples[end + 1000 :] == 2).all()


@pytest.mark.parametrize("early", [True, False])
def test_a_silence_that_is_added_later_changes_nothing_before_it(engine, early):
    """Or the sound would depend on when it is added."""
    speech = engine.submit()
    speech.add([lambda: Ramp(2)])
    if not early:
        silent(engine)
    speech.add([500])
    speech.close()
    assert runs(np.concatenate(list(listen(speech)))) == [(1.0, 2 * FRAME), (0.0, 500)]


def test_the_fade_is_5_ms_at_any_rate(model):
    model.sample_rate = 8000
    engine = Engine(model)
    speech = engine.submit()
    speech.add([lambda: Ramp(1), 10])
    speech.close()
    samples = np.concatenate(list(listen(speech)))
    assert np.count_nonzero(samples == 1) == FRAME - 40 + 1  # the fade begins at 1
    assert samples[FRAME - 1] == 0
    engine.close()


def test_speech_at_the_end_does_not_fade(speak):
    samples = np.concatenate(list(speak([500, lambda: Ramp(2)])))
    assert runs(samples) == [(0.0, 500), (1.0, 2 * FRAME)]


def test_an_utterance_without_any_frame(speak):
    assert [len(x) for x in speak([lambda: Ramp(0, late_end=True), 700])] == [700]


def test_long_silences_come_in_pieces_and_lazily(speak):
    silence = speak([10**15])  # a thousand years
    assert [len(next(silence)) for _ in range(3)] == [24000] * 3
    exact = [len(piece) for piece in speak([50_001])]
    assert sum(exact) == 50_001
    assert max(exact) <= 24000
