"""Signal's sessions between two devices: X3DH and the double ratchet, version 3."""

from __future__ import annotations

import copy
import hmac
import os
from dataclasses import dataclass, field
from typing import Self

from support.whatsapp_web import fields
from support.whatsapp_web.cipher import authenticate, derive, lock, unlock
from support.whatsapp_web.fields import bytes_of, number_of
from support.whatsapp_web.keys import KeyPair

_VERSION = b"\x33"
_MAC = 8


class Undecryptable(Exception):
    """No session here opens this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The public keys of a device to which a session is to be opened."""

    identity: bytes
    signed_id: int
    signed: bytes
    one_time_id: int | None = None
    one_time: bytes | None = None


def tagged(public: bytes) -> bytes:
    """A public key as Signal writes it: with its type."""
    return b"\x05" + public


def pad(plain: bytes) -> bytes:
    missing = os.urandom(1)[0] & 15 or 15
    return plain + bytes([missing]) * missing


def unpad(plain: bytes) -> bytes:
    return plain[: -plain[-1]]


def _step(chain: bytes) -> tuple[bytes, bytes]:
    """The next chain key, and the keys of one message."""
    material = derive(authenticate(chain, b"\x01"), 80, info=b"WhisperMessageKeys")
    return authenticate(chain, b"\x02"), material


def _turn(root: bytes, secret: bytes) -> tuple[bytes, bytes]:
    both = derive(secret, 64, salt=root, info=b"WhisperRatchet")
    return both[:32], both[32:]


def _start(*secrets: bytes) -> tuple[bytes, bytes]:
    both = derive(b"\xff" * 32 + b"".join(secrets), 64, info=b"WhisperText")
    return both[:32], both[32:]


@dataclass(slots=True)
class _Chain:
    """What one of their ratchet keys brings, and the keys of messages that were passed over."""

    key: bytes
    count: int = 0
    passed: dict[int, bytes] = field(default_factory=dict)

    def keys(self, count: int) -> bytes:
        if count < self.count:
            if count not in self.passed:
                raise Undecryptable("a message a second time")
            return self.passed.pop(count)
        while self.count <= count:
            self.key, self.passed[self.count] = _step(self.key)
            self.count += 1
        return self.passed.pop(count)


@dataclass(slots=True, kw_only=True)
class Session:
    mine: KeyPair
    theirs: bytes
    root: bytes
    ratchet: KeyPair
    sending: bytes
    #: The key that opened the session, as the first message brought it.
    base: bytes = b""
    sent: int = 0
    sent_before: int = 0
    chains: dict[bytes, _Chain] = field(default_factory=dict)
    #: Fields of the envelope while nothing was heard of the other side.
    opening: dict[int, int | bytes | None] | None = None

    @classmethod
    def to(cls, bundle: Bundle, *, mine: KeyPair, registration: int) -> Self:
        """Open a session to a device that knows nothing of it yet."""
        first = KeyPair()
        secrets = [
            mine.agree(bundle.signed),
            first.agree(bundle.identity),
            first.agree(bundle.signed),
        ]
        if bundle.one_time is not None:
            secrets.append(first.agree(bundle.one_time))
        root, chain = _start(*secrets)
        ratchet = KeyPair()
        root, sending = _turn(root, ratchet.agree(bundle.signed))
        return cls(
            mine=mine,
            theirs=bundle.identity,
            root=root,
            ratchet=ratchet,
            sending=sending,
            chains={bundle.signed: _Chain(chain)},
            opening={
                1: bundle.one_time_id,
                2: tagged(first.public),
                3: tagged(mine.public),
                5: registration,
                6: bundle.signed_id,
            },
        )

    @classmethod
    def opened(
        cls, envelope: fields.Fields, *, mine: KeyPair, signed: KeyPair, one_time: KeyPair | None
    ) -> Self:
        """The session that this envelope opens."""
        theirs, base = bytes_of(envelope, 3)[1:], bytes_of(envelope, 2)
        secrets = [signed.agree(theirs), mine.agree(base[1:]), signed.agree(base[1:])]
        if one_time is not None:
            secrets.append(one_time.agree(base[1:]))
        root, sending = _start(*secrets)
        return cls(mine=mine, theirs=theirs, root=root, ratchet=signed, sending=sending, base=base)

    def encrypt(self, plain: bytes) -> tuple[str, bytes]:
        """The type of the result (`msg`, or `pkmsg` that also opens the session) and itself."""
        self.sending, keys = _step(self.sending)
        body = _VERSION + fields.write(
            {
                1: tagged(self.ratchet.public),
                2: self.sent,
                3: self.sent_before,
                4: lock(plain, key=keys[:32], start=keys[64:]),
            }
        )
        self.sent += 1
        both = tagged(self.mine.public) + tagged(self.theirs)
        message = body + authenticate(keys[32:64], both + body)[:_MAC]
        if self.opening is None:
            return "msg", message
        opening = self.opening
        envelope = {number: opening[number] for number in (1, 2, 3)} | {4: message}
        return "pkmsg", _VERSION + fields.write(envelope | {5: opening[5], 6: opening[6]})

    def decrypt(self, message: bytes) -> bytes:
        """Raises `Undecryptable`, and then nothing has changed."""
        trial = copy.copy(self)
        trial.chains = copy.deepcopy(self.chains)
        plain = trial._decrypt(message)
        for name in ("root", "ratchet", "sending", "sent", "sent_before", "chains"):
            setattr(self, name, getattr(trial, name))
        self.opening = None
        return plain

    def _decrypt(self, message: bytes) -> bytes:
        body, mac = message[:-_MAC], message[-_MAC:]
        found = fields.read(body[1:])
        theirs = bytes_of(found, 1)[1:]
        if theirs not in self.chains:
            self._follow(theirs)
        keys = self.chains[theirs].keys(number_of(found, 2))
        both = tagged(self.theirs) + tagged(self.mine.public)
        if not hmac.compare_digest(authenticate(keys[32:64], both + body)[:_MAC], mac):
            raise Undecryptable("wrong MAC")
        return unlock(bytes_of(found, 4), key=keys[:32], start=keys[64:])

    def _follow(self, theirs: bytes) -> None:
        self.root, chain = _turn(self.root, self.ratchet.agree(theirs))
        self.chains[theirs] = _Chain(chain)
        self.sent_before, self.sent = self.sent, 0
        self.ratchet = KeyPair()
        self.root, self.sending = _turn(self.root, self.ratchet.agree(theirs))
