"""Key derivation and AES-CBC as WhatsApp uses them."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


def authenticate(key: bytes, data: bytes) -> bytes:
    """HMAC with SHA-256."""
    return hmac.new(key, data, hashlib.sha256).digest()


def derive(secret: bytes, length: int, *, salt: bytes = bytes(32), info: bytes = b"") -> bytes:
    """HKDF with SHA-256."""
    key, found, last, turn = authenticate(salt, secret), b"", b"", 1
    while len(found) < length:
        last = authenticate(key, last + info + bytes([turn]))
        found += last
        turn += 1
    return found[:length]


def lock(plain: bytes, *, key: bytes, start: bytes) -> bytes:
    """AES-CBC with the padding of PKCS 7."""
    missing = _BLOCK - len(plain) % _BLOCK
    cipher = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return cipher.update(plain + bytes([missing]) * missing) + cipher.finalize()


def unlock(locked: bytes, *, key: bytes, start: bytes) -> bytes:
    """Raises `ValueError` when the length or the padding is wrong."""
    cipher = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
    plain = cipher.update(locked) + cipher.finalize()
    missing = plain[-1]
    if not 1 <= missing <= _BLOCK or plain[-missing:] != bytes([missing]) * missing:
        raise ValueError("wrong padding")
    return plain[:-missing]


def count(key: bytes, start: bytes, data: bytes) -> bytes:
    """AES-CTR, which is its own opposite."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
    return cipher.update(data) + cipher.finalize()
