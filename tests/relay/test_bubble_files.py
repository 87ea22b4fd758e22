"""Files that a flow names by their address: sent, or said where they lie; and shown to agents."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.core.content import MediaKind
from bridge.core.flow import Attachment, Offer, Prompt
from bridge.core.outgoing import Option
from support.bot_says import endings, line, mirrored, play, says, told
from support.bridge_house import House
from support.file_host import FileHost, file_host
from support.sessions import balanced

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
PDF = b"%PDF-1.4\n" + b" " * 100
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.fixture
async def host() -> AsyncIterator[FileHost]:
    async with file_host() as found:
        yield found


def file(url: str, kind: MediaKind = MediaKind.IMAGE, **more: object) -> Attachment:
    return Attachment(block="b", media=kind, url=url, name=url.rpartition("/")[2], **more)  # type: ignore[arg-type]


async def test_a_picture_is_sent_with_its_caption_and_shown_as_a_file(
    house: House, host: FileHost
) -> None:
    await house.talk()
    url = host.put("sapato.png", PNG, "image/png")
    await says(house, play(file(url, caption="Nosso *sapato*")), line("Gostou?"))
    await house.quiet()

    picture, _ = house.graph.sent
    assert (picture.type, picture.text) == ("image", "Nosso *sapato*")
    shown, text = mirrored(house)
    assert shown.content == "Nosso **sapato**"
    (attached,) = shown.attachments
    assert attached.blob.data == PNG
    assert text.content == "Gostou?"
    assert list(house.settings.storage.data_dir.joinpath("spool").iterdir()) == []
    assert await balanced(house)


@pytest.mark.parametrize(
    ("data", "mime", "kind"),
    [
        pytest.param(SVG, "image/svg+xml", MediaKind.IMAGE, id="drawn in SVG"),
        pytest.param(b"", "image/png", MediaKind.IMAGE, id="empty"),
        pytest.param(None, "", MediaKind.DOCUMENT, id="not there"),
    ],
)
async def test_what_cannot_be_sent_is_said_as_its_address(
    house: House, host: FileHost, data: bytes | None, mime: str, kind: MediaKind
) -> None:
    await house.talk()
    url = f"{host.url}/arquivo" if data is None else host.put("arquivo", data, mime)
    await says(house, play(file(url, kind, fallback=f"Veja: {url}")), line("Gostou?"))
    await house.quiet()

    assert house.texts == [f"Veja: {url}", "Gostou?"]
    assert [one.content for one in mirrored(house)] == [f"Veja: {url}", "Gostou?"]
    assert told(house) == []
    assert await endings(house) == [("delivered", None)] * 2
    assert await balanced(house)


async def test_an_address_inside_our_own_network_is_never_called(house: House) -> None:
    await house.talk()
    url = "http://10.0.0.7/segredo.png"
    await says(house, play(file(url)))
    await house.quiet()
    assert house.texts == [url]


async def test_a_server_with_a_moments_trouble_is_asked_again(house: House, host: FileHost) -> None:
    await house.talk()
    url = host.put("sapato.png", PNG, "image/png")
    host.failures = [503]
    await says(house, play(file(url)))
    await house.quiet()
    assert [one.type for one in house.graph.sent] == ["image"]


async def test_one_that_stays_away_holds_nobody_up_for_long(house: House, host: FileHost) -> None:
    await house.talk()
    url = host.put("sapato.png", PNG, "image/png")
    host.failures = [503] * 20
    await says(house, play(file(url)), line("Gostou?"))
    await house.quiet()
    assert house.texts == [url, "Gostou?"]


async def test_a_file_that_is_gone_by_then_is_shown_to_agents_as_its_address(
    house: House, host: FileHost
) -> None:
    await house.talk()
    url = host.put("boleto.pdf", PDF, "application/pdf")
    host.left = 1
    await says(house, play(file(url, MediaKind.DOCUMENT, caption="Seu boleto")))
    await house.quiet()
    assert [one.type for one in house.graph.sent] == ["document"]
    (shown,) = mirrored(house)
    assert (shown.content, shown.attachments) == (f"Seu boleto\n\n{url}", [])


async def test_without_its_picture_a_card_still_asks(house: House, host: FileHost) -> None:
    await house.talk()
    options = tuple(Option(id=f"i{n}", title=f"Opção {n}") for n in range(12))
    offer = Offer(body="*Sapato*", options=options, picture=f"{host.url}/nada.png")
    await says(house, prompt=Prompt(offers=(offer,), follows=False))
    await house.quiet()
    (text,) = house.texts
    assert text is not None
    assert text.startswith("*Sapato*\n\n1. Opção 0\n")
    (shown,) = mirrored(house)
    assert "Opção 11" in (shown.content or "")
    answered = await house.graph.customer_writes("5511987650001", "2")
    await house.quiet()
    assert house.of(f"WAID:{answered}").content == "Opção 1\n\n_Typed: 2_"
