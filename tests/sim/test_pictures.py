"""The generated pictures are what they claim to be."""

from __future__ import annotations

import struct
import zlib

import puremagic
import pytest

from bridge.sim.pictures import jpeg, png


def test_pictures_are_recognised_and_always_the_same():
    assert puremagic.from_string(png(), mime=True) == "image/png"
    assert puremagic.from_string(jpeg(), mime=True) == "image/jpeg"
    assert (png(), jpeg()) == (png(), jpeg())
    assert png(colour=(1, 2, 3)) != png()


def test_a_png_holds_its_size_and_colour():
    data = png(3, 2, colour=(1, 2, 3))
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    start = data.index(b"IDAT") + 4
    assert zlib.decompress(data[start:-16]) == (b"\0" + b"\1\2\3" * 3) * 2


@pytest.mark.parametrize("grey", [0, 96, 128, 255])
def test_a_jpeg_holds_its_size_and_is_closed(grey):
    data = jpeg(20, 13, grey=grey)
    start = data.index(b"\xff\xc0")
    assert struct.unpack(">HH", data[start + 5 : start + 9]) == (13, 20)
    assert data.endswith(b"\xff\xd9")
