"""Which templates a number may send is known in time, and what Chatwoot asks for is filled in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.locale import failure
from bridge.sim.chatwoot import Message
from bridge.sim.graph import Number, Route, Template, faults
from bridge.store.engine import Unit
from support.bridge_house import APP_SECRET, META_TOKEN, NAME, House, bridge_house

WABA = Number().waba_id
ORDER = Template(
    name="pedido",
    components=(
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Olá {{1}}, seu pedido {{2}} saiu."},
    ),
)
HELLO = Template(name="boas_vindas", components=({"type": "BODY", "text": "Oi {{first_name}}!"},))
PARAMS = {
    "name": "pedido",
    "namespace": "x",
    "language": "pt_BR",
    "category": "UTILITY",
    "processed_params": {
        "body": {"2": "7", "1": "Marina"},
        "header": {"media_url": "https://files.example/a.jpg", "media_type": "image"},
    },
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with bridge_house(tmp_path, provisioned=False) as house:
        house.graph.templates.put(WABA, ORDER)
        await house.create()
        yield house


async def known(house: House) -> list[str]:
    await house.quiet()
    rows = await house.rows("SELECT name, language FROM template ORDER BY name")
    return [f"{row['name']} {row['language']}" for row in rows]


def asked(house: House) -> int:
    return house.graph.requests[Route.TEMPLATES]


async def failed(house: House, message: Message) -> str:
    await house.status(message, "failed")
    await house.quiet()
    return message.external_error or ""


async def test_they_are_known_from_the_creation_on(house: House) -> None:
    assert await known(house) == ["pedido pt_BR"]
    assert asked(house) == 1
    assert set((await house.balance()).values()) == {0}


async def test_they_are_asked_for_anew_when_one_is_another(house: House) -> None:
    assert await house.graph.template_changes(HELLO, "APPROVED") == 200
    assert await known(house) == ["boas_vindas pt_BR", "pedido pt_BR"]
    paused = Template(name="pedido", status="PAUSED", components=ORDER.components)
    await house.graph.template_changes(paused, "PAUSED")
    assert await known(house) == ["boas_vindas pt_BR"]
    assert asked(house) == 3
    # It is counted as what it is: a signal that needs nothing else.
    rule = "cloud.message_template_status_update"
    assert (await house.events())["signal", "ignored", rule] == 2


async def test_news_of_another_account_ask_for_nothing(house: House) -> None:
    await house.graph.template_changes(HELLO, "APPROVED", waba_id="1")
    assert await known(house) == ["pedido pt_BR"]
    assert asked(house) == 1


async def test_only_one_job_waits_however_often_it_is_wanted(house: House) -> None:
    service, instance_id = house.service, (await house.rows("SELECT id FROM instance"))[0]["id"]

    def often(unit: Unit) -> None:
        for _ in range(5):
            service.templates.want(unit, instance_id, "WHATSAPP-BUSINESS")
            service.templates.want(unit, "gone", "WHATSAPP-BUSINESS")
            service.templates.want(unit, instance_id, "WHATSAPP-BAILEYS")

    await service.store.write(often)
    await house.quiet()
    assert asked(house) == 2


async def test_every_number_is_asked_once_a_day(house: House) -> None:
    await house.service.templates.look()  # it learns of the number, which was asked just now
    assert asked(house) == 1
    house.graph.templates.put(WABA, HELLO)
    house.clock.ahead_seconds += 25 * 3600
    await house.service.templates.look()
    assert len(await known(house)) == 2
    await house.service.templates.look()
    await house.quiet()
    assert asked(house) == 2


async def test_after_a_start_all_are_asked_some_minutes_later(house: House) -> None:
    async with house.stopped():
        house.graph.templates.drop(WABA, "pedido", "pt_BR")
    await house.service.templates.look()
    assert asked(house) == 1
    house.clock.ahead_seconds += 1000
    await house.service.templates.look()
    assert await known(house) == []
    assert asked(house) == 2


@pytest.mark.parametrize("code", [190, 131000])
async def test_a_failure_harms_nothing(house: House, code: int) -> None:
    chat = await house.talk()
    house.graph.faults.always(Route.TEMPLATES, faults.error(code))
    for _ in range(8):
        await house.graph.template_changes(HELLO, "APPROVED")
        await house.quiet()
    assert await known(house) == ["pedido pt_BR"]
    house.chat.agent_writes(chat.id, "resposta")
    await house.quiet()
    assert house.texts == ["resposta"]
    assert (await house.events())["internal", "ignored", "templates.not_told"] == 8
    assert set((await house.balance()).values()) == {0}


async def test_another_token_asks_again(house: House) -> None:
    house.graph.templates.put(WABA, HELLO)
    path = f"/instance/credentials/{NAME}"
    await house.ok("POST", path, json={"token": META_TOKEN})
    assert len(await known(house)) == 2


async def test_without_the_business_account_nothing_is_asked(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order={"businessId": None}) as house:
        assert asked(house) == 0
        assert (await house.events())["internal", "ignored", "templates.not_told"] == 1


async def test_whoever_signs_for_one_number_has_no_others_asked(tmp_path: Path) -> None:
    """Two shops share a business account; one brought its own app secret along."""
    async with bridge_house(
        tmp_path,
        graph={"numbers": (Number(), Number(phone_number_id="412900007654321"))},
        order={"appSecret": "secret-of-this-shop"},
    ) as house:
        await house.ok(
            "POST",
            "/instance/create",
            json=house.order(
                instanceName="outra", number="412900007654321", chatwootNameInbox="Outra"
            ),
        )
        await house.quiet()
        before = asked(house)
        house.graph.outbox.app_secret = "secret-of-this-shop"
        assert await house.graph.template_changes(HELLO, "APPROVED") == 200
        await house.quiet()
        assert asked(house) == before + 1
        house.graph.outbox.app_secret = APP_SECRET
        await house.graph.template_changes(HELLO, "APPROVED")
        await house.quiet()
        assert asked(house) == before + 3


async def test_a_deleted_number_leaves_none_behind(house: House) -> None:
    await house.ok("DELETE", f"/instance/delete/{NAME}")
    assert await known(house) == []


# ---------------------------------------------------------------- sending


async def test_what_the_composer_filled_in_goes_out(house: House) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "Olá Marina, ...", template_params=PARAMS)
    await house.sent()
    await house.quiet()
    assert house.graph.sent[0].body["template"]["components"] == [
        {
            "type": "header",
            "parameters": [{"type": "image", "image": {"link": "https://files.example/a.jpg"}}],
        },
        {
            "type": "body",
            "parameters": [{"type": "text", "text": "Marina"}, {"type": "text", "text": "7"}],
        },
    ]
    assert message.status == "sent"
    assert len(house.graph.sent) == 1


@pytest.mark.parametrize(
    ("changes", "cause", "values"),
    [
        (
            {"processed_params": {"1": "Marina"}},
            "template.missing",
            {"name": "pedido", "missing": "{{2}}, header.image"},
        ),
        (
            {"processed_params": PARAMS["processed_params"] | {"footer": {"1": "x"}}},  # type: ignore[operator]
            "template.extra",
            {"name": "pedido", "extra": "footer"},
        ),
        ({"language": 7}, "template.invalid", {"where": "language"}),
    ],
)
async def test_what_does_not_fit_is_named_before_meta_is_called(
    house: House, changes: dict[str, Any], cause: str, values: dict[str, str]
) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "Olá", template_params=PARAMS | changes)
    assert await failed(house, message) == failure("en", cause, "?", values)
    assert house.graph.requests[Route.MESSAGES] == 0
    assert (await house.events())["outbound", "dead", cause] == 1
    assert set((await house.balance()).values()) == {0}


async def test_of_what_we_do_not_know_whatsapp_decides_and_the_agent_reads_why(
    house: House,
) -> None:
    chat = await house.talk()
    unknown = {"name": "nunca_visto", "language": "pt_BR", "processed_params": {"1": "x"}}
    message = house.chat.agent_writes(chat.id, "Olá", template_params=unknown)
    text = failure("en", "whatsapp.template_unknown", "?")
    assert await failed(house, message) == text
    assert house.graph.requests[Route.MESSAGES] == 1
