"""Z-API's clients: instances on demand, and an instance under its id and token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.relay.events import Happened
from support.bridge_house import KEY, House, bridge_house
from support.qr_channel import QrPhones

PARTNER = "the-partner-token-of-the-tests"
ON_DEMAND = "/instances/integrator/on-demand"
BEARER = {"Authorization": f"Bearer {PARTNER}"}
HOURS = 3_600_000

#: Seed 004, as its page shows it.
SEED = {
    "name": "Instancia Z-API - 9292812",
    "sessionName": "Testes testes",
    "deliveryCallbackUrl": "https://mywebhook.com/delivery",
    "receivedCallbackUrl": "https://mywebhook.com/receive",
    "receivedAndDeliveryCallbackUrl": "https://mywebhook.com/receivedanddelivery",
    "disconnectedCallbackUrl": "https://mywebhook.com/disconnected",
    "connectedCallbackUrl": "https://mywebhook.com/receive",
    "presenceChatCallbackUrl": "https://mywebhook.com/presencechat",
    "messageStatusCallbackUrl": "https://mywebhook.com/status",
    "callRejectAuto": False,
    "callRejectMessage": "Test message for rejected calls",
    "autoReadMessage": False,
    "autoReadStatus": False,
    "isDevice": False,
    "businessDevice": False,
    "disableEnqueueWhenDisconnected": True,
}
CALLBACKS = {
    "delivery": "https://mywebhook.com/delivery",
    "received": "https://mywebhook.com/receive",
    "receivedAndDelivery": "https://mywebhook.com/receivedanddelivery",
    "presenceChat": "https://mywebhook.com/presencechat",
    "disconnected": "https://mywebhook.com/disconnected",
    "connected": "https://mywebhook.com/receive",
    "messageStatus": "https://mywebhook.com/status",
}


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@pytest.fixture
async def office(tmp_path: Path, phones: QrPhones) -> AsyncIterator[House]:
    """A service with a partner, and the QR test channel."""
    async with bridge_house(
        tmp_path,
        provisioned=False,
        channels=phones.kinds,
        options={"z_api": {"partner_token": PARTNER}},
    ) as house:
        yield house


async def order(house: House, **changes: Any) -> dict[str, Any]:
    status, made = await house.call(
        "POST", ON_DEMAND, key=None, headers=BEARER, json=SEED | changes
    )
    assert status == 200, made
    return dict(made)


def path(made: dict[str, Any], rest: str) -> str:
    return f"/instances/{made['id']}/token/{made['token']}/{rest}"


async def get(house: House, made: dict[str, Any], rest: str, **more: Any) -> Any:
    return await house.ok("GET", path(made, rest), key=None, **more)


def options(house: House, made: dict[str, Any]) -> Any:
    entry = house.service.directory.by_name(made["id"])
    assert entry is not None
    return entry.instance.options


async def scan(house: House, phones: QrPhones, made: dict[str, Any]) -> None:
    """Somebody scans the code; returns when the number is connected."""
    opened = asyncio.Event()

    def hear(happened: Happened) -> None:
        if happened.name == "connection.update" and (happened.data or {})["state"] == "open":
            opened.set()

    house.service.events.listen(hear)
    phones[made["id"]].scan()
    async with asyncio.timeout(10):
        await opened.wait()


# ---------------------------------------------------------------- creating


async def test_the_example_of_their_page_works(office: House) -> None:
    before = office.clock.ms()
    made = await order(office)
    assert set(made) >= {"id", "token", "due"}
    assert re.fullmatch("[0-9A-Z]+", made["id"])
    assert re.fullmatch("[0-9A-Z]+", made["token"])
    assert isinstance(made["due"], str)
    assert 0 <= int(made["due"]) - before - 48 * HOURS < HOURS
    assert made["notActive"] == ["callbacks"]


async def test_every_attribute_is_kept_for_what_it_means(office: House) -> None:
    made = await order(
        office, callRejectAuto=True, autoReadMessage=True, autoReadStatus=True, plan="gold"
    )
    kept = options(office, made)
    assert kept.callbacks == CALLBACKS
    assert kept.device_name == "Testes testes"
    assert kept.fail_when_disconnected is True
    assert kept.behaviour.reject_call is True
    assert kept.behaviour.msg_call == "Test message for rejected calls"
    assert (kept.behaviour.read_messages, kept.behaviour.read_status) == (True, True)
    assert kept.extra == {
        "plan": "gold",
        "name": "Instancia Z-API - 9292812",
        "isDevice": False,
        "businessDevice": False,
    }


async def test_booleans_may_be_texts_and_blank_ones_are_none(office: House) -> None:
    cases = [("true", True), ("false", False), (True, True), (1, True), ("0", False), ("", False)]
    for sent, kept in cases:
        made = await order(office, callRejectAuto=sent, disableEnqueueWhenDisconnected=sent)
        assert options(office, made).behaviour.reject_call is kept
        assert options(office, made).fail_when_disconnected is kept


async def test_only_the_name_is_required_and_it_need_not_be_unique(office: House) -> None:
    ids = set()
    for _ in range(2):
        status, made = await office.call(
            "POST", ON_DEMAND, key=None, headers=BEARER, json={"name": "Loja"}
        )
        assert status == 200
        assert "notActive" not in made
        ids.add(made["id"])
    assert len(ids) == 2


async def test_the_token_opens_the_instance_on_all_routes(office: House) -> None:
    made = await order(office)
    assert await get(office, made, "status") == {
        "connected": False,
        "session": False,
        "smartphoneConnected": False,
        "error": "You are not connected.",
    }
    for key in (made["token"], KEY):
        state = await office.ok("GET", f"/instance/connectionState/{made['id']}", key=key)
        assert state["instance"]["instanceName"] == made["id"]


async def test_evolutions_routes_know_it_by_its_id(office: House) -> None:
    made = await order(office, callRejectAuto=True)
    key = made["token"]
    (row,) = await office.ok("GET", "/instance/fetchInstances", key=key)
    assert row["name"] == made["id"]
    found = await office.ok("GET", f"/settings/find/{made['id']}", key=key)
    assert found["rejectCall"] is True
    for block in ("webhook", "proxy", "chatwoot", "websocket"):
        await office.ok("GET", f"/{block}/find/{made['id']}", key=key)
    shown = await office.ok("GET", f"/instance/connect/{made['id']}", key=key)
    assert shown["code"]


async def test_due_may_be_a_number(tmp_path: Path) -> None:
    changed = {"z_api": {"partner_token": PARTNER, "due_as": "number", "trial_hours": 1}}
    async with bridge_house(tmp_path, provisioned=False, options=changed) as house:
        made = await order(house)
        assert isinstance(made["due"], int)
        assert made["due"] - house.clock.ms() <= HOURS
        assert made["notActive"] == ["WHATSAPP-BAILEYS", "callbacks"]
        status = await get(house, made, "status")
        assert "not installed" in status["error"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name is not of a type(s) string"),
    ({"name": "  "}, 'The "name" cannot be empty'),
    ({"name": "x" * 256}, "name does not meet maximum length of 255"),
    ({"name": "a\nb"}, "name must not hold control characters"),
    ({"callRejectAuto": "perhaps"}, "callRejectAuto is not of a type(s) boolean"),
    ({"autoReadStatus": 2}, "autoReadStatus is not of a type(s) boolean"),
    ({"isDevice": []}, "isDevice is not of a type(s) boolean"),
    ({"sessionName": 7}, "sessionName is not of a type(s) string"),
    ({"callRejectMessage": "x" * 4097}, "callRejectMessage does not meet maximum length of 4096"),
    ({"receivedCallbackUrl": "mywebhook.com"}, 'Invalid "receivedCallbackUrl" property in'),
    ({"connectedCallbackUrl": "ftp://a.example"}, 'Invalid "connectedCallbackUrl" property in'),
    ({"deliveryCallbackUrl": "http://[a/"}, 'Invalid "deliveryCallbackUrl" property in'),
    ({"messageStatusCallbackUrl": "http://a b/"}, 'Invalid "messageStatusCallbackUrl" property in'),
]


async def test_what_is_wrong_is_said_and_nothing_is_made(office: House) -> None:
    for changes, message in WRONG:
        status, body = await office.call(
            "POST", ON_DEMAND, key=None, headers=BEARER, json=SEED | changes
        )
        assert (status, body["response"]["code"]) == (400, "request.invalid"), changes
        assert body["response"]["message"][0].startswith(message)
    assert await office.rows("SELECT * FROM instance") == []
    assert await office.rows("SELECT * FROM subscription") == []


async def test_a_huge_body_is_refused(office: House) -> None:
    status, _ = await office.call(
        "POST", ON_DEMAND, key=None, headers=BEARER, json=SEED | {"plan": "x" * 300_000}
    )
    assert status == 413


async def test_all_mistakes_are_told_at_once(office: House) -> None:
    wrong = {"callRejectAuto": "x", "receivedCallbackUrl": "y"}
    status, body = await office.call("POST", ON_DEMAND, key=None, headers=BEARER, json=wrong)
    assert status == 400
    assert len(body["response"]["message"]) == 3


# ---------------------------------------------------------------- who may


async def test_partners_show_their_token(office: House) -> None:
    shown: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Client-Token": PARTNER},
        {"apikey": PARTNER},
        {"apikey": KEY},
        {"Authorization": f"Bearer {KEY}"},
    ]
    for headers in shown:
        for method, where in (("POST", ON_DEMAND), ("GET", "/instances")):
            status, body = await office.call(method, where, key=None, headers=headers, json=SEED)
            assert (status, body["response"]["code"]) == (401, "request.unauthorized"), headers
    assert await office.rows("SELECT * FROM instance") == []


async def test_without_a_partner_token_the_routes_are_closed(empty_house: House) -> None:
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}, BEARER):
        status, _ = await empty_house.call("POST", ON_DEMAND, key=None, headers=headers, json=SEED)
        assert status == 401


async def test_a_token_opens_its_own_instance_only(office: House) -> None:
    one, other = await order(office), await order(office)
    crossed = {"id": one["id"], "token": other["token"]}
    unknown = {"id": "0" * 32, "token": "0" * 48}
    for wrong in (crossed, unknown):
        status, _ = await office.call("GET", path(wrong, "status"), key=None)
        assert status == 401
        for action in ("subscription", "cancel"):
            status, body = await office.call(
                "POST", path(wrong, f"integrator/on-demand/{action}"), key=None, headers=BEARER
            )
            assert (status, body["response"]["code"]) == (401, "request.unauthorized")


async def test_the_wrong_method_is_told_with_the_right_ones(office: House) -> None:
    async with office.http.get(office.url + ON_DEMAND, headers=BEARER) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert (await answer.json())["response"]["code"] == "route.wrong_method"


async def test_a_body_that_is_not_announced_as_json_is_415(office: House) -> None:
    made = await order(office)
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        for method, where in (("POST", ON_DEMAND), ("PUT", path(made, "update-webhook-received"))):
            async with office.http.request(
                method,
                office.url + where,
                data=b'{"name": "Loja", "value": ""}',
                headers=BEARER | ({"Content-Type": kind} if kind else {}),
                skip_auto_headers=[] if kind else ["Content-Type"],
            ) as answer:
                assert answer.status == 415
                assert (await answer.json())["response"]["code"] == "request.not_json"


# ---------------------------------------------------------------- connecting


async def test_a_number_is_connected_by_its_qr_code(office: House, phones: QrPhones) -> None:
    made = await order(office)
    code = await get(office, made, "qr-code")
    image = await get(office, made, "qr-code/image")
    assert code["value"]
    assert image["value"].startswith("data:image/png;base64,")
    await scan(office, phones, made)
    status = await get(office, made, "status")
    assert (status["connected"], status["smartphoneConnected"]) == (True, True)
    for route in ("qr-code", "qr-code/image", "phone-code/5511987650001"):
        status, body = await office.call("GET", path(made, route), key=None)
        assert (status, body["response"]["code"]) == (400, "connection.already_open")


async def test_a_code_to_type_is_given_for_a_number(office: House) -> None:
    made = await order(office)
    assert (await get(office, made, "phone-code/5511987650001"))["code"]
    status, body = await office.call("GET", path(made, "phone-code/+55x"), key=None)
    assert (status, body["response"]["code"]) == (400, "phone.invalid")


async def test_disconnect_and_restart(office: House, phones: QrPhones) -> None:
    made = await order(office)
    await get(office, made, "qr-code")
    await scan(office, phones, made)
    assert await get(office, made, "restart") == {"value": True}
    for _ in range(2):
        assert await get(office, made, "disconnect") == {"value": True}
        assert (await get(office, made, "status"))["connected"] is False


async def test_the_routes_are_served_under_the_prefix_too(office: House) -> None:
    made = await order(office)
    status = await office.ok("GET", f"/whatsapp{path(made, 'status')}", key=None)
    assert status == {
        "connected": False,
        "session": False,
        "smartphoneConnected": False,
        "error": "You are not connected.",
    }


async def test_a_head_changes_nothing(office: House, phones: QrPhones) -> None:
    made = await order(office)
    await get(office, made, "qr-code")
    await scan(office, phones, made)
    for action in ("disconnect", "restart"):
        async with office.http.head(office.url + path(made, action)) as answer:
            assert answer.status == 405
    assert (await get(office, made, "status"))["connected"] is True


# ---------------------------------------------------------------- its settings


async def test_callbacks_are_changed_one_by_one(office: House) -> None:
    made = await order(office)
    changes = {
        "delivery": "delivery",
        "received": "received",
        "received-delivery": "receivedAndDelivery",
        "presence-chat": "presenceChat",
        "disconnected": "disconnected",
        "connected": "connected",
        "message-status": "messageStatus",
    }
    for number, name in enumerate(changes):
        url = f"https://new.example/{number}"
        changed = await office.ok(
            "PUT", path(made, f"update-webhook-{name}"), key=None, json={"value": url}
        )
        assert changed == {"value": True, "notActive": ["callbacks"]}
    assert options(office, made).callbacks == {
        name: f"https://new.example/{number}" for number, name in enumerate(changes.values())
    }
    await office.ok("PUT", path(made, "update-webhook-connected"), key=None, json={"value": ""})
    assert "connected" not in options(office, made).callbacks
    await office.ok(
        "PUT", path(made, "update-every-webhooks"), key=None, json={"value": "https://a.example"}
    )
    assert set(options(office, made).callbacks.values()) == {"https://a.example"}


async def test_settings_are_changed_one_by_one(office: House) -> None:
    made = await order(office)
    for name, value in (
        ("call-reject-auto", "true"),
        ("call-reject-message", "Escreva, por favor"),
        ("auto-read-message", True),
        ("auto-read-status", 1),
    ):
        await office.ok("PUT", path(made, f"update-{name}"), key=None, json={"value": value})
    me = await get(office, made, "me")
    assert (me["id"], me["token"]) == (made["id"], made["token"])
    assert (me["name"], me["connected"]) == (SEED["name"], False)
    assert me["due"] == int(made["due"])
    assert me["deliveryCallbackUrl"] == SEED["deliveryCallbackUrl"]
    assert me["callRejectMessage"] == "Escreva, por favor"
    assert (me["callRejectAuto"], me["autoReadMessage"], me["autoReadStatus"]) == (True,) * 3


# ---------------------------------------------------------------- listing


async def test_the_list_is_paged_and_searched(office: House) -> None:
    made = [await order(office, name=f"Loja {n}", isDevice=n == 3) for n in range(5)]

    async def listed(**query: str) -> Any:
        return await office.ok("GET", "/instances", key=None, headers=BEARER, params=query)

    first = await listed(page="1", pageSize="2")
    assert {name: first[name] for name in ("total", "totalPage", "pageSize", "page")} == {
        "total": 5,
        "totalPage": 3,
        "pageSize": 2,
        "page": 1,
    }
    seen = [
        row["name"]
        for page in ("1", "2", "3", "4")
        for row in (await listed(page=page, pageSize="2"))["content"]
    ]
    assert sorted(seen) == [f"Loja {n}" for n in range(5)]
    (row,) = (await listed(query="loja 2"))["content"]
    assert (row["id"], row["token"], row["due"]) == (made[2]["id"], None, int(made[2]["due"]))
    (row,) = (await listed(query=made[4]["id"][5:].lower()))["content"]
    assert row["name"] == "Loja 4"
    (row,) = (await listed(middleware="mobile"))["content"]
    assert row["name"] == "Loja 3"
    assert (await listed(middleware="web"))["total"] == 4


async def test_a_wrong_question_is_refused(office: House) -> None:
    for query in ("page=0", "pageSize=0", "pageSize=1001", "page=x", "middleware=tv"):
        status, _ = await office.call("GET", f"/instances?{query}", key=None, headers=BEARER)
        assert status == 400, query


async def test_instances_made_otherwise_are_not_listed_and_have_no_trial(office: House) -> None:
    made = await office.ok("POST", "/instance/create", json={"instanceName": "own"})
    key = made["hash"] if isinstance(made["hash"], str) else made["hash"]["apikey"]
    page = await office.ok("GET", "/instances", key=None, headers=BEARER)
    assert (page["total"], page["content"]) == (0, [])
    assert await office.rows("SELECT * FROM subscription") == []
    own = {"id": "own", "token": key}
    assert (await get(office, own, "me"))["due"] is None
    status, body = await office.call(
        "POST", path(own, "integrator/on-demand/subscription"), key=None, headers=BEARER
    )
    assert (status, body["response"]["code"]) == (409, "trial.none")
    await office.pass_time(1000)
    assert office.service.directory.by_name("own") is not None
