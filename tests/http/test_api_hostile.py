"""What somebody tries who means harm, or whose requests are merely odd: each found once here."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.core.instance import Behaviour
from bridge.core.order import ChatwootOrder
from bridge.errors import NotFound
from bridge.http.routing import INSTANCE, Access, Route, routes_of
from bridge.relay.configuring import Configuring
from bridge.sim.graph import Number, sign
from bridge.store.engine import Unit
from support.bridge_house import KEY, MARINA, META_TOKEN, RUI, House, bridge_house

NAME = "loja"
OTHER = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")
STATE = f"/instance/connectionState/{NAME}"


async def make(house: House, name: str = NAME, **more: Any) -> tuple[str, str]:
    """An instance that connects to nothing; its id and key."""
    order = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": False}
    made = await house.ok("POST", "/instance/create", json=order | more)
    return made["instance"]["instanceId"], made["hash"]


@asynccontextmanager
async def wire(house: House) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def head(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(10):
        return int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])


# -- odd requests ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", [b"a:b:c", b"[", b"", b"\xff\xfe", b"host:99999", b"evil.example", b"a@b", b"a b"]
)
async def test_the_greeting_takes_nothing_from_the_host_header(empty_house: House, host: bytes):
    async with wire(empty_house) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert await head(reader) == 200
        told = orjson.loads(await reader.read())
    assert told["documentation"] == told["manager"] == f"{empty_house.url}/docs"


async def test_what_a_key_opens_is_kept_by_no_cache_on_the_way(empty_house: House):
    _, key = await make(empty_house)
    for path, shown in ((STATE, key), ("/metrics", KEY), (STATE, "wrong")):
        async with empty_house.http.get(empty_house.url + path, headers={"apikey": shown}) as told:
            assert told.headers["Cache-Control"] == "no-store"


async def test_no_delivery_is_signed_without_a_secret(empty_house: House):
    """The check of an unknown instance runs all the same, so that its time tells nothing."""
    await make(empty_house)
    for secret in ("-", "", "None"):
        digest = hmac.digest(secret.encode(), b"1.{}", "sha256").hex()
        headers = {"X-Chatwoot-Timestamp": "1", "X-Chatwoot-Signature": f"sha256={digest}"}
        for name in (NAME, "nobody-of-this-name"):
            path = f"/chatwoot/webhook/{name}"
            status, told = await empty_house.call("POST", path, data=b"{}", headers=headers)
            assert (status, told["response"]["code"]) == (401, "chatwoot.signature")


# -- whose instance it is ----------------------------------------------------------------------


async def test_flows_of_an_instance_that_is_not_ready_are_out_of_reach(empty_house: House):
    id_, _ = await make(empty_house)

    def hide(unit: Unit) -> None:
        unit.db.execute("UPDATE instance SET ready=0 WHERE id=?", (id_,))

    await empty_house.service.store.write(hide)
    await empty_house.service.directory.refresh(id_)
    reached = []
    for route in routes_of(empty_house.service.app):
        if INSTANCE in route.parameters and route.access is Access.INSTANCE_KEY:
            path = route.template.replace("{instance}", NAME).replace("{typebot_id}", "1")
            status, told = await empty_house.call(route.method, path, json={})
            if status not in (400, 404) or "not_active" in str(told):
                reached.append((route.method, path, status, told))
    assert reached == []


def reads_a_body(route: Route) -> bool:
    """Of those that an instance's key opens."""
    whose = route.access in (Access.INSTANCE_KEY, Access.PATH_TOKEN)
    return whose and (route.request is not None or "set" in route.path)


async def test_a_slow_body_does_not_reach_the_next_instance_of_that_name(empty_house: House):
    """The key was looked at before; meanwhile its instance was deleted, and its name given away."""
    house = empty_house
    began = []
    for route in filter(reads_a_body, routes_of(house.service.app)):
        id_, key = await make(house)
        path = route.template.replace("{instance}", NAME).replace("{typebot_id}", "1")
        path = path.replace("{id}", id_).replace("{token}", key)
        body = orjson.dumps(
            {
                "rejectCall": True,
                "enabled": True,
                "webhook": {"url": "https://example.com/taken-over"},
                "value": True if "auto" in path else "https://example.com/taken-over",
                "url": "https://example.com",
                "typebot": "taken-over",
                "token": "taken-over",
                "remoteJid": "5511987650001@s.whatsapp.net",
                "action": "add",
                "presence": "available",
                "events": [],
            }
        )
        asked = (
            f"{route.method} {path} HTTP/1.1\r\nHost: x\r\napikey: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        async with wire(house) as (reader, writer):
            writer.write(asked.encode())
            if await head(reader) == 100:
                began.append(route.audit)
                await house.ok("DELETE", f"/instance/delete/{NAME}")
                await make(house)
                before = await stored(house)
                writer.write(body)
                assert (await head(reader), path) in ((404, path), (400, path))
                assert await stored(house) == before, path
        await house.ok("DELETE", f"/instance/delete/{NAME}")
    assert {"settings.set", "webhook.set", "typebot.create", "instance.credentials"} <= {*began}


async def stored(house: House) -> list[list[dict[str, Any]]]:
    tables = ("instance", "chatwoot_inbox", "typebot", "typebot_settings", "event", "connection")
    return [await house.rows(f"SELECT * FROM {table}") for table in tables]  # noqa: S608  (ours)


async def test_a_change_that_waited_for_its_turn_finds_its_own_instance_or_none(
    empty_house: House,
):
    service = empty_house.service
    await make(empty_house)
    entry = service.instances.entry(NAME)
    asked: list[str] = []

    def read(_inbox: object) -> ChatwootOrder | None:
        asked.append("somebody else's")
        return None

    await empty_house.ok("DELETE", f"/instance/delete/{NAME}")
    await make(empty_house)
    configuring = Configuring(service.instances)
    with pytest.raises(NotFound):
        await configuring.chatwoot(entry, read)
    with pytest.raises(NotFound):
        await service.instances.set_credentials(
            entry, token="taken-over", app_secret=None, verify_token=None
        )
    with pytest.raises(NotFound):
        await configuring.settings(entry, lambda _before: Behaviour(reject_call=True))
    assert asked == []
    assert service.instances.entry(NAME).instance.options.behaviour == Behaviour()


# -- what a request may weigh ------------------------------------------------------------------


async def test_the_bodies_of_flows_are_bounded(empty_house: House):
    await make(empty_house)
    flow = {"url": "https://bot.example", "typebot": "flow"}
    long = {**flow, "ignoreJids": ["5" * 300]}
    for path, body in (
        (f"/typebot/create/{NAME}", long),
        (f"/typebot/set/{NAME}", long),
        (f"/typebot/settings/{NAME}", {"ignoreJids": ["5" * 300]}),
    ):
        status, told = await empty_house.call("POST", path, json=body)
        assert (status, "ignoreJids[0]" in str(told)) == (400, True), told
        status, _ = await empty_house.call("POST", path, json=flow | {"x": "x" * 300_000})
        assert status == 413


# -- keys --------------------------------------------------------------------------------------


async def test_a_client_token_that_nobody_asked_for_changes_nothing(tmp_path: Path):
    """Else one right key with ever other headers would make the limiter forget everybody's."""
    options = {"auth": {"failures_per_minute": 2}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        _, key = await make(house)
        await house.ok("GET", STATE, key=key)
        for number in range(3):
            await house.call("GET", STATE, key=f"wrong {number}")
        assert (await house.call("GET", STATE, key="another"))[0] == 429
        await house.ok("GET", STATE, key=key, headers={"Client-Token": "of another server"})


# -- who did it --------------------------------------------------------------------------------


async def test_the_audit_log_names_the_webhook_that_somebody_wanted_to_set(empty_house: House):
    body = {"instanceName": "nobody-of-this-name", "url": "https://example.com"}
    assert (await empty_house.call("POST", "/webhook/instance", json=body))[0] == 404
    row = (await empty_house.ok("GET", "/audit"))[0]
    assert (row["action"], row["instance"], row["status"]) == (
        "webhook.set",
        "nobody-of-this-name",
        404,
    )


async def test_the_audit_log_names_the_instance_that_a_partner_tried_to_cancel(tmp_path: Path):
    options = {"z_api": {"partner_token": "the-partner-token-of-the-tests"}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        bearer = {"Authorization": "Bearer the-partner-token-of-the-tests"}
        path = "/instances/VICTIM/token/guessed/integrator/on-demand/cancel"
        assert (await house.call("POST", path, key=None, headers=bearer))[0] == 401
        row = (await house.ok("GET", "/audit"))[0]
        assert (row["actor"], row["action"], row["instance"], row["status"]) == (
            "partner",
            "trial.cancel",
            "VICTIM",
            401,
        )


@pytest.mark.parametrize("more", [{"enabled": False}, {"autoCreate": False}], ids=str)
async def test_who_merely_names_a_chatwoot_account_does_not_share_its_people(
    tmp_path: Path, more: dict[str, Any]
):
    """Else, with a number of one's own, customers of others could be taken for each other."""
    graph = {"numbers": (Number(), OTHER)}
    async with bridge_house(tmp_path, graph=graph) as house:
        await house.talk(MARINA)
        await house.talk(RUI)
        made = await house.ok(
            "POST",
            "/instance/create",
            json={
                "instanceName": "invasor",
                "integration": "WHATSAPP-BUSINESS",
                "token": META_TOKEN,
                "number": OTHER.phone_number_id,
                "appSecret": "secret-of-the-intruder",
            },
        )
        named = {"url": house.chat_url, "accountId": house.chat.account_id, "token": "guessed"}
        body = {"enabled": True, "nameInbox": "x"} | named | more
        await house.ok("POST", "/chatwoot/set/invasor", key=made["hash"], json=body)
        tables = ("person", "identity_key", "contact")
        asked = "SELECT * FROM {} WHERE scope NOT LIKE 'instance:%'"
        before = [await house.rows(asked.format(table)) for table in tables]
        assert all(before)
        _, forged = house.graph.draft(MARINA, "Oi", phone_number_id=OTHER.phone_number_id)
        _, ruis = house.graph.draft(RUI, "Oi", phone_number_id=OTHER.phone_number_id)
        raw = orjson.dumps(forged).replace(bsuid(forged), bsuid(ruis))
        headers = {"X-Hub-Signature-256": sign(raw, "secret-of-the-intruder")}
        status, _ = await house.call("POST", "/webhook/meta", data=raw, headers=headers)
        assert status == 200
        assert len(await house.rows("SELECT id FROM job WHERE kind='inbound'")) == 3
        assert [await house.rows(asked.format(table)) for table in tables] == before


def bsuid(payload: Any) -> bytes:
    said = payload["entry"][0]["changes"][0]["value"]["messages"][0]["from_user_id"]
    return str(said).encode()


async def test_who_merely_names_a_chatwoot_account_does_not_keep_its_people(house: House):
    """They go with the last instance that has an inbox there."""
    await house.talk(MARINA)
    _, key = await make(house, "invasor")
    named = {"url": house.chat_url, "accountId": house.chat.account_id, "token": "guessed"}
    await house.ok("POST", "/chatwoot/set/invasor", key=key, json={"enabled": False} | named)
    await house.ok("DELETE", f"/instance/delete/{NAME}")
    for table in ("person", "identity_key", "contact"):
        assert await house.rows(f"SELECT * FROM {table}") == []  # noqa: S608  (ours)
