"""Bodies that are large: what is long is looked at beside the event loop, and there is a limit to all of it."""

import base64
import contextlib
import json
import select
import socket
import threading
from urllib.parse import quote_plus, urlencode

import httpx
import numpy as np
import pytest

from pocket_fast.server import bodies
from pocket_fast.server.answers import Refusal
from pocket_fast.server.bodies import loads
from pocket_fast.server.options import Options
from recordings import hum
from serving import wav_of

OPTIONS = Options(max_text=1000)
LONG = "abc/" * 30_000


@pytest.mark.parametrize(
    "fields",
    [
        {"voice": LONG, "text": 'a "quoted" \\ text\n'},
        {"text": "\\" * 500 + '"' * 400, "voice": LONG},
        {"text": 'a\\"', "voice": LONG, "more": LONG[:-1], "seed": 1},
        {"a": [LONG, {"b": LONG}], "voice": f"data:audio/wav;base64,{LONG}"},
        {"voice": LONG + "é😀"},
        {LONG: 1, "voice": "x"},
        [LONG],
        LONG,
    ],
)
@pytest.mark.parametrize("ascii", [True, False])
def test_json_with_a_recording_in_it(fields, ascii):
    body = json.dumps(fields, ensure_ascii=ascii).encode()
    assert len(body) > OPTIONS.max_fields
    if ascii and "é" in str(fields):  # escapes in what is long: nobody's recording
        with pytest.raises(Refusal, match="not counting a recording"):
            loads(body, OPTIONS)
        return
    found = loads(body, OPTIONS)
    if isinstance(fields, dict):
        for name in ("text", "voice", "more", "seed"):
            assert found.get(name) == fields.get(name)
    else:
        assert type(found) is type(fields)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text": ' + b"[" * 9000 + b"]" * 9000 + b"}", 400),
        (b'{"text": [' + b"1," * 9000 + b"1]}", 400),
        (b'{"a": {' + b'"a":{},' * 9000 + b'"a":1}}', 400),
        (b'{"text": "' + b'\\"' * 60_000 + b'"}', 413),
        (b'{"text": "' + b"\\\\" * 60_000 + b'"}', 413),
        (b'{"text": ' + b" " * 120_000 + b"1}", 413),
        (b'{"text": ' + b'""' * 60_000 + b"}", 413),
        (b'{"text": "' + b"a" * 120_000, 413),
        (b'{"voice": "' + b"a" * 120_000 + b'" "text"}', 400),
        (b'{"voice": "' + b"\xff" * 120_000 + b'"}', 400),
        (b"[" * 3000, 400),
    ],
)
def test_what_no_request_needs(body, status):
    with pytest.raises(Refusal) as refused:
        loads(body, OPTIONS)
    assert refused.value.status_code == status


@pytest.fixture
def threads(monkeypatch):
    """Names of the threads in which bodies were looked at."""
    found = set()
    for name in ("loads", "_decoded"):
        work = getattr(bodies, name)

        def watched(*given, work=work):
            found.add(
                threading.current_thread() is threading.main_thread() or threading.current_thread().name
            )
            return work(*given)

        monkeypatch.setattr(bodies, name, watched)
    return found


@pytest.mark.parametrize("kind", ["json", "form"])
def test_large_bodies_are_read_beside_the_loop(site, threads, kind):
    recording = base64.b64encode(wav_of(np.tile(hum(1.0), 5))).decode()
    fields = {"text": "Hello there.", "seed": "1", "voice": recording}
    how = {"json": fields} if kind == "json" else {"data": fields}
    answers = [site.client.post("/generate", **how) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    loop = {name for name in threads if "asyncio" not in str(name)}
    assert threads
    assert not loop


def test_forms_in_utf_8_with_and_without_escapes(site):
    """As `curl -d` sends them, and browsers."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    text = "Grüße, 漢 & +1 100%! " * 4000
    decoded = bodies._decoded(urlencode({"text": text, "b": ""}).encode())
    assert decoded == [("text", text), ("b", "")]
    assert bodies._decoded(b"t%65xt=%E6%BC%A2+a%2&=b&&c") == [("text", "漢 a%2"), ("", "b"), ("c", "")]
    spoken = [
        site.client.post("/stream", content=f"seed=1&text={words}".encode(), headers=kind).content
        for words in ("Grüße aus Köln", quote_plus("Grüße aus Köln"))
    ]
    assert spoken[0] == spoken[1]
    assert len(spoken[0]) > 1000
    many = site.client.post("/stream", content=b"a=1&" * 65 + b"text=Hi.", headers=kind)
    assert many.status_code == 400


def test_bodies_that_are_kept_have_a_limit_together(start):
    """Large ones that are not complete: others are told to wait, small ones are served."""
    options = Options(max_upload=1 << 20)
    size = options.max_body - 10
    head = "POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {size}\r\n\r\n"
    with start(options) as site, contextlib.ExitStack() as stack:
        place = httpx.URL(site.url)
        held = []
        for _ in range(6):
            held.append(stack.enter_context(socket.create_connection((place.host, place.port), 60)))
            with contextlib.suppress(ConnectionError):  # refused while it is still sending
                held[-1].sendall(head.encode() + b'{"text": "Hi.", "voice": "' + b"a" * (size - 1000))
        refused, _, _ = select.select(held, [], [], 60)
        assert b"503" in refused[0].recv(12)
        assert site.client.post("/stream", json={"text": "Hi."}).status_code == 200
        for connection in held:
            connection.close()
        recording = base64.b64encode(wav_of(np.tile(hum(2.0), 10))).decode()
        answers = (site.client.post("/stream", json={"text": "Hi.", "voice": recording}) for _ in range(500))
        assert any(answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/stream", "Authorization: Bearer wrong", 401),
        ("/stream", "Host: evil.example", 421),
        ("/stream", "Origin: http://evil.example", 403),
        ("/stream", "Content-Type: text/plain", 415),
        ("/nothing", "X: y", 404),
        ("/health", "X: y", 405),
    ],
)
def test_a_refusal_is_read_whatever_was_still_to_come(start, path, header, status, version):
    """A connection that is closed with something in it is reset, and its client may lose the answer."""
    key = "" if status == 401 else "Authorization: Bearer k\r\n"
    host = "" if status == 421 else "Host: localhost\r\n"
    body = b"a" * 500_000
    head = f"POST {path} HTTP/{version}\r\n{host}{key}{header}\r\n"
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with start(Options(api_key="k")) as site:
        place = httpx.URL(site.url)
        for _ in range(5):
            with socket.create_connection((place.host, place.port), 60) as connection:
                connection.sendall(head.encode() + body)
                answer = b""
                while part := connection.recv(1 << 16):
                    answer += part
            assert answer.split()[1] == b"%d" % status
            assert b"error" in answer
