"""Emojis on messages: shown once each, with their message, waking nobody."""

from __future__ import annotations

import pytest

from bridge.core.party import Party
from bridge.locale import say, texts
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from support.bridge_house import MARINA, House, bridge_house
from support.qr_channel import LoggingQrChannel
from support.qr_events import CUSTOMER, GROUP, reacted, typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

ANA = Party(wa_id="5511987650003", name="Ana")
HERE = Party(group=GROUP)


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


def told_of(house: House, target: str) -> list[Message]:
    """What tells of changes of a message, oldest first."""
    start = f"WAID:{target}~"
    return [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]


def notes(house: House) -> list[tuple[str | None, object]]:
    return [
        (one.content, one.content_attributes.get("in_reply_to"))
        for one in house.chat.messages()
        if one.private and (one.source_id or "").startswith("PONTE:note")
    ]


async def test_a_reaction_is_shown_in_answer_to_its_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("tudo certo?")
        await bring(house, phone, theirs)

        await bring(house, phone, reacted(theirs.id, "👍"))

        (shown,) = told_of(house, theirs.id)
        assert (shown.content, shown.message_type, shown.private) == ("👍", "incoming", False)
        assert shown.content_attributes["in_reply_to"] == house.of(f"WAID:{theirs.id}").id
        assert phone.sent == phone.read == []
        assert await balanced(house)


async def test_another_emoji_is_shown_and_the_same_is_not(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")
        first = reacted(theirs.id, "👍")

        await bring(
            house,
            phone,
            theirs,
            first,
            first,
            reacted(theirs.id, "👍", after=1),
            reacted(theirs.id, "❤️", after=2),
        )

        assert [one.content for one in told_of(house, theirs.id)] == ["👍", "❤️"]
        assert (await house.events())["inbound", "ignored", "duplicate"] == 2
        assert await balanced(house)


async def test_a_reaction_that_is_taken_away_is_noted(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")

        await bring(
            house, phone, theirs, reacted(theirs.id, "👍"), reacted(theirs.id, None, after=1)
        )
        await bring(house, phone, reacted(theirs.id, "", after=2))

        said = say("en", "note.unreacted", who="The customer", emoji="👍")
        assert notes(house) == [(said, house.of(f"WAID:{theirs.id}").id)]
        assert (await house.events())["inbound", "ignored", "duplicate"] == 1


async def test_what_comes_late_does_not_replace_what_is_newer(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")
        await bring(
            house,
            phone,
            theirs,
            reacted(theirs.id, None, after=3),
            reacted(theirs.id, "👍", after=2),
            reacted(theirs.id, "🎉", after=4),
        )

        assert [one.content for one in told_of(house, theirs.id)] == ["🎉"]
        events = await house.events()
        assert events["inbound", "ignored", "reaction.outdated"] == 1
        assert events["inbound", "ignored", "reaction.not_shown"] == 1
        assert await balanced(house)


@pytest.mark.parametrize("how", ["resolve", "snooze"])
async def test_a_reaction_wakes_nobody(tmp_path, how):
    async with house_of(tmp_path, order={"chatwootReopenConversation": True}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("obrigada!")
        await bring(house, phone, theirs)
        target = house.of(f"WAID:{theirs.id}")
        getattr(house.chat, how)(target.conversation.id)
        await house.quiet()
        before = target.conversation.status

        await bring(house, phone, reacted(theirs.id, "👍"))

        said = say("en", "note.reacted", who="The customer", emoji="👍")
        assert notes(house) == [(said, target.id)]
        assert told_of(house, theirs.id) == []
        assert target.conversation.status == before != "open"
        # And after a restart, when nothing of it is known for certain.
        await house.stop()
        await house.start()
        await open_up(house, phone)
        await bring(house, phone, reacted(theirs.id, "❤️", after=1))
        assert len(notes(house)) == 2
        assert target.conversation.status == before
        assert await balanced(house)


async def test_in_a_group_it_is_said_who_reacts(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("quem vem?", group=GROUP)
        rui = Party(wa_id="5511987650002", name="Rui **x**")

        await bring(
            house,
            phone,
            theirs,
            reacted(theirs.id, "👍", chat=HERE, sender=ANA),
            reacted(theirs.id, "👍", chat=HERE, sender=rui),
            reacted(theirs.id, None, chat=HERE, sender=ANA, after=1),
        )

        assert [one.content for one in told_of(house, theirs.id)] == [
            "**Ana (+5511987650003):**\n\n👍",
            "**Rui \\*\\*x\\*\\* (+5511987650002):**\n\n👍",
        ]
        ((note, _),) = notes(house)
        assert note is not None
        assert "Ana" in note


async def test_what_our_own_phone_reacts_is_an_outgoing_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")

        await bring(house, phone, theirs, reacted(theirs.id, "{{contact.name}}", by_us=True))

        (shown,) = told_of(house, theirs.id)
        assert shown.message_type == "outgoing"
        assert shown.content is not None
        assert shown.content.replace("\u200b", "") == "{{contact.name}}"
        assert phone.sent == []
        assert await balanced(house)


async def test_a_reaction_to_an_agents_message_points_to_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, wrote("oi"))
        written = house.chat.agent_writes(house.chats()[0].id, "a" * 65536 + "b")
        await phone.has_sent(2)
        await house.quiet()
        rows = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")

        for row in rows:
            await bring(house, phone, reacted(row["whatsapp_id"], "🙏"))
            (shown,) = told_of(house, row["whatsapp_id"])
            assert shown.content_attributes["in_reply_to"] == written.id


async def test_a_reaction_that_overtakes_its_message_waits_for_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, wrote("antes"))
        theirs = wrote("oi")

        await phone.bring(reacted(theirs.id, "👍"))
        await bring(house, phone, theirs)

        (shown,) = told_of(house, theirs.id)
        assert (shown.content, shown.content_attributes["in_reply_to"]) == (
            "👍",
            house.of(f"WAID:{theirs.id}").id,
        )
        assert await balanced(house)


async def test_a_reaction_to_a_message_that_never_comes_is_shown_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "WAIT", 0)
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        rui = Party(wa_id="5511987650002")
        theirs = wrote("de Marina")
        await bring(house, phone, theirs)

        # An id means nothing in somebody else's chat.
        await bring(house, phone, reacted("3AGONE", "👍"), reacted(theirs.id, "👎", chat=rui))

        for target, emoji in (("3AGONE", "👍"), (theirs.id, "👎")):
            (shown,) = told_of(house, target)
            assert shown.content == texts("en")["reaction.earlier"].format(emoji=emoji)
            assert shown.content_attributes.get("in_reply_to") is None
        assert await balanced(house)


async def test_a_reaction_to_what_stands_in_an_older_conversation_says_so(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")
        await bring(house, phone, theirs)
        house.chat.resolve(house.of(f"WAID:{theirs.id}").conversation.id)
        await house.quiet()
        await bring(house, phone, wrote("outra coisa"))

        await bring(house, phone, reacted(theirs.id, "👍"))

        (shown,) = told_of(house, theirs.id)
        assert shown.conversation.id == house.chats()[-1].id
        assert shown.content == texts("en")["reaction.earlier"].format(emoji="👍")


@pytest.mark.parametrize("how", ["stored_but", "reset", "hang"])
async def test_a_reaction_whose_post_was_not_answered_is_found_not_repeated(tmp_path, how):
    async with house_of(tmp_path, options={"chatwoot": {"timeout_seconds": 2}}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")
        await bring(house, phone, theirs)
        match how:
            case "stored_but":
                house.chat.faults.stored_but(500, route="POST messages", times=1)
            case "reset":
                house.chat.faults.reset(route="POST messages", times=1, acts=True)
            case _:
                house.chat.faults.hang(30, route="POST messages", times=1, acts=True)

        await bring(house, phone, reacted(theirs.id, "👍"))

        assert len(told_of(house, theirs.id)) == 1
        assert await balanced(house)


async def test_a_reaction_outlives_the_death_of_the_process(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")
        await bring(house, phone, theirs)
        down = house.chat.faults.fail(502)
        await phone.bring(reacted(theirs.id, "👍"))
        await house.chat.wait_for(lambda: down.hits >= 1)

        await house.stop()
        down.off()
        await house.start()
        await house.quiet()

        assert [one.content for one in told_of(house, theirs.id)] == ["👍"]
        assert await balanced(house)


async def test_who_answers_a_reaction_answers_its_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours, theirs = typed("posso ajudar?"), wrote("oi")
        await bring(
            house, phone, theirs, ours, reacted(ours.id, "👍"), reacted(theirs.id, "😀", after=1)
        )

        for target in (ours, theirs):
            (shown,) = told_of(house, target.id)
            house.chat.agent_writes(shown.conversation.id, "ok", in_reply_to=shown.id)
        await phone.has_sent(2)

        quotes = [one for one in phone.quotes if one is not None]
        assert [(one.id, one.by_us, one.text) for one in quotes] == [
            (ours.id, True, "posso ajudar?"),
            (theirs.id, False, "oi"),
        ]
        # Deleted in Chatwoot, it is deleted nowhere else.
        house.chat.agent_deletes(told_of(house, ours.id)[0].id)
        await house.quiet()
        assert phone.revoked == []


async def test_a_reaction_does_not_open_the_window_of_24_hours(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed("oi")

        await bring(house, phone, ours, reacted(ours.id, "👍"))

        rows = await house.rows("SELECT last_inbound_at FROM chat WHERE instance_id IS NOT NULL")
        assert [row["last_inbound_at"] for row in rows] == [0]


async def test_a_reaction_in_an_ignored_chat_is_ignored(tmp_path):
    order = {"chatwootIgnoreJids": [f"{CUSTOMER.wa_id}@s.whatsapp.net"]}
    async with house_of(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi")

        await bring(house, phone, theirs, reacted(theirs.id, "👍"))

        assert house.chats() == []
        assert (await house.events())["inbound", "ignored", "jid_ignored"] == 2
        assert await balanced(house)


async def test_a_reaction_over_the_cloud_api_is_shown(tmp_path):
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        agent = house.chat.agent_writes(chat.id, "Pronto!")
        (sent,) = await house.sent()
        await house.quiet()
        row = (await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'"))[0]

        _, payload = house.graph.draft(MARINA, "")
        (message,) = payload["entry"][0]["changes"][0]["value"]["messages"]
        del message["text"]
        target = {"message_id": row["whatsapp_id"], "emoji": "🎉"}
        message.update(type="reaction", reaction=target)
        await house.graph.deliver(payload)
        await house.quiet()

        (shown,) = told_of(house, row["whatsapp_id"])
        assert (shown.content, shown.content_attributes["in_reply_to"]) == ("🎉", agent.id)
        assert sent.text == "Pronto!"
        assert await balanced(house)
