"""Real proxies in front of a server, and an HTTP/1.0 client without any of a library's kindness."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from serving import wait_until

_DOCS = Path(__file__).resolve().parents[1] / "docs" / "serving.md"
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
    {server}
}}
"""
_NGINX_SERVER = "server {{ listen 127.0.0.1:{port}; location {path} {{ proxy_pass {upstream}; {lines} }} }}"
_CADDY = "{{\n\tadmin off\n\tauto_https off\n}}\n{server}"
_APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
ServerName localhost
Listen 127.0.0.1:{port}
{modules}
{server}
"""
_APACHE_MODULES = Path("/usr/lib/apache2/modules")
_WHERE = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def nginx(upstream, folder, lines="", path="/"):
    """The address of a real nginx that has `upstream` below `path`, with its defaults and these lines besides."""
    port = free_port()
    upstream = upstream.rstrip("/") + ("" if path == "/" else "/")
    server = _NGINX_SERVER.format(port=port, path=path, upstream=upstream, lines=lines)
    with _nginx(folder, port, server) as url:
        yield url


@contextlib.contextmanager
def documented(kind, upstream, folder):
    """The address of a real proxy in front of `upstream`, set up as docs/serving.md has it.

    kind: nginx, caddyfile, haproxy or apache, as the documentation calls its examples.
    """
    port = free_port()
    (example,) = re.findall(rf"```{kind}\n(.*?)```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)
    here = {
        "127.0.0.1:8000": urlsplit(upstream).netloc,
        "listen 80;": f"listen 127.0.0.1:{port};",
        "speech.example {\n\treverse": f"http://127.0.0.1:{port} {{\n\treverse",
        "bind :80": f"bind 127.0.0.1:{port}",
        "*:80": f"127.0.0.1:{port}",
    }
    for theirs, ours in here.items():
        example = example.replace(theirs, ours)
    with {"nginx": _nginx, "caddyfile": _caddy, "haproxy": _haproxy, "apache": _apache}[kind](
        folder, port, example
    ) as url:
        yield url


def _nginx(folder, port, server):
    user = "" if os.geteuid() else "user root;"  # or its workers could not enter the folder
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(user=user, folder=folder, server=server))
    return _running(folder, port, "nginx", "-p", folder, "-c", config, "-e", "stderr")


def _caddy(folder, port, server):
    config = folder / "Caddyfile"
    config.write_text(_CADDY.format(server=server))
    return _running(folder, port, "caddy", "run", "--config", config, "--adapter", "caddyfile")


def _haproxy(folder, port, server):
    config = folder / "haproxy.cfg"
    config.write_text(server)
    return _running(folder, port, "haproxy", "-db", "-q", "-f", config)


def _apache(folder, port, server):
    names = ("mpm_event", "authz_core", "proxy", "proxy_http")
    modules = "\n".join(f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so" for name in names)
    config = folder / "apache.conf"
    config.write_text(_APACHE.format(folder=folder, port=port, modules=modules, server=server))
    return _running(folder, port, "apache2", "-f", config, "-DFOREGROUND")


@contextlib.contextmanager
def _running(folder, port, program, *words):
    """http://127.0.0.1:port once somebody listens there; what the program says is in folder/log."""
    found = shutil.which(program, path=_WHERE)
    if found is None:
        pytest.skip(f"no {program} found")
    said = folder / "log"
    with open(said, "wb") as log:
        process = subprocess.Popen(
            [found, *words], stdout=log, stderr=log, env={**os.environ, "HOME": folder}
        )
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, said.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


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
