"""Every body of the Evolution family is one order, whatever its fields are called."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from bridge.core.instance import (
    BUSINESS,
    TRANSPORTS,
    Behaviour,
    Dialect,
    InstanceOptions,
    Proxy,
    Transport,
    Webhook,
)
from bridge.core.order import ChatwootOrder, InstanceOrder
from bridge.core.typebot import Bot
from bridge.errors import Invalid
from bridge.http.dialects.create import read_create
from bridge.http.dialects.described import CreateBody
from bridge.http.dialects.spellings import CREATE, Field

OPTIONS = TypeAdapter(InstanceOptions)


def read(body: dict[str, Any], dialect: Dialect = Dialect.V2, **more: Any) -> InstanceOrder:
    return read_create({"instanceName": "loja", **body}, dialect=dialect, reopen=False, **more)


def refused(body: dict[str, Any], **more: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read(body, **more)
    return caught.value


# ---------------------------------------------------------------- every field in every spelling

#: What a field needs beside it to have an effect, in a spelling of its own.
BESIDE: dict[str, dict[str, Any]] = {
    "webhook": {"webhook_url": "https://hook.example/a"},
    "pusher": {"pusher": {"appId": "1", "key": "k", "secret": "s", "cluster": "c"}},
    "proxy": {"proxyHost": "proxy.example", "proxyPort": 3128, "proxyProtocol": "http"},
    "chatwoot": {
        "chatwootAccountId": 3,
        "chatwootToken": "token-of-ana",
        "chatwootUrl": "https://chat.example",
    },
    "typebot": {"typebotUrl": "https://bot.example", "typebot": "flow"},
}
#: A value that is not the default, and the kinds of fields that take it.
VALUES: dict[str, Any] = {
    "webhook.url": "https://hook.example/b",
    "webhook.headers": {"autorization": "Bearer x", "Content-Type": "application/json"},
    "proxy.host": "other.example",
    "proxy.port": "1080",
    "proxy.protocol": "socks5",
    "chatwoot.url": "https://other.example",
    "chatwoot.sign_template": "{text} — {name}",
    "chatwoot.language": "ES",
    "chatwoot.account_id": "7",
    "chatwoot.ignore_jids": ["@g.us"],
    "chatwoot.conversation_rules": [{"when": {"group": True}, "do": "ignore"}],
    "typebot.url": "https://other.example",
    "number": "5511987650001",
    "chatwoot.number": "5511987650002",
}


def value_for(field: Field) -> Any:
    name = field.key.rpartition(".")[2]
    if field.key in VALUES:
        return VALUES[field.key]
    if field.group in TRANSPORTS and name == "enabled":
        return True
    if name in ("enabled", "auto_create", "use_tls") or name.startswith("import_"):
        return False
    if name == "events":
        return ["MESSAGES_UPSERT"]
    if name in ("expire", "delay_message", "days_limit_import_messages"):
        return 30
    schema = field.kind.schema
    return True if "anyOf" in schema and schema["anyOf"][0]["type"] == "boolean" else "abc"


def spelled(path: str, value: Any, beside: dict[str, Any]) -> dict[str, Any]:
    """A body with one field in one spelling; what stands beside it does not say the same."""
    block, _, name = path.rpartition(".")
    if not block:
        return {**beside, path: value}
    there = beside.get(block, {})
    return {**beside, block: {**there, name: value}}


def without(field: Field) -> dict[str, Any]:
    """What must stand beside a field, without the field itself."""
    beside = BESIDE.get(field.group, {})
    body: dict[str, Any] = {}
    for name, value in beside.items():
        if isinstance(value, dict):
            body[name] = {k: v for k, v in value.items() if f"{name}.{k}" not in field.spellings}
        elif name not in field.spellings:
            body[name] = value
    return body


def in_effect(order: InstanceOrder) -> Any:
    """The order but for defaults that depend on a spelling (flat `webhookUrl`, blocks)."""
    return replace(order, warnings=())


#: A name is always there; `mobile` is ignored; of integrations only the default stands alone.
OTHERS = [field for field in CREATE if field.key not in ("name", "mobile", "integration")]


@pytest.mark.parametrize("field", OTHERS, ids=lambda field: field.key)
def test_a_field_means_the_same_in_every_spelling(field: Field) -> None:
    beside = without(field)
    if field.group in TRANSPORTS and field.key != f"{field.group}.enabled":
        beside = {**beside, f"{field.group}_enabled": True}
    if field.key == "webhook.url":
        beside = {"webhookBase64": False}
    value = value_for(field)
    orders = [in_effect(read(spelled(path, value, beside))) for path in field.spellings]
    assert all(order == orders[0] for order in orders)
    if value is not False:
        assert orders[0] != in_effect(read(beside) if _stands_alone(field) else read({}))
    assert not orders[0].options.extra


def _stands_alone(field: Field) -> bool:
    """False for a field that the rest of its group cannot be without."""
    return field.key not in {
        "webhook.url", "proxy.host", "proxy.port", "proxy.protocol", "chatwoot.url",
        "chatwoot.token", "chatwoot.account_id", "typebot.url", "typebot.typebot",
        "pusher.app_id", "pusher.key", "pusher.secret", "pusher.cluster", "pusher.enabled",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["instanceName", "instance_name"])
def test_the_name_is_trimmed(name: str) -> None:
    assert read_create({name: " Loja 1 "}, dialect=Dialect.V2, reopen=False).name == "Loja 1"


def test_the_document_lists_every_spelling() -> None:
    schema = CreateBody.model_json_schema()["properties"]
    for field in CREATE:
        for path in field.spellings:
            block, _, name = path.rpartition(".")
            place = schema
            if block:
                place = schema[block]
                place = place["anyOf"][-1] if "anyOf" in place else place
                place = place["properties"]
            assert place[name]["description"]


# ---------------------------------------------------------------- the seeds' own bodies


def test_the_body_of_seed_000() -> None:
    order = read_create(
        {
            "instanceName": "loja",
            "token": "123456",
            "qrcode": True,
            "number": "5511987650001",
            "integration": "WHATSAPP-BAILEYS",
            "webhook": "https://hook.example/x",
            "webhook_by_events": True,
            "events": ["APPLICATION_STARTUP"],
            "reject_call": True,
            "msg_call": "Agora não",
            "groups_ignore": True,
            "always_online": True,
            "read_messages": True,
            "read_status": True,
            "websocket_enabled": True,
            "websocket_events": ["APPLICATION_STARTUP"],
            "rabbitmq_enabled": True,
            "rabbitmq_events": ["APPLICATION_STARTUP"],
            "sqs_enabled": True,
            "sqs_events": ["APPLICATION_STARTUP"],
            "typebot_url": "https://bot.example",
            "typebot": "flow",
            "typebot_expire": 123,
            "typebot_keyword_finish": "sair",
            "typebot_delay_message": 123,
            "typebot_unknown_message": "?",
            "typebot_listening_from_me": True,
            "proxy": {
                "host": "proxy.example",
                "port": "3128",
                "protocol": "http",
                "username": "ana",
                "password": "senha",
            },
            "chatwoot_account_id": 123,
            "chatwoot_token": "token-of-ana",
            "chatwoot_url": "https://chat.example",
            "chatwoot_sign_msg": True,
            "chatwoot_reopen_conversation": True,
            "chatwoot_conversation_pending": True,
        },
        dialect=Dialect.V1,
        reopen=False,
    )
    startup = ("APPLICATION_STARTUP",)
    assert order == InstanceOrder(
        name="loja",
        dialect=Dialect.V1,
        key="123456",
        number="5511987650001",
        qrcode=True,
        options=InstanceOptions(
            behaviour=Behaviour(
                reject_call=True,
                msg_call="Agora não",
                groups_ignore=True,
                always_online=True,
                read_messages=True,
                read_status=True,
            ),
            webhook=Webhook(url="https://hook.example/x", by_events=True, events=startup),
            transports={
                name: Transport(events=startup) for name in ("websocket", "rabbitmq", "sqs")
            },
            proxy=Proxy(host="proxy.example", port=3128, username="ana", password="senha"),
        ),
        chatwoot=ChatwootOrder(
            url="https://chat.example",
            account_id=123,
            token="token-of-ana",
            sign_msg=True,
            reopen_conversation=True,
            conversation_pending=True,
            options={
                "importContacts": True,
                "importMessages": True,
                "daysLimitImportMessages": 60,
                "ignoreJids": [],
                "number": "5511987650001",
            },
        ),
        bot=Bot(
            url="https://bot.example",
            typebot="flow",
            expire=123,
            keyword_finish="sair",
            delay_message=123,
            unknown_message="?",
            listening_from_me=True,
        ),
    )


def test_the_fields_of_seed_001() -> None:
    events = ["QRCODE_UPDATED", "MESSAGES_UPSERT"]
    order = read(
        {
            "token": "key-of-mine",
            "number": "5511987650001",
            "businessId": "987",
            "qrcode": True,
            "integration": "WHATSAPP-BAILEYS",
            "webhookUrl": "https://hook.example/x",
            "webhookEvents": events,
            "proxyHost": "proxy.example",
            "proxyPort": "3128",
            "proxyProtocol": "https",
            "rabbitmqEnabled": True,
            "rabbitmqEvents": events,
            "sqsEnabled": True,
            "sqsEvents": [],
            "natsEnabled": False,
            "natsEvents": events,
            "chatwootAccountId": "1",
            "chatwootToken": "token-of-ana",
            "chatwootUrl": "https://chat.example/",
            "chatwootMergeBrazilContacts": True,
            "chatwootDaysLimitImportMessages": 7,
            "chatwootNameInbox": "Balcão",
        }
    )
    options = order.options
    assert (order.key, order.token, order.business_id) == ("key-of-mine", None, "987")
    assert options.webhook == Webhook(
        url="https://hook.example/x", base64=True, events=tuple(events)
    )  # the documented default of webhookBase64
    assert options.transports == {
        "rabbitmq": Transport(events=tuple(events)),
        "sqs": Transport(),
    }
    assert options.proxy == Proxy(host="proxy.example", port=3128, protocol="https")
    assert order.chatwoot is not None
    assert (order.chatwoot.url, order.chatwoot.account_id) == ("https://chat.example", 1)
    assert order.chatwoot.name_inbox == "Balcão"
    assert order.chatwoot.options["daysLimitImportMessages"] == 7
    assert order.warnings == ()


def test_the_body_of_seed_002() -> None:
    order = read(
        {
            "qrcode": True,
            "number": "5511987650001",
            "rejectCall": True,
            "msgCall": "Agora não",
            "groupsIgnore": True,
            "alwaysOnline": True,
            "readMessages": True,
            "readStatus": True,
            "syncFullHistory": True,
            "webhook": {
                "url": "https://hook.example/x",
                "byEvents": True,
                "base64": True,
                "headers": {"autorization": "Bearer abc", "Content-Type": "application/json"},
                "events": ["APPLICATION_STARTUP"],
            },
        },
        dialect=Dialect.L2,
    )
    assert (order.dialect, order.integration, order.key) == (Dialect.L2, "WHATSAPP-BAILEYS", None)
    assert order.options.webhook == Webhook(
        url="https://hook.example/x",
        by_events=True,
        base64=True,
        headers={"autorization": "Bearer abc", "Content-Type": "application/json"},
        events=("APPLICATION_STARTUP",),
    )
    assert order.options.behaviour.sync_full_history is True


SEED_003 = ["QRCODE_UPDATED", "MESSAGES_UPSERT", "MESSAGES_UPDATE", "MESSAGES_DELETE"]


@pytest.mark.parametrize("by_events", ["webhookByEvents", "webhook_by_events"])
def test_the_bodies_of_seed_003(by_events: str) -> None:
    basic: dict[str, Any] = {"token": "abc-123", "qrcode": True}
    order = read(basic, Dialect.V1_LEGACY)
    assert (order.key, order.qrcode, order.chatwoot) == ("abc-123", True, None)
    order = read(
        basic | {"webhook": "https://hook.example/x", by_events: False, "events": SEED_003},
        Dialect.V1_LEGACY,
    )
    assert order.options.webhook == Webhook(url="https://hook.example/x", events=tuple(SEED_003))
    order = read(
        basic
        | {
            "chatwoot_account_id": 1,
            "chatwoot_token": "token",
            "chatwoot_url": "https://app.chatwoot.example",
            "chatwoot_sign_msg": True,
        },
        Dialect.V1_LEGACY,
    )
    assert order.chatwoot is not None
    assert (order.chatwoot.sign_msg, order.chatwoot.reopen_conversation) == (True, False)
    assert order.warnings == ()


# ---------------------------------------------------------------- coercion


@pytest.mark.parametrize("said", [True, "true", " TRUE ", 1, "1", 1.0])
def test_ways_to_say_yes(said: Any) -> None:
    assert read({"rejectCall": said}).options.behaviour.reject_call is True


@pytest.mark.parametrize("said", [False, "false", "False", 0, "0", "", None])
def test_ways_to_say_no(said: Any) -> None:
    assert read({"qrcode": said}).qrcode is False


@pytest.mark.parametrize("said", [2, "yes", "sim", [], {}, 0.5])
def test_what_is_neither(said: Any) -> None:
    assert refused({"qrcode": said}).messages == ("qrcode is not of a type(s) boolean",)


def test_numbers_may_be_texts_and_texts_numbers() -> None:
    order = read(
        {
            **BESIDE["chatwoot"],
            "token": 123456,
            "number": 5511987650001,
            "chatwootDaysLimitImportMessages": " 15 ",
            "typebot_url": "https://bot.example",
            "typebot": 42,
            "typebot_expire": "20",
        }
    )
    assert (order.key, order.number) == ("123456", "5511987650001")
    assert order.chatwoot is not None
    assert order.chatwoot.options["daysLimitImportMessages"] == 15
    assert order.bot is not None
    assert (order.bot.typebot, order.bot.expire) == ("42", 20)


def test_the_link_of_a_flow_may_be_pasted_as_it_is() -> None:
    link = "https://Bot.example/vendas"
    for url in (link, "https://bot.example/"):
        order = read({"instanceName": "loja", "typebot_url": url, "typebot": "vendas"})
        assert order.bot is not None
        assert (order.bot.url, order.bot.typebot) == ("https://bot.example", "vendas")
    order = read({"instanceName": "loja", "typebot_url": "https://bot.example", "typebot": link})
    assert order.bot is not None
    assert (order.bot.url, order.bot.typebot) == ("https://bot.example", "vendas")


def test_a_form_that_was_left_empty_orders_a_plain_instance() -> None:
    empty = {path: "" for f in CREATE for path in f.spellings if "." not in path}
    order = read({**empty, "instanceName": "loja", "chatwootAccountId": 0})
    assert order == read({}) == read({"chatwootAccountId": 0, "chatwootSignMsg": False})


@pytest.mark.parametrize("written", ["+55 (11) 98765 0001", "5511987650001 "])
def test_a_phone_number_as_people_write_it(written: str) -> None:
    assert read({"number": written}).number == "5511987650001"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (["MESSAGES_UPSERT", "messages.upsert", "Call"], ("MESSAGES_UPSERT", "CALL")),
        (["groups.update", "GROUPS_UPDATE", "GROUP_UPDATE"], ("GROUP_UPDATE",)),
        (["group-participants.update"], ("GROUP_PARTICIPANTS_UPDATE",)),
        (["new.jwt", "CHAMA_AI_ACTION"], ("NEW_JWT_TOKEN", "CHAMA_AI_ACTION")),
        ([], ()),
        ([""], ()),
        (None, ()),
    ],
)
def test_names_of_events(given: Any, stored: tuple[str, ...]) -> None:
    order = read({"rabbitmq": {"enabled": True, "events": given}})
    assert order.options.transports == {"rabbitmq": Transport(events=stored)}
    assert order.warnings == ()


def test_unknown_events_are_warned_of_and_never_become_all_events() -> None:
    order = read({"sqs": {"events": ["FOO", "CALL", "bar.baz"]}, "nats": {"events": ["FOO"]}})
    assert order.options.transports["sqs"].events == ("CALL",)
    assert order.options.transports["nats"].events == ("FOO",)
    assert order.warnings == (
        "sqs.events: no event is called FOO, BAR_BAZ",
        "nats.events: no event is called FOO",
    )


def test_a_block_is_on_unless_it_says_no_and_a_lone_flat_list_is_off() -> None:
    transports = read(
        {"kafka": {}, "sqs": {"enabled": False, "events": ["CALL"]}, "natsEvents": ["CALL"]}
    ).options.transports
    assert transports == {
        "kafka": Transport(),
        "sqs": Transport(enabled=False),
    }


def test_what_is_switched_off_cannot_be_wrong() -> None:
    order = read(
        {
            "webhook": {"enabled": False, "url": "vazio", "byEvents": "?"},
            "proxy": {"enabled": "", "host": "1 2", "port": "x"},
            "chatwoot": {"enabled": "false", "accountId": "x", "url": "vazio"},
        }
    )
    assert order.options == InstanceOptions()
    assert order.chatwoot is None


def test_a_webhook_without_a_url_is_none() -> None:
    order = read({"webhook": {"events": ["CALL"]}})
    assert order.options.webhook is None
    assert order.warnings == ("webhook: no url was given, so there is none",)


def test_the_server_decides_about_reopening_when_nobody_does() -> None:
    body = {"instanceName": "loja", **BESIDE["chatwoot"]}
    order = read_create(body, dialect=Dialect.V2, reopen=True)
    assert order.chatwoot is not None
    assert order.chatwoot.reopen_conversation is True
    body["chatwootReopenConversation"] = False
    order = read_create(body, dialect=Dialect.V2, reopen=True)
    assert order.chatwoot is not None
    assert order.chatwoot.reopen_conversation is False


def test_texts_for_people_may_have_several_lines() -> None:
    texts = {"msgCall": "Agora não.\nLigue depois.", "typebot_unknown_message": "Não\nentendi"}
    order = read(BESIDE["typebot"] | texts)
    assert order.options.behaviour.msg_call == texts["msgCall"]
    assert order.bot is not None
    assert order.bot.unknown_message == texts["typebot_unknown_message"]


def test_ignored_chats_are_listed_once() -> None:
    jids = ["", "@g.us", " @g.us ", None, "5511987650001@s.whatsapp.net"]
    order = read({**BESIDE["chatwoot"], "chatwoot": {"ignoreJids": jids}})
    assert order.chatwoot is not None
    assert order.chatwoot.options["ignoreJids"] == ["@g.us", "5511987650001@s.whatsapp.net"]


def test_the_token_of_a_business_number_is_metas() -> None:
    order = read({"integration": "whatsapp-Business", "token": "EAAB" * 100, "number": "41290"})
    assert (order.integration, order.key, order.token) == (BUSINESS, None, "EAAB" * 100)


def test_mobile_is_ignored_and_said_so() -> None:
    assert read({"mobile": False}).warnings == ()
    assert read({"mobile": True}).warnings[0].startswith("mobile is ignored")


def test_a_name_that_the_first_version_refused_is_warned_of() -> None:
    body = {"instanceName": "Loja Açaí"}
    assert read_create(body, dialect=Dialect.V1_LEGACY, reopen=False).warnings
    assert not read_create(body, dialect=Dialect.V1, reopen=False).warnings


def test_unknown_fields_are_kept() -> None:
    order = read({"status": "open", "ownerJid": None, "rabbitmq": {"vhost": [1]}, "a.b": 2})
    assert order.options.extra == {
        "status": "open",
        "ownerJid": None,
        "rabbitmq.vhost": [1],
        "a.b": 2,
    }
    assert order.warnings == (
        "no field is called status, rabbitmq.vhost, a.b: kept, without any effect",
    )


@pytest.mark.parametrize(
    "many", [{f"f{n}": n for n in range(51)}, {"x": "y" * 17000}], ids=["fields", "bytes"]
)
def test_unknown_fields_are_kept_within_limits(many: dict[str, Any]) -> None:
    order = read(many)
    assert len(order.options.extra) == len(many) - 1
    assert order.warnings[0].startswith("unknown fields beyond")


# ---------------------------------------------------------------- what is wrong

PROXY = {"proxyHost": "proxy.example", "proxyPort": 3128, "proxyProtocol": "http"}


@pytest.mark.parametrize(
    ("body", "code", "messages"),
    [
        ({"instanceName": None}, "instance.invalid", ['instance requires property "instanceName"']),
        ({"instanceName": " "}, "instance.invalid", ['The "instanceName" cannot be empty']),
        (
            {"instanceName": "a/b"},
            "instance.invalid",
            ['The "instanceName" must not hold / \\ ? # or control characters'],
        ),
        (
            {"instanceName": ".."},
            "instance.invalid",
            ['The "instanceName" must not be dots alone: it stands in paths'],
        ),
        (
            {"instanceName": "x" * 256},
            "instance.invalid",
            ["instanceName does not meet maximum length of 255"],
        ),
        ({"instanceName": 7}, "instance.invalid", ["instanceName is not of a type(s) string"]),
        ({"integration": "EVOLUTION"}, "instance.invalid", ["Invalid integration"]),
        (
            {"integration": BUSINESS},
            "instance.invalid",
            ["token is required", "number is required"],
        ),
        ({"token": "x" * 256}, "instance.invalid", ["token does not meet maximum length of 255"]),
        (
            {"token": "********"},
            "instance.invalid",
            ["token is ********, which stands for a secret; send the token itself"],
        ),
        (
            {"token": "a b"},
            "instance.invalid",
            ["token must be printable ASCII text without blanks"],
        ),
        (
            {"number": "x1"},
            "instance.invalid",
            ['number does not match pattern "^\\\\d+[\\\\.@\\\\w-]+"'],
        ),
        ({"webhook": "vazio"}, "webhook.url", ['Invalid "url" property in webhook']),
        ({"webhookUrl": "ftp://a"}, "webhook.url", ['Invalid "url" property in webhook']),
        ({"webhook": "http://u%3Av:p@a"}, "webhook.url", ['Invalid "url" property in webhook']),
        (
            {"typebot_url": "http://u:p@a", "typebot": "x"},
            "typebot.url",
            ['Invalid "url" property in typebot_url: user name and password do not belong into it'],
        ),
        ({"webhook": "http://a/\r\nb"}, "webhook.url", ['Invalid "url" property in webhook']),
        ({"webhook": "http://[::1"}, "webhook.url", ['Invalid "url" property in webhook']),
        ({"webhook": "http://a:99999"}, "webhook.url", ['Invalid "url" property in webhook']),
        ({"webhook": "http:///x"}, "webhook.url", ['Invalid "url" property in webhook']),
        (
            {"webhook": {"url": "http://a", "headers": {"X-A": "b\r\nHost: c"}}},
            "webhook.invalid",
            ["webhook.headers.X-A must be one line of at most 4096 characters"],
        ),
        (
            {"webhook": {"url": "http://a", "headers": {"X A": "b"}}},
            "webhook.invalid",
            ["webhook.headers holds a name that no header can have"],
        ),
        (
            {"webhook": {"url": "http://a", "headers": {"Content-Length": "5"}}},
            "webhook.invalid",
            ["webhook.headers must not set Content-Length, which belongs to the connection"],
        ),
        (
            {"webhook": {"url": "http://a", "headers": {f"X-{n}": "" for n in range(51)}}},
            "webhook.invalid",
            ["webhook.headers does not meet maximum property length of 50"],
        ),
        ({"rabbitmq": True}, "transport.invalid", ["rabbitmq is not of a type(s) object"]),
        ({"sqs": {"events": "A"}}, "transport.invalid", ["sqs.events is not of a type(s) array"]),
        (
            {"sqs": {"events": ["CALL", {}]}},
            "transport.invalid",
            ["sqs.events[1] is not of a type(s) string"],
        ),
        (
            {"pusher": {"appId": "1", "key": "k", "secret": "s"}},
            "transport.invalid",
            ['pusher requires property "cluster"'],
        ),
        (
            {"proxyHost": "proxy.example"},
            "proxy.invalid",
            [
                "Invalid proxy",
                "proxyPort is required when proxyHost is set",
                "proxyProtocol is required when proxyHost is set",
            ],
        ),
        (
            {"proxy": {"port": "99999", "host": "http://proxy.example", "protocol": "socks4"}},
            "proxy.invalid",
            [
                "Invalid proxy",
                "proxy.port must be less than or equal to 65535",
                "proxy.host must be a name or an address alone, without http:// and port",
                "proxy.protocol: socks4 is not supported; it is one of http, https, socks5",
            ],
        ),
        (
            {"chatwootAccountId": 1},
            "chatwoot.incomplete",
            [
                "chatwootToken is required when chatwootAccountId is set",
                "chatwootUrl is required when chatwootAccountId is set",
            ],
        ),
        (
            {
                "chatwoot_url": "https://chat.example",
                "chatwoot_token": "",
                "chatwoot_account_id": 1,
            },
            "chatwoot.incomplete",
            ["chatwoot_token is required when chatwoot_account_id is set"],
        ),
        (
            {"chatwoot": {"account_id": 1, "url": "https://chat.example"}},
            "chatwoot.incomplete",
            ["chatwoot.token is required when chatwoot.account_id is set"],
        ),
        (
            BESIDE["chatwoot"] | {"chatwootAccountId": "um"},
            "chatwoot.invalid",
            ["chatwootAccountId is not of a type(s) integer"],
        ),
        (
            BESIDE["chatwoot"] | {"chatwootAccountId": 0},
            "chatwoot.invalid",
            ["chatwootAccountId must be greater than or equal to 1"],
        ),
        (
            BESIDE["chatwoot"] | {"chatwootUrl": "chat.example"},
            "chatwoot.url",
            ['Invalid "url" property in chatwoot'],
        ),
        (
            BESIDE["chatwoot"] | {"chatwootUrl": "https://chat.example/?a=b"},
            "chatwoot.url",
            ['Invalid "url" property in chatwoot'],
        ),
        (
            {"typebot_url": "nada", "typebot": "flow"},
            "typebot.url",
            ['Invalid "url" property in typebot_url'],
        ),
        (
            {"typebot_url": "https://bot.example"},
            "typebot.incomplete",
            ["typebot is required when typebot_url is set"],
        ),
        (
            {"rejectCall": True, "reject_call": False},
            "settings.invalid",
            [
                (
                    "rejectCall and reject_call are one field and have different values; "
                    "send one of them"
                )
            ],
        ),
    ],
    ids=str,
)
def test_a_wrong_order_is_refused_and_says_why(
    body: dict[str, Any], code: str, messages: list[str]
) -> None:
    failure = refused(body)
    assert (list(failure.messages), failure.cause) == (messages, code)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    failure = refused(
        {
            "qrcode": "maybe",
            "instanceName": "",
            "proxyHost": "proxy.example",
            "chatwootUrl": "https://chat.example",
            "webhook": "vazio",
        }
    )
    assert failure.cause == "instance.invalid"
    assert failure.messages == (
        "qrcode is not of a type(s) boolean",
        'Invalid "url" property in webhook',
        'The "instanceName" cannot be empty',
        "Invalid proxy",
        "proxyPort is required when proxyHost is set",
        "proxyProtocol is required when proxyHost is set",
        "chatwootAccountId is required when chatwootUrl is set",
        "chatwootToken is required when chatwootUrl is set",
    )


def test_a_field_in_two_spellings_may_say_the_same() -> None:
    body = {
        "webhookUrl": "https://hook.example/a",
        "webhook": {"url": "https://hook.example/a", "events": []},
        "events": ["CALL"],
        "reject_call": "",
        "rejectCall": 1,
        "msg_call": "",
        "msgCall": "Agora não",
    }
    options = read(body).options
    assert options.webhook is not None
    assert options.webhook.events == ("CALL",)
    assert options.behaviour == Behaviour(reject_call=True, msg_call="Agora não")


def test_no_refusal_repeats_a_secret() -> None:
    failure = refused(
        {
            "token": "segredo 1",
            "webhook": {"url": "http://a%3Ab:segredo2@b", "headers": {"a": "segredo\n3"}},
            **PROXY,
            "proxyPassword": ["segredo"],
            "proxyUsername": "segredo:4",
            "chatwootToken": "segredo\t5",
        }
    )
    assert "segredo" not in str(failure)
    assert len(failure.messages) == 9


# ---------------------------------------------------------------- whatever is sent

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "true", "1", "http://a.example", "5511987650001", "CALL", "socks5"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TOP = st.sampled_from([path for f in CREATE for path in f.spellings if "." not in path])
BLOCKS = st.sampled_from(["webhook", "proxy", "chatwoot", "pusher", "nats", "kafka"])
INNER = st.sampled_from([p.partition(".")[2] for f in CREATE for p in f.spellings if "." in p])
BODIES = st.builds(
    lambda known, blocks, odd: {**odd, **blocks, **known},
    st.dictionaries(TOP, JSON, max_size=8),
    st.dictionaries(BLOCKS, st.dictionaries(INNER, JSON, max_size=6), max_size=3),
    st.dictionaries(st.text(max_size=12), JSON, max_size=3),
)


@given(body=BODIES, dialect=st.sampled_from(Dialect), named=st.booleans())
def test_any_body_is_an_order_or_refused(body: Any, dialect: Dialect, named: bool) -> None:
    if named:
        body["instanceName"] = "loja"
    before = json.dumps(body)
    with contextlib.suppress(Invalid):
        order = read_create(body, dialect=dialect, reopen=True)
        assert OPTIONS.validate_json(OPTIONS.dump_json(order.options)) == order.options
        assert order.name.strip() == order.name != ""
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({}, {"Authorization": "Basic YW5hOnPDo28gam/Do28="}),
        ({"headers": {"X-A": "b"}}, {"X-A": "b", "Authorization": "Basic YW5hOnPDo28gam/Do28="}),
        ({"headers": {"authorization": "Bearer c"}}, {"authorization": "Bearer c"}),
    ],
)
def test_a_login_in_a_webhooks_address_becomes_a_header(given, headers):
    url = "https://ana:s%C3%A3o%20jo%C3%A3o@n8n.example:8443/webhook?x=1"
    webhook = read({"webhook": {"url": url} | given}).options.webhook
    assert webhook is not None
    assert webhook.url == "https://n8n.example:8443/webhook?x=1"
    assert webhook.headers == headers
