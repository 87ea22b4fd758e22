"""What may be changed of an instance at any time: set, shown, masked, kept, in every dialect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.core.instance import TRANSPORTS, InboxConfig, InstanceOptions
from bridge.core.masking import MASK
from bridge.sim.graph import Number
from support.bridge_house import KEY, NAME, House, bridge_house
from support.proxies import HttpProxy
from support.qr_channel import QrPhones

V1, V2, L2 = ({"X-Api-Dialect": name} for name in ("v1", "v2", "l2"))
OTHER = Number(phone_number_id="412900009999999", display_phone_number="+55 11 3000-9999")
HOOK = "https://hooks.example/in"
IDLE = "Events by {} are stored and shown, but not active in this version of Ponte."
PARTS = ("settings", "proxy", "webhook", *TRANSPORTS, "chatwoot")


async def set_(house: House, part: str, body: dict[str, Any], **more: Any) -> Any:
    """A set that succeeds; its answer."""
    status, answer = await house.call("POST", f"/{part}/set/{NAME}", json=body, **more)
    assert status == 201, answer
    return answer


async def found(house: House, part: str, **more: Any) -> Any:
    status, answer = await house.call("GET", f"/{part}/find/{NAME}", **more)
    assert status == 200, answer
    return answer


async def refused(house: House, part: str, body: dict[str, Any]) -> tuple[str, list[str]]:
    """A set that is the caller's mistake; the code and the sentences."""
    status, answer = await house.call("POST", f"/{part}/set/{NAME}", json=body)
    assert status == 400, answer
    return answer["response"]["code"], answer["response"]["message"]


def options(house: House) -> InstanceOptions:
    return house.service.instances.entry(NAME).instance.options


def chatwoot(house: House) -> InboxConfig:
    inbox = house.service.instances.entry(NAME).inbox
    assert inbox is not None
    return inbox


# ---------------------------------------------------------------- settings


async def test_settings_of_v2_come_back_as_they_were_set(house: House) -> None:
    body = {
        "rejectCall": True,
        "msgCall": "Não atendemos ligações",
        "groupsIgnore": True,
        "alwaysOnline": False,
        "readMessages": True,
        "readStatus": False,
        "syncFullHistory": False,
        "wavoipToken": "",
    }
    answer = await set_(house, "settings", body)
    assert answer["settings"] == {"instanceName": NAME, "settings": body}
    assert answer["notActive"] == ["rejectCall"]
    assert await found(house, "settings") == body


async def test_settings_of_v1_come_back_as_they_were_set(house: House) -> None:
    body = {"reject_call": True, "msg_call": "Hoje não", "groups_ignore": False}
    answer = await set_(house, "settings", body)
    assert answer["settings"]["settings"]["reject_call"] is True
    shown = await found(house, "settings", headers=V1)
    assert shown == {
        "reject_call": True,
        "msg_call": "Hoje não",
        "groups_ignore": False,
        "always_online": False,
        "read_messages": False,
        "read_status": False,
        "sync_full_history": False,
    }


async def test_what_a_set_does_not_name_stays(house: House) -> None:
    await set_(house, "settings", {"rejectCall": True, "msgCall": "Oi"})
    await set_(house, "settings", {"readMessages": True})
    shown = await found(house, "settings")
    assert (shown["rejectCall"], shown["msgCall"], shown["readMessages"]) == (True, "Oi", True)


async def test_changes_outlive_a_restart(house: House) -> None:
    await set_(house, "settings", {"rejectCall": True})
    await set_(house, "webhook", {"url": HOOK, "headers": {"Authorization": "s3cret"}})
    async with house.stopped():
        pass
    assert (await found(house, "settings"))["rejectCall"] is True
    assert options(house).webhook is not None
    assert options(house).webhook.headers == {"Authorization": "s3cret"}


async def test_the_token_of_the_calls_provider_is_masked_and_kept(house: House) -> None:
    answer = await set_(house, "settings", {"wavoipToken": "wavoip-s3cret"})
    assert answer["settings"]["settings"]["wavoipToken"] == MASK
    await set_(house, "settings", await found(house, "settings") | {"rejectCall": True})
    assert options(house).behaviour.wavoip_token == "wavoip-s3cret"
    assert options(house).behaviour.reject_call is True


async def test_a_session_takes_changed_settings_over(tmp_path: Path) -> None:
    phones = QrPhones()
    order = {"integration": "WHATSAPP-BAILEYS", "token": None, "number": None}
    async with bridge_house(tmp_path, order=order, channels=phones.kinds) as house:
        phone = phones[NAME]
        await house.ok("GET", f"/instance/connect/{NAME}")
        phone.scan()
        answer = await set_(house, "settings", {"rejectCall": True})
        assert "notActive" not in answer
        await phone.called("behave")
        assert [one.reject_call for one in phone.behaviours] == [True]
        assert phone.calls.count("connect") == 1


# ---------------------------------------------------------------- webhook


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            {
                "webhook": {
                    "enabled": True,
                    "url": HOOK,
                    "byEvents": True,
                    "base64": True,
                    "events": ["QRCODE_UPDATED", "CALL"],
                }
            },
            id="nested",
        ),
        pytest.param(
            {
                "enabled": True,
                "url": HOOK,
                "webhookByEvents": True,
                "webhookBase64": True,
                "events": ["QRCODE_UPDATED", "CALL"],
            },
            id="flat",
        ),
    ],
)
async def test_a_webhook_of_v2(house: House, body: dict[str, Any]) -> None:
    assert await found(house, "webhook") is None
    row = await set_(house, "webhook", body)
    assert row.pop("notActive") == ["webhook"]
    assert row.pop("warnings") == [IDLE.format("webhook")]
    assert row == await found(house, "webhook")
    assert {name: row[name] for name in ("url", "enabled", "events", "headers")} == {
        "url": HOOK,
        "enabled": True,
        "events": ["QRCODE_UPDATED", "CALL"],
        "headers": None,
    }
    assert (row["webhookByEvents"], row["webhookBase64"]) == (True, True)
    assert row["instanceId"] == house.service.instances.entry(NAME).id


async def test_a_webhook_of_v1(house: House) -> None:
    unset = await found(house, "webhook", headers=V1)
    assert unset == {
        "enabled": False,
        "url": "",
        "events": [],
        "webhook_by_events": False,
        "webhook_base64": False,
    }
    body = {"enabled": True, "url": HOOK, "webhook_by_events": True, "events": ["CALL"]}
    answer = await set_(house, "webhook", body)
    stored = {**unset, "enabled": True, "url": HOOK, "webhook_by_events": True, "events": ["CALL"]}
    assert answer == {
        "webhook": {"instanceName": NAME, "webhook": stored},
        "notActive": ["webhook"],
        "warnings": [IDLE.format("webhook")],
    }
    assert await found(house, "webhook", headers=V1) == stored


async def test_no_list_of_events_means_all_of_them(house: House) -> None:
    row = await set_(house, "webhook", {"webhook": {"enabled": True, "url": HOOK}})
    assert len(row["events"]) == 31
    off = await set_(house, "webhook", {"webhook": {"enabled": False}})
    assert (off["enabled"], off["events"], off["url"]) == (False, [], HOOK)
    assert "notActive" not in off


async def test_values_of_headers_are_masked_and_kept(house: House) -> None:
    headers = {"autorization": "Bearer s3cret", "Content-Type": "application/json"}
    row = await set_(house, "webhook", {"webhook": {"url": HOOK, "headers": headers}})
    assert row["headers"] == {"autorization": MASK, "Content-Type": "application/json"}
    shown = (await found(house, "webhook"))["headers"] | {"X-New": "n3w"}
    moved = {"webhook": {"url": f"{HOOK}/other", "headers": shown}}
    await set_(house, "webhook", moved)
    webhook = options(house).webhook
    assert webhook is not None
    assert webhook.headers == headers | {"X-New": "n3w"}
    assert webhook.url == f"{HOOK}/other"


async def test_a_stored_header_is_not_sent_to_another_server(house: House) -> None:
    body = {"webhook": {"url": HOOK, "headers": {"Authorization": "s3cret"}}}
    await set_(house, "webhook", body)
    elsewhere = {"url": "https://elsewhere.example", "headers": {"Authorization": MASK}}
    code, messages = await refused(house, "webhook", {"webhook": elsewhere})
    assert code == "secret.not_stored"
    assert messages[0].startswith("headers.Authorization is ********")
    await set_(house, "webhook", {"webhook": {"url": "https://elsewhere.example"}})
    webhook = options(house).webhook
    assert webhook is not None
    assert webhook.headers == {}


async def test_a_wrong_webhook_changes_nothing(house: House) -> None:
    await set_(house, "webhook", {"webhook": {"url": HOOK}})
    before = options(house)
    _, messages = await refused(house, "webhook", {"webhook": {"url": "no address"}})
    assert messages == ['Invalid "url" property in webhook']
    assert options(house) == before


# ---------------------------------------------------------------- POST /webhook/instance


async def test_an_instances_key_sets_its_own_webhook_without_a_path(house: House) -> None:
    status, row = await house.call("POST", "/webhook/instance", key=house.key, json={"url": HOOK})
    assert (status, row["url"]) == (201, HOOK)
    body = {"url": HOOK, "instanceName": NAME}
    assert (await house.call("POST", "/webhook/instance", key=house.key, json=body))[0] == 201


async def test_the_global_key_names_the_instance_in_the_body(house: House) -> None:
    body = {"url": HOOK, "instanceName": NAME}
    assert (await house.call("POST", "/webhook/instance", json=body))[0] == 201
    assert options(house).webhook is not None
    for wrong, expected in (({}, 400), ({"instanceName": [1]}, 400), ({"instanceName": "x"}, 404)):
        status, _ = await house.call("POST", "/webhook/instance", json={"url": HOOK} | wrong)
        assert status == expected


async def test_a_body_cannot_lead_a_key_to_another_instance(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, graph={"numbers": (Number(), OTHER)}) as house:
        key = house.key
        await house.create(
            instanceName="filial",
            number=OTHER.phone_number_id,
            chatwootNameInbox="Filial",
        )
        body = {"url": HOOK, "instanceName": "filial"}
        assert (await house.call("POST", "/webhook/instance", key=key, json=body))[0] == 401
        for part in PARTS:
            more = {"instanceName": "filial", "instance": "filial"}
            path = f"/{part}/set/{NAME}?instanceName=filial&instance=filial"
            status, _ = await house.call("POST", path, key=key, json=more | {"enabled": False})
            assert status in (201, 400), part
        filial = house.service.instances.entry("filial")
        assert filial.instance.options.webhook is None
        assert filial.instance.options.transports == {}
        assert filial.inbox is not None
        assert filial.inbox.enabled


# ---------------------------------------------------------------- transports


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_a_transport_is_stored_shown_and_named_as_not_active(house: House, name: str) -> None:
    app = {"appId": "1", "key": "k", "secret": "pusher-s3cret", "cluster": "sa1", "useTLS": True}
    more = app if name == "pusher" else {}
    assert await found(house, name) is None
    assert await found(house, name, headers=V1) == {"enabled": False, "events": []}
    row = await set_(house, name, {name: {"enabled": True, "events": ["CALL"], **more}})
    assert row.pop("notActive") == [name]
    assert row.pop("warnings") == [IDLE.format(name)]
    assert (row["enabled"], row["events"]) == (True, ["CALL"])
    assert await found(house, name) == row
    v1 = await set_(house, name, {"enabled": False}, headers=V1)
    assert v1 == {name: {"instanceName": NAME, name: {"enabled": False, "events": []}}}


@pytest.mark.parametrize("name", ["webhook", "rabbitmq"])
async def test_names_that_no_event_has_are_told(house: House, name: str) -> None:
    where = {"url": HOOK} if name == "webhook" else {}
    block = {"enabled": True, "events": ["messages.upsert", "GOSSIP"], **where}
    row = await set_(house, name, {name: block})
    assert row["events"] == ["MESSAGES_UPSERT"]
    told = f"{name}.events: no event is called GOSSIP"
    assert row["warnings"] == [told, IDLE.format(name)]


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("settings", {"rejectCal": True}),
        ("proxy", {"enabled": False, "rejectCal": True}),
        ("webhook", {"webhook": {"enabled": False}, "rejectCal": True}),
        ("sqs", {"enabled": False, "rejectCal": True}),
        ("chatwoot", {"enabled": False, "rejectCal": True}),
    ],
)
async def test_a_field_that_does_not_exist_is_told(
    house: House, part: str, body: dict[str, Any]
) -> None:
    answer = await set_(house, part, body | {"instanceName": NAME})
    assert answer["warnings"] == ["no field is called rejectCal: without any effect"]


async def test_settings_may_stand_in_a_block(house: House) -> None:
    answer = await set_(house, "settings", {"settings": {"readMessages": True, "msgCall": "Não"}})
    assert "warnings" not in answer
    assert options(house).behaviour.read_messages is True
    assert options(house).behaviour.msg_call == "Não"


async def test_pushers_secret_is_masked_and_kept(house: House) -> None:
    app = {"appId": "1", "key": "k", "secret": "pusher-s3cret", "cluster": "sa1", "useTLS": True}
    await set_(house, "pusher", {"pusher": {"enabled": True, **app}})
    row = await found(house, "pusher")
    assert row["secret"] == MASK
    assert row["appId"] == "1"
    await set_(house, "pusher", {"pusher": {"secret": MASK, "cluster": "eu"}})
    extra = options(house).transports["pusher"].extra
    assert (extra["secret"], extra["cluster"]) == ("pusher-s3cret", "eu")


# ---------------------------------------------------------------- proxy


async def test_a_proxy_that_works_is_stored_and_its_password_masked(house: House) -> None:
    assert await found(house, "proxy") is None
    async with HttpProxy(login=("ana", "proxy-s3cret")) as proxy:
        body = {
            "enabled": True,
            "host": "127.0.0.1",
            "port": str(proxy.port),
            "protocol": "http",
            "username": "ana",
            "password": "proxy-s3cret",
        }
        answer = await set_(house, "proxy", body)
        assert answer["proxy"] == {"instanceName": NAME, "proxy": body | {"password": MASK}}
        target = house.graph.base_url.partition("://")[2]
        assert proxy.targets == [target]
        assert await found(house, "proxy", headers=V1) == {
            "enabled": True,
            "proxy": {n: v for n, v in body.items() if n != "enabled"} | {"password": MASK},
        }
        await set_(house, "proxy", body | {"password": MASK})
        assert proxy.logins[-1] == "ana:proxy-s3cret"
        stored = options(house).proxy
        assert stored is not None
        assert stored.password == "proxy-s3cret"
        assert await set_(house, "proxy", {"enabled": False}) == {
            "proxy": {
                "instanceName": NAME,
                "proxy": dict.fromkeys(body, "") | {"enabled": False},
            }
        }
    assert options(house).proxy is None
    assert await found(house, "proxy") is None


async def test_a_proxy_that_does_not_work_is_refused_with_the_cause(house: House) -> None:
    async with HttpProxy(status=403) as proxy:
        body = {"enabled": True, "host": "127.0.0.1", "port": proxy.port, "protocol": "http"}
        await set_(house, "proxy", {"enabled": False})
    code, messages = await refused(house, "proxy", body)  # nobody listens there any more
    assert (code, messages[0], len(messages)) == ("proxy.invalid", "Invalid proxy", 2)
    assert options(house).proxy is None


async def test_a_stored_proxy_password_is_not_sent_to_another_proxy(house: House) -> None:
    async with HttpProxy() as proxy, HttpProxy() as foreign:
        body = {
            "host": "127.0.0.1",
            "port": proxy.port,
            "protocol": "http",
            "username": "ana",
            "password": "proxy-s3cret",
        }
        await set_(house, "proxy", body)
        code, _ = await refused(house, "proxy", body | {"port": foreign.port, "password": MASK})
        assert code == "secret.not_stored"
        assert foreign.connections == 0


# ---------------------------------------------------------------- Chatwoot


async def test_chatwoot_in_the_words_of_v1(house: House) -> None:
    body = {"sign_msg": True, "sign_delimiter": " - ", "ignore_jids": ["@g.us"]}
    answer = await set_(house, "chatwoot", body)
    assert (answer["account_id"], answer["token"]) == (1, MASK)
    assert answer["webhook_url"] == f"{house.url}/chatwoot/webhook/{NAME}"
    assert answer == await found(house, "chatwoot", headers=V1)
    shown = await found(house, "chatwoot")
    assert (shown["accountId"], shown["signMsg"], shown["signDelimiter"]) == ("1", True, " - ")
    assert shown["ignoreJids"] == ["@g.us"]


async def test_chatwoots_token_is_masked_and_kept(house: House) -> None:
    shown = await found(house, "chatwoot")
    assert shown["token"] == MASK
    await set_(house, "chatwoot", shown | {"conversationPending": True})
    assert chatwoot(house).token == house.chat.admin_token
    assert chatwoot(house).conversation_pending is True
    assert len(house.chat.inboxes) == 1


async def test_chatwoots_stored_token_is_not_sent_to_another_server(house: House) -> None:
    shown = await found(house, "chatwoot")
    elsewhere = {"url": "http://127.0.0.1:9"}
    assert (await refused(house, "chatwoot", shown | elsewhere))[0] == "secret.not_stored"
    _, messages = await refused(house, "chatwoot", elsewhere)
    assert messages == ['instance requires property "token"']
    assert chatwoot(house).url == house.chat_url


async def test_a_mask_without_anything_stored_is_refused(empty_house: House) -> None:
    house = empty_house
    await house.create(chatwootAccountId=None, chatwootToken=None, chatwootUrl=None)
    assert (await found(house, "chatwoot"))["url"] == ""
    body = {"accountId": "1", "token": MASK, "url": house.chat_url}
    code, messages = await refused(house, "chatwoot", body)
    assert code == "secret.not_stored"
    assert messages[0].startswith("token is ********")
    off = await set_(house, "chatwoot", {"enabled": False})
    assert off == await found(house, "chatwoot")
    assert house.chat.requests.total() == 0


async def test_chatwoot_is_switched_off_by_its_switch_alone(house: House) -> None:
    answer = await set_(house, "chatwoot", {"enabled": False})
    assert answer["enabled"] is False
    assert answer["url"] == house.chat_url
    assert (await set_(house, "chatwoot", {"enabled": True}))["enabled"] is True
    assert len(house.chat.inboxes) == 1


# ---------------------------------------------------------------- at once


async def test_changes_at_once_are_all_kept(house: House) -> None:
    changes: list[tuple[str, dict[str, Any]]] = [
        ("settings", {"rejectCall": True}),
        ("settings", {"readMessages": True}),
        ("settings", {"msg_call": "Oi"}),
        ("webhook", {"webhook": {"url": HOOK}}),
        ("chatwoot", {"signMsg": True}),
        ("chatwoot", {"conversationPending": True}),
        *((name, {name: {"enabled": True}}) for name in TRANSPORTS if name != "pusher"),
    ]
    await asyncio.gather(*(set_(house, part, body) for part, body in changes))
    now = options(house)
    assert (now.behaviour.reject_call, now.behaviour.read_messages) == (True, True)
    assert now.behaviour.msg_call == "Oi"
    assert now.webhook is not None
    assert set(now.transports) == set(TRANSPORTS) - {"pusher"}
    assert (chatwoot(house).sign_msg, chatwoot(house).conversation_pending) == (True, True)


# ---------------------------------------------------------------- who, and how it is answered


@pytest.mark.parametrize("part", PARTS)
async def test_an_unknown_instance_shows_to_the_global_key_alone(house: House, part: str) -> None:
    for method, path in (("GET", f"/{part}/find/nobody"), ("POST", f"/{part}/set/nobody")):
        for key, status in ((KEY, 404), (house.key, 401), ("wrong", 401), (None, 401)):
            more = {"json": {"enabled": False}} if method == "POST" else {}
            assert (await house.call(method, path, key=key, **more))[0] == status, (key, path)


@pytest.mark.parametrize("part", PARTS)
async def test_an_own_key_may_ask_and_change(house: House, part: str) -> None:
    await found(house, part, key=house.key)
    body = {"rejectCall": True} if part == "settings" else {"enabled": False}
    await set_(house, part, body, key=house.key)


async def test_the_prefix_answers_in_l2msgs_words(house: House) -> None:
    await set_(house, "settings", {"rejectCall": True})
    status, shown = await house.call("GET", f"/whatsapp/settings/find/{NAME}")
    assert (status, shown["reject_call"]) == (200, True)
    assert shown == await found(house, "settings", headers=L2)
    path = f"/whatsapp/settings/set/{NAME}"
    answer = await house.ok("POST", path, json={"readMessages": True})
    assert answer["settings"]["settings"]["read_messages"] is True


async def test_an_instance_is_shown_in_the_words_that_the_server_is_set_to(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, options={"api": {"dialect": "v1"}}) as house:
        assert "reject_call" in await found(house, "settings")
        assert "rejectCall" in await found(house, "settings", headers=V2)


async def test_an_unknown_dialect_changes_nothing(house: House) -> None:
    before = options(house)
    status, answer = await house.call(
        "POST",
        f"/settings/set/{NAME}",
        json={"rejectCall": True},
        headers={"X-Api-Dialect": "v3"},
    )
    assert (status, answer["response"]["code"]) == (400, "dialect.unknown")
    assert options(house) == before


@pytest.mark.parametrize("part", PARTS)
async def test_a_body_that_is_no_object_is_refused(house: House, part: str) -> None:
    for data in (b"[]", b"", b"{", b'{"url": "\\u0000"}', b"// comment\n{}"):
        status, answer = await house.call("POST", f"/{part}/set/{NAME}", data=data)
        assert status == 400, answer


async def test_an_import_that_is_asked_for_by_name_is_named_as_not_active(house: House) -> None:
    made = await house.ok(
        "POST",
        "/instance/create",
        json=house.order(
            instanceName="importa",
            number=None,
            token=None,
            integration="WHATSAPP-BAILEYS",
            chatwootNameInbox="Importa",
            chatwootImportMessages=True,
        ),
    )
    assert made["notActive"] == ["WHATSAPP-BAILEYS", "importMessages"]

    changed = await house.ok("POST", "/chatwoot/set/importa", json={"import_contacts": True})
    assert changed["notActive"] == ["importContacts"]
    unchanged = await house.ok("POST", "/chatwoot/set/importa", json={"signMsg": True})
    assert "notActive" not in unchanged
