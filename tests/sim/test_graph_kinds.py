"""What the Graph stand-in takes of menus, places, cards and templates, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bridge.sim.graph import GraphSim, Number, Template
from bridge.sim.pictures import jpeg

TOKEN = "an-access-token"
NUMBER = Number()
MARINA = "5511987650001"
ORDER = Template(
    name="pedido",
    components=(
        {"type": "HEADER", "format": "IMAGE"},
        {"type": "BODY", "text": "Olá {{1}}, seu pedido {{2}} saiu."},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "QUICK_REPLY", "text": "Obrigado"},
                {"type": "URL", "text": "Ver", "url": "https://loja.example/{{1}}"},
            ],
        },
    ),
)
NAMED = Template(name="boas_vindas", components=({"type": "BODY", "text": "Oi {{first_name}}!"},))


@pytest.fixture
async def sim() -> AsyncIterator[GraphSim]:
    sim = GraphSim(access_token=TOKEN, numbers=(NUMBER,))
    for template in (ORDER, NAMED, Template(name="velho", status="PAUSED")):
        sim.templates.put(NUMBER.waba_id, template)
    async with sim.serving():
        yield sim


@pytest.fixture
async def session(sim: GraphSim) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(sim.base_url, headers=headers) as session:
        yield session


async def send(session: aiohttp.ClientSession, kind: str, content: Any) -> tuple[int, Any]:
    body = {"messaging_product": "whatsapp", "to": MARINA, "type": kind, kind: content}
    path = f"/v26.0/{NUMBER.phone_number_id}/messages"
    async with session.post(path, json=body) as answer:
        return answer.status, await answer.json()


def buttons(*titles: str, **more: Any) -> dict[str, Any]:
    replies = [
        {"type": "reply", "reply": {"id": f"o{number}", "title": title}}
        for number, title in enumerate(titles)
    ]
    return {
        "type": "button",
        "body": {"text": "Qual?"},
        "action": {"buttons": replies},
        **more,
    }


def listed(*rows: dict[str, Any], label: str = "Escolher") -> dict[str, Any]:
    action = {"button": label, "sections": [{"rows": list(rows)}]}
    return {"type": "list", "body": {"text": "Qual?"}, "action": action}


def row(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "title": f"Linha {number}", **more}


def template(name: str, *components: Any, language: str = "pt_BR") -> dict[str, Any]:
    return {"name": name, "language": {"code": language}, "components": list(components)}


def texts(where: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"type": where, "parameters": [{"type": "text", "text": v, **more} for v in values]}


PHOTO = {
    "type": "header",
    "parameters": [{"type": "image", "image": {"link": "https://files.example/a.jpg"}}],
}
LINK = {
    "type": "button",
    "sub_type": "url",
    "index": "1",
    "parameters": [{"type": "text", "text": "7"}],
}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("interactive", buttons("Sim", "Não", "x" * 20)),
        ("interactive", buttons("Sim", footer={"text": "Loja"})),
        ("interactive", listed(*(row(n) for n in range(10)))),
        ("interactive", listed(row(description="d" * 72), label="📋")),
        ("location", {"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Rua A"}),
        (
            "contacts",
            [
                {
                    "name": {"formatted_name": "Rui", "first_name": "Rui"},
                    "phones": [{"phone": "+55 11 90000-0002", "wa_id": "5511900000002"}],
                }
            ],
        ),
        ("template", template("pedido", PHOTO, texts("body", "Ana", "7"), LINK)),
        ("template", template("boas_vindas", texts("body", "Ana", parameter_name="first_name"))),
    ],
)
async def test_what_is_right_is_taken(sim, session, kind: str, content: Any) -> None:
    assert (await send(session, kind, content))[0] == 200
    assert sim.sent[0].body[kind] == content
    assert sim.sent[0].text == ("Qual?" if kind == "interactive" else None)


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        pytest.param("interactive", {"type": "menu"}, 100, id="kind"),
        pytest.param("interactive", buttons(), 131008, id="no buttons"),
        pytest.param("interactive", buttons("a", "b", "c", "d"), 131009, id="four buttons"),
        pytest.param("interactive", buttons("a", "a"), 131009, id="equal titles"),
        pytest.param("interactive", buttons("x" * 21), 131009, id="long title"),
        pytest.param("interactive", buttons(" "), 131009, id="empty title"),
        pytest.param("interactive", buttons("a", body={"text": "x" * 1025}), 131009, id="body"),
        pytest.param("interactive", buttons("a", body={}), 131008, id="no body"),
        pytest.param("interactive", buttons("a", footer={"text": ""}), 131009, id="footer"),
        pytest.param("interactive", listed(), 131008, id="no rows"),
        pytest.param("interactive", listed(*(row(n) for n in range(11))), 131009, id="11 rows"),
        pytest.param("interactive", listed(row(), row()), 131009, id="equal ids"),
        pytest.param("interactive", listed(row(title="x" * 25)), 131009, id="long row title"),
        pytest.param("interactive", listed(row(description="")), 131009, id="empty description"),
        pytest.param("interactive", listed(row(), label="x" * 21), 131009, id="label"),
        pytest.param("location", {"latitude": 1}, 131008, id="half a place"),
        pytest.param("location", {"latitude": 91, "longitude": 0}, 131009, id="not on Earth"),
        pytest.param("contacts", [{"name": {"formatted_name": "A"}}], 131008, id="half a name"),
        pytest.param(
            "contacts",
            [{"name": {"formatted_name": "A", "first_name": "A"}, "phones": [{"wa_id": "1"}]}],
            131008,
            id="no phone",
        ),
        pytest.param("template", template("nada"), 132001, id="unknown template"),
        pytest.param("template", template("pedido", language="en"), 132001, id="other language"),
        pytest.param("template", template("velho"), 132015, id="paused"),
        pytest.param("template", template("boas_vindas"), 132000, id="no values"),
        pytest.param(
            "template", template("boas_vindas", texts("body", "Ana")), 132000, id="no name"
        ),
        pytest.param(
            "template",
            template("boas_vindas", texts("body", "a\nb", parameter_name="first_name")),
            132018,
            id="line break",
        ),
        pytest.param(
            "template", template("pedido", texts("body", "Ana", "7"), LINK), 132012, id="no file"
        ),
        pytest.param(
            "template", template("pedido", PHOTO, texts("body", "A", "7")), 131008, id="no link"
        ),
        pytest.param(
            "template",
            template("pedido", PHOTO, texts("body", "A", "7"), LINK | {"index": "0"}),
            132012,
            id="wrong button",
        ),
    ],
)
async def test_what_is_wrong_is_refused(sim, session, kind: str, content: Any, code: int) -> None:
    status, answer = await send(session, kind, content)
    assert status >= 400
    assert answer["error"]["code"] == code, answer
    assert sim.sent == []


async def test_only_sound_can_be_a_voice_note(sim, session) -> None:
    handle = sim.add_media(b"OggS", "audio/ogg")
    assert (await send(session, "audio", {"id": handle, "voice": True}))[0] == 200
    photo = sim.add_media(jpeg(), "image/jpeg")
    assert (await send(session, "image", {"id": photo, "voice": True}))[0] == 400


async def test_templates_are_listed_in_pages(sim, session) -> None:
    path = f"/v26.0/{NUMBER.waba_id}/message_templates"
    query = {"status": "APPROVED", "limit": "1", "fields": "name,language,components"}
    found = []
    for _ in range(3):
        async with session.get(path, params=query) as answer:
            told = await answer.json()
        found += told["data"]
        if "next" not in told.get("paging", {}):
            break
        query["after"] = told["paging"]["cursors"]["after"]
    assert [one["name"] for one in found] == ["pedido", "boas_vindas"]
    assert set(found[0]) == {"name", "language", "components", "id"}
    assert found[0]["components"] == list(ORDER.components)


@pytest.mark.parametrize(
    ("account", "query"),
    [("1", {}), (NUMBER.waba_id, {"after": "?"}), (NUMBER.waba_id, {"fields": "secret"})],
)
async def test_a_wrong_question_for_templates_is_refused(session, account, query) -> None:
    async with session.get(f"/v26.0/{account}/message_templates", params=query) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == 100


async def test_another_process_can_add_templates_and_close_windows(sim, session) -> None:
    body = {"name": "novo", "components": [{"type": "BODY", "text": "Oi"}]}
    async with session.post("/sim/template", json=body) as answer:
        assert answer.status == 200
    assert (await send(session, "template", template("novo")))[0] == 200
    async with session.post("/sim/window", json={"enforced": True}) as answer:
        assert answer.status == 200
    assert sim.windows.enforced
    for path in ("template", "window"):
        async with session.post(f"/sim/{path}", json={"name": 7}) as answer:
            assert answer.status == 400
