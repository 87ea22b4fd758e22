"""Types of files by their beginnings, whatever bytes those are."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.relay.filetypes import Sticker, content_type, opus_channels, sticker

MARKS = (
    b"",
    b"RIFF\0\0\0\0WEBPVP8",
    b"OggS\0\2OpusHead",
    b"\0\0\0\x18ftyp",
    b"ID3",
    b"PK\3\4",
    b"<",
)


@given(
    st.builds(bytes.__add__, st.sampled_from(MARKS), st.binary(max_size=600)),
    st.text(max_size=30),
    st.sampled_from(("image", "video", "audio", "file", None)),
    st.text(max_size=10),
)
def test_anything_has_a_type(head: bytes, told: str, kind: str | None, name: str) -> None:
    content_type(head, told=told, kind=kind, name=name)
    sticker(head)
    opus_channels(head)


def webp(chunk: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + chunk + struct.pack("<I", len(body)) + body


def extended(width: int, height: int, flags: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | (height - 1) << 14))


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


@pytest.mark.parametrize("animated", [True, False])
def test_a_sticker_may_move(animated: bool) -> None:
    assert sticker(extended(512, 512, 0x12 if animated else 0x10)) == Sticker(animated=animated)


@pytest.mark.parametrize("make", [lossless, lossy, lambda w, h: extended(w, h, 0)])
def test_only_the_size_of_a_sticker_makes_one(make) -> None:
    assert sticker(make(512, 512)) == Sticker(animated=False)
    for width, height in ((511, 512), (512, 513), (1024, 512)):
        assert sticker(make(width, height)) is None
    assert sticker(make(512, 512)[:22]) is None


@pytest.mark.parametrize(
    ("head", "channels"),
    [
        (b"OggS" + bytes(24) + b"OpusHead\x01\x02", 2),
        (b"OggS" + bytes(24) + b"OpusHead\x01", 0),
        (b"xOgg" + bytes(24) + b"OpusHead\x01\x01", 0),
        (b"OggS" + bytes(24) + b"\x01vorbis\x01\x01", 0),
    ],
)
def test_channels_of_opus(head: bytes, channels: int) -> None:
    assert opus_channels(head) == channels
