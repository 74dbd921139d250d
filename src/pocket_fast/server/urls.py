"""Recordings from the web, fetched on behalf of strangers.

A server stands inside a network that they are outside of, so only https, only the usual port and only public
addresses are asked; at every redirect anew. The connection goes to the very address that was checked: a second
look-up of the name could give another one.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable
from urllib.parse import quote, urljoin, urlsplit

from pocket_fast.errors import ConfigError, DownloadError, VoiceError
from pocket_fast.weights.hub import parse_hub_location
from pocket_fast.weights.reach import stated_length, within

_REDIRECTS = 5
_SECONDS = 20.0  # for everything, from the look-up to the last byte
_STALL = 5.0  # without a byte
_BLOCK = 1 << 16

_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


Connect = Callable[[str, str], http.client.HTTPConnection]


def fetch_public(url: str, most: int, connect: Connect | None = None) -> bytes:
    """The body of a URL, at most `most` bytes, within 20 seconds.

    connect(host, address) makes a connection that was not opened yet (TLS to `address`, certificate of `host`).
    Raises VoiceError for what is refused, DownloadError for what fails.
    """
    opened: list[http.client.HTTPConnection] = []
    try:
        return within(_SECONDS, lambda: _follow(url, most, connect or _Pinned, opened))
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        for connection in opened:  # a host that answers drop by drop does not keep a thread
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        raise DownloadError(f"a voice from {url[:200]!r}: {error or type(error).__name__}") from None


def _follow(url: str, most: int, connect: Connect, opened: list[http.client.HTTPConnection]) -> bytes:
    for _ in range(_REDIRECTS + 1):
        host, target = _checked(url)
        connection = connect(host, public_address(host))
        opened.append(connection)
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


class _Pinned(http.client.HTTPSConnection):
    def __init__(self, host: str, address: str):
        self._tls = ssl.create_default_context()
        super().__init__(host, 443, timeout=_STALL, context=self._tls)
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection((self._address, 443), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise


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


def _get(
    connection: http.client.HTTPConnection, url: str, target: str, most: int
) -> tuple[bytes | None, str]:
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
