"""Small valid pictures, made on the spot and always the same for the same arguments."""

from __future__ import annotations

import struct
import zlib

PNG_MIME = "image/png"
JPEG_MIME = "image/jpeg"

#: Huffman code lengths for the DC categories 0 to 7: four codes of 3 bits, four of 4 bits.
_DC_LENGTHS = bytes([0, 0, 4, 4]) + bytes(12)
_DC_CODES = {
    category: (category, 3) if category < 4 else (category + 4, 4)  # noqa: PLR2004  see _DC_LENGTHS
    for category in range(8)
}
_QUANTUM = 16


def png(
    width: int = 16, height: int = 16, *, colour: tuple[int, int, int] = (37, 99, 235)
) -> bytes:
    """Make a PNG of one colour."""
    row = b"\0" + bytes(colour) * width
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(row * height, 9)),
            _chunk(b"IEND", b""),
        )
    )


def jpeg(width: int = 16, height: int = 16, *, grey: int = 96) -> bytes:
    """Make a baseline JPEG of one grey; `grey` (0 to 255) is met within 1.

    A flat picture needs no cosine transform: each block is its mean (DC) and an end mark.
    """
    blocks = -(-width // 8) * -(-height // 8)
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 0, 1, 1, 0, 0)),
            _segment(0xDB, b"\0" + bytes([_QUANTUM]) * 64),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"),
            _segment(0xC4, b"\x00" + _DC_LENGTHS + bytes(range(8))),
            _segment(0xC4, b"\x10" + b"\x01" + bytes(15) + b"\x00"),
            _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            _scan(blocks, round((grey - 128) * 8 / _QUANTUM)),
            b"\xff\xd9",
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _scan(blocks: int, level: int) -> bytes:
    """Entropy-coded blocks: the first carries the level, each other the difference zero."""
    bits = "".join(_dc_bits(level if index == 0 else 0) + "0" for index in range(blocks))
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return coded.replace(b"\xff", b"\xff\x00")


def _dc_bits(difference: int) -> str:
    category = abs(difference).bit_length()
    code, length = _DC_CODES[category]
    bits = format(code, f"0{length}b")
    if category:
        value = difference if difference > 0 else difference + (1 << category) - 1
        bits += format(value, f"0{category}b")
    return bits
