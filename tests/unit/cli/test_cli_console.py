"""What reaches the terminal, and how chunks are held back."""

import logging
import sys
import threading
import warnings

import numpy as np
import pytest

from pocket_fast.cli.console import Interrupts, logging_to_stderr, progress, say
from pocket_fast.cli.generate import _held_back


def test_log_records_and_warnings_are_lines(capsys):
    with logging_to_stderr(logging.INFO):
        logging.getLogger("pocket_fast.audio").warning("%s is silent", "a.wav")
        logging.getLogger("pocket_fast").debug("unheard")
        logging.getLogger("other").warning("not ours")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("forked", RuntimeWarning, stacklevel=1)
    assert capsys.readouterr().err == "WARNING: a.wav is silent\nWARNING: forked\n"


def test_only_errors_when_quiet(capsys):
    with logging_to_stderr(logging.ERROR):
        logging.getLogger("pocket_fast").warning("unheard")
        logging.getLogger("pocket_fast").error("heard")
    assert capsys.readouterr().err == "ERROR: heard\n"


def test_without_standard_error_nothing_goes_to_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    with logging_to_stderr(logging.INFO):
        say("error: x")
        logging.getLogger("pocket_fast").error("y")
    assert capsys.readouterr().out == ""


def test_progress_shows_seconds_and_log_lines_pass_it(capsys):
    with logging_to_stderr(logging.INFO), progress(True) as advance:
        advance(1.5)
        logging.getLogger("pocket_fast").warning("look")
    shown = capsys.readouterr().err
    assert "1.5 s of audio in " in shown
    assert "\rWARNING: look\n" in shown


def test_no_progress(capsys):
    with progress(False) as advance:
        advance(1.5)
    assert capsys.readouterr().err == ""


def test_interrupts_in_a_thread_are_nobodys():
    """Only the main thread may handle signals; elsewhere, as in a program that calls main, they are left alone."""
    problems = []

    def use():
        try:
            with Interrupts() as interrupts, interrupts.gently() as stop:
                assert not stop.is_set()
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert problems == []


@pytest.mark.parametrize(
    ("samples", "lengths"), [(0, [2, 2, 2, 2]), (1, [2, 2, 2, 2]), (3, [4, 2, 2]), (4, [4, 2, 2]), (99, [8])]
)
def test_the_first_chunks_are_held_back(samples, lengths):
    chunks = [np.arange(i, i + 2) for i in range(0, 8, 2)]
    held = list(_held_back(chunks, samples))
    assert [len(chunk) for chunk in held] == lengths
    assert np.array_equal(np.concatenate(held), np.arange(8))
    assert list(_held_back([], samples)) == []
