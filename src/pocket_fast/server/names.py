"""What a server may be called: the names that Host can have."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from pocket_fast.errors import ConfigError

HOST = re.compile(r"([\w.-]+|\[[\da-fA-F:.]+\])(?::(\d{0,5}))?", re.ASCII)
"""A name or an address, and a port, as Host has them."""

_PRIVATE = ("local", "internal")  # what nobody can have a public name below (RFC 6762, and ICANN's word)
_NUMBER = re.compile(r"(?:.*\.)?(?:0x[\da-f]*|\d+)", re.ASCII)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Names:
    """What a server may be called.

    bound: the address or the name that it listens on. allowed: names besides, `*.example.org` for all below
    example.org, `*` for every one. Raises ConfigError for what is no name.

    On this machine alone it answers to the machine's names for itself (localhost, 127.0.0.1 and its like), and on a
    network to every address too, which no page from elsewhere can have for a name, and to names that only a network
    of one's own can give: those without a dot (of containers, of this machine) and below .local and .internal.
    Over a Unix socket, which no browser reaches, any name will do unless some are allowed.
    """

    def __init__(self, bound: str = "127.0.0.1", allowed: Iterable[str] = ()):
        self._allowed = frozenset(map(checked_name, allowed))
        self._bound = bare_name(bound)
        address = _address(self._bound)
        self._alone = self._bound == "localhost" if address is None else address.is_loopback

    def know(self, host: str, reached: tuple[str, int | None] | None = None) -> bool:
        """Whether the server is called `host` (name or address, with or without a port).

        reached: the address and the port that the connection came to; a Unix socket's path and None.
        """
        if "*" in self._allowed or (reached is not None and reached[1] is None and not self._allowed):
            return True
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = bare_name(found[1])
        if (address := _address(name)) is not None:
            name = str(address)
            is_own = not self._alone or address.is_loopback or address.is_unspecified
        else:
            last = name.rpartition(".")[2]
            is_own = last == "localhost" or (not self._alone and (last == name or last in _PRIVATE))
        return (
            is_own
            or name in self._allowed
            or any(f"*.{above}" in self._allowed for above in _above(name))
            or name in (self._bound, bare_name(reached[0] if reached else ""))
        )


def checked_name(name: str) -> str:
    """A name as Names compares it. Raises ConfigError for what is none: with a scheme, a port or a path."""
    bare = bare_name(name)
    stem = bare.removeprefix("*.")
    try:
        bare = bare if _address(bare) or bare == "*" else bare[: -len(stem)] + stem.encode("idna").decode()
    except UnicodeError:
        stem = ""
    if bare != "*" and (
        not stem or (_address(stem) is None and not re.fullmatch(r"[\w-]+(\.[\w-]+)*", stem))
    ):
        raise ConfigError(
            f"{name[:100]!r} is no name of a server; expected one such as speech.example (without scheme and port), "
            "*.example for all names below it, an address, or * for any"
        )
    return str(_address(bare) or bare)


def bare_name(host: str) -> str:
    """A host's name or address without brackets, in small letters, without the dot of the DNS' root."""
    return host.removeprefix("[").removesuffix("]").lower().removesuffix(".")


def _address(name: str) -> Address | None:
    """The address that a name is, in any way of writing it that programs take (127.1)."""
    try:
        address: Address = ipaddress.ip_address(name)
    except ValueError:
        if not _NUMBER.fullmatch(name):
            return None
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))
        except OSError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _above(name: str) -> Iterable[str]:
    while name:
        name = name.partition(".")[2]
        yield name
