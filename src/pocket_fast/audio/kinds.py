"""What a file is by its first bytes, for those that hold no recording we can read: a name, and what to do about it."""

from __future__ import annotations

import re
from pathlib import PurePath

ENOUGH = 4096  # bytes that are looked at

READABLE = "WAV, FLAC, MP3 or Ogg"
CONVERT = f"convert it to {READABLE}, for example with: ffmpeg -i RECORDING voice.wav"
_HEADERLESS = (".raw", ".pcm", ".s16", ".s16le", ".sw", ".f32", ".ul", ".al", ".vox", ".gsm")
_BRANDS = {b"M4A ": "m4a", b"M4B ": "m4b", b"qt  ": "mov", b"3gp": "3gp", b"3g2": "3gp", b"aax ": "aax"}

# Sound, or a film with sound in it, that another program can turn into something we read.
_SOUND: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska (webm, mkv)"),
    (0, b"ADIF", "AAC (aac)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (wma, wmv)"),
    (0, b"#!AMR", "AMR (amr, awb)"),
    (0, b"#!SILK", "SILK (silk)"),
    (0, b"\x02#!SILK", "SILK (silk)"),
    (0, b"wvpk", "WavPack (wv)"),
    (0, b"MAC ", "Monkey's Audio (ape)"),
    (0, b"TTA1", "True Audio (tta)"),
    (0, b"MPCK", "Musepack (mpc)"),
    (0, b"MP+", "Musepack (mpc)"),
    (0, b"DSD ", "DSD (dsf)"),
    (0, b"FRM8", "DSD (dff)"),
    (0, b".RMF", "RealMedia (rm)"),
    (0, b".ra\xfd", "RealAudio (ra)"),
    (0, b"FLV\x01", "Flash video (flv)"),
    (0, b"\x00\x00\x01\xba", "an MPEG film (mpg)"),
    (0, b"\x0b\x77", "Dolby Digital (ac3)"),
    (0, b"\x7f\xfe\x80\x01", "DTS (dts)"),
    (8, b"AVI ", "an AVI film (avi)"),
    (28, b"Speex   ", "Speex in Ogg (spx)"),
    (28, b"\x80theora", "a film in Ogg (ogv)"),
    (28, b"\x7fFLAC", "FLAC in Ogg (oga)"),
)
# What libsndfile knows by its first bytes.
_KNOWN = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff", b"FORM", b".snd", b"dns.", b"caff", b"fLaC", b"OggS")
_KNOWN += (
    b"NIST",
    b"PVF1",
    b"Creative Voice File",
    b" paf",
    b"fap ",
    b"2BIT",
    b"ALaw",
    b"MATLAB 5",
    b"Extended Instr",
)

_OTHER: tuple[tuple[int, bytes, str], ...] = (
    (0, b"MThd", "a MIDI file, which holds notes and no sound"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"GIF8", "a picture"),
    (8, b"WEBP", "a picture"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format", "a database"),
)


def describe(head: bytes, name: PurePath) -> str:
    """Why a file that begins like this is no recording to us, and what to do; never more than a line."""
    if (reason := foreign(head) or empty(head)) is not None:
        return reason
    if name.suffix.lower() in _HEADERLESS:
        return "headerless audio states no sample rate; convert it to WAV"
    return f"not an audio file that can be read; expected a recording, {READABLE}"


def foreign(head: bytes) -> str | None:
    """The same, only where the bytes are those of something known."""
    sound = _find(head, _SOUND) or _mpeg4(head) or _stream_of_frames(head)
    if sound is not None:
        return f"{sound} cannot be read here; {CONVERT}"
    if is_known(head):
        return None
    other = _find(head, _OTHER) or _text(head)
    if other is not None:
        return f"not an audio file but {other}"
    return None


def empty(head: bytes) -> str | None:
    """The same, only where the bytes say nothing: an MP3 may follow."""
    if len(head) > 16 and not head.strip(b"\0"):
        return "not an audio file: it begins with nothing but zeros"
    return None


def is_known(head: bytes) -> bool:
    """Whether libsndfile knows it by these bytes, or should."""
    return head.startswith(_KNOWN) and not head.startswith(b"WEBP", 8)


def _find(head: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str | None:
    return next((name for at, magic, name in table if head.startswith(magic, at)), None)


def _mpeg4(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        kind = next((kind for brand, kind in _BRANDS.items() if head.startswith(brand, 8)), "mp4, m4a")
        return f"MPEG-4 ({kind})"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return "QuickTime (mov)"
    return None


def _stream_of_frames(head: bytes) -> str | None:
    """Formats without a beginning: the same few bits every so often."""
    at = 0
    for _ in range(3):  # ADTS: 12 bits of sync, layer 0, and the frame's length in 13 bits
        if head[at : at + 1] != b"\xff" or len(head) < at + 6 or head[at + 1] & 0xF6 != 0xF0:
            break
        at += (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
    else:
        return "AAC (aac)"
    if head[:1] == b"\xff" and len(head) >= 7 and head[1] & 0xF6 == 0xF0 and at >= len(head):
        return "AAC (aac)"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "an MPEG transport stream (ts)"
    return None


def _text(head: bytes) -> str | None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "text"
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # otherwise a character that was cut in two
            return _safetensors(head)
        text = head[: error.start].decode("utf-8-sig")
    if not text.strip() or re.search(r"[\x00-\x08\x0e-\x1a\x7f]", text):
        return _safetensors(head)
    start = text.lstrip()[:1000].lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body")) or "<html" in start:
        return "a web page (HTML): look at what its address really gives"
    if start.startswith("version https://git-lfs"):
        return "a Git LFS pointer: fetch the file itself with `git lfs pull`"
    if start.startswith(("<?xml", "<svg", "<")):
        return "XML"
    if start.startswith(("#extm3u", "[playlist]")):
        return "a playlist: give one of the files that it names"
    if start.startswith(("{", "[")):
        return "JSON"
    return "text"


def _safetensors(head: bytes) -> str | None:
    return "a .safetensors file: give it that suffix" if is_safetensors(head) else None


def is_safetensors(head: bytes) -> bool:
    """Whether this is the beginning of a .safetensors file."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 << 20
