"""What is said about a message comes before it, twice, late, or when the chat is another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.core.content import Media, MediaKind, Poll
from bridge.core.message import Event
from bridge.core.party import Party
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.able_channel import AbleChannel
from support.bridge_house import MARINA, House
from support.qr_channel import QrPhone
from support.qr_events import deleted, edited, reacted, typed, voted, wrote
from support.sessions import balanced, bring, conversation, open_up, qr_house

#: One person by number, and by a hidden id, until both come together.
BY_NUMBER, BY_LID = Party(wa_id=MARINA), Party(lid="103899771998284")
BOTH = Party(wa_id=MARINA, lid="103899771998284")
DELETES = {"relay": {"deletions": "delete"}}


@asynccontextmanager
async def opened(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[House, QrPhone]]:
    """At the end nothing waits, and nothing died."""
    async with qr_house(tmp_path, channel=AbleChannel, **more) as (house, phone):
        await open_up(house, phone)
        yield house, phone
        assert await balanced(house)
        assert await house.rows("SELECT kind, cause FROM job WHERE state='dead'") == []


def shown(house: House) -> list[tuple[str, str]]:
    """What agents see, without what was deleted: who it is from, and the text."""
    return [
        ("note" if one.private else one.message_type, one.content or "")
        for one in house.chat.messages()
        if "connected to WhatsApp" not in (one.content or "")
        and not one.content_attributes.get("deleted")
    ]


def texts(house: House) -> list[str]:
    return [text for _, text in shown(house)]


def told_of(house: House, target: str) -> list[Message]:
    start = f"WAID:{target}~"
    return [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]


# ---------------------------------------------------------- probes

async def test_edit_revoke_then_message(tmp_path):
    """delete mode: edit awaited, revoked, then message."""
    async with opened(tmp_path, options=DELETES) as (house, phone):
        await bring(house, phone, wrote("oi"))
        theirs = wrote("segredo")
        await phone.bring(edited(theirs.id, "segredo!"))
        await phone.bring(deleted(theirs.id))
        await bring(house, phone, theirs)
        print(shown(house))
        assert texts(house) == ["oi"]


async def test_edit_after_revoke(tmp_path):
    async with opened(tmp_path, options=DELETES) as (house, phone):
        theirs = wrote("segredo")
        await bring(house, phone, wrote("oi"), theirs, deleted(theirs.id))
        await bring(house, phone, edited(theirs.id, "segredo!"))
        print(shown(house))
        assert texts(house) == ["oi"]


async def test_edit_never_target_then_revoke(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "WAIT", 0)
    async with opened(tmp_path, options=DELETES) as (house, phone):
        theirs = wrote("segredo")
        await bring(house, phone, wrote("oi"), edited(theirs.id, "segredo!"))
        await bring(house, phone, deleted(theirs.id))
        print(shown(house))
        assert texts(house) == ["oi"]


async def test_two_edits_one_awaited(tmp_path):
    async with opened(tmp_path) as (house, phone):
        await bring(house, phone, wrote("oi"))
        theirs = wrote("a")
        await phone.bring(edited(theirs.id, "b"))
        await phone.bring(theirs)
        await bring(house, phone, edited(theirs.id, "c"))
        print(shown(house))
        assert texts(house)[-1].endswith("c")


async def test_reaction_removed_after_link(tmp_path):
    async with opened(tmp_path) as (house, phone):
        one, two = wrote("número", sender=BY_NUMBER), wrote("lid", sender=BY_LID)
        await bring(house, phone, one, two)
        await bring(house, phone, reacted(two.id, "👍", chat=BY_LID))
        await bring(house, phone, wrote("os dois", sender=BOTH))
        await bring(house, phone, reacted(two.id, None, chat=BOTH, after=1))
        print(shown(house))
        assert "👍" in texts(house)[-1]
        assert shown(house)[-1][0] == "note"


async def test_vote_changes_after_link(tmp_path):
    async with opened(tmp_path) as (house, phone):
        poll = wrote(Poll(question="Que dia?", options=("Sábado", "Domingo")), sender=BY_LID)
        await bring(house, phone, wrote("número", sender=BY_NUMBER), poll)
        await bring(house, phone, voted(poll.id, "Domingo", chat=BY_LID))
        await bring(house, phone, wrote("os dois", sender=BOTH))
        await bring(house, phone, voted(poll.id, "Sábado", chat=BOTH, after=1))
        print(shown(house))
        assert "changed" in texts(house)[-1]
        assert "Domingo" not in texts(house)[-1]


async def test_edit_repeated_after_link(tmp_path):
    async with opened(tmp_path) as (house, phone):
        theirs = wrote("a", sender=BY_LID)
        await bring(house, phone, wrote("número", sender=BY_NUMBER), theirs)
        await bring(house, phone, edited(theirs.id, "c", chat=BY_LID, after=2))
        await bring(house, phone, wrote("os dois", sender=BOTH))
        await bring(house, phone, edited(theirs.id, "b", chat=BOTH, after=1))
        print(shown(house))
        assert not any("b" == t[-1] for t in texts(house))


async def test_revoked_before_link(tmp_path):
    """Deletion came by one name, the message by another."""
    async with opened(tmp_path) as (house, phone):
        theirs = wrote("a", sender=BY_LID)
        await bring(house, phone, wrote("número", sender=BY_NUMBER), theirs)
        await bring(house, phone, deleted(theirs.id, chat=BY_NUMBER))
        await bring(house, phone, wrote("os dois", sender=BOTH))
        print(shown(house))


async def test_change_by_another_name_before_link(tmp_path, monkeypatch):
    """Reaction by number, message by lid; link comes within wait."""
    async with opened(tmp_path) as (house, phone):
        theirs = wrote("a", sender=BY_LID)
        await bring(house, phone, wrote("número", sender=BY_NUMBER), theirs)
        await phone.bring(reacted(theirs.id, "👍", chat=BY_NUMBER))
        await bring(house, phone, wrote("os dois", sender=BOTH))
        print(shown(house))
        (one,) = told_of(house, theirs.id)
        print(one.content_attributes)


async def test_edit_out_after_delete(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        m = house.chat.agent_writes(chat.id, "olá")
        await house.quiet()
        house.chat.webhooks.hold()
        house.chat.agent_edits(m.id, "olá!")
        house.chat.agent_deletes(m.id)
        house.chat.webhooks.release(backwards=True)
        await house.quiet()
        print(shown(house), phone.edited, phone.revoked)
        assert phone.edited == []
        assert [t for k, t in shown(house) if k == "note"] == []


async def test_edit_out_then_delete(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        m = house.chat.agent_writes(chat.id, "olá")
        await house.quiet()
        house.chat.agent_edits(m.id, "olá!")
        house.chat.agent_deletes(m.id)
        await house.quiet()
        print(shown(house), phone.edited, phone.revoked)
        assert len(phone.revoked) == 1
        assert [t for k, t in shown(house) if k == "note"] == []


async def test_edit_before_created(tmp_path):
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        house.chat.webhooks.hold()
        m = house.chat.agent_writes(chat.id, "olá")
        house.chat.agent_edits(m.id, "olá!")
        house.chat.webhooks.release(backwards=True)
        await house.quiet()
        print(phone.texts, phone.edited)
        assert phone.texts == ["olá!"]
        assert phone.edited == []


async def test_edit_then_link(tmp_path):
    """An agent's edit while two chats become one."""
    async with opened(tmp_path) as (house, phone):
        await bring(house, phone, wrote("número", sender=BY_NUMBER))
        two = wrote("lid", sender=BY_LID)
        await bring(house, phone, two)
        conv = house.of(f"WAID:{two.id}").conversation
        m = house.chat.agent_writes(conv.id, "olá")
        await house.quiet()
        await bring(house, phone, wrote("os dois", sender=BOTH))
        house.chat.agent_edits(m.id, "olá!")
        await house.quiet()
        assert [t for _, _, t in phone.edited] == ["olá!"]
        house.chat.agent_deletes(m.id)
        await house.quiet()
        assert len(phone.revoked) == 1


async def test_partial_failure_then_edit_then_retry(tmp_path):
    from bridge.errors import PeerRefused
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.gates["sending"] = __import__("asyncio").Event()
        m = house.chat.agent_writes(chat.id, "a" * 65000 + " " + "b" * 1000)
        await phone.called("sending", 1)
        phone.refuses["send"] = []
        phone.gates["sending"].set()
        await phone.has_sent(1)
        phone.refuses["send"] = [PeerRefused("no")]
        await house.quiet()
        print(len(phone.sent), m.status)
        house.chat.agent_edits(m.id, "curto")
        await house.quiet()
        house.chat.agent_retries(m.id)
        await house.quiet()
        print([len(t) for t in phone.texts], m.status, phone.edited and phone.edited[0][2][:10], shown(house)[-3:])


async def test_menu_resurrected(tmp_path):
    """The menu's answer comes between its part and the next one."""
    items = [{"title": "Fazer pedido", "value": "pedido"}, {"title": "Humano", "value": "humano"}]
    import asyncio
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        gate.set()
        house.chat.agent_writes(chat.id, "Escolha:", content_type="input_select", content_attributes={"items": items},
            attachments=[("foto.png", png(9, 9), "image/png")])
        await phone.has_sent(1)
        gate.clear()
        await phone.called("sending", 2)
        a = wrote("1")
        await phone.bring(a)
        await house.chat.wait_for(lambda: any(x.source_id == f"WAID:{a.id}" for x in house.chat.messages()))
        gate.set()
        await house.quiet()
        print(shown(house), phone.sent)
        assert await house.rows("SELECT * FROM menu") == []
        await bring(house, phone, wrote("2"))
        assert texts(house)[-1] == "2"


async def test_menu_answered_while_previous_waits(tmp_path):
    items = [{"title": "Fazer pedido", "value": "pedido"}, {"title": "Humano", "value": "humano"}]
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        house.chat.agent_writes(chat.id, "Escolha:", content_type="input_select", content_attributes={"items": items})
        await house.quiet()
        down = house.chat.faults.fail(502, route="POST messages")
        await phone.bring(wrote("1"))
        await phone.bring(wrote("2"))
        await house.chat.wait_for(lambda: down.hits >= 1)
        down.off()
        await house.quiet()
        print(texts(house))
        assert texts(house)[-2:] == ["Fazer pedido\n\n1", "2"]


async def test_identity_change_with_waiting_jobs(tmp_path):
    from bridge.core.message import IdentityChanged
    from support.qr_events import NUMBER, MOMENT, new_id
    async with opened(tmp_path) as (house, phone):
        chat = await conversation(house, phone)
        down = house.chat.faults.fail(502, route="POST messages")
        theirs = wrote("antes")
        await phone.bring(theirs)
        phone.is_open = False
        house.chat.agent_writes(chat.id, "resposta")
        await house.chat.wait_for(lambda: down.hits >= 1)
        new = Party(wa_id="5511987650077")
        await phone.bring(IdentityChanged(number=NUMBER, id=new_id(), at=MOMENT, old=Party(wa_id=MARINA), new=new))
        await phone.bring(wrote("depois", sender=new), reacted(theirs.id, "👍", chat=new))
        down.off()
        phone.is_open = True
        entry = house.service.instances.entry("loja")
        await house.quiet()
        print(shown(house), phone.sent)
        assert phone.sent[-1][0].wa_id == "5511987650077"
        assert len(house.chats()) == 1


@pytest.mark.parametrize("what", ["reaction", "edit", "vote", "menu", "unreacted", "unvoted", "renamed"])
async def test_stored_but_500(tmp_path, what):
    async with opened(tmp_path) as (house, phone):
        poll = wrote(Poll(question="Que dia?", options=("Sábado", "Domingo")))
        await bring(house, phone, poll)
        before = {"unreacted": reacted(poll.id, "👍"), "unvoted": voted(poll.id, "Domingo")}.get(what)
        if before:
            await bring(house, phone, before)
        from bridge.core.message import IdentityChanged
        from support.qr_events import NUMBER, MOMENT, new_id
        n = len(shown(house))
        house.chat.faults.stored_but(500, route="POST messages", times=1)
        event = {"reaction": reacted(poll.id, "👍"), "edit": edited(poll.id, "b"), "vote": voted(poll.id, "Domingo"),
            "menu": wrote("x"), "unreacted": reacted(poll.id, None, after=1), "unvoted": voted(poll.id, after=1),
            "renamed": IdentityChanged(number=NUMBER, id=new_id(), at=MOMENT, old=Party(wa_id=MARINA), new=Party(wa_id="5511987650077"))}[what]
        await bring(house, phone, event)
        print(shown(house))
        assert len(shown(house)) == n + 1
