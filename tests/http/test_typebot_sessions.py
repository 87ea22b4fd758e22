"""Sessions of flows over the API: started, shown, paused, ended, handed over, resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.core.handoff import Phase
from bridge.store.engine import Unit
from support.bridge_house import MARINA, RUI
from support.flow_house import Bot, ask, choose, flow, flow_house, listen, text, unreachable

HELLO = flow("menu", text("Olá, {{answer}}!"), ask("text"), text("Até logo, {{answer}}."))
ONLY = flow("aviso", text("Seu pedido saiu."), text("Chega amanhã."))
MORE = flow("pede", text("Seu nome?"), ask(), text("Vou chamar alguém."), choose("Sim", "Não"))
EVENTS = flow("espera", text("Um momento."), listen(), text("Você disse {{answer}}."), ask())
JID = f"{MARINA}@s.whatsapp.net"
SESSION = [
    "id",
    "sessionId",
    "remoteJid",
    "pushName",
    "status",
    "awaitUser",
    "context",
    "type",
    "createdAt",
    "updatedAt",
    "instanceId",
    "parameters",
    "botId",
]
V1 = {"X-Api-Dialect": "v1"}
NO_CHATWOOT = dict.fromkeys(("chatwootAccountId", "chatwootToken", "chatwootUrl"))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """Flows that start when they are asked to, and never by themselves."""
    async with flow_house(tmp_path, HELLO, ONLY, MORE, EVENTS, bot={"triggerType": "none"}) as made:
        yield made


async def start(bot: Bot, name: str = "menu", **more: Any) -> tuple[int, Any]:
    body = {"remoteJid": JID, "url": bot.typebot.url, "typebot": name} | more
    status, answer = await bot.house.call("POST", "/typebot/start/loja", json=body)
    await bot.house.quiet()
    return status, answer


async def change(bot: Bot, status: str, jid: str = JID, **more: Any) -> Any:
    body = {"remoteJid": jid, "status": status}
    answer = await bot.house.ok("POST", "/typebot/changeStatus/loja", json=body, **more)
    await bot.house.quiet()
    return answer


async def told(bot: Bot, name: str) -> list[dict[str, Any]]:
    rows = await bot.house.ok("GET", "/instance/events/loja")
    return [row["data"] for row in rows if row["event"] == name]


async def key_of_flow(bot: Bot) -> str:
    """The key that the flow got as its variable."""
    return str((await bot.memory()).variables["apiKey"])


# -- starting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [[{"name": "answer", "value": "Marina"}], {"answer": "Marina"}],
    ids=["a list", "an object"],
)
async def test_a_flow_is_started_with_somebody_who_never_wrote(bot: Bot, variables: Any) -> None:
    status, answer = await start(bot, variables=variables)
    assert (status, answer) == (
        200,
        {
            "typebot": {
                "instanceName": "loja",
                "typebot": {
                    "url": bot.typebot.url,
                    "remoteJid": JID,
                    "typebot": "menu",
                    "prefilledVariables": {"answer": "Marina"},
                },
            }
        },
    )
    assert bot.heard == ["Olá, Marina!"]
    await bot.says("Rui")
    assert bot.heard[1:] == ["Até logo, Rui."]


async def test_a_number_may_stand_for_the_jid(bot: Bot) -> None:
    body = {"number": "+55 (11) 98765-0001", "url": bot.typebot.url + "/", "typebot": "menu"}
    answer = await bot.house.ok("POST", "/typebot/start/loja", json=body)
    assert answer["typebot"]["typebot"]["remoteJid"] == JID


async def test_a_flow_that_is_only_played_hears_no_answer(bot: Bot) -> None:
    for name, said in (("aviso", ["Seu pedido saiu.", "Chega amanhã."]), ("menu", ["Olá, !"])):
        before = len(bot.heard)
        assert (await start(bot, name, startSession=False))[0] == 200
        assert bot.heard[before:] == said
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    await bot.says("oi")
    assert bot.calls() == []


async def test_a_start_takes_the_place_of_what_runs(bot: Bot) -> None:
    await start(bot, variables={"answer": "A"})
    await start(bot, variables={"answer": "B"})
    assert bot.heard == ["Olá, A!", "Olá, B!"]
    assert len(await bot.house.ok("GET", "/typebot/fetchSessions/all/loja")) == 1


async def test_two_starts_at_once_leave_one_session(bot: Bot) -> None:
    bot.typebot.latency = 0.05
    answers = await asyncio.gather(*(start(bot, variables={"answer": str(n)}) for n in range(4)))
    assert {status for status, _ in answers} <= {200, 409}
    assert 200 in {status for status, _ in answers}
    rows = await bot.house.ok("GET", "/typebot/fetchSessions/all/loja")
    assert [row["status"] for row in rows] == ["opened"]


async def test_an_unknown_flow_is_told_with_typebots_words_and_nothing_stays(bot: Bot) -> None:
    status, answer = await start(bot, "nada")
    assert (status, answer["response"]["code"]) == (404, "typebot.flow_unknown")
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    assert bot.notes == []
    assert (await start(bot))[0] == 200  # the person was not taken from flows


async def test_a_viewer_that_cannot_be_reached_is_told_at_once(bot: Bot) -> None:
    status, answer = await start(bot, url=unreachable())
    assert (status, answer["response"]["code"]) == (502, "typebot.unreachable")
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    assert bot.notes == []


@pytest.mark.parametrize("ignored", [JID, "@s.whatsapp.net"])
async def test_nothing_is_started_with_whom_flows_leave_alone(bot: Bot, ignored: str) -> None:
    await bot.house.ok(
        "POST", "/typebot/ignoreJid/loja", json={"remoteJid": ignored, "action": "add"}
    )
    status, answer = await start(bot)
    assert (status, answer["response"]["code"]) == (403, "typebot.ignored")
    assert answer["response"]["message"] == ["Jid not allowed"]
    assert await bot.house.rows("SELECT id FROM chat") == []


@pytest.mark.parametrize("jid", ["", "ninguém", "loja@example.com", "12", "@g.us"])
async def test_an_address_that_is_none_is_refused(bot: Bot, jid: str) -> None:
    for path, more in (
        ("start", {"url": bot.typebot.url, "typebot": "menu"}),
        ("changeStatus", {"status": "paused"}),
        ("handoff", {}),
        ("resume", {}),
    ):
        status, answer = await bot.house.call(
            "POST", f"/typebot/{path}/loja", json={"remoteJid": jid} | more
        )
        assert status == 400, answer
    assert await bot.house.rows("SELECT id FROM chat") == []


async def test_a_broadcast_is_nobody(bot: Bot) -> None:
    assert await start(bot, remoteJid="status@broadcast") == (200, {})


async def test_a_start_is_told_of_without_secrets(bot: Bot) -> None:
    await start(bot, variables={"answer": "Marina"})
    (event,) = await told(bot, "typebot.start")
    assert (event["remoteJid"], event["url"]) == (JID, bot.typebot.url)
    assert event["variables"]["answer"] == "Marina"
    assert "apiKey" not in event["variables"]
    (opened,) = await told(bot, "typebot.change-status")
    assert (opened["status"], opened["session"]["status"]) == ("opened", "opened")
    everything = str(await bot.house.ok("GET", "/instance/events/loja"))
    assert all(session not in everything for session in bot.typebot.sessions)
    assert await key_of_flow(bot) not in everything


# -- changing -----------------------------------------------------------------------------------


async def test_somebody_who_never_wrote_can_be_paused(tmp_path: Path) -> None:
    async with flow_house(tmp_path, HELLO) as bot:
        paused = await change(bot, "paused")
        assert paused == {
            "bot": {
                "instanceName": "loja",
                "bot": {"remoteJid": JID, "status": "paused", "session": {"count": 1}},
            }
        }
        await bot.says("oi")
        assert bot.heard == []
        opened = await change(bot, "opened")
        assert "silencedBy" not in opened["bot"]["bot"]
        await bot.says("oi de novo")
        assert len(bot.heard) == 1


async def test_a_session_is_paused_goes_on_and_is_closed(bot: Bot) -> None:
    await start(bot)
    await change(bot, "paused")
    await bot.says("alguém?")
    assert bot.calls() == []
    await change(bot, "opened")
    await bot.says("Rui")
    assert bot.asked == ["Rui"]
    await change(bot, "delete")
    await start(bot)
    closed = await change(bot, "closed")
    assert closed == {
        "bot": {"instanceName": "loja", "bot": {"remoteJid": JID, "status": "closed"}}
    }
    await start(bot)
    assert await change(bot, "delete") == {"bot": {"remoteJid": JID, "status": "delete"}}
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    events = await told(bot, "typebot.change-status")
    assert [event["status"] for event in events] == [
        *("opened", "paused", "opened", "closed", "paused", "delete"),
        *("opened", "closed", "opened", "delete"),
    ]
    assert "session" not in events[-1]


async def test_nothing_is_started_where_a_human_has_the_word(bot: Bot) -> None:
    await start(bot)
    await bot.says("Rui")  # the flow ends, and people take over
    status, answer = await start(bot)
    assert (status, answer["response"]["code"]) == (409, "typebot.silenced")
    assert "bot.handed_over" in answer["response"]["message"][0]
    await change(bot, "opened")
    assert (await start(bot))[0] == 200


async def test_changing_nobodys_session_changes_nothing(bot: Bot) -> None:
    for status in ("opened", "closed", "delete"):
        await change(bot, status)
    assert await bot.house.rows("SELECT id FROM chat") == []
    assert await told(bot, "typebot.change-status") == []


async def test_version_one_gets_its_flow_with_the_sessions(bot: Bot) -> None:
    await start(bot, variables={"answer": "Marina"})
    answer = await change(bot, "paused", headers=V1)
    shown = answer["typebot"]["typebot"]
    assert (answer["typebot"]["instanceName"], shown["typebot"]) == ("loja", "menu")
    (session,) = shown["sessions"]
    assert list(session) == [
        "remoteJid",
        "sessionId",
        "status",
        "createdAt",
        "updateAt",
        "prefilledVariables",
    ]
    assert (session["remoteJid"], session["status"]) == (JID, "paused")
    assert session["prefilledVariables"]["answer"] == "Marina"
    assert await bot.house.ok("GET", "/typebot/find/loja", headers=V1) == shown


async def test_a_session_is_shown_in_evolutions_form(bot: Bot) -> None:
    await start(bot)
    (row,) = await bot.house.ok("GET", "/typebot/fetchSessions/all/loja")
    assert list(row) == SESSION
    number, _, session = row["sessionId"].partition("-")
    assert number.isdigit()
    assert session in bot.typebot.sessions
    assert (row["status"], row["awaitUser"], row["type"]) == ("opened", True, "typebot")
    assert "apiKey" not in row["parameters"]
    (flow_row,) = await bot.house.ok("GET", "/typebot/find/loja")
    assert row["botId"] == flow_row["id"]
    assert await bot.house.ok("GET", f"/typebot/fetchSessions/{flow_row['id']}/loja") == [row]
    other = await bot.add("aviso", triggerType="none")
    assert await bot.house.ok("GET", f"/typebot/fetchSessions/{other['id']}/loja") == []


async def test_a_flow_that_is_deleted_takes_its_sessions_along(bot: Bot) -> None:
    await start(bot)
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    await bot.house.ok("DELETE", f"/typebot/delete/{row['id']}/loja")
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    await bot.says("Rui")
    assert bot.calls() == []


@pytest.mark.parametrize("paused", [False, True])
async def test_a_session_that_goes_with_its_flow_is_told_of_once(bot: Bot, paused: bool) -> None:
    await start(bot)
    if paused:
        await change(bot, "paused")
    before = len(await told(bot, "typebot.change-status"))
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    await bot.house.ok("DELETE", f"/typebot/delete/{row['id']}/loja")
    assert (await told(bot, "typebot.change-status"))[before:] == [
        {"remoteJid": JID, "status": "delete"}
    ]


async def test_a_flow_that_is_switched_off_lets_its_sessions_end(bot: Bot) -> None:
    await start(bot)
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    off = {"url": row["url"], "typebot": "menu", "triggerType": "none", "enabled": False}
    await bot.house.ok("PUT", f"/typebot/update/{row['id']}/loja", json=off)
    await bot.says("Rui")
    assert bot.asked == ["Rui"]


async def test_version_ones_switch_ends_all_sessions(bot: Bot) -> None:
    await start(bot)
    await change(bot, "paused", jid=f"{RUI}@s.whatsapp.net")
    await bot.house.ok("POST", "/typebot/set/loja", json={"enabled": False})
    left = await bot.house.ok("GET", "/typebot/fetchSessions/all/loja")
    # Whom a human has the word with keeps it, without a session.
    assert [(one["remoteJid"], one["status"]) for one in left] == [
        (f"{RUI}@s.whatsapp.net", "paused")
    ]
    assert "-" not in left[0]["sessionId"]


# -- handing over and resuming ------------------------------------------------------------------


async def test_a_flow_hands_over_while_typebot_still_works(bot: Bot) -> None:
    await start(bot, "pede")
    key = await key_of_flow(bot)
    slow = bot.typebot.faults.hang(60, times=1)
    await bot.house.graph.customer_writes(MARINA, "Rui")
    await bot.typebot.wait_for(lambda: bool(bot.calls()))
    answer = await bot.house.ok(
        "POST",
        "/typebot/handoff/loja",
        key=key,
        json={"team": "Vendas", "labels": "lead, bot", "note": "Quer um orçamento."},
    )
    assert answer == {"instanceName": "loja", "remoteJid": JID, "status": "accepted"}
    slow.off()
    await bot.house.quiet()
    assert bot.heard[1:] == ["Vou chamar alguém."]  # what the flow said until then is not lost
    assert bot.house.graph.sent[-1].type == "text"  # and nothing more is asked
    assert (await bot.talk()).state.phase is Phase.PAUSED
    (conversation,) = bot.house.chats()
    assert (conversation.status, set(conversation.labels)) == ("open", {"lead", "bot"})
    assert any("Quer um orçamento." in note for note in bot.notes)
    await bot.says("oi?")
    assert len(bot.heard) == 2


@pytest.mark.parametrize(("action", "status"), [("resolve", "resolved"), ("pending", "pending")])
async def test_a_flow_ends_its_conversation_as_it_is_asked_to(
    bot: Bot, action: str, status: str
) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    await bot.house.ok("POST", "/typebot/handoff/loja", key=key, json={"action": action})
    await bot.house.quiet()
    (conversation,) = bot.house.chats()
    assert conversation.status == status
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    await bot.says("Rui")
    assert bot.calls() == []


async def test_a_handover_between_two_calls_counts_at_once(bot: Bot) -> None:
    await start(bot)
    await bot.house.ok("POST", "/typebot/handoff/loja", json={"remoteJid": JID})
    await bot.house.quiet()
    assert (await bot.talk()).state.phase is Phase.PAUSED
    await bot.says("Rui")
    assert bot.calls() == []
    status, answer = await bot.house.call(
        "POST", "/typebot/handoff/loja", json={"remoteJid": JID, "action": "resolve"}
    )
    assert (status, answer["response"]["code"]) == (409, "typebot.no_session")


@pytest.mark.parametrize("calling", [False, True], ids=["between two calls", "while it is asked"])
async def test_without_chatwoot_a_handover_silences_the_flow_until_the_word_is_given_back(
    tmp_path: Path, calling: bool
) -> None:
    async with flow_house(tmp_path, MORE, HELLO, order=NO_CHATWOOT) as bot:
        await bot.says("oi")
        if calling:
            bot.typebot.faults.hang(60, times=1)
            await bot.house.graph.customer_writes(MARINA, "Rui")
            await bot.typebot.wait_for(lambda: bool(bot.calls()))
        await bot.house.ok("POST", "/typebot/handoff/loja", json={"remoteJid": JID})
        bot.typebot.faults.clear()
        await bot.house.quiet()
        heard = len(bot.heard)
        state = (await bot.talk()).state
        assert (state.phase, state.has_session) == (Phase.PAUSED, False)
        await bot.says("alguém?")
        assert len(bot.heard) == heard
        await change(bot, "opened")
        await bot.says("oi")
        assert bot.heard[heard:] == ["Seu nome?"]


async def test_a_paused_session_that_is_closed_is_over(bot: Bot) -> None:
    await start(bot)
    await change(bot, "paused")
    await change(bot, "closed")
    assert [one["status"] for one in await told(bot, "typebot.change-status")] == [
        *("opened", "paused", "closed"),
    ]
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []
    assert (await start(bot))[0] == 200


async def test_nobody_unknown_is_handed_over(bot: Bot) -> None:
    for path in ("handoff", "resume"):
        status, answer = await bot.house.call(
            "POST", f"/typebot/{path}/loja", json={"remoteJid": JID}
        )
        assert (status, answer["response"]["code"]) == (404, "typebot.no_chat")


async def test_an_event_goes_to_the_flow_that_listens_for_it(bot: Bot) -> None:
    await start(bot, "espera")
    key = await key_of_flow(bot)
    body = {"data": {"event": "pago"}}
    answer = await bot.house.ok("POST", "/typebot/resume/loja", key=key, json=body)
    assert answer["status"] == "accepted"
    await bot.house.quiet()
    assert bot.heard == ["Um momento.", "Você disse pago."]
    assert bot.asked == ['{"data":{"event":"pago"}}']


async def test_an_event_for_which_no_flow_listens_is_refused(bot: Bot) -> None:
    await start(bot)
    status, answer = await bot.house.call("POST", "/typebot/resume/loja", json={"remoteJid": JID})
    assert (status, answer["response"]["code"]) == (409, "typebot.not_listening")
    assert bot.calls() == []


# -- who may ------------------------------------------------------------------------------------


async def test_the_key_of_a_flow_opens_its_own_chat_and_nothing_else(bot: Bot) -> None:
    await bot.house.ok(
        "POST",
        "/instance/create",
        json={
            "instanceName": "outra",
            "integration": "WHATSAPP-BAILEYS",
            "token": "key-of-outra",
        },
    )
    await start(bot)
    key = await key_of_flow(bot)
    mine = {"status": "paused"}
    assert (await bot.house.call("POST", "/typebot/changeStatus/loja", key=key, json=mine))[
        0
    ] == 200
    own = mine | {"remoteJid": JID}
    assert (await bot.house.call("POST", "/typebot/changeStatus/loja", key=key, json=own))[0] == 200
    other = mine | {"remoteJid": f"{RUI}@s.whatsapp.net"}
    status, answer = await bot.house.call("POST", "/typebot/changeStatus/loja", key=key, json=other)
    assert (status, answer["response"]["code"]) == (403, "typebot.other_chat")
    closed = [
        ("POST", "/typebot/changeStatus/outra"),
        ("POST", "/typebot/handoff/outra"),
        ("POST", "/typebot/start/loja"),
        ("GET", "/typebot/find/loja"),
        ("GET", "/typebot/fetchSessions/all/loja"),
        ("GET", "/instance/fetchInstances"),
        ("GET", "/instance/events/loja"),
        ("DELETE", "/instance/delete/loja"),
        ("POST", "/instance/create"),
    ]
    for method, path in closed:
        status, answer = await bot.house.call(method, path, key=key, json=mine)
        assert (status, answer["response"]["code"]) == (401, "request.unauthorized"), path
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    for tampered in (wrong, key.replace("flow_", "flow_0"), key + "0"):
        status, _ = await bot.house.call(
            "POST", "/typebot/changeStatus/loja", key=tampered, json=mine
        )
        assert status == 401


async def test_the_key_of_a_flow_ends(bot: Bot) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    bot.house.clock.ahead_seconds += 8 * 24 * 3600
    status, answer = await bot.house.call(
        "POST", "/typebot/changeStatus/loja", key=key, json={"status": "paused"}
    )
    assert status == 401
    assert "time of this flow key is over" in answer["response"]["message"][0]


async def test_what_a_flow_does_with_its_key_is_in_the_audit_log(bot: Bot) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    await bot.house.ok("POST", "/typebot/handoff/loja", key=key, json={})
    rows = await bot.house.ok("GET", "/audit")
    assert ("flow of loja", "typebot.handoff") in {(row["actor"], row["action"]) for row in rows}


async def test_sessions_of_another_instance_do_not_exist(bot: Bot) -> None:
    await bot.house.ok(
        "POST",
        "/instance/create",
        json={
            "instanceName": "outra",
            "integration": "WHATSAPP-BAILEYS",
            "token": "key-of-outra",
        },
    )
    await start(bot)
    before = await bot.talk()
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    key = "key-of-outra"
    for name in ("all", row["id"]):
        path = f"/typebot/fetchSessions/{name}"
        assert await bot.house.ok("GET", f"{path}/outra", key=key) == []
        assert (await bot.house.call("GET", f"{path}/loja", key=key))[0] == 401
    one = {"remoteJid": JID}
    for path, body in (
        ("changeStatus", one | {"status": "closed"}),
        ("handoff", one),
        ("resume", one),
        ("start", one | {"url": bot.typebot.url, "typebot": "menu"}),
    ):
        assert (await bot.house.call("POST", f"/typebot/{path}/loja", key=key, json=body))[0] == 401
    for path, body in (("changeStatus", one | {"status": "closed"}), ("handoff", one)):
        await bot.house.call("POST", f"/typebot/{path}/outra", key=key, json=body)
    assert await bot.talk() == before


# -- being told -----------------------------------------------------------------------------------


async def test_who_speaks_the_first_versions_words_is_told_in_them(bot: Bot) -> None:
    entry = bot.house.service.directory.by_name("loja")
    assert entry is not None

    def work(unit: Unit) -> None:
        unit.db.execute("UPDATE instance SET dialect='v1' WHERE id=?", (entry.id,))

    await bot.house.service.store.write(work)
    await bot.house.service.directory.refresh(entry.id)
    await start(bot, variables={"answer": "Marina"})
    (event,) = await told(bot, "typebot.start")
    assert event["prefilledVariables"]["answer"] == "Marina"
    (opened,) = await told(bot, "typebot.change-status")
    assert list(opened) == ["remoteJid", "status", "url", "typebot", "session"]
    assert (opened["url"], opened["typebot"]) == (bot.typebot.url, "menu")


async def test_the_end_of_a_flow_is_told_though_people_take_over_then(bot: Bot) -> None:
    await start(bot, variables={"answer": "Marina"})
    await bot.says("Rui")
    assert (await bot.talk()).state.phase is Phase.PAUSED
    _, closed, paused = await told(bot, "typebot.change-status")
    assert [closed["status"], paused["status"]] == ["closed", "paused"]
    assert [closed["session"]["status"], paused["session"]["status"]] == ["closed", "paused"]
    assert list(closed["session"]) == SESSION
    assert closed["session"]["parameters"]["answer"] == "Marina"  # what it was, to its end
    assert "apiKey" not in closed["session"]["parameters"]


async def test_the_word_given_back_is_told_as_opened_where_no_session_is_left(bot: Bot) -> None:
    await start(bot)
    await bot.says("Rui")
    before = len(await told(bot, "typebot.change-status"))
    await change(bot, "opened")
    assert (await told(bot, "typebot.change-status"))[before:] == [
        {"remoteJid": JID, "status": "opened"}
    ]
    await start(bot)
    assert (await told(bot, "typebot.change-status"))[-1]["session"]["status"] == "opened"


async def test_a_conversation_that_is_resolved_ends_a_paused_session_once(bot: Bot) -> None:
    await start(bot)
    await bot.says("oi")  # the flow is over: a person has the word
    await change(bot, "opened")
    await start(bot)
    (chat,) = bot.house.chats()
    bot.house.chat.agent_writes(chat.id, "Oi, sou a Ana")
    await bot.house.quiet()
    before = len(await told(bot, "typebot.change-status"))
    bot.house.chat.resolve(chat.id)
    await bot.house.quiet()
    events = (await told(bot, "typebot.change-status"))[before:]
    assert [event["status"] for event in events] == ["closed"]


@pytest.mark.parametrize("blank", ["", " ", None])
async def test_a_flow_whose_address_is_empty_means_its_own_chat(bot: Bot, blank: Any) -> None:
    """`{{remoteJid}}` of a flow that does not declare the variable is an empty text."""
    await start(bot)
    key = await key_of_flow(bot)
    body = {"status": "Paused", "remoteJid": blank}
    await bot.house.ok("POST", "/typebot/changeStatus/loja", key=key, json=body)
    assert (await bot.talk()).state.phase is Phase.PAUSED
    status, answer = await bot.house.call("POST", "/typebot/changeStatus/loja", json=body)
    assert (status, answer["response"]["message"]) == (
        400,
        ['instance requires property "remoteJid"'],
    )


async def test_a_start_takes_the_link_of_a_flow_and_blanks_for_variables(bot: Bot) -> None:
    link = f"{bot.typebot.url}/menu?utm_source=painel"
    for place in ({"typebot": link}, {"url": f"{bot.typebot.url}/menu"}):
        status, answer = await start(bot, variables="", **place)
        shown = answer["typebot"]["typebot"]
        assert (status, shown["url"], shown["typebot"]) == (200, bot.typebot.url, "menu")
    assert bot.heard == ["Olá, !"] * 2
    # It is the stored flow, whose settings hold.
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    (session,) = await bot.house.ok("GET", f"/typebot/fetchSessions/{row['id']}/loja")
    assert session["remoteJid"] == JID


async def test_a_session_that_expires_is_told_of(bot: Bot) -> None:
    (row,) = await bot.house.ok("GET", "/typebot/find/loja")
    waits = {"url": row["url"], "typebot": "menu", "triggerType": "none", "expire": 5}
    await bot.house.ok("PUT", f"/typebot/update/{row['id']}/loja", json=waits)
    body = {"remoteJid": JID, "url": bot.typebot.url, "typebot": "menu"}
    await bot.house.ok("POST", "/typebot/start/loja", json=body)
    await bot.reaches(lambda talk: talk.state.phase is Phase.WAITING)
    await bot.house.pass_time(6 / 60)
    statuses = [event["status"] for event in await told(bot, "typebot.change-status")]
    assert statuses == ["opened", "closed"]
    assert await bot.house.ok("GET", "/typebot/fetchSessions/all/loja") == []


@pytest.mark.parametrize("status", ["opened", "paused", "closed", "delete"])
async def test_no_flow_takes_the_word_from_people_with_its_key(bot: Bot, status: str) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    (chat,) = bot.house.chats()
    bot.house.chat.agent_writes(chat.id, "Oi, sou a Ana")
    await bot.house.quiet()
    body = {"status": status}
    answer = await bot.house.ok("POST", "/typebot/changeStatus/loja", key=key, json=body)
    pause = (await bot.talk()).state.pause
    assert pause is not None
    assert pause.reason == "agent_wrote"
    if status in {"opened", "paused"}:
        assert answer["bot"]["bot"]["silencedBy"] == "bot.agent_wrote"


async def test_what_a_flow_pauses_it_may_open_again(bot: Bot) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    for status in ("paused", "opened"):
        body = {"status": status}
        await bot.house.ok("POST", "/typebot/changeStatus/loja", key=key, json=body)
    assert (await bot.talk()).state.is_live


async def test_a_flow_calls_with_its_key_so_often_and_not_more(bot: Bot) -> None:
    await start(bot)
    key = await key_of_flow(bot)
    body = {"status": "paused"}
    for _ in range(300):
        status, answer = await bot.house.call(
            "POST", "/typebot/changeStatus/loja", key=key, json=body
        )
        if status != 200:
            break
    assert (status, answer["response"]["code"]) == (429, "typebot.too_many_calls")
    await bot.house.ok("POST", "/typebot/changeStatus/loja", json=body | {"remoteJid": JID})
