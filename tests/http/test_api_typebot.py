"""Typebot flows: stored, shown and guarded per instance; running them comes later."""

from __future__ import annotations

import pytest

from support.bridge_house import bridge_house

FLOW = {
    "enabled": True,
    "url": "https://viewer.example.com/",
    "typebot": "atendimento",
    "triggerType": "keyword",
    "triggerOperator": "equals",
    "triggerValue": "oi",
    "expire": 20,
    "keywordFinish": "#sair",
    "delayMessage": 500,
    "unknownMessage": "",
    "listeningFromMe": False,
    "stopBotFromMe": True,
    "keepOpen": False,
    "debounceTime": 2,
}


@pytest.fixture
async def house(tmp_path):
    async with bridge_house(tmp_path, provisioned=False) as made:
        for name in ("loja", "outra"):
            await made.ok(
                "POST",
                "/instance/create",
                json={
                    "instanceName": name,
                    "integration": "WHATSAPP-BAILEYS",
                    "token": f"key-of-{name}",
                },
            )
        yield made


async def test_a_flow_is_kept_changed_listed_and_deleted(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    assert made["url"] == "https://viewer.example.com"
    assert made["notActive"] == ["typebot"]
    assert await house.ok("GET", f"/typebot/fetch/{made['id']}/loja") == {
        name: value for name, value in made.items() if name != "notActive"
    }

    changed = await house.ok(
        "PUT", f"/typebot/update/{made['id']}/loja", json=FLOW | {"triggerValue": "olá"}
    )
    assert (changed["id"], changed["triggerValue"]) == (made["id"], "olá")
    assert [one["id"] for one in await house.ok("GET", "/typebot/find/loja")] == [made["id"]]

    deleted = await house.ok("DELETE", f"/typebot/delete/{made['id']}/loja")
    assert deleted == {"bot": {"id": made["id"]}}
    assert await house.ok("GET", "/typebot/find/loja") == []
    assert await house.ok("GET", f"/typebot/fetch/{made['id']}/loja") is None


async def test_an_update_by_post_is_the_same(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    changed = await house.ok(
        "POST", f"/typebot/update/{made['id']}/loja", json=FLOW | {"enabled": "false"}
    )
    assert changed["enabled"] is False
    assert "notActive" not in changed  # nobody expects it to answer


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (FLOW | {"triggerOperator": ""}, "Trigger operator and value are required"),
        (FLOW | {"triggerType": "advanced", "triggerValue": ""}, "Trigger value is required"),
        (FLOW | {"url": "viewer"}, 'Invalid "url" property in typebot_url'),
        (FLOW | {"triggerType": "sometimes"}, "triggerType is not one of enum values"),
    ],
)
async def test_a_flow_that_could_never_run_is_refused(house, flow, message):
    status, body = await house.call("POST", "/typebot/create/loja", json=flow)
    assert status == 400
    assert message in body["response"]["message"][0]
    assert await house.ok("GET", "/typebot/find/loja") == []


async def test_a_flow_may_be_written_as_forms_send_it(house):
    form = {
        "enabled": "true",
        "url": "https://viewer.example.com/ ",
        "typebot": " atendimento ",
        "triggerType": "",
        "expire": "20",
        "keywordFinish": 0,
        "delayMessage": "",
        "unknownMessage": "Não entendi.\nPode repetir?",
        "listeningFromMe": "0",
        "keepOpen": 1,
        "ignoreJids": None,
    }
    made = await house.ok("POST", "/typebot/create/loja", json=form)
    assert (made["url"], made["typebot"]) == ("https://viewer.example.com", "atendimento")
    assert (made["enabled"], made["triggerType"]) == (True, "all")
    assert (made["expire"], made["delayMessage"]) == (20, None)
    assert (made["keywordFinish"], made["unknownMessage"]) == ("0", form["unknownMessage"])
    assert (made["listeningFromMe"], made["keepOpen"]) == (False, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "  "}, 'The "url" cannot be empty'),
        ({"url": "https://viewer.example.com/?flow=1"}, 'Invalid "url" property in typebot_url'),
        ({"typebot": "  "}, 'The "typebot" cannot be empty'),
        ({"enabled": "talvez"}, "enabled is not of a type(s) boolean"),
        ({"expire": -1}, "expire must be greater than or equal to 0"),
        ({"keywordFinish": ["#sair"]}, "keywordFinish is not of a type(s) string"),
    ],
)
async def test_a_wrong_field_of_a_flow_is_named(house, change, message):
    status, body = await house.call("POST", "/typebot/create/loja", json=FLOW | change)
    assert status == 400
    assert body["response"]["message"] == [message]


async def test_two_flows_never_answer_to_the_same_trigger(house):
    everything = FLOW | {"triggerType": "all"}
    await house.ok("POST", "/typebot/create/loja", json=everything)
    await house.ok("POST", "/typebot/create/loja", json=FLOW)
    for flow, text in (
        (everything, 'You already have a Typebot with an "All" trigger'),
        (FLOW, "Trigger already exists"),
    ):
        status, body = await house.call("POST", "/typebot/create/loja", json=flow)
        assert status == 409
        assert body["response"]["code"] == "typebot.trigger_taken"
        assert body["response"]["message"][0].startswith(text)


async def test_another_instances_flows_do_not_exist(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    key = "key-of-outra"
    assert await house.ok("GET", f"/typebot/fetch/{made['id']}/outra", key=key) is None
    for method, path in (("PUT", "update"), ("DELETE", "delete")):
        status, body = await house.call(
            method, f"/typebot/{path}/{made['id']}/outra", key=key, json=FLOW
        )
        assert (status, body["response"]["code"]) == (404, "typebot.unknown")
    status, _ = await house.call(
        "POST", "/typebot/settings/outra", key=key, json={"typebotIdFallback": made["id"]}
    )
    assert status == 400
    assert len(await house.ok("GET", "/typebot/find/loja")) == 1


async def test_the_first_flow_gives_the_settings_their_values(house):
    before = await house.ok("GET", "/typebot/fetchSettings/loja")
    assert (before["expire"], before["fallback"]) == (0, None)
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)

    settings = await house.ok("GET", "/typebot/fetchSettings/loja")
    assert (settings["expire"], settings["keywordFinish"]) == (20, "#sair")

    for spelling in ("typebotIdFallback", "fallbackId"):
        changed = await house.ok(
            "POST", "/typebot/settings/loja", json={"expire": 5, spelling: made["id"]}
        )
        assert (changed["expire"], changed["keywordFinish"]) == (5, "#sair")
        assert changed["fallback"]["id"] == made["id"]


async def test_a_chat_is_left_alone_once(house):
    jid = {"remoteJid": "5511987650001@s.whatsapp.net"}
    for _ in range(2):
        kept = await house.ok("POST", "/typebot/ignoreJid/loja", json=jid | {"action": "add"})
        assert kept == {"ignoreJids": [jid["remoteJid"]]}
    kept = await house.ok("POST", "/typebot/ignoreJid/loja", json=jid | {"action": "remove"})
    assert kept == {"ignoreJids": []}


async def test_version_one_sees_its_one_flow(house):
    v1 = {"X-Api-Dialect": "v1"}
    body = {
        "enabled": True,
        "url": "https://viewer.example.com",
        "typebot": "atendimento",
        "expire": 0,
        "keyword_finish": "#sair",
        "delay_message": 1000,
        "unknown_message": "Não entendi",
        "listening_from_me": False,
    }
    made = await house.ok("POST", "/typebot/set/loja", json=body)
    assert made["typebot"]["instanceName"] == "loja"
    shown = made["typebot"]["typebot"]
    assert shown == body | {"sessions": []}
    assert await house.ok("GET", "/typebot/find/loja", headers=v1) == shown
    assert len(await house.ok("GET", "/typebot/find/loja", headers={"X-Api-Dialect": "v2"})) == 1

    await house.ok("POST", "/typebot/set/loja", json={"enabled": False})
    assert await house.ok("GET", "/typebot/find/loja", headers=v1) == {
        "enabled": False,
        "url": "",
        "typebot": "",
        "expire": 0,
        "sessions": [],
    }


async def test_version_one_never_makes_a_second_active_flow_for_all_messages(house):
    flow = {"url": "https://viewer.example.com", "typebot": "a", "triggerType": "all"}
    await house.ok("POST", "/typebot/create/loja", json=flow | {"enabled": False})
    await house.ok("POST", "/typebot/create/loja", json=flow | {"typebot": "b"})
    await house.ok("POST", "/typebot/set/loja", json=flow | {"typebot": "c", "enabled": True})
    found = await house.ok("GET", "/typebot/find/loja", headers={"X-Api-Dialect": "v2"})
    assert [(one["typebot"], one["enabled"]) for one in found] == [("a", False), ("c", True)]


async def test_what_would_run_a_flow_says_that_it_is_not_active(house):
    assert await house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    for path in ("start", "changeStatus"):
        status, body = await house.call("POST", f"/typebot/{path}/loja", json={})
        assert (status, body["response"]["code"]) == (501, "typebot.not_active")
