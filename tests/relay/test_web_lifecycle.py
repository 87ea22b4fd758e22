"""Numbers on WhatsApp Web in a whole house: connected, broken and ended, at every moment."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CoroutineType

import pytest

from bridge.core.connection import LinkState
from bridge.core.instance import Behaviour, Proxy
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import jpeg
from bridge.whatsapp.web.attempt import Phase
from support.bridge_house import NAME
from support.sessions import QR_ORDER, change
from support.toy_phone import Times
from support.web_house import NUMBER, WebHouse, asks_until, is_alive, web_house
from support.whatsapp_web import Companion, Person, required

required()

BOB = "5511900000002"
#: Beside the first ones at once, nothing is tried again for an hour.
PATIENT = {
    "engine": {"retry_delays_seconds": [0.0, 3600, 3600]},
    "relay": {"uncertain_after_seconds": 10},
}

PARTNER = "the-partner-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {PARTNER}"}


async def holds(is_so: Callable[[], object], why: str = "it never came to that") -> None:
    async def asked() -> bool:
        return bool(is_so())

    await asks_until(asked, lambda: why)


async def arrives(it: WebHouse, written: str) -> Message:
    """What a customer wrote, as it stands in Chatwoot."""

    def found() -> list[Message]:
        return [one for one in it.house.chat.messages() if one.source_id == f"WAID:{written}"]

    await it.house.chat.wait_for(lambda: bool(found()), 20)
    return found()[0]


def bob(it: WebHouse) -> Person:
    return it.double.person(BOB, name="Bob")


def kill(it: WebHouse) -> int:
    """Kill the one worker that there is; gives what it was."""
    (pid,) = it.workers()
    os.kill(pid, signal.SIGKILL)
    return pid


def left_behind() -> list[str]:
    """What of ours still runs in the event loop."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    places = [one.cr_code.co_filename for one in coroutines if isinstance(one, CoroutineType)]
    return [one for one in places if "/bridge/whatsapp/" in one or "/bridge/relay/" in one]


async def in_phase(it: WebHouse, phase: str) -> Companion | None:
    """Bring a number that is not connected into a phase; gives who was linked."""
    if phase == "starting":
        asking = asyncio.ensure_future(it.house.call("GET", f"/instance/connect/{NAME}"))
        await holds(it.workers)
        it.later.append(asking)
        return None
    if phase in ("code", "pairing"):
        code = (await it.code())["code"]
        if phase == "code":
            return None
        it.later.append(asyncio.ensure_future(it.phone.scan(code)))
        supervisor = it.channel().supervisor
        async with asyncio.timeout(20):
            while (now := supervisor._attempt) is None or now.phase is not Phase.PAIRING:  # noqa: ASYNC110
                await asyncio.sleep(0)
        return None
    companion = await it.scanned()
    if phase == "lost":
        it.double.refuse_logins(503)
        it.double.drop()
        await it.reaches(LinkState.CONNECTING)
    return companion


PHASES = ("starting", "code", "pairing", "open", "lost")


# -- the end of the service ---------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
async def test_stopping_leaves_no_worker_and_keeps_the_session(tmp_path: Path, phase: str) -> None:
    async with web_house(tmp_path) as it:
        await in_phase(it, phase)
        workers = it.workers()
        assert workers

        await it.house.stop()

        assert not any(is_alive(pid) for pid in workers)
        assert left_behind() == []
        await it.finished()
        it.double.accept_logins()
        await it.house.start()
        if phase in ("pairing", "open", "lost"):
            await it.reaches(LinkState.OPEN)
        else:
            assert (await it.code())["count"] == 1


@pytest.mark.parametrize("phase", PHASES)
async def test_deleting_leaves_nothing(tmp_path: Path, phase: str) -> None:
    async with web_house(tmp_path) as it:
        companion = await in_phase(it, phase)
        workers = it.workers()
        assert workers

        await it.house.ok("DELETE", f"/instance/delete/{NAME}")

        assert not any(is_alive(pid) for pid in workers)
        assert await asyncio.to_thread(it.folders) == []
        assert companion is None or phase != "open" or not companion.is_linked
        await it.finished()
        it.double.accept_logins()
        await it.house.create(**QR_ORDER)
        assert (await it.code())["count"] == 1


# -- restarting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
async def test_restarting_gives_another_worker(tmp_path: Path, phase: str) -> None:
    async with web_house(tmp_path) as it:
        await in_phase(it, phase)
        before = it.workers()
        it.double.accept_logins()

        told = await it.house.ok("POST", f"/instance/restart/{NAME}")

        if phase in ("starting", "code"):
            assert told["count"] == 1
            await it.phone.scan(told["code"])
        await it.reaches(LinkState.OPEN)
        assert len(it.workers()) == 1
        assert it.workers() != before
        await it.finished()


# -- what takes a person ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "fields", "words", "is_linked"),
    [
        pytest.param(401, {}, "shows a new QR code", False, id="unlinked"),
        pytest.param(402, {"code": "101", "expire": "3600"}, "banned", True, id="banned"),
        pytest.param(403, {}, "locked or banned", False, id="locked"),
        pytest.param(405, {}, "whatsapp_web.revision", True, id="outdated"),
        pytest.param(440, {}, "Another program", True, id="replaced"),
    ],
)
async def test_what_a_person_has_mended_needs_no_restart_of_the_service(
    tmp_path: Path, reason: int, fields: dict[str, str], words: str, is_linked: bool
) -> None:
    async with web_house(tmp_path) as it:
        companion = await it.scanned()
        if reason == 440:
            await companion.replaced()
        else:
            it.double.refuse_logins(reason, **fields)
            it.double.drop()
        assert words in (await it.reaches(LinkState.CLOSED))["reason"]
        assert it.workers() == []
        logins = companion.logins

        it.double.accept_logins()
        if is_linked:
            assert (await it.code())["instance"]["state"] == "open"
            assert companion.logins == logins + 1
        else:
            companion = await it.scanned()
        customer = bob(it)
        assert (await arrives(it, await customer.writes(companion, "Oi"))).content == "Oi"


async def test_a_phone_that_removes_us_while_we_are_away_is_heard_at_the_start(
    tmp_path: Path,
) -> None:
    async with web_house(tmp_path) as it:
        companion = await it.scanned()
        await it.house.stop()
        await it.phone.unlink(companion)

        await it.house.start()

        assert "removed this device" in (await it.reaches(LinkState.CLOSED))["reason"]
        await it.scanned()


async def test_an_attempt_that_never_got_through_ends_with_a_logout(tmp_path: Path) -> None:
    async with web_house(tmp_path, times=Times(start_seconds=2)) as it:
        it.double.faults.silent = True
        asking = asyncio.ensure_future(it.house.call("GET", f"/instance/connect/{NAME}"))
        await holds(it.workers)
        (first,) = it.workers()
        await holds(lambda: it.workers() not in ([], [first]), "no second worker")
        await holds(lambda: it.channel().supervisor._is_paired is not None)

        await it.house.ok("DELETE", f"/instance/logout/{NAME}")

        assert (await asking)[0] == 503
        assert (await it.told())["state"] == "close"
        assert it.workers() == []


async def test_a_connection_that_does_not_open_after_the_scan_is_made_anew(tmp_path: Path) -> None:
    async with web_house(tmp_path, times=Times(pairing_seconds=1)) as it:
        code = (await it.code())["code"]
        (first,) = it.workers()
        it.double.refuse_logins(503)
        await it.phone.scan(code)
        await holds(lambda: it.workers() not in ([], [first]), "no second worker")

        it.double.accept_logins()

        await it.reaches(LinkState.OPEN)
        names = await it.house.rows("SELECT name FROM event WHERE name='qrcode.updated'")
        assert len(names) == 1


async def test_a_trial_that_ends_takes_its_number_from_the_phone(tmp_path: Path) -> None:
    options = {"z_api": {"partner_token": PARTNER}}
    async with web_house(tmp_path, provisioned=False, options=options) as it:
        made = await it.house.ok(
            "POST",
            "/instances/integrator/on-demand",
            key=None,
            headers=BEARER,
            json={"name": "Loja"},
        )
        path = f"/instances/{made['id']}/token/{made['token']}"

        async def scanned() -> Companion:
            shown = await it.house.ok("GET", f"{path}/qr-code", key=None)
            companion = await it.phone.scan(shown["value"])
            await it.reaches(LinkState.OPEN, made["id"])
            return companion

        first = await scanned()
        assert (await it.house.ok("GET", f"{path}/status", key=None))["connected"]
        await it.house.ok("GET", f"{path}/disconnect", key=None)
        assert not first.is_linked
        assert not (await it.house.ok("GET", f"{path}/status", key=None))["connected"]
        second = await scanned()

        await it.house.pass_time(47)  # it is warned of
        await it.house.pass_time(2)

        await holds(lambda: not second.is_linked)
        await holds(lambda: it.workers() == [])
        await asks_until(
            lambda: asyncio.to_thread(lambda: it.folders() == []), lambda: "a folder is left"
        )


# -- settings -----------------------------------------------------------------------------------


async def test_with_another_proxy_the_worker_before_has_gone_when_the_next_one_starts(
    tmp_path: Path,
) -> None:
    async with web_house(tmp_path) as it:
        companion = await it.scanned()
        (before,) = it.workers()
        port = it.double.tunnel.port

        await change(it.house, lambda now: replace(now, proxy=Proxy(host="127.0.0.1", port=port)))
        await companion.again()
        await it.reaches(LinkState.OPEN)

        (after,) = it.workers()
        assert after != before
        told = await it.house.rows("SELECT data FROM event WHERE name='connection.update'")
        assert not any('"statusReason":500' in one["data"] for one in told)


async def test_a_number_shows_as_online_only_when_it_is_to(tmp_path: Path) -> None:
    async with web_house(tmp_path) as it:
        companion = await it.scanned()
        (worker,) = it.workers()
        shown: list[str | None] = []

        def presence(state: str) -> Callable[[], bool]:
            def is_last() -> bool:
                shown[:] = [one.get("type") for one in companion.said if one.tag == "presence"]
                return shown[-1:] == [state]

            return is_last

        async def online(wanted: bool) -> None:
            await change(
                it.house, lambda now: replace(now, behaviour=Behaviour(always_online=wanted))
            )

        await it.phone.shares_settings()
        await it.double.journal.until(presence("unavailable"), "it shows as away")
        await online(True)
        await it.double.journal.until(presence("available"), "it shows as online")
        await online(False)
        await it.double.journal.until(presence("unavailable"), "it shows as away again")

        assert shown.count("available") == 1
        assert it.workers() == [worker]
        (known,) = await it.house.ok("GET", "/instance/fetchInstances")
        assert known["ownerJid"] == f"{NUMBER}@s.whatsapp.net"
        assert known["profileName"] == "Loja"


async def test_what_shall_not_wait_for_a_connection_fails_at_once(tmp_path: Path) -> None:
    async with web_house(tmp_path) as it:
        companion = await it.scanned()
        customer = bob(it)
        chat = (await arrives(it, await customer.writes(companion, "Oi"))).conversation
        await change(it.house, lambda now: replace(now, fail_when_disconnected=True))

        async def fails(text: str) -> None:
            written = it.house.chat.agent_writes(chat.id, text)
            await it.house.status(written, "failed")
            assert "not connected" in written.content_attributes["external_error"]

        it.double.refuse_logins(503)
        it.double.drop()
        await it.reaches(LinkState.CONNECTING)
        await fails("lost")
        it.double.accept_logins()
        await it.reaches(LinkState.OPEN)
        await it.phone.unlink(companion)
        await it.reaches(LinkState.CLOSED)
        await fails("unlinked")

        await change(it.house, lambda now: replace(now, fail_when_disconnected=False))
        it.house.chat.agent_writes(chat.id, "this one waits")
        await it.scanned()
        assert (await customer.next_message()).text == "this one waits"
        assert len(customer.inbox) == 1


# -- a worker that dies takes nothing with it ---------------------------------------------------


async def test_a_file_that_a_dead_worker_was_fetching_arrives_once_it_is_connected(
    tmp_path: Path,
) -> None:
    async with web_house(tmp_path, options=PATIENT) as it:
        companion = await it.scanned()
        customer, media = bob(it), it.double.media
        data = jpeg(64, 48, grey=180)
        file = media.put(data, kind="image", mime="image/jpeg")
        media.gate = asyncio.Event()
        written = await customer.sends(companion, file)
        await holds(lambda: file.path in media.downloads)

        it.double.refuse_logins(503)
        kill(it)
        media.gate.set()
        cause = "SELECT 1 FROM job WHERE cause='whatsapp.disconnected' AND attempts=2"
        await asks_until(lambda: it.house.rows(cause), lambda: "it was not tried again")
        it.double.accept_logins()

        assert [one.data for one in (await arrives(it, written)).attachments] == [data]


async def test_what_a_dead_worker_was_uploading_is_sent_once(tmp_path: Path) -> None:
    async with web_house(tmp_path, options=PATIENT) as it:
        companion = await it.scanned()
        customer, media = bob(it), it.double.media
        chat = (await arrives(it, await customer.writes(companion, "Oi"))).conversation
        media.gate, before = asyncio.Event(), media.begun
        data = jpeg(32, 32, grey=90)
        sent = it.house.chat.agent_writes(chat.id, "", attachments=[("a.jpg", data, "image/jpeg")])
        await holds(lambda: media.begun > before)

        kill(it)
        media.gate.set()

        came = await customer.next_message()
        assert media.read(came.message.imageMessage, "image") == data
        await it.house.status(sent, "sent")
        assert len(customer.inbox) == 1


async def test_who_was_being_looked_up_by_a_dead_worker_is_written_to_once(tmp_path: Path) -> None:
    async with web_house(tmp_path, options=PATIENT) as it:
        await it.scanned()
        customer = bob(it)
        it.double.faults.silent = True
        contact = it.house.chat.agent_creates_contact("Bob", phone_number=f"+{BOB}")
        it.house.chat.agent_starts_conversation(contact.id, it.house.inbox.id, "Olá")
        await it.asked("usync")

        kill(it)
        it.double.faults.silent = False

        assert (await customer.next_message()).text == "Olá"
        await it.house.quiet()
        assert len(customer.inbox) == 1


# -- many, and while others fail ----------------------------------------------------------------


async def test_ten_numbers_are_created_and_connected_at_once(tmp_path: Path) -> None:
    async with web_house(tmp_path, provisioned=False) as it:
        phones = {f"loja{n}": it.double.phone(f"55119000001{n:02}") for n in range(10)}

        async def connected(name: str) -> None:
            order = it.house.order(
                instanceName=name, qrcode=True, chatwootNameInbox=f"Inbox {name}", **QR_ORDER
            )
            made = await it.house.ok("POST", "/instance/create", json=order)
            await phones[name].scan(made["qrcode"]["code"])
            await it.reaches(LinkState.OPEN, name)

        await asyncio.gather(*(connected(name) for name in phones))
        workers = it.workers()
        assert len(workers) == 10
        await it.house.stop()
        assert not any(is_alive(pid) for pid in workers)
        await it.house.start()
        await asyncio.gather(*(it.reaches(LinkState.OPEN, name) for name in phones))


async def test_a_chatwoot_that_hangs_holds_up_no_number(tmp_path: Path) -> None:
    async with web_house(tmp_path) as it:
        it.house.chat.faults.hang(60)

        await it.scanned()
        await it.phone.unlink()
        await it.reaches(LinkState.CLOSED)
        await it.house.stop()

        assert it.workers() == []
        it.house.chat.faults.clear()
        await it.house.start()
