"""At the end of a flow agents read what was said, and the conversation becomes what was wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge.core.flow import Ending, Next, Status
from bridge.core.handoff import BubbleGone, Expired, Failed, Handoff, HandOver, How, Phase, Signal
from bridge.core.typebot import BotSettings, OnEnd
from bridge.relay.bot.ending_texts import attributes, labels
from bridge.sim.chatwoot import Conversation
from bridge.store.engine import Unit
from bridge.store.queries import bots
from support.bot_says import chat_of, entry_of, signal, talk_of
from support.bridge_house import MARINA, House, bridge_house
from support.flow_runs import WITHOUT_CHATWOOT, flow_runs, pending_house, word
from support.qr_events import wrote
from support.sessions import balanced, bring, open_up, qr_house

#: Its last bubble is on its way.
LAST = Handoff(phase=Phase.SENDING, next=Next.END, left=1, epoch=3)
GONE = BubbleGone(epoch=3)
ASKED = (("Qual é o seu e-mail?", "rita@mail.example"), ("Como *você* se chama?", "Rita [x](y)"))


def notes(chat: Conversation) -> list[str]:
    return [
        (one.content or "").replace("\u200b", "")
        for one in chat.messages
        if one.private and (one.source_id or "").startswith("PONTE:ending:")
    ]


async def ends(house: House, what: Signal = GONE, *, why: str = "") -> None:
    """A signal that ends the flow, as whoever runs it gives it."""
    await signal_because(house, what, why)
    await house.quiet()


async def signal_because(house: House, what: Signal, why: str) -> None:
    if not why:
        await signal(house, what)
        return
    entry = entry_of(house)

    def work(unit: Unit) -> None:
        chat = chat_of(unit.db, house)
        house.service.talks.signal(unit, entry, chat, what, house.clock.ms(), why=why)

    await house.service.store.write(work)


async def ending_is_over(house: House) -> None:
    waiting = "SELECT 1 FROM job WHERE kind='bot_ending' AND state='waiting'"
    while await house.rows(waiting):
        house._moved.clear()
        if await house.rows(waiting):
            await house._moved.wait()


async def usually(house: House, *, on_end: OnEnd) -> None:
    """What the settings of the instance say about the end of flows."""
    entry = entry_of(house)

    def work(unit: Unit) -> None:
        bots.save_settings(unit.db, entry.id, BotSettings(on_end=on_end), house.clock.ms())
        house.service.talks._shelf.changed(unit, entry.id)

    await house.service.store.write(work)


async def test_the_conversation_is_opened_and_agents_read_what_the_person_answered(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, answers=ASKED)
        await ends(house)

        assert chat.status == "open"
        assert await word(house) == "paused handed_over"
        (note,) = notes(chat)
        lines = note.splitlines()
        assert lines[0] == "🤖 **vendas** has ended."
        assert lines[2] == "- Qual é o seu e-mail? **rita@mail.example**"
        assert lines[3] == "- Como **você** se chama? **Rita [x\\](y)**"
        assert chat.custom_attributes == {"bot": "vendas", "bot_result": "ended"}
        assert house.texts == []
        assert await balanced(house)


async def test_what_the_flow_asked_for_is_done(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        team = house.chat.add_team("suporte")
        chat.custom_attributes = {"pedido": "7"}
        house.chat.label(chat.id, ["vip"])
        await house.quiet()
        ending = Ending(
            status=Status.OPEN,
            team="Suporte",
            agent=house.chat.agent.email,
            labels=("Orçamento novo", "vip"),
            attributes={"Nº do pedido": "PT123", "total": 12, "": "x", "nada": None},
            note="Prometi *desconto* {{contact.name}}",
        )
        await flow_runs(house, state=LAST, ending=ending)
        await ends(house)

        assert chat.status == "open"
        assert (chat.team, chat.assignee) == (team, house.chat.agent)
        assert chat.labels == ["vip", "orçamento-novo"]
        assert chat.custom_attributes == {
            "pedido": "7",
            "bot": "vendas",
            "bot_result": "handed_over",
            "bot_no_do_pedido": "PT123",
            "bot_total": 12,
        }
        (note,) = notes(chat)
        assert "handed this conversation over" in note
        assert "Prometi \\*desconto\\* {{contact.name}}" in note
        # Nothing of it was a human's doing.
        assert await word(house) == "paused handed_over"


async def test_who_is_not_there_is_named_and_the_conversation_is_opened_all_the_same(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        ending = Ending(status=Status.OPEN, team="ninguém", agent="99999")
        await flow_runs(house, state=LAST, ending=ending)
        await ends(house)
        assert chat.status == "open"
        assert chat.assignee is None
        (note,) = notes(chat)
        assert "no team “ninguém”" in note
        assert "no agent “99999”" in note


@pytest.mark.parametrize(
    ("what", "result", "line"),
    [
        (HandOver(), "handed_over", "handed this conversation over"),
        (Expired(), "expired", "stopped answering"),
        (Failed(), "failed", "could not go on. Typebot did not answer."),
    ],
)
async def test_however_it_ends_agents_read_why(
    tmp_path: Path, what: Signal, result: str, line: str
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, answers=ASKED)
        await ends(house, what, why="Typebot did not answer." if result == "failed" else "")
        assert chat.status == "open"
        assert chat.custom_attributes["bot_result"] == result
        (note,) = notes(chat)
        assert line in note
        assert "rita@mail.example" in note


async def test_who_said_nothing_until_the_flow_expired_is_no_work_for_agents(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house)
        await ends(house, Expired())
        assert (chat.status, notes(chat)) == ("pending", [])
        assert await word(house) == "ended speaks"


async def test_a_flow_that_keeps_the_conversation_and_heard_nothing_leaves_no_note(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await usually(house, on_end="keep")
        await flow_runs(house, state=LAST)
        await ends(house)
        assert (chat.status, notes(chat)) == ("pending", [])
        assert chat.custom_attributes["bot_result"] == "ended"


async def test_a_flow_that_resolves_is_not_taken_for_an_agent_who_does(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, ending=Ending(status=Status.RESOLVED))
        await ends(house)
        assert chat.status == "resolved"
        talk = await talk_of(house)
        assert (talk.state.phase, talk.state.ended_at is None) == (Phase.ENDED, False)
        # An agent who does so afterwards is one.
        house.chat.open(chat.id, agent=house.chat.admin)
        await house.quiet()
        house.chat.resolve(chat.id)
        await house.quiet()
        assert (await talk_of(house)).state.phase is Phase.IDLE


async def test_its_webhook_may_be_faster_than_the_answer(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, ending=Ending(status=Status.RESOLVED))
        slow = house.chat.faults.hang(60, route="POST conversation/toggle_status", acts=True)
        await signal(house, GONE)
        await house.chat.wait_for(lambda: chat.status == "resolved")
        await house.chat.settled(30)
        slow.off()
        await house.quiet()
        assert (await talk_of(house)).state.phase is Phase.ENDED


async def test_whom_a_flow_chooses_is_no_human_who_came(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        chat.created_at -= 60
        ending = Ending(status=Status.OPEN, agent=str(house.chat.agent.id))
        await flow_runs(house, state=LAST, ending=ending)
        await ends(house)
        assert chat.assignee is house.chat.agent
        assert not (await talk_of(house)).state.human


async def test_a_conversation_that_an_agent_has_taken_is_not_resolved_under_their_hands(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, ending=Ending(status=Status.RESOLVED))
        house.chat.faults.fail(503, route="GET conversation", times=3)
        await signal(house, GONE)
        house.chat.open(chat.id, agent=house.chat.admin)
        house.chat.agent_writes(chat.id, "Oi, posso ajudar?")
        await house.quiet()
        assert chat.status == "open"
        assert await word(house) == "paused agent_wrote"


@pytest.mark.parametrize("how", ["stored_but", "reset", "fail"])
@pytest.mark.parametrize(
    "route",
    [
        "POST messages",
        "GET conversation",
        "POST conversation/custom_attributes",
        "POST conversation/labels",
        "POST conversation/assignments",
        "POST conversation/toggle_status",
        "GET agents",
    ],
)
async def test_whatever_fails_in_between_the_note_stands_once_and_all_is_done(
    tmp_path: Path, route: str, how: str
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        ending = Ending(status=Status.OPEN, agent=str(house.chat.agent.id), labels=("bot",))
        await flow_runs(house, state=LAST, answers=ASKED, ending=ending)
        match how:
            case "stored_but":
                house.chat.faults.stored_but(500, route=route, times=1)
            case "reset":
                house.chat.faults.reset(route=route, times=1, acts=True)
            case _:
                house.chat.faults.fail(500, route=route, times=1)
        await ends(house)
        assert len(notes(chat)) == 1
        assert (chat.status, chat.assignee, chat.labels) == ("open", house.chat.agent, ["bot"])
        assert chat.custom_attributes["bot_result"] == "handed_over"
        assert await word(house) == "paused handed_over"
        assert await balanced(house)


async def test_what_chatwoot_refuses_does_not_keep_the_conversation_from_humans(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, answers=ASKED)
        house.chat.faults.fail(422, route="POST conversation/custom_attributes", times=1)
        await ends(house)
        assert chat.status == "open"
        assert len(notes(chat)) == 1


async def test_a_note_that_chatwoot_refuses_does_not_keep_it_from_them_either(
    tmp_path: Path,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, answers=ASKED)
        house.chat.faults.fail(422, route="POST messages", times=1)
        await ends(house)
        assert (chat.status, notes(chat)) == ("open", [])
        assert chat.custom_attributes["bot_result"] == "ended"
        assert await word(house) == "paused handed_over"
        assert await balanced(house)


async def resolves(house: House, chat: Conversation) -> None:
    house.chat.resolve(chat.id)


async def gives_back(house: House, chat: Conversation) -> None:
    house.chat.open(chat.id, agent=house.chat.admin)
    await house.chat.settled(30)  # or both webhooks show it as pending
    house.chat.pend(chat.id)


@pytest.mark.parametrize(
    ("acts", "is_told", "status"),
    [
        pytest.param(resolves, True, "resolved", id="somebody resolved it"),
        pytest.param(resolves, False, "resolved", id="which we do not know yet"),
        pytest.param(gives_back, True, "pending", id="somebody gave it back to the bot"),
    ],
)
async def test_what_people_did_with_the_conversation_meanwhile_stays(
    tmp_path: Path,
    acts: Callable[[House, Conversation], Awaitable[None]],
    is_told: bool,
    status: str,
) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        ending = Ending(status=Status.OPEN, agent=str(house.chat.agent.id))
        await flow_runs(house, state=LAST, answers=ASKED, ending=ending)
        slow = house.chat.faults.hang(60, route="POST messages", times=1)
        await signal(house, GONE)
        await house.chat.wait_for(lambda: slow.hits == 1)
        if not is_told:
            house.chat.webhooks.hold()
        await acts(house, chat)
        if is_told:
            await house.chat.settled(30)
        slow.off()
        if not is_told:
            await ending_is_over(house)
            house.chat.webhooks.release()
        await house.quiet()
        assert chat.status == status
        assert await word(house) == "idle speaks"
        assert len(notes(chat)) == 1
        assert (chat.assignee is None) == is_told


async def test_whoever_has_taken_it_meanwhile_keeps_it(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        rita = house.chat.add_user("Rita Souza")
        ending = Ending(status=Status.OPEN, agent=str(house.chat.agent.id))
        await flow_runs(house, state=LAST, answers=ASKED, ending=ending)
        slow = house.chat.faults.hang(60, route="POST messages", times=1)
        await signal(house, GONE)
        await house.chat.wait_for(lambda: slow.hits == 1)
        chat.created_at -= 60
        house.chat.assign(chat.id, rita, agent=rita)
        house.chat.agent_writes(chat.id, "Oi, sou a Rita", agent=rita)
        await house.chat.settled(30)
        slow.off()
        await house.quiet()
        assert (chat.status, chat.assignee) == ("open", rita)
        assert await word(house) == "paused agent_wrote"


async def test_a_conversation_that_was_deleted_meanwhile_is_made_again(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, answers=ASKED)
        house.chat.delete_conversation(chat.id)
        await ends(house)
        (other,) = [one for one in house.chats() if notes(one)]
        assert other.status == "open"


async def test_it_comes_behind_what_waits_for_chatwoot(tmp_path: Path) -> None:
    async with pending_house(tmp_path) as house:
        chat = await house.talk()
        await flow_runs(house, state=LAST, answers=ASKED)
        house.chat.faults.fail(503, route="POST messages", times=4)
        id_ = await house.graph.customer_writes(MARINA, "tchau")
        await ends(house)
        shown = [one.source_id for one in chat.messages if one.source_id]
        assert shown.index(f"WAID:{id_}") < len(shown) - 1
        assert (shown[-1] or "").startswith("PONTE:ending:")


async def test_without_chatwoot_nothing_is_to_be_done(tmp_path: Path) -> None:
    async with qr_house(tmp_path, order=WITHOUT_CHATWOOT) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, wrote("oi"))
        await flow_runs(house, state=LAST)
        await ends(house)
        assert await word(house) == "ended speaks"
        assert await house.rows("SELECT 1 FROM job WHERE kind='bot_ending'") == []


async def test_where_conversations_are_open_an_agent_who_gets_it_by_itself_is_no_human(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        await usually(house, on_end="keep")
        await flow_runs(house, state=LAST, ending=Ending(note="fim"))
        await ends(house)
        assert chat.status == "open"
        assert await word(house) == "ended speaks"


def test_names_of_attributes_and_labels() -> None:
    own = {"E-mail": "a", "e mail": "b", "Ação!": True, "x" * 99: 1}
    made = attributes(How.ENDED, "fluxo", own)
    assert made == {
        "bot": "fluxo",
        "bot_result": "ended",
        "bot_e_mail": "a",
        "bot_acao": True,
        f"bot_{'x' * 50}": 1,
    }
    assert labels([" Vip ", "vip", "--", "Orçamento / novo", ""]) == ["vip", "orçamento-novo"]
