"""Connecting a number over the API: QR codes, states, restart, logout, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import PeerDown, PeerTimeout
from support.bridge_house import MARINA, NAME, House, bridge_house
from support.qr_channel import OWNER, QrPhone, QrPhones

NUMBER = "5511987650009"


@asynccontextmanager
async def qr_house(
    tmp_path: Path, *, wait: float = 5, **more: Any
) -> AsyncIterator[tuple[House, QrPhone]]:
    """A house with one instance that is connected by QR code, and its phone."""
    phones = QrPhones()
    order = {"integration": "WHATSAPP-BAILEYS", "token": None, "number": None, "businessId": None}
    async with bridge_house(
        tmp_path,
        order=order | more.pop("order", {}),
        channels=phones.kinds,
        options={"api": {"qr_wait_seconds": wait}},
        **more,
    ) as house:
        yield house, phones[NAME]


async def state(house: House) -> dict[str, Any]:
    body = await house.ok("GET", f"/instance/connectionState/{NAME}")
    return body["instance"]


async def reaches(house: House, wanted: str) -> dict[str, Any]:
    """Wait until the connection is in this state, as its events tell it."""
    moved = asyncio.Event()
    house.service.events.listen(lambda _happened: moved.set())
    async with asyncio.timeout(10):
        while (found := await state(house))["state"] != wanted:
            await moved.wait()
            moved.clear()
    return found


async def happened(house: House, after: int = 0) -> list[tuple[str, Any]]:
    rows = await house.ok("GET", f"/instance/events/{NAME}?after={after}")
    return [(row["event"], row["data"]) for row in rows]


async def connect(house: House, query: str = "") -> Any:
    return await house.ok("GET", f"/instance/connect/{NAME}{query}")


def start_conversation(house: House) -> int:
    """A conversation that nobody has written in; gives its id."""
    marina = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
    return house.chat.agent_starts_conversation(marina.id, house.inbox.id, "oi").id


async def fail_when_disconnected(house: House) -> None:
    await house.service.instances.change_options(
        house.service.instances.entry(NAME),
        lambda now: replace(now, fail_when_disconnected=True),
    )


async def waits(house: House, count: int) -> None:
    """Wait until so many messages wait, the first of them having been tried."""
    async with asyncio.timeout(10):
        while True:
            rows = await house.rows(
                "SELECT cause FROM job WHERE kind='outbound' AND state='waiting' ORDER BY id"
            )
            if len(rows) == count and rows[0]["cause"]:
                assert rows[0]["cause"] == "channel.disconnected"
                return


async def open_up(house: House, phone: QrPhone) -> None:
    await connect(house)
    phone.scan()
    await reaches(house, "open")


async def test_connect_answers_with_the_first_code_and_its_picture(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        body = await connect(house)

        assert body["code"] == "2@code-1"
        assert body["count"] == 1
        assert body["pairingCode"] is None
        assert body["base64"].startswith("data:image/png;base64,")
        assert (await state(house))["state"] == "connecting"
        assert phone.calls == ["connect"]


async def test_callers_at_the_same_time_share_the_attempt_and_its_code(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        bodies = await asyncio.gather(*(connect(house) for _ in range(8)))

        assert {body["code"] for body in bodies} == {"2@code-1"}
        assert phone.calls == ["connect"]


async def test_connect_shows_the_code_that_is_valid_now(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        phone.show_code()
        moved = asyncio.Event()
        house.service.events.listen(lambda _happened: moved.set())
        async with asyncio.timeout(10):
            while (body := await connect(house))["count"] == 1:
                await moved.wait()

        assert (body["code"], body["count"]) == ("2@code-2", 2)
        assert phone.calls == ["connect"]


async def test_a_number_gives_a_pairing_code(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        body = await connect(house, "?number=%2B55%2011%2098765-0009")

        assert body["pairingCode"] == "PAIR0009"
        assert phone.calls == [f"connect {NUMBER}"]


async def test_a_number_during_an_attempt_asks_for_a_pairing_code_too(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        bodies = await asyncio.gather(*(connect(house, f"?number={NUMBER}") for _ in range(3)))

        assert [body["pairingCode"] for body in bodies] == ["PAIR0009"] * 3
        assert phone.calls == ["connect", f"connect {NUMBER}"]


@pytest.mark.parametrize("number", ["abc", "123", "9" * 16, "5511987650009@s.whatsapp.net"])
async def test_what_is_no_number_is_refused(tmp_path, number):
    async with qr_house(tmp_path) as (house, phone):
        status, body = await house.call("GET", f"/instance/connect/{NAME}?number={number}")

        assert (status, body["response"]["code"]) == (400, "number.invalid")
        assert phone.calls == []


async def test_scanning_opens_and_connect_answers_with_the_state(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        assert await connect(house) == {"instance": {"instanceName": NAME, "state": "open"}}
        assert phone.calls == ["connect"]


async def test_nothing_within_the_wait_is_told_and_the_attempt_goes_on(tmp_path):
    async with qr_house(tmp_path, wait=0.05) as (house, phone):
        phone.is_silent = True
        status, body = await house.call("GET", f"/instance/connect/{NAME}")
        assert (status, body["response"]["code"]) == (503, "connection.no_qr")
        assert (await state(house))["state"] == "connecting"

        phone.show_code()
        async with asyncio.timeout(10):
            while (await house.call("GET", f"/instance/connect/{NAME}"))[0] != 200:
                pass
        assert phone.calls == ["connect"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [(PeerDown("The proxy refuses us."), 500), (PeerTimeout("No answer."), 408)],
)
async def test_a_channel_that_cannot_begin_says_why_and_can_be_tried_again(tmp_path, failure, code):
    async with qr_house(tmp_path) as (house, phone):
        phone.connect_fails.append(failure)
        status, body = await house.call("GET", f"/instance/connect/{NAME}")

        assert (status, body["response"]["code"]) == (503, "connection.closed")
        assert str(failure) in body["response"]["message"][0]
        assert await state(house) == {
            "instanceName": NAME,
            "state": "close",
            "reason": str(failure),
        }
        assert (
            "connection.update",
            {"instance": NAME, "state": "close", "statusReason": code},
        ) in (await happened(house))
        assert (await connect(house))["count"] == 1


async def test_codes_that_nobody_scans_end_refused_until_somebody_connects_again(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        phone.give_up()
        found = await reaches(house, "refused")
        assert "connect" in found["reason"]

        assert (await connect(house))["code"] == "2@code-2"
        assert (await state(house))["state"] == "connecting"


async def test_logout_ends_the_session_and_a_second_one_is_refused(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        body = await house.ok("DELETE", f"/instance/logout/{NAME}")
        assert body == {
            "status": "SUCCESS",
            "error": False,
            "response": {"message": "Instance logged out"},
        }
        assert (await state(house))["state"] == "close"
        assert phone.paired is False

        status, body = await house.call("DELETE", f"/instance/logout/{NAME}")
        assert status == 400
        assert body["response"]["message"] == [f'The "{NAME}" instance is not connected']


async def test_a_logout_that_fails_is_no_success(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.logout_fails = PeerDown("The phone is away.")

        status, _ = await house.call("DELETE", f"/instance/logout/{NAME}")

        assert status == 502
        assert (await state(house))["state"] == "open"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("before", ["close", "connecting", "refused", "open"])
async def test_restart_works_from_every_state(tmp_path, method, before):
    async with qr_house(tmp_path) as (house, phone):
        if before != "close":
            await connect(house)
        if before == "refused":
            phone.give_up()
            await reaches(house, "refused")
        if before == "open":
            phone.scan()
            await reaches(house, "open")
        count = len(phone.calls)

        body = await house.ok(method, f"/instance/restart/{NAME}")

        begins = "restart" if before in ("connecting", "open") else "connect"
        assert phone.calls[count:] == [begins]
        if before == "open":
            assert body == {"instance": {"instanceName": NAME, "state": "open"}}
        else:
            assert body["code"].startswith("2@code-")


async def test_restart_answers_with_the_state_in_version_one(tmp_path):
    async with qr_house(tmp_path) as (house, _phone):
        body = await house.ok("PUT", f"/instance/restart/{NAME}", headers={"X-Api-Dialect": "v1"})

        assert body == {"instance": {"instanceName": NAME, "state": "connecting"}}


async def test_restarts_at_the_same_time_are_one(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        await asyncio.gather(*(house.ok("POST", f"/instance/restart/{NAME}") for _ in range(2)))

        assert phone.calls[0] == "connect"
        assert set(phone.calls[1:]) == {"restart"}
        assert (await state(house))["state"] == "open"


async def test_the_presence_is_set_while_connected(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        path = f"/instance/setPresence/{NAME}"
        status, _ = await house.call("POST", path, json={"presence": "available"})
        assert status == 400

        await open_up(house, phone)
        assert await house.ok("POST", path, json={"presence": "unavailable"}) == {
            "presence": "unavailable"
        }
        assert [str(one) for one in phone.presences] == ["unavailable"]

        for wrong in ({}, {"presence": "asleep"}, {"presence": 1}):
            status, _ = await house.call("POST", path, json=wrong)
            assert status == 400


async def test_events_are_kept_in_order_with_evolutions_bodies_and_without_codes(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        live: list[Any] = []
        house.service.events.listen(live.append)
        await connect(house, f"?number={NUMBER}")
        phone.show_code()
        phone.scan()
        await reaches(house, "open")
        phone.drop(428, "The socket was closed.", again=True)
        await reaches(house, "connecting")
        phone.scan()
        await reaches(house, "open")
        await house.ok("DELETE", f"/instance/logout/{NAME}")

        told = [one for one in await happened(house) if not one[0].startswith("instance.")]
        opened = {
            "instance": NAME,
            "state": "open",
            "statusReason": 200,
            "wuid": OWNER,
            "profileName": "Loja",
            "profilePictureUrl": "https://pps.example/loja.jpg",
        }
        assert [name for name, _ in told] == [
            "connection.update",
            "qrcode.updated",
            "qrcode.updated",
            "connection.update",
            "connection.update",
            "connection.update",
            "status.instance",
            "connection.update",
            "logout.instance",
        ]
        assert [data for name, data in told if name == "connection.update"] == [
            {"instance": NAME, "state": "connecting", "statusReason": 200},
            opened,
            {"instance": NAME, "state": "connecting", "statusReason": 428},
            opened,
            {"instance": NAME, "state": "close", "statusReason": 401},
        ]
        assert [data for name, data in told if name == "qrcode.updated"] == [
            {"qrcode": {"instance": NAME, "count": 1}},
            {"qrcode": {"instance": NAME, "count": 2}},
        ]
        assert told[-1] == ("logout.instance", None)
        stored = str(await house.rows("SELECT * FROM event"))
        stored += str(await house.rows("SELECT * FROM connection"))
        assert "2@code" not in stored
        assert "PAIR0009" not in stored
        # Listeners get the codes, in the same order.
        shown = [one.data["qrcode"] for one in live if one.name == "qrcode.updated"]
        assert [(one["code"], one["pairingCode"]) for one in shown] == [
            ("2@code-1", "PAIR0009"),
            ("2@code-2", None),
        ]
        assert [one.name for one in live if not one.name.startswith("instance.")] == [
            name for name, _ in told
        ]


async def test_events_are_read_page_by_page(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        path = f"/instance/events/{NAME}"
        everything = await house.ok("GET", path)

        pages, after = [], 0
        while page := await house.ok("GET", f"{path}?after={after}&limit=1"):
            pages += page
            after = page[-1]["id"]

        assert pages == everything
        for wrong in ("after=-1", "limit=0", "limit=1001", "after=x"):
            assert (await house.call("GET", f"{path}?{wrong}"))[0] == 400


async def test_a_restart_of_the_service_keeps_the_last_state(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.drop(440, "Another device took over.")
        before = await reaches(house, "close")

        async with house.stopped():
            pass

        assert await state(house) == before
        assert phone.calls == ["connect", "leave"]


async def test_an_open_connection_is_taken_up_again_after_a_restart(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        async with house.stopped():
            assert phone.calls[-1] == "leave"

        await reaches(house, "open")
        assert phone.calls == ["connect", "leave", "connect"]


async def test_what_waited_for_the_connection_goes_out_in_order_once_it_is_open(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        conversation = start_conversation(house)
        for text in ("um", "dois"):
            house.chat.agent_writes(conversation, text)
        await waits(house, 3)
        assert phone.texts == []

        await open_up(house, phone)
        await phone.has_sent(3)

        assert phone.texts == ["oi", "um", "dois"]
        await house.quiet()
        assert set((await house.balance()).values()) == {0}


async def test_a_message_fails_at_once_while_disconnected_where_that_is_wanted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await fail_when_disconnected(house)
        start_conversation(house)
        message = house.chat.messages()[-1]
        await house.status(message, "failed")

        assert "not connected" in (message.content_attributes.get("external_error") or "")
        await house.quiet()
        await open_up(house, phone)
        assert phone.texts == []
        assert set((await house.balance()).values()) == {0}
