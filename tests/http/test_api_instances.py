"""Instances in Evolution v2's words: made whole or not at all, and every failure says why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.graph import Number, Route, faults
from support.bridge_house import KEY, NAME, House, bridge_house

OTHER = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")


async def nothing_is_left(house: House) -> None:
    assert await house.ok("GET", "/instance/fetchInstances") == []
    assert house.chat.inboxes == {}
    assert await house.rows("SELECT * FROM instance") == []
    assert await house.rows("SELECT * FROM chatwoot_inbox") == []


def told(body: Any) -> tuple[str, str]:
    """Code and first message of an error in Evolution's envelope."""
    assert set(body) == {"status", "error", "response"}
    assert all(isinstance(message, str) for message in body["response"]["message"])
    return body["response"]["code"], body["response"]["message"][0]


# ---------------------------------------------------------------- creating


async def test_create_answers_in_evolutions_words(empty_house: House) -> None:
    house = empty_house
    status, body = await house.call(
        "POST", "/instance/create", json=house.order(chatwootSignMsg=True, rejectCall=True)
    )
    assert status == 201
    assert body["instance"] | {"instanceId": ""} == {
        "instanceName": "loja",
        "instanceId": "",
        "integration": "WHATSAPP-BUSINESS",
        "webhookWaBusiness": f"{house.url}/webhook/meta",
        "accessTokenWaBusiness": "verify-token-of-the-tests",
        "status": "open",
    }
    assert isinstance(body["hash"], str)
    assert body["settings"]["rejectCall"] is True
    assert body["chatwoot"] | {"token": ""} == {
        "enabled": True,
        "accountId": "1",
        "token": "",
        "url": house.chat_url,
        "signMsg": True,
        "reopenConversation": False,
        "conversationPending": False,
        "mergeBrazilContacts": False,
        "importContacts": True,
        "importMessages": True,
        "daysLimitImportMessages": 60,
        "number": "412900001234567",
        "nameInbox": "WhatsApp Loja",
        "webhookUrl": f"{house.url}/chatwoot/webhook/loja",
    }


async def test_create_makes_the_inbox_the_bot_contact_and_its_conversation(
    empty_house: House,
) -> None:
    house = empty_house
    await house.create(chatwootOrganization="Padaria Aurora")
    inbox = house.inbox
    assert (inbox.name, inbox.channel_type) == ("WhatsApp Loja", "Channel::Api")
    assert (inbox.webhook_url or "").startswith(f"{house.url}/chatwoot/webhook/loja/")
    assert [one.name for one in house.chat.contacts.values()] == ["Padaria Aurora"]
    assert len(house.chat.conversations) == 1
    (row,) = await house.rows("SELECT * FROM chatwoot_inbox")
    assert (row["inbox_id"], row["inbox_identifier"]) == (inbox.id, inbox.identifier)
    assert inbox.secret not in str(row)  # stored, but not in the clear


async def test_setting_it_up_again_makes_nothing_twice(house: House) -> None:
    for _ in range(2):
        await house.ok("POST", f"/chatwoot/set/{NAME}", json=chatwoot(house))
    assert len(house.chat.inboxes) == 1
    assert len(house.chat.contacts) == 1
    assert len(house.chat.conversations) == 1


async def test_an_instance_without_chatwoot_is_an_instance(empty_house: House) -> None:
    house = empty_house
    order = house.order(chatwootAccountId=None, chatwootToken=None, chatwootUrl=None)
    body = await house.ok("POST", "/instance/create", json=order)
    assert "chatwoot" not in body
    found = await house.ok("GET", f"/chatwoot/find/{NAME}")
    assert (found["enabled"], found["url"]) == (False, "")
    assert house.chat.requests.total() == 0


async def test_the_name_of_the_inbox_comes_from_the_instance_when_none_is_given(
    empty_house: House,
) -> None:
    await empty_house.create(instanceName="padaria-cwId-7", chatwootNameInbox=None)
    assert empty_house.inbox.name == "padaria"


async def test_an_account_id_may_be_a_number(empty_house: House) -> None:
    await empty_house.create(chatwootAccountId=1)
    assert len(empty_house.chat.inboxes) == 1


@pytest.mark.parametrize("name", ["loja centro", "Açaí & Cia", "100%", "ü" * 255, "a.b-c_d"])
async def test_odd_names_work_everywhere(empty_house: House, name: str) -> None:
    from urllib.parse import quote  # noqa: PLC0415

    house = empty_house
    await house.create(instanceName=name)
    path = quote(name, safe="")
    answer = await house.ok("GET", f"/instance/connectionState/{path}")
    assert answer["instance"]["instanceName"] == name
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "oi")
    await house.sent()
    await house.ok("DELETE", f"/instance/delete/{path}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instanceName": None}, 'instance requires property "instanceName"'),
        ({"instanceName": ""}, 'The "instanceName" cannot be empty'),
        ({"instanceName": "a/b"}, 'The "instanceName" must not hold / \\ ? # or control'),
        ({"instanceName": 7}, "instanceName is not of a type(s) string"),
        ({"token": None}, "token is required"),
        ({"number": None}, "number is required"),
        ({"integration": "WHATSAPP-SMOKE"}, "Invalid integration"),
        ({"chatwootSignMsg": "perhaps"}, "chatwootSignMsg is not of a type(s) boolean"),
        ({"chatwootAccountId": "one"}, "chatwootAccountId is not of a type(s) integer"),
        ({"chatwootAccountId": 0}, "chatwootAccountId must be greater than or equal to 1"),
        ({"chatwootUrl": "chat.example.org"}, 'Invalid "url" property in chatwoot'),
        ({"chatwootUrl": "http://u:p@chat.example.org"}, 'Invalid "url" property in chatwoot'),
        (
            {"chatwootToken": None},
            "chatwootToken is required when chatwootAccountId is set",
        ),
        ({"chatwootDaysLimitImportMessages": -1}, "chatwootDaysLimitImportMessages must be"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_wrong_order_is_refused_and_says_why(
    empty_house: House, changes: dict[str, Any], message: str
) -> None:
    house = empty_house
    status, body = await house.call("POST", "/instance/create", json=house.order(**changes))
    assert status == 400
    assert told(body)[1].startswith(message)
    await nothing_is_left(house)
    assert house.chat.requests.total() == 0


# ---------------------------------------------------------------- which Chatwoot step failed


async def refused(house: House, **changes: Any) -> tuple[int, str, str]:
    status, body = await house.call("POST", "/instance/create", json=house.order(**changes))
    code, message = told(body)
    await nothing_is_left(house)
    return status, code, message


async def test_a_wrong_chatwoot_token(empty_house: House) -> None:
    status, code, message = await refused(empty_house, chatwootToken="wrong")
    assert (status, code) == (400, "chatwoot.token")
    assert message.startswith("Chatwoot rejected the token")
    assert '"wrong"' not in message


async def test_a_token_of_somebody_who_is_no_administrator(empty_house: House) -> None:
    token = empty_house.chat.agent_token
    status, code, message = await refused(empty_house, chatwootToken=token)
    assert (status, code) == (400, "chatwoot.not_administrator")
    assert "Caio" in message
    assert token not in message


async def test_a_token_of_a_bot(empty_house: House) -> None:
    status, code, _ = await refused(empty_house, chatwootToken=empty_house.chat.bot_token)
    assert (status, code) == (400, "chatwoot.token")


async def test_an_account_that_the_token_has_no_access_to(empty_house: House) -> None:
    status, code, message = await refused(empty_house, chatwootAccountId="9")
    assert (status, code) == (400, "chatwoot.wrong_account")
    assert "1 (Padaria Aurora Ltda)" in message


async def test_a_chatwoot_that_cannot_be_reached(empty_house: House) -> None:
    status, code, message = await refused(empty_house, chatwootUrl="http://127.0.0.1:9")
    assert (status, code) == (400, "chatwoot.unreachable")
    assert "http://127.0.0.1:9" in message


async def test_a_chatwoot_that_does_not_answer(tmp_path: Path) -> None:
    options = {"api": {"probe_seconds": 4}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        house.chat.faults.hang(30, route="GET profile")
        status, code, _ = await refused(house)
        assert (status, code) == (400, "chatwoot.unreachable")


async def test_a_private_address_that_is_not_allowed(tmp_path: Path) -> None:
    options = {"network": {"allowed_private_hosts": ["127.0.0.1"]}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        status, code, message = await refused(house, chatwootUrl="http://10.1.2.3")
        assert (status, code) == (400, "net.forbidden_address")
        assert "allowed_private_hosts" in message


async def test_something_that_is_no_chatwoot(empty_house: House) -> None:
    graph = empty_house.graph.base_url
    status, code, _ = await refused(empty_house, chatwootUrl=graph)
    assert status == 400
    assert code.startswith("chatwoot.")


@pytest.mark.parametrize(
    "route",
    ["GET inboxes", "POST inboxes", "POST contacts", "POST conversations", "POST messages"],
)
@pytest.mark.parametrize("how", ["fail", "stored_but"])
async def test_whatever_step_fails_nothing_is_left(
    empty_house: House, route: str, how: str
) -> None:
    house = empty_house
    getattr(house.chat.faults, how)(500, route=route)
    status, body = await house.call("POST", "/instance/create", json=house.order())
    assert status == 400
    assert told(body)[0].startswith("chatwoot.")
    house.chat.faults.clear()
    if how == "fail" or route != "POST inboxes":
        await nothing_is_left(house)
    await house.create()
    assert len(house.chat.inboxes) == 1


async def test_a_wrong_meta_token_leaves_no_trace_in_chatwoot(empty_house: House) -> None:
    status, code, message = await refused(empty_house, token="EAAwrong")
    assert (status, code) == (400, "whatsapp.token")
    assert "EAAwrong" not in message
    assert set(empty_house.chat.requests) == {"GET profile"}  # asked at the same time


async def test_meta_being_down_does_not_prevent_a_create(empty_house: House) -> None:
    empty_house.graph.faults.always(Route.NUMBER, faults.broken())
    made = await empty_house.create()
    assert made["instance"]["status"] in ("open", "connecting", "close")


# ---------------------------------------------------------------- keys, channels, not active


async def test_a_key_may_be_wished_for_and_opens_the_instance(empty_house: House) -> None:
    house = empty_house
    made = await house.ok(
        "POST",
        "/instance/create",
        json={"instanceName": "loja", "integration": "WHATSAPP-BAILEYS", "token": "minha-chave"},
    )
    assert made["hash"] == "minha-chave"
    await house.ok("GET", "/instance/connectionState/loja", key="minha-chave")


@pytest.mark.parametrize("key", ["minha-chave", KEY])
async def test_a_key_opens_one_instance_only(empty_house: House, key: str) -> None:
    house = empty_house
    first = {"instanceName": "um", "integration": "WHATSAPP-BAILEYS", "token": "minha-chave"}
    await house.ok("POST", "/instance/create", json=first)
    second = first | {"instanceName": "dois", "token": key}
    status, body = await house.call("POST", "/instance/create", json=second)
    assert (status, told(body)) == (400, ("instance.key_taken", "Token already exists"))
    assert [row["name"] for row in await house.ok("GET", "/instance/fetchInstances")] == ["um"]


async def test_of_two_creates_with_one_key_at_once_one_wins(empty_house: House) -> None:
    house = empty_house
    orders = [
        {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "token": "minha-chave"}
        for name in ("um", "dois", "três")
    ]
    answers = await asyncio.gather(
        *(house.call("POST", "/instance/create", json=order) for order in orders)
    )
    assert sorted(status for status, _ in answers) == [201, 400, 400]


async def test_a_channel_that_is_not_installed_is_stored_whole_and_named(
    empty_house: House,
) -> None:
    house = empty_house
    order = house.order(
        integration="WHATSAPP-BAILEYS",
        token=None,
        number="5511987650001",
        qrcode=True,
        webhookUrl="https://example.org/hook",
        rabbitmqEnabled=True,
        typebotUrl=house.chat_url,
        typebot="lead",
    )
    made = await house.ok("POST", "/instance/create", json=order)
    assert made["instance"]["status"] == "close"
    assert made["notActive"] == ["WHATSAPP-BAILEYS", "webhook", "rabbitmq", "typebot"]
    assert any("WHATSAPP-BAILEYS is not installed" in text for text in made["warnings"])
    assert made["qrcode"]["count"] == 0
    assert len(house.chat.inboxes) == 1
    assert len(await house.rows("SELECT * FROM typebot")) == 1
    (row,) = await house.ok("GET", "/instance/fetchInstances")
    assert (row["connectionStatus"], row["number"]) == ("close", "5511987650001")


async def test_a_typebot_that_is_not_there_is_refused(empty_house: House) -> None:
    order = {"instanceName": "loja", "typebot_url": "http://127.0.0.1:9/x", "typebot": "lead"}
    status, body = await empty_house.call("POST", "/instance/create", json=order)
    assert (status, told(body)[0]) == (400, "typebot.unreachable")
    assert told(body)[1].startswith("Typebot cannot be reached at 127.0.0.1:9: ")
    await nothing_is_left(empty_house)


async def test_one_that_is_being_created_is_seen_by_nobody(empty_house: House) -> None:
    house = empty_house
    hangs = house.chat.faults.hang(30, route="POST contacts")
    order = house.order(integration="WHATSAPP-BAILEYS", token="minha-chave", number=None)
    creating = asyncio.ensure_future(house.call("POST", "/instance/create", json=order))
    await house.chat.wait_for(lambda: hangs.hits > 0)
    assert await house.ok("GET", "/instance/fetchInstances") == []
    for key in (KEY, "minha-chave"):
        status, _ = await house.call("GET", "/instance/connectionState/loja", key=key)
        assert status == (404 if key == KEY else 401)
    status, _ = await house.call("DELETE", "/instance/delete/loja")
    assert status == 404
    status, body = await house.call("POST", "/instance/create", json=order)
    assert (status, told(body)[0]) == (403, "instance.name_taken")
    house.chat.faults.clear()
    assert (await creating)[0] == 201
    await house.ok("GET", "/instance/connectionState/loja", key="minha-chave")
    events = [row["name"] for row in await house.rows("SELECT name FROM event")]
    assert events[0] == "instance.create"


# ---------------------------------------------------------------- adopting an inbox


async def test_an_inbox_of_that_name_is_adopted(empty_house: House) -> None:
    house = empty_house
    made = house.chat.add_inbox("WhatsApp Loja")
    await house.create()
    assert list(house.chat.inboxes) == [made.id]
    assert (made.webhook_url or "").startswith(house.url)


async def test_an_inbox_that_delivers_elsewhere_is_taken_over_only_when_asked(
    empty_house: House,
) -> None:
    house = empty_house
    made = house.chat.add_inbox("WhatsApp Loja", webhook_url="https://evo.example.org/x?token=s3")
    status, body = await house.call("POST", "/instance/create", json=house.order())
    code, message = told(body)
    assert (status, code) == (409, "chatwoot.webhook_taken")
    assert "https://evo.example.org/" in message
    assert "s3" not in message
    assert made.webhook_url == "https://evo.example.org/x?token=s3"
    await house.create(replaceWebhook=True)
    assert (made.webhook_url or "").startswith(house.url)


async def test_an_inbox_of_another_instance_is_refused(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, graph={"numbers": (Number(), OTHER)}) as house:
        order = house.order(instanceName="filial", number=OTHER.phone_number_id)
        status, body = await house.call("POST", "/instance/create", json=order)
        code, message = told(body)
        assert (status, code) == (409, "chatwoot.inbox_taken")
        assert "'loja'" in message
        rows = await house.ok("GET", "/instance/fetchInstances")
        assert [row["name"] for row in rows] == ["loja"]


async def test_an_address_that_only_begins_like_ours_is_somebody_elses(
    empty_house: House,
) -> None:
    house = empty_house
    house.chat.add_inbox(
        "WhatsApp Loja", webhook_url=f"{house.url}/chatwoot/webhook/loja-da-esquina/secret"
    )
    status, body = await house.call("POST", "/instance/create", json=house.order())
    assert (status, told(body)[0]) == (409, "chatwoot.webhook_taken")


async def test_an_inbox_of_another_kind_is_refused(empty_house: House) -> None:
    house = empty_house
    house.chat.add_inbox("WhatsApp Loja", channel="web_widget")
    status, body = await house.call("POST", "/instance/create", json=house.order())
    assert (status, told(body)[0]) == (409, "chatwoot.inbox_type")


async def test_an_adopted_inbox_is_not_deleted_when_the_create_fails(empty_house: House) -> None:
    house = empty_house
    made = house.chat.add_inbox("WhatsApp Loja")
    house.chat.faults.fail(500, route="POST contacts")
    status, _ = await house.call("POST", "/instance/create", json=house.order())
    assert status == 400
    assert list(house.chat.inboxes) == [made.id]


# ---------------------------------------------------------------- one name, one number


async def test_a_name_that_is_taken(house: House) -> None:
    status, body = await house.call("POST", "/instance/create", json=house.order())
    assert (status, told(body)) == (
        403,
        ("instance.name_taken", 'This name "loja" is already in use.'),
    )


async def test_a_number_belongs_to_one_instance(house: House) -> None:
    order = house.order(instanceName="outra", chatwootNameInbox="Outra")
    status, body = await house.call("POST", "/instance/create", json=order)
    assert (status, told(body)[0]) == (409, "number.taken")
    assert len(house.chat.inboxes) == 1


@pytest.mark.parametrize(
    ("names", "code"),
    [(("loja", "loja"), "instance.name_taken"), (("loja", "outra"), "number.taken")],
)
async def test_of_two_creates_at_once_exactly_one_wins(
    empty_house: House, names: tuple[str, str], code: str
) -> None:
    house = empty_house
    house.chat.latency = 0.02
    answers = await asyncio.gather(
        *(house.call("POST", "/instance/create", json=house.order(instanceName=n)) for n in names)
    )
    losers = [told(body)[0] for status, body in answers if status != 201]
    assert losers == [code]
    rows = await house.ok("GET", "/instance/fetchInstances")
    assert len(rows) == 1
    assert len(house.chat.inboxes) == 1


async def test_the_loser_says_which_of_the_two_was_taken(empty_house: House) -> None:
    house = empty_house
    answers = await asyncio.gather(
        *(house.call("POST", "/instance/create", json=house.order()) for _ in range(4))
    )
    losers = [told(body)[0] for status, body in answers if status != 201]
    assert losers == ["instance.name_taken"] * 3


async def test_a_deleted_instance_can_be_made_again(house: House) -> None:
    await house.talk(text="antes")
    body = await house.ok("DELETE", f"/instance/delete/{NAME}")
    assert body == {
        "status": "SUCCESS",
        "error": False,
        "response": {"message": "Instance deleted"},
    }
    assert len(house.chat.inboxes) == 1  # conversations stay where they are
    status, _ = await house.call("GET", f"/instance/connectionState/{NAME}")
    assert status == 404
    await house.create()
    assert len(house.chat.inboxes) == 1
    chat = await house.talk(text="depois")
    house.chat.agent_writes(chat.id, "oi")
    await house.sent()
    assert house.shown() == ["antes", "depois"]


async def test_events_for_a_deleted_instance_are_ignored(house: House) -> None:
    await house.ok("DELETE", f"/instance/delete/{NAME}")
    await house.graph.customer_writes("5511987650001", "ninguém")
    assert house.graph.outbox.attempts[-1].status == 200
    assert (await house.events())["inbound", "ignored", "whatsapp.unknown_number"] == 1


# ---------------------------------------------------------------- reading and changing


async def test_fetch_instances_masks_every_token(house: House) -> None:
    (row,) = await house.ok("GET", "/instance/fetchInstances")
    assert (row["name"], row["connectionStatus"], row["number"]) == (
        "loja",
        "open",
        "412900001234567",
    )
    assert row["Chatwoot"]["nameInbox"] == "WhatsApp Loja"
    text = str(row)
    for secret in (house.chat.admin_token, house.inbox.secret, house.hook.rpartition("/")[2]):
        assert secret not in text


@pytest.mark.parametrize(
    ("query", "status", "count"),
    [
        ({}, 200, 1),
        ({"instanceName": "loja"}, 200, 1),
        ({"instanceName": "nada"}, 200, 0),
        ({"number": "412900001234567"}, 200, 1),
        ({"number": "1"}, 404, 0),
        ({"instanceId": "1"}, 404, 0),
    ],
)
async def test_fetch_instances_filters(
    house: House, query: dict[str, str], status: int, count: int
) -> None:
    answered, body = await house.call("GET", "/instance/fetchInstances", params=query)
    assert answered == status
    assert status == 404 or len(body) == count


async def many(house: House, count: int) -> list[str]:
    """So many instances that a phone is to connect; their names, in order."""
    names = [f"loja-{number:02}" for number in range(count)]
    for name in names:
        body = {
            "instanceName": name,
            "integration": "WHATSAPP-BAILEYS",
            "number": f"551{name[-2:]}",
        }
        await house.ok("POST", "/instance/create", json=body)
    return names


async def listed(house: House, **query: Any) -> tuple[list[str], int]:
    """Names on a page, and how many there are in all."""
    headers = {"apikey": query.pop("key", KEY)}
    url = f"{house.url}/instance/fetchInstances"
    async with house.http.get(url, params=query, headers=headers) as answer:
        assert answer.status == 200
        rows = await answer.json()
        return [row["name"] for row in rows], int(answer.headers["X-Total-Count"])


async def test_a_list_comes_in_pages_or_whole(empty_house: House) -> None:
    names = await many(empty_house, 7)
    assert await listed(empty_house) == (names, 7)
    assert await listed(empty_house, page=1, pageSize=3) == (names[:3], 7)
    assert await listed(empty_house, page=3, pageSize=3) == (names[6:], 7)
    assert await listed(empty_house, page=4, pageSize=3) == ([], 7)
    assert await listed(empty_house, pageSize=2) == (names[:2], 7)
    assert await listed(empty_house, page=1) == (names, 7)
    assert await listed(empty_house, number="55103") == (["loja-03"], 1)
    for query in ({"page": "0"}, {"pageSize": "1001"}, {"page": "x"}, {"pageSize": "-1"}):
        status, _ = await empty_house.call("GET", "/instance/fetchInstances", params=query)
        assert status == 400, query


async def test_nothing_in_the_query_shows_an_instances_key_another(empty_house: House) -> None:
    house = empty_house
    made = [
        await house.ok("POST", "/instance/create", json={"instanceName": n, "token": f"{n}-key"})
        for n in ("um", "dois")
    ]
    other = made[1]["instance"]["instanceId"]
    for query in ({}, {"instanceName": "um"}):
        assert (await listed(house, key="um-key", **query))[0] == ["um"]
    for query in (
        {"instanceName": "dois"},
        {"instanceId": other},
        {"number": "1"},
        {"page": "1", "instanceId": other},
    ):
        status, body = await house.call(
            "GET", "/instance/fetchInstances", params=query, key="um-key"
        )
        assert status == 404 or body in ([], [{"name": "um"}]) or body[0]["name"] == "um", query
        assert "dois" not in str(body) or status == 404, query


async def test_a_profile_that_is_imported_shows_until_the_phone_tells_its_own(
    empty_house: House,
) -> None:
    profile = {
        "ownerJid": "5511987650001@s.whatsapp.net",
        "profileName": "Padaria Aurora",
        "profilePicUrl": "https://pps.example/loja.jpg",
    }
    made = await empty_house.ok("POST", "/instance/create", json={"instanceName": NAME, **profile})
    assert isinstance(made["hash"], str)  # nobody but Evolution 2 takes these
    (row,) = await empty_house.ok("GET", "/instance/fetchInstances")
    assert row.items() >= profile.items()


async def test_evolution_1_answers_a_name_with_the_one_row(house: House) -> None:
    path, header = "/instance/fetchInstances", {"X-Api-Dialect": "v1"}
    row = await house.ok("GET", path, params={"instanceName": NAME}, headers=header)
    assert row["instance"]["instanceName"] == NAME
    rows = await house.ok("GET", path, headers=header)
    assert [one["instance"]["instanceName"] for one in rows] == [NAME]
    rows = await house.ok("GET", path, params={"instanceName": NAME}, headers=header, key=house.key)
    assert isinstance(rows, list)
    status, body = await house.call("GET", path, params={"instanceName": "x"}, headers=header)
    assert (status, told(body)[1]) == (404, 'Instance "x" not found')
    assert await house.ok("GET", path, params={"instanceName": "x"}) == []


async def test_secrets_are_shown_only_where_the_operator_wants_it(tmp_path: Path) -> None:
    options = {"api": {"expose_secrets": True}}
    async with bridge_house(tmp_path, options=options) as house:
        (row,) = await house.ok("GET", "/instance/fetchInstances")
        assert row["Chatwoot"]["token"] == house.chat.admin_token
        assert house.key not in str(row)
        (row,) = await house.ok("GET", "/instance/fetchInstances", key=house.key)
        assert house.chat.admin_token not in str(row)


async def test_an_instances_key_opens_that_instance_only(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, graph={"numbers": (Number(), OTHER)}) as house:
        key = house.key
        await house.create(
            instanceName="filial", number=OTHER.phone_number_id, chatwootNameInbox="Filial"
        )
        rows = await house.ok("GET", "/instance/fetchInstances", key=key)
        assert [row["name"] for row in rows] == ["loja"]
        await house.ok("GET", "/instance/connectionState/loja", key=key)
        for method, path in (
            ("GET", "/instance/connectionState/filial"),
            ("GET", "/chatwoot/find/filial"),
            ("DELETE", "/instance/delete/filial"),
            ("POST", "/chatwoot/set/filial"),
            ("POST", "/instance/create"),
            ("GET", "/metrics"),
            ("GET", "/dead-letters"),
            ("GET", "/why"),
            ("GET", "/who"),
            ("GET", "/instance/connectionState/nobody"),
        ):
            status, _ = await house.call(method, path, key=key)
            assert status == 401, (method, path)


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], KEY.upper(), "ü" * 40])
async def test_without_the_key_nothing_is_told(house: House, key: str | None) -> None:
    headers = {} if key is None else {"apikey": key}
    for method, path in (
        ("POST", "/instance/create"),
        ("GET", "/instance/fetchInstances"),
        ("GET", "/instance/connectionState/loja"),
        ("GET", "/instance/connectionState/nobody"),
        ("DELETE", "/instance/delete/loja"),
        ("POST", "/chatwoot/set/loja"),
        ("GET", "/chatwoot/find/loja"),
        ("GET", "/metrics"),
        ("GET", "/why?message=1"),
        ("GET", "/who?person=1"),
        ("GET", "/dead-letters"),
    ):
        status, body = await house.call(method, path, key=None, headers=headers)
        assert (status, body["response"]["message"]) == (401, ["Unauthorized"]), path
    await house.ok("GET", "/instance/connectionState/loja")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/instance/connectionState/nobody"),
        ("DELETE", "/instance/delete/nobody"),
        ("GET", "/chatwoot/find/nobody"),
        ("POST", "/chatwoot/set/nobody"),
    ],
)
async def test_an_unknown_instance(house: House, method: str, path: str) -> None:
    status, body = await house.call(method, path, json=chatwoot(house))
    assert (status, told(body)[1]) == (404, 'The "nobody" instance does not exist')


async def test_the_connection_state_is_asked_just_now(house: House) -> None:
    assert await house.ok("GET", "/instance/connectionState/loja") == {
        "instance": {"instanceName": "loja", "state": "open"}
    }
    house.graph.access_token = "another"
    answer = await house.ok("GET", "/instance/connectionState/loja")
    assert answer["instance"]["state"] == "close"
    assert "token" in answer["instance"]["reason"]


def chatwoot(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "enabled": True,
        "accountId": "1",
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "nameInbox": "WhatsApp Loja",
    } | changes


async def test_set_and_find_agree(house: House) -> None:
    order = chatwoot(
        house,
        signMsg=True,
        signDelimiter="\\n",
        reopenConversation=True,
        conversationPending=True,
        mergeBrazilContacts=True,
        importContacts=True,
        importMessages=True,
        daysLimitImportMessages=7,
        organization="Aurora",
        logo="https://example.org/l.png",
        ignoreJids=["@g.us"],
    )
    set_ = await house.ok("POST", "/chatwoot/set/loja", json=order)
    found = await house.ok("GET", "/chatwoot/find/loja")
    assert set_ == found | {name: set_[name] for name in ("notActive", "warnings")}
    shown = {key: found[key] for key in order if key != "token"}
    assert shown == {key: value for key, value in order.items() if key != "token"}
    assert found["token"] != house.chat.admin_token
    assert found["webhook_url"] == f"{house.url}/chatwoot/webhook/loja"
    assert found["inboxId"] == house.inbox.id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "ftp://x"}, 'Invalid "url" property in chatwoot'),
        ({"enabled": "yes"}, "enabled is not of a type(s) boolean"),
        ({"signDelimiter": "x" * 65}, "signDelimiter does not meet maximum length of 64"),
        ({"ignoreJids": "x"}, "ignoreJids is not of a type(s) array"),
    ],
)
async def test_a_wrong_change_is_refused_and_changes_nothing(
    house: House, changes: dict[str, Any], message: str
) -> None:
    before = await house.ok("GET", "/chatwoot/find/loja")
    status, body = await house.call("POST", "/chatwoot/set/loja", json=chatwoot(house, **changes))
    assert (status, told(body)[1]) == (400, message)
    assert await house.ok("GET", "/chatwoot/find/loja") == before


async def test_a_change_that_chatwoot_refuses_changes_nothing(house: House) -> None:
    before = await house.ok("GET", "/chatwoot/find/loja")
    order = chatwoot(house, token="wrong", signMsg=True)
    status, body = await house.call("POST", "/chatwoot/set/loja", json=order)
    assert (status, told(body)[0]) == (400, "chatwoot.token")
    assert await house.ok("GET", "/chatwoot/find/loja") == before
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "ainda")
    await house.sent()
    assert house.texts == ["ainda"]


async def test_chatwoot_can_be_switched_off_and_on(house: House) -> None:
    chat = await house.talk()
    await house.ok("POST", "/chatwoot/set/loja", json=chatwoot(house, enabled=False))
    await house.graph.customer_writes("5511987650001", "não chega")
    message = house.chat.agent_writes(chat.id, "não sai")
    await house.status(message, "failed")
    await house.quiet()
    assert house.shown() == ["Oi"]
    assert house.graph.sent == []
    await house.ok("POST", "/chatwoot/set/loja", json=chatwoot(house))
    assert await house.talk(text="chega") is chat
    assert house.shown() == ["Oi", "chega"]


async def test_two_changes_at_once_make_one_inbox(empty_house: House) -> None:
    house = empty_house
    order = house.order(chatwootAccountId=None, chatwootToken=None, chatwootUrl=None)
    await house.ok("POST", "/instance/create", json=order)
    house.chat.latency = 0.01
    answers = await asyncio.gather(
        *(house.call("POST", "/chatwoot/set/loja", json=chatwoot(house)) for _ in range(3))
    )
    assert [status for status, _ in answers] == [201] * 3
    assert len(house.chat.inboxes) == 1


async def test_deleting_while_messages_wait_breaks_nothing(house: House) -> None:
    house.chat.faults.fail(502)
    await house.graph.customer_writes("5511987650001", "espera")
    await house.ok("DELETE", f"/instance/delete/{NAME}")
    await house.quiet()
    assert set((await house.balance()).values()) == {0}
