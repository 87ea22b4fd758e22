"""Signal's sender keys: one message for a whole group."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

from support.whatsapp_web import fields
from support.whatsapp_web.cipher import authenticate, derive, lock, unlock
from support.whatsapp_web.fields import bytes_of, number_of
from support.whatsapp_web.keys import KeyPair, is_signed
from support.whatsapp_web.ratchet import Undecryptable, tagged

_VERSION = b"\x33"
_SIGNATURE = 64


@dataclass(slots=True, kw_only=True)
class SenderKey:
    number: int
    chain: bytes
    #: The key that signs, and only at the sender the whole pair.
    public: bytes
    pair: KeyPair | None = None
    turn: int = 0

    @classmethod
    def fresh(cls) -> Self:
        pair = KeyPair()
        number = int.from_bytes(os.urandom(3), "big")
        return cls(number=number, chain=os.urandom(32), public=pair.public, pair=pair)

    @classmethod
    def handed_out(cls, data: bytes) -> Self:
        """What `handed_on` of the sender says."""
        found = fields.read(data[1:])
        return cls(
            number=number_of(found, 1),
            turn=number_of(found, 2),
            chain=bytes_of(found, 3),
            public=bytes_of(found, 4)[1:],
        )

    def handed_on(self) -> bytes:
        """For the members of the group, each over a session of its own."""
        told: dict[int, int | bytes | None] = {
            1: self.number,
            2: self.turn,
            3: self.chain,
            4: tagged(self.public),
        }
        return _VERSION + fields.write(told)

    def encrypt(self, plain: bytes) -> bytes:
        assert self.pair is not None
        turn = self.turn
        start, key = self._step()
        locked = lock(plain, key=key, start=start)
        body = _VERSION + fields.write({1: self.number, 2: turn, 3: locked})
        return body + self.pair.sign(body)

    def decrypt(self, message: bytes) -> bytes:
        """Raises `Undecryptable`."""
        body, signature = message[:-_SIGNATURE], message[-_SIGNATURE:]
        if not is_signed(body, public=self.public, signature=signature):
            raise Undecryptable("wrong signature")
        found = fields.read(body[1:])
        if number_of(found, 1) != self.number or number_of(found, 2) < self.turn:
            raise Undecryptable("another sender key, or a message a second time")
        while self.turn < number_of(found, 2):
            self._step()
        start, key = self._step()
        return unlock(bytes_of(found, 3), key=key, start=start)

    def _step(self) -> tuple[bytes, bytes]:
        both = derive(authenticate(self.chain, b"\x01"), 48, info=b"WhisperGroup")
        self.chain = authenticate(self.chain, b"\x02")
        self.turn += 1
        return both[:16], both[16:48]
