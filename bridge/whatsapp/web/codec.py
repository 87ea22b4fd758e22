"""The protocol between Ponte and the worker of a number, as bytes (docs/whatsapp-web.md).

A frame is a length (four bytes, big-endian) and that many bytes of JSON, an object with `type`.
All that the worker knows of Ponte is this module, so it imports the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

PROTOCOL: Final = 1
#: No frame is longer; what may be long (files, history) goes by path.
LONGEST: Final = 8 * 1024 * 1024
_HEAD: Final = 4

Frame: TypeAlias = dict[str, Any]


class BadFrame(Exception):
    """What came is not of this protocol; the connection is of no use any more."""


def encode(frame: Mapping[str, Any]) -> bytes:
    """Raises `BadFrame` when it is too long."""
    body = json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A half of a surrogate pair cannot be written; it is replaced, like in every other text.
    data = body.encode("utf-8", "replace")
    if len(data) > LONGEST:
        raise BadFrame(f"a frame of {len(data)} bytes")
    return len(data).to_bytes(_HEAD, "big") + data


class Decoder:
    """Puts frames together from pieces of any size."""

    def __init__(self) -> None:
        self._held = bytearray()
        #: Bytes of the frame that was given last.
        self.size = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Give the frames that are complete now. Raises `BadFrame`."""
        self._held += data
        while len(self._held) >= _HEAD:
            length = int.from_bytes(self._held[:_HEAD], "big")
            if length > LONGEST:
                raise BadFrame(f"a frame of {length} bytes")
            if len(self._held) < _HEAD + length:
                return
            body = bytes(self._held[_HEAD : _HEAD + length])
            del self._held[: _HEAD + length]
            self.size = length
            yield _object(body)


def _object(body: bytes) -> Frame:
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadFrame("not JSON") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadFrame("not an object with a type")
    return frame
