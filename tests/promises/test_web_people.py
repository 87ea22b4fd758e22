"""Who writes is one person in Chatwoot, by whatever address WhatsApp names them: hidden id (LID),
number, number with and without its ninth digit. Over the real service, worker and library.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.sim.chatwoot import Message
from support.crashing import nothing_disappeared
from support.ponte_process import poll
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import required

required()


@pytest.fixture
def web_world(zygote, database, tmp_path):
    return lambda **options: web_crossing(zygote, database, tmp_path / "world", **options)


async def arrives(its: WebCrossing, written: str) -> Message:
    """What somebody wrote, as it stands in Chatwoot."""

    def found() -> list[Message]:
        return [one for one in its.chat.messages() if one.source_id == f"WAID:{written}"]

    await its.chat.wait_for(lambda: bool(found()), 20)
    (message,) = found()
    return message


def checks(its: WebCrossing) -> int:
    """How often WhatsApp was asked whether a number is on it."""
    return sum(
        way == "<"
        and (asked := node.child("usync")) is not None
        and asked.need("query").child("contact") is not None
        for way, node in its.double.journal.trace
    )


def customers(its: WebCrossing) -> list[str | None]:
    """Names of the contacts of customers."""
    return [one.name for one in its.chat.contacts.values() if one.identifier != "123456"]


@pytest.mark.timeout(120)
async def test_somebody_known_by_a_hidden_id_alone_gets_number_and_name_later(web_world):
    async with web_world() as its:
        bob = its.double.person("5511900000002", name="Bob")
        first = await arrives(
            its, await bob.writes(its.companion, "1", alternative=False, notify="")
        )
        contact = first.conversation.contact
        assert (contact.phone_number, contact.identifier) == (None, str(bob.lid))
        await arrives(its, await bob.writes(its.companion, "2"))
        await arrives(its, await bob.writes(its.companion, "3", via="pn", alternative=False))
        await arrives(its, await its.phone.writes_to(bob, "4"))
        await its.chat.wait_for(lambda: contact.phone_number == "+5511900000002", 20)
        await its.chat.wait_for(lambda: contact.name == "Bob", 20)
        assert contact.identifier == str(bob.lid)
        assert [one.content for one in first.conversation.messages] == list("1234")
        its.chat.agent_writes(first.conversation.id, "oi")
        assert (await bob.next_message()).text == "oi"
        await its.quiet()
        assert customers(its).count("Bob") == 1
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("merges", [True, False])
async def test_two_who_turn_out_to_be_one_go_on_in_one_conversation(web_world, merges):
    async with web_world(options={"chatwootMergeBrazilContacts": merges}) as its:
        eve = its.double.person("5511900000003", name="Eve")
        first = await arrives(
            its, await eve.writes(its.companion, "1", via="pn", alternative=False)
        )
        other = await arrives(its, await eve.writes(its.companion, "2", alternative=False))
        texts = ["3", "4", "5"]
        both = await arrives(its, await eve.writes(its.companion, texts[0]))
        hidden = await arrives(its, await eve.writes(its.companion, texts[1], alternative=False))
        number = await arrives(
            its, await eve.writes(its.companion, texts[2], via="pn", alternative=False)
        )
        await its.quiet()
        assert {one.conversation.id for one in (both, hidden, number)} == {first.conversation.id}
        same = other.conversation.contact is first.conversation.contact
        assert same or not merges
        # An agent may still answer where the other part of it stands.
        its.chat.agent_writes(other.conversation.id, "aqui")
        assert (await eve.next_message()).text == "aqui"
        await its.quiet()
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_who_was_written_to_first_answers_in_the_same_conversation(web_world):
    async with web_world() as its:
        ana = its.double.person("5511900000004", name="Ana")
        contact = its.chat.agent_creates_contact("Ana", phone_number="+5511900000004")
        inbox = next(iter(its.chat.inboxes))
        conversation = its.chat.agent_starts_conversation(contact.id, inbox, "Bom dia!")
        assert (await ana.next_message()).text == "Bom dia!"
        await its.quiet()
        assert checks(its) == 1
        its.chat.agent_writes(conversation.id, "Tudo bem?")
        assert (await ana.next_message()).text == "Tudo bem?"
        await its.quiet()

        # The engine forgets all that it knew when the phone removes the device; we do not.
        await its.phone.unlink()
        await its.reaches("close")
        again = await its.call("GET", f"/instance/connect/{its.name}")
        await its.phone.scan(again["code"])
        await its.connected()
        answer = await arrives(its, await ana.writes(its.companion, "1", alternative=False))
        assert answer.conversation.id == conversation.id
        its.chat.agent_writes(conversation.id, "Sim")
        assert (await ana.next_message()).text == "Sim"
        await its.quiet()
        assert checks(its) == 1
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("registered", "stored"),
    [("551187654321", "+5511987654321"), ("5511987654321", "+551187654321")],
)
async def test_a_number_with_or_without_its_ninth_digit_is_one_person(
    web_world, registered, stored
):
    async with web_world() as its:
        rui = its.double.person(registered, name="Rui")
        contact = its.chat.agent_creates_contact("Rui", phone_number=stored)
        inbox = next(iter(its.chat.inboxes))
        conversation = its.chat.agent_starts_conversation(contact.id, inbox, "Bom dia!")
        assert (await rui.next_message()).text == "Bom dia!"
        for via in ("pn", "lid"):
            written = await rui.writes(its.companion, via, via=via, alternative=False)
            assert (await arrives(its, written)).conversation.id == conversation.id
        typed = await arrives(its, await its.phone.writes_to(rui, "do telefone"))
        assert typed.conversation.id == conversation.id
        its.chat.agent_writes(conversation.id, "Tchau")
        assert (await rui.next_message()).text == "Tchau"
        await its.quiet()
        assert (contact.phone_number, checks(its)) == (stored, 1)
        assert customers(its).count("Rui") == 1


@pytest.mark.timeout(120)
async def test_two_numbers_of_one_account_share_a_contact_and_write_to_each_other(web_world):
    async with web_world() as its:
        branch = replace(its, name="filial", phone=its.double.phone("5511900000009", name="Filial"))
        await branch.provision(chatwootNameInbox="WhatsApp Filial")
        bob = its.double.person("5511900000002", name="Bob")
        here = await arrives(its, await bob.writes(its.companion, "loja?"))
        there = await arrives(its, await bob.writes(branch.companion, "filial?"))
        assert here.conversation.contact is there.conversation.contact
        assert here.conversation.id != there.conversation.id
        its.chat.agent_writes(there.conversation.id, "da filial")
        assert (await bob.next_message()).text == "da filial"

        # The two numbers write to each other: each sees the other as a customer, once.
        written = await arrives(its, await its.phone.writes(branch.companion, "da loja"))
        assert written.conversation.contact.name == "Loja"
        its.chat.agent_writes(written.conversation.id, "recebido")
        sent = await its.phone.next_message()
        assert sent.text == "recebido"
        answer = await arrives(its, await branch.phone.writes(its.companion, "recebido"))
        assert answer.conversation.contact.name == "Filial"
        assert answer.conversation.id != written.conversation.id
        await its.quiet()
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_calls_and_deletions_around_a_death_are_told_and_answered_once(web_world):
    options = {"rejectCall": True, "msgCall": "Só por texto."}
    async with web_world(options=options) as its:
        bob = its.double.person("5511900000002", name="Bob")
        first = await arrives(its, await bob.writes(its.companion, "engano"))
        answer = its.chat.agent_writes(first.conversation.id, "resposta")
        sent = await bob.next_message()
        calls = [await bob.calls(its.companion) for _ in range(3)]
        await its.companion.rejects(calls[-1])  # in the middle of what follows from it
        await its.ponte.kill()
        calls += [await bob.calls(its.companion) for _ in range(2)]
        await bob.revokes(its.companion, (first.source_id or "").removeprefix("WAID:"))
        await bob.confirms(its.companion, sent.id, kind="read")
        its.chat.agent_deletes(answer.id)
        await its.ponte.start()
        await its.connected()
        for call in calls:
            await its.companion.rejects(call)
        await its.quiet()
        # What was under way at the death is uncertain until its receipt comes.
        await bob.confirms(its.companion, *(one.id for one in bob.inbox))
        await its.companion.settled()
        texts = [one.text for one in bob.inbox if one.text]

        def told() -> list[Message]:
            return [one for one in its.chat.messages() if one.content == "Só por texto."]

        # The client has confirmed the receipts perhaps before the worker has told of them.
        await poll(lambda: len(told()) == texts.count("Só por texto."), seconds=15)
        await its.quiet()

        shown = [one.source_id for one in its.from_customers() if "~call" in (one.source_id or "")]
        assert sorted(shown) == sorted(f"WAID:{call}~call" for call in calls)
        # Who calls again and again is not told so each time. What was under way at the death and
        # has no receipt is not told in silence: then agents have a note about it.
        notes = [one for one in its.chat.messages() if one.private]
        untold = [one for one in notes if "Só por texto." in (one.content or "")]
        assert len(told()) == texts.count("Só por texto.")
        assert len(told()) + len(untold) >= 1
        assert len(told()) < len(calls)
        deletions = [
            one.message.protocolMessage.key.ID
            for one in bob.inbox
            if one.message.HasField("protocolMessage")
        ]
        assert deletions == [sent.id]
        about = [one.content_attributes["in_reply_to"] for one in notes if one not in untold]
        assert about == [first.id]
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_members_of_a_group_known_by_hidden_ids(web_world):
    async with web_world(options={"groupsIgnore": False}) as its:
        bob = its.double.person("5511900000002", name="Bob")
        eve = its.double.person("5511900000003", name="Eve")
        group = its.double.group("Família", [its.phone, bob, eve])
        first = await arrives(
            its, await bob.writes(its.companion, "Oi", group=group, alternative=False)
        )
        typed = await arrives(its, await its.phone.writes_to(group, "do telefone"))
        assert typed.conversation is first.conversation
        answer = its.chat.agent_writes(first.conversation.id, "Sim?", in_reply_to=first.id)
        sent = await its.companion.next_sent()
        context = sent.message.extendedTextMessage.contextInfo
        assert (context.stanzaID, context.participant) == (
            (first.source_id or "").removeprefix("WAID:"),
            str(bob.lid),
        )
        await eve.confirms(its.companion, sent.id, kind="read", group=group)
        its.chat.agent_deletes(typed.id)
        its.chat.agent_deletes(answer.id)
        deleted = [await its.companion.next_sent() for _ in range(2)]
        assert {one.message.protocolMessage.key.ID for one in deleted} == {
            sent.id,
            (typed.source_id or "").removeprefix("WAID:"),
        }
        direct = await arrives(its, await bob.writes(its.companion, "em particular"))
        assert direct.conversation is not first.conversation
        await its.quiet()
        assert answer.status == "sent"
        assert first.conversation.contact.name == "Família (GROUP)"
        await nothing_disappeared(its)


@pytest.mark.timeout(120)
async def test_an_uncertain_message_is_settled_by_its_receipt_and_not_sent_again(web_world):
    async with web_world() as its:
        bob = its.double.person("5511900000002", name="Bob")
        first = await arrives(its, await bob.writes(its.companion, "oi"))
        its.double.hold_acks()
        message = its.chat.agent_writes(first.conversation.id, "talvez")
        sent = await bob.next_message()
        await its.kill_worker()
        its.double.faults.acks_held = False
        await its.connected()
        await its.chat.wait_for(lambda: message.status == "failed", 30)

        await bob.confirms(its.companion, sent.id)
        await its.chat.wait_for(lambda: message.status == "sent", 20)
        await bob.confirms(its.companion, sent.id, kind="read")
        await its.chat.wait_for(lambda: message.status == "read", 20)
        await its.quiet()
        assert {one.id for one in bob.inbox} == {sent.id}
        await nothing_disappeared(its)
