"""Polls: made with a secret, and votes that only who has it can open."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.whatsapp_web import protocols
from support.whatsapp_web.cipher import derive

_NONCE = 12


def poll(
    question: str, options: Sequence[str], *, secret: bytes, most: int = 1
) -> protocols.Message:
    """`secret` (32 bytes) is what votes are encrypted with."""
    made = protocols.e2e.PollCreationMessage(
        name=question,
        selectableOptionsCount=most,
        options=[protocols.e2e.PollCreationMessage.Option(optionName=one) for one in options],
    )
    message = protocols.e2e.Message(pollCreationMessageV3=made)
    message.messageContextInfo.messageSecret = secret
    return message


def vote(
    key: protocols.Message, options: Sequence[str], *, asker: str, voter: str, secret: bytes
) -> protocols.Message:
    """`key` names the poll as the voter sees it; no options at all take a vote back."""
    digests = [hashlib.sha256(one.encode()).digest() for one in options]
    plain = protocols.e2e.PollVoteMessage(selectedOptions=digests).SerializeToString()
    info = f"{key.ID}{asker}{voter}Poll Vote".encode()
    nonce = os.urandom(_NONCE)
    locked = AESGCM(derive(secret, 32, info=info)).encrypt(
        nonce, plain, f"{key.ID}\0{voter}".encode()
    )
    return update(key, payload=locked, nonce=nonce)


def update(key: protocols.Message | None, *, payload: bytes, nonce: bytes) -> protocols.Message:
    """A vote that holds just these bytes."""
    made = protocols.e2e.PollUpdateMessage(
        pollCreationMessageKey=key,
        vote=protocols.e2e.PollEncValue(encPayload=payload, encIV=nonce),
        senderTimestampMS=int(time.time() * 1000),
    )
    return protocols.e2e.Message(pollUpdateMessage=made)
