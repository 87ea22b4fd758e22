"""What strangers, and Meta and Chatwoot on a bad day, may post to us."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.http.routes import webhooks
from bridge.sim.graph import Number, sign
from support.bridge_house import APP_SECRET, MARINA, VERIFY_TOKEN, House, bridge_house

OTHER = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")
#: What may stand in a signed body. None of it is an event, all of it is answered 200.
ODDITIES = [
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"{}",
    b"",
    b"{",
    b"\xff\xfe\x00",
    b'{"entry":7,"event":[]}',
    b'{"entry":[null,7,{"changes":[{"value":[],"field":{}}]}]}',
    b'{"entry":[{"changes":[{"field":"messages","value":{"messages":[[],{},7,{"id":{}}]}}]}]}',
    b'{"event":"message_created","id":{},"conversation":[]}',
    b'{"event":"message_created","id":1,"conversation":{"id":"x"},"message_type":{}}',
    b'{"event":"conversation_updated","id":1,"meta":{"sender":[]},"status":{}}',
    b'{"event":"' + b"x" * 10_000 + b'"}',
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" * 100_000,
]


def oddity_id(body: object) -> str:
    assert isinstance(body, bytes)
    return body[:24].decode("latin-1") or "empty"


async def meta(
    house: House, body: bytes, *, secret: str = APP_SECRET, **headers: str
) -> tuple[int, str]:
    headers = {"X-Hub-Signature-256": sign(body, secret)} | headers
    async with house.http.post(
        f"{house.url}/webhook/meta", data=BytesIO(body), headers=headers
    ) as answer:
        return answer.status, await answer.text()


async def chatwoot(house: House, body: bytes, *, secret: str | None = None) -> tuple[int, str]:
    stamp = str(int(time.time()))
    key = (house.inbox.secret if secret is None else secret).encode()
    digest = hmac.digest(key, stamp.encode() + b"." + body, "sha256").hex()
    headers = {"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={digest}"}
    async with house.http.post(house.hook, data=BytesIO(body), headers=headers) as answer:
        return answer.status, await answer.text()


def code(text: str) -> str:
    body = orjson.loads(text)
    assert set(body) == {"status", "error", "response"}
    return str(body["response"]["code"])


async def still_works(house: House) -> None:
    """Nothing was stored, and nothing is broken."""
    await house.quiet()
    # What the creation of the instance left is not about it.
    assert await house.rows("SELECT * FROM job WHERE kind NOT IN ('cleanup', 'templates')") == []
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "oi")
    await house.sent()
    await house.quiet()
    assert (house.shown(), house.texts) == (["Oi"], ["oi"])
    assert set((await house.balance()).values()) == {0}


# ---------------------------------------------------------------- Meta


async def test_meta_verifies_the_address(house: House) -> None:
    assert await house.graph.verify()
    assert not await house.graph.verify(token="wrong")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "ünï", "hub.challenge": "1"},
    ],
)
async def test_a_wrong_verification_is_forbidden(house: House, query: dict[str, str]) -> None:
    status, body = await house.call("GET", "/webhook/meta", key=None, params=query)
    assert (status, body["response"]["code"]) == (403, "meta.verify_token")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha256=ünï"},
    ],
)
async def test_a_forged_meta_body_is_refused(house: House, headers: dict[str, str]) -> None:
    _, payload = house.graph.draft(MARINA, "falso")
    status, text = await meta(house, orjson.dumps(payload), **headers)
    assert (status, code(text)) == (401, "meta.signature")
    await still_works(house)


async def test_an_unsigned_meta_body_is_refused(house: House) -> None:
    _, payload = house.graph.draft(MARINA, "falso")
    status, body = await house.call("POST", "/webhook/meta", key=None, json=payload)
    assert (status, body["response"]["code"]) == (401, "meta.signature")
    await still_works(house)


@pytest.mark.parametrize("body", ODDITIES, ids=oddity_id)
async def test_a_signed_meta_body_is_answered_200_whatever_is_in_it(
    house: House, body: bytes
) -> None:
    assert await meta(house, body) == (200, "EVENT_RECEIVED")
    await still_works(house)


async def test_every_event_of_a_signed_body_is_counted(house: House) -> None:
    await meta(house, b"[]")
    assert (await house.events())["signal", "ignored", "cloud.no_changes"] == 1


async def test_an_unknown_number_is_ignored_with_the_rule(house: House) -> None:
    _, payload = house.graph.draft(MARINA, "para outro")
    raw = orjson.dumps(payload).replace(b"412900001234567", b"999")
    assert (await meta(house, raw))[0] == 200
    assert (await house.events())["inbound", "ignored", "whatsapp.unknown_number"] == 1
    await still_works(house)


async def test_a_large_meta_body_is_read_beside_the_event_loop(house: House, monkeypatch) -> None:
    where: list[int] = []
    real = webhooks.parse_cloud

    def noted(*given, **more):
        where.append(threading.get_ident())
        return real(*given, **more)

    monkeypatch.setattr(webhooks, "parse_cloud", noted)
    _, payload = house.graph.draft(MARINA, "grande")
    await meta(house, orjson.dumps(payload | {"more": "x" * webhooks.LONG}))
    await house.quiet()
    assert house.shown() == ["grande"]
    assert where
    assert threading.get_ident() not in where


async def test_a_body_over_the_limit_is_refused(house: House) -> None:
    body = b'{"a":"' + b"x" * (50 * 1024 * 1024) + b'"}'
    status, text = await meta(house, body)
    assert (status, code(text)) == (413, "request.too_large")
    await still_works(house)


async def test_a_body_that_breaks_off_changes_nothing(house: House) -> None:
    _, payload = house.graph.draft(MARINA, "cortado")
    raw = orjson.dumps(payload)
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.server.port)
    writer.write(
        b"POST /webhook/meta HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-Hub-Signature-256: " + sign(raw, APP_SECRET).encode() + b"\r\n"
        b"Content-Length: " + str(len(raw) + 10).encode() + b"\r\n\r\n" + raw
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    await still_works(house)


async def test_several_app_secrets_are_accepted(tmp_path: Path) -> None:
    options = {"cloud": {"app_secrets": ["the-old-secret", APP_SECRET]}}
    async with bridge_house(tmp_path, options=options) as house:
        for secret in ("the-old-secret", APP_SECRET):
            _, payload = house.graph.draft(MARINA, secret)
            assert (await meta(house, orjson.dumps(payload), secret=secret))[0] == 200
        await house.quiet()
        assert sorted(house.shown()) == sorted(["the-old-secret", APP_SECRET])


async def test_an_instance_may_bring_its_own_secret_and_verify_token(tmp_path: Path) -> None:
    order = {"appSecret": "own-secret", "verifyToken": "own-token"}
    async with bridge_house(tmp_path, order=order) as house:
        assert await house.graph.verify(token="own-token")
        assert await house.graph.verify(token=VERIFY_TOKEN)
        _, payload = house.graph.draft(MARINA, "próprio")
        assert (await meta(house, orjson.dumps(payload), secret="own-secret"))[0] == 200
        await house.quiet()
        assert house.shown() == ["próprio"]


async def test_an_instances_secret_does_not_speak_for_the_number_of_another(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, graph={"numbers": (Number(), OTHER)}) as house:
        await house.create(
            instanceName="filial",
            number=OTHER.phone_number_id,
            chatwootNameInbox="Filial",
            appSecret="secret-of-the-branch",
        )
        _, payload = house.graph.draft(MARINA, "falso para a loja")
        raw = orjson.dumps(payload)
        assert (await meta(house, raw, secret="secret-of-the-branch"))[0] == 200
        await house.quiet()
        assert house.shown() == []
        assert (await house.events())["signal", "ignored", "whatsapp.foreign_secret"] == 1
        _, own = house.graph.draft(MARINA, "para a filial", phone_number_id=OTHER.phone_number_id)
        await meta(house, orjson.dumps(own), secret="secret-of-the-branch")
        await house.quiet()
        assert house.shown() == ["para a filial"]


# ---------------------------------------------------------------- Chatwoot


@pytest.mark.parametrize("body", ODDITIES, ids=oddity_id)
async def test_a_signed_chatwoot_body_is_answered_200_whatever_is_in_it(
    house: House, body: bytes
) -> None:
    assert (await chatwoot(house, body))[0] == 200
    await still_works(house)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b"", b"{", b"\xff"], ids=oddity_id)
async def test_an_unsigned_body_that_cannot_be_read_is_refused(house: House, body: bytes) -> None:
    async with house.http.post(house.hook, data=body) as answer:
        assert answer.status == 400
        assert code(await answer.text()) == "chatwoot.unreadable_delivery"
    await still_works(house)


async def test_a_body_on_an_unknown_path_is_refused(house: House) -> None:
    body = b'{"event":"message_created"}'
    base = f"{house.url}/chatwoot/webhook"
    for path in ("/loja/wrong", "/nobody/wrong", "/nobody/" + "x" * 500, "/loja/%00"):
        async with house.http.post(base + path, data=body) as answer:
            assert answer.status == 404, path
            assert set(await answer.json()) == {"status", "error", "response"}
    await still_works(house)


async def test_a_huge_chatwoot_body_is_refused(house: House) -> None:
    status, text = await chatwoot(house, b"x" * (50 * 1024 * 1024))
    assert (status, code(text)) == (413, "request.too_large")
    await still_works(house)


@pytest.mark.parametrize("event", ["conversation_typing_on", "webwidget_triggered", "made_up"])
async def test_events_that_need_nothing_are_counted(house: House, event: str) -> None:
    body: dict[str, Any] = {"event": event, "conversation": {"id": 1}, "inbox": {"id": 7}}
    assert (await chatwoot(house, orjson.dumps(body)))[0] == 200
    ignored = [cause for (road, _, cause) in await house.events() if road == "signal"]
    assert any(cause.startswith("chatwoot.") for cause in ignored)
    await still_works(house)


async def test_what_cannot_be_stored_is_not_acknowledged(house: House) -> None:
    """503, so that Meta repeats it."""
    house.graph.outbox.redelivery = (0.3,) * 10
    await house.service.store.write(
        lambda unit: unit.db.execute("ALTER TABLE seen RENAME TO away") and None
    )
    await house.graph.customer_writes(MARINA, "guarde")
    assert house.graph.outbox.attempts[-1].status == 503
    await house.service.store.write(
        lambda unit: unit.db.execute("ALTER TABLE away RENAME TO seen") and None
    )
    await house.quiet()
    assert house.shown() == ["guarde"]


# ---------------------------------------------------------------- the API itself


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"instanceName":', {}, 400),
        (b'{"instanceName":"\xff"}', {}, 400),
        (b"instanceName=loja", {"Content-Type": "application/x-www-form-urlencoded"}, 400),
        (b"x" * (50 * 1024 * 1024), {}, 413),
    ],
    ids=["empty", "array", "cut off", "no UTF-8", "form", "50 MB"],
)
async def test_bad_bodies_are_a_clear_4xx(
    house: House, body: bytes, headers: dict[str, str], status: int
) -> None:
    answered, told = await house.call(
        "POST",
        "/instance/create",
        data=BytesIO(body),
        headers={"Content-Type": "application/json"} | headers,
    )
    assert answered in (status, 415)
    assert set(told) == {"status", "error", "response"}
    await still_works(house)


async def test_without_the_key_not_even_the_body_is_read(house: House) -> None:
    status, _ = await house.call(
        "POST", "/instance/create", key="wrong", data=BytesIO(bytes(20 * 1024 * 1024))
    )
    assert status == 401
