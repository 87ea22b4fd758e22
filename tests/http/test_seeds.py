"""The documents that the project started from: their own bodies are accepted, and answered so.

`tests/contract/seeds` holds each sample as its document shows it, byte for byte. A test fills the
placeholders of a request, and compares the answer with the document's: key by key, and by type.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bridge.core.instance import InstanceOptions
from bridge.core.masking import MASK
from support.bridge_house import KEY, House, bridge_house
from support.proxies import HttpProxy
from support.qr_channel import QrPhones

SAMPLES = Path(__file__).parent.parent / "contract" / "seeds"
CREATE = "/instance/create"
ON_DEMAND = "/instances/integrator/on-demand"
PARTNER = "the-partner-token-of-the-tests"
TOKEN = "5A21-key-of-the-shop"
NUMBER = "5511987650001"
HOOK = "https://hook.example/ponte"
#: The Chatwoot account that the first document's sample names.
ACCOUNT = 123


# ---------------------------------------------------------------- the samples


def request(name: str, values: Mapping[str, Any] | None = None) -> str:
    """The request of a document, with a value in the place of each placeholder."""
    text = (SAMPLES / f"{name}.txt").read_text()
    for key, value in (values or {}).items():
        place = rf'("{key}": )("[^"\n]*"|\d+)'
        filled = json.dumps(value, ensure_ascii=False)
        text, count = re.subn(place, lambda found, to=filled: found[1] + to, text)  # type: ignore[misc]
        assert count == 1, (name, key, count)
    assert not re.search(r'"<string>"|"\[', text), text
    return text


def answer(name: str) -> dict[str, Any]:
    """The answer of a document. One names a number by a bare word, one has no commas."""
    text = (SAMPLES / f"{name}.txt").read_text()
    text = text.replace(": [account_id]", ": 1")
    if "," not in text:
        text = re.sub(r'"\n"', '",\n"', text)
    return dict(orjson.loads(text))


def fits(found: Any, sample: Any, where: str = "answer") -> None:
    """Everything in the sample is there, and of its type; None stands for a text that may lack."""
    if sample is None:
        assert found is None or isinstance(found, str), where
        return
    assert type(found) is type(sample), (where, found)
    if isinstance(sample, dict):
        for key, value in sample.items():
            assert key in found, (where, key)
            fits(found[key], value, f"{where}.{key}")
    if isinstance(sample, list):
        for entry in found:
            fits(entry, sample[0], where)


# ---------------------------------------------------------------- the house


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@asynccontextmanager
async def web_page() -> AsyncIterator[str]:
    """A page on loopback: a Typebot viewer, or what a proxy is tested with."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def page() -> AsyncIterator[str]:
    async with web_page() as url:
        yield url


@pytest.fixture
async def house(tmp_path: Path, phones: QrPhones, page: str) -> AsyncIterator[House]:
    async with bridge_house(
        tmp_path,
        provisioned=False,
        channels=phones.kinds,
        chatwoot={"account_id": ACCOUNT},
        options={"whatsapp_web": {"base_url": page}, "z_api": {"partner_token": PARTNER}},
    ) as found:
        yield found


async def send(house: House, body: str, *, path: str = CREATE, **more: Any) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | more.pop("headers", {})
    return await house.call("POST", path, data=body.encode(), headers=headers, **more)


async def create(house: House, body: str, **more: Any) -> Any:
    status, made = await send(house, body, **more)
    assert status == 201, made
    return made


async def opens(house: House, name: str, key: str, prefix: str = "") -> None:
    """The key of the answer opens this instance, and shows no other."""
    state = await house.ok("GET", f"{prefix}/instance/connectionState/{name}", key=key)
    assert state["instance"]["instanceName"] == name
    rows = await house.ok("GET", "/instance/fetchInstances", key=key)
    assert [row["name"] for row in rows] == [name]


async def is_taken(house: House, body: str, name: str, **more: Any) -> None:
    """The same request once more is refused in Evolution's words."""
    status, refused = await send(house, body, **more)
    assert status == 403
    assert (refused["status"], refused["error"]) == (403, "Forbidden")
    assert refused["response"]["message"] == [f'This name "{name}" is already in use.']


def shows_a_code(qrcode: Mapping[str, Any]) -> None:
    assert qrcode["code"].startswith("2@")
    assert qrcode["base64"].startswith("data:image/png;base64,")


def is_provisioned(house: House, name: str) -> None:
    """Chatwoot has the inbox of this name, the bot contact, and its conversation."""
    (inbox,) = [one for one in house.chat.inboxes.values() if one.name == name]
    assert inbox.channel_type == "Channel::Api"
    assert (inbox.webhook_url or "").startswith(f"{house.url}/chatwoot/webhook/{name}/")
    (conversation,) = [c for c in house.chat.conversations.values() if c.inbox_id == inbox.id]
    assert conversation.contact.name == "Ponte"


def options(house: House, name: str) -> InstanceOptions:
    entry = house.service.directory.by_name(name)
    assert entry is not None
    return entry.instance.options


# ---------------------------------------------------------------- 000: Evolution API 1, late


def whole(house: House, proxy: HttpProxy, viewer: str, **changes: Any) -> str:
    """Every key of the document; its 123 are the account's number and the flow's times."""
    values = {
        "instanceName": "loja",
        "token": TOKEN,
        "number": NUMBER,
        "webhook": HOOK,
        "msg_call": "Agora não",
        "typebot_url": viewer,
        "typebot": "atendimento",
        "typebot_keyword_finish": "sair",
        "typebot_unknown_message": "Não entendi",
        "host": "127.0.0.1",
        "port": str(proxy.port),
        "username": "ana",
        "password": "senha-do-proxy",
        "chatwoot_token": house.chat.admin_token,
        "chatwoot_url": house.chat_url,
    }
    return request("000_create", values | changes)


async def test_the_whole_body_of_evolution_1(house: House, page: str) -> None:
    async with HttpProxy(login=("ana", "senha-do-proxy")) as proxy:
        body = whole(house, proxy, page)
        made = await create(house, body)
        assert proxy.targets == [page.removeprefix("http://")]
    fits(made, answer("000_created"))
    assert made["instance"]["instanceName"] == "loja"
    assert made["instance"]["status"] == "created"
    assert made["hash"] == {"apikey": TOKEN}
    assert made["settings"] == {
        "reject_call": True,
        "msg_call": "Agora não",
        "groups_ignore": True,
        "always_online": True,
        "read_messages": True,
        "read_status": True,
        "sync_full_history": False,
    }
    events = ["APPLICATION_STARTUP"]
    assert made["webhook"]["webhook"] == HOOK
    for name in ("websocket", "rabbitmq", "sqs"):
        assert made[name] == {"enabled": True, "events": events}
    assert made["typebot"]["typebot"] == "atendimento"
    shows_a_code(made["qrcode"])
    assert made["qrcode"]["pairingCode"]
    assert made["chatwoot"]["account_id"] == ACCOUNT
    assert sorted(made["notActive"]) == ["rabbitmq", "sqs", "webhook", "websocket"]
    assert any("whether it has the flow" in text for text in made["warnings"])
    is_provisioned(house, "loja")
    await opens(house, "loja", TOKEN)
    await is_taken(house, body, "loja")


async def test_everything_of_evolution_1_is_found_again(house: House, page: str) -> None:
    async with HttpProxy() as proxy:
        await create(house, whole(house, proxy, page))
    found = {
        what: await house.ok("GET", f"/{what}/find/loja", key=TOKEN)
        for what in ("webhook", "websocket", "rabbitmq", "sqs", "proxy", "chatwoot")
    }
    events = ["APPLICATION_STARTUP"]
    assert found["webhook"] == {
        "enabled": True,
        "url": HOOK,
        "events": events,
        "webhook_by_events": True,
        "webhook_base64": False,
    }
    for name in ("websocket", "rabbitmq", "sqs"):
        assert found[name] == {"enabled": True, "events": events}
    assert found["proxy"]["proxy"] == {
        "host": "127.0.0.1",
        "port": str(proxy.port),
        "protocol": "http",
        "username": "ana",
        "password": MASK,
    }
    assert found["chatwoot"]["sign_msg"] is True
    assert found["chatwoot"]["reopen_conversation"] is True
    assert found["chatwoot"]["conversation_pending"] is True
    assert found["chatwoot"]["name_inbox"] == "loja"
    shown = await house.ok("GET", "/typebot/find/loja", key=TOKEN)
    expected = {
        "enabled": True,
        "url": page,
        "typebot": "atendimento",
        "expire": 123,
        "keyword_finish": "sair",
        "delay_message": 123,
        "unknown_message": "Não entendi",
        "listening_from_me": True,
        "sessions": [],
    }
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param({"chatwoot_account_id": str(ACCOUNT)}, {}, id="the account as a text"),
        pytest.param({"chatwoot_url": "CHATWOOT/"}, {}, id="a slash after the URL"),
        pytest.param({"typebot_url": "PAGE/"}, {}, id="a slash after the viewer's"),
        pytest.param({"number": "+55 (11) 98765-0001"}, {}, id="a number for people"),
        pytest.param({"number": ""}, {}, id="no number"),
        pytest.param({"webhook": ""}, {"webhook": None}, id="no webhook"),
        pytest.param({"msg_call": ""}, {}, id="no text for callers"),
        pytest.param(
            {"typebot_expire": "30", "typebot_delay_message": ""}, {}, id="times as texts"
        ),
        pytest.param(
            {"host": "", "port": "", "username": "", "password": ""},
            {"proxy": None},
            id="a proxy left empty",
        ),
        pytest.param(
            {"chatwoot_account_id": 0, "chatwoot_token": "", "chatwoot_url": ""},
            {},
            id="a chatwoot left empty",
        ),
        pytest.param(
            {"typebot_url": "", "typebot": "", "typebot_keyword_finish": ""},
            {},
            id="a flow left empty",
        ),
    ],
)
async def test_placeholders_are_filled_in_many_ways(
    house: House, page: str, values: dict[str, Any], kept: dict[str, Any]
) -> None:
    where = {"CHATWOOT/": f"{house.chat_url}/", "PAGE/": f"{page}/"}
    filled = {name: where.get(str(value), value) for name, value in values.items()}
    async with HttpProxy() as proxy:
        made = await create(house, whole(house, proxy, page, **filled))
    fits(made, answer("000_created"))
    for name, value in kept.items():
        assert getattr(options(house, "loja"), name) == value


@pytest.mark.parametrize("name", ["Loja São João", "açaí 🍇", "loja.centro_2", "LOJA-01", "7"])
async def test_a_name_as_people_write_it(house: House, page: str, name: str) -> None:
    async with HttpProxy() as proxy:
        body = whole(house, proxy, page, instanceName=name)
        made = await create(house, body)
    assert made["instance"]["instanceName"] == name
    assert made["chatwoot"]["name_inbox"] == name
    assert [inbox.name for inbox in house.chat.inboxes.values()] == [name]
    await opens(house, name, TOKEN)
    await is_taken(house, body, name)


# ---------------------------------------------------------------- 001: Evolution API 2


def named_in_001(house: House, proxy: HttpProxy) -> dict[str, Any]:
    """Every field that the page describes; it has no example."""
    events = ["QRCODE_UPDATED", "MESSAGES_UPSERT", "MESSAGES_UPDATE", "MESSAGES_DELETE"]
    return {
        "instanceName": "loja",
        "token": TOKEN,
        "number": NUMBER,
        "businessId": "398877665544332",
        "qrcode": True,
        "integration": "WHATSAPP-BAILEYS",
        "rejectCall": True,
        "msgCall": "Agora não",
        "groupsIgnore": True,
        "alwaysOnline": True,
        "readMessages": True,
        "readStatus": True,
        "syncFullHistory": True,
        "webhookUrl": HOOK,
        "webhookByEvents": True,
        "webhookBase64": False,
        "webhookEvents": events,
        "proxyHost": "127.0.0.1",
        "proxyPort": str(proxy.port),
        "proxyProtocol": "http",
        "proxyUsername": "ana",
        "proxyPassword": "senha-do-proxy",
        "rabbitmqEnabled": True,
        "rabbitmqEvents": events,
        "sqsEnabled": True,
        "sqsEvents": events,
        "natsEnabled": True,
        "natsEvents": events,
        "chatwootAccountId": ACCOUNT,
        "chatwootToken": house.chat.admin_token,
        "chatwootUrl": house.chat_url,
        "chatwootSignMsg": True,
        "chatwootReopenConversation": True,
        "chatwootConversationPending": True,
        "chatwootImportContacts": True,
        "chatwootImportMessages": True,
        "chatwootDaysLimitImportMessages": 30,
        "chatwootMergeBrazilContacts": True,
        "chatwootNameInbox": "WhatsApp",
    }


async def test_every_field_of_evolution_2_is_used(house: House) -> None:
    async with HttpProxy() as proxy:
        body = named_in_001(house, proxy)
        made = await create(house, json.dumps(body))
        events = body["webhookEvents"]
        assert proxy.logins == ["ana:senha-do-proxy"]
    instance = made["instance"]
    assert (instance["instanceName"], instance["integration"]) == ("loja", "WHATSAPP-BAILEYS")
    assert uuid.UUID(instance["instanceId"])
    assert instance["status"] == "connecting"
    assert (instance["webhookWaBusiness"], instance["accessTokenWaBusiness"]) == (None, "")
    assert made["hash"] == TOKEN
    shows_a_code(made["qrcode"])
    chatwoot = {
        name: body[f"chatwoot{name[0].upper()}{name[1:]}"]
        for name in (
            "signMsg", "reopenConversation", "conversationPending", "importContacts",
            "importMessages", "daysLimitImportMessages", "mergeBrazilContacts", "nameInbox",
        )
    }  # fmt: skip
    assert made["chatwoot"].items() >= chatwoot.items()
    found = await house.ok("GET", "/webhook/find/loja", key=TOKEN)
    assert (found["url"], found["events"]) == (HOOK, events)
    assert (found["webhookByEvents"], found["webhookBase64"]) == (True, False)
    for name in ("rabbitmq", "sqs", "nats"):
        found = await house.ok("GET", f"/{name}/find/loja", key=TOKEN)
        assert (found["enabled"], found["events"]) == (True, events)
    assert [inbox.name for inbox in house.chat.inboxes.values()] == ["WhatsApp"]
    await opens(house, "loja", TOKEN)
    await is_taken(house, json.dumps(body), "loja")


async def test_the_defaults_that_evolution_2_documents(house: House) -> None:
    body = {"instanceName": "loja", "integration": "WHATSAPP-BAILEYS", "webhookUrl": HOOK}
    made = await create(house, json.dumps(body))
    assert "qrcode" not in made
    assert made["instance"]["status"] == "close"
    assert uuid.UUID(made["hash"]).version == 4
    assert (made["webhook"]["webhookByEvents"], made["webhook"]["webhookBase64"]) == (False, True)
    await opens(house, "loja", made["hash"])


@pytest.mark.parametrize("account", [ACCOUNT, str(ACCOUNT)])
async def test_an_account_is_a_number_or_a_text(house: House, account: int | str) -> None:
    async with HttpProxy() as proxy:
        body = named_in_001(house, proxy) | {"chatwootAccountId": account}
        made = await create(house, json.dumps(body))
    assert made["chatwoot"]["accountId"] == str(ACCOUNT)


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"instanceName": None}, ['instance requires property "instanceName"']),
        ({"integration": "TELEGRAM"}, ["Invalid integration"]),
        ({"integration": "WHATSAPP-BUSINESS", "number": None}, ["number is required"]),
        (
            {"chatwootToken": None, "chatwootUrl": ""},
            [
                "chatwootToken is required when chatwootAccountId is set",
                "chatwootUrl is required when chatwootAccountId is set",
            ],
        ),
        (
            {"chatwootAccountId": None},
            ["chatwootAccountId is required when chatwootToken is set"],
        ),
    ],
)
async def test_the_errors_that_evolution_2_documents(
    house: House, changes: dict[str, Any], messages: list[str]
) -> None:
    async with HttpProxy() as proxy:
        body = named_in_001(house, proxy) | changes
        sent = {name: value for name, value in body.items() if value is not None}
        status, refused = await send(house, json.dumps(sent))
    assert (status, refused["error"]) == (400, "Bad Request")
    assert refused["response"]["message"] == messages
    assert await house.ok("GET", "/instance/fetchInstances") == []
    assert not house.chat.inboxes


async def test_a_proxy_that_does_not_work_is_an_invalid_proxy(house: House) -> None:
    async with HttpProxy(login=("rui", "outra-senha")) as proxy:
        status, refused = await send(house, json.dumps(named_in_001(house, proxy)))
    assert status == 400
    assert refused["response"]["message"][0] == "Invalid proxy"
    assert not house.chat.inboxes


# ---------------------------------------------------------------- 002: L2MSG


async def test_the_body_of_l2msg(house: House) -> None:
    path = f"/whatsapp{CREATE}"
    headers = {"autorization": "Bearer abc", "Content-Type": "application/json"}
    values = {"instanceName": "loja", "number": NUMBER, "msgCall": "Agora não", "url": HOOK}
    body = request("002_create", values | headers)
    made = await create(house, body, path=path)
    fits(made, answer("002_created"))
    assert made["settings"]["sync_full_history"] is True
    assert made["settings"]["msg_call"] == "Agora não"
    shows_a_code(made["qrcode"])
    webhook = options(house, "loja").webhook
    assert webhook is not None
    assert (webhook.url, webhook.headers) == (HOOK, headers)
    assert (webhook.by_events, webhook.base64) == (True, True)
    assert webhook.events == ("APPLICATION_STARTUP",)
    await opens(house, "loja", made["hash"]["apikey"], prefix="/whatsapp")
    await is_taken(house, body, "loja", path=path)


# ---------------------------------------------------------------- 003: Evolution API 1, early

BASIC = {"instanceName": "loja", "token": TOKEN}


async def test_the_basic_body_of_early_evolution_1(house: House) -> None:
    body = request("003_create_basic", BASIC)
    made = await create(house, body)
    fits(made, answer("003_created_basic"))
    assert made["hash"] == {"apikey": TOKEN}
    shows_a_code(made["qrcode"])
    await opens(house, "loja", TOKEN)
    await is_taken(house, body, "loja")


async def test_without_a_token_one_is_made(house: House) -> None:
    body = request("003_create_basic", {"instanceName": "loja", "token": ""})
    key = (await create(house, body))["hash"]["apikey"]
    assert uuid.UUID(key).version == 4
    assert key == key.upper()
    await opens(house, "loja", key)


async def test_the_webhook_body_without_its_comments(house: House) -> None:
    text = request("003_create_webhook", BASIC | {"webhook": HOOK})
    body = re.sub(r"(?m)^//.*\n", "", text)
    made = await create(house, body)
    fits(made, answer("003_created_webhook"))
    assert made["webhook"] == HOOK
    assert made["events"] == json.loads(body)["events"]
    shows_a_code(made["qrcode"])
    webhook = options(house, "loja").webhook
    assert webhook is not None
    assert webhook.by_events is False
    await is_taken(house, body, "loja")


async def test_the_webhook_body_with_its_comments_says_where_they_are(house: House) -> None:
    text = request("003_create_webhook", BASIC | {"webhook": HOOK})
    status, refused = await send(house, text)
    assert (status, refused["error"]) == (400, "Bad Request")
    (message,) = refused["response"]["message"]
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines, start=1) if line.startswith("//"))
    assert message.startswith(f"JSON has no comments; remove the one at line {first}, column 1")
    assert refused["response"]["code"]
    assert await house.ok("GET", "/instance/fetchInstances") == []


@pytest.mark.parametrize("spelled", ["webhookByEvents", "webhook_by_events"])
async def test_the_table_and_the_sample_spell_a_field_in_two_ways(
    house: House, spelled: str
) -> None:
    text = request("003_create_webhook", BASIC | {"webhook": HOOK})
    body = json.loads(re.sub(r"(?m)^//.*\n", "", text))
    del body["webhookByEvents"]
    made = await create(house, json.dumps(body | {spelled: True}))
    fits(made, answer("003_created_webhook"))
    assert made["webhook_by_events"] is True


async def test_the_chatwoot_body_of_early_evolution_1(house: House) -> None:
    values = BASIC | {
        "chatwoot_account_id": ACCOUNT,
        "chatwoot_token": house.chat.admin_token,
        "chatwoot_url": house.chat_url,
    }
    body = request("003_create_chatwoot", values)
    made = await create(house, body)
    fits(made, answer("003_created_chatwoot"))
    assert made["chatwoot"] == {
        "enabled": True,
        "account_id": ACCOUNT,
        "token": MASK,
        "url": house.chat_url,
        "sign_msg": True,
        "name_inbox": "loja",
        "webhook_url": f"{house.url}/chatwoot/webhook/loja",
    }
    shows_a_code(made["qrcode"])
    is_provisioned(house, "loja")
    found = await house.ok("GET", "/chatwoot/find/loja", key=TOKEN)
    assert (found["reopen_conversation"], found["conversation_pending"]) == (False, False)
    await is_taken(house, body, "loja")


# ---------------------------------------------------------------- 004: Z-API


async def test_the_body_of_z_api(house: House) -> None:
    bearer = {"Authorization": f"Bearer {PARTNER}"}
    before = house.clock.ms()
    status, made = await send(
        house, request("004_create"), path=ON_DEMAND, key=None, headers=bearer
    )
    assert status == 200
    fits(made, answer("004_created"))
    assert 0 <= int(made["due"]) - before - 48 * 3_600_000 < 3_600_000
    await opens(house, made["id"], made["token"])
    sent = json.loads(request("004_create"))
    (row,) = await house.ok("GET", "/instance/fetchInstances")
    assert row["profileName"] == sent["name"]
    inside = f"/instances/{made['id']}/token/{made['token']}"
    assert (await house.ok("GET", f"{inside}/status", key=None))["connected"] is False
    shown = await house.ok("GET", f"{inside}/qr-code/image", key=None)
    assert shown["value"].startswith("data:image/png;base64,")
    assert options(house, made["id"]).device_name == sent["sessionName"]
    told = await house.ok("GET", f"{inside}/me", key=None)
    assert told["name"] == sent["name"]
    assert told.items() >= {n: v for n, v in sent.items() if n.endswith("CallbackUrl")}.items()
    assert told["callRejectMessage"] == sent["callRejectMessage"]


async def test_z_apis_other_answers(house: House) -> None:
    bearer = {"Authorization": f"Bearer {PARTNER}"}
    body = request("004_create")
    for method in ("GET", "PUT"):
        status, _ = await house.call(method, ON_DEMAND, key=None, headers=bearer)
        assert status == 405
    as_text = bearer | {"Content-Type": "text/plain"}
    assert (await send(house, body, path=ON_DEMAND, key=None, headers=as_text))[0] == 415
    assert (await send(house, body, path=ON_DEMAND, key=None))[0] == 401
    assert (await send(house, "{}", path=ON_DEMAND, key=None, headers=bearer))[0] == 400


# ---------------------------------------------------------------- without the key


@pytest.mark.parametrize("path", [CREATE, f"/whatsapp{CREATE}"])
@pytest.mark.parametrize("key", [None, "", "another-key", f"{KEY} "[:-2]])
async def test_nothing_is_created_without_the_global_key(
    house: House, path: str, key: str | None
) -> None:
    body = request("003_create_basic", BASIC)
    status, refused = await send(house, body, path=path, key=key)
    assert (status, refused["error"]) == (401, "Unauthorized")
    assert await house.ok("GET", "/instance/fetchInstances") == []
