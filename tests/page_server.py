"""A stand-in for the server behind the web page: its files, its headers and its answers, with made-up sound.

The sound of a text is known to the test (`sound`), comes in pieces that cut samples in two, and can be
held back, broken off or refused.
"""

import json
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "pocket_fast"
PAGE, SOUND = PACKAGE / "server" / "page", PACKAGE / "web" / "sound"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
PREFIX = "/behind/a/proxy/"
RATE = 24000
CHARACTERS_PER_SECOND = 20
PIECE = 3841  # bytes, an odd number


def sound(text, seed):
    """What is said for a text, (n,) int16: a swelling tone, and noise that makes every place in it unique."""
    n = int(len(text) / CHARACTERS_PER_SECOND * RATE)
    t = np.arange(n) / RATE
    tone = 9000 * np.sin(2 * np.pi * 220 * t) * np.sin(np.pi * 1.7 * t) ** 2
    return (tone + np.random.default_rng(int(seed)).normal(0, 300, n)).astype("<i2")


@dataclass
class PageServer:
    """`with PageServer() as site: browser.open(site.url)`."""

    refusal: tuple = ()  # (status, body, headers) of every request for speech
    hold_after: float = float("inf")  # seconds of sound, then nothing until `release` is set
    break_after: float = float("inf")  # seconds of sound, then the connection ends in the middle
    key: str = ""  # without it, no voices and no speech
    health: dict = field(default_factory=lambda: {"model": "english", "version": "1.2.3", "cloning": True})
    requests: list = field(default_factory=list)  # (path, fields) of every request for speech
    authorization: list = field(default_factory=list)  # of the same requests

    def __enter__(self):
        self.release = threading.Event()
        self.gone = threading.Event()  # a listener left before the end
        self.closed = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.site = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{PREFIX}"
        serve = self.server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.close()

    def close(self):
        self.closed = True
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.removeprefix(PREFIX)
        site = self.server.site
        if path == "health":
            return self.answer(200, {"status": "healthy", "sample_rate": RATE, **site.health})
        if path == "v1/audio/voices" and self.lacks_key():
            return self.answer(401, {"error": {"message": "no key"}})
        if path == "v1/audio/voices":
            names = ["alba", "marius", "a-voice-with-quite-a-long-name-of-its-own"]
            return self.answer(200, {"voices": [{"id": name, "name": name} for name in names]})
        name = path.removeprefix("page/") or "index.html"
        file = next((f / name for f in (PAGE, SOUND) if (f / name).is_file()), None)
        if file is None or "/" in name:
            return self.answer(404, {"detail": "Not Found"})
        self.send(200, file.read_bytes(), {"Content-Type": TYPES[file.suffix]})

    def do_POST(self):
        site = self.server.site
        path = self.path.removeprefix(PREFIX)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = self.fields(body)
        if site.closed:  # but this connection was still open
            self.close_connection = True
            return
        site.requests.append((path, fields))
        site.authorization.append(self.headers.get("Authorization"))
        if self.lacks_key():
            self.answer(401, {"detail": "no key"})
        elif site.refusal:
            status, answer, headers = site.refusal
            self.answer(status, answer, headers)
        elif path == "stream":
            self.stream(sound(fields["text"], fields["seed"]).tobytes())
        elif path == "v1/audio/speech":
            self.send(200, b"ID3 of " + fields["input"].encode(), {"Content-Type": "audio/mpeg"})
        else:
            self.answer(404, {"detail": "Not Found"})

    def lacks_key(self):
        key = self.server.site.key
        return bool(key) and self.headers.get("Authorization") != f"Bearer {key}"

    def fields(self, body):
        """{name: str, or bytes of a file} of a form; JSON as it is."""
        if self.headers["Content-Type"] == "application/json":
            return json.loads(body)
        message = BytesParser().parsebytes(
            b"Content-Type: %b\r\n\r\n" % self.headers["Content-Type"].encode() + body
        )
        parts = {}
        for part in message.get_payload():
            payload = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            parts[name] = payload if part.get_filename() else payload.decode()
        return parts

    def stream(self, data):
        site = self.server.site
        hold_after, break_after = site.hold_after, site.break_after
        self.send_response(200)
        for name, value in {
            "Content-Type": "application/octet-stream",
            "X-Sample-Rate": site.health.get("sample_rate", RATE),
            "Transfer-Encoding": "chunked",
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        try:
            for start in range(0, len(data), PIECE):
                seconds = start / 2 / RATE
                while seconds >= hold_after and not site.release.wait(0.02):
                    if not self.listening():
                        raise ConnectionResetError
                if seconds >= break_after:
                    self.close_connection = True
                    return
                piece = data[start : start + PIECE]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            site.gone.set()
            self.close_connection = True

    def listening(self):
        """Is the client still there? One that left has closed its side."""
        self.connection.setblocking(False)
        try:
            return self.connection.recv(1) != b""
        except BlockingIOError:
            return True
        finally:
            self.connection.setblocking(True)

    def answer(self, status, body, headers=()):
        self.send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **dict(headers)})

    def send(self, status, body, headers):
        self.send_response(status)
        ours = {
            "Content-Length": len(body),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in {**ours, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
