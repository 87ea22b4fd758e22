"""A message is sent once, and it is known what became of it, whenever the worker dies."""

import asyncio
import os
import sqlite3
from contextlib import closing

import pytest

from bridge.whatsapp.web.worker.calls import now_ms
from support.web_worker import Refused, Worker, linked, resumed
from support.whatsapp_web import Fate, WhatsAppWeb, required

required()

NUMBER, BOB, EVE = "5511900000001", "5511900000002", "5511900000003"


def _text(key, to, text):
    return {"key": key, "to": str(to), "message": {"extendedTextMessage": {"text": text}}}


async def test_a_text_is_sent_and_its_answer_says_to_whom(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            told = await worker.send("one", str(bob.pn), "Olá 👋")
            sent = await companion.next_sent()
            assert (sent.id, sent.text) == (told["id"], "Olá 👋")
            assert (told["lid"], told["pn"]) == (str(bob.lid), str(bob.pn))
            assert 1_700_000_000_000 < told["at_ms"] < 5_000_000_000_000


async def test_the_same_key_is_never_sent_twice(tmp_path):
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            first = await worker.send("one", str(bob.pn), "once")
            assert await worker.send("one", str(bob.pn), "once") == first
            double.hold_acks()
            for _ in range(3):
                worker.start("send", _text("two", bob.pn, "at the same time"), "two")
            await companion.next_sent()
            await companion.next_sent()
            await double.release_acks()
            answers = [await worker.answer("two") for _ in range(3)]
            assert answers[0] == answers[1] == answers[2]
            await worker.kill()
            await companion.gone()
        async with resumed(double, tmp_path / "one") as worker:
            assert await worker.send("one", str(bob.pn), "once") == first
        assert [sent.text for sent in companion.sent] == ["once", "at the same time"]


async def test_sends_to_a_chat_keep_the_order_in_which_they_were_asked_for(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            keys = [f"k{index}" for index in range(30)]
            for key in keys:
                worker.start("send", _text(key, bob.pn, key), key)
            for key in keys:
                await worker.answer(key)
            assert [sent.text for sent in companion.sent] == keys


async def test_other_requests_do_not_wait_for_a_send(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            double.hold_acks()
            worker.start("send", _text("k", bob.pn, "slow"), "k")
            await companion.next_sent()
            assert (await worker.ask("ping"))["connected"]
            assert (await worker.ask("check", {"numbers": [BOB]}))["found"][0]["exists"]
            await double.release_acks()
            await worker.answer("k")


async def test_killed_before_the_answer_it_is_settled_as_unknown_and_receipts_name_it(tmp_path):
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            double.hold_acks()
            worker.start("send", _text("our key", bob.pn, "was it sent?"), "our key")
            sent = await companion.next_sent()
            await worker.kill()
            await companion.gone()
        await double.release_acks()
        async with resumed(double, tmp_path / "one") as worker:
            told = await worker.event("settled")
            assert (told["key"], told["fate"], told["id"]) == ("our key", "unknown", sent.id)
            asked = {"key": "our key", "since_ms": 0}
            known = await worker.ask("remembered", asked)
            assert (known["fate"], known["id"]) == ("unknown", sent.id)
            with pytest.raises(Refused) as refused:
                await worker.send("our key", str(bob.pn), "was it sent?")
            assert refused.value.error["certainty"] == "unknown"
            await bob.confirms(companion, sent.id)
            receipt = await worker.event("receipt", lambda one: sent.id in one["ids"])
            assert receipt["keys"] == {sent.id: "our key"}
        assert [one.text for one in companion.sent] == ["was it sent?"]


async def test_killed_before_it_left_it_is_settled_as_not_sent_and_can_be_sent(tmp_path):
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            path = tmp_path / "file"
            os.mkfifo(path)  # the send is begun, and waits for what is in the file
            attach = {"field": "documentMessage", "path": str(path), "kind": "document"}
            message = {"documentMessage": {"fileName": "a.pdf", "mimetype": "application/pdf"}}
            args = {"key": "k", "to": str(bob.pn), "message": message, "attach": attach}
            worker.start("send", args, "k")
            with await asyncio.to_thread(path.open, "wb"):
                await worker.kill()
            await companion.gone()
            path.unlink()
            path.write_bytes(b"x" * 1000)
        async with resumed(double, tmp_path / "one") as worker:
            told = await worker.event("settled")
            assert (told["key"], told["fate"], told["id"]) == ("k", "not_sent", None)
            known = await worker.ask("remembered", {"key": "k", "since_ms": 0})
            assert known["fate"] == "not_sent"
            await worker.ask("send", args, "k")
            assert (await companion.next_sent()).message.documentMessage.fileName == "a.pdf"


async def test_an_answer_that_ponte_may_have_missed_is_told_again(tmp_path):
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            sent = await worker.send("k", str(bob.pn), "hello")
            await worker.kill()
        async with resumed(double, tmp_path / "one") as worker:
            told = await worker.event("settled")
            assert told == {
                "key": "k",
                "fate": "sent",
                "id": sent["id"],
                "at_ms": sent["at_ms"],
            }
            await worker.waits_for(0)
            await worker.kill()
        async with resumed(double, tmp_path / "one") as worker:
            await worker.ask("ping")
            assert worker.told("settled") == []


async def test_what_was_never_heard_of_was_not_sent_unless_it_may_be_forgotten(tmp_path):
    before = now_ms()
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            known = await worker.ask("remembered", {"key": "k", "since_ms": now_ms()})
            assert known == {"fate": "not_sent", "id": None, "at_ms": None}
            known = await worker.ask("remembered", {"key": "k", "since_ms": before - 1})
            assert known["fate"] == "unknown"


async def test_a_send_in_flight_is_neither_sent_nor_not(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            double.hold_acks()
            worker.start("send", _text("k", bob.pn, "slow"), "k")
            await companion.next_sent()
            known = await worker.ask("remembered", {"key": "k", "since_ms": 0})
            assert known["fate"] == "unknown"
            await double.release_acks()
            sent = await worker.answer("k")
            known = await worker.ask("remembered", {"key": "k", "since_ms": 0})
            assert (known["fate"], known["id"]) == ("sent", sent["id"])


async def test_a_message_that_the_server_refuses_was_not_sent(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            double.faults.fates.append(Fate.refused(463))
            with pytest.raises(Refused) as refused:
                await worker.send("k", str(bob.pn), "hello")
            error = refused.value.error
            assert (error["code"], error["number"]) == ("refused", 463)
            assert error["certainty"] == "not_done"
            await worker.send("k", str(bob.pn), "hello")  # it was certain, so it may go again
            assert [sent.text for sent in companion.sent] == ["hello"]


async def test_somebody_without_whatsapp_gets_nothing_and_that_is_certain(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            with pytest.raises(Refused) as refused:
                await worker.send("k", "5511977776666@s.whatsapp.net", "hello")
            error = refused.value.error
            assert (error["code"], error["certainty"]) == ("not_on_whatsapp", "not_done")
            assert companion.sent == []


async def test_a_connection_lost_before_the_answer_does_not_make_it_two_messages(tmp_path):
    """The engine repeats it by itself, with the same id."""
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            double.faults.fates.append(Fate.CUT_BEFORE_ACK)
            worker.start("send", _text("k", bob.pn, "hello"), "k")
            sent = await companion.next_sent()
            await worker.until(lambda: len(worker.told("open")) == 2, "a second open")
            await worker.kill()
            await companion.gone()
        async with resumed(double, tmp_path / "one") as worker:
            told = await worker.event("settled")
            assert told["fate"] in {"sent", "unknown"}
            assert told["id"] == sent.id
        assert {one.id for one in companion.sent} == {sent.id}


def _begun(home):
    """Sends that are under way by the worker's journal."""
    with closing(sqlite3.connect(home / "journal.db")) as base:
        return base.execute("SELECT count(*) FROM sends WHERE state = 'begun'").fetchone()[0]


async def test_what_waited_behind_a_send_without_an_answer_was_certainly_not_sent(tmp_path):
    """The engine sends one message at a time; Ponte ends a worker that does not get on."""
    async with WhatsAppWeb() as double:
        bob, eve, phone = double.person(BOB), double.person(EVE), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            double.faults.fates.append(Fate.UNANSWERED)
            worker.start("send", _text("a", bob.pn, "no answer"), "a")
            stuck = await bob.next_message()
            worker.start("send", _text("b", eve.pn, "waits"), "b")
            while await asyncio.to_thread(_begun, tmp_path / "one") < 2:
                await worker.ask("ping")
            await worker.kill()
            await companion.gone()
        async with resumed(double, tmp_path / "one") as worker:
            await worker.until(lambda: len(worker.told("settled")) == 2, "both are settled")
            fates = {told["key"]: (told["fate"], told["id"]) for told in worker.told("settled")}
            assert fates == {"a": ("unknown", stuck.id), "b": ("not_sent", None)}
            await bob.confirms(companion, stuck.id)
            receipt = await worker.event("receipt", lambda one: stuck.id in one["ids"])
            assert receipt["keys"] == {stuck.id: "a"}
            await worker.send("b", str(eve.pn), "waits")
        assert [one.text for one in bob.inbox] == ["no answer"]
        assert [one.text for one in eve.inbox] == ["waits"]


async def test_an_engine_that_repeats_a_message_sends_it_once_and_goes_on_with_the_others(tmp_path):
    async with WhatsAppWeb() as double:
        bob, eve = double.person(BOB), double.person(EVE)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            double.faults.fates.append(Fate.CUT_BEFORE_ACK)
            worker.start("send", _text("a", bob.pn, "cut off"), "a")
            await worker.until(lambda: len(worker.told("open")) == 2, "a second open")
            answer = await worker.answer("a")
            assert (await worker.send("b", str(eve.pn), "goes on"))["id"]
            assert [one.id for one in companion.sent if one.text == "cut off"] == [answer["id"]] * 2
        assert [one.text for one in bob.inbox] == ["cut off"]
        assert [one.text for one in eve.inbox] == ["goes on"]


async def test_what_has_waited_too_long_is_not_sent_any_more(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            late = _text("k", bob.pn, "late") | {"until_ms": now_ms() - 1}
            with pytest.raises(Refused) as refused:
                await worker.ask("send", late, "k")
            error = refused.value.error
            assert (error["code"], error["certainty"]) == ("timeout", "not_done")
            assert companion.sent == []


async def test_without_a_connection_nothing_is_sent_and_nothing_remembered(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            double.refuse_logins(503)
            double.drop()
            await worker.event("closed")
            with pytest.raises(Refused) as refused:
                await worker.send("k", str(bob.pn), "hello")
            error = refused.value.error
            assert (error["code"], error["certainty"], error["passing"]) == (
                "not_connected",
                "not_done",
                True,
            )
            known = await worker.ask("remembered", {"key": "k", "since_ms": now_ms()})
            assert known["fate"] == "not_sent"
            assert companion.sent == []


async def test_a_file_that_is_not_there_or_not_taken_was_not_sent(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            path = tmp_path / "picture"
            attach = {"field": "imageMessage", "path": str(path), "kind": "image"}
            args = {"to": str(bob.pn), "message": {"imageMessage": {"caption": "x"}}}
            with pytest.raises(Refused) as refused:
                await worker.ask("send", {**args, "key": "a", "attach": attach})
            assert refused.value.error["certainty"] == "not_done"
            path.write_bytes(b"picture")
            double.media.upload_statuses += [500] * 10
            with pytest.raises(Refused) as refused:
                await worker.ask("send", {**args, "key": "b", "attach": attach})
            assert refused.value.error["certainty"] == "not_done"
            wrong = {**attach, "field": "contactMessage"}
            with pytest.raises(Refused) as refused:
                await worker.ask("send", {**args, "key": "c", "attach": wrong})
            assert refused.value.error["code"] == "bad_request"
            assert companion.sent == []


async def test_a_send_under_way_when_the_phone_unlinks_is_never_called_not_sent(tmp_path):
    """The store that could tell has gone with the link."""
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            double.hold_acks()
            worker.start("send", _text("k", bob.pn, "hello"), "k")
            await companion.next_sent()
            await phone.unlink()
            await worker.event("closed", lambda one: one["cause"] == "logged_out")
            await worker.gone()
        async with Worker(tmp_path / "one", double.environ) as worker:
            await worker.open()
            known = await worker.ask("remembered", {"key": "k", "since_ms": 0})
            assert known["fate"] == "unknown"
