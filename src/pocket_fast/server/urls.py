"""Recordings from the web, fetched on behalf of strangers.

A server stands inside a network that they are outside of, so only https, only the usual port and only public
addresses are asked; at every redirect anew. The connection goes to the very address that was checked: a second
look-up of the name could give another one.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from pocket_fast.errors import BusyError, ConfigError, DownloadError, StoppedError, VoiceError
from pocket_fast.weights.hub import parse_hub_location
from pocket_fast.weights.reach import stated_length, within

_REDIRECTS = 5
_SECONDS = 20.0  # for everything, from the look-up to the last byte
_STALL = 5.0  # without a byte
_BLOCK = 1 << 16

MOST_FETCHES = 4
"""At once: threads that fetch, or wait for a look-up that nothing can end."""

_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_places = threading.BoundedSemaphore(MOST_FETCHES)


class Deadline:
    """A moment at which something has to be done."""

    def __init__(self, seconds: float, stop: threading.Event | None = None):
        self._moment = time.monotonic() + seconds
        self._seconds = seconds
        self._stop = stop

    def left(self, most: float = math.inf) -> float:
        """Seconds until then, at most `most`. Raises TimeoutError when there are none, StoppedError once `stop` is
        set."""
        if self._stop is not None and self._stop.is_set():
            raise StoppedError("nobody waits for this voice any more")
        left = self._moment - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {self._seconds:g} s")
        return min(left, most)


class Connection(Protocol):
    """What is needed of http.client's."""

    def request(self, method: str, url: str, *, headers: dict[str, str]) -> None: ...

    def getresponse(self) -> Any: ...

    def close(self) -> None: ...


Connect = Callable[[str, str], Connection]


def fetch_public(
    url: str, most: int, connect: Connect | None = None, stop: threading.Event | None = None
) -> bytes:
    """The body of a URL, at most `most` bytes, within 20 seconds; less once `stop` is set (StoppedError).

    connect(host, address) makes a connection that was not opened yet (TLS to `address`, certificate of `host`).
    Raises VoiceError for what is refused, DownloadError for what fails, BusyError where as many are fetched already
    as may be.
    """
    deadline = Deadline(_SECONDS, stop)

    # a look-up may take longer than anybody waits for it: its place is free when it has ended
    def run() -> bytes:
        if not _places.acquire(timeout=deadline.left() / 2):
            raise BusyError(f"{MOST_FETCHES} voices are being fetched already", 5.0)
        try:
            return _follow(url, most, connect, deadline)
        finally:
            _places.release()

    try:
        return within(deadline.left(), run, stop)
    except (DownloadError, StoppedError):
        raise
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise DownloadError(f"a voice from {url[:200]!r}: {error or type(error).__name__}") from None


def _follow(url: str, most: int, connect: Connect | None, deadline: Deadline) -> bytes:
    for _ in range(_REDIRECTS + 1):
        host, target = _checked(url)
        address = public_address(host)
        deadline.left()  # the look-up does not know of it
        connection = _Pinned(host, address, deadline) if connect is None else connect(host, address)
        try:
            body, url = _get(connection, url, target, most)
        finally:
            connection.close()
        if body is not None:
            return body
    raise VoiceError(f"the voice's URL led to more than {_REDIRECTS} others")


def public_address(host: str) -> str:
    """An address of a host, all of whose addresses must be public. Raises VoiceError, DownloadError."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DownloadError(f"a voice from {host}: there is no such host") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(map(is_public, addresses)):
        raise VoiceError(f"the voice's host {host!r} is not on the public internet; nothing else is fetched")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's, and leads to no other that is embedded in it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        tunnelled = ip.ipv4_mapped or ip.sixtofour or ip.teredo or any(ip in network for network in _NAT64)
        if tunnelled or ip.packed[:12] == bytes(12) or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def hub_url(location: str) -> str:
    """Where the public file of an hf:// location is. Raises VoiceError."""
    try:
        file = parse_hub_location(location)
    except ConfigError as error:
        raise VoiceError(str(error)) from None
    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    return f"{base}/{file.repo}/resolve/{quote(file.revision, safe='')}/{quote(file.path)}"


class _Pinned:
    """A connection to an address, with the certificate of a name."""

    def __init__(self, host: str, address: str, deadline: Deadline | None = None):
        self._tls = ssl.create_default_context()
        self._http = http.client.HTTPSConnection(host, 443, context=self._tls)
        self._address = address
        self._deadline = deadline or Deadline(_SECONDS)
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        """Connect, and have the certificate checked."""
        seconds = min(_STALL, self._deadline.left() / 2)  # as long for the one and for the other
        raw = socket.create_connection((self._address, 443), seconds)
        try:
            self._socket = self._tls.wrap_socket(raw, server_hostname=self._http.host)
        except BaseException:
            raw.close()
            raise
        self._http.sock = _Hurried(self._socket, self._deadline)

    def request(self, method: str, url: str, *, headers: dict[str, str]) -> None:
        self.connect()
        self._http.request(method, url, headers=headers)

    def getresponse(self) -> http.client.HTTPResponse:
        return self._http.getresponse()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Hurried(io.RawIOBase):
    """A socket for http.client, none of whose steps outlasts a deadline: its own time-outs count anew for every byte.

    Closing it closes nothing: http.client does so before it has read what came.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline):
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left(_STALL))
        return self._connection.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._connection.settimeout(self._deadline.left(_STALL))
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        pass


def _checked(url: str) -> tuple[str, str]:
    """(host, what to ask it for) of a URL that may be asked."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise VoiceError("the voice's URL is malformed") from None
    if parts.scheme != "https" or not host or port not in (None, 443) or parts.username is not None:
        raise VoiceError("a voice's URL must be https://HOST/..., without another port, name or password")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not url.isascii() or any(c <= " " or c == "\x7f" for c in target + host):
        raise VoiceError("the voice's URL is malformed: encode everything but plain characters")
    return host, target


def _get(connection: Connection, url: str, target: str, most: int) -> tuple[bytes | None, str]:
    """(body, url), or (None, where it is instead)."""
    connection.request("GET", target, headers={"User-Agent": "pocket-fast", "Accept-Encoding": "identity"})
    response = connection.getresponse()
    if response.status in (301, 302, 303, 307, 308):
        return None, urljoin(url, response.headers.get("Location", ""))
    if response.status != 200:
        raise VoiceError(f"the voice's URL answers with status {response.status}")
    announced = stated_length(response.headers.get("Content-Length"))
    body = bytearray()
    if announced is None or announced <= most:
        while block := response.read1(_BLOCK):
            body += block
            if len(body) > most:
                break
        else:
            return bytes(body), url
    raise VoiceError(f"the voice's URL holds more than {most} bytes, which is the limit here")
