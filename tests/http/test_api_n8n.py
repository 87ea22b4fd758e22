"""The habits of the published n8n community node for Evolution API, version 1.0.4.

It sends blanks for what is not filled in, and what it calls "disabled" is often an empty text.
"""

from __future__ import annotations

import pytest

from support.bridge_house import KEY, bridge_house

BASIC = {"instanceName": "n8n", "integration": "WHATSAPP-BAILEYS"}


@pytest.fixture
async def house(tmp_path):
    async with bridge_house(tmp_path, provisioned=False) as made:
        yield made


@pytest.fixture
async def key(house):
    made = await house.ok("POST", "/instance/create", json=BASIC | {"token": "chave-do-n8n"})
    return made["hash"]


async def test_its_credential_test_passes_with_the_global_key_and_with_an_instance_key(house, key):
    assert key == "chave-do-n8n"
    for shown in (KEY, key):
        rows = await house.ok("GET", "/instance/fetchInstances", key=shown)
        assert [row["name"] for row in rows] == ["n8n"]
    status, _ = await house.call("GET", "/instance/fetchInstances", key="wrong")
    assert status == 401


async def test_it_creates_with_every_option(house):
    made = await house.ok(
        "POST",
        "/instance/create",
        json=BASIC
        | {
            "token": "outra-chave",
            "number": "5511987650001",
            "rejectCall": True,
            "msgCall": "Não atendemos ligações",
            "groupsIgnore": True,
            "alwaysOnline": False,
            "readMessages": False,
            "readStatus": False,
            "syncFullHistory": False,
            "webhook": {
                "url": "https://n8n.example.com/webhook/1",
                "byEvents": False,
                "base64": True,
                "events": ["MESSAGES_UPSERT", "QRCODE_UPDATED"],
            },
            "rabbitmq": {"enabled": False, "events": []},
            "chatwootAccountId": str(house.chat.account_id),
            "chatwootToken": house.chat.admin_token,
            "chatwootUrl": house.chat_url,
            "chatwootSignMsg": True,
        },
    )
    assert made["hash"] == "outra-chave"
    assert made["settings"]["rejectCall"] is True
    assert made["webhook"]["webhookUrl"] == "https://n8n.example.com/webhook/1"
    assert made["rabbitmq"] == {"enabled": False}
    assert made["chatwoot"]["signMsg"] is True
    assert {"webhook", "WHATSAPP-BAILEYS"} <= set(made["notActive"])
    assert "rabbitmq" not in made["notActive"]


async def test_its_blank_options_of_a_create_count_as_not_given(house):
    made = await house.ok(
        "POST",
        "/instance/create",
        json=BASIC
        | {
            "webhook": {"url": "", "byEvents": False, "base64": False, "events": []},
            "chatwootAccountId": "",
            "chatwootToken": "",
            "chatwootUrl": "",
            "chatwootSignMsg": False,
        },
    )
    assert "chatwoot" not in made
    assert await house.ok("GET", "/webhook/find/n8n") is None


async def test_its_instance_calls(house, key):
    for method, path in (("GET", "connect"), ("POST", "restart"), ("DELETE", "logout")):
        status, body = await house.call(method, f"/instance/{path}/n8n", key=key)
        assert status == 400, (path, body)
        assert body["response"]["message"][0]
    status, body = await house.call(
        "POST", "/instance/setPresence/n8n", key=key, json={"presence": "available"}
    )
    assert status == 400, body
    deleted = await house.ok("DELETE", "/instance/delete/n8n", key=key)
    assert deleted["response"]["message"] == "Instance deleted"


async def test_its_settings_call(house, key):
    body = {
        "rejectCall": True,
        "msgCall": "Ligue mais tarde",
        "groupsIgnore": True,
        "alwaysOnline": True,
        "readMessages": False,
        "syncFullHistory": False,
        "readStatus": False,
    }
    answer = await house.ok("POST", "/settings/set/n8n", key=key, json=body)
    assert body.items() <= answer["settings"]["settings"].items()
    assert body.items() <= (await house.ok("GET", "/settings/find/n8n", key=key)).items()


async def test_its_proxy_calls(house, key):
    off = {
        "enabled": "",
        "host": "1234",
        "port": "",
        "protocol": "",
        "username": "",
        "password": "",
    }
    await house.ok("POST", "/proxy/set/n8n", key=key, json=off)
    assert await house.ok("GET", "/proxy/find/n8n", key=key) is None


async def test_its_webhook_calls(house, key):
    off = {
        "webhook": {
            "enabled": False,
            "url": "vazio",
            "webhookByEvents": False,
            "webhookBase64": False,
            "events": [],
        }
    }
    await house.ok("POST", "/webhook/set/n8n", key=key, json=off)
    on = {
        "webhook": {
            "enabled": True,
            "url": "https://n8n.example.com/webhook/2",
            "webhookByEvents": True,
            "webhookBase64": True,
            "events": ["CONNECTION_UPDATE"],
        }
    }
    await house.ok("POST", "/webhook/set/n8n", key=key, json=on)
    found = await house.ok("GET", "/webhook/find/n8n", key=key)
    assert found["url"] == "https://n8n.example.com/webhook/2"
    assert (found["webhookByEvents"], found["webhookBase64"]) == (True, True)
    assert found["events"] == ["CONNECTION_UPDATE"]


async def test_its_rabbitmq_calls(house, key):
    on = {"rabbitmq": {"enabled": True, "events": ["MESSAGES_UPSERT"]}}
    await house.ok("POST", "/rabbitmq/set/n8n", key=key, json=on)
    found = await house.ok("GET", "/rabbitmq/find/n8n", key=key)
    assert (found["enabled"], found["events"]) == (True, ["MESSAGES_UPSERT"])


async def test_its_chatwoot_calls(house, key):
    body = {
        "enabled": True,
        "accountId": str(house.chat.account_id),
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "signMsg": True,
        "reopenConversation": True,
        "conversationPending": False,
        "nameInbox": "WhatsApp n8n",
        "mergeBrazilContacts": True,
        "importContacts": False,
        "importMessages": False,
        "daysLimitImportMessages": 0,
        "signDelimiter": "\n",
        "autoCreate": True,
        "organization": "",
        "logo": "",
        "ignoreJids": [""],
    }
    await house.ok("POST", "/chatwoot/set/n8n", key=key, json=body)
    found = await house.ok("GET", "/chatwoot/find/n8n", key=key)
    assert found["nameInbox"] == "WhatsApp n8n"
    assert (found["signDelimiter"], found["ignoreJids"]) == ("\n", [])
    assert any(inbox.name == "WhatsApp n8n" for inbox in house.chat.inboxes.values())


async def test_its_typebot_calls(house, key):
    flow = {
        "enabled": True,
        "url": "https://viewer.example.com",
        "typebot": "atendimento",
        "triggerType": "all",
        "triggerOperator": "contains",
        "triggerValue": "",
        "expire": 0,
        "keywordFinish": "",
        "delayMessage": 1000,
        "unknownMessage": "",
        "listeningFromMe": False,
        "stopBotFromMe": False,
        "keepOpen": False,
        "debounceTime": 0,
    }
    made = await house.ok("POST", "/typebot/create/n8n", key=key, json=flow)
    assert len(await house.ok("GET", "/typebot/find/n8n", key=key)) == 1
    await house.ok("PUT", f"/typebot/update/{made['id']}/n8n", key=key, json=flow)
    assert await house.ok("GET", f"/typebot/fetchSessions/{made['id']}/n8n", key=key) == []
    await house.ok("DELETE", f"/typebot/delete/{made['id']}/n8n", key=key)


async def test_the_managers_credential_check(house, key):
    answer = await house.ok("POST", "/verify-creds")
    assert (answer["status"], answer["message"]) == (200, "Credentials are valid")
    status, _ = await house.call("POST", "/verify-creds", key=key)
    assert status == 401
