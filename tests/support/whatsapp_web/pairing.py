"""How a phone links a new device: by the code that was scanned, or by the one that was typed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.whatsapp_web import protocols
from support.whatsapp_web.cipher import authenticate, count, derive
from support.whatsapp_web.companion import Companion
from support.whatsapp_web.keys import KeyPair, is_signed
from support.whatsapp_web.nodes import SERVER, Node
from support.whatsapp_web.stanza import message_id, now
from support.whatsapp_web.waiting import SECONDS

if TYPE_CHECKING:
    from support.whatsapp_web.connection import Connection
    from support.whatsapp_web.phone import Phone

_ACCOUNT = b"\x06\x00"
_DEVICE = b"\x06\x01"
_ROUNDS = 2 << 16
_WRAPPED = "link_code_pairing_wrapped_"


@dataclass(kw_only=True)
class Linking:
    """A device that shows a code to be typed on the phone."""

    number: str
    #: The public key of this attempt, encrypted with the code.
    wrapped: bytes
    ref: bytes = field(default_factory=lambda: os.urandom(12).hex().encode())
    #: What the device sends at the end.
    bundle: asyncio.Future[bytes] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def link(connection: Connection, node: Node) -> Sequence[Node] | None:
    """The device's half of a link by code."""
    said = node.child("link_code_companion_reg")
    if said is None:
        return None
    linking = connection.linking
    match said.get("stage"):
        case "companion_hello":
            wrapped = said.need(f"{_WRAPPED}companion_ephemeral_pub").data
            linking = connection.linking = Linking(number=said.jid("jid").user, wrapped=wrapped)
            ref = Node("link_code_pairing_ref", {}, linking.ref)
            return [Node("link_code_companion_reg", {"stage": "companion_hello"}, [ref])]
        case "companion_finish" if linking is not None:
            linking.bundle.set_result(said.need(f"{_WRAPPED}key_bundle").data)
    return None


async def scan(phone: Phone, shown: str) -> Companion:
    """Raises `AssertionError` when the picture is not of a device that waits here."""
    ref, *parts = shown.rpartition("#")[2].split(",")
    connection = phone.double.shown.get(ref)
    assert connection is not None, "no device shows this code"
    noise, identity, secret = (base64.b64decode(part) for part in parts[:3])
    assert noise == connection.noise_key, "the code is of another connection"
    assert identity == connection.registration.eIdent, "the code is of another device"
    return await _adopt(phone, connection, secret)


async def enter(phone: Phone, code: str) -> Companion:
    """Type the eight characters that the device shows."""
    double = phone.double

    def waiting() -> Connection | None:
        return next(
            (
                one
                for one in double.connections
                if one.linking is not None and one.linking.number == phone.pn.user
            ),
            None,
        )

    await double.journal.until(lambda: waiting() is not None, "a device asks to be linked by code")
    connection = waiting()
    assert connection is not None
    assert connection.linking is not None
    linking, mine = connection.linking, KeyPair()
    typed = code.replace("-", "").encode()
    theirs = await asyncio.to_thread(_unwrapped, typed, linking.wrapped)
    wrapped = await asyncio.to_thread(_wrapped, typed, mine.public)
    told = [
        Node(f"{_WRAPPED}primary_ephemeral_pub", {}, wrapped),
        Node("primary_identity_pub", {}, phone.identity.public),
        Node("link_code_pairing_ref", {}, linking.ref),
    ]
    reg = Node("link_code_companion_reg", {"stage": "primary_hello"}, told)
    attrs = {"from": SERVER, "type": "link_code_companion_reg", "id": message_id(), "t": now()}
    await connection.send(Node("notification", attrs, [reg]))
    async with asyncio.timeout(SECONDS):
        bundle = await linking.bundle
    shared = mine.agree(theirs)
    info = b"link_code_pairing_key_bundle_encryption_key"
    key = derive(shared, 32, salt=bundle[:32], info=info)
    plain = AESGCM(key).decrypt(bundle[32:44], bundle[44:], None)
    identity, named, chance = plain[:32], plain[32:64], plain[64:96]
    assert named == phone.identity.public, "the device names another phone"
    assert identity == connection.registration.eIdent, "the bundle is of another device"
    secret = derive(shared + phone.identity.agree(identity) + chance, 32, info=b"adv_secret")
    return await _adopt(phone, connection, secret)


def _unwrapped(code: bytes, wrapped: bytes) -> bytes:
    key = hashlib.pbkdf2_hmac("sha256", code, wrapped[:32], _ROUNDS, 32)
    return count(key, wrapped[32:48], wrapped[48:80])


def _wrapped(code: bytes, public: bytes) -> bytes:
    salt, start = os.urandom(32), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", code, salt, _ROUNDS, 32)
    return salt + start + count(key, start, public)


async def _adopt(phone: Phone, connection: Connection, secret: bytes) -> Companion:
    """Sign the new device in the name of the account, and have the device sign too."""
    registration = connection.registration
    companion = Companion(
        phone,
        phone.next_device(),
        registration=registration,
        noise_key=connection.noise_key,
    )
    account, identity = phone.identity, registration.eIdent
    details = protocols.adv.ADVDeviceIdentity(
        rawID=7, timestamp=int(time.time()), keyIndex=companion.device, accountType=0, deviceType=0
    ).SerializeToString()
    signed = protocols.adv.ADVSignedDeviceIdentity(
        details=details,
        accountSignatureKey=account.public,
        accountSignature=account.sign(_ACCOUNT + details + identity),
    ).SerializeToString()
    sealed = protocols.adv.ADVSignedDeviceIdentityHMAC(
        details=signed, HMAC=authenticate(secret, signed)
    ).SerializeToString()
    told = [
        Node("device-identity", {}, sealed),
        Node("device", {"jid": companion.pn, "lid": companion.lid}),
        Node("platform", {"name": "android"}),
    ]
    if phone.business:
        told.append(Node("biz", {"name": phone.business}))
    said = await connection.ask("set", "md", [Node("pair-success", {}, told)], t=now())
    assert said.get("type") == "result", f"the device refuses: {said}"
    given = said.need("pair-device-sign", "device-identity").data
    answer = protocols.adv.ADVSignedDeviceIdentity.FromString(given)
    assert is_signed(
        _DEVICE + details + identity + account.public,
        public=identity,
        signature=answer.deviceSignature,
    ), "the device signs wrongly"
    phone.adopt(companion)
    await connection.restart()
    return companion
