"""What the bot's conversation tells of a number that is connected by QR code."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bridge.app import DATABASE
from bridge.core.connection import Closed, LinkState, Opened
from bridge.locale import LANGUAGES, say
from bridge.relay.announcement_texts import Note, Word, told
from bridge.sim.chatwoot import Conversation, Message
from support.bridge_house import NAME, House
from support.qr_channel import QrPhone
from support.sessions import open_up, qr_house, reaches

PNG = b"\x89PNG\r\n\x1a\n"
GRACE = "bridge.relay.announcing.GRACE_MS"


def bots(house: House) -> Conversation:
    """The bot's conversation."""
    (created,) = [
        one for one in house.chat.messages() if (one.source_id or "").startswith("PONTE:created")
    ]
    return created.conversation


def pictures(house: House) -> list[Message]:
    """The codes that stand there, oldest first."""
    return [
        one
        for one in house.chat.messages()
        if one.attachments and (one.source_id or "").startswith("PONTE:qr:")
    ]


def notes(house: House) -> list[str]:
    return [
        one.content or ""
        for one in bots(house).messages
        if (one.source_id or "").startswith("PONTE:state:")
    ]


async def connect(house: House, number: str | None = None) -> None:
    entry = house.service.instances.entry(NAME)
    await house.service.connections.connect(entry, number, wait=5)


async def shows(house: House, count: int) -> Message:
    """Wait until the only picture is the one of the so-manieth code."""

    def is_so() -> bool:
        found = pictures(house)
        return len(found) == 1 and (found[0].source_id or "").endswith(f":{count}")

    await house.chat.wait_for(is_so)
    return pictures(house)[0]


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def said(house: House, count: int) -> list[str]:
    """Wait until so many notes stand there."""
    await house.chat.wait_for(lambda: len(notes(house)) >= count)
    await house.quiet()
    return notes(house)


# -- the code ----------------------------------------------------------------------------------


async def test_the_code_stands_in_the_bots_conversation_as_a_picture(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await connect(house)

        picture = await shows(house, 1)

        (file,) = picture.attachments
        assert (file.mime, file.filename) == ("image/png", "whatsapp-qr.png")
        assert file.data.startswith(PNG)
        assert picture.message_type == "incoming"
        assert "Scan this QR code" in (picture.content or "")
        assert "type this code" not in (picture.content or "")
        assert bots(house).unread >= 2


async def test_a_pairing_code_stands_below_it_as_phones_show_it(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await connect(house, "5511987650009")

        assert "**PAIR-0009**" in ((await shows(house, 1)).content or "")


async def test_each_code_takes_the_place_of_the_former(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        first = await shows(house, 1)
        phone.show_code()
        await shows(house, 2)
        phone.show_code()
        await shows(house, 3)

        assert first.content_attributes == {"deleted": True}


async def test_a_former_code_that_cannot_be_deleted_goes_with_the_next(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        await shows(house, 1)
        house.chat.faults.fail(500, route="DELETE message", times=1)
        phone.show_code()
        await house.chat.wait_for(lambda: len(pictures(house)) == 2)
        phone.show_code()

        await shows(house, 3)


async def test_a_slow_chatwoot_gets_the_newest_code_and_delays_nothing(tmp_path):
    async with qr_house(tmp_path, options={"chatwoot": {"timeout_seconds": 20}}) as (house, phone):
        house.chat.faults.hang(60, route="POST messages")
        await connect(house)
        for _ in range(5):
            phone.show_code()
        await house.service.connections.logout(house.service.instances.entry(NAME))
        await connect(house)
        house.chat.faults.clear()

        await shows(house, phone.count)

        posted = [one for one in bots(house).messages if ":qr:" in (one.source_id or "")]
        assert len(posted) <= 2  # the one that hung, and the newest


async def test_what_a_killed_run_left_standing_goes_with_the_next_code(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await connect(house)
        await shows(house, 1)
        house.chat.faults.fail(500, route="DELETE message")
        async with house.stopped():
            assert len(pictures(house)) == 1
            house.chat.faults.clear()

        await house.chat.wait_for(
            lambda: len(pictures(house)) == 1 and (pictures(house)[0].source_id or "")[-2:] == ":2"
        )


async def test_no_code_stands_there_while_the_service_is_down(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await connect(house)
        await shows(house, 1)
        async with house.stopped():
            assert pictures(house) == []


async def test_a_chatwoot_that_hangs_does_not_hold_the_end_of_the_service(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.relay.qr_pictures.STOP_SECONDS", 0.05)
    async with qr_house(tmp_path, options={"chatwoot": {"timeout_seconds": 50}}) as (house, _):
        await connect(house)
        await shows(house, 1)
        house.chat.faults.hang(60, route="DELETE message")
        async with asyncio.timeout(10):
            await house.stop()
        house.chat.faults.clear()


async def test_the_first_code_of_a_create_stands_there_too(tmp_path):
    async with qr_house(tmp_path, provisioned=False) as (house, _):
        made = await house.create(
            integration="WHATSAPP-BAILEYS", token=None, number=None, businessId=None, qrcode=True
        )

        assert made["qrcode"]["count"] == 1
        await shows(house, 1)


async def test_no_code_is_on_disk_or_in_the_log(tmp_path, capfd):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house, "5511987650009")
        await shows(house, 1)
        phone.scan()
        await said(house, 1)

    logged = "".join(capfd.readouterr())
    kept = await asyncio.to_thread(everything_in, tmp_path)
    for secret in ("2@code-1", "PAIR0009", "PAIR-0009"):
        assert secret not in logged
        assert secret.encode() not in kept
    assert PNG not in kept


async def test_without_a_bots_conversation_nothing_is_said(tmp_path):
    async with qr_house(tmp_path, provisioned=False) as (house, phone):
        order = {"integration": "WHATSAPP-BAILEYS", "token": None, "number": None}
        chatwoot = dict.fromkeys(
            ("chatwootAccountId", "chatwootToken", "chatwootUrl", "chatwootNameInbox")
        )
        switches = dict.fromkeys(
            (
                "chatwootSignMsg",
                "chatwootReopenConversation",
                "chatwootConversationPending",
                "chatwootMergeBrazilContacts",
            )
        )
        await house.create(**order, **chatwoot, **switches, businessId=None)
        await open_up(house, phone)
        phone.drop(401)
        await reaches(house, LinkState.CLOSED)
        await house.quiet()

        assert house.chat.messages() == []
        assert await house.rows("SELECT 1 FROM job WHERE kind='announce'") == []


# -- notes -------------------------------------------------------------------------------------


async def test_a_scan_takes_the_code_away_and_tells_who_is_connected(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        await shows(house, 1)
        phone.scan()

        assert await said(house, 1) == [
            "🚀 *loja* is connected to WhatsApp: +55 11 98765-0009 (Loja)."
        ]
        await house.chat.wait_for(lambda: pictures(house) == [])


async def test_nobody_scanned_tells_how_to_ask_anew(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        await shows(house, 1)
        phone.give_up()

        (note,) = await said(house, 1)
        assert "Nobody scanned" in note
        assert "write `qr` in this conversation" in note
        await house.chat.wait_for(lambda: pictures(house) == [])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(401, "was logged out", id="logged out"),
        pytest.param(403, "has blocked *loja*. See", id="banned"),
        pytest.param(405, "has to update Ponte", id="outdated"),
        pytest.param(440, "opened elsewhere", id="replaced"),
        pytest.param(500, "`ponte instances show`", id="our own trouble"),
        pytest.param(499, "no longer connected to WhatsApp: Too \\*many\\*", id="another"),
    ],
)
async def test_an_end_is_told_with_its_reason_and_what_to_do(tmp_path, code, words):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.drop(code, "Too *many*")

        note = (await said(house, 2))[-1]
        assert words in note


async def test_a_ban_tells_when_it_ends(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.tell(Closed(code=403, reason="Banned.", until=1_795_000_000_000))

        assert "has blocked *loja* until 2026-11-18, 11:06 (UTC)." in (await said(house, 2))[-1]


@pytest.mark.parametrize("code", [408, 500, 503, 515])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_lasts_is_told_in_the_words_of_agents(language, code):
    note = Note(word=Word.LOST, code=code, reason="The engine's own words.")
    text = told(language, note, instance="loja")
    assert "own words" not in text
    assert say(language, f"bot.why.{code}") in text


async def test_an_end_is_told_once_however_often_somebody_tries(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.is_silent = True
        for _ in range(3):
            phone.drop(440, "Elsewhere.")
            await reaches(house, LinkState.CLOSED)
            phone.paired = False
            entry = house.service.instances.entry(NAME)
            attempt = asyncio.ensure_future(house.service.connections.connect(entry, wait=5))
            await reaches(house, LinkState.CONNECTING)
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
        await house.quiet()

        assert sum("opened elsewhere" in one for one in notes(house)) == 1


async def lose(house: House, phone: QrPhone, times: int = 1) -> None:
    for _ in range(times):
        phone.drop(428, again=True)
        await reaches(house, LinkState.CONNECTING)
        phone.scan()
        await reaches(house, LinkState.OPEN)


async def look(house: House, minutes: float) -> list[str]:
    """So much later; gives what has been said by then."""
    house.clock.ahead_seconds += minutes * 60
    await house.service.alerts.look()
    await house.quiet()
    return notes(house)


async def test_short_breaks_are_not_mentioned_but_many_are_counted_in_one_notice(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await lose(house, phone, 2)
        assert len(await look(house, 20)) == 1

        await lose(house, phone, 5)
        assert (
            "*loja* is unstable: it was lost 3 times within 20 minutes"
            in (await look(house, 30))[-1]
        )
        async with house.stopped():
            pass
        await reaches(house, LinkState.OPEN)
        await lose(house, phone)
        assert len(await look(house, 55)) == 2

        stable = (await look(house, 6))[-1]
        assert "is stable again: it was lost 8 times within 50 minutes" in stable
        assert len(await look(house, 600)) == 3
        await lose(house, phone, 2)
        assert len(await look(house, 0)) == 3


async def test_an_unstable_number_that_stays_away_is_mentioned_after_ten_minutes(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        announcing = house.service.connections._announcing
        still_lost = partial(announcing._still_lost, house.service.instances.entry(NAME).id)
        await open_up(house, phone)
        await lose(house, phone, 2)
        phone.drop(428, again=True)
        view = await reaches(house, LinkState.CONNECTING)
        assert "unstable" in (await look(house, 5))[-1]

        assert await house.service.store.write(still_lost) == view.changed_at + 600_000
        assert len(await look(house, 6)) == 2
        assert await house.service.store.write(still_lost) is None
        assert "no connection to WhatsApp for more than 11 minutes" in (await look(house, 0))[-1]


async def test_who_connects_anew_hears_nothing_of_what_was_before(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await lose(house, phone, 3)
        assert "unstable" in (await look(house, 0))[-1]
        phone.drop(401)
        assert "was logged out" in (await said(house, 3))[-1]
        await open_up(house, phone)

        assert len(await look(house, 600)) == 4
        await lose(house, phone, 2)
        assert len(await look(house, 1)) == 4


async def test_a_long_break_is_mentioned_once_and_so_is_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(GRACE, 20)
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.drop(428, "The network is gone.", again=True)
        assert "no connection" in (await said(house, 2))[-1]
        phone.drop(408, again=True)
        await reaches(house, LinkState.CONNECTING)
        phone.scan()

        assert [one.split()[0] for one in await said(house, 3)] == ["🚀", "⚠️", "✅"]


async def test_a_code_that_waits_to_be_scanned_is_no_broken_connection(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        waiting = house.service.connections._announcing._waiting
        await open_up(house, phone)
        phone.drop(428, again=True)
        await reaches(house, LinkState.CONNECTING)
        assert len(waiting) == 1

        phone.show_code()
        await shows(house, 2)

        assert waiting == {}


async def test_a_note_that_is_a_day_old_is_no_news(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await said(house, 1)
        house.chat.faults.fail(503, route="POST messages")
        phone.drop(401)
        await reaches(house, LinkState.CLOSED)
        await house.stop()
        house.chat.faults.clear()
        house.clock.ahead_seconds += 25 * 3600
        await house.start()
        await house.quiet()

        assert len(notes(house)) == 1


async def test_notes_outlive_a_chatwoot_that_is_down_and_a_restart(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await said(house, 1)
        house.chat.faults.fail(503, route="POST messages")
        phone.drop(401)
        await reaches(house, LinkState.CLOSED)
        await house.stop()
        house.chat.faults.clear()
        await house.start()

        assert "was logged out" in (await said(house, 2))[-1]


async def test_a_note_whose_answer_was_lost_is_not_posted_twice(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await said(house, 1)
        house.chat.faults.reset(route="POST messages", times=1, acts=True)
        phone.drop(401)
        await said(house, 2)

        assert len(notes(house)) == 2


async def test_after_a_restart_it_is_connected_again_only_if_it_was_said_to_be_lost(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(GRACE, 20)
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await said(house, 1)
        monkeypatch.setattr(GRACE, 60_000)
        async with house.stopped():
            pass
        await reaches(house, LinkState.OPEN)
        await house.quiet()
        assert len(notes(house)) == 1

        monkeypatch.setattr(GRACE, 20)
        phone.drop(428, again=True)
        await said(house, 2)
        async with house.stopped():
            pass
        assert "connected again" in (await said(house, 3))[-1]


async def test_a_code_is_shown_in_a_new_conversation_when_the_former_was_deleted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        house.chat.delete_conversation(bots(house).id)
        await connect(house)
        await shows(house, 1)
        house.chat.delete_conversation(bots(house).id)
        phone.show_code()
        await shows(house, 2)


async def test_a_code_that_a_killed_run_left_standing_goes_at_the_next_start(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        await shows(house, 1)
        house.chat.faults.fail(500, route="DELETE message")
        phone.is_silent = True
        await house.quiet()
        await house.stop()
        assert len(pictures(house)) == 1
        house.chat.faults.clear()
        with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
            db.execute("UPDATE connection SET state='close'")
            db.execute("UPDATE room SET qr_message_id=0")  # killed before it learnt the id
        await house.start()

        await house.chat.wait_for(lambda: pictures(house) == [])
        async with asyncio.timeout(30):
            while await house.rows("SELECT 1 FROM room WHERE qr_message_id IS NOT NULL"):
                pass


async def test_the_bots_conversation_is_not_relayed(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await said(house, 1)
        house.chat.agent_writes(bots(house).id, "obrigado")
        await house.quiet()

        assert phone.sent == []
        assert phone.texts == []


async def test_names_of_others_are_no_markdown(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await connect(house)
        phone.tell(Opened(jid="5511987650009@s.whatsapp.net", profile_name="*Loja*\n# [x](y)"))

        assert r"(\*Loja\* # [x\](y))" in (await said(house, 1))[0]


async def test_deleting_the_instance_ends_it_all(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await connect(house)
        await shows(house, 1)
        await house.ok("DELETE", f"/instance/delete/{NAME}")
        await house.quiet()

        assert await house.rows("SELECT 1 FROM job WHERE kind='announce'") == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("word", list(Word))
@pytest.mark.parametrize("code", [None, 401, 403, 405, 440, 500])
def test_every_note_is_filled_in(language, word, code):
    note = Note(word=word, code=code, reason="{reason}", profile_name="{0}", owner_jid="x@y")

    text = told(language, note, instance="loja {centro}/`x`")

    assert "loja {centro}" in text
    assert "{name}" not in text
    if word is Word.NOT_SCANNED:
        assert "`qr`" in text
