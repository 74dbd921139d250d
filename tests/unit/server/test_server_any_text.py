"""Text of all planes in whatever a peer can fill in: never a 500, never a traceback, and the server goes on."""

import asyncio
import contextlib
import json
import random
import socket
import string
from urllib.parse import quote, quote_from_bytes

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pocket_fast.server.options import Options

ROUNDS = 40
PIECES = [
    *(
        "\0",
        "\x01",
        "\x1b[31m",
        "\x7f",
        "\x80",
        "\x9f",
        "²",
        "٣",
        "½",
        "Ⅷ",
        "ß",
        "İ",
        "ŉ",
        "é",
        "e\u0301",
        "\u200b",
    ),
    *(
        "\u202e",
        "\u2028",
        "\ufeff",
        "\ufffe",
        "\uffff",
        "\ud800",
        "\udfff",
        "\udc80",
        "\ud83d",
        "漢",
        "ｆ",
        "\ue000",
    ),
    *(
        "😀",
        "𝟙",
        "\U0001d518",
        "\U000e0041",
        "\U000f0000",
        "\U0010ffff",
        "%",
        "%00",
        "%ff",
        "\\",
        '"',
        "'",
        "<",
        "&",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ";",
        "=",
        "..",
        "/",
        "//",
        "\r",
        "\n",
        "\t",
        " ",
        "+",
        "-",
        "null",
        "NaN",
        "1e999",
    ),
    *(
        "Infinity",
        "-0",
        "0x1",
        "1_000",
        "data:",
        "data:audio/wav;base64,",
        "https://",
        "hf://",
        "[pause:",
        "ms]",
    ),
]
PATHS = ["/generate", "/stream", "/tts", "/v1/audio/speech"]
LISTS = ["/v1/models/{}", "/page/{}", "/{}", "/v1/audio/voices/{}", "/docs?{}", "/health?{}", "/metrics?x={}"]
FIELDS = [
    "text",
    "input",
    "voice",
    "voice_url",
    "seed",
    "speed",
    "natural_pauses",
    "response_format",
    "stream_format",
]
FIELDS += [
    "model",
    "temperature",
    "max_tokens",
    "steps",
    "api_key",
    "instructions",
    "voice_wav",
    "format",
    "flush",
]
HEADERS = [
    "Accept",
    "Authorization",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Expect",
    "Host",
    "Origin",
    "Range",
]
HEADERS += ["Sec-Fetch-Site", "Transfer-Encoding", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port"]
HEADERS += [
    "X-Forwarded-Proto",
    "X-Request-Id",
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Key",
    "Content-Encoding",
]


def words(dice):
    kind = dice.randrange(4)
    if kind == 0:
        return "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(1, 30)))
    if kind == 1:
        return dice.choice(PIECES) * dice.choice([1, 1, 2, 200])
    return "".join(dice.choice([*PIECES, *string.ascii_letters]) for _ in range(dice.randrange(1, 12)))


def value(dice, depth=0):
    kind = dice.randrange(10 if depth < 3 else 6)
    if kind == 9:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if kind == 8:
        return {words(dice): value(dice, depth + 1) for _ in range(dice.randrange(4))}
    return [words(dice), words(dice), 10 ** dice.randrange(30), -1.5, True, None, words(dice), words(dice)][
        kind
    ]


def in_bytes(text):
    return text.encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def locked(start):
    """With a key: what is asked of strangers is all that they may be asked."""
    with start(Options(api_key="kéy")) as site:
        yield site


@pytest.fixture(params=["open", "locked"])
def place(request, site, locked, caplog):
    """A server; afterwards it has complained of nothing but its peers, and still answers."""
    site = {"open": site, "locked": locked}[request.param]
    yield site
    assert site.client.get("/health").status_code == 200
    said = [
        record for record in caplog.records if record.exc_info or record.levelname in ("ERROR", "CRITICAL")
    ]
    assert not said, "\n".join(record.getMessage() for record in said)


def exchange(site, request, whole=True):
    """The status of what is answered to these bytes; None for none. whole: they are a request, so something is."""
    host, port = site.url.removeprefix("http://").split(":")
    data = b""
    with socket.create_connection((host, int(port)), 60 if whole else 0.3) as connection:
        connection.sendall(request)
        with contextlib.nullcontext() if whole else contextlib.suppress(TimeoutError):
            while part := connection.recv(1 << 16):
                data += part
    assert b"Traceback" not in data
    return int(data.split()[1]) if data else None


def post(path, body, kind="application/json", headers=b""):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n".encode()
    )
    return head + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def fields_of(dice):
    fields = {name: value(dice) for name in dice.sample(FIELDS, dice.randrange(4))}
    fields |= {words(dice): value(dice) for _ in range(dice.randrange(3))}
    return fields | ({"text": "Hi.", "input": "Hi."} if dice.randrange(2) else {})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("escaped", [True, False])
def test_fields_of_json(place, seed, escaped):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        fields = fields_of(dice)
        body = in_bytes(json.dumps(fields, ensure_ascii=escaped))
        status = exchange(place, post(dice.choice(PATHS), body))
        assert status < 500, fields


@pytest.mark.parametrize("seed", range(2))
def test_fields_of_forms(place, seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        fields = [(str(name), v if isinstance(v, str) else str(v)) for name, v in fields_of(dice).items()]
        if dice.randrange(2):
            kind = "application/x-www-form-urlencoded"
            pairs = [f"{quote_from_bytes(in_bytes(n))}={quote_from_bytes(in_bytes(v))}" for n, v in fields]
            body = (
                "&".join(pairs).encode() if dice.randrange(3) else in_bytes("&".join(map("=".join, fields)))
            )
        else:
            kind = "multipart/form-data; boundary=cut"
            parts = []
            for name, text in fields:
                file = "" if dice.randrange(3) else f'; filename="{words(dice)}"'
                parts.append(
                    f'--cut\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{text}\r\n'
                )
            body = in_bytes("".join(parts) + "--cut--\r\n")
        status = exchange(place, post(dice.choice(PATHS), body, kind))
        assert status < 500, body


@pytest.mark.parametrize("seed", range(2))
def test_headers(place, seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        text = words(dice)
        text = text.encode(dice.choice(["utf-8", "utf-16-le"]), "surrogatepass")
        if dice.randrange(2):
            text = text.translate(None, b"\r\n\0")
        line = dice.choice(HEADERS).encode() + b": " + text + b"\r\n"
        if dice.randrange(2):
            status = exchange(
                place, post(dice.choice(PATHS), b'{"text": "Hi.", "input": "Hi."}', headers=line)
            )
        else:
            path = dice.choice(["/", "/health", "/v1/models", "/v1/audio/stream"]).encode()
            own = b"" if line.startswith(b"Host") else b"Host: localhost\r\n"
            status = exchange(
                place, b"GET %b HTTP/1.1\r\n%bConnection: close\r\n%b\r\n" % (path, own, line), False
            )
        assert status is None or status < 500, line


@pytest.mark.parametrize(
    "header",
    [
        *[
            f"Content-Length: {n}"
            for n in ("²", "٣", "-1", "+1", "1_0", "1e3", "9" * 30, "9" * 5000, "", " ", "0x10", "½")
        ],
        *[f"Authorization: Bearer {key}" for key in ("²", "\ud800", "\udcff", "kéy", "")],
        *[
            f"Content-Type: {kind}"
            for kind in ("²", "multipart/form-data", "multipart/form-data; boundary=²", "a" * 9000)
        ],
        *[f"X-Forwarded-Port: {port}" for port in ("²", "99999999999", "-1")],
        "X-Forwarded-For: \ud800, ²",
        "Sec-Fetch-Site: ²",
        "Origin: http://[²",
        "X-Request-Id: \ud800",
    ],
)
def test_headers_that_look_like_what_they_are_not(place, header):
    request = b"POST /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\n\r\n{}" % in_bytes(
        header
    )
    status = exchange(place, request, whole=False)
    assert status is None or status < 500


def test_lengths_that_other_servers_let_through(site):
    """uvicorn refuses them by itself."""
    for length in ("²", "٣", "9" * 5000):
        headers = {"Content-Length": length.encode(), "Content-Type": "application/json"}

        async def ask(headers=headers):
            inside = httpx.ASGITransport(site.server.config.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=inside, base_url="http://localhost") as client:
                return await client.post("/stream", content=b"{}", headers=headers)

        assert asyncio.run(ask()).status_code == 422


@pytest.mark.parametrize("seed", range(2))
def test_addresses(place, seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        text = words(dice)
        raw = in_bytes(text) if dice.randrange(3) == 0 else quote_from_bytes(in_bytes(text)).encode()
        path = dice.choice([*LISTS, *PATHS[:1]]).encode().replace(b"{}", raw)
        status = exchange(
            place, b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path, False
        )
        assert status is None or status < 500, path
        status = exchange(
            place, post(f"{dice.choice(PATHS)}?{quote(text, errors='ignore')}", b'{"text": "Hi."}')
        )
        assert status < 500, text


@pytest.mark.parametrize("seed", range(2))
def test_conversations(place, seed):
    dice = random.Random(seed)
    url = f"{place.url.replace('http', 'ws')}/v1/audio/stream"
    for _ in range(ROUNDS // 2):
        with connect(url) as talk:
            answers = []
            try:
                for _ in range(dice.randrange(1, 4)):
                    body = json.dumps(fields_of(dice)) if dice.randrange(5) else words(dice)
                    talk.send(
                        body.encode("utf-8", "replace").decode() if dice.randrange(4) else in_bytes(body)
                    )
                talk.send(json.dumps({"end": True}))
                answers = [json.loads(message) for message in talk if isinstance(message, str)]
            except ConnectionClosed:
                assert talk.close_code != 1011
            assert not [a for a in answers if a.get("error", {}).get("status", 400) >= 500], answers


@pytest.mark.parametrize("key", ["\ud800", "²", "k\u0301éy", "😀", "\0", "x" * 100_000])
def test_keys_of_conversations(locked, key):
    with connect(f"{locked.url.replace('http', 'ws')}/v1/audio/stream") as talk:
        talk.send(json.dumps({"api_key": key}))
        assert json.loads(talk.recv(timeout=60))["error"]["status"] == 401


def test_a_key_of_any_letters_opens(locked):
    with connect(f"{locked.url.replace('http', 'ws')}/v1/audio/stream") as talk:
        talk.send(json.dumps({"api_key": "kéy"}))
        assert json.loads(talk.recv(timeout=60))["mark"] == "start"
    answer = locked.client.get("/v1/models", headers={"Authorization": "Bearer kéy".encode()})
    assert answer.status_code == 200
