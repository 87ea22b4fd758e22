"""In which dialect somebody is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.instance import Dialect
from bridge.errors import Invalid
from bridge.http.dialects.choosing import HEADER, chosen, of_body, of_create, v1_shape
from bridge.http.routing import Access, Route
from bridge.http.server import make_app, serving
from support.toy_http import ToyGate

HOOK = "https://hook.example/a"
BASIC: dict[str, Any] = {"instanceName": "loja", "token": "abc", "qrcode": True}
CHATWOOT_003 = {
    "chatwoot_account_id": 1,
    "chatwoot_token": "token",
    "chatwoot_url": "https://app.chatwoot.example",
    "chatwoot_sign_msg": True,
}
SEED_002 = BASIC | {"rejectCall": True, "webhook": {"url": HOOK}}

# ---------------------------------------------------------------- header, setting, path


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async def tell(request: web.Request) -> web.Response:
        try:
            dialect = chosen(request, setting=request.query.get("setting", "auto"))
        except Invalid as failure:
            return web.json_response([failure.cause, failure.messages[0]])
        return web.json_response([dialect, v1_shape(request, setting="auto")])

    route = Route(
        method="GET",
        path="/",
        handler=tell,
        summary="",
        tag="",
        access=Access.PUBLIC,
        responses={200: None},
    )
    app = make_app([route], gate=ToyGate(), max_body=1)
    async with (
        serving(app, host="127.0.0.1", port=0, shutdown_seconds=5) as (host, port),
        ClientSession(f"http://{host}:{port}") as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("path", "header", "told"),
    [
        ("/", None, [None, "auto"]),
        ("/", "v1", ["v1", "auto"]),
        ("/", "V1-Modern", ["v1", "modern"]),
        ("/", "v1-legacy", ["v1-legacy", "auto"]),
        ("/", "v2", ["v2", "auto"]),
        ("/?setting=v2", None, ["v2", "auto"]),
        ("/?setting=v2", "l2", ["l2", "auto"]),
        ("/whatsapp/", None, ["l2", "auto"]),
        ("/whatsapp/?setting=v1", None, ["v1", "auto"]),
        ("/whatsapp/", "v2", ["v2", "auto"]),
        ("/whatsapp/", "", ["l2", "auto"]),
        (
            "/",
            "v3",
            [
                "dialect.unknown",
                "X-Api-Dialect is not one of enum values: v1,v1-legacy,v1-modern,v2,l2",
            ],
        ),
    ],
)
async def test_the_header_is_before_the_setting_and_the_setting_before_the_path(
    client: ClientSession, path: str, header: str | None, told: list[str | None]
) -> None:
    headers = {} if header is None else {HEADER: header}
    async with client.get(path, headers=headers) as answer:
        assert await answer.json() == told


# ---------------------------------------------------------------- a create


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (BASIC, Dialect.V1),
        (BASIC | {"webhook": HOOK, "webhookByEvents": False, "events": []}, Dialect.V1_LEGACY),
        (BASIC | {"webhook": HOOK, "webhook_by_events": False}, Dialect.V1_LEGACY),
        (BASIC | CHATWOOT_003, Dialect.V1_LEGACY),
        (BASIC | CHATWOOT_003 | {"chatwoot_reopen_conversation": True}, Dialect.V1),
        (BASIC | {"webhook": HOOK, "integration": "WHATSAPP-BAILEYS"}, Dialect.V1),
        (BASIC | {"integration": "WHATSAPP-BAILEYS"}, Dialect.V2),
        (BASIC | {"integration": ""}, Dialect.V1),
        (BASIC | {"integration": "WHATSAPP-BAILEYS", "reject_call": False}, Dialect.V1),
        (BASIC | {"integration": "WHATSAPP-BAILEYS", "proxy": {"host": "p"}}, Dialect.V1),
        (BASIC | {"events": []}, Dialect.V1),
        (BASIC | {"chatwootAccountId": "1"}, Dialect.V2),
        (BASIC | {"webhookUrl": ""}, Dialect.V2),
        (BASIC | {"number": "5511987650001"}, Dialect.V1),
        (BASIC | {"rabbitmq": {"enabled": True}}, Dialect.V2),
        (BASIC | {"webhook": ""}, Dialect.V1_LEGACY),
        (SEED_002, Dialect.V2),
        ({}, Dialect.V1),
        ({"instance_name": "loja"}, Dialect.V1),
    ],
)
def test_a_body_shows_who_sent_it(body: dict[str, Any], dialect: Dialect) -> None:
    assert of_create(body, chosen=None, v1_shape="auto") is dialect
    for said in (Dialect.V2, Dialect.L2, Dialect.V1_LEGACY):
        assert of_create(body, chosen=said, v1_shape="modern") is said


def test_the_shape_of_v1_may_be_set() -> None:
    legacy = BASIC | {"webhook": HOOK}
    assert of_create(BASIC, chosen=None, v1_shape="legacy") is Dialect.V1_LEGACY
    assert of_create(legacy, chosen=None, v1_shape="modern") is Dialect.V1
    assert of_create(legacy, chosen=Dialect.V1, v1_shape="auto") is Dialect.V1_LEGACY
    assert of_create(SEED_002, chosen=None, v1_shape="legacy") is Dialect.V2


# ---------------------------------------------------------------- a change


@pytest.mark.parametrize(
    ("body", "default", "dialect"),
    [
        ({"enabled": True, "events": []}, Dialect.V1, Dialect.V1),
        ({"enabled": True, "events": []}, Dialect.V2, Dialect.V2),
        ({"enabled": True, "events": []}, Dialect.Z_API, Dialect.V2),
        ({"webhook": {"enabled": True}}, Dialect.V1, Dialect.V2),
        ({"webhook": {"enabled": True}}, Dialect.L2, Dialect.L2),
        ({"url": HOOK, "webhook_by_events": True}, Dialect.V2, Dialect.V1),
        ({"url": HOOK, "webhook_by_events": True}, Dialect.V1_LEGACY, Dialect.V1_LEGACY),
        ({"webhook": HOOK}, Dialect.L2, Dialect.V1),
        ({"rejectCall": True}, Dialect.V1_LEGACY, Dialect.V2),
        ({"proxy": {"host": "p"}}, Dialect.V2, Dialect.V1),
        ({"accountId": 1}, Dialect.V1, Dialect.V2),
        ({"account_id": 1}, Dialect.V2, Dialect.V1),
    ],
)
def test_a_change_is_answered_in_the_shape_of_the_request(
    body: dict[str, Any], default: Dialect, dialect: Dialect
) -> None:
    assert of_body(body, chosen=None, default=default) is dialect
    assert of_body(body, chosen=Dialect.V1, default=default) is Dialect.V1


@given(body=st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | st.just({})))
def test_any_body_has_a_dialect(body: dict[str, Any]) -> None:
    assert of_create(body, chosen=None, v1_shape="auto") in Dialect
    assert of_body(body, chosen=None, default=Dialect.V2) in Dialect
