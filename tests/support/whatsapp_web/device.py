"""A device that the double plays: the phone of somebody, with its keys and its sessions."""

from __future__ import annotations

import os

from support.whatsapp_web import fields
from support.whatsapp_web.fields import bytes_of, number_of
from support.whatsapp_web.keys import KeyPair
from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.ratchet import Bundle, Session, Undecryptable, pad, tagged, unpad
from support.whatsapp_web.sender_keys import SenderKey

_SIGNED_ID = 1


class Device:
    def __init__(self) -> None:
        self.identity = KeyPair()
        self.registration = 1 + int.from_bytes(os.urandom(2), "big") % 0x3FFF
        self.signed = KeyPair()
        self._signature = self.identity.sign(tagged(self.signed.public))
        self._one_time: dict[int, KeyPair] = {}
        #: With each linked device, the newest first: a client may open a second one at any time.
        self._sessions: dict[str, list[Session]] = {}
        #: What others sign in a group, by group and sender.
        self.sender_keys: dict[tuple[Jid, Jid], SenderKey] = {}

    def offer(self) -> list[Node]:
        """The keys that open a session to this device, each time with another one-time key."""
        number = len(self._one_time) + 1
        self._one_time[number] = KeyPair()
        return [
            Node("registration", {}, self.registration.to_bytes(4, "big")),
            Node("type", {}, b"\x05"),
            Node("identity", {}, self.identity.public),
            Node(
                "skey",
                {},
                [
                    Node("id", {}, _SIGNED_ID.to_bytes(3, "big")),
                    Node("value", {}, self.signed.public),
                    Node("signature", {}, self._signature),
                ],
            ),
            Node(
                "key",
                {},
                [
                    Node("id", {}, number.to_bytes(3, "big")),
                    Node("value", {}, self._one_time[number].public),
                ],
            ),
        ]

    def knows(self, whom: str) -> bool:
        return bool(self._sessions.get(whom))

    def open_session(self, whom: str, bundle: Bundle) -> None:
        session = Session.to(bundle, mine=self.identity, registration=self.registration)
        self._sessions.setdefault(whom, []).insert(0, session)

    def forget_sessions(self, whom: str) -> None:
        self._sessions.pop(whom, None)

    def forget(self, whom: str) -> None:
        """As a phone that was set up anew: nothing that `whom` encrypts can be opened."""
        self._sessions.pop(whom, None)
        self._one_time = {number: KeyPair() for number in self._one_time}

    def encrypt(self, whom: str, plain: bytes) -> tuple[str, bytes]:
        return self._sessions[whom][0].encrypt(pad(plain))

    def decrypt(self, whom: str, kind: str, data: bytes) -> bytes:
        """Raises `Undecryptable`."""
        known = self._sessions.setdefault(whom, [])
        if kind == "msg":
            return unpad(_opened_by_one(known, data))
        envelope = fields.read(data[1:])
        base = bytes_of(envelope, 2)
        session = next((one for one in known if one.base == base), None)
        if session is None:
            one_time = self._one_time.get(number_of(envelope, 1)) if 1 in envelope else None
            session = Session.opened(
                envelope, mine=self.identity, signed=self.signed, one_time=one_time
            )
            plain = session.decrypt(bytes_of(envelope, 4))
            known.insert(0, session)
            return unpad(plain)
        return unpad(session.decrypt(bytes_of(envelope, 4)))


def _opened_by_one(sessions: list[Session], data: bytes) -> bytes:
    reasons = []
    for session in sessions:
        try:
            plain = session.decrypt(data)
        except (Undecryptable, ValueError) as error:
            reasons.append(str(error))
            continue
        sessions.remove(session)
        sessions.insert(0, session)
        return plain
    raise Undecryptable(f"none of {len(sessions)} sessions opens it: {reasons}")
