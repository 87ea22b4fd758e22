"""The server's half of WhatsApp's handshake: Noise XX with X25519, AES-GCM and SHA-256."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.whatsapp_web.cipher import derive


class Handshake:
    """The state that both sides keep; `prologue` is the first thing on the wire."""

    def __init__(self, prologue: bytes) -> None:
        name = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
        self._hash = self._salt = self._key = name
        self._turn = 0
        self.note(prologue)

    def note(self, data: bytes) -> None:
        """Hold both sides to have seen the same."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix(self, secret: bytes) -> None:
        both = derive(secret, 64, salt=self._salt)
        self._salt, self._key, self._turn = both[:32], both[32:], 0

    def encrypt(self, plain: bytes) -> bytes:
        locked = AESGCM(self._key).encrypt(self._next(), plain, self._hash)
        self.note(locked)
        return locked

    def decrypt(self, locked: bytes) -> bytes:
        plain = AESGCM(self._key).decrypt(self._next(), locked, self._hash)
        self.note(locked)
        return plain

    def finish(self) -> tuple[Direction, Direction]:
        """From the client, and to it."""
        both = derive(b"", 64, salt=self._salt)
        return Direction(both[:32]), Direction(both[32:])

    def _next(self) -> bytes:
        self._turn += 1
        return (self._turn - 1).to_bytes(12, "big")


class Direction:
    """One way of the finished connection."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._turn = 0

    def encrypt(self, plain: bytes) -> bytes:
        return self._cipher.encrypt(self._next(), plain, b"")

    def decrypt(self, locked: bytes) -> bytes:
        return self._cipher.decrypt(self._next(), locked, b"")

    def skip(self) -> None:
        """Leave out a turn, as for a frame that was damaged on its way."""
        self._turn += 1

    def _next(self) -> bytes:
        self._turn += 1
        return (self._turn - 1).to_bytes(12, "big")
