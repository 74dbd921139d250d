"""What the server may be called, and whose pages may use it."""

import contextlib
import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pocket_fast.errors import ConfigError
from pocket_fast.server.names import Names, checked_name
from pocket_fast.server.options import Options

FORM = {"text": "Hi.", "seed": "1"}
STRANGERS = [
    "evil.example",
    "evil.example:8000",
    "evil.example.",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "notlocalhost",
    "localhost@evil.example",
    "evil.example@localhost",
    "http://localhost",
    "localhost/",
    "a b",
    "[::1",
    "[evil.example]",
    "xn--lcalhost-54a",
]


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "LocalHost.",
            "page.localhost",
            "127.0.0.1",
            "127.8.9.10",
            "127.1",
            "[::1]",
            "0.0.0.0",
        ),
        *("[::ffff:127.0.0.1]", "2130706433", "[0:0::1]"),
    ],
)
def test_this_machines_names_for_itself(host):
    for bound in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):
        for port in ("", ":8000", ":"):
            assert Names(bound).know(host + port)


@pytest.mark.parametrize("host", STRANGERS)
def test_names_of_others(host):
    assert not Names().know(host)
    if "." in host:
        assert not Names("0.0.0.0", ["speech.example"]).know(host)


def test_what_is_known_on_a_network():
    """Addresses, and what no page from elsewhere can have for a name: of containers and machines nearby."""
    near = ("192.168.1.5", "[2001:db8::1]", "tts", "my_box", "nas.local", "tts.default.svc.cluster.local")
    near += ("host.docker.internal",)
    for bound in ("0.0.0.0", "::", "192.168.1.5", "speech.example"):
        for host in near:
            assert Names(bound).know(f"{host}:8000")
    for host in near:
        assert not Names("127.0.0.1").know(host)
    assert Names("speech.example").know("Speech.Example:80")
    assert not Names("0.0.0.0").know("speech.example")
    assert Names().know("10.1.2.3", reached=("10.1.2.3", 8000))


def test_names_that_are_allowed():
    names = Names(
        "127.0.0.1", ["Speech.Example.", "*.below.example", "bücher.example", "192.0.2.1", "[2001:db8::1]"]
    )
    for host in ("speech.example:1", "a.below.example", "a.b.below.example", "xn--bcher-kva.example"):
        assert names.know(host)
    for host in ("192.0.2.1", "[2001:db8:0::1]:80"):
        assert names.know(host)
    for host in ("a.speech.example", "below.example", "xbelow.example", "192.0.2.2", "evil.example"):
        assert not names.know(host)
    assert Names("127.0.0.1", ["*"]).know("whatever.example")
    socket = ("/run/speech.sock", None)
    assert Names().know("whatever.example", socket)
    assert not Names(allowed=["speech.example"]).know("whatever.example", socket)


@pytest.mark.parametrize(
    "name", ["", "http://a.example", "a:80", "a/b", "*a.example", "*.*.example", "..", "a b"]
)
def test_names_that_are_none(name):
    with pytest.raises(ConfigError, match="no name of a server"):
        checked_name(name)


PATHS = [
    "/",
    "/page/style.css",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/v1/models",
    "/v1/audio/voices",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
def test_pages_by_a_strange_name_read_nothing(client, path):
    for host in ("evil.example", "evil.example:8000"):
        answer = client.get(path, headers={"Host": host, "Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 421
        assert host in answer.text
        assert "--allowed-host" in answer.text


@pytest.mark.parametrize("path", ["/stream", "/generate", "/tts", "/v1/audio/speech"])
def test_pages_by_a_strange_name_cause_nothing(site, path):
    before = site.metric("pocket_fast_audio_seconds_total")
    own = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    for more in (
        {},
        {"X-Forwarded-Host": "localhost"},
        {"X-Forwarded-Host": site.url.removeprefix("http://")},
    ):
        assert site.client.post(path, data=FORM, headers=own | more).status_code == 421
    preflight = {"Access-Control-Request-Method": "POST"}
    assert site.client.options(path, headers=own | preflight).status_code == 421
    assert site.metric("pocket_fast_audio_seconds_total") == before


def test_conversations_by_a_strange_name(site):
    url = f"{site.url.replace('http', 'ws')}/v1/audio/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers={"Host": "evil.example"}, origin="http://evil.example")
    answer = refused.value.response
    assert answer.status_code in (400, 421)  # 400: two of Host, where the client adds its own
    strange = {"X-Forwarded-Host": "evil.example"}
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers=strange, origin="http://evil.example")
    assert refused.value.response.status_code == 421
    assert "--allowed-host" in json.loads(refused.value.response.body)["error"]["message"]


def test_monitors_call_it_what_they_like(client):
    for method in ("GET", "HEAD"):
        answer = client.request(method, "/health", headers={"Host": "probe.example"})
        assert answer.status_code == 200


def test_with_a_name_that_is_allowed(start):
    with start(Options(allowed_hosts=("speech.example",))) as site:
        host = {"Host": "speech.example"}
        assert site.client.post("/stream", data=FORM, headers=host).status_code == 200
        page = host | {"Origin": "http://speech.example"}
        assert site.client.post("/stream", data=FORM, headers=page).status_code == 200
        assert site.client.get("/", headers={"Host": "other.example"}).status_code == 421


# --- origins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://{host}:{port}", 200),
        ("http://localhost:{port}", 403),  # asked as 127.0.0.1: another origin
        ("http://{host}", 403),
        ("http://{host}:3000", 403),
        ("https://{host}:{port}", 403),
        ("ws://{host}:{port}", 200),
        ("http://a@{host}:{port}", 403),
        ("http://{host}:{port}/page", 403),
        ("http://{host}:{port}²", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_neighbour_on_the_same_host_is_another_site(site, origin, status):
    url = httpx.URL(site.url)
    origin = origin.format(host=url.host, port=url.port).encode("latin-1")
    assert site.client.post("/stream", data=FORM, headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize(
    ("word", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
@pytest.mark.parametrize("with_origin", [True, False])
def test_what_browsers_say_themselves(site, word, status, with_origin):
    headers = {"Sec-Fetch-Site": word} | ({"Origin": "http://127.0.0.1:3000"} if with_origin else {})
    assert site.client.post("/tts", data=FORM, headers=headers).status_code == status
    if with_origin:
        url = f"{site.url.replace('http', 'ws')}/v1/audio/stream"
        refused = pytest.raises(InvalidStatus, match=str(status))
        with contextlib.nullcontext() if status == 200 else refused, connect(url, additional_headers=headers):
            pass


def test_a_neighbour_that_is_allowed(start):
    with start(Options(cors_origins=("http://127.0.0.1:3000",))) as site:
        headers = {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"}
        assert site.client.post("/tts", data=FORM, headers=headers).status_code == 200
        headers["Origin"] = "http://127.0.0.1:3001"
        assert site.client.post("/tts", data=FORM, headers=headers).status_code == 403
