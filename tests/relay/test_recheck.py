"""Signatures: rotated secrets are found, forgeries change nothing."""

from __future__ import annotations

import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot import Conversation
from support.bridge_house import House, bridge_house


@pytest.fixture
def house(signing_house: House) -> House:
    return signing_house


def event(house: House, chat: Conversation, text: str, *, id_: int = 99_001) -> bytes:
    body: dict[str, Any] = {
        "event": "message_created",
        "id": id_,
        "content": text,
        "message_type": "outgoing",
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "private": False,
        "content_attributes": {},
        "account": {"id": 1},
        "inbox": {"id": house.inbox.id},
        "sender": {"id": 5, "name": "Caio", "type": "user"},
        "conversation": {
            "id": chat.id,
            "inbox_id": house.inbox.id,
            "status": "open",
            "contact_inbox": {"source_id": chat.contact_inbox.source_id},
        },
    }
    return json.dumps(body).encode()


def signed(body: bytes, secret: str, *, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    return {"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={digest}"}


async def post(house: House, url: str, body: bytes, headers: dict[str, str]) -> int:
    async with house.http.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_a_rotated_secret_is_read_anew_and_nothing_is_lost(house: House) -> None:
    chat = await house.talk()
    house.chat.reset_secret(house.inbox.id)
    house.chat.agent_writes(chat.id, "um")
    house.chat.agent_writes(chat.id, "dois")
    await house.quiet()
    assert house.texts == ["um", "dois"]
    asked = house.chat.requests["GET inbox"]
    house.chat.agent_writes(chat.id, "três")
    await house.quiet()
    assert house.chat.requests["GET inbox"] == asked


@pytest.mark.parametrize("secret", ["", "wrong", "ünïcode"])
async def test_a_forged_signature_on_the_right_path_is_dropped(house: House, secret: str) -> None:
    chat = await house.talk()
    body = event(house, chat, "falso")
    assert await post(house, house.hook, body, signed(body, secret)) == 200
    await house.quiet()
    assert house.graph.sent == []
    assert (await house.events())["internal", "ignored", "chatwoot.bad_signature"] == 1


async def test_without_a_signature_the_right_path_is_not_enough_where_the_server_signs(
    house: House,
) -> None:
    chat = await house.talk()
    body = event(house, chat, "sem assinatura")
    assert await post(house, house.hook, body, {}) == 200
    await house.quiet()
    assert house.graph.sent == []


async def test_a_signed_body_on_the_right_path_is_sent(house: House) -> None:
    chat = await house.talk()
    body = event(house, chat, "verdadeiro")
    assert await post(house, house.hook, body, signed(body, house.inbox.secret)) == 200
    await house.sent()
    assert house.texts == ["verdadeiro"]


async def test_the_bare_path_takes_valid_signatures_only(house: House) -> None:
    chat = await house.talk()
    bare = f"{house.url}/chatwoot/webhook/loja"
    body = event(house, chat, "pela porta da frente")
    assert await post(house, bare, body, {}) == 401
    assert await post(house, bare, body, signed(body, "wrong")) == 401
    assert await post(house, f"{house.url}/chatwoot/webhook/nobody", body, {}) == 401
    await house.quiet()
    assert house.graph.sent == []
    assert await post(house, bare, body, signed(body, house.inbox.secret)) == 200
    await house.sent()


async def test_an_old_signature_is_a_replay_and_meets_the_dedupe_key(house: House) -> None:
    chat = await house.talk()
    body = event(house, chat, "uma vez")
    old = signed(body, house.inbox.secret, at=time.time() - 3600)
    for _ in range(3):
        assert await post(house, house.hook, body, old) == 200
    await house.quiet()
    assert house.texts == ["uma vez"]


@pytest.mark.parametrize("where", ["name", "secret"])
async def test_a_wrong_address_is_unknown(house: House, where: str) -> None:
    base, _, secret = house.hook.rpartition("/")
    wrong = f"{base}/{secret.swapcase()}" if where == "secret" else f"{base}x/{secret}"
    body = event(house, await house.talk(), "falso")
    assert await post(house, wrong, body, signed(body, house.inbox.secret)) == 404
    await house.quiet()
    assert house.graph.sent == []


async def test_a_chatwoot_that_does_not_sign_is_known_by_the_secret_path(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.2.0"}) as house:
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "sem assinatura")
        await house.sent()
        bare = f"{house.url}/chatwoot/webhook/loja"
        body = event(house, chat, "falso")
        assert await post(house, bare, body, {}) == 401
        assert await post(house, bare, body, signed(body, "")) == 401
        await house.quiet()
        assert house.texts == ["sem assinatura"]
