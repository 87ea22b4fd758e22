"""What a client hears after the handshake: codes to show, or that it is logged in."""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING

from support.whatsapp_web import protocols
from support.whatsapp_web.keys import KeyPair, is_signed
from support.whatsapp_web.nodes import Node
from support.whatsapp_web.ratchet import tagged
from support.whatsapp_web.stanza import now
from support.whatsapp_web.wheel import ROOT

if TYPE_CHECKING:
    from support.whatsapp_web.connection import Connection

_CODES = 6
_DAY = 86400


def certificates(static: KeyPair) -> bytes:
    """The chain from the root key to the key of this server."""
    between = KeyPair()
    today = int(time.time())

    def certify(serial: int, key: KeyPair, signer: KeyPair) -> protocols.Message:
        details = protocols.cert.CertChain.NoiseCertificate.Details(
            serial=serial,
            issuerSerial=serial - 1,
            key=key.public,
            notBefore=today - _DAY,
            notAfter=today + 30 * _DAY,
        ).SerializeToString()
        signature = signer.sign(details)
        return protocols.cert.CertChain.NoiseCertificate(details=details, signature=signature)

    chain = protocols.cert.CertChain(
        intermediate=certify(1, between, ROOT), leaf=certify(2, static, between)
    )
    made: bytes = chain.SerializeToString()
    return made


async def log_in(connection: Connection) -> bool:
    """Whether the client is one that is known, which it is told before anything else is read.

    It repeats its messages as soon as it is connected, without waiting for that.
    """
    double, payload = connection.double, connection.payload
    if double.faults.refusal is not None or payload.HasField("devicePairingData"):
        return False
    companion = double.linked(str(payload.username), payload.device)
    if companion is None or companion.noise_key != connection.noise_key:
        return False
    before = companion.connection
    companion.logged_in(connection)
    if before is not None:
        conflict = Node("conflict", {"type": "replaced"})
        double.start(before.end_with(Node("stream:error", {}, [conflict])))
    attrs = {
        "t": now(),
        "props": "27",
        "location": "vll",
        "lid": companion.lid,
        "display_name": companion.phone.name,
        "creation": "1700000000",
    }
    await connection.send(Node("success", attrs))
    return True


async def greet(connection: Connection) -> None:
    """All others: a new device is told its codes, and some are refused."""
    refusal = connection.double.faults.refused()
    if refusal is not None:
        await connection.fail(refusal.reason, **refusal.fields)
    elif connection.payload.HasField("devicePairingData"):
        await _show_codes(connection)
    else:
        await connection.fail(401)


async def _show_codes(connection: Connection) -> None:
    data = connection.payload.devicePairingData
    if not is_signed(tagged(data.eSkeyVal), public=data.eIdent, signature=data.eSkeySig):
        connection.double.journal.problems.append("a device with a wrong signature of its key")
    connection.registration = data
    codes = ["2@" + base64.b64encode(os.urandom(48)).decode() for _ in range(_CODES)]
    connection.double.shown |= dict.fromkeys(codes, connection)
    connection.double.journal.changed()
    refs = [Node("ref", {}, code.encode()) for code in codes]
    await connection.ask("set", "md", [Node("pair-device", {}, refs)])
