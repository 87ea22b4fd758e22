"""A person writes, the flow answers: once, in order, and nothing that was said is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson

from bridge.core.flow import Next
from bridge.core.handoff import HumanSpoke, Phase
from bridge.engine.queue import LOCAL
from bridge.store.queries import chats, talks
from support.bridge_house import MARINA, NAME
from support.flow_house import (
    Bot,
    ask,
    choose,
    flow,
    flow_house,
    listen,
    qr_flow_house,
    text,
    wait,
)
from support.happenings import written
from support.sessions import balanced

#: Bursts may take long.
PATIENT = {"typebot": {"burst_seconds": 300}}
HELLO = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("email", "color"))


async def test_a_flow_starts_asks_and_goes_on(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        assert bot.heard == ["Olá!"]
        assert (await bot.talk()).state.phase is Phase.WAITING

        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Oi, Marina!"]
        assert bot.asked == ["Marina"]
        assert len(bot.calls("startChat")) == 1
        assert await bot.turns() == [("delivered", None)] * 2
        assert await balanced(bot.house)


async def test_a_burst_is_one_turn_joined_by_line_breaks(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}, options=PATIENT) as bot:
        await bot.house.graph.customer_writes(MARINA, "bom dia")
        await bot.later(61)
        for body in ("sou", "a", "Marina"):
            await bot.house.graph.customer_writes(MARINA, body)
        await bot.later(61)

        assert bot.asked == ["sou\na\nMarina"]
        assert await bot.turns() == [("delivered", None)] * 2


async def test_each_message_of_a_burst_prolongs_it(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}, options=PATIENT) as bot:
        for body in ("bom", "dia"):
            await bot.house.graph.customer_writes(MARINA, body)
            await bot.house.pass_time(40 / 3600)
            assert bot.heard == []
        await bot.later(21)
        assert bot.heard == ["Olá!"]


async def test_who_goes_on_writing_is_answered_after_a_while_all_the_same(tmp_path: Path) -> None:
    options = {"typebot": {"burst_seconds": 90}}
    async with flow_house(tmp_path, HELLO, bot={"debounceTime": 60}, options=options) as bot:
        for body in ("bom", "dia"):
            await bot.house.graph.customer_writes(MARINA, body)
            await bot.house.pass_time(40 / 3600)
        await bot.house.graph.customer_writes(MARINA, "a todos")
        await bot.later(11)
        assert bot.heard == ["Olá!"]
        told = bot.calls("startChat")[0].body["prefilledVariables"]
        assert told["firstMessage"] == "bom\ndia\na todos"


async def test_what_is_said_while_typebot_is_asked_is_the_next_turn(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        slow = bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.typebot.wait_for(lambda: len(bot.calls()) == 1)
        await bot.house.graph.customer_writes(MARINA, "é")
        await bot.house.graph.customer_writes(MARINA, "marina@example.com")
        slow.off()
        await bot.house.quiet()

        assert bot.asked == ["Marina", "marina@example.com"]
        assert bot.heard[:2] == ["Olá!", "Oi, Marina!"]


async def test_what_is_said_while_bubbles_go_out_is_kept_for_when_the_last_has_gone(
    tmp_path: Path,
) -> None:
    async with qr_flow_house(tmp_path, HELLO) as (bot, phone):
        await phone.bring(written("bom dia"))
        await bot.house.quiet()
        gate = phone.gates["sending"] = asyncio.Event()
        await phone.bring(written("Marina"))
        await phone.called("sending")
        await phone.bring(written("marina@example.com"))
        await bot.turn_waits("bubbles are on their way")
        assert bot.asked == ["Marina"]
        gate.set()
        await bot.house.quiet()

        assert bot.asked == ["Marina", "marina@example.com"]
        assert phone.texts == ["Olá!", "Oi, Marina!"]
        assert (await bot.talk()).state.phase is not Phase.SENDING
        assert await balanced(bot.house)


async def test_a_wait_is_answered_by_us_and_what_is_said_meanwhile_is_not_lost(
    tmp_path: Path,
) -> None:
    waiting = flow("w", text("Um momento"), wait(0.6), text("Seu nome?"), ask(), text("{{answer}}"))
    async with flow_house(tmp_path, waiting) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.house.quiet()

        assert bot.heard == ["Um momento", "Seu nome?", "Marina"]
        assert bot.asked == [None, "Marina"]


async def test_a_wait_lasts_as_long_as_it_says(tmp_path: Path) -> None:
    waiting = flow("w", text("Um momento"), wait(600), text("Pronto"), ask())
    options = {"typebot": {"most_wait_seconds": 600}}
    async with flow_house(tmp_path, waiting, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.reaches(lambda talk: talk.state.left == 0)
        due = (await bot.waits("bot_turn"))["due_at"]
        assert due > bot.house.clock.ms() + 500_000
        await bot.house.graph.customer_writes(MARINA, "e aí?")
        assert (await bot.waits("bot_turn"))["due_at"] == due
        bot.house.clock.ahead_seconds += 600
        bot.house.service.queue.resume(LOCAL)
        await bot.house.quiet()
        assert bot.heard == ["Um momento", "Pronto"]


async def test_a_number_chooses_what_was_numbered(tmp_path: Path) -> None:
    names = [f"Opção {n}" for n in range(1, 13)]
    many = flow("many", text("Qual?"), choose(*names), text("{{answer}}"), ask())
    async with flow_house(tmp_path, many) as bot:
        await bot.says("oi")
        await bot.says("11")
        assert bot.heard[-1] == "Opção 11"
        assert (await bot.memory()).answers == (("Qual?", "Opção 11"),)


async def test_a_pressed_button_is_the_answer(tmp_path: Path) -> None:
    menu = flow("menu", text("Qual?"), choose("Sim", "Não"), text("{{answer}}"), ask())
    async with flow_house(tmp_path, menu) as bot:
        await bot.says("oi")
        item = menu["groups"][0]["blocks"][1]["items"][1]["id"]
        reply = {"type": "button_reply", "button_reply": {"id": item, "title": "Não"}}
        await bot.says(None, message={"type": "interactive", "interactive": reply})
        assert bot.heard[-1] == "Não"
        assert bot.calls()[0].body["message"]["metadata"] == {"replyId": item}


async def test_a_text_that_no_choice_is_meant_by_is_the_flows_own_business(tmp_path: Path) -> None:
    menu = flow("menu", text("Qual?"), choose("Sim", "Não"), text("{{answer}}"), ask())
    async with flow_house(tmp_path, menu) as bot:
        await bot.says("oi")
        await bot.says("talvez")
        assert bot.asked == ["talvez"]
        assert "Invalid message" in (bot.heard[-1] or "")
        await bot.says("sim")
        assert bot.heard[-1] == "Sim"


async def test_what_may_mean_two_things_is_asked_back_once_and_typebot_is_not(
    tmp_path: Path,
) -> None:
    menu = flow("m", text("Qual?"), choose("Plano A", "Plano B"), text("{{answer}}"), ask())
    async with flow_house(tmp_path, menu) as bot:
        await bot.says("oi")
        before = len(bot.heard)
        await bot.says("plano")
        assert bot.asked == []
        assert len(bot.heard) == before + 1
        assert (await bot.talk()).state.phase is Phase.WAITING
        await bot.says("plano b")
        assert bot.heard[-1] == "Plano B"
        assert await balanced(bot.house)


async def test_a_sticker_says_nothing_and_a_place_where_words_are_wanted_is_asked_for(
    tmp_path: Path,
) -> None:
    sticker = {"id": "1", "mime_type": "image/webp", "sha256": "aa", "animated": False}
    async with flow_house(tmp_path, HELLO, bot={"unknownMessage": "Não entendi."}) as bot:
        await bot.says("bom dia")
        await bot.says(None, message={"type": "sticker", "sticker": sticker})
        assert bot.heard == ["Olá!"]
        await bot.says(None, message={"type": "unsupported", "errors": [{"code": 131051}]})
        assert bot.heard == ["Olá!", "Não entendi."]
        assert bot.asked == []
        assert (await bot.talk()).state.phase is Phase.WAITING
        await bot.says("Marina")
        assert bot.asked == ["Marina"]


async def test_the_flow_is_told_who_writes_and_no_secret(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia", name="Marina Souza")
        told = bot.calls("startChat")[0].body["prefilledVariables"]

        assert told["remoteJid"] == f"{MARINA}@s.whatsapp.net"
        assert told["number"] == f"+{MARINA}"
        assert told["pushName"] == "Marina Souza"
        assert told["instanceName"] == NAME
        assert told["firstMessage"] == "bom dia"
        assert told["messageType"] == "conversation"
        assert told["serverUrl"] == bot.house.url
        assert told["isGroup"] is False
        assert told["apiKey"].startswith("flow_")
        body = orjson.dumps(told).decode()
        for secret in (bot.house.key, bot.house.chat.admin_token, bot.house.settings.auth.api_key):
            assert str(getattr(secret, "get_secret_value", lambda s=secret: s)()) not in body


async def test_the_conversation_is_told_once_there_is_one(tmp_path: Path) -> None:
    async with flow_house(
        tmp_path,
        HELLO,
        bot={"triggerType": "keyword", "triggerOperator": "equals", "triggerValue": "menu"},
    ) as bot:
        await bot.says("bom dia")
        await bot.says("menu")
        told = bot.calls("startChat")[0].body["prefilledVariables"]
        (conversation,) = bot.house.chats()
        assert told["conversationId"] == conversation.id
        assert told["chatwootContactId"] == conversation.contact.id
        assert told["chatwootInboxId"] == bot.house.inbox.id
        assert told["chatwootAccountId"] == bot.house.chat.account_id


async def test_an_advertisement_is_told_in_variables_and_never_part_of_the_text(
    tmp_path: Path,
) -> None:
    ad = {
        "source_url": "https://fb.example/ad",
        "source_type": "ad",
        "source_id": "120",
        "headline": "Promoção",
        "body": "menu",
        "ctwa_clid": "clid-1",
    }
    order = {"triggerType": "keyword", "triggerOperator": "equals", "triggerValue": "quero"}
    async with flow_house(tmp_path, HELLO, bot=order) as bot:
        await bot.says(None, message={"type": "text", "text": {"body": "quero"}, "referral": ad})
        told = bot.calls("startChat")[0].body["prefilledVariables"]
        assert (told["ctwaClid"], told["adTitle"], told["adBody"]) == ("clid-1", "Promoção", "menu")
        assert told["adSourceUrl"] == "https://fb.example/ad"


async def test_a_flow_that_asks_first_takes_the_text_that_starts_it(tmp_path: Path) -> None:
    asks = flow("asks", ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
    async with flow_house(tmp_path, asks) as bot:
        await bot.says("Marina")
        assert bot.calls("startChat")[0].text == "Marina"
        assert bot.heard == ["Oi, Marina!"]


async def test_answer_lets_the_first_text_answer_behind_the_greeting(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO, bot={"firstMessage": "answer"}) as bot:
        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Oi, Marina!"]
        assert bot.calls("startChat")[0].text is None
        assert bot.asked == ["Marina"]


async def test_match_lets_the_first_text_answer_only_where_it_fits(tmp_path: Path) -> None:
    menu = flow("m", text("Qual?"), choose("Vendas", "Suporte"), text("{{answer}}"), ask())
    async with flow_house(tmp_path, menu, bot={"firstMessage": "match"}) as bot:
        await bot.says("vendas")
        assert bot.heard == ["Qual?", "Vendas"]
    async with flow_house(tmp_path / "other", menu, bot={"firstMessage": "match"}) as bot:
        await bot.says("bom dia")
        assert bot.asked == []
        assert len(bot.heard) == 1


async def test_ignore_drops_the_first_text(tmp_path: Path) -> None:
    asks = flow("asks", ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
    async with flow_house(tmp_path, asks, bot={"firstMessage": "ignore"}) as bot:
        await bot.says("bom dia")
        assert bot.heard == []
        await bot.says("Marina")
        assert bot.heard == ["Oi, Marina!"]


async def test_the_end_of_a_flow_ends_the_session(tmp_path: Path) -> None:
    short = flow("short", text("Tchau"))
    async with flow_house(tmp_path, short, bot={"onEnd": "keep"}) as bot:
        await bot.says("oi")
        talk = await bot.talk()
        assert talk.state.phase is Phase.ENDED
        assert talk.session_id is None
        await bot.says("oi de novo")
        assert bot.heard == ["Tchau", "Tchau"]


async def test_what_a_human_overtook_is_not_said(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        slow = bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "Marina")
        await bot.typebot.wait_for(lambda: len(bot.calls()) == 1)
        await _signal_human(bot)
        slow.off()
        await bot.house.quiet()

        assert bot.heard == ["Olá!"]
        assert len(await bot.house.rows("SELECT id FROM job WHERE kind='bubble'")) == 1
        talk = await bot.talk()
        assert talk.state.phase is Phase.PAUSED
        assert talk.state.has_session
        assert talk.state.asking is None
        await bot.says("e aí?")
        assert bot.asked == ["Marina"]
        assert await balanced(bot.house)


async def test_what_is_said_while_the_last_bubbles_go_out_begins_the_flow_anew(
    tmp_path: Path,
) -> None:
    short = flow("short", text("Tchau!"))
    async with qr_flow_house(tmp_path, short, bot={"onEnd": "keep"}) as (bot, phone):
        gate = phone.gates["sending"] = asyncio.Event()
        await phone.bring(written("oi"))
        await phone.called("sending")
        await phone.bring(written("mais uma coisa"))
        gate.set()
        await bot.house.quiet()
        assert phone.texts == ["Tchau!", "Tchau!"]
        assert len(bot.calls("startChat")) == 2


async def test_after_a_hand_over_nothing_of_what_was_said_meanwhile_is_answered(
    tmp_path: Path,
) -> None:
    short = flow("short", text("Tchau!"))
    async with qr_flow_house(tmp_path, short) as (bot, phone):
        gate = phone.gates["sending"] = asyncio.Event()
        await phone.bring(written("oi"))
        await phone.called("sending")
        await phone.bring(written("mais uma coisa"))
        gate.set()
        await bot.house.quiet()
        assert phone.texts == ["Tchau!"]
        assert (await bot.turns())[1:] == [("ignored", "bot.handed_over")]
        assert await balanced(bot.house)


async def test_while_bots_are_paused_nothing_starts_and_sessions_stay(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        await _pause_bots(bot, 0)
        await bot.says("Marina")
        await bot.says("oi", number="5511987650002")
        assert bot.heard == ["Olá!"]
        await _pause_bots(bot, None)
        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Oi, Marina!"]


async def test_a_message_that_comes_twice_is_one_answer(tmp_path: Path) -> None:
    async with qr_flow_house(tmp_path, HELLO) as (bot, phone):
        await phone.bring(written("bom dia"))
        await bot.house.quiet()
        marina = written("Marina")
        await phone.bring(marina, marina)
        await phone.bring(marina)
        await bot.house.quiet()
        assert bot.asked == ["Marina"]


async def test_a_bubble_of_which_nobody_told_keeps_no_flow_waiting(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        await bot.says("bom dia")
        talk = await bot.talk()
        stuck = replace(talk, state=replace(talk.state, phase=Phase.SENDING, left=2))
        await bot.house.service.store.write(lambda unit: talks.save(unit.db, stuck, 1))
        await bot.says("Marina")
        assert bot.heard == ["Olá!", "Oi, Marina!"]


async def test_many_chats_are_answered_each_with_its_own(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        numbers = [f"55119876501{n:02}" for n in range(20)]
        for word in ("oi", None):
            await asyncio.gather(
                *(bot.house.graph.customer_writes(one, word or f"P{one[-2:]}") for one in numbers)
            )
            await bot.house.quiet()
        to = {one: [m.text for m in bot.house.graph.sent if m.to == one] for one in numbers}
        assert to == {one: ["Olá!", f"Oi, P{one[-2:]}!"] for one in numbers}
        assert await balanced(bot.house)


async def test_a_flow_that_listens_keeps_what_is_said_until_it_hears(tmp_path: Path) -> None:
    hook = flow("hook", text("Aguarde"), listen(), text("Foi: {{answer}}"), ask("text", "color"))
    async with flow_house(tmp_path, hook) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.house.sent(1)
        await bot.house.graph.customer_writes(MARINA, "azul")
        await bot.reaches(lambda talk: talk.state.next is Next.LISTEN)
        assert bot.asked == []
        path = f"/typebot/resume/{NAME}"
        told = {"remoteJid": f"{MARINA}@s.whatsapp.net", "data": {"event": "resolved"}}
        await bot.house.ok("POST", path, json=told)
        await bot.house.quiet()

        assert bot.heard == ["Aguarde", "Foi: resolved"]
        assert bot.asked == ['{"data":{"event":"resolved"}}', "azul"]


async def _pause_bots(bot: Bot, until: int | None) -> None:
    """What `pause bot` and `resume bot` do."""
    service = bot.house.service
    (row,) = await bot.house.rows("SELECT id FROM instance")
    await service.store.write(
        lambda unit: unit.db.execute("UPDATE instance SET bots_paused_until=?", (until,))
    )
    await service.directory.refresh(row["id"])


async def _signal_human(bot: Bot) -> None:
    service = bot.house.service
    entry = service.instances.entry(NAME)

    def work(unit):
        row = unit.db.execute("SELECT chat_id FROM talk").fetchone()
        chat = chats.get(unit.db, row["chat_id"])
        service.talks.signal(unit, entry, chat, HumanSpoke(), bot.house.clock.ms())

    await service.store.write(work)


async def test_by_its_number_in_chatwoot_a_message_tells_what_the_flow_made_of_it(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, flow("menu", text("Olá!"), ask("text"))) as bot:
        await bot.says("oi")
        (row,) = await bot.house.rows("SELECT chatwoot_id FROM ledger WHERE origin='contact'")
        told = await bot.house.ok("GET", f"/why?message={row['chatwoot_id']}")
        assert {job["kind"] for job in told} == {"bot_turn", "inbound"}
