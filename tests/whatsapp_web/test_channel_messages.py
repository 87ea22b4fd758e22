"""What goes over a number's channel, over a toy engine: messages, files, receipts, courtesies."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.clock import ManualClock, utc
from bridge.core.connection import Presence
from bridge.core.content import Media, MediaKind, Text
from bridge.core.instance import Behaviour
from bridge.core.message import Called, DeliveryState, Event, Received, StatusReported, Unhandled
from bridge.core.outgoing import OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.errors import (
    Certainty,
    PeerBroke,
    PeerDown,
    PeerError,
    PeerGone,
    PeerRefused,
    TooBig,
    Unavailable,
)
from bridge.whatsapp.channel import Accepted, Fate, Profile, Quote
from support.toy_phone import Line, Times, failure, toy_line

ANA = "5511987650001@s.whatsapp.net"
TEXT = OutgoingText(body="olá")


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with toy_line(tmp_path) as made:
        await made.opened()
        yield made


def written(id_: str, body: str = "oi", **changes: Any) -> dict[str, Any]:
    """The data of a `message` event."""
    values: dict[str, Any] = {
        "id": id_,
        "chat": "77@lid",
        "chat_pn": ANA,
        "sender": "77@lid",
        "sender_pn": ANA,
        "from_me": False,
        "group": False,
        "at_ms": 1_790_000_000_000,
        "push_name": "Ana",
        "message": {"conversation": body},
    }
    return values | changes


def ids(events: list[Event]) -> list[str]:
    return [one.id for one in events if isinstance(one, Received)]


# -- sending ------------------------------------------------------------------------------------


async def test_a_text_is_sent_under_our_key(line: Line) -> None:
    accepted = await line.channel.send(Party(lid="77", wa_id="5511987650001"), TEXT, key="key-1")
    assert accepted == Accepted(id="3EB0-key-1", wa_id="5511987650001", lid="77")
    sent = line.phone.last("send")
    assert sent.pop("until_ms") > 0
    assert sent == {"to": "77@lid", "message": {"conversation": "olá"}, "key": "key-1"}
    assert "check" not in line.phone.ops


async def test_the_first_message_goes_to_the_spelling_that_exists(line: Line) -> None:
    line.phone.answers["check"] = lambda args: {
        "found": [
            {"query": n, "jid": f"{n}@s.whatsapp.net", "exists": len(n) == 12, "lid": "88@lid"}
            for n in args["numbers"]
        ]
    }
    accepted = await line.channel.send(Party(wa_id="5531987650001"), TEXT, key="k1")
    assert accepted.wa_id == "553187650001"
    assert line.phone.last("send")["to"] == "553187650001@s.whatsapp.net"
    await line.channel.send(Party(wa_id="5531987650001"), TEXT, key="k2")
    assert line.phone.ops.count("check") == 1


async def test_who_is_known_to_the_engine_is_not_looked_up(line: Line) -> None:
    line.phone.answers["resolve"] = lambda _: {"lid": "77@lid", "pn": None}
    accepted = await line.channel.send(Party(wa_id="4915123456789"), TEXT, key="k")
    assert accepted.wa_id == "4915123456789"
    assert "check" not in line.phone.ops


async def test_a_number_without_whatsapp_is_refused_for_good_and_asked_anew_next_time(
    line: Line,
) -> None:
    line.phone.answers["check"] = lambda _: {"found": []}
    for times in (1, 2):
        with pytest.raises(PeerRefused) as caught:
            await line.channel.send(Party(wa_id="5511987650001"), TEXT, key="k")
        assert caught.value.certainty is Certainty.NOT_DONE
        assert line.phone.ops.count("check") == times
    assert "send" not in line.phone.ops


async def test_a_lookup_that_fails_has_sent_nothing(line: Line) -> None:
    line.phone.answers["check"] = lambda _: failure("timeout", certainty="unknown")
    with pytest.raises(PeerError) as caught:
        await line.channel.send(Party(wa_id="5511987650001"), TEXT, key="k")
    assert caught.value.certainty is Certainty.NOT_DONE


async def test_a_file_goes_by_its_path(line: Line) -> None:
    file = OutgoingMedia(
        media=MediaKind.IMAGE, path="/spool/x", mime="image/png", filename="x.png", caption="foto"
    )
    await line.channel.send(Party(group="120363000000000001@g.us"), file, key="k")
    sent = line.phone.last("send")
    assert sent["to"] == "120363000000000001@g.us"
    assert sent["attach"] == {"field": "imageMessage", "path": "/spool/x", "kind": "image"}
    assert sent["message"]["imageMessage"]["caption"] == "foto"


async def test_an_answer_carries_what_it_answers(line: Line) -> None:
    quote = Quote(id="ABC", by_us=True, text="oi")
    await line.channel.send(Party(lid="77"), TEXT, key="k", reply_to=quote)
    context = line.phone.last("send")["message"]["extendedTextMessage"]["contextInfo"]
    assert context["stanzaID"] == "ABC"
    assert context["participant"] == "5511987650009@s.whatsapp.net"


async def test_an_edit_is_a_send_under_our_key(line: Line) -> None:
    await line.channel.edit(Party(lid="77"), "3EB0AA", TEXT, key="key-1")
    sent = line.phone.last("send")
    protocol = sent["message"]["editedMessage"]["message"]["protocolMessage"]
    assert (sent["to"], sent["key"], protocol["key"]["ID"]) == ("77@lid", "key-1", "3EB0AA")
    assert protocol["editedMessage"] == {"conversation": "olá"}
    assert int(protocol["timestampMS"]) > 0


async def test_members_of_a_group_are_asked_for_once(line: Line) -> None:
    line.phone.answers["group"] = lambda _: {"members": [{"jid": "77@lid", "pn": ANA}]}
    content = OutgoingText(body="@5511987650001 olá")
    for key in ("1", "2"):
        await line.channel.send(Party(group="120363000000000001@g.us"), content, key=key)
        said = line.phone.last("send")["message"]["extendedTextMessage"]
        assert (said["text"], said["contextInfo"]) == ("@77 olá", {"mentionedJID": ["77@lid"]})
    assert line.phone.ops.count("group") == 1


async def test_a_worker_that_dies_in_the_middle_of_a_send_leaves_it_unknown(line: Line) -> None:
    line.phone.answers["send"] = lambda _: None
    sending = asyncio.ensure_future(line.channel.send(Party(lid="77"), TEXT, key="k"))
    await line.phone.was_asked("send")
    line.phone.crash()
    with pytest.raises(PeerBroke) as caught:
        await sending
    assert caught.value.certainty is Certainty.UNKNOWN
    await line.ear.hears("open", 2)


async def test_a_worker_that_dies_in_the_middle_of_anything_else_has_done_nothing(
    line: Line,
) -> None:
    line.phone.answers["group"] = lambda _: None
    asking = asyncio.ensure_future(line.channel.profile(Party(group="120363000000000001@g.us")))
    await line.phone.was_asked("group")
    line.phone.crash()
    with pytest.raises(PeerDown) as caught:
        await asking
    assert caught.value.certainty is Certainty.NOT_DONE


async def test_a_send_that_is_not_answered_in_time_ends_the_worker(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(send_seconds=0.2)) as line:
        await line.opened()
        line.phone.answers["send"] = lambda _: None
        with pytest.raises(PeerError) as caught:
            await line.channel.send(Party(lid="77"), TEXT, key="k")
        assert caught.value.certainty is Certainty.UNKNOWN
        await line.ear.hears("open", 2)
        assert len(line.phone.births) == 2


async def test_what_the_worker_says_of_a_failure_is_kept(line: Line) -> None:
    line.phone.answers["send"] = lambda _: failure("not_connected")
    with pytest.raises(PeerDown) as caught:
        await line.channel.send(Party(lid="77"), TEXT, key="k")
    assert (caught.value.cause, caught.value.certainty) == (
        "whatsapp.disconnected",
        Certainty.NOT_DONE,
    )


async def test_a_send_may_begin_as_long_as_there_is_time_to_end_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, Times(send_seconds=90), clock=clock) as line:
        await line.opened()
        await line.channel.send(Party(lid="77"), TEXT, key="key-1")
        await line.channel.revoke(Party(lid="77"), "3EB0", key="key-2")
        limits = [args["until_ms"] - clock.ms() for op, args in line.phone.asked if op == "send"]
    assert limits == [72_000, 72_000]


async def test_a_large_file_has_as_much_time_as_a_slow_line_needs(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "out-1-0"
    path.write_bytes(bytes(1024 * 1024))
    file = OutgoingMedia(
        media=MediaKind.DOCUMENT, path=str(path), mime="application/pdf", filename="a.pdf"
    )
    async with toy_line(tmp_path, Times(send_seconds=90), clock=clock) as line:
        await line.opened()
        await line.channel.send(Party(lid="77"), file, key="key-1")
        assert line.phone.last("send")["until_ms"] - clock.ms() == (90 + 8) * 800


async def test_two_waiters_for_one_key_share_one_send(line: Line) -> None:
    line.phone.answers["send"] = lambda _: None
    sends = [
        asyncio.ensure_future(line.channel.send(Party(lid="77"), TEXT, key="k")) for _ in range(2)
    ]
    await line.phone.was_asked("send")
    line.phone._order(send={"type": "res", "id": "k", "ok": {"id": "3EB0", "at_ms": 1, "to": "x"}})
    assert {one.id for one in await asyncio.gather(*sends)} == {"3EB0"}
    assert line.phone.ops.count("send") == 1


async def test_a_message_is_revoked_where_it_stands(line: Line) -> None:
    await line.channel.revoke(Party(lid="77", wa_id="5511987650001"), "ABC", key="k")
    sent = line.phone.last("send")
    assert (sent["to"], sent["key"]) == ("77@lid", "k")
    assert sent["message"]["protocolMessage"]["key"]["ID"] == "ABC"


@pytest.mark.parametrize(
    ("answer", "fate", "id_"),
    [
        ({"fate": "sent", "id": "ABC"}, Fate.SENT, "ABC"),
        ({"fate": "not_sent", "id": None}, Fate.NOT_SENT, None),
        ({"fate": "unknown"}, Fate.UNKNOWN, None),
        ({"fate": "unknown", "id": "ABC"}, Fate.UNKNOWN, "ABC"),
        ({"fate": "sent", "id": None}, Fate.UNKNOWN, None),
        ({}, Fate.UNKNOWN, None),
    ],
)
async def test_the_journal_is_asked_what_became_of_a_send(
    line: Line, answer: dict[str, Any], fate: Fate, id_: str | None
) -> None:
    line.phone.answers["remembered"] = lambda _: answer
    line.phone.close("disconnected", again=True)
    await line.ear.hears("closed 408 again")
    told = await line.channel.remembered("k", since=5)
    assert (told.fate, told.id) == (fate, id_)
    assert line.phone.last("remembered") == {"key": "k", "since_ms": 5}


# -- what comes ---------------------------------------------------------------------------------


async def test_a_message_is_kept_and_then_acknowledged(line: Line) -> None:
    line.phone.keep("message", **written("A"))
    await line.phone.until(lambda: line.phone.acknowledged == [1])
    assert isinstance(line.ear.events[0], Received)
    assert line.ear.events[0].number == "id-loja"
    assert line.ear.events[0].content == Text(body="oi")


async def test_events_that_cannot_be_kept_now_are_told_again_in_their_order(line: Line) -> None:
    line.ear.refuses = [Unavailable("busy"), ValueError("a bug"), Unavailable("busy")]
    with capture_logs():
        for name in "ABC":
            line.phone.keep("message", **written(name))
        await line.phone.until(lambda: line.phone.acknowledged[-1:] == [3])
    assert ids(line.ear.events) == ["A", "B", "C"]
    assert line.phone.journal == []


async def test_nothing_is_acknowledged_while_nobody_listens(line: Line) -> None:
    line.channel.watch(None)
    line.phone.keep("message", **written("A"))
    await line.channel.show_typing(Party(lid="77"), Presence.COMPOSING)  # it was read by now
    assert line.phone.acknowledged == []
    line.channel.watch(line.ear)
    await line.phone.until(lambda: line.phone.acknowledged == [1])
    assert ids(line.ear.events) == ["A"]


async def test_what_was_not_acknowledged_comes_again_from_the_next_worker(line: Line) -> None:
    line.ear.gate = asyncio.Event()
    for name in "ABC":
        line.phone.keep("message", **written(name))
    await line.channel.show_typing(Party(lid="77"), Presence.COMPOSING)
    line.phone.crash()
    await line.ear.hears("open", 2)
    line.ear.gate.set()
    await line.phone.until(lambda: line.phone.journal == [])
    assert ids(line.ear.events) == ["A", "B", "C"]


async def test_a_flood_is_taken_over_in_bounded_batches(line: Line) -> None:
    line.ear.gate = asyncio.Event()
    names = [f"M{number}" for number in range(1500)]
    for name in names:
        line.phone.keep("message", **written(name, "x" * 500))
    await line.held_back()
    assert line.channel.supervisor._attempt._events.qsize() <= 100  # type: ignore[union-attr]
    line.ear.gate.set()
    await line.phone.until(lambda: line.phone.journal == [])
    assert ids(line.ear.events) == names
    assert max(line.ear.batches) <= 100
    assert line.ear.told == ["open"]


async def test_long_events_are_read_ahead_by_their_bytes(line: Line) -> None:
    line.ear.gate = asyncio.Event()
    names = [f"M{number}" for number in range(24)]
    for name in names:
        line.phone.keep("message", **written(name, "x" * 2**20))
    await line.held_back()
    assert line.channel.supervisor._attempt._events.qsize() <= 4  # type: ignore[union-attr]
    line.ear.gate.set()
    await line.phone.until(lambda: line.phone.journal == [])
    assert ids(line.ear.events) == names


async def test_leaving_does_not_wait_for_events_that_nobody_takes(line: Line) -> None:
    line.ear.gate = asyncio.Event()
    for number in range(1000):
        line.phone.keep("message", **written(f"M{number}"))
    await line.held_back()
    with capture_logs() as logs:
        await line.channel.leave()
    assert "close" in line.phone.ops
    assert "worker.did_not_leave" not in [log["event"] for log in logs]
    assert len(line.phone.journal) == 1000


async def test_an_event_that_cannot_be_read_is_put_aside_and_counted(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> list[Event]:
        raise KeyError("a bug")

    monkeypatch.setattr("bridge.whatsapp.web.parser.events", fail)
    line.phone.keep("message", **written("A", "secret words"))
    await line.phone.until(lambda: line.phone.acknowledged == [1])
    assert line.ear.events == [Unhandled(number="id-loja", rule="web.unreadable", detail="message")]
    path = line.folder / "unreadable" / "1.json"
    kept = json.loads(await asyncio.to_thread(path.read_text))
    assert kept["data"]["message"] == {"conversation": "secret words"}
    mode = (await asyncio.to_thread(path.stat)).st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_a_receipt_and_a_settled_send_are_statuses(line: Line) -> None:
    line.phone.keep("settled", key="k", fate="sent", id="ABC", at_ms=1_790_000_000_000)
    line.phone.keep(
        "receipt", ids=["ABC"], kind="read", chat="77@lid", chat_pn=ANA, sender="77@lid",
        sender_pn=ANA, from_me=False, at_ms=1_790_000_000_000, keys={"ABC": "k"},
    )  # fmt: skip
    await line.phone.until(lambda: line.phone.acknowledged[-1:] == [2])
    told = [one for one in line.ear.events if isinstance(one, StatusReported)]
    assert [(one.state, one.tag) for one in told] == [
        (DeliveryState.SENT, "k"),
        (DeliveryState.READ, "k"),
    ]


async def test_who_writes_is_told_and_nothing_is_kept(line: Line) -> None:
    line.phone.tell(
        "typing", chat="77@lid", chat_pn=ANA, sender="77@lid", sender_pn=ANA, state="composing"
    )
    line.phone.tell("typing", chat="77@lid", sender="77@lid", state="dancing")
    line.phone.tell("presence", jid=ANA, available=True)
    await line.ear.until(lambda: len(line.ear.writing) > 0)
    assert line.ear.writing == [(Party(wa_id="5511987650001", lid="77"), Presence.COMPOSING)]


async def test_a_status_is_marked_as_read_where_that_is_wanted(tmp_path: Path) -> None:
    async with toy_line(tmp_path, behaviour=Behaviour(read_status=True)) as line:
        await line.opened()
        line.phone.keep("message", **written("S", chat="status@broadcast", chat_pn=None))
        asked = await line.phone.was_asked("mark_read")
        assert (asked["ids"], asked["chat"], asked["sender"]) == (
            ["S"],
            "status@broadcast",
            "77@lid",
        )
        await line.channel.behave(Behaviour())
        line.phone.keep("message", **written("T", chat="status@broadcast", chat_pn=None))
        await line.phone.until(lambda: line.phone.journal == [])
        assert line.phone.ops.count("mark_read") == 1


# -- files --------------------------------------------------------------------------------------

IMAGE = Media(media=MediaKind.IMAGE, handle='{"imageMessage": {"URL": "x"}}', mime="image/png")


async def test_a_file_stands_where_it_was_wanted_when_it_is_complete(
    line: Line, tmp_path: Path
) -> None:
    def download(args: dict[str, Any]) -> dict[str, Any]:
        Path(args["path"]).write_bytes(b"picture")
        return {"size": 7, "mime": "image/jpeg", "sha256": "ab" * 32}

    line.phone.answers["download"] = download
    got = await line.channel.fetch(IMAGE, tmp_path / "in-1", limit=10)
    assert (got.size, got.mime, got.sha256) == (7, "image/jpeg", "ab" * 32)
    assert await asyncio.to_thread((tmp_path / "in-1").read_bytes) == b"picture"
    asked = line.phone.last("download")
    assert (asked["message"], asked["limit"]) == ({"imageMessage": {"URL": "x"}}, 10)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failure("gone"), PeerGone),
        (failure("too_big"), TooBig),
        ({"size": 1, "mime": "image/png", "sha256": "ab"}, TooBig),
    ],
)
async def test_a_failed_download_leaves_nothing_behind(
    line: Line, tmp_path: Path, answer: dict[str, Any], error: type[Exception]
) -> None:
    def download(args: dict[str, Any]) -> dict[str, Any]:
        Path(args["path"]).write_bytes(b"eleven bytes")
        return answer

    line.phone.answers["download"] = download
    spool = tmp_path / "spool"
    await asyncio.to_thread(spool.mkdir)
    with pytest.raises(error):
        await line.channel.fetch(IMAGE, spool / "in-1", limit=10)
    assert await asyncio.to_thread(lambda: list(spool.iterdir())) == []


async def test_a_file_that_ends_worker_after_worker_is_given_up(line: Line, tmp_path: Path) -> None:
    line.phone.answers["download"] = lambda _: line.phone.crash()
    for times in (1, 2, 3):
        with pytest.raises(PeerDown if times < 3 else PeerGone, match="connection"):
            await line.channel.fetch(IMAGE, tmp_path / "in-1", limit=10)
        await line.ear.hears("open", times + 1)
    with pytest.raises(PeerDown):  # another one has its own tries
        await line.channel.fetch(IMAGE, tmp_path / "in-2", limit=10)


async def test_a_file_that_was_under_way_beside_a_bad_one_is_not_given_up_with_it(
    line: Line, tmp_path: Path
) -> None:
    def download(args: dict[str, Any]) -> dict[str, Any] | None:
        asked.append(args["path"])
        if len(asked) == 1:
            return None
        if len(asked) == 2 or "bad" in args["path"]:
            line.phone.crash()
            return None
        Path(args["path"]).write_bytes(b"picture")
        return {"size": 7}

    async def fetched(name: str) -> str:
        for opened in range(2, 6):
            try:
                await line.channel.fetch(IMAGE, tmp_path / name, limit=10)
            except PeerDown:
                await line.ear.hears("open", opened)
            except PeerGone:
                return "gone"
            else:
                return "here"
        return "neither"

    asked: list[str] = []
    line.phone.answers["download"] = download
    ended = await asyncio.gather(fetched("bad"), fetched("good"))
    assert ended == ["gone", "here"]


async def test_a_file_that_is_not_there_after_all_is_a_failure_of_the_disk(
    line: Line, tmp_path: Path
) -> None:
    with pytest.raises(PeerDown) as caught:
        await line.channel.fetch(IMAGE, tmp_path / "in-1", limit=10)
    assert caught.value.cause == "spool.failed"


@pytest.mark.parametrize("handle", ["", "no JSON", "[]", '"x"'])
async def test_what_is_no_file_of_ours_is_gone(line: Line, tmp_path: Path, handle: str) -> None:
    media = Media(media=MediaKind.IMAGE, handle=handle, mime="image/png")
    with pytest.raises(PeerGone):
        await line.channel.fetch(media, tmp_path / "in-1", limit=10)


# -- courtesies ---------------------------------------------------------------------------------


async def test_a_message_is_marked_as_read(line: Line) -> None:
    message = Received(
        number="id-loja",
        id="ABC",
        sender=Party(lid="77", wa_id="5511987650001"),
        at=utc(1),
        content=Text(body="oi"),
        group="120363000000000001@g.us",
    )
    await line.channel.mark_read(message)
    asked = line.phone.last("mark_read")
    assert (asked["ids"], asked["chat"], asked["sender"]) == (
        ["ABC"],
        "120363000000000001@g.us",
        "77@lid",
    )


async def test_typing_presence_profiles_and_calls(line: Line) -> None:
    line.phone.answers["group"] = lambda _: {"subject": "Família", "participants": 3}
    line.phone.answers["profile"] = lambda _: {
        "picture_url": "https://pps/x",
        "picture_id": "17",
        "full_name": "Ana da Oficina",
    }
    await line.channel.show_typing(Party(wa_id="5511987650001"), Presence.RECORDING)
    assert line.phone.last("typing") == {"chat": ANA, "state": "recording"}
    await line.channel.set_presence(Presence.AVAILABLE)
    assert line.phone.last("presence") == {"available": True}
    group = Party(group="120363000000000001@g.us")
    ana = Profile(picture_url="https://pps/x", picture_id="17", address_name="Ana da Oficina")
    assert await line.channel.profile(group) == replace(ana, name="Família")
    assert await line.channel.profile(Party(lid="77")) == ana
    handle = json.dumps({"from": "77@lid", "id": "CALL"})
    call = Called(number="id-loja", id="CALL", caller=Party(lid="77"), at=utc(1), handle=handle)
    await line.channel.reject_call(call)
    assert line.phone.last("reject_call") == {"from": "77@lid", "id": "CALL"}


async def test_without_a_connection_nothing_can_be_asked(tmp_path: Path) -> None:
    async with toy_line(tmp_path) as line:
        with pytest.raises(PeerDown) as caught:
            await line.channel.send(Party(lid="77"), TEXT, key="k")
        assert caught.value.cause == "whatsapp.disconnected"
        with pytest.raises(PeerDown):
            await line.channel.set_presence(Presence.AVAILABLE)
        with pytest.raises(PeerDown):
            await line.channel.remembered("k", since=1)
        await line.channel.behave(Behaviour(always_online=True))
