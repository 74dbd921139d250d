"""The page, the lists, the numbers."""

import json
import re
from importlib import resources
from urllib.parse import urljoin

import pytest

from pocket_fast import __version__
from pocket_fast.server.options import Options
from serving import read_on


def test_health(client, loaded):
    assert client.get("/health").json() == {
        "status": "healthy",
        "version": __version__,
        "model": "custom",
        "sample_rate": 24000,
        "cloning": True,
        "compute_type": loaded.compute_type,
        "takes": ["voice", "voice_wav", *(setting.name for setting in loaded.settings)],
    }


def test_the_page_and_all_it_is_made_of(client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = resources.files("pocket_fast.server") / "page"
    assert answer.content == (page / "index.html").read_bytes()
    for address in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
        assert client.get(f"/{address}").status_code == 200, address
    for file in page.iterdir():
        answer = client.get(f"/page/{file.name}")
        assert answer.content == file.read_bytes()
        if file.name.endswith(".js"):
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "..%2fapp.py", "%2e%2e/app.py", "../app.py", "%2fetc%2fpasswd", "", ".", "index.html%00"],
)
def test_nothing_else_is_a_file_of_the_page(client, name):
    assert client.get(f"/page/{name}").status_code == 404


def test_docs_need_nothing_from_elsewhere(client):
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert "/v1/audio/speech" in answer.text
    assert "//" not in answer.text.replace("<!", "")
    assert "<script" not in answer.text
    for address in re.findall(r'href="([^"]+)"', answer.text):
        assert client.get(f"/{address}").status_code == 200
    assert client.get("/redoc").status_code == 404


def test_the_description_names_every_field(client, loaded):
    from pocket_fast.server.fields import Forms

    forms = Forms(loaded, has_voices=True)
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health",
        "/generate",
        "/stream",
        "/tts",
        "/v1/audio/speech",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/audio/voices",
        "/v1/voices",
        "/v1/audio/models",
        "/v1/audio/speech/voices",
    }
    for path, model in {
        "/stream": forms.speech,
        "/tts": forms.official,
        "/v1/audio/speech": forms.openai,
    }.items():
        content = paths[path]["post"]["requestBody"]["content"]
        assert ("application/json" in content) == (path != "/tts")
        for kind, body in content.items():
            names = set(model.model_fields) | ({"voice_wav"} if kind.startswith("multipart") else set())
            assert set(forms.takes) <= names | {"voice_wav"}
            assert set(body["schema"]["properties"]) == names
    assert "$ref" not in json.dumps(paths)


def test_the_description_says_where_the_server_is(client):
    """Relative to where it lies, so that it holds below any path: https://spec.openapis.org/oas/v3.1.0#server-object"""
    (server,) = client.get("/openapi.json").json()["servers"]
    place = urljoin("https://a.example/behind/a/proxy/openapi.json", server["url"])
    assert place == "https://a.example/behind/a/proxy/"


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_pages_name_their_icon(client, path):
    (icon,) = re.findall('rel="icon" href="([^"]+)"', client.get(path).text)
    answer = client.get(f"/{icon}")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content == client.get("/favicon.ico").content  # for whatever names none


def test_icons_need_no_key(start):
    with start(Options(api_key="k")) as site:
        assert site.client.get("/favicon.ico").status_code == 200


def test_numbers(start):
    with start(Options(max_text=50), max_streams=7, max_queue=9) as site:
        assert site.metric("pocket_fast_streams_limit") == 7
        assert site.metric("pocket_fast_queue_limit") == 9
        assert site.metric("pocket_fast_real_time_factor") == 0
        for text in ("Hi.", " ", "x" * 51):
            site.client.post("/stream", json={"text": text})
        site.client.get("/nothing/in/particular")
        site.client.get("/v1/models/one")
        site.client.get("/v1/models/two")
        site.client.request("BREW", "/health")

        def requests(route, status, method="GET"):
            labels = f'{{method="{method}",route="{route}",status="{status}"}}'
            return site.metric(f"pocket_fast_http_requests_total{labels}")

        assert [requests("/stream", status, "POST") for status in (200, 400, 413)] == [1, 1, 1]
        assert requests("other", 404) == 1
        assert requests("/v1/models/{name:path}", 200) == 2
        assert requests("/health", 405, "other") == 1
        assert site.metric("pocket_fast_first_audio_seconds_count") == 1
        assert site.metric("pocket_fast_audio_seconds_total") == pytest.approx(sum(site.events("audio")))
        assert site.metric("pocket_fast_step_seconds_count") == len(site.events("step"))
        assert site.metric("pocket_fast_streams") == 0
        assert site.metric("pocket_fast_real_time_factor") > 0


def test_numbers_of_refused_and_cancelled(start):
    with start(max_streams=1, max_queue=0) as site:
        body = {"text": "On and on. " * 1000, "eos_threshold": 1e9}
        with site.client.stream("POST", "/stream", json=body) as held:
            site.slow_down()
            read_on(held)
            text = site.client.get("/metrics").text
            assert "pocket_fast_streams 1.0" in text
            site.client.post("/stream", json={"text": "Hi."})
        text = site.client.get("/metrics").text
        assert 'route="/stream",status="503"} 1.0' in text
