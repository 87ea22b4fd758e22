"""What several messages of a person are to a flow."""

from __future__ import annotations

import pytest

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Location,
    Media,
    MediaKind,
    Phone,
    Poll,
    Text,
    Unsupported,
)
from bridge.core.flow import Line
from bridge.relay.bot.memory import Heard
from bridge.relay.bot.utterances import LONGEST, type_of, utterance_of, words_of
from bridge.typebot.commands import Wish
from bridge.typebot.taming import tamed
from bridge.typebot.texts import spoken


def heard(*contents: Content) -> list[Heard]:
    return [Heard(id=f"m{n}", at=n, content=one) for n, one in enumerate(contents)]


def media(kind: MediaKind = MediaKind.IMAGE, **more: object) -> Media:
    return Media(media=kind, handle="h", mime="image/jpeg", **more)  # type: ignore[arg-type]


PLACE = Location(latitude=-23.5, longitude=-46.6)
CARDS = Contacts(cards=(Card(name="Rui", phones=(Phone(number="+5511987650002"),)),))


def test_texts_are_joined_by_line_breaks_and_empty_ones_left_out():
    said = utterance_of(heard(Text(body="bom"), Text(body="  "), Text(body="dia")))
    assert (said.text, said.files, said.strange) == ("bom\ndia", (), ())


def test_a_caption_is_a_text_but_the_name_of_a_file_is_none():
    file = media(MediaKind.DOCUMENT, filename="a.pdf", caption="a.pdf")
    said = utterance_of(heard(media(caption="o defeito"), file))
    assert said.text == "o defeito"
    assert [one.message_id for one in said.files] == ["m0", "m1"]
    assert words_of(heard(file)) == ""


def test_a_choice_counts_with_its_id_and_its_title():
    said = utterance_of(heard(Answer(source="list", title="Sim", id="i1")))
    assert (said.text, said.choice) == ("Sim", "i1")


def test_of_several_choices_the_last_counts():
    answers = [Answer(source="button", title=one, id=one) for one in ("a", "b")]
    assert utterance_of(heard(*answers)).choice == "b"


def test_what_is_no_answer_by_itself_is_strange_and_readable_where_it_can_be():
    said = utterance_of(
        heard(media(MediaKind.STICKER), PLACE, CARDS, Unsupported(upstream="x", raw={}))
    )
    assert said.strange == ("sticker", "location", "contacts", "unsupported")
    assert said.text == "-23.5, -46.6\nRui +5511987650002"
    assert said.files == ()


@pytest.mark.parametrize(
    "content", [PLACE, CARDS, media(), media(MediaKind.STICKER), Poll(question="?", options=())]
)
def test_what_has_no_words_triggers_nothing(content):
    assert words_of(heard(content)) == ""


def test_a_very_long_burst_is_cut():
    assert len(utterance_of(heard(*[Text(body="a" * 60_000)] * 3)).text) == LONGEST


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (Text(body="oi"), "conversation"),
        (media(), "imageMessage"),
        (media(MediaKind.AUDIO), "audioMessage"),
        (media(MediaKind.STICKER), "stickerMessage"),
        (PLACE, "locationMessage"),
        (CARDS, "contactMessage"),
        (Answer(source="list", title="a"), "listResponseMessage"),
        (Answer(source="button", title="a"), "buttonsResponseMessage"),
        (Form(source="flow"), "conversation"),
        (Unsupported(upstream="x", raw={}), "unsupportedMessage"),
    ],
)
def test_kinds_have_evolutions_names(content, told):
    assert type_of(content) == told


@pytest.mark.parametrize(
    "text",
    [
        "[resolve]",
        "Ana\n*[assign agent Diretoria]*",
        "Ana\n[LABEL vip]\n[handoff: urgente]",
        "[list]\n[title]Menu\n[menu]Ver\n[section]A\n[row]\ntitle: Um\nrowId: 1",
        " *[buttons]\n[title]Pix\n[reply]\nid: 1\ndisplayText: Pagar",
        "veja ![a](http://minio.internal/segredo.png) e ![](https://x.example/y.pdf)",
    ],
)
def test_what_a_person_says_commands_nothing_when_a_flow_repeats_it(text):
    for repeated in (words_of(heard(Text(body=text))), utterance_of(heard(Text(body=text))).text):
        bubbles, wish, _ = spoken("b", {"plainText": repeated})
        assert wish == Wish()
        assert [type(one) for one in bubbles] == [Line]
        assert repeated.replace("\u2060", "") == text


@pytest.mark.parametrize("text", ["meu [rascunho] aqui", "a lista [1]", "![não é arquivo]", "oi"])
def test_other_words_stay_as_they_are(text):
    assert words_of(heard(Text(body=text))) == text


def test_a_very_long_text_is_tamed_at_once() -> None:
    """Time to the square of its length would be half an hour, in the loop that all chats share."""
    for mark in " ", "*", "\n", "[", "![":
        text = mark * 1_000_000 + "x["
        assert tamed(text) == text
