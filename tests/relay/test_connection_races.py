"""Connections when several things happen at once, late, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.core.connection import LinkState, Opened, Presence, QrShown
from bridge.core.instance import Proxy
from bridge.errors import PeerDown, PeerTimeout, Unavailable
from bridge.relay.directory import Entry
from bridge.whatsapp.qr import Qr
from support.bridge_house import MARINA, NAME, House
from support.sessions import change, open_up, qr_house, reaches

FIRST, SECOND = "5511987650011", "5511987650022"


def entry_of(house: House) -> Entry:
    return house.service.instances.entry(NAME)


def connecting(
    house: House, number: str | None = None, wait: float = 60
) -> asyncio.Future[Qr | None]:
    return asyncio.ensure_future(
        house.service.connections.connect(entry_of(house), number, wait=wait)
    )


async def commits(house: House) -> None:
    """Let what was told, and what follows from it, be taken over."""
    for _ in range(3):
        await house.service.store.write(lambda _unit: None)
        for _ in range(10):
            await asyncio.sleep(0)


async def use_proxy(house: House, port: int) -> None:
    proxy = Proxy(host="proxy.example", port=port)
    await change(house, lambda now: replace(now, proxy=proxy))


# -- one session object at a time --------------------------------------------------------------


async def test_two_changes_of_the_proxy_in_a_row_never_have_two_sessions_at_once(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.gates["leave"] = asyncio.Event()
        await use_proxy(house, 3128)
        await phone.called("leave")
        gate = phone.gates.pop("leave")  # the first one hangs, no other

        await use_proxy(house, 3129)
        await commits(house)
        gate.set()
        last = entry_of(house).channel
        await phone.called("leave", 2)
        await phone.called("connect", 2)
        await reaches(house, LinkState.OPEN)

        assert phone.most == 1
        assert phone.live == [last]


async def test_who_comes_with_what_was_known_before_does_not_bring_the_old_session_back(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        before = entry_of(house)
        await use_proxy(house, 3128)
        await phone.called("connect", 2)
        await reaches(house, LinkState.OPEN)

        await house.service.connections.set_presence(before, Presence.AVAILABLE)
        assert await house.service.connections.connect(before, wait=5) is None
        await commits(house)

        assert phone.calls == ["connect", "leave", "connect"]
        assert phone.live == [entry_of(house).channel]


async def test_an_attempt_that_hangs_goes_with_the_session_that_was_replaced(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        gate = phone.gate = asyncio.Event()
        waiting = connecting(house)
        await phone.called("connect")
        phone.gate = None  # the first one hangs, no other
        await use_proxy(house, 3128)
        assert await waiting is not None

        phone.connect_fails.append(PeerDown("The old proxy refuses us."))
        gate.set()
        await commits(house)

        assert phone.most == 1
        assert house.service.connections.view(entry_of(house)).state is LinkState.CONNECTING


async def test_a_session_that_is_being_left_is_left_also_when_the_service_stops(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        gate = phone.gates["leave"] = asyncio.Event()
        await use_proxy(house, 3128)
        await phone.called("leave")

        stopping = asyncio.ensure_future(house.service.connections.stop())
        await asyncio.sleep(0)
        gate.set()
        await stopping

        assert phone.live == []


# -- logging out -------------------------------------------------------------------------------


async def test_logging_out_ends_the_attempt_that_is_under_way(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.gate = asyncio.Event()
        waiting = connecting(house)
        await phone.called("connect")

        await house.ok("DELETE", f"/instance/logout/{NAME}")
        phone.gate.set()

        with pytest.raises(Unavailable, match=r"Logged out|ended"):
            await waiting
        await house.quiet()
        assert phone.count == 0
        assert house.service.connections.view(entry_of(house)).state is LinkState.CLOSED


async def test_connecting_waits_for_a_logout(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        gate = phone.gates["logout"] = asyncio.Event()
        leaving = asyncio.ensure_future(house.ok("DELETE", f"/instance/logout/{NAME}"))
        await phone.called("logout")
        phone.drop(401, "Logged out.")
        await reaches(house, LinkState.CLOSED)

        waiting = connecting(house)
        for _ in range(10):
            await asyncio.sleep(0)
        gate.set()
        assert await waiting is not None
        await leaving

        assert phone.calls == ["connect", "logout", "connect"]
        rows = await house.ok("GET", f"/instance/events/{NAME}")
        told = [row["data"]["state"] for row in rows if row["event"] == "connection.update"]
        assert told[-4:] == ["connecting", "open", "close", "connecting"]


async def test_a_logout_that_fails_leaves_nobody_waiting_for_an_attempt_it_gave_up(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.gate = asyncio.Event()
        phone.logout_fails = PeerTimeout("The phone is away.")
        waiting = connecting(house)
        await phone.called("connect")

        status, _ = await house.call("DELETE", f"/instance/logout/{NAME}")

        assert status == 502
        with pytest.raises(Unavailable, match="phone is away"):
            await waiting


# -- pairing codes -----------------------------------------------------------------------------


async def test_a_code_for_one_number_is_not_given_for_another(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        first, second = connecting(house, FIRST), connecting(house, SECOND)
        await phone.called(f"connect {SECOND}")
        phone.show_code(SECOND)

        codes = [qr and qr.pairing_code for qr in await asyncio.gather(first, second)]

        assert codes == [None, "PAIR0022"]


async def test_a_pairing_code_that_failed_may_be_asked_for_again(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await house.service.connections.connect(entry_of(house), wait=5)
        phone.connect_fails.append(PeerDown("WhatsApp gives no codes now."))

        qr = await house.service.connections.connect(entry_of(house), FIRST, wait=60)
        assert qr is not None
        assert (qr.code, qr.pairing_code) == ("2@code-1", None)

        qr = await house.service.connections.connect(entry_of(house), FIRST, wait=60)
        assert qr is not None
        assert qr.pairing_code == "PAIR0011"


# -- the end -----------------------------------------------------------------------------------


async def test_a_slow_deletion_keeps_nobody_waiting(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        waiting = connecting(house, wait=600)
        await phone.called("connect")
        gate = phone.gates["forget"] = asyncio.Event()

        deleting = asyncio.ensure_future(house.ok("DELETE", f"/instance/delete/{NAME}"))
        with pytest.raises(Unavailable, match="deleted"):
            await waiting

        gate.set()
        await deleting


async def test_a_session_that_cannot_be_forgotten_does_not_outlive_its_instance(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.forget_fails = PeerTimeout("The worker does not answer.")

        await house.ok("DELETE", f"/instance/delete/{NAME}")

        assert phone.calls == ["connect", "logout", "forget", "leave"]
        assert phone.live == []


async def test_nothing_is_connected_while_it_is_being_deleted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        gate = phone.gates["forget"] = asyncio.Event()
        deleting = asyncio.ensure_future(house.ok("DELETE", f"/instance/delete/{NAME}"))
        await phone.called("forget")

        status, body = await house.call("GET", f"/instance/connect/{NAME}")
        gate.set()
        await deleting

        assert (status, body["response"]["code"]) == (503, "connection.closed")
        assert phone.calls == ["forget"]


async def test_what_could_not_be_deleted_may_be_connected_again(tmp_path, monkeypatch):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        write = house.service.store.write

        async def failing(work, *, durable=False):
            if durable and "forget" in phone.calls:
                raise Unavailable("The disk is full.")
            return await write(work, durable=durable)

        with monkeypatch.context() as patch:
            patch.setattr(house.service.store, "write", failing)
            status, _ = await house.call("DELETE", f"/instance/delete/{NAME}")
        assert status == 503

        assert await house.service.connections.connect(entry_of(house), wait=5) is not None


async def test_what_is_told_while_it_is_deleted_makes_no_event_after_it(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        entry = entry_of(house)
        await house.ok("DELETE", f"/instance/delete/{NAME}")

        phone.tell(QrShown(code="2@late"))
        await house.service.connections._states.tell(entry, QrShown(code="2@late")).wait()

        events = await house.rows("SELECT name FROM event ORDER BY id DESC LIMIT 1")
        assert events == [{"name": "instance.delete"}]
        assert await house.rows("SELECT * FROM connection") == []


async def test_stopping_keeps_nobody_waiting(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.is_silent = True
        waiting = connecting(house, wait=600)
        await phone.called("connect")

        async with house.stopped():
            with pytest.raises(Unavailable, match="stops"):
                await waiting


@pytest.mark.parametrize("call", ["leave", "logout"])
async def test_a_channel_that_hangs_does_not_keep_the_service_from_stopping(
    tmp_path, call, monkeypatch
):
    monkeypatch.setattr("bridge.relay.sessions.LEAVE_SECONDS", 0.05)
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.gates[call] = asyncio.Event()
        if call == "logout":
            leaving = asyncio.ensure_future(house.service.connections.logout(entry_of(house)))
            await phone.called("logout")
        await house.stop()

        if call == "logout":
            await asyncio.gather(leaving, return_exceptions=True)
        await house.start()


# -- the start ---------------------------------------------------------------------------------


async def test_a_start_makes_no_channel_of_what_was_not_connected(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await house.ok("DELETE", f"/instance/logout/{NAME}")
        before = phone.channel

        async with house.stopped():
            pass

        assert phone.channel is before


async def test_after_a_start_nothing_counts_as_connected_before_it_is(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        async with house.stopped():
            phone.gate = asyncio.Event()

        view = house.service.connections.view(entry_of(house))
        assert view.state is LinkState.CONNECTING
        phone.gate.set()
        await reaches(house, LinkState.OPEN)


async def test_an_answer_about_an_old_token_says_nothing_of_the_new_one(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    old = entry_of(house)
    asked, gate, link = asyncio.Event(), asyncio.Event(), old.channel.link

    async def slow() -> object:
        try:
            return await link()
        finally:
            asked.set()
            await gate.wait()

    monkeypatch.setattr(old.channel, "link", slow)
    house.graph.access_token = "another-token-of-the-shop"
    asking = asyncio.ensure_future(house.service.connections.ask(old))
    await asked.wait()
    await house.service.instances.set_credentials(
        old, token="another-token-of-the-shop", app_secret=None, verify_token=None
    )
    gate.set()
    await asking

    assert house.service.connections.view(entry_of(house)).state is LinkState.OPEN


# -- messages ----------------------------------------------------------------------------------


async def test_failures_before_a_disconnect_do_not_delay_messages_after_the_reconnect(tmp_path):
    async with qr_house(
        tmp_path, options={"engine": {"breaker_probe_seconds": [3600], "breaker_failures": 1}}
    ) as (house, phone):
        await open_up(house, phone)
        marina = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
        chat = house.chat.agent_starts_conversation(marina.id, house.inbox.id, "um")
        await phone.has_sent(1)
        phone.is_open = False  # gone, and nobody has told us yet
        house.chat.agent_writes(chat.id, "dois")
        async with asyncio.timeout(10):
            while not await house.rows("SELECT 1 FROM job WHERE cause='whatsapp.disconnected'"):
                pass

        phone.drop(428, "The connection broke.", again=True)
        await reaches(house, LinkState.CONNECTING)
        house.chat.agent_writes(chat.id, "três")
        phone.scan()
        await phone.has_sent(3)

        assert phone.texts == ["um", "dois", "três"]


async def test_a_code_of_the_attempt_before_is_not_shown_for_the_new_one(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        assert await connecting(house) is not None
        phone.is_silent = True
        phone.tell(QrShown(code="2@before", count=7))
        await asyncio.sleep(0)  # it is being taken over
        restarting = asyncio.ensure_future(
            house.service.connections.restart(entry_of(house), wait=60)
        )
        await asyncio.sleep(0)
        phone.tell(QrShown(code="2@late", count=8))
        await phone.called("restart")
        await commits(house)
        phone.tell(QrShown(code="2@new", count=1))

        shown = await restarting
        assert shown is not None
        assert shown.code == "2@new"


async def test_news_of_the_connection_before_do_not_open_the_new_one(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.is_silent, phone.paired = True, False  # it tells of the new one when we say so
        restarting = asyncio.ensure_future(
            house.service.connections.restart(entry_of(house), wait=60)
        )
        await asyncio.sleep(0)
        phone.tell(Opened(jid=f"{FIRST}@s.whatsapp.net", picture_url="https://example.org/1.jpg"))
        await phone.called("restart")
        await commits(house)

        assert house.service.connections.view(entry_of(house)).state is LinkState.CONNECTING
        phone.tell(Opened(jid=f"{FIRST}@s.whatsapp.net"))
        assert await restarting is None
