"""Whatever a person can send on WhatsApp stands in Chatwoot, by the real worker and library."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.crashing import nothing_disappeared
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import contents, kinds, required

required()

PICTURE = png(48, 48, colour=(210, 120, 40))
VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(60)
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(40)
STICKER = b"RIFF\x1a\0\0\0WEBPVP8L" + bytes(14)


async def sees(its: WebCrossing, fits: Callable[[], object]) -> None:
    await its.chat.wait_for(lambda: bool(fits()), 20)


def standing(its: WebCrossing, written: str) -> Message | None:
    """What a customer wrote, as it stands in Chatwoot."""
    found = (one for one in its.chat.messages() if one.source_id == f"WAID:{written}")
    return next(found, None)


async def answered(its: WebCrossing, message: Message, fits: Callable[[Message], bool]) -> Message:
    """The message that agents see in answer to another one."""

    def found() -> list[Message]:
        return [
            one
            for one in its.chat.messages()
            if one.content_attributes.get("in_reply_to") == message.id and fits(one)
        ]

    await sees(its, found)
    (one,) = found()
    return one


@pytest.mark.timeout(120)
async def test_every_kind_that_people_send_stands_in_chatwoot(zygote, database, tmp_path):
    options = {"groupsIgnore": False}
    async with web_crossing(zygote, database, tmp_path / "world", options=options) as its:
        bob, media = its.double.person("5511900000002", name="Bob"), its.double.media
        picture = media.put(PICTURE, kind="image", mime="image/png")
        voice = media.put(VOICE, kind="audio", mime="audio/ogg; codecs=opus")
        video = media.put(VIDEO, kind="video", mime="video/mp4")
        sticker = media.put(STICKER, kind="sticker", mime="image/webp")
        once = kinds.wrapped(contents.media(picture, viewOnce=True), "viewOnceMessageV2")
        #: What is sent, what agents read of it, and the file if it has one.
        sent = [
            (
                kinds.place(-23.5, -46.5, name="MASP", address="Av. Paulista"),
                ["MASP", "-23.5"],
                None,
            ),
            (kinds.live_place(-23.5, -46.5, caption="a caminho"), ["a caminho", "-46.5"], None),
            (kinds.card("Ana", "5511900000009"), ["Ana", "5511900000009"], None),
            (
                kinds.cards(("Ana", "5511900000009"), ("Rui", "5511900000008")),
                ["Ana", "Rui", "5511900000008"],
                None,
            ),
            (contents.media(sticker, isAnimated=True), [], STICKER),
            (kinds.round_video(video, seconds=9), [], VIDEO),
            (contents.media(voice, PTT=True, seconds=4), [], VOICE),
            (once, [], PICTURE),
            (kinds.wrapped(contents.media(picture), "associatedChildMessage"), [], PICTURE),
            (kinds.wrapped(contents.text("some em um dia"), "ephemeralMessage"), ["some"], None),
            (kinds.button_answer("1", "Falar com vendas"), ["Falar com vendas"], None),
            (kinds.list_answer("r1", "Financeiro", "Boletos"), ["Financeiro"], None),
            (kinds.template_answer("ok", "Confirmar"), ["Confirmar"], None),
            (kinds.native_answer("quick_reply", {"id": "s"}, text="Sim, quero"), ["Sim"], None),
            (
                kinds.native_answer("flow", {"nome": "Ana"}, text="Enviado"),
                ["Enviado", "nome", "Ana"],
                None,
            ),
            (
                kinds.native_menu("Oi?", quick_reply={"display_text": "Vendas"}),
                ["Oi?", "Vendas"],
                None,
            ),
            (
                kinds.of(
                    orderMessage={
                        "orderID": "900",
                        "itemCount": 2,
                        "message": "para amanhã",
                        "totalAmount1000": "59900",
                        "totalCurrencyCode": "BRL",
                    }
                ),
                ["para amanhã", "59.90"],
                None,
            ),
            (kinds.of(productMessage={"product": {"title": "Pedal"}}), ["Pedal"], None),
            (kinds.pix_key("ana@example.com", "Loja da Ana"), ["ana@example.com"], None),
            (
                kinds.of(
                    requestPaymentMessage={"amount1000": "50000", "currencyCodeIso4217": "BRL"}
                ),
                ["50.00"],
                None,
            ),
            (
                kinds.of(groupInviteMessage={"groupName": "Clube", "inviteCode": "AbC123"}),
                ["Clube", "https://chat.whatsapp.com/AbC123"],
                None,
            ),
            (kinds.event("Reunião", begins=1_795_294_800), ["Reunião"], None),
            (kinds.of(stickerPackMessage={"name": "Gatos"}), ["Gatos"], None),
        ]
        ids = [await bob.writes(its.companion, message) for message, _, _ in sent]
        withheld = f"{await bob.withholds(its.companion)}~undecryptable"
        await sees(its, lambda: all(standing(its, one) for one in (*ids, withheld)))
        for written, (_, words, file) in zip(ids, sent, strict=True):
            message = standing(its, written)
            assert message is not None
            assert message.message_type == "incoming"
            for word in words:
                assert word in (message.content or ""), (words, message.content)
            assert [one.data for one in message.attachments] == ([file] if file else [])
        numbers = [one.source_id for one in its.from_customers()]
        assert numbers == [f"WAID:{one}" for one in (*ids, withheld)], "in their order, once"
        await changes(its)
        await nothing_disappeared(its)


async def changes(its: WebCrossing) -> None:
    """What people do to messages that stand there, and to a group."""
    bob = its.double.people["5511900000002"]
    own = await bob.writes(its.companion, "Vocês abrem?")
    await sees(its, lambda: standing(its, own))
    message = standing(its, own)
    assert message is not None
    await bob.reacts(its.companion, own, "👍", own=True)
    reaction = await answered(its, message, lambda one: "👍" in (one.content or ""))
    assert reaction.message_type == "incoming"
    await bob.edits(its.companion, own, "Vocês abrem no domingo?")
    await answered(its, message, lambda one: "Vocês abrem no domingo?" in (one.content or ""))
    assert message.content == "Vocês abrem?"

    asked = await bob.asks(its.companion, "Que dia?", "Sábado", "Domingo")
    await sees(its, lambda: standing(its, asked))
    poll = standing(its, asked)
    assert poll is not None
    assert all(word in (poll.content or "") for word in ("Que dia?", "Sábado", "Domingo"))
    await bob.votes(its.companion, asked, "Domingo")
    vote = await answered(its, poll, lambda one: "Domingo" in (one.content or ""))
    assert "Sábado" not in (vote.content or "")

    group = its.double.group("Família", [its.phone, bob])
    said = await bob.writes(its.companion, "Oi gente", group=group)
    await sees(its, lambda: standing(its, said))
    common = standing(its, said)
    assert common is not None
    await sees(its, lambda: "Família" in (common.conversation.contact.name or ""))
    await group.renames(its.companion, bob, "Clube do Bolo")
    await sees(its, lambda: "Clube do Bolo" in (common.conversation.contact.name or ""))
    await its.quiet()
