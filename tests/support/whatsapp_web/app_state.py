"""What the phone shares of its own settings: its name, without which no client goes online, and
its address book.

One collection with one encrypted entry, and one with an entry for each contact; the others are
empty.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Final

from support.whatsapp_web import protocols
from support.whatsapp_web.cipher import authenticate, derive, lock
from support.whatsapp_web.nodes import Node

COLLECTION: Final = "critical_block"
#: What a client asks for behind it.
NEXT: Final = "critical_unblock_low"
_VERSION: Final = 1
_SUM = 128


def _wide(number: int) -> bytes:
    return number.to_bytes(8, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one account, and the key that its devices share."""

    name: str
    #: JID -> full name.
    book: dict[str, str] = field(default_factory=dict)
    key: bytes = field(default_factory=lambda: os.urandom(32))
    key_id: bytes = field(default_factory=lambda: b"\0\0" + os.urandom(4))

    def handed_on(self) -> protocols.Message:
        """The message by which the phone gives the key to a device."""
        data = protocols.e2e.AppStateSyncKeyData(
            keyData=self.key,
            fingerprint=protocols.e2e.AppStateSyncKeyFingerprint(rawID=1, currentIndex=0),
            timestamp=int(time.time() * 1000),
        )
        key_id = protocols.e2e.AppStateSyncKeyId(keyID=self.key_id)
        key = protocols.e2e.AppStateSyncKey(keyID=key_id, keyData=data)
        share = protocols.e2e.AppStateSyncKeyShare(keys=[key])
        protocol = protocols.e2e.ProtocolMessage
        return protocols.e2e.Message(
            protocolMessage=protocol(
                type=protocol.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare=share
            )
        )

    def answer(self, asked: Node) -> list[Node]:
        """The collections that a client asks for."""
        return [
            Node(
                "sync",
                {},
                [self._collection(one) for one in asked.need("sync").nodes],
            )
        ]

    def _collection(self, asked: Node) -> Node:
        name = asked.get("name")
        entries = self._entries(name or "")
        if not entries or asked.get("version") == str(_VERSION):
            return Node("collection", {"name": name, "version": asked.get("version") or "0"})
        patch = Node("patch", {}, self._patch(name or "", entries))
        return Node(
            "collection",
            {"name": name, "version": str(_VERSION)},
            [Node("patches", {}, [patch])],
        )

    def _entries(self, collection: str) -> list[tuple[list[str], Any]]:
        """The index of each entry, and what it says."""
        value = protocols.action.SyncActionValue
        if collection == COLLECTION:
            return [(["setting_pushName"], value(pushNameSetting={"name": self.name}))]
        if collection == NEXT:
            return [
                (["contact", jid], value(contactAction={"fullName": name, "firstName": name}))
                for jid, name in self.book.items()
            ]
        return []

    def _patch(self, name: str, entries: list[tuple[list[str], Any]]) -> bytes:
        keys = derive(self.key, 160, info=b"WhatsApp Mutation Keys")
        sealed = [self._entry(keys, index, value) for index, value in entries]
        macs = [blob[-32:] for blob, _ in sealed]
        collection = name.encode()
        snapshot = authenticate(keys[96:128], _sum(macs) + _wide(_VERSION) + collection)
        sync = protocols.sync
        key_id = sync.KeyId(ID=self.key_id)
        mutations = [
            sync.SyncdMutation(
                operation=sync.SyncdMutation.SET,
                record=sync.SyncdRecord(
                    index=sync.SyncdIndex(blob=index),
                    value=sync.SyncdValue(blob=blob),
                    keyID=key_id,
                ),
            )
            for blob, index in sealed
        ]
        patch = sync.SyncdPatch(
            version=sync.SyncdVersion(version=_VERSION),
            mutations=mutations,
            snapshotMAC=snapshot,
            patchMAC=authenticate(
                keys[128:], snapshot + b"".join(macs) + _wide(_VERSION) + collection
            ),
            keyID=key_id,
        )
        made: bytes = patch.SerializeToString()
        return made

    def _entry(self, keys: bytes, index: list[str], value: Any) -> tuple[bytes, bytes]:
        """The encrypted entry with its code, and the code of its name."""
        name = json.dumps(index, separators=(",", ":")).encode()
        action = protocols.action.SyncActionData(index=name, padding=b"", version=1, value=value)
        action.value.timestamp = int(time.time() * 1000)
        start = os.urandom(16)
        locked = start + lock(action.SerializeToString(), key=keys[32:64], start=start)
        told = b"\x01" + self.key_id + locked + _wide(len(self.key_id) + 1)
        mac = hmac.new(keys[64:96], told, hashlib.sha512).digest()[:32]
        return locked + mac, authenticate(keys[:32], name)


def _sum(macs: list[bytes]) -> bytes:
    """The sum of a collection: 64 small numbers, each added up by itself."""
    total = [0] * (_SUM // 2)
    for mac in macs:
        parts = struct.unpack(f"<{_SUM // 2}H", derive(mac, _SUM, info=b"WhatsApp Patch Integrity"))
        total = [(one + other) % 2**16 for one, other in zip(total, parts, strict=True)]
    return struct.pack(f"<{_SUM // 2}H", *total)
