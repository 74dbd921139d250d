"""Recordings that are not what they seem: refused, without a trace of this machine in the answer."""

import io
import random
import struct

import numpy as np
import pytest
import soundfile

from pocket_fast import export_model_state
from recordings import hum
from serving import wav_of

PATHS = ("/tmp", "/home", "/root", "/usr", "pocket_fast-", "Traceback", ".py")


def upload(client, data, name="voice.wav", path="/stream"):
    return client.post(path, data={"text": "Hi.", "seed": "1"}, files={"voice_wav": (name, data)})


def check(answer, statuses=(200, 400)):
    assert answer.status_code in statuses, answer.text
    if answer.status_code != 200:
        assert not [word for word in PATHS if word in answer.text], answer.text


def header(rate=24000, channels=1, bits=16, data=b"\0\0" * 24000, kind=1):
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.fixture(scope="module")
def state(loaded, voice, tmp_path_factory):
    path = tmp_path_factory.mktemp("voice") / "voice.safetensors"
    export_model_state(voice, path)
    return path.read_bytes()


@pytest.mark.parametrize("path", ["/tts", "/generate", "/v1/audio/speech"])
@pytest.mark.parametrize(
    "data", [b"x", b"RIFF", b"not a sound at all" * 100, b"\0" * 5000, b"fLaC" + b"\0" * 99]
)
def test_what_is_no_recording(client, path, data):
    fields = {"text": "Hi.", "input": "Hi.", "model": "m"}
    check(client.post(path, data=fields, files={"voice_wav": ("../../x.wav", data)}), (400,))


def test_an_empty_recording(client):
    check(upload(client, b""), (400,))


@pytest.mark.parametrize(
    "data",
    [
        header(data=b""),
        header(rate=0),
        header(rate=1),
        header(rate=384_001),
        header(rate=2**31 - 1),
        header(rate=2**32 - 1),
        header(channels=0),
        header(channels=65535),
        header(bits=0),
        header(bits=64),
        header(kind=3, bits=32, data=struct.pack("<4f", 1, float("nan"), 0, 0) * 3000),
        header(kind=3, bits=32, data=struct.pack("<4f", 1, float("inf"), 0, 0) * 3000),
        header(kind=3, bits=32, data=struct.pack("<2f", 3e38, -3e38) * 6000),
        header(kind=0xFFFE),
    ],
)
def test_headers_that_lie(client, data):
    check(upload(client, data))


def test_rates_beyond_reason_are_refused_before_they_are_decoded(client, monkeypatch):
    def decode(*_, **__):
        raise AssertionError("decoded")

    monkeypatch.setattr("pocket_fast.audio.read._Reading.add", decode)
    answer = upload(client, header(rate=2**31 - 1))
    check(answer, (400,))
    assert "384000" in answer.text


def test_unusual_recordings_are_fine(client):
    for rate, channels, subtype, container in (
        (8000, 1, "PCM_U8", "WAV"),
        (44100, 2, "FLOAT", "WAV"),
        (48000, 6, "PCM_24", "FLAC"),
        (22050, 1, "VORBIS", "OGG"),
        (48000, 2, "OPUS", "OGG"),
        (44100, 2, "MPEG_LAYER_III", "MP3"),
    ):
        file = io.BytesIO()
        sound = np.repeat(hum(1.0, rate=rate)[:, None], channels, axis=1)
        soundfile.write(file, sound, rate, subtype, format=container)
        assert upload(client, file.getvalue()).status_code == 200, container


@pytest.mark.parametrize("seed", range(4))
def test_mutated_recordings(client, state, seed):
    random_ = random.Random(seed)
    ogg, flac, mp3 = io.BytesIO(), io.BytesIO(), io.BytesIO()
    soundfile.write(ogg, hum(0.3), 24000, format="OGG")
    soundfile.write(flac, hum(0.3), 24000, format="FLAC")
    soundfile.write(mp3, hum(0.3), 24000, format="MP3")
    originals = [wav_of(hum(0.3)), ogg.getvalue(), flac.getvalue(), mp3.getvalue(), state]
    for original in originals * 4:
        data = bytearray(original)
        for _ in range(random_.randrange(1, 20)):
            near = random_.random() < 0.7  # most that matters is in front
            place = random_.randrange(min(200, len(data)) if near else len(data))
            data[place] = random_.randrange(256)
        if random_.random() < 0.3:
            del data[random_.randrange(1, len(data)) :]
        check(upload(client, bytes(data), name="a.safetensors"))
    assert client.get("/health").status_code == 200


def test_states_of_other_models(client, state):
    check(upload(client, state[:-1000]), (400,))
    for data in (
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 1 << 62) + b"{" * 100,
        struct.pack("<Q", 50) + b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}}'[:50],
        struct.pack("<Q", 99) + b"{" + b"[" * 98,
    ):
        check(upload(client, data), (400,))


def tensors(text, data=b""):
    return struct.pack("<Q", len(text)) + text + data


def prompt(dtype="F32", shape=b"[1,4,64]", begin=0, end=1024, name=b"audio_prompt"):
    form = b'{"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}}'
    return form % (name, dtype.encode(), shape, begin, end)


@pytest.mark.parametrize(
    "data",
    [
        tensors(prompt(shape=b"[1,0,9223372036854775808]", end=0)),
        tensors(prompt(shape=b"[" + b",".join([b"1"] * 70) + b"]", end=4), bytes(4)),
        tensors(prompt(shape=b"[1,-4,-64]"), bytes(1024)),
        tensors(prompt(shape=b"[1,4,%s]" % (b"9" * 4999)), bytes(1024)),
        tensors(prompt(begin=-1024, end=0), bytes(1024)),
        tensors(prompt(begin=1 << 62, end=(1 << 62) + 1024), bytes(1024)),
        tensors(prompt(name=b"\\ud800"), bytes(1024)),
        tensors(prompt(name=b"\\ud800/cache"), bytes(1024)),
        tensors(prompt(name=b"transformer.layers.0.self_attn/cache"), bytes(1024)),
        tensors(prompt()[:-1] + b"," + prompt()[1:], bytes(1024)),
        tensors(prompt(), b"\xff" * 1024),
        tensors(prompt(), b"\x7f" * 1024),
        tensors(prompt("BF16", b"[1,8,64]"), b"\x7f" * 1024),
        tensors(prompt("F64", b"[1,2,64]"), b"\x7e" * 1024),
        tensors(prompt("I8", b"[1,16,64]"), bytes(1024)),
        tensors(
            b"{" + b",".join(prompt(name=b"%d" % i, shape=b"[0]", end=0)[1:-1] for i in range(5000)) + b"}"
        ),
        tensors(b'{"__metadata__":{"a":"\\udfff"}}'),
        tensors(b'{"a":' * 5000),
    ],
    ids=range(18),
)
def test_states_that_are_out_for_more(client, data):
    answer = upload(client, data)
    check(answer, (400,))
    assert len(answer.text) < 1000


def test_malformed_forms(client):
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (
        b"",
        b"--b",
        b"--b\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi.',
        b"--b\r\nContent-Disposition: form-data\r\n\r\nHi.\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="text"; filename="x"\r\n\r\nHi.\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="voice_wav"\r\n\r\nHi.\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n\xff\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: x\r\n\r\nHi.\r\n--b--\r\n',
    ):
        check(client.post("/tts", content=body, headers=kind), (400, 422))
    for type_ in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 999,
    ):
        check(client.post("/tts", content=b"--b", headers={"Content-Type": type_}), (400, 422))
    many = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % i for i in range(100))
    check(client.post("/tts", content=many + b"--b--\r\n", headers=kind), (400,))
    charset = {"Content-Type": "multipart/form-data; boundary=b; charset=nonsense"}
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi\xff.\r\n--b--\r\n'
    check(client.post("/tts", content=body, headers=charset))
