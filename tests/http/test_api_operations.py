"""Health, metrics, dead letters and the story of a message."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from bridge.sim.graph import Route, faults
from support.bridge_house import MARINA, House


async def test_health_needs_no_key(house: House) -> None:
    assert await house.call("GET", "/healthz", key=None) == (200, {"status": "ok"})
    assert await house.call("GET", "/readyz", key=None) == (200, {"status": "ready"})


async def test_the_root_answers_what_dashboards_probe_for(house: House) -> None:
    status, body = await house.call("GET", "/", key=None)
    assert (status, body["status"], body["clientName"]) == (200, 200, "ponte")
    assert body["message"] == "Welcome to the Evolution API, it is working!"
    assert body["version"].startswith("2.")
    assert {"documentation", "manager", "whatsappWebVersion", "ponte"} <= set(body)


async def test_not_ready_while_the_database_cannot_be_written(house: House) -> None:
    async def full(*_args: Any, **_more: Any) -> None:
        from bridge.errors import Unavailable  # noqa: PLC0415

        raise Unavailable("The database cannot be written: disk full.", code="store.write")

    house.service.store.write, kept = full, house.service.store.write  # type: ignore[method-assign]
    status, body = await house.call("GET", "/readyz", key=None)
    house.service.store.write = kept  # type: ignore[method-assign]
    assert (status, body["response"]["code"]) == (503, "store.unavailable")
    assert (await house.call("GET", "/healthz", key=None))[0] == 200


async def test_the_reference_is_valid_and_lists_every_route(house: House) -> None:
    status, told = await house.call("GET", "/openapi.json", key=None)
    assert status == 200
    OpenAPIV31SpecValidator(told).validate()
    served = {
        (resource.canonical.rstrip("/") or "/", route.method)
        for route in house.service.app.router.routes()
        if (resource := route.resource) is not None
        and route.method != "HEAD"
        and not resource.canonical.startswith("/whatsapp")
    }
    described = {
        (path, method.upper()) for path, methods in told["paths"].items() for method in methods
    }
    own = {(path, method) for path, method in served if not path.startswith(("/docs", "/openapi"))}
    assert own <= described, own - described
    assert described <= served
    assert len(own) >= 19


async def test_an_unknown_route_is_told_in_the_envelope(house: House) -> None:
    status, body = await house.call("GET", "/nothing/here")
    assert (status, body["response"]) == (
        404,
        {"message": ["Cannot GET /nothing/here"], "code": "route.unknown"},
    )
    status, body = await house.call("PATCH", "/instance/create")
    assert status in (404, 405)
    assert set(body) == {"status", "error", "response"}


# ---------------------------------------------------------------- metrics


async def test_metrics_add_up_after_a_busy_day(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "resposta")
    house.chat.agent_writes(chat.id, "nota", private=True)
    house.graph.faults.next(Route.MESSAGES, faults.error(131026), to=MARINA)
    failed = house.chat.agent_writes(chat.id, "falha")
    await house.quiet()
    house.chat.agent_retries(failed.id)
    house.chat.agent_deletes(failed.id)
    house.chat.resolve(chat.id)
    house.chat.typing(chat.id)
    await house.graph.customer_writes(MARINA, "volta")
    await house.graph.customer_writes(MARINA, message={"type": "odd"})
    await house.quiet()
    balance = await house.balance()
    assert {"inbound", "outbound", "status", "signal", "internal"} <= set(balance)
    assert set(balance.values()) == {0}


async def test_metrics_count_what_waits_and_how_old_it_is(house: House) -> None:
    await house.talk()
    stuck = house.chat.faults.fail(502)
    await house.graph.customer_writes(MARINA, "espera")
    await house.chat.wait_for(lambda: stuck.hits > 0)
    text = await house.ok("GET", "/metrics")
    assert 'ponte_waiting{road="inbound"} 1.0' in text
    assert set((await house.balance()).values()) == {0}
    stuck.off()
    await house.quiet()
    assert 'ponte_waiting{road="inbound"} 0.0' in await house.ok("GET", "/metrics")


async def test_metrics_survive_a_restart(house: House) -> None:
    await house.talk()
    before = await house.events()
    async with house.stopped():
        pass
    await house.quiet()
    after = await house.events()
    assert after["inbound", "delivered", ""] == before["inbound", "delivered", ""]
    assert set((await house.balance()).values()) == {0}


async def test_metrics_name_neither_people_nor_secrets(house: House) -> None:
    await house.talk(name="Marina Alves")
    text = await house.ok("GET", "/metrics")
    for secret in (MARINA, "Marina", house.chat.admin_token, house.inbox.secret):
        assert secret not in text


# ---------------------------------------------------------------- dead letters


async def dead(house: House) -> int:
    """An agent's message that WhatsApp refused."""
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026))
    house.chat.agent_writes(chat.id, "falhou")
    await house.quiet()
    (letter,) = await house.ok("GET", "/dead-letters")
    return int(letter["id"])


async def test_a_dead_letter_is_listed_and_shown_whole(house: House) -> None:
    id_ = await dead(house)
    (listed,) = await house.ok("GET", "/dead-letters")
    assert (listed["road"], listed["kind"], listed["cause"]) == (
        "outbound",
        "outbound",
        "whatsapp.recipient",
    )
    shown = await house.ok("GET", f"/dead-letters/{id_}")
    assert shown["payload"]["content"] == "falhou"
    assert shown["state"] == "dead"
    assert [step["step"] for step in shown["steps"]][-1] == "failed"


async def test_a_dead_letter_can_be_replayed_once(house: House) -> None:
    id_ = await dead(house)
    assert await house.ok("POST", f"/dead-letters/{id_}/replay") == {
        "id": id_,
        "state": "waiting",
    }
    await house.quiet()
    assert house.texts == ["falhou"]
    assert await house.ok("GET", "/dead-letters") == []
    status, _ = await house.call("POST", f"/dead-letters/{id_}/replay")
    assert status == 404
    assert set((await house.balance()).values()) == {0}


async def test_an_uncertain_message_can_be_replayed(house: House) -> None:
    chat = await house.talk()
    house.graph.auto_statuses = False
    house.graph.faults.next(Route.MESSAGES, faults.reset(acted=True))
    house.chat.agent_writes(chat.id, "será?")
    await house.quiet()
    (letter,) = await house.ok("GET", "/dead-letters")
    assert letter["cause"] == "uncertain"
    await house.ok("POST", f"/dead-letters/{letter['id']}/replay")
    await house.sent(2)
    await house.quiet()
    assert await house.ok("GET", "/dead-letters") == []


async def test_a_dead_letter_can_be_given_up(house: House) -> None:
    id_ = await dead(house)
    assert await house.ok("DELETE", f"/dead-letters/{id_}") == {"id": id_, "state": "discarded"}
    assert await house.ok("GET", "/dead-letters") == []
    assert (await house.call("DELETE", f"/dead-letters/{id_}"))[0] == 404
    assert (await house.call("GET", f"/dead-letters/{id_}"))[0] == 404
    assert house.graph.sent == []
    assert set((await house.balance()).values()) == {0}


async def test_dead_letters_come_in_pages_newest_first(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026), count=5)
    for number in range(5):
        house.chat.agent_writes(chat.id, f"{number}")
    await house.quiet()
    first = await house.ok("GET", "/dead-letters", params={"limit": "3"})
    rest = await house.ok("GET", "/dead-letters", params={"before": str(first[-1]["id"])})
    ids = [letter["id"] for letter in (*first, *rest)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/dead-letters?limit=0", 400),
        ("GET", "/dead-letters?limit=501", 400),
        ("GET", "/dead-letters?limit=x", 400),
        ("GET", "/dead-letters?before=-1", 400),
        ("GET", "/dead-letters/x", 400),
        ("GET", "/dead-letters/-1", 400),
        ("GET", "/dead-letters/" + "9" * 30, 400),
        ("GET", "/dead-letters/999999", 404),
        ("POST", "/dead-letters/999999/replay", 404),
        ("DELETE", "/dead-letters/999999", 404),
        ("GET", "/why", 400),
        ("GET", "/why?message=", 400),
        ("GET", "/why?message=unknown", 404),
        ("GET", "/why?message=%25", 404),
        ("GET", "/why?message=" + "x" * 600, 400),
        ("GET", "/who", 400),
        ("GET", "/who?person=" + "x" * 300, 400),
        ("GET", "/who?person=5511900000000", 404),
    ],
)
async def test_wrong_questions_are_a_clear_4xx(
    house: House, method: str, path: str, status: int
) -> None:
    await house.talk()
    answered, body = await house.call(method, path)
    assert answered == status, body
    assert set(body) == {"status", "error", "response"}


# ---------------------------------------------------------------- why


async def test_why_tells_the_story_of_a_customers_message(house: House) -> None:
    id_ = await house.graph.customer_writes(MARINA, "Oi")
    await house.quiet()
    (story,) = await house.ok("GET", "/why", params={"message": id_})
    message = house.of(f"WAID:{id_}")
    assert (story["state"], story["road"], story["kind"]) == ("delivered", "inbound", "inbound")
    assert [step["step"] for step in story["steps"]] == ["placed", "posted"]
    assert story["messages"][0]["chatwoot_id"] == message.id
    assert "Oi" not in str(story)


async def test_why_finds_an_agents_message_by_either_id(house: House) -> None:
    chat = await house.talk()
    message = house.chat.agent_writes(chat.id, "resposta")
    await house.quiet()
    (by_chatwoot,) = await house.ok("GET", "/why", params={"message": str(message.id)})
    (by_whatsapp,) = await house.ok("GET", "/why", params={"message": house.graph.sent[0].wamid})
    assert by_chatwoot == by_whatsapp
    assert by_chatwoot["messages"][0]["state"] == "delivered"


async def test_why_tells_each_failure(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131056), count=2)
    message = house.chat.agent_writes(chat.id, "insistente")
    await house.quiet()
    (story,) = await house.ok("GET", "/why", params={"message": str(message.id)})
    assert [step["step"] for step in story["steps"]] == ["failed", "failed", "sent"]
    assert "whatsapp.pair_rate" in story["steps"][0]["detail"]
