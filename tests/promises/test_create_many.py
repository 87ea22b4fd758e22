"""Many creates at once: all of them succeed, none meets another's Chatwoot, one name is one."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot import ChatwootSim
from support.bridge_house import House, bridge_house

ACCOUNTS = 4
CREATES = 200
AT_ONCE = 20
#: All of them share this process and its machine with the stand-ins.
PATIENT = {"chatwoot": {"timeout_seconds": 30}, "api": {"probe_seconds": 30}}


def order(house: House, name: str, chat: ChatwootSim, url: str, **changes: Any) -> dict[str, Any]:
    """An instance that a phone will connect, with its Chatwoot."""
    return {
        "instanceName": name,
        "integration": "WHATSAPP-BAILEYS",
        "chatwootAccountId": chat.account_id,
        "chatwootToken": chat.admin_token,
        "chatwootUrl": url,
    } | changes


@pytest.mark.timeout(120)
async def test_two_hundred_creates_all_succeed_and_none_meets_anothers_chatwoot(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        chats = [ChatwootSim(account_id=11 + 10 * n, webhook_timeout=5) for n in range(ACCOUNTS)]
        urls = [await stack.enter_async_context(chat.serving()) for chat in chats]
        house = await stack.enter_async_context(
            bridge_house(tmp_path, provisioned=False, options=PATIENT)
        )
        slots = asyncio.Semaphore(AT_ONCE)

        async def create(number: int) -> tuple[int, Any]:
            chat, url = chats[number % ACCOUNTS], urls[number % ACCOUNTS]
            async with slots:
                return await house.call(
                    "POST", "/instance/create", json=order(house, f"loja-{number}", chat, url)
                )

        answers = await asyncio.gather(*(create(number) for number in range(CREATES)))
        assert Counter(status for status, _ in answers) == {201: CREATES}, answers[0]
        assert len({body["hash"] for _, body in answers}) == CREATES
        for which, (chat, url) in enumerate(zip(chats, urls, strict=True)):
            await chat.settled()
            names = {f"loja-{number}" for number in range(CREATES) if number % ACCOUNTS == which}
            assert {inbox.name for inbox in chat.inboxes.values()} == names
            assert len(chat.inboxes) == len(names)
            for inbox in chat.inboxes.values():
                path = (inbox.webhook_url or "").removeprefix(f"{house.url}/chatwoot/webhook/")
                assert path.partition("/")[0] == inbox.name
            # What reached this Chatwoot was meant for it, and spoke of it alone.
            others = [text for one in chats for text in (one.admin_token,) if one is not chat]
            others += [one for one in urls if one != url]
            assert len(chat.requests.recent) == chat.requests.total() >= len(names)
            for seen in chat.requests.recent:
                assert seen.token == chat.admin_token
                assert f"{seen.path}/".startswith(
                    (f"/api/v1/accounts/{chat.account_id}/", "/api/v1/profile")
                )
                told = f"{seen.query} {seen.params}"
                assert not [text for text in others if text in told]


@pytest.mark.timeout(60)
async def test_of_fifty_creates_of_one_name_one_wins_and_works(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, provisioned=False, options=PATIENT) as house:
        answers = await asyncio.gather(
            *(house.call("POST", "/instance/create", json=house.order()) for _ in range(50))
        )
        assert Counter(status for status, _ in answers) == {201: 1, 403: 49}
        for status, body in answers:
            if status == 403:
                assert body["response"]["message"] == ['This name "loja" is already in use.']
        (key,) = [body["hash"] for status, body in answers if status == 201]
        await house.quiet()
        assert len(house.chat.inboxes) == len(house.chat.contacts) == 1
        house.inbox.members.setdefault(house.chat.agent.id, house.chat.agent)
        (row,) = await house.ok("GET", "/instance/fetchInstances", key=key)
        assert row["name"] == "loja"
        chat = await house.talk(text="Oi")
        house.chat.agent_writes(chat.id, "Bom dia")
        await house.sent()
        assert house.texts == ["Bom dia"]


async def test_two_creates_at_once_do_not_share_an_inbox(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, provisioned=False) as house:
        house.chat.latency = 0.01
        answers = await asyncio.gather(
            *(
                house.call(
                    "POST",
                    "/instance/create",
                    json=order(house, name, house.chat, house.chat_url, chatwootNameInbox="Um só"),
                )
                for name in ("um", "dois")
            )
        )
        assert sorted(status for status, _ in answers) == [201, 409]
        await house.quiet()
        assert len(house.chat.inboxes) == len(house.chat.contacts) == 1
        (row,) = await house.ok("GET", "/instance/fetchInstances")
        assert f"/chatwoot/webhook/{row['name']}/" in (house.inbox.webhook_url or "")
