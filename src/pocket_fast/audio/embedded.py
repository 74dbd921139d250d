"""Recordings as text: base64, bare or in a data: URL."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote

from pocket_fast.errors import AudioError, shown

_LEAST = 100  # characters of bare base64: no name and no path is that long and has nothing else in it
_ALPHABET = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def embedded_audio(text: str) -> bytes | None:
    """The bytes of a `data:` URL, or of more than 100 characters of nothing but base64; None for any other text.

    Lines may be broken, as `base64` breaks them, and both alphabets will do. Raises AudioError for a data: URL that
    holds no base64.
    """
    if text[:5].lower() == "data:":
        head, comma, payload = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise AudioError(f"{shown(text)}: expected data:audio/...;base64,... in a data URL")
        try:
            return _decoded("".join(unquote(payload).split()))
        except ValueError as error:
            raise AudioError(f"{shown(text)}: not valid base64 ({error})") from None
    lines = text.split()
    if len(text) <= _LEAST or any(len(line) != len(lines[0]) for line in lines[:-1]):  # words, not lines
        return None
    payload = "".join(lines)
    try:
        return _decoded(payload) if _ALPHABET.fullmatch(payload) else None
    except binascii.Error:
        return None


def _decoded(payload: str) -> bytes:
    return base64.b64decode(payload.replace("-", "+").replace("_", "/"), validate=True)
