"""Flows speak as an agent bot of ours, which is attached only where conversations begin pending."""

from __future__ import annotations

from pathlib import Path

from bridge.core.handoff import Phase
from bridge.core.typebot import Bot, StoredBot
from bridge.store.engine import Unit
from bridge.store.queries import bots
from support.bot_says import entry_of, line, mirrored, says, talk_of, told
from support.bridge_house import House, bridge_house
from support.sessions import balanced

PENDING = {"chatwootConversationPending": True}


async def has_flow(house: House, *, enabled: bool = True) -> None:
    entry = entry_of(house)
    bot = Bot(url="http://127.0.0.1:1", typebot="vendas", enabled=enabled)
    stored = StoredBot(id="f1", instance_id=entry.id, bot=bot, created_at=1, updated_at=1)
    await house.service.store.write(lambda unit: bots.save(unit.db, stored))
    house.service.shelf.forget(entry.id)


async def compared(house: House) -> None:
    entry = entry_of(house)

    def work(unit: Unit) -> None:
        house.service.drift.want(unit, entry)

    await house.service.store.write(work)
    await house.quiet()


def ours(house: House) -> list[int]:
    return [bot.id for bot in house.chat.world.bots.values() if "ponte:" in (bot.description or "")]


def room(house: House) -> list[str]:
    """What was said in the control room."""
    return [
        one.content or ""
        for one in house.chat.messages()
        if (one.source_id or "").startswith("PONTE:") and not one.private
    ]


async def test_what_a_flow_says_is_posted_as_our_bot_which_is_made_once(house: House) -> None:
    await house.talk()
    await says(house, line("um"), line("dois"))
    await house.quiet()
    await says(house, line("três"))
    await house.quiet()

    (bot,) = ours(house)
    assert house.chat.world.bots[bot].outgoing_url is None
    assert [one.sender for one in mirrored(house)] == [house.chat.world.bots[bot]] * 3
    assert house.inbox.bot is None  # conversations begin open here
    assert await balanced(house)


async def test_two_numbers_of_one_account_share_the_bot(house: House) -> None:
    await house.talk()
    await says(house, line("um"))
    await house.quiet()
    entry = entry_of(house)
    await house.service.store.write(
        lambda unit: unit.db.execute("UPDATE chatwoot_inbox SET agent_bot_id=NULL")
    )
    await house.service.directory.refresh(entry.id)
    await says(house, line("dois"))
    await house.quiet()
    assert len(ours(house)) == 1
    assert entry_of(house).inbox.agent_bot_id == ours(house)[0]  # type: ignore[union-attr]


async def test_it_is_attached_where_conversations_begin_pending_and_detached_again(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        await has_flow(house)
        await compared(house)
        (bot,) = ours(house)
        assert house.inbox.bot is house.chat.world.bots[bot]

        await house.ok("POST", "/chatwoot/set/loja", json=settings(house, pending=False))
        await house.quiet()
        assert house.inbox.bot is None
        assert entry_of(house).inbox.agent_bot_attached is False  # type: ignore[union-attr]


async def test_it_comes_and_goes_with_the_flows_that_are_on(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        body = {"url": "http://127.0.0.1:1", "typebot": "vendas", "triggerType": "all"}
        made = await house.ok("POST", "/typebot/create/loja", json=body | {"enabled": False})
        await house.quiet()
        assert house.inbox.bot is None
        update = f"/typebot/update/{made['id']}/loja"
        await house.ok("PUT", update, json=body | {"enabled": True})
        await house.quiet()
        assert house.inbox.bot is house.chat.world.bots[ours(house)[0]]
        await house.ok("PUT", update, json=body | {"enabled": False})
        await house.quiet()
        assert house.inbox.bot is None


async def test_without_a_flow_that_is_on_nothing_is_attached(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        await has_flow(house, enabled=False)
        await compared(house)
        assert house.inbox.bot is None
        assert ours(house) == []


async def test_a_foreign_bot_stays_attached_and_ours_speaks_all_the_same(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        foreign = house.inbox.bot = house.chat.bot
        await house.talk()
        await has_flow(house)
        await says(house, line("um"))
        await house.quiet()
        await compared(house)
        assert house.inbox.bot is foreign
        assert [one.sender for one in mirrored(house)] == [house.chat.world.bots[ours(house)[0]]]


async def test_one_that_somebody_took_away_is_not_attached_again(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        await has_flow(house)
        await compared(house)
        house.inbox.bot = None
        await compared(house)
        assert house.inbox.bot is None


async def test_one_that_somebody_deleted_is_made_again(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        await has_flow(house)
        await compared(house)
        house.chat.world.bots.pop(ours(house)[0])
        house.inbox.bot = None
        await compared(house)
        (bot,) = ours(house)
        assert house.inbox.bot is house.chat.world.bots[bot]


async def test_where_chatwoot_refuses_a_bot_the_user_speaks_and_it_is_said_once(
    house: House,
) -> None:
    await house.talk()
    house.chat.faults.fail(403, route="GET agent_bots")
    await says(house, line("um"), line("dois"))
    await house.quiet()
    assert [one.content for one in mirrored(house)] == ["um", "dois"]
    assert {type(one.sender).__name__ for one in mirrored(house)} == {"User"}
    assert len([one for one in room(house) if "agent bot" in one]) == 1
    assert told(house) == []
    talk = await talk_of(house)
    assert talk.state.phase is Phase.WAITING  # it was no human
    assert await balanced(house)


async def test_what_a_bot_says_leaves_a_pending_conversation_pending(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        chat = await house.talk()
        assert chat.status == "pending"
        await says(house, line("um"), line("dois"))
        await house.quiet()
        assert len(mirrored(house)) == 2
        assert (chat.status, len(house.chats())) == ("pending", 1)


async def test_an_inbox_that_stays_when_its_instance_is_deleted_loses_our_bot(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, order=PENDING) as house:
        await has_flow(house)
        await compared(house)
        assert house.inbox.bot is not None
        await house.ok("DELETE", "/instance/delete/loja")
        await house.quiet()
        assert house.inbox.bot is None


def settings(house: House, *, pending: bool) -> dict[str, object]:
    return {
        "enabled": True,
        "accountId": str(house.chat.account_id),
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "signMsg": False,
        "reopenConversation": False,
        "conversationPending": pending,
        "nameInbox": "WhatsApp Loja",
        "autoCreate": True,
    }
