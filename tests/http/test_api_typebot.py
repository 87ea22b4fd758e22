"""Typebot flows: stored, shown and guarded per instance. What runs: `test_typebot_sessions`."""

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
    assert "notActive" not in made
    assert await house.ok("GET", f"/typebot/fetch/{made['id']}/loja") == made

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


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (FLOW | {"triggerOperator": ""}, "Trigger operator and value are required"),
        (FLOW | {"triggerType": "advanced", "triggerValue": ""}, "Trigger value is required"),
        (FLOW | {"triggerType": "advanced", "triggerValue": "contem:oi"}, "contains, notcontains"),
        (FLOW | {"triggerType": "advanced", "triggerValue": "contains:bom dia"}, "blanks between"),
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


@pytest.mark.parametrize(
    ("url", "typebot"),
    [
        ("https://viewer.example.com/atendimento", "atendimento"),
        ("HTTPS://Viewer.Example.com//", "atendimento"),
        ("https://viewer.example.com/api/v1", "atendimento"),
        ("https://viewer.example.com/api/v1/typebots/atendimento/startChat", "atendimento"),
        ("https://viewer.example.com", "https://viewer.example.com/atendimento?utm_source=site"),
        ("", "https://viewer.example.com/atendimento/"),
        ("https://viewer.example.com/atendimento", "https://viewer.example.com/atendimento"),
    ],
)
async def test_the_link_of_a_flow_may_be_pasted_as_it_is(house, url, typebot):
    place = {"url": url, "typebot": typebot}
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | place)
    kept = ("https://viewer.example.com", "atendimento")
    assert (made["url"], made["typebot"]) == kept
    shown = await house.ok("POST", "/typebot/set/outra", json=place | {"enabled": True})
    assert (shown["typebot"]["typebot"]["url"], shown["typebot"]["typebot"]["typebot"]) == kept


async def test_a_viewer_below_a_path_stays_there(house):
    place = {"url": "https://example.com/Bots/", "typebot": "atendimento"}
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | place)
    assert made["url"] == "https://example.com/Bots"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://192.168.0.9:3000", "192.168.0.9"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
        ("http://[fd00::1]", "fd00::1"),
    ],
)
async def test_a_viewer_that_may_not_be_called_is_refused_with_the_setting(house, url, host):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    for method, path in (
        ("POST", "create/loja"),
        ("PUT", f"update/{made['id']}/loja"),
        ("POST", "set/outra"),
    ):
        status, body = await house.call(method, f"/typebot/{path}", json=FLOW | {"url": url})
        assert (status, body["response"]["code"]) == (400, "net.forbidden_address")
        told = " ".join(body["response"]["message"])
        assert host in told
        assert "network.allowed_private_hosts" in told


async def test_words_of_choice_may_be_in_any_case_and_numbers_stand_for_texts(house):
    odd = {
        "triggerType": "Keyword",
        "triggerOperator": "startswith",
        "triggerValue": 1,
        "typebot": 123,
        "description": 7,
        "firstMessage": " MATCH ",
        "onEnd": "Resolve",
        "ignoreJids": "5511987650001@s.whatsapp.net, @g.us;",
        "enabled": "",
    }
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | odd)
    assert {name: made[name] for name in odd} == {
        "triggerType": "keyword",
        "triggerOperator": "startsWith",
        "triggerValue": "1",
        "typebot": "123",
        "description": "7",
        "firstMessage": "match",
        "onEnd": "resolve",
        "ignoreJids": ["5511987650001@s.whatsapp.net", "@g.us"],
        "enabled": False,
    }
    jids = [5511987650001, None, "", " 5511987650001 "]
    settings = await house.ok("POST", "/typebot/settings/loja", json={"ignoreJids": jids})
    assert settings["ignoreJids"] == ["5511987650001"]
    settings = await house.ok("POST", "/typebot/settings/loja", json={"ignoreJids": ""})
    assert settings["ignoreJids"] == []


async def test_what_an_update_leaves_out_stays(house):
    """Panels made for Evolution do not know our fields; their save must not take them away."""
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | OURS)
    few = {"enabled": True, "url": FLOW["url"], "typebot": "vendas", "triggerType": "keyword"}
    changed = await house.ok("PUT", f"/typebot/update/{made['id']}/loja", json=few)
    assert changed == made | {"typebot": "vendas", "updatedAt": changed["updatedAt"]}
    path = f"/typebot/update/{made['id']}/loja"
    changed = await house.ok("PUT", path, json={"expire": None, "enabled": False})
    assert (changed["expire"], changed["enabled"], changed["handOff"]) == (None, False, False)
    row = await house.ok("GET", f"/typebot/fetch/{made['id']}/loja")
    again = await house.ok("PUT", path, json=row)  # what was read may be sent back
    assert again == row | {"updatedAt": again["updatedAt"]}


async def test_what_version_ones_set_leaves_out_stays(house):
    flow = {"enabled": True, "url": "https://viewer.example.com", "typebot": "a", "expire": 5}
    await house.ok("POST", "/typebot/set/loja", json=flow | {"on_end": "keep"})
    made = await house.ok("POST", "/typebot/set/loja", json=flow | {"expire": 7})
    shown = made["typebot"]["typebot"]
    assert (shown["expire"], shown["on_end"]) == (7, "keep")


async def test_a_text_can_be_taken_away_again(house):
    """Evolution's forms send an empty one (5.2: silent)."""
    texts = {
        "keywordFinish": "sair",
        "unknownMessage": "Não entendi",
        "goodbye": "Até logo!",
        "endTeam": "Vendas",
        "errorMessage": "Um momento.",
    }
    none = dict.fromkeys(texts, "")
    for body, kept in ((texts, texts), ({"expire": 1}, texts), (none, none)):
        settings = await house.ok("POST", "/typebot/settings/loja", json=body)
        assert {name: settings[name] for name in texts} == kept
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | none)
    assert {name: made[name] for name in texts} == none
    path = f"/typebot/update/{made['id']}/loja"
    changed = await house.ok("PUT", path, json=dict.fromkeys(texts))
    assert {name: changed[name] for name in texts} == dict.fromkeys(texts)


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


async def test_nothing_falls_back_to_a_flow_that_is_gone(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    await house.ok("POST", "/typebot/settings/loja", json={"fallbackId": made["id"]})
    await house.ok("DELETE", f"/typebot/delete/{made['id']}/loja")
    settings = await house.ok("GET", "/typebot/fetchSettings/loja")
    assert (settings["fallbackId"], settings["fallback"]) == ("", None)
    # What has nothing to do with it can be changed.
    await house.ok("POST", "/typebot/settings/loja", json={"expire": 5})
    body = {"remoteJid": "5511987650001", "action": "add"}
    await house.ok("POST", "/typebot/ignoreJid/loja", json=body)
    # The same when version one takes its flow away.
    shown = await house.ok("POST", "/typebot/create/loja", json=FLOW | {"triggerType": "all"})
    await house.ok("POST", "/typebot/settings/loja", json={"fallbackId": shown["id"]})
    await house.ok("POST", "/typebot/set/loja", json={"enabled": "", "url": "", "typebot": ""})
    settings = await house.ok("GET", "/typebot/fetchSettings/loja")
    assert settings["fallbackId"] == ""


async def test_a_chat_is_left_alone_once(house):
    jid = {"remoteJid": "5511987650001@s.whatsapp.net"}
    for _ in range(2):
        kept = await house.ok("POST", "/typebot/ignoreJid/loja", json=jid | {"action": "add"})
        assert kept == {"ignoreJids": [jid["remoteJid"]]}
    kept = await house.ok("POST", "/typebot/ignoreJid/loja", json=jid | {"action": "remove"})
    assert kept == {"ignoreJids": []}


async def test_a_chat_is_taken_off_in_whatever_way_it_is_written(house):
    async def change(action, **whom):
        body = {"action": action} | whom
        return (await house.ok("POST", "/typebot/ignoreJid/loja", json=body))["ignoreJids"]

    assert await change("add", remoteJid=5511987650001) == ["5511987650001"]
    # The ninth digit, an `@`, a blank: it is the same person, and stands there once.
    assert await change("ADD", number="551187650001@s.whatsapp.net") == [
        "551187650001@s.whatsapp.net"
    ]
    assert await change("add", remoteJid="@g.us") == ["551187650001@s.whatsapp.net", "@g.us"]
    assert await change("remove", remoteJid="+55 11 98765-0001") == ["@g.us"]
    assert await change("remove", remoteJid="@g.us") == []


async def test_what_names_no_chat_is_not_left_alone(house):
    for wrong in ("lixo", "  ", ""):
        body = {"remoteJid": wrong, "action": "add"}
        status, _ = await house.call("POST", "/typebot/ignoreJid/loja", json=body)
        assert status == 400
    assert (await house.ok("GET", "/typebot/fetchSettings/loja"))["ignoreJids"] == []
    # What stands there from elsewhere goes all the same.
    await house.ok("POST", "/typebot/settings/loja", json={"ignoreJids": ["lixo"]})
    body = {"remoteJid": "lixo", "action": "remove"}
    assert await house.ok("POST", "/typebot/ignoreJid/loja", json=body) == {"ignoreJids": []}


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
    assert {name: shown[name] for name in (*body, "sessions")} == body | {"sessions": []}
    assert shown["ignore_case"] is None  # ours, behind Evolution's own
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


async def test_a_row_has_evolutions_keys_first_and_ours_behind(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    assert list(made)[: len(ROW)] == ROW
    settings = await house.ok("GET", "/typebot/fetchSettings/loja")
    assert (settings["handOff"], settings["onEnd"], settings["restart"]) == (
        True,
        "open",
        "trigger",
    )


ROW = [
    "id",
    "enabled",
    "description",
    "url",
    "typebot",
    "expire",
    "keywordFinish",
    "delayMessage",
    "unknownMessage",
    "listeningFromMe",
    "stopBotFromMe",
    "keepOpen",
    "debounceTime",
    "createdAt",
    "updatedAt",
    "ignoreJids",
    "triggerType",
    "triggerOperator",
    "triggerValue",
    "splitMessages",
    "timePerChar",
    "instanceId",
]
OURS = {
    "ignoreCase": False,
    "ignoreAccents": False,
    "firstMessage": "match",
    "handOff": False,
    "onEnd": "resolve",
    "endTeam": "Vendas",
    "endAgent": "7",
    "endLabels": ["bot", "lead"],
    "restart": "hours",
    "restartHours": 0.5,
    "pauseHours": 12.0,
    "goodbye": "Até logo!",
    "expireMessage": "Ainda está aí?",
    "errorMessage": "Um momento.",
    "groups": True,
}


async def test_our_own_fields_of_a_flow_are_kept_in_either_spelling(house):
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW | OURS)
    assert {name: made[name] for name in OURS} == OURS
    snake = {
        "ignore_case": "false",
        "first_message": "match",
        "end_labels": "bot, lead,,bot",
        "end_agent": 7,
        "restart_hours": "0.5",
        "finishMessage": "Até logo!",
        "on_end": "",
    }
    changed = await house.ok("PUT", f"/typebot/update/{made['id']}/loja", json=FLOW | snake)
    assert {name: changed[name] for name in ("ignoreCase", "firstMessage", "endLabels")} == {
        "ignoreCase": False,
        "firstMessage": "match",
        "endLabels": ["bot", "lead"],
    }
    assert (changed["endAgent"], changed["restartHours"]) == ("7", 0.5)
    assert (changed["goodbye"], changed["onEnd"]) == ("Até logo!", None)

    settings = await house.ok("POST", "/typebot/settings/loja", json=OURS)
    assert {name: settings[name] for name in OURS} == OURS


async def test_version_one_takes_our_fields_too(house):
    flow = {"enabled": True, "url": "https://viewer.example.com", "typebot": "a"}
    made = await house.ok("POST", "/typebot/set/loja", json=flow | {"hand_off": False})
    assert made["typebot"]["typebot"]["hand_off"] is False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expire": 5_256_001}, "expire must be less than or equal to 5256000"),
        ({"debounceTime": 301}, "debounceTime must be less than or equal to 300"),
        ({"delayMessage": 60_001}, "delayMessage must be less than or equal to 60000"),
        ({"time_per_char": 60_001}, "time_per_char must be less than or equal to 60000"),
        ({"restartHours": -1}, "restartHours must be greater than or equal to 0.0"),
        ({"pauseHours": "um dia"}, "pauseHours is not of a type(s) number"),
        ({"onEnd": "close"}, "onEnd is not one of enum values: open,keep,resolve"),
        ({"endLabels": ["x"] * 51}, "endLabels does not meet maximum length of 50"),
    ],
)
async def test_a_value_of_a_flow_out_of_bounds_is_named(house, change, message):
    for path in ("create", "settings"):
        status, body = await house.call("POST", f"/typebot/{path}/loja", json=FLOW | change)
        assert status == 400
        assert body["response"]["message"] == [message]


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(oi|ol", "missing )"),
        ("[a-z", "unterminated character set"),
        ("((a{1000}){1000}){1000}", "too large"),
        ("(" * 500 + ")" * 500, "nested too deeply"),
        ("(?P<a>x)(?P=b)", "unknown group"),
    ],
)
async def test_a_pattern_that_no_message_could_be_compared_with_is_refused(house, pattern, fault):
    flow = FLOW | {"triggerOperator": "regex", "triggerValue": pattern}
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    for method, path in (("POST", "create/loja"), ("PUT", f"update/{made['id']}/loja")):
        status, body = await house.call(method, f"/typebot/{path}", json=flow)
        assert (status, body["response"]["code"]) == (400, "typebot.trigger_pattern")
        assert fault in body["response"]["message"][0]
    right = FLOW | {"triggerOperator": "regex", "triggerValue": r"^(oi|ol[áa])\b.*\d{5}-?\d{3}"}
    await house.ok("POST", "/typebot/create/loja", json=right)


async def test_a_change_of_a_flow_is_what_the_next_turn_sees(house):
    def kept():
        entry = house.service.directory.by_name("loja")
        return house.service.store.read(lambda db: house.service.shelf.of(db, entry.id))

    assert (await kept()).bots == ()
    made = await house.ok("POST", "/typebot/create/loja", json=FLOW)
    assert [one.bot.trigger_value for one in (await kept()).bots] == ["oi"]
    path = f"/typebot/update/{made['id']}/loja"
    await house.ok("PUT", path, json=FLOW | {"triggerValue": "olá"})
    assert [one.bot.trigger_value for one in (await kept()).bots] == ["olá"]
    await house.ok("POST", "/typebot/settings/loja", json={"expire": 7})
    assert (await kept()).settings.expire == 7
    await house.ok("DELETE", f"/typebot/delete/{made['id']}/loja")
    assert (await kept()).bots == ()
