"""One instance in the words of every dialect: the documents' own samples say which keys there are.

The samples are seeds 000 to 003 with their placeholders filled (issue 3).
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from bridge.core.connection import ConnectionView, LinkState
from bridge.core.instance import (
    BAILEYS,
    BUSINESS,
    Behaviour,
    Dialect,
    InboxConfig,
    InstanceConfig,
    InstanceOptions,
    Proxy,
    Transport,
    Webhook,
)
from bridge.core.masking import MASK
from bridge.core.typebot import Bot
from bridge.http.dialects import shapes_v1, shapes_v2, views
from bridge.http.dialects.rendering import renderer
from bridge.http.dialects.views import Addresses, View
from bridge.relay.activity import Inactive
from bridge.relay.directory import Entry
from bridge.relay.instances import Created
from bridge.whatsapp.absent import AbsentChannel
from bridge.whatsapp.qr import Qr
from support import instances as stored

KEY = "key-of-the-instance"
SECRETS = ("chatwoot-secret", "proxy-secret", "header-secret", "wavoip-secret", "meta-secret")
QR = Qr(code="2@abc", pairing_code="ABCD1234", count=1)
ADDRESSES = Addresses(
    public_url="https://ponte.example/",
    verify_token="verify-token-of-the-server",
    hook=lambda instance: f"https://ponte.example/chatwoot/webhook/{instance.name}",
)

#: What seed 000 and seed 002 show.
SNAKE_SAMPLE = {
    "instance": {
        "instanceName": "teste-docs",
        "instanceId": "af6c5b7c-ee27-4f94-9ea8-192393746ddd",
        "webhook_wa_business": None,
        "access_token_wa_business": "",
        "status": "created",
    },
    "hash": {"apikey": "123456"},
    "settings": {
        "reject_call": False,
        "msg_call": "",
        "groups_ignore": True,
        "always_online": False,
        "read_messages": False,
        "read_status": False,
        "sync_full_history": False,
    },
}
#: What seed 001 describes.
V2_SAMPLE = {
    "instance": {
        "instanceName": "teste-docs",
        "instanceId": "af6c5b7c-ee27-4f94-9ea8-192393746ddd",
        "integration": "WHATSAPP-BAILEYS",
        "status": "close",
        "webhookWaBusiness": None,
        "accessTokenWaBusiness": "",
    },
    "hash": "123456",
}
#: The last sample of seed 003 holds all keys of the other two.
LEGACY_SAMPLE = {
    "instance": {"instanceName": "teste", "status": "created"},
    "hash": {"apikey": "123456"},
    "webhook": "https://hooks.example",
    "events": ["QRCODE_UPDATED", "MESSAGES_UPSERT"],
    "qrcode": {"code": "2@abc", "base64": "data:image/png;base64,AAAA"},
    "chatwoot": {
        "enabled": True,
        "account_id": 1,
        "token": "token",
        "url": "https://app.chatwoot.com",
        "sign_msg": False,
        "name_inbox": "teste",
        "webhook_url": "https://ponte.example/chatwoot/webhook/teste",
    },
}
SHAPES: dict[Dialect, Any] = {
    Dialect.V1_LEGACY: shapes_v1.LegacyCreated,
    Dialect.V1: shapes_v1.CreatedV1,
    Dialect.V2: shapes_v2.CreatedV2,
    Dialect.L2: shapes_v1.L2Created,
    Dialect.Z_API: shapes_v2.CreatedV2,
}


def instance(**changes: Any) -> InstanceConfig:
    values: dict[str, Any] = {
        "integration": BAILEYS,
        "number": None,
        "token": None,
        "key_hash": "hash-of-the-key",
    }
    return stored.instance("teste", **(values | changes))


def inbox() -> InboxConfig:
    return stored.inbox(
        "teste",
        token="chatwoot-secret",
        hook="secret-part-of-the-hook",
        options={"importContacts": True, "daysLimitImportMessages": 60, "ignoreJids": ["@g.us"]},
        inbox_id=7,
    )


def entry(config: InstanceConfig, side: InboxConfig | None = None) -> Entry:
    return Entry(
        instance=config,
        inbox=side,
        channel=AbsentChannel(config.integration),
        chatwoot=None,
        channel_peer="whatsapp",
    )


#: Everything that can be configured, with a secret wherever there may be one.
FULL = instance(
    integration=BUSINESS,
    number="412900001234567",
    token="meta-secret",
    options=InstanceOptions(
        behaviour=Behaviour(reject_call=True, msg_call="later", wavoip_token="wavoip-secret"),
        webhook=Webhook(
            url="https://hooks.example",
            headers={"autorization": "header-secret", "Content-Type": "application/json"},
            events=("QRCODE_UPDATED", "MESSAGES_UPSERT"),
        ),
        transports={"rabbitmq": Transport(events=("CALL",)), "sqs": Transport(enabled=False)},
        proxy=Proxy(host="10.0.0.1", port=3128, username="ana", password="proxy-secret"),
    ),
)


def created(
    dialect: Dialect,
    config: InstanceConfig | None = None,
    *,
    side: InboxConfig | None = None,
    qrcode: bool = False,
    **changes: Any,
) -> Any:
    made: dict[str, Any] = {
        "entry": entry(config or instance(), side),
        "key": KEY,
        "connection": ConnectionView(state=LinkState.CLOSED),
    }
    said = renderer(dialect).created(Created(**(made | changes)), ADDRESSES, qrcode=qrcode)
    answer = orjson.loads(orjson.dumps(said))
    TypeAdapter(SHAPES[dialect]).validate_python(answer, strict=True, extra="forbid")
    return answer


def lacking(sample: Any, answer: Any, at: str = "") -> list[str]:
    """Which keys of a sample an answer lacks, or holds with another JSON type."""
    if isinstance(sample, dict) and isinstance(answer, dict):
        return [
            problem
            for key, value in sample.items()
            for problem in (
                lacking(value, answer[key], f"{at}.{key}") if key in answer else [f"{at}.{key}"]
            )
        ]
    return [] if type(sample) is type(answer) else [at]


@pytest.mark.parametrize(
    ("dialect", "sample"),
    [
        pytest.param(Dialect.V1, SNAKE_SAMPLE, id="seed 000"),
        pytest.param(Dialect.V2, V2_SAMPLE, id="seed 001"),
        pytest.param(Dialect.L2, SNAKE_SAMPLE, id="seed 002"),
        pytest.param(Dialect.V1_LEGACY, LEGACY_SAMPLE, id="seed 003"),
    ],
)
def test_a_create_answers_with_every_key_of_the_sample(dialect: Dialect, sample: Any) -> None:
    hooked = instance(options=InstanceOptions(webhook=Webhook(url="https://hooks.example")))
    assert lacking(sample, created(dialect, hooked, side=inbox(), qrcode=True, qr=QR)) == []


def test_the_basic_legacy_answer_has_webhook_and_events_too() -> None:
    answer = created(Dialect.V1_LEGACY)
    assert (answer["webhook"], answer["events"]) == ("", [])
    assert "qrcode" not in answer
    assert "chatwoot" not in answer


def test_legacy_shows_the_events_as_they_were_given() -> None:
    assert created(Dialect.V1_LEGACY, FULL)["events"] == ["QRCODE_UPDATED", "MESSAGES_UPSERT"]


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_code_that_was_asked_for_and_cannot_be_given_has_its_keys(dialect: Dialect) -> None:
    shown = created(dialect, qrcode=True)["qrcode"]
    assert (shown["code"], shown["base64"], shown.get("count", 0)) == ("", "", 0)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_code_is_shown_beside_chatwoot(dialect: Dialect) -> None:
    answer = created(dialect, side=inbox(), qrcode=True, qr=QR)
    assert answer["qrcode"]["code"] == "2@abc"
    assert answer["qrcode"]["base64"].startswith("data:image/png;base64,")
    assert answer["chatwoot"]["enabled"] is True


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_key_is_the_only_secret_that_a_create_shows(dialect: Dialect) -> None:
    answer = str(created(dialect, FULL, side=inbox()))
    assert KEY in answer
    assert [secret for secret in SECRETS if secret in answer] == []
    assert "secret-part-of-the-hook" not in answer


@pytest.mark.parametrize("dialect", list(Dialect))
def test_what_is_not_active_is_named_in_every_dialect(dialect: Dialect) -> None:
    idle = (Inactive(name="webhook", reason="Later."), Inactive(name="rabbitmq", reason="Later."))
    answer = created(dialect, not_active=idle, warnings=("mobile is ignored",))
    assert answer["notActive"] == ["webhook", "rabbitmq"]
    assert answer["warnings"] == ["mobile is ignored"]
    assert not {"notActive", "warnings"} & created(dialect).keys()


def test_a_business_number_says_where_meta_delivers() -> None:
    config = instance(integration=BUSINESS, verify_token=None)
    assert created(Dialect.V2, config)["instance"] | {"instanceId": ""} == {
        "instanceName": "teste",
        "instanceId": "",
        "integration": BUSINESS,
        "webhookWaBusiness": "https://ponte.example/webhook/meta",
        "accessTokenWaBusiness": "verify-token-of-the-server",
        "status": "close",
    }
    own = instance(integration=BUSINESS, verify_token="its-own")
    assert created(Dialect.V1, own)["instance"]["access_token_wa_business"] == "its-own"


def test_a_flow_is_shown_by_the_dialects_that_know_it() -> None:
    bot = Bot(url="https://bot.example", typebot="atendimento", keyword_finish="sair")
    shown = created(Dialect.V1, bot=bot)["typebot"]
    assert (shown["enabled"], shown["typebot"], shown["keyword_finish"]) == (
        True,
        "atendimento",
        "sair",
    )
    assert created(Dialect.V1)["typebot"] == {"enabled": False}
    assert created(Dialect.V2, bot=bot)["typebot"]["keywordFinish"] == "sair"


# ---------------------------------------------------------------- lists


def view(config: InstanceConfig, side: InboxConfig | None = None, **changes: Any) -> View:
    connection = ConnectionView(
        state=LinkState.CLOSED,
        code=401,
        reason="The phone ended the session.",
        owner_jid="5511987650001@s.whatsapp.net",
        closed_at=1_795_190_000_500,
    )
    return View(entry=entry(config, side), connection=connection, addresses=ADDRESSES, **changes)


ROWS = [(Dialect.V1, shapes_v1.RowV1), (Dialect.V2, shapes_v2.RowV2), (Dialect.L2, shapes_v1.RowV1)]


@pytest.mark.parametrize(("dialect", "shape"), ROWS)
@pytest.mark.parametrize("config", [instance(), FULL], ids=["plain", "full"])
@pytest.mark.parametrize("side", [None, inbox()], ids=["alone", "with chatwoot"])
def test_a_row_has_the_shape_that_is_documented(
    dialect: Dialect, shape: Any, config: InstanceConfig, side: InboxConfig | None
) -> None:
    row = renderer(dialect).row(view(config, side))
    TypeAdapter(shape).validate_python(row, strict=True, extra="forbid")
    assert [secret for secret in SECRETS if secret in str(row)] == []


def test_a_row_of_v2_says_how_the_connection_ended() -> None:
    row = renderer(Dialect.V2).row(view(FULL))
    assert row["connectionStatus"] == "close"
    assert row["ownerJid"] == "5511987650001@s.whatsapp.net"
    assert row["disconnectionReasonCode"] == 401
    assert row["disconnectionObject"] == "The phone ended the session."
    assert row["disconnectionAt"] == "2026-11-20T15:53:20.500Z"
    assert row["Rabbitmq"]["events"] == ["CALL"]
    assert (row["Sqs"]["enabled"], row["Sqs"]["events"]) == (False, [])
    assert row["Nats"] is None


@pytest.mark.parametrize("dialect", [Dialect.V1, Dialect.V2])
def test_secrets_of_others_are_exposed_when_the_operator_wants_it(dialect: Dialect) -> None:
    row = str(renderer(dialect).row(view(FULL, inbox(), exposed=True)))
    assert "chatwoot-secret" in row
    assert "meta-secret" in row
    assert ("proxy-secret" in row) is (dialect is Dialect.V2)
    assert "hash-of-the-key" not in row


def test_v1_gives_the_one_row_that_was_named_without_a_list() -> None:
    v1 = renderer(Dialect.V1)
    one = view(instance())
    assert v1.rows([one], single=True) == v1.row(one)
    assert v1.rows([one], single=False) == [v1.row(one)]
    assert v1.rows([], single=True) == []
    v2 = renderer(Dialect.V2)
    assert v2.rows([one], single=True) == [v2.row(one)]


# ---------------------------------------------------------------- parts


def test_an_empty_event_list_that_is_on_means_all_events() -> None:
    config = instance(
        options=InstanceOptions(transports={"nats": Transport(), "sqs": Transport(enabled=False)})
    )
    found = renderer(Dialect.V1).transport_found("nats", config)
    assert found is not None
    assert len(found["events"]) == 31
    assert renderer(Dialect.V1).transport_found("sqs", config) == {"enabled": False, "events": []}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_no_part_shows_a_secret(dialect: Dialect) -> None:
    form = renderer(dialect)
    pusher = Transport(extra={"appId": "1", "key": "open", "secret": "pusher-secret"})
    config = instance(
        options=InstanceOptions(
            behaviour=FULL.options.behaviour,
            webhook=FULL.options.webhook,
            transports={"pusher": pusher},
            proxy=FULL.options.proxy,
        )
    )
    answers = (
        form.settings_set(config),
        form.settings_found(config),
        form.proxy_set(config),
        form.proxy_found(config),
        form.webhook_set(config),
        form.webhook_found(config),
        form.transport_set("pusher", config),
        form.transport_found("pusher", config),
        form.chatwoot(inbox(), "https://ponte.example/hook"),
    )
    assert [s for s in (*SECRETS, "pusher-secret") if s in str(answers)] == []
    assert MASK in str(form.webhook_found(config))


@pytest.mark.parametrize("config", [instance(), FULL], ids=["plain", "full"])
def test_every_part_has_the_shape_that_is_documented(config: InstanceConfig) -> None:
    v1, v2 = renderer(Dialect.V1), renderer(Dialect.V2)
    for shape, answer in (
        (shapes_v1.SettingsSetV1, v1.settings_set(config)),
        (shapes_v1.SettingsV1, v1.settings_found(config)),
        (shapes_v1.ProxySetV1, v1.proxy_set(config)),
        (shapes_v1.ProxyFoundV1, v1.proxy_found(config)),
        (shapes_v1.WebhookSetV1, v1.webhook_set(config)),
        (shapes_v1.WebhookV1, v1.webhook_found(config)),
        (shapes_v1.TransportV1, v1.transport_found("rabbitmq", config)),
        (shapes_v1.ChatwootFoundV1, v1.chatwoot(inbox(), "https://ponte.example/hook")),
        (shapes_v1.ChatwootUnsetV1, v1.chatwoot(None, "https://ponte.example/hook")),
        (shapes_v2.SettingsSetV2, v2.settings_set(config)),
        (shapes_v2.SettingsV2, v2.settings_found(config)),
        (shapes_v2.ProxySetV2, v2.proxy_set(config)),
        (shapes_v2.ProxyRowV2 | None, v2.proxy_found(config)),
        (shapes_v2.WebhookRowV2 | None, v2.webhook_found(config)),
        (shapes_v2.TransportRowV2 | None, v2.transport_found("rabbitmq", config)),
        (shapes_v2.ChatwootFoundV2, v2.chatwoot(inbox(), "https://ponte.example/hook")),
        (shapes_v2.ChatwootUnsetV2, v2.chatwoot(None, "https://ponte.example/hook")),
    ):
        TypeAdapter(shape).validate_python(answer, strict=True, extra="forbid")


def test_what_is_not_stored_is_null_in_v2_and_a_default_in_v1() -> None:
    v1, v2, plain = renderer(Dialect.V1), renderer(Dialect.V2), instance()
    assert (v2.webhook_found(plain), v2.transport_found("sqs", plain)) == (None, None)
    assert v2.proxy_found(plain) is None
    assert v1.webhook_found(plain) == {
        "enabled": False,
        "url": "",
        "events": [],
        "webhook_by_events": False,
        "webhook_base64": False,
    }
    assert v1.transport_found("sqs", plain) == {"enabled": False, "events": []}
    assert v1.proxy_found(plain) == {"enabled": False, "proxy": None}
    assert v2.chatwoot(None, "https://ponte.example/hook")["webhook_url"] == ""


def test_the_state_says_why_it_is_not_open() -> None:
    state = views.state(instance(), ConnectionView(state=LinkState.OPEN))
    assert state == {"instance": {"instanceName": "teste", "state": "open"}}
    refused = ConnectionView(state=LinkState.REFUSED, reason="Nobody scanned the last code.")
    assert views.state(instance(), refused)["instance"]["reason"]


def test_a_code_has_evolutions_keys() -> None:
    shown = views.qrcode(QR)
    assert {**shown, "base64": ""} == {
        "pairingCode": "ABCD1234",
        "code": "2@abc",
        "base64": "",
        "count": 1,
    }
