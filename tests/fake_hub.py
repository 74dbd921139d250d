"""A Hugging Face hub and a plain web server on loopback, with the failures of the real ones.

Speaks the two requests that huggingface_hub makes for a file, HEAD and GET of
/OWNER/REPO/resolve/REVISION/PATH, and serves everything else in `files` as plain downloads with ETag
and Range.
"""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Trouble:
    """What goes wrong with a path; the counters say how often before it works."""

    status: int = 0
    code: str = ""  # X-Error-Code
    failures: int = 10**9  # answers with `status` before the right one
    stall: str = ""  # the method that gets no answer (HEAD) or no body (GET)
    cut_at: int = -1  # the body ends after so many bytes of it
    cuts: int = 10**9
    ranges: bool = True
    etag: str = ""  # instead of the right one
    redirect: str = ""


@dataclass
class FakeHub:
    """`with FakeHub() as hub: hub.files["owner/repo/main/a.bin"] = b"..."`; hub.url is the endpoint."""

    files: dict = field(default_factory=dict)
    trouble: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)  # (method, path, Range, Authorization)

    def __enter__(self):
        self.release = threading.Event()
        self.stalled = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.hub = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def count(self, method, ending):
        return sum(m == method and path.endswith(ending) for m, path, *_ in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        hub = self.server.hub
        if hub.release.is_set():  # closed, but this connection was still open
            self.close_connection = True
            return
        path = self.path.split("?")[0].lstrip("/")
        name = path.replace("/resolve/", "/")
        hub.requests.append(
            (self.command, path, self.headers.get("Range"), self.headers.get("Authorization"))
        )
        trouble = hub.trouble.get(name, Trouble())
        if trouble.stall == self.command == "HEAD":
            self.hang()
            return
        if trouble.status and trouble.failures > 0:
            trouble.failures -= 1
            self.fail(trouble.status, trouble.code)
        elif trouble.redirect:
            self.send_response(302)
            self.send_header("Location", trouble.redirect)
            self.file_headers(hub.files[name], trouble, linked=True)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name in hub.files:
            self.send_file(hub.files[name], trouble, with_body)
        else:
            self.fail(404, "EntryNotFound")

    def fail(self, status, code):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def file_headers(self, data, trouble, linked=False):
        etag = trouble.etag or f'"{hashlib.sha256(data).hexdigest()}"'
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag" if linked else "ETag", etag)
        if linked:
            self.send_header("X-Linked-Size", str(len(data)))
        return etag

    def send_file(self, data, trouble, with_body):
        start = 0
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
        etag = trouble.etag or f'"{hashlib.sha256(data).hexdigest()}"'
        if asked and trouble.ranges and condition in (None, etag):
            start = int(asked.removeprefix("bytes=").split("-")[0])
        if start >= len(data) > 0:
            self.fail(416, "")
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.file_headers(data, trouble)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not with_body:
            return
        body = data[start:]
        if trouble.cut_at >= 0 and trouble.cuts > 0:
            trouble.cuts -= 1
            body = body[: trouble.cut_at]
            self.close_connection = True
        if trouble.stall == "GET":
            body = body[: len(body) // 2]
        self.wfile.write(body)
        self.wfile.flush()
        if trouble.stall == "GET":
            self.hang()

    def hang(self):
        self.server.hub.stalled.set()
        self.server.hub.release.wait()
        self.close_connection = True

    def log_message(self, *_):
        pass
