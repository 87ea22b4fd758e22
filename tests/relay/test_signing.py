"""How an inbox signs what its agents write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import PeerRefused
from bridge.sim.chatwoot import Conversation, User
from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhone
from support.qr_events import typed
from support.sessions import balanced, bring, conversation, open_up, qr_house


def signing(**options: Any) -> dict[str, Any]:
    return {"chatwootSignMsg": True} | {f"chatwootSign{name}": one for name, one in options.items()}


async def begin(house: House, phone: QrPhone) -> tuple[Conversation, User]:
    """A conversation, and a second agent."""
    await open_up(house, phone)
    return await conversation(house, phone), house.chat.add_user("Rita Lima")


async def test_a_template_of_the_inbox_signs(tmp_path: Path) -> None:
    order = signing(Template="{text}\\n\\n— {name}")
    async with bridge_house(tmp_path, order=order) as house:
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "**Olá**")
        await house.sent()
        assert house.texts == ["*Olá*\n\n— Caio"]


async def test_on_change_only_a_new_speaker_is_named(tmp_path: Path) -> None:
    async with qr_house(tmp_path, order=signing(OnChange=True)) as (house, phone):
        chat, rita = await begin(house, phone)
        for agent, text in ((None, "1"), (None, "2"), (rita, "3"), (rita, "4"), (None, "5")):
            house.chat.agent_writes(chat.id, text, agent=agent)
            await house.quiet()
        await bring(house, phone, typed("do celular"))
        house.chat.agent_writes(chat.id, "6")
        await house.quiet()
        assert phone.texts == ["*Caio:*\n1", "2", "*Rita:*\n3", "4", "*Caio:*\n5", "*Caio:*\n6"]
        assert await balanced(house)


async def test_what_did_not_go_out_was_not_said(tmp_path: Path) -> None:
    async with qr_house(tmp_path, order=signing(OnChange=True)) as (house, phone):
        chat, rita = await begin(house, phone)
        house.chat.agent_writes(chat.id, "1", agent=rita)
        await house.quiet()
        phone.refuses["send"] = [PeerRefused("No.", code="whatsapp.refused")]
        failed = house.chat.agent_writes(chat.id, "nunca")
        await house.status(failed, "failed")
        house.chat.agent_writes(chat.id, "2", agent=rita)
        await house.quiet()
        assert phone.texts == ["*Rita:*\n1", "2"]


async def test_how_it_was_signed_stays_when_it_is_tried_again(tmp_path: Path) -> None:
    """Somebody else speaks while a long message is on its way: its rest is not signed for that."""
    async with qr_house(tmp_path, order=signing(OnChange=True)) as (house, phone):
        chat, _ = await begin(house, phone)
        house.chat.agent_writes(chat.id, "1")
        await house.quiet()
        gate = phone.gates["sending"] = asyncio.Event()
        long = "a" * 65536 + "b"
        house.chat.agent_writes(chat.id, long)
        await phone.called("sending")
        del phone.gates["sending"]
        phone.drop(428, "The connection broke.", again=True)
        gate.set()
        await phone.has_sent(2)
        await phone.bring(typed("do celular"))
        phone.scan()
        await house.quiet()
        assert phone.texts[0] == "*Caio:*\n1"
        assert "".join(phone.texts[1:]) == long
        assert await balanced(house)


@pytest.mark.parametrize(("wanted", "shown"), [(None, "oi"), (True, "*Bot Aurora:*\noi")])
async def test_bots_are_signed_only_when_asked(
    tmp_path: Path, wanted: bool | None, shown: str
) -> None:
    order = signing(Bots=wanted)
    async with bridge_house(tmp_path, order=order) as house:
        house.chat.world.inboxes[house.inbox.id].bot = house.chat.bot
        house.chat.bot.name = "Bot Aurora"
        chat = await house.talk()
        headers = {"api_access_token": house.chat.bot_token}
        url = f"{house.chat_url}/api/v1/accounts/1/conversations/{chat.id}/messages"
        async with house.http.post(url, json={"content": "oi"}, headers=headers) as answer:
            assert answer.status == 200
        await house.sent()
        assert house.texts == [shown]


async def test_the_options_are_set_shown_and_taken_back(house: House) -> None:
    options = {"signTemplate": "{name}: {text}", "signOnChange": True, "signBots": "true"}
    shown = await house.ok("POST", "/chatwoot/set/loja", json={"signMsg": True, **options})
    found = await house.ok("GET", "/chatwoot/find/loja")
    for answer in (shown, found):
        kept = (answer["signTemplate"], answer["signOnChange"], answer["signBots"])
        assert kept == ("{name}: {text}", True, True)
        assert "signOnChange" not in str(answer.get("warnings"))
    idle = await house.ok("POST", "/chatwoot/set/loja", json={"signMsg": False})
    assert "signOnChange is stored; it does nothing while signMsg is false." in idle["warnings"]
    await house.ok("POST", "/chatwoot/set/loja", json={"sign_template": "", "sign_bots": False})
    found = await house.ok("GET", "/chatwoot/find/loja")
    kept = (found["signTemplate"], found["signOnChange"], found["signBots"])
    assert kept == (None, True, False)


@pytest.mark.parametrize("template", ["{name}", "{text} {nome}", "x" * 501 + "{text}", 7])
async def test_a_template_that_would_show_something_else_is_refused(
    house: House, template: Any
) -> None:
    status, answer = await house.call("POST", "/chatwoot/set/loja", json={"signTemplate": template})
    assert status == 400
    assert "signTemplate" in str(answer)
    assert (await house.ok("GET", "/chatwoot/find/loja"))["signTemplate"] is None
