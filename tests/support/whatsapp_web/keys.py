"""Curve25519 key pairs and their signatures (XEdDSA, as libsignal makes them)."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

_PRIME = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_BEND = -121665 * pow(121666, -1, _PRIME) % _PRIME

#: A point of the Edwards curve in extended coordinates.
_Point: TypeAlias = tuple[int, int, int, int]


def _add(left: _Point, right: _Point) -> _Point:
    first = (left[1] - left[0]) * (right[1] - right[0]) % _PRIME
    second = (left[1] + left[0]) * (right[1] + right[0]) % _PRIME
    third = 2 * left[3] * right[3] * _BEND % _PRIME
    fourth = 2 * left[2] * right[2] % _PRIME
    east, north, south, west = second - first, fourth - third, fourth + third, second + first
    return (
        east * north % _PRIME,
        south * west % _PRIME,
        north * south % _PRIME,
        east * west % _PRIME,
    )


@cache
def _doubled() -> list[_Point]:
    """The base point, doubled again and again: what a product is summed from."""
    height = 4 * pow(5, -1, _PRIME) % _PRIME
    ratio = (height * height - 1) * pow(_BEND * height * height + 1, -1, _PRIME) % _PRIME
    width = pow(ratio, (_PRIME + 3) // 8, _PRIME)
    if (width * width - ratio) % _PRIME:
        width = width * pow(2, (_PRIME - 1) // 4, _PRIME) % _PRIME
    if width & 1:
        width = _PRIME - width
    found: list[_Point] = [(width, height, 1, width * height % _PRIME)]
    while len(found) < 256:
        found.append(_add(found[-1], found[-1]))
    return found


def _base_times(factor: int) -> bytes:
    total: _Point = (0, 1, 1, 0)
    for bit, point in enumerate(_doubled()):
        if factor >> bit & 1:
            total = _add(total, point)
    inverse = pow(total[2], -1, _PRIME)
    width, height = total[0] * inverse % _PRIME, total[1] * inverse % _PRIME
    return (height | (width & 1) << 255).to_bytes(32, "little")


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % _ORDER


class KeyPair:
    """A private key, fresh unless it is given, and what is public of it."""

    def __init__(self, private: bytes | None = None) -> None:
        key = X25519PrivateKey.from_private_bytes(private or os.urandom(32))
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    def agree(self, public: bytes) -> bytes:
        """The secret that the two of them share."""
        return self._key.exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, message: bytes) -> bytes:
        """Sign with the key of an exchange, for `is_signed`."""
        clamped = bytearray(self._key.private_bytes_raw())
        clamped[0] &= 248
        clamped[31] = clamped[31] & 127 | 64
        factor = int.from_bytes(clamped, "little")
        public = _base_times(factor)
        chance = _number(b"\xfe" + b"\xff" * 31, bytes(clamped), message, os.urandom(64))
        point = _base_times(chance)
        answer = (chance + _number(point, public, message) * factor) % _ORDER
        signature = bytearray(point + answer.to_bytes(32, "little"))
        signature[63] = signature[63] & 127 | public[31] & 128
        return bytes(signature)


def is_signed(message: bytes, *, public: bytes, signature: bytes) -> bool:
    """Whether the owner of `public` signed this."""
    if len(signature) != 64:
        return False
    along = int.from_bytes(public, "little") % _PRIME
    height = (along - 1) * pow(along + 1, -1, _PRIME) % _PRIME
    edwards = bytearray(height.to_bytes(32, "little"))
    edwards[31] |= signature[63] & 128
    plain = signature[:63] + bytes([signature[63] & 127])
    try:
        Ed25519PublicKey.from_public_bytes(bytes(edwards)).verify(plain, message)
    except InvalidSignature:
        return False
    return True
