"""The fronts of MP3 and FLAC streams, for targets in which they cannot be patched at the end."""

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
    frames, padding = b"", 0
    if samples is not None:
        count = -(-(_MP3_DELAY + samples + 576) // frame)
        padding = count * frame - _MP3_DELAY - samples
        frames = count.to_bytes(4, "big")
    tag = b"Info" + bytes([0, 0, 0, bool(frames)]) + frames  # flags: the number of frames follows
    tag += b"LAME3.100\x01"  # constant bit rate
    tag += bytes(11) + (_MP3_DELAY << 12 | padding).to_bytes(3, "big") + bytes(10)
    head = data[:4] + bytes(17 if mpeg1 else 9) + tag  # after the side information of one channel
    head += _crc16(head).to_bytes(2, "big")
    if any(data[4 : len(head)]):
        return data  # not blank: this build of the library sends sound at once
    return head + data[len(head) :]


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
