"""What a worker passes on, both ways, over the real library: whole, in order, with phones."""

import asyncio
import base64
import gzip
import hashlib
import json
import resource
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from support.web_worker import PATIENCE, Refused, Worker, linked, resumed
from support.whatsapp_web import WhatsAppWeb, protocols, required

required()

NUMBER, BOB, EVE = "5511900000001", "5511900000002", "5511900000003"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


async def test_a_text_comes_with_who_and_where(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            name = await bob.writes(companion, "Olá 👋 \u202eabc")
            told = await worker.event("message")
            assert told["id"] == name
            assert (told["chat"], told["sender"]) == (str(bob.lid), str(bob.lid))
            assert (told["chat_pn"], told["sender_pn"]) == (str(bob.pn), str(bob.pn))
            assert (told["chat_lid"], told["sender_lid"]) == (str(bob.lid), str(bob.lid))
            assert (told["from_me"], told["group"], told["push_name"]) == (False, False, "Bob")
            assert 1_700_000_000_000 < told["at_ms"] < 5_000_000_000_000
            assert told["message"]["conversation"] == "Olá 👋 \u202eabc"


async def test_what_is_no_utf8_comes_with_a_sign_for_what_cannot_be_read(tmp_path):
    """Bots cut texts off in the middle of a character, and names come as others wrote them."""
    cut_off = protocols.e2e.Message.FromString(b"\x0a\x05Oi \xf0\x9f")
    named = protocols.e2e.ExtendedTextMessage.FromString(
        b"\x0a\x04\xff ok" + b"\x8a\x01\x08" + b"\x7a\x06\xfex@lid"
    )
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            await bob.writes(companion, cut_off)
            await bob.writes(companion, protocols.e2e.Message(extendedTextMessage=named))
            await worker.until(lambda: len(worker.told("message")) == 2, "both")
            first, second = (one["message"] for one in worker.told("message"))
            assert first == {"conversation": "Oi \ufffd"}
            text = second["extendedTextMessage"]
            assert text["text"] == "\ufffd ok"
            assert text["contextInfo"]["mentionedJID"] == ["\ufffdx@lid"]


async def test_a_lid_is_told_with_its_phone_when_only_the_engine_knows_it(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            await bob.writes(companion, "with both", via="lid")
            await bob.writes(companion, "with the LID alone", alternative=False)
            told = await worker.event(
                "message", lambda one: one["message"]["conversation"] == "with the LID alone"
            )
            assert told["chat_pn"] == told["sender_pn"] == str(bob.pn)


async def test_a_number_that_nobody_knows_the_phone_of_stays_a_lid(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            await bob.writes(companion, "hello", alternative=False)
            told = await worker.event("message")
            assert (told["chat_pn"], told["chat_lid"]) == (None, str(bob.lid))


async def test_what_is_to_be_looked_at_once_is_told_as_such(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            kinds = ["view_once", "", "view_once"]
            ids = [await bob.withholds(companion, kind=kind) for kind in kinds]
            await worker.until(lambda: len(worker.told("undecryptable")) == len(kinds), "all")
            told = worker.told("undecryptable")
            assert [one["id"] for one in told] == ids
            assert [one["unavailable"] for one in told] == [True] * 3
            assert [one["view_once"] for one in told] == [True, False, True]


async def test_a_message_typed_on_the_phone_names_the_other_one(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            await phone.writes_to(bob, "from the phone")
            told = await worker.event("message")
            assert told["from_me"] is True
            assert (told["chat"], told["chat_pn"]) == (str(bob.lid), str(bob.pn))
            assert told["sender"].startswith(phone.lid.user)


async def test_groups_work_both_ways(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob, eve = double.phone(NUMBER), double.person(BOB), double.person(EVE)
        group = double.group("Team", [phone, bob, eve])
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            await bob.writes(companion, "hi team", group=group)
            told = await worker.event(
                "message", lambda one: one["message"].get("conversation") == "hi team"
            )
            assert told["group"] is True
            assert (told["chat"], told["chat_pn"]) == (str(group.jid), None)
            assert (told["sender"], told["sender_pn"]) == (str(bob.lid), str(bob.pn))
            await worker.send("one", str(group.jid), "hello all")
            sent = await companion.next_sent()
            assert (sent.text, sent.to) == ("hello all", group.jid)
            known = await worker.ask("group", {"jid": str(group.jid)})
            assert (known["subject"], known["participants"]) == ("Team", 3)


async def test_revocations_edits_and_reactions_pass_whole(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB, name="Bob")
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            name = await bob.writes(companion, "first")
            await bob.edits(companion, name, "second")
            await bob.reacts(companion, name, "👍", own=True)
            await bob.revokes(companion, name)
            await worker.until(lambda: len(worker.told("message")) == 4, "four messages")
            _, edit, reaction, revocation = (one["message"] for one in worker.told("message"))
            protocol = (edit.get("editedMessage") or {"message": edit})["message"]
            assert protocol["protocolMessage"]["key"]["ID"] == name
            assert protocol["protocolMessage"]["editedMessage"]["conversation"] == "second"
            assert reaction["reactionMessage"]["text"] == "👍"
            assert reaction["reactionMessage"]["key"]["ID"] == name
            assert revocation["protocolMessage"]["key"]["ID"] == name


async def test_messages_keep_their_order(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            texts = [f"number {index}" for index in range(200)]
            for text in texts:
                await bob.writes(companion, text)
            await worker.until(lambda: len(worker.told("message")) == 200, "200 messages")
            assert [one["message"]["conversation"] for one in worker.told("message")] == texts
            numbers = [one["seq"] for one in worker.events("message")]
            assert numbers == sorted(set(numbers))


async def test_what_cannot_be_opened_is_told_as_well(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            name = await bob.writes(companion, "at the second try", broken=True)
            told = await worker.event("undecryptable")
            assert (told["id"], told["chat_pn"]) == (name, str(bob.pn))
            told = await worker.event("message")
            assert (told["id"], told["message"]["conversation"]) == (name, "at the second try")


async def test_receipts_typing_calls_and_pictures_are_told(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            sent = await worker.send("one", str(bob.pn), "hello")
            await bob.confirms(companion, sent["id"])
            await bob.confirms(companion, sent["id"], kind="read")
            told = await worker.event("receipt", lambda one: one["kind"] == "read")
            assert (told["ids"], told["chat_pn"], told["keys"]) == ([sent["id"]], str(bob.pn), {})
            assert worker.told("receipt")[0]["kind"] == "delivered"
            assert 1_700_000_000_000 < told["at_ms"] < 5_000_000_000_000

            await bob.types(companion)
            await bob.types(companion, media="audio")
            await bob.types(companion, "paused")
            await worker.until(lambda: len(worker.told("typing")) == 3, "typing")
            states = [one["state"] for one in worker.told("typing")]
            assert states == ["composing", "recording", "paused"]
            assert worker.told("typing")[0]["chat_pn"] == str(bob.pn)
            assert all("seq" not in one for one in worker.events("typing"))

            call = await bob.calls(companion, video=True)
            told = await worker.event("call")
            assert (told["id"], told["from_pn"], told["video"]) == (call, str(bob.pn), True)
            assert 1_700_000_000_000 < told["at_ms"] < 5_000_000_000_000
            await worker.ask("reject_call", {"from": told["from"], "id": call})
            await companion.says("a rejection", lambda node: node.tag == "call")

            bob.shows(PNG)
            await bob.tells_picture(companion)
            told = await worker.event("picture")
            assert (told["jid_pn"], told["removed"]) == (str(bob.pn), False)
            found = await worker.ask("profile", {"jid": str(bob.pn)})
            assert found["picture_url"].startswith("https://")
            assert found["picture_id"]


async def test_who_shows_no_picture_has_none(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, _):
            nothing = {"picture_url": None, "picture_id": None, "full_name": None}
            assert await worker.ask("profile", {"jid": str(bob.pn)}) == nothing


async def test_the_name_of_the_phones_address_book_is_told(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        phone = double.phone(NUMBER)
        phone.settings.book.update({str(bob.pn): "Bob da Oficina", str(phone.pn): "Eu"})
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            await bob.writes(companion, "oi")  # from his LID, with his number
            await worker.event("message")
            await phone.shares_settings(companion)
            for jid in (bob.pn, bob.lid):
                async with asyncio.timeout(PATIENCE):
                    while (await worker.ask("profile", {"jid": str(jid)}))["full_name"] is None:
                        pass  # the client has asked, and reads the answer
                found = await worker.ask("profile", {"jid": str(jid)})
                assert found["full_name"] == "Bob da Oficina"


async def test_reading_typing_and_presence_reach_whatsapp(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            name = await bob.writes(companion, "read me")
            told = await worker.event("message")
            read = {"ids": [name], "chat": told["chat"], "sender": told["sender"]}
            await worker.ask("mark_read", {**read, "at_ms": told["at_ms"]})
            await companion.confirms(name, "read")
            await worker.ask("typing", {"chat": told["chat"], "state": "composing"})
            await companion.types()
            await worker.ask("typing", {"chat": told["chat"], "state": "paused"})
            await companion.types("paused")


async def test_numbers_are_looked_up(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, _):
            found = (await worker.ask("check", {"numbers": [BOB, "5511988887777"]}))["found"]
            assert [(one["query"], one["exists"]) for one in found] == [
                (BOB, True),
                ("5511988887777", False),
            ]
            assert found[0]["jid"] == str(bob.pn)
            await worker.send("one", str(bob.pn), "hello")
            both = {"lid": str(bob.lid), "pn": str(bob.pn)}
            assert await worker.ask("resolve", {"jid": str(bob.lid)}) == both
            assert await worker.ask("resolve", {"jid": str(bob.pn)}) == both


async def test_files_are_fetched_into_the_path_that_is_asked_for(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            file = double.media.put(PNG, kind="image", mime="image/png")
            await bob.sends(companion, file, caption="look")
            message = (await worker.event("message"))["message"]
            path = tmp_path / "file"
            asked = {"message": message, "path": str(path), "limit": 10_000}
            assert await worker.ask("download", asked) == {
                "size": len(PNG),
                "mime": "image/png",
                "sha256": hashlib.sha256(PNG).hexdigest(),
            }
            assert path.read_bytes() == PNG
            assert path.stat().st_mode & 0o777 == 0o600

            with pytest.raises(Refused):  # what is there is never written over
                await worker.ask("download", asked)
            assert path.read_bytes() == PNG

            other = tmp_path / "other"
            with pytest.raises(Refused) as refused:
                await worker.ask("download", {**asked, "path": str(other), "limit": 10})
            assert refused.value.error["code"] == "too_big"

            double.media.remove(file)
            with pytest.raises(Refused) as refused:
                await worker.ask("download", {**asked, "path": str(other)})
            assert (refused.value.error["code"], refused.value.error["certainty"]) == (
                "gone",
                "not_done",
            )
            assert not other.exists()


async def test_a_file_that_is_longer_than_its_sender_says_takes_no_more_memory_than_is_allowed(
    tmp_path,
):
    """The engine has a file in its memory whole: at 300 MiB there is no room for this one."""
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            pid, allowed = worker.process.pid, 300 * 2**20
            bound, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
            assert 2**30 <= bound <= 2 * 2**30
            first = Path(f"/proc/{pid}/oom_score_adj")
            assert int(await asyncio.to_thread(first.read_text)) == 500
            resource.prlimit(pid, resource.RLIMIT_DATA, (allowed, allowed))
            file = replace(
                double.media.put(bytes(48 * 2**20), kind="document", mime="x/y"), size=10
            )
            await bob.sends(companion, file)
            message = (await worker.event("message"))["message"]
            asked = {"message": message, "path": str(tmp_path / "file"), "limit": 2**20}
            id_ = worker.start("download", asked)
            answer = asyncio.ensure_future(worker.answer(id_))
            gone = asyncio.ensure_future(worker.gone())
            await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
            if answer.done():  # Python noticed it; else Go did, and ended the process
                with pytest.raises(Refused, match="too_big"):
                    answer.result()
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
            assert not (tmp_path / "file").exists()


async def test_files_are_sent_from_a_path(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            path = tmp_path / "picture"
            path.write_bytes(PNG)
            attach = {"field": "imageMessage", "path": str(path), "kind": "image"}
            message = {"imageMessage": {"caption": "look", "mimetype": "image/png"}}
            asked = {"key": "k", "to": str(bob.pn), "message": message, "attach": attach}
            await worker.ask("send", asked, "k")
            part = (await companion.next_sent()).message.imageMessage
            assert (part.caption, part.mimetype, part.fileLength) == ("look", "image/png", len(PNG))
            assert double.media.read(part, "image") == PNG


async def test_history_goes_into_a_file(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            history = protocols.history.HistorySync(
                syncType=protocols.history.HistorySync.INITIAL_BOOTSTRAP
            )
            history.conversations.add(ID="else@lid", name="Ação 👋")
            chat = history.conversations.add(ID=str(bob.lid))
            chat.messages.add().message.message.conversation = "long ago"
            key = chat.messages[0].message.key
            key.ID, key.remoteJID = "OLD", str(bob.lid)
            await phone.sends_history(history)
            told = await worker.event("history")
            assert (told["conversations"], told["messages"]) == (2, 1)
            with gzip.open(told["path"]) as file:
                kept = json.load(file)
            assert kept["syncType"] == "INITIAL_BOOTSTRAP"
            assert kept["conversations"][0] == {"ID": "else@lid", "name": "Ação 👋"}
            (message,) = kept["conversations"][1]["messages"]
            assert message["message"]["message"]["conversation"] == "long ago"


async def test_what_was_not_acknowledged_comes_again_in_order_after_a_kill(tmp_path):
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        home = tmp_path / "one"
        async with linked(double, phone, home, acknowledges=False) as (worker, companion):
            for index in range(20):
                await bob.writes(companion, f"number {index}")
            await worker.until(lambda: len(worker.told("message")) == 20, "20 messages")
            taken = worker.events("message")[9]["seq"]
            worker.acknowledge(taken)
            await worker.waits_for(10)
            await worker.kill()
            await companion.gone()
        await bob.writes(companion, "meanwhile")
        async with resumed(double, home, acknowledges=False) as worker:
            await worker.until(lambda: len(worker.told("message")) == 11, "11 messages")
            told = [one["message"]["conversation"] for one in worker.told("message")]
            assert told == [*(f"number {index}" for index in range(10, 20)), "meanwhile"]
            assert worker.events("message")[0]["seq"] > taken


def _journal(home, *statements):
    with closing(sqlite3.connect(home / "journal.db")) as base, base:
        for statement in statements:
            base.execute(statement)


async def test_a_disk_that_takes_nothing_is_waited_for(tmp_path):
    refuse = "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    async with WhatsAppWeb() as double:
        bob, home = double.person(BOB), tmp_path / "one"
        async with linked(double, double.phone(NUMBER), home) as (worker, companion):
            await worker.waits_for(0)
            before = len(worker.told("message"))
            await asyncio.to_thread(
                _journal,
                home,
                f"CREATE TRIGGER no_sync BEFORE UPDATE ON meta {refuse}",
                f"CREATE TRIGGER no_ack BEFORE DELETE ON events {refuse}",
            )
            await companion.acks(await bob.writes(companion, "hello"))
            await worker.waits_for(1)
            assert len(worker.told("message")) == before
            await asyncio.to_thread(_journal, home, "DROP TRIGGER no_sync")
            await worker.until(lambda: len(worker.told("message")) > before, "it is told")
            await worker.waits_for(1)
            await asyncio.to_thread(_journal, home, "DROP TRIGGER no_ack")
            await worker.waits_for(0)


async def test_more_than_may_wait_stays_with_whatsapp(tmp_path):
    """Nothing is lost by it: what was taken comes again, the rest is fetched later."""
    async with WhatsAppWeb() as double:
        bob, phone = double.person(BOB), double.phone(NUMBER)
        home = tmp_path / "one"
        async with linked(double, phone, home, acknowledges=False, most_waiting=20) as (
            worker,
            companion,
        ):
            for index in range(60):
                await bob.writes(companion, f"number {index}")
            told = await worker.event("closed")
            assert (told["cause"], told["reason"]) == ("disconnected", "journal_full")
            await companion.gone()
            worker.acknowledges = True
            for frame in list(worker.events()):
                if "seq" in frame:
                    worker.acknowledge(frame["seq"])
            assert await worker.gone() == 0
            before = [one["message"]["conversation"] for one in worker.told("message")]
        async with resumed(double, home) as worker:

            def all_told():
                now = [one["message"]["conversation"] for one in worker.told("message")]
                return set(before) | set(now) == {f"number {index}" for index in range(60)}

            await worker.until(all_told, "all 60 messages")


async def test_nothing_secret_is_said_in_the_log(tmp_path):
    async with WhatsAppWeb() as double:
        bob = double.person(BOB)
        async with linked(double, double.phone(NUMBER), tmp_path / "one") as (worker, companion):
            await bob.writes(companion, "a very private word", broken=True)
            await worker.event("message")
            with pytest.raises(Refused):
                await worker.ask("send", {"key": "k", "to": "nonsense!", "message": {}})
            await worker.ask("close")
            await worker.gone()
        said = worker.said.decode()
        assert BOB not in said
        assert NUMBER not in said
        assert "private" not in said


async def test_before_it_is_opened_nothing_else_is_served(tmp_path):
    async with Worker(tmp_path / "one") as worker:
        for op in ("send", "check", "nonsense"):
            with pytest.raises(Refused) as refused:
                await worker.ask(op)
            assert refused.value.error["code"] == "bad_request"
        assert await worker.ask("ping") == {"phase": "new", "connected": False, "waiting": 0}


async def test_what_needs_a_phone_is_refused_while_none_is_linked(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        await worker.open()
        await worker.event("qr")
        for op, args in (
            ("send", {"to": f"{BOB}@s.whatsapp.net", "message": {"conversation": "hi"}}),
            ("check", {"numbers": [BOB]}),
            ("profile", {"jid": f"{BOB}@s.whatsapp.net"}),
        ):
            with pytest.raises(Refused) as refused:
                await worker.ask(op, args)
            error = refused.value.error
            assert (error["code"], error["certainty"]) == ("not_logged_in", "not_done")
        with pytest.raises(Refused):
            await worker.ask("resolve", {"jid": f"{BOB}@s.whatsapp.net"})


@pytest.mark.parametrize(
    "args",
    [
        {"to": "nonsense!", "message": {"conversation": "hi"}},
        {"to": 5, "message": {"conversation": "hi"}},
        {"to": f"{BOB}@s.whatsapp.net", "message": {"no such field": 1}},
        {"to": f"{BOB}@s.whatsapp.net", "message": []},
        {"to": f"{BOB}@s.whatsapp.net", "message": {"conversation": "hi"}, "key": "k" * 201},
        {"to": f"{BOB}@s.whatsapp.net", "message": {"conversation": "hi"}, "attach": {}},
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(tmp_path, args):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        await worker.open()
        with pytest.raises(Refused) as refused:
            await worker.ask("send", args)
        error = refused.value.error
        assert (error["code"], error["certainty"]) == ("bad_request", "not_done")
