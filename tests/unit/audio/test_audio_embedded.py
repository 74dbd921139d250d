"""Recordings in base64: as it is, in a data: URL, with line breaks."""

import base64
import textwrap
from urllib.parse import quote

import numpy as np
import pytest

from pocket_fast.audio.embedded import embedded_audio
from pocket_fast.errors import AudioError

AUDIO = np.random.default_rng(5).bytes(1000)
PLAIN = base64.b64encode(AUDIO).decode()
BROKEN = base64.encodebytes(AUDIO).decode()  # lines of 76 characters

FORMS = {
    "plain": PLAIN,
    "with line breaks": BROKEN,
    "with those of Windows": BROKEN.replace("\n", "\r\n"),
    "indented": textwrap.indent("\n" + BROKEN, "    "),
    "in lines of 64": "\n".join(textwrap.wrap(PLAIN, 64)),
    "for URLs": base64.urlsafe_b64encode(AUDIO).decode(),
    "with a blank in front and behind": f" {PLAIN}\n",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    "head", ["", "data:audio/wav;base64,", "data:;base64,", "DATA:audio/x-wav;codecs=1;BASE64,"]
)
def test_every_form(form, head):
    assert embedded_audio(head + form) == AUDIO


def test_percent_signs_in_a_url():
    assert embedded_audio("data:audio/wav;base64," + quote(PLAIN, safe="")) == AUDIO


@pytest.mark.parametrize(
    "text",
    [
        "alba",
        PLAIN[:100],
        "/home/somebody/" + "recordings/" * 20 + "me.wav",
        "https://host/" + PLAIN,
        "this is a sentence of nothing but letters and blanks " * 5,
        "x" * 101,  # no multiple of four
        "ä" * 200,
        "",
    ],
)
def test_what_is_none(text):
    assert embedded_audio(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data:audio/wav," + PLAIN, "expected data:audio/...;base64,"),
        ("data:audio/wav;base64", "expected data:audio/...;base64,"),
        ("data:audio/wav;base64," + PLAIN[:-3], "not valid base64"),
        ("data:audio/wav;base64," + PLAIN + "!", "not valid base64"),
        ("data:audio/wav;base64,ä" + PLAIN, "not valid base64"),
    ],
)
def test_a_data_url_that_is_wrong_is_not_echoed(text, message):
    with pytest.raises(AudioError, match=message) as caught:
        embedded_audio(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("size", [49_151, 49_152, 49_153, 200_000, 200_001, 200_002])
def test_long_ones_are_looked_at_little_by_little(size):
    """And are the same as in one go, wherever steps end."""
    audio = np.random.default_rng(size).bytes(size)
    plain, broken = base64.b64encode(audio).decode(), base64.encodebytes(audio).decode()
    forms = [plain, broken, broken.replace("\n", "\r\n"), "data:audio/wav;base64," + broken]
    forms += ["data:audio/wav;base64," + quote(plain, safe=""), base64.urlsafe_b64encode(audio).decode()]
    for form in forms:
        assert embedded_audio(form) == audio
    short = plain[:1000]
    for wrong in (plain + "A", plain + short, plain[:70_001] + "!" + plain, broken[:90_000] + "\n" + broken):
        with pytest.raises(AudioError):
            embedded_audio("data:audio/wav;base64,===" + wrong)
        if size % 3 or wrong[-1] == "A":
            assert embedded_audio(wrong) is None
