"""A download is kept only if it is what its name says: servers answer 200 to what they do not have, with a page."""

import json

import numpy as np
import pytest

from fake_hub import FakeHub
from pocket_fast.audio.read import check_audio
from pocket_fast.errors import AudioError
from pocket_fast.weights.download import download
from pocket_fast.weights.examine import examine
from pocket_fast.weights.hub import fetch
from pocket_fast.weights.reach import FetchError
from recordings import hum

PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
OTHER_PAGES = {
    "late": b"\xef\xbb\xbf\n\n   <HTML><body>Please wait</body>",
    "xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "json": b'{"error": "no such file"}',
    "words": "Zugriff verweigert: bitte zuerst anmelden \u2026".encode(),
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
}
NAMES = ("voice.wav", "a/b.MP3", "x.flac", "m.safetensors", "step.pt", "tokenizer.model")


def safetensors(values):
    raw = np.asarray(values, np.float32).tobytes()
    header = json.dumps(
        {"x": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(raw)]}}
    ).encode()
    return len(header).to_bytes(8, "little") + header + raw


def wav(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "made.wav"
    soundfile.write(path, hum(0.2), 24000)
    return path.read_bytes()


@pytest.fixture
def server():
    with FakeHub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(cache):
    return [path for path in cache.rglob("*") if path.is_file() and path.parent.name != ".locks"]


def reason_of(url, check=None):
    with pytest.raises(FetchError) as caught:
        fetch(url, progress=False, check=check)
    assert url.split("@")[0] in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("name", [*NAMES, "config.yaml", "vocab.json", "thing", "merges.txt"])
def test_a_page_is_not_kept_and_the_file_is_fetched_when_it_is_there(server, cache, name):
    url = f"{server.url}/{name}"
    server.files[name] = PAGE
    assert reason_of(url) == "wrong"
    assert len(server.requests) == 1  # nothing to try again
    assert not kept(cache)
    good = {"safetensors": safetensors([1, 2]), "yaml": b"a: 1", "json": b"{}", "txt": b"a b"}
    server.files[name] = good.get(name.rpartition(".")[2], b"\x0a\x00\x01\x02 sound or so")
    assert download(url, progress=False).read_bytes() == server.files[name]


@pytest.mark.parametrize("page", OTHER_PAGES)
@pytest.mark.parametrize("name", NAMES)
def test_other_things_that_servers_say(server, cache, name, page):
    server.files[name] = OTHER_PAGES[page]
    assert reason_of(f"{server.url}/{name}") == "wrong"
    assert not kept(cache)


@pytest.mark.parametrize("cut", [1, 7, 20])
def test_weights_that_end_early_although_the_server_says_that_is_all(server, cache, cut):
    server.files["m.safetensors"] = safetensors(range(9))[:-cut]
    assert reason_of(f"{server.url}/m.safetensors") == "wrong"
    assert not kept(cache)


def test_what_was_kept_before_this_was_checked_is_fetched_again(server, cache):
    url = f"{server.url}/m.safetensors"
    server.files["m.safetensors"] = safetensors([3])
    path = download(url, progress=False)
    path.write_bytes(PAGE)
    assert download(url, progress=False).read_bytes() == safetensors([3])
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", ["voice.wav", "voice", "download.php"])
def test_sound_is_known_by_who_reads_it(server, cache, tmp_path, name):
    url = f"{server.url}/{name}"
    server.files[name] = b"\x89PNG\r\n\x1a\n" + bytes(500)
    with pytest.raises(AudioError) as caught:
        fetch(url, progress=False, check=check_audio)
    assert url in str(caught.value)
    assert ".partial" not in str(caught.value)
    assert not kept(cache)
    server.files[name] = wav(tmp_path)
    assert fetch(url, progress=False, check=check_audio).read_bytes() == server.files[name]


def test_text_of_two_kinds(tmp_path):
    for name, text, words in [
        ("a.yaml", "Please log in to go on", "without keys"),
        ("a.yml", "a: [1", "no YAML"),
        ("a.json", "Please", "no JSON"),
        ("a.json", "[" * 100_000, "no JSON"),
        ("a.yaml", "\udcff", "no YAML"),
    ]:
        path = tmp_path / "fetched"
        path.write_text(text, errors="surrogateescape")
        with pytest.raises(FetchError, match=words):
            examine(path, f"https://example.invalid/{name}?x=.safetensors")
