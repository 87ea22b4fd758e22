"""The routes that change one part of an instance take every body that clients send them."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.connection import Presence
from bridge.core.instance import TRANSPORTS, Behaviour, InboxConfig, Proxy, Transport, Webhook
from bridge.core.order import ChatwootOrder
from bridge.errors import Invalid
from bridge.http.dialects.configuration import (
    read_chatwoot,
    read_presence,
    read_proxy,
    read_settings,
    read_transport,
    read_webhook,
)
from bridge.http.dialects.described import (
    TRANSPORT_BODIES,
    ChatwootBody,
    PresenceBody,
    ProxyBody,
    SettingsBody,
    WebhookBody,
)

STORED = InboxConfig(
    instance_id="1",
    enabled=True,
    url="https://chat.example",
    account_id=3,
    token="token-of-ana",
    sign_msg=True,
    sign_delimiter=" - ",
    reopen_conversation=True,
    conversation_pending=True,
    merge_brazil_contacts=True,
    name_inbox="Balcão",
    organization="Padaria",
    logo="https://pics.example/a.png",
    auto_create=False,
    options={"importContacts": True, "ignoreJids": ["@g.us"], "number": "41290"},
    hook="secret",
    inbox_id=5,
    inbox_identifier="abc",
    made_by_us=True,
    lock_to_single=False,
    bot_contact_id=1,
    bot_conversation_id=1,
    provisioned_at=1,
    updated_at=1,
)


def chatwoot(body: dict[str, Any], before: InboxConfig | None = None) -> ChatwootOrder:
    order = read_chatwoot(body, before, reopen=False)
    assert order is not None
    return order


# ---------------------------------------------------------------- settings and presence


@pytest.mark.parametrize(
    "body",
    [
        {"rejectCall": True, "readStatus": "false"},
        {"reject_call": 1, "read_status": 0},
    ],
)
def test_settings_that_are_not_given_stay(body: dict[str, Any]) -> None:
    before = Behaviour(read_status=True, groups_ignore=True, msg_call="Agora não")
    after = dataclasses.replace(before, reject_call=True, read_status=False)
    assert read_settings(body, before) == after
    assert read_settings({}, before) == before


def test_the_text_for_callers_can_be_emptied() -> None:
    assert read_settings({"msgCall": ""}, Behaviour(msg_call="x")).msg_call == ""


def test_wrong_settings_are_all_told() -> None:
    with pytest.raises(Invalid) as caught:
        read_settings({"reject_call": "?", "msgCall": 5}, Behaviour())
    assert caught.value.cause == "settings.invalid"
    assert caught.value.messages == (
        "reject_call is not of a type(s) boolean",
        "msgCall is not of a type(s) string",
    )


def test_presences() -> None:
    assert read_presence({"presence": "Composing"}) is Presence.COMPOSING
    for body, said in (
        ({}, 'instance requires property "presence"'),
        ({"presence": ""}, 'instance requires property "presence"'),
        ({"presence": "away"}, "presence is not one of enum values: available,unavailable"),
    ):
        with pytest.raises(Invalid) as caught:
            read_presence(body)
        assert caught.value.messages[0].startswith(said)
        assert len(caught.value.messages) == 1


# ---------------------------------------------------------------- proxy


@pytest.mark.parametrize(
    "body",
    [
        {"enabled": True, "host": "p.example", "port": "1080", "protocol": "socks5"},
        {"enabled": "true", "proxy": {"host": "p.example", "port": 1080, "protocol": "SOCKS5"}},
        {"proxy": {"host": "p.example", "port": 1080, "protocol": "socks5", "username": ""}},
        {"proxyHost": "p.example", "proxyPort": 1080, "proxyProtocol": "socks5"},
    ],
)
def test_a_proxy_in_every_form(body: dict[str, Any]) -> None:
    assert read_proxy(body) == Proxy(host="p.example", port=1080, protocol="socks5")


def test_an_address_of_ipv6_is_kept_without_brackets() -> None:
    proxy = read_proxy({"host": "[::1]", "port": 1, "protocol": "http"})
    assert proxy is not None
    assert proxy.host == "::1"


@pytest.mark.parametrize("off", [False, "false", 0, ""])
def test_a_proxy_is_switched_off_whatever_else_is_said(off: Any) -> None:
    body = {"enabled": off, "host": "1234", "port": "", "protocol": "http", "username": "a:b"}
    assert read_proxy(body) is None


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (
            {"enabled": True},
            [
                "Invalid proxy",
                'instance requires property "host"',
                'instance requires property "port"',
                'instance requires property "protocol"',
            ],
        ),
        (
            {"proxy": {"username": "ana"}},
            [
                "Invalid proxy",
                "proxy.host is required when proxy.username is set",
                "proxy.port is required when proxy.username is set",
                "proxy.protocol is required when proxy.username is set",
            ],
        ),
        (
            {"enabled": "x", "host": "p", "port": "0", "protocol": "ftp"},
            [
                "Invalid proxy",
                "enabled is not of a type(s) boolean",
                "port must be greater than or equal to 1",
                "protocol: ftp is not supported; it is one of http, https, socks5",
            ],
        ),
    ],
)
def test_half_a_proxy_is_refused(body: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        read_proxy(body)
    assert (list(caught.value.messages), caught.value.cause) == (messages, "proxy.invalid")


# ---------------------------------------------------------------- webhook


@pytest.mark.parametrize(
    "body",
    [
        {"webhook": {"enabled": True, "url": "https://h.example/a", "byEvents": True}},
        {"enabled": True, "url": "https://h.example/a", "webhookByEvents": True, "events": []},
        {"enabled": 1, "url": "https://h.example/a", "webhook_by_events": True},
        {"webhook": "https://h.example/a", "webhook_by_events": True},
    ],
)
def test_a_webhook_in_every_form(body: dict[str, Any]) -> None:
    assert read_webhook(body, None) == Webhook(url="https://h.example/a", by_events=True)


def test_a_webhook_keeps_what_is_not_given_but_the_events() -> None:
    before = Webhook(url="https://h.example/a", base64=True, headers={"A": "b"}, events=("CALL",))
    assert read_webhook({"url": "https://h.example/z", "webhook_by_events": 1}, before) == Webhook(
        url="https://h.example/z", by_events=True, base64=True, headers={"A": "b"}
    )
    assert read_webhook({"webhook": {"headers": {}}}, before).headers == {}


@pytest.mark.parametrize(
    "url", ["https://evil.example/a", "http://h.example/a", "https://h.example:444/a"]
)
def test_stored_headers_do_not_go_to_another_server(url: str) -> None:
    before = Webhook(url="https://h.example/a", headers={"Authorization": "Bearer x"})
    assert read_webhook({"url": url}, before).headers == {}


def test_a_webhook_that_is_off_cannot_be_wrong() -> None:
    body = {"enabled": False, "url": "vazio", "webhook_base64": False, "events": ["CALL"]}
    assert read_webhook(body, None) == Webhook(enabled=False)
    before = Webhook(url="https://h.example/a", events=("CALL",))
    off = read_webhook({"webhook": {"enabled": False, "url": "vazio"}}, before)
    assert off == Webhook(enabled=False, url="https://h.example/a")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'instance requires property "webhook"'),
        ({"webhook": {"enabled": True}}, 'webhook requires property "url"'),
        ({"enabled": True}, 'instance requires property "url"'),
        ({"enabled": True, "url": "vazio"}, 'Invalid "url" property in webhook'),
        ({"webhook": []}, "webhook is not of a type(s) string"),
    ],
)
def test_a_webhook_needs_a_url(body: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_webhook(body, None)
    assert caught.value.messages == (message,)


# ---------------------------------------------------------------- transports


@pytest.mark.parametrize("name", [name for name in TRANSPORTS if name != "pusher"])
def test_a_transport_in_every_form(name: str) -> None:
    for body in (
        {name: {"enabled": True, "events": ["call", "FOO"]}},
        {"enabled": "true", "events": ["CALL"]},
        {f"{name}_enabled": True, f"{name}_events": ["CALL"]},
        {"events": ["CALL"]},
    ):
        assert read_transport(name, body, None) == Transport(events=("CALL",))
    assert read_transport(name, {"enabled": True}, Transport(events=("CALL",))) == Transport()
    off = read_transport(name, {name: {"enabled": False, "events": 5}}, None)
    assert off == Transport(enabled=False)
    with pytest.raises(Invalid, match=f'instance requires property "{name}"'):
        read_transport(name, {}, None)


def test_pusher_keeps_its_credentials() -> None:
    whole = {"appId": 7, "key": "k", "secret": "s", "cluster": "c", "useTLS": False}
    extra = whole | {"appId": "7"}
    stored = read_transport("pusher", {"pusher": {"enabled": True, **whole}}, None)
    assert stored == Transport(extra=extra)
    changed = read_transport("pusher", {"enabled": True, "key": "other"}, stored)
    assert changed == Transport(extra=extra | {"key": "other"})
    off = read_transport("pusher", {"pusher": {"enabled": False}}, stored)
    assert off == Transport(enabled=False, extra=extra)
    with pytest.raises(Invalid) as caught:
        read_transport("pusher", {"enabled": True, "key": "k", "secret": "s"}, None)
    assert caught.value.messages == (
        'pusher requires property "appId"',
        'pusher requires property "cluster"',
    )


# ---------------------------------------------------------------- Chatwoot


def test_a_first_chatwoot() -> None:
    body = {
        "enabled": True,
        "accountId": "1",
        "token": "t",
        "url": "https://chat.example/",
        "signMsg": True,
        "signDelimiter": "\\n",
        "ignoreJids": [""],
        "organization": "",
        "logo": "",
        "nameInbox": "",
        "daysLimitImportMessages": 3,
    }
    snake = {
        "enabled": True,
        "account_id": 1,
        "token": "t",
        "url": "https://chat.example",
        "sign_msg": True,
        "sign_delimiter": "\\n",
        "days_limit_import_messages": 3,
    }
    wanted = ChatwootOrder(
        url="https://chat.example",
        account_id=1,
        token="t",
        sign_msg=True,
        sign_delimiter="\\n",
        options={
            "importContacts": False,
            "importMessages": False,
            "daysLimitImportMessages": 3,
            "ignoreJids": [],
            "number": None,
        },
    )
    assert chatwoot(body) == chatwoot(snake) == chatwoot({"chatwoot": body}) == wanted


def test_what_is_not_given_stays_as_it_is() -> None:
    order = chatwoot({"signMsg": False, "nameInbox": "", "ignoreJids": []}, STORED)
    kept = {field.name for field in dataclasses.fields(ChatwootOrder)}
    kept -= {"sign_msg", "options", "replace_webhook", "imports"}
    assert all(getattr(order, name) == getattr(STORED, name) for name in kept)
    assert order.sign_msg is False
    assert order.options == {
        "importContacts": True,
        "importMessages": False,
        "daysLimitImportMessages": None,
        "ignoreJids": [],
        "number": "41290",
    }


def test_a_stored_token_does_not_go_to_another_server() -> None:
    with pytest.raises(Invalid) as caught:
        chatwoot({"url": "https://evil.example"}, STORED)
    assert caught.value.messages == ('instance requires property "token"',)
    assert chatwoot({"url": "https://chat.example/"}, STORED).token == "token-of-ana"
    moved = chatwoot({"url": "https://new.example", "token": "t"}, STORED)
    assert (moved.url, moved.token, moved.account_id) == ("https://new.example", "t", 3)


@pytest.mark.parametrize(
    "body",
    [
        {"enabled": False},
        {"enabled": "", "accountId": 0, "token": "", "url": ""},
        {"enabled": False, "accountId": "?", "token": "abc", "url": "vazio"},
        {"enabled": False, "url": "https://evil.example"},
    ],
)
def test_switching_off_takes_nothing_else(body: dict[str, Any]) -> None:
    assert read_chatwoot(body, None, reopen=True) is None
    order = chatwoot(body, STORED)
    assert (order.enabled, order.url) == (False, "https://chat.example")
    assert (order.token, order.account_id) == ("token-of-ana", 3)


def test_a_chatwoot_stays_off_until_somebody_says_on() -> None:
    off = dataclasses.replace(STORED, enabled=False)
    assert chatwoot({"signMsg": True}, off).enabled is False
    assert chatwoot({"enabled": True}, off).enabled is True
    with pytest.raises(Invalid, match='Invalid "url" property in chatwoot'):
        chatwoot({"url": "vazio"}, off)


@pytest.mark.parametrize(
    ("body", "code", "messages"),
    [
        (
            {},
            "chatwoot.invalid",
            [
                'instance requires property "accountId"',
                'instance requires property "token"',
                'instance requires property "url"',
            ],
        ),
        (
            {"account_id": "x", "url": "vazio"},
            "chatwoot.invalid",
            [
                "account_id is not of a type(s) integer",
                'Invalid "url" property in chatwoot',
                'instance requires property "token"',
            ],
        ),
        (
            {"chatwoot": {"enabled": True, "token": "t"}, "url": "vazio"},
            "chatwoot.invalid",
            ['Invalid "url" property in chatwoot', 'chatwoot requires property "accountId"'],
        ),
        (
            {"accountId": -1, "token": "t", "url": "https://chat.example", "enabled": "?"},
            "chatwoot.invalid",
            [
                "accountId must be greater than or equal to 0",
                "enabled is not of a type(s) boolean",
            ],
        ),
    ],
)
def test_a_wrong_chatwoot_is_refused(body: dict[str, Any], code: str, messages: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        chatwoot(body)
    assert (sorted(caught.value.messages), caught.value.cause) == (sorted(messages), code)


# ---------------------------------------------------------------- whatever is sent

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "true", "1", "http://a.example", "CALL", "socks5"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
MODELS = [SettingsBody, ProxyBody, WebhookBody, ChatwootBody, PresenceBody]
MODELS += TRANSPORT_BODIES.values()
NAMES = sorted({name for model in MODELS for name in model.model_json_schema()["properties"]})
FLAT = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10)
BODIES = st.builds(
    lambda flat, block, inner: {**flat, **({block: inner} if block else {})},
    FLAT,
    st.sampled_from(["", "webhook", "proxy", "chatwoot", *TRANSPORTS]),
    FLAT,
)


@given(body=BODIES)
def test_any_body_is_understood_or_refused(body: Any) -> None:
    for inbox in (None, STORED):
        with contextlib.suppress(Invalid):
            order = read_chatwoot(body, inbox, reopen=True)
            assert order is None or (order.url and order.token and order.account_id)
    with contextlib.suppress(Invalid):
        read_settings(body, Behaviour())
    with contextlib.suppress(Invalid):
        proxy = read_proxy(body)
        assert proxy is None or (proxy.host and proxy.port)
    with contextlib.suppress(Invalid):
        webhook = read_webhook(body, None)
        assert webhook.url or not webhook.enabled
    with contextlib.suppress(Invalid):
        read_presence(body)
    for name in TRANSPORTS:
        with contextlib.suppress(Invalid):
            read_transport(name, body, None)
