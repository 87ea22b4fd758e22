"""What a flow says and asks, as the parts that a channel can show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.core.content import Media, MediaKind, Menu, Text
from bridge.core.flow import Attachment, Choices, Line, Offer, Play, Prompt, Script
from bridge.core.outgoing import Option
from bridge.relay.bot.bubble_shown import shown
from bridge.relay.bot.prompts import Drafts, drafted
from bridge.relay.outgoing import FilePart, MenuPart, TextPart, offers_of
from bridge.whatsapp.cloud.capabilities import CAPABILITIES as CLOUD
from bridge.whatsapp.web.capabilities import CAPABILITIES as WEB

PICTURE = "https://files.example/sapato.png"


def options(*titles: str) -> tuple[Option, ...]:
    return tuple(
        Option(id=f"item{place}", title=title) for place, title in enumerate(titles, start=1)
    )


def line(body: str, pause_ms: int = 0) -> Play:
    return Play(bubble=Line(block="b", body=body), pause_ms=pause_ms)


def asking(
    *titles: str, body: str = "", many: bool = False, follows: bool = True, above: str = "Qual?"
) -> Script:
    prompt = Prompt(
        offers=(Offer(body=body, options=options(*titles)),), follows=follows, many=many
    )
    return Script(plays=(line(above),), prompt=prompt)


def of(script: Script, able=CLOUD) -> Drafts:
    return drafted(script, able=able, language="pt_BR")


def test_up_to_three_short_options_are_buttons_below_the_last_text() -> None:
    drafts = of(asking("Sim", "Não", "Talvez"))
    (draft,) = drafts.bubbles
    (part,) = draft.parts
    assert isinstance(part, MenuPart)
    assert part.body == "Qual?"
    assert [one.id for one in part.offers] == ["item1", "item2", "item3"]
    assert drafts.numbered == options("Sim", "Não", "Talvez")


def test_up_to_ten_options_are_one_list_whose_long_titles_stand_whole_below() -> None:
    titles = ["Quero falar com um vendedor agora", *(f"Opção {n}" for n in range(9))]
    (draft,) = of(asking(*titles)).bubbles
    (part,) = draft.parts
    assert isinstance(part, MenuPart)
    assert len(part.offers) == 10
    assert part.offers[0].description == titles[0]
    assert part.label


def test_titles_that_are_equal_when_shortened_stand_whole_below_each_row() -> None:
    titles = ["Plano profissional mensal (1)", "Plano profissional mensal (2)"]
    (draft,) = of(asking(*titles)).bubbles
    (part,) = draft.parts
    assert isinstance(part, MenuPart)
    assert [one.description for one in part.offers] == titles


@pytest.mark.parametrize(
    ("titles", "many", "able"),
    [
        pytest.param([f"Opção {n}" for n in range(11)], False, CLOUD, id="more than ten"),
        pytest.param(["Sim", "Não"], True, CLOUD, id="several may be chosen"),
        pytest.param(["Sim", "Não"], False, WEB, id="a channel without buttons"),
        pytest.param(["Plano mensal", "plano mensal"], False, CLOUD, id="equal but for case"),
    ],
)
def test_others_are_a_text_with_numbers(titles, many, able) -> None:
    drafts = of(asking(*titles, many=many), able)
    (draft,) = drafts.bubbles
    (part,) = draft.parts
    assert isinstance(part, TextPart)
    lines = [f"{number}. {title}" for number, title in enumerate(titles, start=1)]
    assert part.body == "\n".join(["Qual?", "", *lines])
    assert part.offers == drafts.numbered == options(*titles)


def test_a_text_that_is_too_long_for_buttons_goes_before_them() -> None:
    above, below = of(asking("Sim", "Não", above="x" * 1025)).bubbles
    assert above.parts == (TextPart(body="x" * 1025),)
    (part,) = below.parts
    assert isinstance(part, MenuPart)
    assert 0 < len(part.body) <= 1024


def test_a_wait_before_the_question_keeps_it_apart_from_the_text() -> None:
    first, second = of(replace(asking("Sim", "Não"), pause_ms=3000)).bubbles
    assert first.parts == (TextPart(body="Qual?"),)
    assert (first.pause_ms, second.pause_ms) == (0, 3000)


def test_the_wait_before_a_text_stays_when_it_becomes_the_question() -> None:
    script = Script(plays=(line("a"), line("Qual?", 2000)), prompt=asking("Sim").prompt)
    assert [one.pause_ms for one in of(script).bubbles] == [0, 2000]


def test_a_hint_follows_the_text_in_the_same_message() -> None:
    prompt = Prompt(offers=(Offer(body="De 1 a 5"),))
    (draft,) = of(Script(plays=(line("Gostou?"),), prompt=prompt)).bubbles
    assert draft.parts == (TextPart(body="Gostou?\n\nDe 1 a 5"),)


def test_a_question_with_its_own_text_leaves_the_last_bubble_alone() -> None:
    first, second = of(asking("Sim", body="*Sapato*", follows=False)).bubbles
    assert first.parts == (TextPart(body="Qual?"),)
    (part,) = second.parts
    assert isinstance(part, MenuPart)
    assert part.body == "*Sapato*"


def test_a_flow_that_wants_a_person_does_not_ask() -> None:
    drafts = of(replace(asking("Sim", "Não"), hand_off=True))
    assert [one.parts for one in drafts.bubbles] == [(TextPart(body="Qual?"),)]
    assert drafts.numbered == ()


def test_cards_are_numbered_through_and_each_knows_those_before_it() -> None:
    offers = tuple(
        Offer(body=f"*Sapato {n}*", options=options(f"Ver {n}", f"Comprar {n}"), picture=PICTURE)
        for n in (1, 2)
    )
    drafts = of(Script(prompt=Prompt(offers=offers, follows=False)), WEB)
    first, second = drafts.bubbles
    (picture,) = second.parts
    assert isinstance(picture, FilePart)
    assert picture.caption == "*Sapato 2*\n\n3. Ver 2\n4. Comprar 2"
    assert picture.fallback == picture.caption
    assert picture.file.elsewhere
    assert second.offered == offers_of(first.parts)
    assert [one.title for one in drafts.numbered] == ["Ver 1", "Comprar 1", "Ver 2", "Comprar 2"]


def test_a_card_with_buttons_is_a_picture_and_its_buttons() -> None:
    offer = Offer(body="*Sapato*", options=options("Ver", "Comprar"), picture=PICTURE)
    (draft,) = of(Script(prompt=Prompt(offers=(offer,), follows=False))).bubbles
    file, menu = draft.parts
    assert isinstance(file, FilePart)
    assert isinstance(menu, MenuPart)
    content = shown(draft.parts, voice=False)
    assert isinstance(content, Media)
    assert content.caption == "*Sapato*\n• Ver\n• Comprar"


def test_equal_buttons_below_pictures_are_told_apart_by_what_stands_behind_them() -> None:
    both = (
        Option(id="a", title="Escolher", description="Sapato"),
        Option(id="b", title="Escolher", description="Bota"),
    )
    offers = tuple(Offer(body=one.description or "", options=(one,)) for one in both)
    drafts = of(Script(prompt=Prompt(offers=offers, follows=False)), WEB)
    assert [one.parts[0] for one in drafts.bubbles] == [
        TextPart(body="Sapato\n\n1. Escolher – Sapato", offers=both[:1]),
        TextPart(body="Bota\n\n2. Escolher – Bota", offers=both[1:]),
    ]


def test_options_that_a_text_wrote_down_are_offered_too() -> None:
    offer = Offer(body="Menu", options=options("Um", "Dois"))
    play = Play(bubble=Choices(block="b", offer=offer, label="Ver"))
    drafts = of(Script(plays=(play,)))
    (part,) = drafts.bubbles[0].parts
    assert isinstance(part, MenuPart)
    assert part.label == "Ver"
    assert drafts.numbered == offer.options


def test_a_title_of_several_lines_is_one_line_and_one_without_words_is_left_out() -> None:
    drafts = of(asking("Sim,\nclaro", " \n ", "Não"))
    assert [one.title for one in drafts.numbered] == ["Sim, claro", "Não"]


@pytest.mark.parametrize("able", [CLOUD, WEB], ids=["cloud", "web"])
def test_a_long_text_goes_out_in_pieces_of_one_bubble(able) -> None:
    body = "\n".join("palavra " * 10 for _ in range(100))
    (draft,) = of(Script(plays=(line(body),)), able).bubbles
    assert len(draft.parts) > 1
    assert all(isinstance(one, TextPart) and len(one.body) <= 4096 for one in draft.parts)
    content = shown(draft.parts, voice=False)
    assert isinstance(content, Text)
    assert content.body.split() == body.split()


def test_an_empty_bubble_is_none() -> None:
    assert of(Script(plays=(line(" \n "), line("oi")))).bubbles[0].text == "oi"
    assert len(of(Script(plays=(line(" \n "), line("oi")))).bubbles) == 1


def test_a_caption_that_is_too_long_or_that_a_kind_cannot_have_follows_the_file() -> None:
    picture = Attachment(
        block="b", media=MediaKind.IMAGE, url=PICTURE, name="sapato.png", caption="x" * 1100
    )
    sound = replace(picture, media=MediaKind.AUDIO, caption="Ouça", voice=True)
    for bubble in (picture, sound):
        (draft,) = of(Script(plays=(Play(bubble=bubble),))).bubbles
        file, text = draft.parts
        assert isinstance(file, FilePart)
        assert (file.caption, file.fallback) == (None, PICTURE)
        assert text == TextPart(body=bubble.caption or "")


def test_agents_are_shown_a_menu_with_its_options() -> None:
    (draft,) = of(asking("Sim", "Não")).bubbles
    assert shown(draft.parts, voice=False) == Menu(body="Qual?", options=("Sim", "Não"))
    assert shown((), voice=False) is None
