"""Every kind of message and change, from somebody's phone through the library to our events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.core.content import (
    Answer,
    Contacts,
    Form,
    Invitation,
    Location,
    Media,
    MediaKind,
    Menu,
    Order,
    Payment,
    Poll,
    Product,
    Text,
    Unsupported,
)
from bridge.core.message import (
    Edited,
    Event,
    GroupChanged,
    Reacted,
    Received,
    SentByPhone,
    Unhandled,
    Voted,
)
from bridge.core.party import Party
from bridge.whatsapp.web.parser import events
from support.web_worker import Worker, linked
from support.whatsapp_web import Person, WhatsAppWeb, contents, kinds, required
from support.whatsapp_web.protocols import Message

required()

NUMBER, BOB = "5511900000001", "5511900000002"
AT = datetime(2030, 1, 1, tzinfo=UTC)
BEGINS = 1_795_294_800


def parsed(name: str, data: dict[str, Any]) -> Event:
    (event,) = events(name, data, number="shop", received_at=AT)
    return event


async def read(worker: Worker, message: str) -> Any:
    return parsed("message", await worker.event("message", lambda one: one["id"] == message))


def every_content(double: WhatsAppWeb) -> list[tuple[Message, Any]]:
    """What somebody sends, and what it is; of a file what is particular about it."""
    picture = double.media.put(b"picture", kind="image", mime="image/jpeg")
    video = double.media.put(b"video", kind="video", mime="video/mp4")
    voice = double.media.put(b"voice", kind="audio", mime="audio/ogg; codecs=opus")
    sticker = double.media.put(b"sticker", kind="sticker", mime="image/webp")
    once = contents.media(picture, viewOnce=True)
    return [
        (
            kinds.place(-23.5, -46.5, name="MASP"),
            Location(latitude=-23.5, longitude=-46.5, name="MASP"),
        ),
        (
            kinds.live_place(-23.5, -46.5, caption="vou"),
            Location(latitude=-23.5, longitude=-46.5, live=True, caption="vou"),
        ),
        (kinds.card("Ana", "5511900000009"), ["Ana"]),
        (kinds.cards(("Ana", "5511900000009"), ("Rui", "5511900000008")), ["Ana", "Rui"]),
        (contents.media(sticker, isAnimated=True), {"media": MediaKind.STICKER, "animated": True}),
        (
            kinds.wrapped(contents.media(sticker, isLottie=True), "lottieStickerMessage"),
            {"media": MediaKind.STICKER, "animated": True},
        ),
        (kinds.round_video(video, seconds=9), {"round": True, "seconds": 9}),
        (contents.media(voice, PTT=True, seconds=4), {"voice": True, "seconds": 4}),
        *(
            (kinds.wrapped(once, f"viewOnceMessage{version}"), {"view_once": True})
            for version in ("", "V2", "V2Extension")
        ),
        (
            kinds.wrapped(once, "viewOnceMessageV2", "ephemeralMessage"),
            {"media": MediaKind.IMAGE, "view_once": True},
        ),
        (kinds.wrapped(contents.media(picture), "associatedChildMessage"), {"view_once": False}),
        (kinds.wrapped(contents.text("some"), "ephemeralMessage"), Text(body="some")),
        (kinds.wrapped(contents.text("oi"), "groupMentionedMessage"), Text(body="oi")),
        (kinds.wrapped(contents.text("oi"), "botInvokeMessage"), Text(body="oi")),
        (kinds.button_answer("1", "Vendas"), Answer(source="button", title="Vendas", id="1")),
        (
            kinds.list_answer("r1", "RH", "Pessoas"),
            Answer(source="list", title="RH", id="r1", description="Pessoas"),
        ),
        (kinds.template_answer("ok", "Ok"), Answer(source="template", title="Ok", id="ok")),
        (
            kinds.native_answer("quick_reply", {"id": "s"}, text="Sim"),
            Answer(source="button", title="Sim", id="s"),
        ),
        (
            kinds.native_answer("flow", {"nome": "Ana"}, text="Enviado"),
            Form(source="flow", body="Enviado", values={"nome": "Ana"}),
        ),
        (
            kinds.native_menu("Oi", quick_reply={"display_text": "Vendas"}),
            Menu(body="Oi", options=("Vendas",)),
        ),
        (
            kinds.of(orderMessage={"orderID": "9", "itemCount": 2, "totalAmount1000": "59900"}),
            Order(id="9", count=2, total="59.90"),
        ),
        (
            kinds.of(productMessage={"product": {"productID": "7", "title": "Pedal"}}),
            Product(id="7", title="Pedal"),
        ),
        (
            kinds.pix_key("ana@example.com", "Loja"),
            Payment(what="key", key="ana@example.com", note="Loja", id="4PVSNK5RNNJ"),
        ),
        (
            kinds.of(requestPaymentMessage={"amount1000": "5000", "currencyCodeIso4217": "BRL"}),
            Payment(what="request", amount="5.00", currency="BRL"),
        ),
        (
            kinds.of(groupInviteMessage={"groupName": "Clube", "inviteCode": "AbC123"}),
            Invitation(what="group", title="Clube", url="https://chat.whatsapp.com/AbC123"),
        ),
        (
            kinds.event("Reunião", begins=BEGINS),
            Invitation(what="event", title="Reunião", begins=datetime.fromtimestamp(BEGINS, UTC)),
        ),
        (kinds.of(stickerPackMessage={"name": "Gatos"}), "stickerPackMessage"),
    ]


def check(told: object, expected: Any) -> None:
    match expected:
        case str():
            assert isinstance(told, Unsupported)
            assert told.upstream == expected
        case list():
            assert isinstance(told, Contacts)
            assert [one.name for one in told.cards] == expected
            assert all(one.phones[0].wa_id for one in told.cards)
        case dict():
            assert isinstance(told, Media)
            assert {name: getattr(told, name) for name in expected} == expected
        case _:
            assert told == expected


async def test_every_kind_of_content_comes_as_what_it_is(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            sent = every_content(double)
            for message, expected in sent:
                event = await read(worker, await bob.writes(companion, message))
                assert isinstance(event, Received)
                check(event.content, expected)
            withheld = await bob.withholds(companion)
            await worker.event("undecryptable")
            event = parsed("undecryptable", worker.told("undecryptable")[0])
            assert isinstance(event, Received)
            assert event.id == f"{withheld}~undecryptable"
            check(event.content, "viewOnce")
            typed = await read(worker, await phone.writes_to(bob, sent[0][0]))
            assert isinstance(typed, SentByPhone)
            check(typed.content, sent[0][1])
            counted = await bob.writes(companion, kinds.album(2))
            assert await read(worker, counted) == Unhandled(number="shop", rule="web.album")


async def change(worker: Worker, message: str, target: str, bob: Person) -> Any:
    """A change that Bob made in a direct chat."""
    event = await read(worker, message)
    assert isinstance(event, Reacted | Edited | Voted)
    assert (event.id, event.target, event.by_us, event.sender) == (message, target, False, None)
    assert (event.chat.lid, event.chat.wa_id) == (bob.lid.user, bob.pn.user)
    return event


async def test_reactions_edits_votes_and_mentions_name_whom_they_mean(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            own = await bob.writes(companion, "Oi")
            for sign in ("👍", "❤️", ""):
                told = await bob.reacts(companion, own, sign, own=True)
                assert (await change(worker, told, own, bob)).emoji == (sign or None)
            told = await bob.edits(companion, own, "Olá")
            assert (await change(worker, told, own, bob)).content == Text(body="Olá")

            poll = await bob.asks(companion, "Que dia?", "Sábado", "Domingo")
            assert (await read(worker, poll)).content == Poll(
                question="Que dia?", options=("Sábado", "Domingo"), most=1
            )
            told = await bob.votes(companion, poll, "Domingo")
            assert len((await change(worker, told, poll, bob)).options) == 1

            context = {"mentionedJID": [str(bob.lid), "99@lid", str(phone.pn)]}
            said = {"text": f"@{bob.lid.user} @99", "contextInfo": context}
            event = await read(
                worker, await bob.writes(companion, kinds.of(extendedTextMessage=said))
            )
            assert event.mentions == (
                Party(wa_id=bob.pn.user, lid=bob.lid.user),
                Party(lid="99"),
                Party(wa_id=phone.pn.user),
            )

            pin = kinds.pinned(contents.key(own, chat=phone.lid))
            told = await bob.writes(companion, pin)
            assert await read(worker, told) == Unhandled(number="shop", rule="web.pin")


async def test_what_happens_to_a_group_and_in_it_names_it(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        eve = double.person("5511900000003", name="Eve")
        group = double.group("Família", [phone, bob])
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            await group.renames(companion, bob, "Família Silva")
            await group.changes(companion, bob, "add", eve)
            await group.changes(companion, bob, "promote", eve)
            await group.shows(companion, bob)
            await worker.until(lambda: len(worker.told("picture")) == 1, "all")
            renamed, joined, promoted = (parsed("group", one) for one in worker.told("group"))
            pictured = parsed("picture", worker.told("picture")[0])
            for event in (renamed, joined, pictured):
                assert isinstance(event, GroupChanged)
                assert event.group == str(group.jid)
                assert event.at < AT
                assert event.subject == ("Família Silva" if event is renamed else None)
            assert promoted == Unhandled(number="shop", rule="web.group")

            said = await bob.writes(companion, "Oi", group=group)
            key = contents.key(said, chat=group.jid, from_me=False, author=bob.lid)
            await eve.writes(companion, contents.reaction(key, "👍"), group=group)
            told = await worker.event("message", lambda one: "reactionMessage" in one["message"])
            reacted = parsed("message", told)
            assert isinstance(reacted, Reacted)
            assert (reacted.chat, reacted.target) == (Party(group=str(group.jid)), said)
            assert reacted.sender is not None
            assert (reacted.sender.lid, reacted.sender.name) == (eve.lid.user, "Eve")
