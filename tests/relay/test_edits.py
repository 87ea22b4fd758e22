"""Messages that get another text: each text is shown once, in answer to the first."""

from __future__ import annotations

import pytest

from bridge.core.content import Media, MediaKind
from bridge.core.party import Party
from bridge.locale import texts
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.able_channel import AbleChannel
from support.bridge_house import MARINA, House, bridge_house
from support.qr_channel import LoggingQrChannel
from support.qr_events import GROUP, deleted, edited, reacted, typed, wrote
from support.sessions import balanced, bring, conversation, open_up, qr_house

ANA = Party(wa_id="5511987650003", name="Ana")


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


def told_of(house: House, target: str) -> list[Message]:
    """What tells of changes of a message, oldest first."""
    start = f"WAID:{target}~"
    return [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]


async def test_an_edit_is_shown_in_answer_to_its_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("chego às 10")

        await bring(house, phone, theirs, edited(theirs.id, "chego às *11*"))

        (shown,) = told_of(house, theirs.id)
        first = house.of(f"WAID:{theirs.id}")
        assert (shown.content, shown.message_type) == ("✏️ chego às **11**", "incoming")
        assert shown.content_attributes["in_reply_to"] == first.id
        assert first.content == "chego às 10"
        assert phone.sent == []
        assert await balanced(house)


async def test_each_text_is_shown_once_and_nothing_older_after_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("a")
        second = edited(theirs.id, "b", after=1)

        await bring(
            house,
            phone,
            theirs,
            edited(theirs.id, "a"),
            second,
            second,
            edited(theirs.id, "b", after=2),
            edited(theirs.id, "d", after=4),
            edited(theirs.id, "c", after=3),
            edited(theirs.id, "a", after=5),
        )

        assert [one.content for one in told_of(house, theirs.id)] == ["✏️ b", "✏️ d", "✏️ a"]
        events = await house.events()
        assert events["inbound", "ignored", "edited.same"] == 2
        assert events["inbound", "ignored", "edited.outdated"] == 1
        assert events["inbound", "ignored", "duplicate"] == 1
        assert await balanced(house)


async def test_a_caption_can_be_edited_and_removed(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.files["h"] = png(4, 4)
        picture = Media(media=MediaKind.IMAGE, handle="h", mime="image/png", caption="azul")
        theirs = wrote(picture)
        green = Media(media=MediaKind.IMAGE, handle="h", mime="image/png", caption="verde")
        bare = Media(media=MediaKind.IMAGE, handle="h", mime="image/png")

        await bring(
            house,
            phone,
            theirs,
            edited(theirs.id, picture),
            edited(theirs.id, green, after=1),
            edited(theirs.id, bare, after=2),
        )

        emptied = texts("en")["edit.emptied"]
        shown = told_of(house, theirs.id)
        assert [one.content for one in shown] == ["✏️ verde", f"✏️ {emptied}"]
        assert not any(one.attachments for one in shown)


async def test_what_our_phone_edits_is_shown_and_not_sent(tmp_path):
    async with house_of(tmp_path, order={"chatwootSignMsg": True}) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        ours = typed("engano")
        written = house.chat.agent_writes(chat.id, "às **10**")
        await bring(house, phone, ours)
        await phone.has_sent(1)
        await house.quiet()
        (row,) = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")
        agents = row["whatsapp_id"]

        await bring(
            house,
            phone,
            edited(ours.id, "{{ certo }}", by_us=True),
            edited(agents, phone.texts[0], by_us=True),
            edited(agents, "às 11", by_us=True, after=1),
        )

        (mirror,) = told_of(house, ours.id)
        assert mirror.message_type == "outgoing"
        assert (mirror.content or "").replace("\u200b", "") == "✏️ {{ certo }}"
        (mine,) = told_of(house, agents)
        assert (mine.content, mine.message_type) == ("✏️ às 11", "outgoing")
        assert mine.content_attributes["in_reply_to"] == written.id
        assert len(phone.sent) == 1
        # Deleting what tells of it deletes nothing on WhatsApp.
        house.chat.agent_deletes(mine.id)
        await house.quiet()
        assert phone.revoked == []
        assert await balanced(house)


async def test_what_we_edit_ourselves_is_no_news(tmp_path):
    async with qr_house(tmp_path, channel=AbleChannel) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        written = house.chat.agent_writes(chat.id, "às **10**")
        await phone.has_sent(1)
        await house.quiet()
        house.chat.agent_edits(written.id, "às **11**")
        await phone.called("edited")
        ((_, id_, text),) = phone.edited

        await bring(
            house,
            phone,
            edited(id_, text, by_us=True),
            edited(id_, "às 12", by_us=True, after=86_400),
        )

        assert [one.content for one in told_of(house, id_)] == ["✏️ às 12"]
        assert await balanced(house)


async def test_nobody_edits_what_somebody_else_wrote(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs, ours = wrote("deles"), typed("nossa")

        await bring(
            house,
            phone,
            theirs,
            ours,
            edited(theirs.id, "forjado", by_us=True),
            edited(ours.id, "forjado"),
        )

        assert told_of(house, theirs.id) == told_of(house, ours.id) == []
        assert (await house.events())["inbound", "ignored", "edited.not_theirs"] == 2


async def test_in_a_group_it_is_said_who_edits(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi", sender=ANA, group=GROUP)

        await bring(
            house,
            phone,
            theirs,
            edited(theirs.id, "- um\n- dois", chat=Party(group=GROUP), sender=ANA),
        )

        (shown,) = told_of(house, theirs.id)
        assert (shown.content or "").startswith("**Ana (+5511987650003):**\n\n✏️\n\n-")


async def test_in_a_group_nobody_edits_what_another_member_wrote(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        here, mallory = Party(group=GROUP), Party(wa_id="5511900000009", name="Mallory")
        theirs = wrote("oi", sender=ANA, group=GROUP)

        await bring(
            house,
            phone,
            theirs,
            edited(theirs.id, "forjado", chat=here, sender=mallory, after=30),
            edited(theirs.id, "olá", chat=here, sender=ANA, after=1),
        )

        (shown,) = told_of(house, theirs.id)
        assert (shown.content or "").endswith("olá")
        assert (await house.events())["inbound", "ignored", "edited.not_theirs"] == 1
        assert await balanced(house)


async def test_an_edit_of_a_message_that_never_comes_is_shown_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "WAIT", 0)
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)

        await bring(house, phone, edited("3AGONE", "chego às 11"))

        (shown,) = told_of(house, "3AGONE")
        assert shown.content == f"{texts('en')['edit.earlier']}\n\nchego às 11"
        assert shown.message_type == "incoming"
        assert await balanced(house)


async def test_an_edit_that_overtakes_its_message_waits_for_it(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("a")

        await phone.bring(edited(theirs.id, "b"))
        await bring(house, phone, theirs)

        (shown,) = told_of(house, theirs.id)
        assert shown.content_attributes["in_reply_to"] == house.of(f"WAID:{theirs.id}").id


async def test_an_edit_opens_a_resolved_conversation_as_any_message_does(tmp_path):
    async with house_of(tmp_path, order={"chatwootReopenConversation": True}) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("tudo bem")
        await bring(house, phone, theirs)
        chat = house.of(f"WAID:{theirs.id}").conversation
        house.chat.resolve(chat.id)
        await house.quiet()

        await bring(house, phone, edited(theirs.id, "tudo mal"))

        assert [one.content for one in told_of(house, theirs.id)] == ["✏️ tudo mal"]
        assert chat.status == "open"


@pytest.mark.parametrize("how", ["stored_but", "reset"])
async def test_an_edit_whose_post_was_not_answered_is_found_not_repeated(tmp_path, how):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("a")
        await bring(house, phone, theirs)
        if how == "stored_but":
            house.chat.faults.stored_but(500, route="POST messages", times=1)
        else:
            house.chat.faults.reset(route="POST messages", times=1, acts=True)

        await bring(house, phone, edited(theirs.id, "b"), edited(theirs.id, "c", after=1))

        assert [one.content for one in told_of(house, theirs.id)] == ["✏️ b", "✏️ c"]
        assert await balanced(house)


async def test_an_edit_is_quoted_as_the_message_that_it_edits(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("às 10")
        edit = edited(theirs.id, "às 11")
        await bring(house, phone, theirs, edit)
        (shown,) = told_of(house, theirs.id)

        house.chat.agent_writes(shown.conversation.id, "ok", in_reply_to=shown.id)
        await phone.has_sent(1)
        # Whoever answers the edit by its own id is understood too.
        answer = wrote("viu?", reply_to=edit.id)
        await bring(house, phone, answer, reacted(edit.id, "👍"))

        quote = phone.quotes[0]
        assert quote is not None
        assert (quote.id, quote.by_us, quote.text) == (theirs.id, False, "às 10")
        assert house.of(f"WAID:{answer.id}").content_attributes["in_reply_to"] == shown.id
        (thumb,) = told_of(house, edit.id)
        assert thumb.content_attributes["in_reply_to"] == shown.id


async def test_when_retention_took_the_jobs_an_edit_is_still_shown_and_quoted(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("a")
        await bring(house, phone, theirs)
        await house.service.store.write(lambda unit: unit.db.execute("DELETE FROM job"))

        await bring(house, phone, edited(theirs.id, "b"))
        await house.service.store.write(lambda unit: unit.db.execute("DELETE FROM job"))
        (shown,) = told_of(house, theirs.id)
        house.chat.agent_writes(shown.conversation.id, "ok", in_reply_to=shown.id)
        await phone.has_sent(1)

        quote = phone.quotes[0]
        assert quote is not None
        assert quote.id == theirs.id


async def test_a_deletion_in_keep_mode_is_noted_once_for_an_edited_message(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("a")

        await bring(house, phone, theirs, edited(theirs.id, "b"), deleted(theirs.id))

        notes = [one for one in house.chat.messages() if one.private]
        assert [one.content_attributes["in_reply_to"] for one in notes] == [
            house.of(f"WAID:{theirs.id}").id
        ]


async def test_an_edit_over_the_cloud_api_is_shown(tmp_path):
    async with bridge_house(tmp_path) as house:
        id_ = await house.graph.customer_writes(MARINA, "às 10")
        _, payload = house.graph.draft(MARINA, "")
        (message,) = payload["entry"][0]["changes"][0]["value"]["messages"]
        del message["text"]
        said = {"type": "text", "text": {"body": "às 11"}}
        message.update(type="edit", edit={"original_message_id": id_, "message": said})

        await house.graph.deliver(payload)
        await house.graph.deliver(payload)
        await house.quiet()

        (shown,) = told_of(house, id_)
        assert shown.content == "✏️ às 11"
        assert shown.content_attributes["in_reply_to"] == house.of(f"WAID:{id_}").id
        assert await house.balance() == dict.fromkeys(await house.balance(), 0)
