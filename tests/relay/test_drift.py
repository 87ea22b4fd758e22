"""Chatwoot is not as Ponte left it: found, mended where that is certain, told where it is not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.relay.directory import Entry
from bridge.relay.provisioning import shown
from bridge.sim.chatwoot import Conversation
from support.bridge_house import MARINA, NAME, RUI, House, bridge_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with bridge_house(tmp_path) as house:
        yield house


def entry_of(house: House) -> Entry:
    entry = house.service.directory.by_name(NAME)
    assert entry is not None
    return entry


async def compare(house: House) -> None:
    """Let the periodic check have its turn."""
    await house.service.store.write(lambda unit: house.service.drift.want(unit, entry_of(house)))
    await house.quiet()


def room(house: House) -> list[str]:
    """What the bot contact said, beside that it was connected."""
    inbox = entry_of(house).inbox
    assert inbox is not None
    return [
        one.content or ""
        for one in house.chat.messages(inbox.bot_conversation_id)
        if (one.source_id or "").startswith("PONTE:state:")
    ]


async def steps(house: House) -> list[str]:
    """What the comparisons so far did."""
    rows = await house.rows("SELECT trace FROM job WHERE kind='drift' ORDER BY id")
    return [row["trace"] for row in rows]


async def test_nothing_is_changed_or_told_while_all_is_well(house: House) -> None:
    await house.talk()
    before = dict(house.chat.requests)
    await compare(house)
    asked = {
        route: count - before.get(route, 0)
        for route, count in house.chat.requests.items()
        if count != before.get(route, 0)
    }
    assert asked == {
        "GET inbox": 1,
        "GET account": 1,
        "GET conversation": 1,
        "GET messages": 1,
    }
    assert room(house) == []


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/old/chatwoot/webhook/loja/{hook}"])
async def test_a_webhook_address_that_was_lost_or_is_outdated_is_set_again(
    house: House, url: str
) -> None:
    right = house.hook
    hook = right.rpartition("/")[2]
    chat = await house.talk()
    house.chat.update_inbox(house.inbox.id, channel={"webhook_url": url.format(hook=hook)})
    house.chat.agent_writes(chat.id, "Alguém me ouve?")
    await house.quiet()
    assert house.texts == []
    await compare(house)
    assert house.inbox.webhook_url == right
    (told,) = room(house)
    assert "webhook address" in told
    house.chat.agent_writes(chat.id, "Bom dia")
    await house.quiet()
    assert house.texts == ["Alguém me ouve?", "Bom dia"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://bridge.example/chatwoot/webhook/SECRET", "https://bridge.example/…"),
        ("https://ana:SECRET@bridge.example:8443/x", "https://bridge.example:8443/…"),
        ("https://bridge.example?token=SECRET", "https://bridge.example/…"),
        ("https://bridge.example#SECRET", "https://bridge.example/…"),
        ("https://[SECRET/", "…"),
        ("https://bridge.example:SECRET/", "…"),
    ],
)
def test_of_somebody_elses_address_the_host_alone_is_told(url: str, expected: str) -> None:
    assert shown(url) == expected


async def test_an_inbox_that_somebody_pointed_elsewhere_is_left_there_and_told_once(
    house: House,
) -> None:
    foreign = "https://bridge.example/chatwoot/webhook/secret-of-theirs"
    house.chat.update_inbox(house.inbox.id, channel={"webhook_url": foreign})
    await compare(house)
    await compare(house)
    assert house.inbox.webhook_url == foreign
    (told,) = room(house)
    assert "https://bridge.example/…" in told
    assert "secret-of-theirs" not in told
    kept = await house.rows("SELECT key FROM seen WHERE key LIKE 'drift:%'")
    assert "secret" not in str(kept)


async def test_a_renamed_inbox_a_lock_hours_and_the_language_are_taken_over(house: House) -> None:
    house.chat.update_inbox(
        house.inbox.id,
        name="Vendas novas",
        lock_to_single_conversation=True,
        timezone="America/Sao_Paulo",
        working_hours_enabled=True,
    )
    house.chat.account_locale = "es"
    await compare(house)
    entry = entry_of(house)
    assert entry.inbox is not None
    assert (entry.inbox.name_inbox, entry.inbox.lock_to_single) == ("Vendas novas", True)
    assert entry.inbox.told["timezone"] == "America/Sao_Paulo"
    assert entry.inbox.told["working_hours_enabled"] is True
    assert len(entry.inbox.told["working_hours"]) == 7
    assert entry.language == "es"
    assert (await house.talk()).inbox.name == "Vendas novas"
    assert room(house) == []


async def test_a_signing_secret_that_was_changed_is_known_before_the_next_delivery(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.13.0"}) as house:
        secret = house.chat.reset_secret(house.inbox.id)
        await compare(house)
        entry = entry_of(house)
        assert entry.inbox is not None
        assert entry.inbox.signing_secret == secret


async def test_a_deleted_inbox_is_made_again_and_its_new_room_says_so(house: House) -> None:
    await house.talk()
    house.chat.delete_inbox(house.inbox.id)
    await compare(house)
    (told,) = room(house)
    assert "made it again" in told
    await house.talk(RUI, "Ainda estão aí?")
    assert house.shown()[-1] == "Ainda estão aí?"


async def test_a_deleted_room_is_made_again_and_a_resolved_one_is_left_asleep(
    house: House,
) -> None:
    def conversation() -> Conversation:
        inbox = entry_of(house).inbox
        assert inbox is not None
        assert inbox.bot_conversation_id is not None
        return house.chat.conversations[inbox.bot_conversation_id]

    first = conversation()
    house.chat.resolve(first.id)
    await compare(house)
    assert (conversation().id, conversation().status) == (first.id, "resolved")
    house.chat.delete_conversation(first.id)
    await compare(house)
    assert conversation().id != first.id
    assert conversation().contact is first.contact


async def test_what_fails_has_the_sides_compared_at_once_but_not_again_and_again(
    house: House,
) -> None:
    for number in (MARINA, RUI):
        chat = await house.talk(number)
        house.chat.delete_conversation(chat.id)
        assert (await house.talk(number, "de novo")).id != chat.id
    assert len(await steps(house)) == 1


async def test_every_instance_is_compared_in_its_turn(house: House) -> None:
    drift = house.service.drift
    await drift.look()
    assert await steps(house) == []
    for compared in (1, 2):
        await house.pass_time(hours=1)
        for _ in range(2):
            await drift.look()
            await house.quiet()
            assert len(await steps(house)) == compared


class TestAnOlderBackup:
    async def test_nobody_reads_what_was_written_by_somebody_else(self, house: House) -> None:
        """The numbers of contacts and conversations that came later are given to others."""
        await house.talk(MARINA, "Oi, sou a Marina")
        backup = house.chat.backup()
        await house.talk(RUI, "Oi, sou o Rui")
        house.chat.restore(backup)
        other = house.chat.agent_creates_contact("Outra pessoa", phone_number="+5511987650777")
        stranger = house.chat.agent_starts_conversation(other.id, house.inbox.id, "Olá!")
        await house.quiet()
        await compare(house)
        mine = await house.talk(RUI, "Continuo o Rui")
        assert mine.contact is not other
        assert mine.id != stranger.id
        assert "Rui" not in str([one.content for one in stranger.messages])
        (told,) = room(house)
        assert "older backup: 1 message" in told

    async def test_what_was_there_before_is_found_again(self, house: House) -> None:
        before = await house.talk(MARINA, "um")
        backup = house.chat.backup()
        await house.talk(MARINA, "dois")
        house.chat.restore(backup)
        await compare(house)
        after = await house.talk(MARINA, "três")
        assert (after.id, after.contact.id) == (before.id, before.contact.id)
        assert len(house.chats()) == 1
        await compare(house)
        assert len(room(house)) == 1

    async def test_agents_go_on_answering(self, house: House) -> None:
        await house.talk(MARINA, "um")
        backup = house.chat.backup()
        chat = await house.talk(MARINA, "dois")
        answer = house.chat.agent_writes(chat.id, "Resposta")
        await house.sent()
        await house.quiet()
        house.chat.restore(backup)
        house.chat.world.clock = lambda: time.time() + 60  # a restore takes its time
        await compare(house)
        again = house.chat.agent_writes(chat.id, "Outra resposta")
        await house.quiet()
        assert again.id <= answer.id  # the number was given before
        assert house.texts == ["Resposta", "Outra resposta"]

    async def test_a_conversation_that_somebody_deleted_is_no_older_backup(
        self, house: House
    ) -> None:
        await house.talk(MARINA)
        chat = await house.talk(RUI)
        house.chat.delete_conversation(chat.id)
        await compare(house)
        assert room(house) == []
        assert await posted(house) == 1


async def posted(house: House) -> int:
    """Messages from WhatsApp of which Ponte knows where they stand."""
    rows: list[dict[str, Any]] = await house.rows(
        "SELECT COUNT(*) AS n FROM ledger WHERE chatwoot_id IS NOT NULL"
    )
    return int(rows[0]["n"])
