"""Real nginx in front of a server, and an HTTP/1.0 client without any of a library's kindness."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from urllib.parse import urlencode, urlsplit

import pytest

from serving import wait_until

_NGINX = """
{user}
daemon off;
error_log stderr error;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {upstream};
            {lines}
        }}
    }}
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def nginx(upstream, folder, lines=""):
    """The address of a real nginx in front of `upstream`, with its defaults and these lines in its `location`."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip("no nginx found; install nginx-light")
    port = free_port()
    config = folder / "nginx.conf"
    user = "" if os.geteuid() else "user root;"  # or its workers could not enter the folder
    config.write_text(
        _NGINX.format(user=user, folder=folder, port=port, upstream=upstream.rstrip("/"), lines=lines)
    )
    words = [program, "-p", folder, "-c", config, "-e", "stderr"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None, process.stderr.read()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def http_1_0(place, path, fields, receive_buffer=None):
    """The connected socket after a POST of these fields as a form.

    place: the address of a server, or the Path of its Unix socket. receive_buffer: bytes that the system may keep
    for us.
    """
    body = urlencode(fields)
    head = (
        f"POST {path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(socket.AF_INET if isinstance(place, str) else socket.AF_UNIX) as connection:
        connection.settimeout(60)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        address = urlsplit(place) if isinstance(place, str) else None
        connection.connect(str(place) if address is None else (address.hostname, address.port))
        connection.sendall((head + body).encode())
        yield connection


def read_all(connection):
    """(headers, body) until the connection ends. Raises ConnectionResetError where that is a bad end."""
    data = b""
    while part := connection.recv(1 << 16):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode().lower(), body
