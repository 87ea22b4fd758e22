"""Sessions over the life of the service, channels that are asked, and what is not relayed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge.core.connection import LinkState, QrShown
from bridge.core.instance import Behaviour, Proxy
from bridge.errors import PeerDown, Unavailable
from bridge.sim.graph import Route, faults
from support.bridge_house import MARINA, META_TOKEN, NAME, RUI, House, bridge_house
from support.sessions import QR_ORDER, change, open_up, qr_house, reaches

# -- sessions ----------------------------------------------------------------------------------


async def test_changed_settings_reach_the_session_without_a_reconnect(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        behaviour = Behaviour(reject_call=True)

        await change(house, lambda now: replace(now, behaviour=behaviour))
        await phone.called("behave")

        assert phone.behaviours == [behaviour]
        assert phone.calls.count("connect") == 1


async def test_a_changed_proxy_replaces_the_channel_and_never_has_two_at_once(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = phone.channel

        await change(house, lambda now: replace(now, proxy=Proxy(host="proxy.example", port=3128)))
        await phone.called("connect", 2)
        await reaches(house, LinkState.OPEN)

        assert phone.channel is not first
        assert [call for call in phone.calls if call != "behave"] == ["connect", "leave", "connect"]


async def test_a_channel_that_was_replaced_is_heard_no_more(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = phone.channel
        assert first is not None

        await change(house, lambda now: replace(now, proxy=Proxy(host="proxy.example", port=3128)))
        await phone.called("connect", 2)
        await reaches(house, LinkState.OPEN)
        before = await house.rows("SELECT * FROM event")
        first.hear(QrShown(code="2@old", count=9))
        await open_up(house, phone)

        assert await house.rows("SELECT * FROM event") == before


async def test_deleting_ends_the_session_on_the_phone_and_forgets_it(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        await house.ok("DELETE", f"/instance/delete/{NAME}")

        assert phone.calls == ["connect", "logout", "forget"]
        assert await house.rows("SELECT * FROM connection") == []


async def test_deleting_ends_the_wait_of_whoever_connects(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        entry = house.service.instances.entry(NAME)
        waiting = asyncio.ensure_future(house.service.connections.connect(entry, wait=60))
        await phone.called("connect")

        await house.service.connections.forget(entry)

        with pytest.raises(Unavailable):
            await waiting
        assert phone.calls == ["connect", "forget"]


async def test_an_attempt_does_not_outlive_its_instance(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.gate = asyncio.Event()
        entry = house.service.instances.entry(NAME)
        waiting = asyncio.ensure_future(house.service.connections.connect(entry, wait=60))
        await phone.called("connect")

        await house.service.connections.forget(entry)
        phone.gate.set()

        with pytest.raises(Unavailable):
            await waiting
        await house.quiet()
        assert phone.count == 0


async def test_a_phone_that_cannot_be_reached_does_not_keep_its_instance_alive(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.logout_fails = PeerDown("The phone is away.")

        await house.ok("DELETE", f"/instance/delete/{NAME}")

        assert phone.calls == ["connect", "logout", "forget"]


@pytest.mark.parametrize("code", ["", "2@" + "x" * 5000, "2@código", "2@\ud800"])
async def test_a_code_that_is_none_ends_the_attempt_with_a_reason(tmp_path, code):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        entry = house.service.instances.entry(NAME)
        waiting = asyncio.ensure_future(house.service.connections.connect(entry, wait=60))
        await phone.called("connect")
        phone.tell(QrShown(code=code))

        with pytest.raises(Unavailable, match="no QR code"):
            await waiting


async def test_a_caller_that_hangs_up_does_not_end_the_attempt(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        entry = house.service.instances.entry(NAME)
        waiting = asyncio.ensure_future(house.service.connections.connect(entry, wait=60))
        await phone.called("connect")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        phone.show_code()
        qr = await house.service.connections.connect(entry, wait=60)

        assert qr is not None
        assert qr.code == "2@code-1"
        assert phone.calls == ["connect"]


async def test_a_bug_in_a_channel_is_a_failed_attempt(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.connect_fails.append(KeyError("socket"))  # type: ignore[arg-type]  # a bug
        entry = house.service.instances.entry(NAME)

        with pytest.raises(Unavailable, match="The channel failed"):
            await house.service.connections.connect(entry, wait=60)

        assert await house.service.connections.connect(entry, wait=60) is not None


async def test_what_happens_during_a_failing_database_is_stored_once_it_works(
    tmp_path, monkeypatch
):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        write, failures = house.service.store.write, [Unavailable("The disk is full.")]

        async def failing(work, **options):
            if failures:
                raise failures.pop()
            return await write(work, **options)

        monkeypatch.setattr(house.service.store, "write", failing)
        phone.drop(440, "Another device took over.")
        await reaches(house, LinkState.CLOSED)

        (row,) = await house.rows("SELECT state, code FROM connection")
        assert row == {"state": "close", "code": 440}


async def test_codes_do_not_reach_the_log(tmp_path, caplog, capsys):
    async with qr_house(tmp_path) as (house, phone):
        entry = house.service.instances.entry(NAME)
        qr = await house.service.connections.connect(entry, "5511987650009", wait=5)
        phone.scan()
        await reaches(house, LinkState.OPEN)

    told = caplog.text + "".join(capsys.readouterr()) + repr(qr)
    assert "2@code" not in told
    assert "PAIR0009" not in told


async def test_a_channel_that_went_missing_is_closed_and_says_so(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        async with house.stopped():
            house.channels = {}

        body = await house.ok("GET", f"/instance/connectionState/{NAME}")
        assert body["instance"]["state"] == "close"
        assert "WHATSAPP-BAILEYS is not installed" in body["instance"]["reason"]


# -- channels that are not installed -----------------------------------------------------------


async def test_messages_for_a_missing_channel_wait_with_the_reason(tmp_path):
    async with bridge_house(tmp_path, order=QR_ORDER) as house:
        marina = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
        house.chat.agent_starts_conversation(marina.id, house.inbox.id, "oi")
        async with asyncio.timeout(10):
            while True:
                rows = await house.rows("SELECT state, cause FROM job WHERE kind='outbound'")
                if rows and rows[0]["cause"]:
                    break

        assert rows == [{"state": "waiting", "cause": "channel.not_installed"}]
        assert await house.rows("SELECT * FROM ledger") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "connect"), ("POST", "restart"), ("PUT", "restart"), ("DELETE", "logout")],
)
async def test_what_is_not_installed_cannot_be_connected(tmp_path, method, path):
    async with bridge_house(tmp_path, order=QR_ORDER) as house:
        status, body = await house.call(method, f"/instance/{path}/{NAME}")

        assert (status, body["response"]["code"]) == (400, "channel.not_installed")
        assert "WHATSAPP-BAILEYS" in body["response"]["message"][0]


# -- channels that are asked -------------------------------------------------------------------


async def test_a_number_that_is_asked_has_no_session(house: House):
    for method, path, code, body in (
        ("DELETE", "logout", "channel.no_session", None),
        ("POST", "setPresence", "channel.no_presence", {"presence": "available"}),
    ):
        status, answer = await house.call(method, f"/instance/{path}/{NAME}", json=body)
        assert (status, answer["response"]["code"]) == (400, code)


async def test_connecting_a_number_that_is_asked_answers_with_its_state(house: House):
    expected = {"instance": {"instanceName": NAME, "state": "open"}}

    assert await house.ok("GET", f"/instance/connect/{NAME}") == expected
    assert await house.ok("POST", f"/instance/restart/{NAME}") == expected


async def test_a_refused_token_closes_the_number_and_a_mended_one_opens_it(house: House):
    house.graph.access_token = "another"
    body = await house.ok("GET", f"/instance/connectionState/{NAME}")
    assert body["instance"]["state"] == "close"
    assert body["instance"]["reason"]
    status, failed = await house.call("GET", f"/instance/connect/{NAME}")
    assert (status, failed["response"]["code"]) == (503, "connection.closed")

    house.graph.access_token = META_TOKEN
    body = await house.ok("GET", f"/instance/connectionState/{NAME}")
    assert body["instance"] == {"instanceName": NAME, "state": "open"}

    rows = await house.ok("GET", f"/instance/events/{NAME}")
    told = [row["data"] for row in rows if row["event"] == "connection.update"]
    assert [(one["state"], one["statusReason"]) for one in told] == [("close", 403), ("open", 200)]


async def test_a_message_fails_at_once_while_the_token_is_refused_where_that_is_wanted(
    house: House,
):
    chat = await house.talk()
    await change(house, lambda now: replace(now, fail_when_disconnected=True))
    house.graph.access_token = "another"

    message = house.chat.agent_writes(chat.id, "alguém?")
    await house.status(message, "failed")
    await house.quiet()

    house.graph.access_token = META_TOKEN
    assert house.texts == []
    house.chat.agent_retries(message.id)
    await house.sent()
    await house.quiet()
    assert house.texts == ["alguém?"]
    assert set((await house.balance()).values()) == {0}


async def test_a_message_waits_while_the_token_is_refused_otherwise(house: House):
    chat = await house.talk()
    house.graph.access_token = "another"
    house.chat.agent_writes(chat.id, "alguém?")
    async with asyncio.timeout(10):
        while not await house.rows("SELECT 1 FROM job WHERE cause='whatsapp.token'"):
            pass

    house.graph.access_token = META_TOKEN
    assert (await house.ok("GET", f"/instance/connectionState/{NAME}"))["instance"]["state"] == (
        "open"
    )


# -- read marks --------------------------------------------------------------------------------


async def read(house: House) -> None:
    await change(house, lambda now: replace(now, behaviour=Behaviour(read_messages=True)))


async def test_a_customers_message_is_marked_as_read_once_agents_see_it(house: House):
    unmarked = await house.graph.customer_writes(MARINA, "antes")
    await house.quiet()
    await read(house)

    marked = [await house.graph.customer_writes(MARINA, text) for text in ("um", "dois")]
    await house.quiet()

    assert house.graph.reads == marked
    assert unmarked not in house.graph.reads
    assert set((await house.balance()).values()) == {0}


async def test_a_mark_that_is_refused_is_given_up_and_harms_no_message(house: House):
    await read(house)
    house.graph.faults.next(Route.MESSAGES, faults.error(131009))

    await house.graph.customer_writes(MARINA, "um")
    await house.graph.customer_writes(MARINA, "dois")
    await house.quiet()

    assert house.shown() == ["um", "dois"]
    assert len(house.graph.reads) == 1
    assert await house.ok("GET", "/dead-letters") == []


async def test_marks_that_fail_keep_no_message_waiting(tmp_path, monkeypatch):
    async def failing(*_: object) -> None:
        raise PeerDown("WhatsApp marks nothing now.")

    monkeypatch.setattr("bridge.whatsapp.cloud.client.CloudChannel.mark_read", failing)
    engine = {"breaker_failures": 1, "breaker_probe_seconds": [3600]}
    async with bridge_house(tmp_path, options={"engine": engine}) as house:
        await read(house)
        await house.graph.customer_writes(MARINA, "oi")
        async with asyncio.timeout(10):
            while not await house.rows("SELECT 1 FROM job WHERE kind='read_mark' AND cause<>''"):
                pass
        house.chat.agent_writes(house.chats()[0].id, "resposta")
        await house.sent(1)

        assert house.texts == ["resposta"]


# -- what is not relayed -----------------------------------------------------------------------


def in_group(text: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": text}, "group_id": "120363040468224422"}


async def ignored(house: House) -> dict[str, int]:
    events = await house.events()
    return {
        cause: count
        for (road, outcome, cause), count in events.items()
        if (road, outcome) == ("inbound", "ignored")
    }


async def test_groups_are_ignored_when_the_settings_say_so(house: House):
    await change(house, lambda now: replace(now, behaviour=Behaviour(groups_ignore=True)))

    id_ = await house.graph.customer_writes(MARINA, message=in_group("no grupo"))
    await house.graph.customer_writes(MARINA, "a sós")
    await house.quiet()

    assert house.shown() == ["a sós"]
    assert await ignored(house) == {"groups_ignored": 1}
    story = await house.ok("GET", f"/why?message={id_}")
    assert "groups_ignored" in str(story)
    assert set((await house.balance()).values()) == {0}


@pytest.mark.parametrize(
    ("jids", "shown"),
    [
        (["@g.us"], ["de Marina", "de Rui"]),
        (["@s.whatsapp.net"], ["no grupo"]),
        ([f"{MARINA}@s.whatsapp.net"], ["de Rui", "no grupo"]),
        (["551187650001@s.whatsapp.net"], ["de Rui", "no grupo"]),
        (["120363040468224422@g.us"], ["de Marina", "de Rui"]),
        (["", "@", "x" * 200, "5511987650009@s.whatsapp.net"], ["de Marina", "de Rui", "no grupo"]),
    ],
)
async def test_single_chats_are_ignored_by_their_address(house: House, jids, shown):
    changes = {"enabled": True, "ignoreJids": jids}
    await house.ok("POST", f"/chatwoot/set/{NAME}", json=changes)

    await house.graph.customer_writes(MARINA, "de Marina")
    await house.graph.customer_writes(RUI, "de Rui")
    await house.graph.customer_writes(RUI, message=in_group("no grupo"))
    await house.quiet()

    assert sorted(text.split("\n")[-1] for text in house.shown()) == shown
    assert (await ignored(house)).get("jid_ignored", 0) == 3 - len(shown)
    assert set((await house.balance()).values()) == {0}
