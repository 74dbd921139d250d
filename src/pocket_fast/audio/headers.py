"""The fronts of MP3 and FLAC streams, where their own are missing: what tells a length, and what to skip."""

from __future__ import annotations

_MP3_DELAY = 576  # samples that LAME puts before the first
_FLAC_TOTAL = 4 + 13  # where, after the head of its block, STREAMINFO holds 4 + 32 bits of total samples


def mp3_info(data: bytes, samples: int | None) -> bytes:
    """The start of an MP3 of LAME with its blank first frame turned into an Info frame.

    LAME leaves that frame to be filled in when the length is known. A player that finds it blank plays it,
    and the encoder's delay after it, as 70 ms of silence. An Info frame tells it to skip these and, with
    `samples`, the padding behind the sound. (Without, ffmpeg still plays the frame, mpg123 the delay.)
    Layout: "Mp3 Info Tag revision 1" (LAME project); delay and padding rule: LAME 3.100.
    """
    mpeg1 = data[1] >> 3 & 3 == 3
    frame = 1152 if mpeg1 else 576
    count, padding = None, 0
    if samples is not None:
        count = -(-(_MP3_DELAY + samples + 576) // frame)
        padding = count * frame - _MP3_DELAY - samples
    head = _info(data[:4], count, (_MP3_DELAY, padding))
    if any(data[4 : len(head)]):
        return data  # not blank: this build of the library sends sound at once
    return head + data[len(head) :]


def info_frame(header: bytes, frames: int, trim: tuple[int, int] | None) -> bytes:
    """An Info frame of its own, for `frames` frames of a layer 3 stream that has this header of four bytes.

    trim: samples that the encoder put before the sound and behind it; None: nobody knows.
    """
    mpeg1 = header[1] >> 3 & 3 == 3
    rate = (44100, 48000, 32000)[header[2] >> 2 & 3] >> (0 if mpeg1 else 1 if header[1] & 0x10 else 2)
    of_128_kbit = (9 if mpeg1 else 12) << 4
    plain = bytes([0xFF, header[1] | 1, of_128_kbit | header[2] & 0x0C, header[3]])
    size = (144 if mpeg1 else 72) * 128_000 // rate
    return _info(plain, frames, trim).ljust(size, b"\0")


def _info(header: bytes, frames: int | None, trim: tuple[int, int] | None) -> bytes:
    mpeg1, one_channel = header[1] >> 3 & 3 == 3, header[3] >> 6 == 3
    side = ((17 if one_channel else 32) if mpeg1 else (9 if one_channel else 17)) * b"\0"
    tag = b"Info" + bytes([0, 0, 0, frames is not None])  # flags: the number of frames follows
    tag += b"" if frames is None else frames.to_bytes(4, "big")
    head = header + side + tag
    if trim is None:
        return head
    head += b"LAME3.100\x01"  # constant bit rate
    head += bytes(11) + (trim[0] << 12 | trim[1]).to_bytes(3, "big") + bytes(10)
    return head + _crc16(head).to_bytes(2, "big")


def flac_length(data: bytes, samples: int) -> bytes:
    """A FLAC's STREAMINFO block, head included, with its total number of samples (RFC 9639, section 8.2)."""
    total = (data[_FLAC_TOTAL] & 0xF0) << 32 | samples
    return data[:_FLAC_TOTAL] + total.to_bytes(5, "big") + data[_FLAC_TOTAL + 5 :]


def _crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
