"""Two chats turn out to be one person's: the bot goes on in one of them, or is silent in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from bridge.core.content import Text
from bridge.core.flow import Next
from bridge.core.handoff import Handoff, Pause, Phase, Reason
from bridge.engine.queue import LOCAL, NewJob, Road
from bridge.relay import lanes
from bridge.relay.bot.memory import HEARD, Heard
from bridge.relay.bot.pending import put
from bridge.relay.bot.talk_joining import join_talks
from bridge.relay.bot.talks import BUBBLE
from bridge.store.engine import Unit
from bridge.store.queries import chats, jobs, talks
from bridge.store.queries.talks import PendingRow, TalkRow
from support.bot_says import entry_of
from support.bridge_house import MARINA, House
from support.flow_runs import flow_is_there

BSUID = "BR.13491200000000000001"
IDLE = Handoff()
LIVE = Handoff(phase=Phase.WAITING, has_session=True, next=Next.WAIT, epoch=2)
SENDING = replace(LIVE, phase=Phase.SENDING, left=1)
HELD = Handoff(phase=Phase.PAUSED, pause=Pause(reason=Reason.AGENT, since=1), human=True, epoch=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A chat before: who has the word, since when, and what the person has just said."""

    state: Handoff | None = None
    touched_at: int = 1
    heard: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    talk: TalkRow | None
    row: PendingRow | None
    #: The states of the jobs of bubbles and turns, of the chat that stays and of the other.
    jobs: tuple[list[str], list[str]]

    @property
    def heard(self) -> list[int]:
        found = HEARD.validate_json(self.row.heard) if self.row is not None else ()
        return [one.at for one in found]


def lay_out(house: House, unit: Unit, chat_id: int, side: Side) -> list[int]:
    entry, queue, now = entry_of(house), house.service.queue, house.clock.ms()
    far = now + 3_600_000
    chat = chats.get(unit.db, chat_id)
    assert chat is not None
    ids: list[int] = []
    if side.state is not None:
        state = replace(side.state, touched_at=side.touched_at)
        session = f"session-{chat_id}" if state.has_session else None
        row = TalkRow(chat_id=chat_id, instance_id=entry.id, state=state, session_id=session)
        talks.save(unit.db, row, now)
        bubble = NewJob(
            kind=BUBBLE,
            lane=lanes.to_whatsapp(chat_id),
            road=Road.OUTBOUND,
            peer=LOCAL,
            account=LOCAL,
            payload=b"{}",
            now=now,
            due_at=far,
            instance_id=entry.id,
            chat_id=chat_id,
        )
        ids += [queue.add(unit, bubble) for _ in range(state.left)]
    if side.heard:
        said = [Heard(id=str(at), at=at, content=Text(body=str(at))) for at in side.heard]
        ids.append(put(queue, unit, entry, chat, said, url="x", now=now, due_at=far).job_id)
    return ids


async def joined(house: House, kept: Side, gone: Side) -> After:
    """Join the talks of two chats, and put all back."""
    await house.talk(MARINA, "pelo número", bsuid=None)
    await house.graph.customer_writes(None, "sem número", bsuid=BSUID)
    await house.quiet()
    one, other = [row["id"] for row in await house.rows("SELECT id FROM chat ORDER BY id")][-2:]

    def work(unit: Unit) -> After:
        ours = lay_out(house, unit, one, kept)
        theirs = lay_out(house, unit, other, gone)
        now = house.clock.ms()
        join_talks(house.service.queue, unit, kept=one, given_up=other, now=now)
        states = tuple(
            [str(jobs.one(unit.db, each)["state"]) for each in ids]  # type: ignore[index]
            for ids in (ours, theirs)
        )
        assert talks.get(unit.db, other) is None
        assert talks.pending(unit.db, other) is None
        found = After(talk=talks.get(unit.db, one), row=talks.pending(unit.db, one), jobs=states)
        talks.delete(unit.db, one)
        for each in (*ours, *theirs):
            house.service.queue.cancel(unit, each, rule="test", now=now)
        return found

    return await house.service.store.write(work)


@pytest.mark.parametrize(
    ("kept", "gone", "phase", "session"),
    [
        pytest.param(Side(), Side(state=LIVE), Phase.WAITING, "gone", id="only the other has one"),
        pytest.param(Side(state=LIVE), Side(), Phase.WAITING, "kept", id="only this has one"),
        pytest.param(
            Side(state=IDLE, touched_at=9), Side(state=LIVE), Phase.WAITING, "gone", id="live first"
        ),
        pytest.param(
            Side(state=LIVE), Side(state=LIVE, touched_at=2), Phase.WAITING, "gone", id="the newer"
        ),
        pytest.param(
            Side(state=LIVE, touched_at=3), Side(state=LIVE), Phase.WAITING, "kept", id="or this"
        ),
        pytest.param(Side(state=HELD), Side(state=LIVE), Phase.PAUSED, "gone", id="a pause wins"),
        pytest.param(Side(state=LIVE), Side(state=HELD), Phase.PAUSED, "kept", id="whose ever"),
        pytest.param(Side(), Side(), None, None, id="nobody has one"),
    ],
)
async def test_which_talk_stays(
    house: House, kept: Side, gone: Side, phase: Phase | None, session: str | None
) -> None:
    after = await joined(house, kept, gone)
    if after.talk is None:
        assert phase is None
        return
    assert after.talk.state.phase is phase
    is_ours = after.talk.session_id == f"session-{after.talk.chat_id}"
    assert is_ours == (session == "kept")
    assert after.talk.state.human == (HELD in {kept.state, gone.state})


async def test_only_the_one_that_stays_goes_on_speaking(house: House) -> None:
    after = await joined(house, Side(state=SENDING), Side(state=SENDING, touched_at=5))
    assert after.jobs == (["ignored"], ["waiting"])
    assert after.talk is not None
    assert (after.talk.state.phase, after.talk.state.left) == (Phase.SENDING, 1)


async def test_where_a_human_has_the_word_in_one_nothing_is_said_in_either(house: House) -> None:
    after = await joined(house, Side(state=HELD), Side(state=SENDING, heard=[1]))
    assert after.jobs == ([], ["ignored", "ignored"])
    assert after.talk is not None
    assert (after.talk.state.phase, after.talk.state.left) == (Phase.PAUSED, 0)
    assert after.talk.state.epoch > SENDING.epoch
    assert after.row is None


async def test_what_was_said_in_both_is_for_one_turn_in_its_order(house: House) -> None:
    after = await joined(house, Side(heard=[1, 4]), Side(state=LIVE, heard=[2, 3]))
    assert after.heard == [1, 2, 3, 4]
    assert after.row is not None
    assert after.row.chat_id == (after.talk.chat_id if after.talk else None)
    assert after.jobs == (["ignored"], ["waiting"])


async def test_a_humans_word_holds_when_whatsapp_says_who_is_who(house: House) -> None:
    await flow_is_there(house)
    await house.talk(MARINA, "pelo número", bsuid=None)
    id_ = await house.graph.customer_writes(None, "sem número", bsuid=BSUID)
    await house.quiet()
    house.chat.agent_writes(house.of(f"WAID:{id_}").conversation.id, "Oi!")
    await house.quiet()
    await house.talk(MARINA, "os dois", bsuid=BSUID)
    rows = await house.rows("SELECT chat_id, phase FROM talk")
    left = await house.rows("SELECT id FROM chat WHERE merged_into IS NULL ORDER BY id DESC")
    assert [row["phase"] for row in rows] == ["paused"]
    assert rows[0]["chat_id"] == left[0]["id"]
    assert set((await house.balance()).values()) == {0}
