"""Votes in polls: who chose what, told once, with how it stands in a group."""

from __future__ import annotations

from dataclasses import replace

from bridge.core.content import Poll
from bridge.core.party import Party
from bridge.locale import say, texts
from bridge.relay import changes
from bridge.sim.chatwoot import Message
from support.bridge_house import House
from support.qr_channel import LoggingQrChannel
from support.qr_events import GROUP, typed, voted, wrote
from support.sessions import balanced, bring, open_up, qr_house

ANA = Party(wa_id="5511987650003", name="Ana")
RUI = Party(wa_id="5511987650002", name="Rui")
HERE = Party(group=GROUP)
LUNCH = Poll(question="Almoço?", options=("Pizza", "*Sopa*", "Ação"))


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


def told_of(house: House, target: str) -> list[Message]:
    """What tells of changes of a message, oldest first."""
    start = f"WAID:{target}~"
    return [one for one in house.chat.messages() if (one.source_id or "").startswith(start)]


def chose(*options: str, how: str = "vote.chose") -> str:
    return say("en", how, options=", ".join(f"**{one}**" for one in options))


async def test_a_vote_is_shown_in_answer_to_its_poll(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed(LUNCH)
        await bring(house, phone, wrote("o que tem?"), ours)
        poll = house.of(f"WAID:{ours.id}")
        house.chat.resolve(poll.conversation.id)
        await house.quiet()
        first = voted(ours.id, "Ação", "*Sopa*")

        await bring(
            house,
            phone,
            first,
            first,
            voted(ours.id, "*Sopa*", "Ação", after=1),
            voted(ours.id, "Pizza", after=3),
            voted(ours.id, "Ação", after=2),
        )

        shown = told_of(house, ours.id)
        question = "📊 **Almoço?**\n\n"  # the poll stands in another conversation
        assert [one.content for one in shown] == [
            question + chose("Ação", "\\*Sopa\\*"),
            question + chose("Pizza", how="vote.changed"),
        ]
        # Somebody answered: that needs eyes, and here a conversation of its own.
        assert {one.message_type for one in shown} == {"incoming"}
        assert shown[0].conversation.status == "open"
        events = await house.events()
        assert events["inbound", "ignored", "vote.outdated"] == 1
        assert events["inbound", "ignored", "duplicate"] == 2
        assert await balanced(house)


async def test_a_vote_points_to_its_poll(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed(LUNCH)

        await bring(house, phone, ours, voted(ours.id, "Pizza"))

        (shown,) = told_of(house, ours.id)
        assert shown.content == chose("Pizza")
        assert shown.content_attributes["in_reply_to"] == house.of(f"WAID:{ours.id}").id
        # Whoever answers the vote answers the poll.
        house.chat.agent_writes(shown.conversation.id, "ok", in_reply_to=shown.id)
        await phone.has_sent(1)
        quote = phone.quotes[0]
        assert quote is not None
        assert (quote.id, quote.by_us) == (ours.id, True)


async def test_a_vote_that_is_taken_back_is_noted(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours = typed(LUNCH)

        await bring(
            house,
            phone,
            ours,
            voted(ours.id),
            voted(ours.id, "Pizza", after=1),
            voted(ours.id, after=2),
            voted(ours.id, "Pizza", after=3),
        )

        notes = [one.content for one in house.chat.messages() if one.private]
        assert notes == [say("en", "note.unvoted", who="The customer")]
        assert [one.content for one in told_of(house, ours.id)] == [chose("Pizza")] * 2
        assert (await house.events())["inbound", "ignored", "vote.not_shown"] == 1
        assert await balanced(house)


async def test_in_a_group_it_is_said_who_votes_and_how_it_stands(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        poll = wrote(LUNCH, group=GROUP, sender=ANA)

        await bring(
            house,
            phone,
            poll,
            voted(poll.id, "Pizza", "Ação", chat=HERE, sender=ANA),
            voted(poll.id, "Pizza", chat=HERE, sender=RUI),
            voted(poll.id, "Ação", chat=HERE, by_us=True),
        )

        tally = texts("en")["vote.tally"]
        ana, rui, us = told_of(house, poll.id)
        assert ana.content == f"**Ana (+5511987650003):**\n\n{chose('Pizza', 'Ação')}"
        assert rui.content == (
            f"**Rui (+5511987650002):**\n\n{chose('Pizza')}"
            f"\n\n{tally.format(tally='Pizza: 2 · Ação: 1')}"
        )
        assert us.message_type == "outgoing"
        assert us.content == f"{chose('Ação')}\n\n{tally.format(tally='Pizza: 2 · Ação: 2')}"
        assert await balanced(house)


async def test_a_vote_from_another_chat_counts_nowhere(tmp_path, monkeypatch):
    """Members of a group know the poll's id, and may name it in any chat of theirs."""
    monkeypatch.setattr(changes, "WAIT", 0)
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        poll = wrote(LUNCH, group=GROUP, sender=ANA)

        await bring(house, phone, poll, voted(poll.id, "Pizza"))
        await bring(house, phone, voted(poll.id, "Pizza", chat=HERE, sender=ANA))

        said = told_of(house, poll.id)
        forged, ana = sorted(said, key=lambda one: "Pizza" in (one.content or ""))
        assert forged.content == say("en", "vote.unknown_poll")
        assert ana.content == f"**Ana (+5511987650003):**\n\n{chose('Pizza')}"  # and no tally
        assert await balanced(house)


async def test_what_cannot_be_read_of_a_vote_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "WAIT", 0)
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        ours, text = typed(LUNCH), typed("só um texto")

        await bring(
            house,
            phone,
            ours,
            text,
            voted(ours.id, unread=True),
            voted(ours.id, "Pizza", "Feijoada", after=1),
            voted(text.id, "Pizza"),
            replace(voted("3AGONE", "Pizza"), options=("not a digest", "x" * 100_000)),
        )

        unknown = texts("en")["vote.unknown_poll"]
        other = texts("en")["vote.other_option"]
        assert [one.content for one in told_of(house, ours.id)] == [
            texts("en")["vote.unread"],
            texts("en")["vote.chose"].format(options=f"**Pizza**, {other}"),
        ]
        assert [one.content for one in told_of(house, text.id)] == [unknown]
        assert [one.content for one in told_of(house, "3AGONE")] == [unknown]
        assert await balanced(house)


async def test_a_vote_whose_post_was_not_answered_is_counted_once(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        poll = wrote(LUNCH, group=GROUP, sender=ANA)
        await bring(house, phone, poll, voted(poll.id, "Pizza", chat=HERE, sender=ANA))
        house.chat.faults.stored_but(500, route="POST messages", times=1)

        await bring(house, phone, voted(poll.id, "Pizza", chat=HERE, sender=RUI))
        await bring(house, phone, voted(poll.id, "Ação", chat=HERE, sender=RUI, after=1))

        assert len(told_of(house, poll.id)) == 3
        last = told_of(house, poll.id)[-1]
        assert (last.content or "").endswith("Pizza: 1 · Ação: 1")
        assert await balanced(house)
