"""People with another number, and groups with another subject: the same contact, told once."""

from __future__ import annotations

from bridge.core.message import GroupChanged, IdentityChanged
from bridge.core.party import Party
from bridge.locale import say
from bridge.sim.chatwoot import Conversation
from bridge.whatsapp.channel import Profile
from support.bridge_house import MARINA, RUI, House, bridge_house
from support.qr_channel import LoggingQrChannel
from support.qr_events import GROUP, MOMENT, NUMBER, new_id, wrote
from support.sessions import balanced, bring, open_up, qr_house

OLD, NEW = Party(wa_id=MARINA), Party(wa_id="5521987650007")
NOTE = say("en", "note.number_changed", old="+55 11 98765-0001", new="+55 21 98765-0007")


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


def changed(old: Party = OLD, new: Party = NEW, **more: str) -> IdentityChanged:
    id_ = more.pop("id", None) or new_id("3E")
    return IdentityChanged(number=NUMBER, id=id_, old=old, new=new, at=MOMENT)


def notes(house: House) -> list[tuple[str | None, Conversation]]:
    return [
        (one.content, one.conversation)
        for one in house.chat.messages()
        if one.private and (one.source_id or "").startswith("PONTE:note")
    ]


async def test_a_person_with_another_number_stays_the_same_person(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = wrote("oi", sender=OLD)
        await bring(house, phone, first)
        chat = house.of(f"WAID:{first.id}").conversation
        house.chat.resolve(chat.id)
        await house.quiet()
        change = changed()

        await bring(house, phone, change, change)
        await bring(house, phone, changed())  # told in another way

        assert notes(house) == [(NOTE, chat)]
        assert chat.status == "resolved"
        assert chat.contact.phone_number == "+5521987650007"
        assert chat.contact.name == "+5521987650007"
        house.chat.agent_writes(chat.id, "no novo número?")
        await phone.has_sent(1)
        assert [to.wa_id for to, _ in phone.sent] == [NEW.wa_id]
        answer = wrote("sim", sender=NEW)
        await bring(house, phone, answer)
        assert house.of(f"WAID:{answer.id}").conversation.contact is chat.contact
        assert await balanced(house)


async def test_nobody_new_comes_of_a_change(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        before = len(house.chat.contacts)

        await bring(house, phone, changed(), changed(new=Party()))

        assert (await house.events())["signal", "ignored", "identity.unknown"] == 2
        assert await house.rows("SELECT * FROM identity_key") == []
        assert len(house.chat.contacts) == before
        assert await balanced(house)


async def test_two_persons_who_are_one_become_one(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        old, new = wrote("do antigo", sender=OLD), wrote("do novo", sender=NEW)
        await bring(house, phone, new, old)

        await bring(house, phone, changed())
        later = [wrote("depois", sender=one) for one in (OLD, NEW)]
        await bring(house, phone, *later)

        kept = house.of(f"WAID:{new.id}").conversation  # the older of the two
        assert {house.of(f"WAID:{one.id}").conversation for one in later} == {kept}
        assert notes(house) == [(NOTE, kept)]
        people = await house.rows("SELECT DISTINCT person_id FROM identity_key")
        assert len(people) == 1
        assert await balanced(house)


async def test_two_contacts_of_one_person_merge_where_that_is_switched_on(tmp_path):
    order = {"chatwootMergeBrazilContacts": True}
    async with house_of(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        old, new = wrote("do antigo", sender=OLD), wrote("do novo", sender=NEW)
        await bring(house, phone, old, new)

        await bring(house, phone, changed())

        kept = house.of(f"WAID:{old.id}").conversation.contact
        assert house.of(f"WAID:{new.id}").conversation.contact is kept
        assert kept.phone_number == "+5521987650007"
        assert [text for text, _ in notes(house)].count(NOTE) == 1  # beside that of the merge
        assert await balanced(house)


async def test_a_number_is_taken_from_a_certain_stranger(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        marina = Party(wa_id=OLD.wa_id, lid="103899771998284")
        stranger = Party(wa_id=NEW.wa_id, lid="103899771990000")
        old, theirs = wrote("oi", sender=marina), wrote("olá", sender=stranger)
        await bring(house, phone, old, theirs)

        await bring(house, phone, changed(old=marina))
        news = wrote("agora daqui", sender=NEW)
        still = wrote("e eu?", sender=Party(lid=stranger.lid))
        await bring(house, phone, news, still)

        assert house.of(f"WAID:{news.id}").conversation is house.of(f"WAID:{old.id}").conversation
        other = house.of(f"WAID:{theirs.id}").conversation
        assert house.of(f"WAID:{still.id}").conversation is other
        assert other.contact.phone_number == "+5521987650007"  # theirs until a person says else
        assert await balanced(house)


async def test_what_agents_wrote_on_the_contact_stays(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = wrote("oi", sender=OLD)
        await bring(house, phone, first)
        contact = house.of(f"WAID:{first.id}").conversation.contact
        house.chat.agent_edits_contact(contact.id, name="Marina", phone_number=f"+{RUI}")
        await house.quiet()

        await bring(house, phone, changed())

        assert (contact.name, contact.phone_number) == ("Marina", f"+{RUI}")


async def test_a_change_whose_note_was_not_answered_is_noted_once(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, wrote("oi", sender=OLD))
        house.chat.faults.stored_but(500, route="POST messages", times=1)

        await bring(house, phone, changed())

        assert len(notes(house)) == 1
        assert await balanced(house)


async def test_another_number_over_the_cloud_api(tmp_path):
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        _, payload = house.graph.draft(MARINA, "")
        (message,) = payload["entry"][0]["changes"][0]["value"]["messages"]
        del message["text"]
        body = f"User changed from {MARINA} to {NEW.wa_id}"
        said = {"body": body, "type": "user_changed_number", "wa_id": NEW.wa_id}
        message.update(type="system", system=said)

        await house.graph.deliver(payload)
        await house.quiet()

        assert notes(house) == [(NOTE, chat)]
        house.chat.agent_writes(chat.id, "no novo?")
        (sent,) = await house.sent()
        assert sent.to == NEW.wa_id


# ------------------------------------------------------------------------ groups


def news(subject: str | None = None) -> GroupChanged:
    return GroupChanged(number=NUMBER, id=new_id("3G"), group=GROUP, at=MOMENT, subject=subject)


async def test_another_subject_of_a_group_is_its_name_at_once(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        phone.profile = Profile(name="Obra")
        theirs = wrote("oi", group=GROUP)
        await bring(house, phone, theirs)
        contact = house.of(f"WAID:{theirs.id}").conversation.contact
        assert contact.name == "Obra (GROUP)"
        asked = len(phone.described)

        phone.profile = Profile(name="Obra 2")
        await bring(house, phone, news("Obra 2"), news(), news())

        assert contact.name == "Obra 2 (GROUP)"
        assert len(phone.described) == asked + 1
        # What somebody wrote there stays.
        house.chat.agent_edits_contact(contact.id, name="Minha obra")
        phone.profile = Profile(name="Obra 3")
        await bring(house, phone, news("Obra 3"))
        assert contact.name == "Minha obra"
        assert await balanced(house)


class SilentChannel(LoggingQrChannel):
    """Cannot be asked who somebody is."""

    profile = None  # type: ignore[assignment]


async def test_a_group_that_cannot_be_asked_tells_its_subject_itself(tmp_path):
    async with qr_house(tmp_path, channel=SilentChannel) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("oi", group=GROUP)
        await bring(house, phone, theirs)

        await bring(house, phone, news("Obra 2"))

        assert house.of(f"WAID:{theirs.id}").conversation.contact.name == "Obra 2 (GROUP)"
        assert await balanced(house)


async def test_news_of_an_unknown_group_make_no_contact(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)

        await bring(house, phone, news("Outra"))

        assert (await house.events())["signal", "ignored", "group.unknown"] == 1
        assert await house.rows("SELECT * FROM chat") == []
        assert await balanced(house)
