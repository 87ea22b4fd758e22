"""What each kind of bubble becomes, and what hides in texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import MediaKind
from bridge.core.flow import Attachment, Choices, Line, Offer, Status
from bridge.core.outgoing import Option
from bridge.typebot.bubbles import BAD_URL, CUT, NO_CONTENT, UNKNOWN_BUBBLE, shown, waits
from bridge.typebot.commands import Wish
from bridge.typebot.models import Message
from bridge.typebot.texts import LONGEST

URL = "https://cdn.example.com"


def message(kind, **content):
    return Message(id="b1", kind=kind, content=content)


def text(*lines):
    tree = [{"type": "p", "children": [{"text": line}]} for line in lines]
    return message("text", type="richText", richText=tree)


def only(found):
    assert len(found.bubbles) == 1, found
    return found.bubbles[0]


def line(body):
    return Line(block="b1", body=body)


def file(media, url, name, **more):
    return Attachment(
        block="b1", media=media, url=url, name=name, **{"fallback": url, "voice": False, **more}
    )


@pytest.mark.parametrize(
    ("given_message", "expected"),
    [
        pytest.param(
            message("image", url=f"{URL}/a/foto%20bonita.png?v=2"),
            file(MediaKind.IMAGE, f"{URL}/a/foto%20bonita.png?v=2", "foto bonita.png"),
            id="picture",
        ),
        pytest.param(
            message("image", url=f"{URL}/x", clickLink={"url": "https://e.com", "alt": "Loja"}),
            file(
                MediaKind.IMAGE,
                f"{URL}/x",
                "x",
                caption="Loja\nhttps://e.com",
                fallback=f"Loja\nhttps://e.com\n{URL}/x",
            ),
            id="picture that leads somewhere",
        ),
        pytest.param(
            message("image", url=f"{URL}/x.jpg", clickLink={"url": "javascript:alert(1)"}),
            file(MediaKind.IMAGE, f"{URL}/x.jpg", "x.jpg"),
            id="a script is no link",
        ),
        pytest.param(
            message("image", url=f"{URL}/x.jpg", clickLink={"alt": "only words"}),
            file(MediaKind.IMAGE, f"{URL}/x.jpg", "x.jpg"),
            id="words for the blind are not shown",
        ),
        pytest.param(
            message("image", url="https://media0.giphy.com/media/abc/giphy.gif?cid=1"),
            file(
                MediaKind.VIDEO,
                "https://media0.giphy.com/media/abc/giphy.mp4",
                "giphy.mp4",
                fallback="https://media0.giphy.com/media/abc/giphy.gif?cid=1",
            ),
            id="giphy",
        ),
        pytest.param(
            message("image", url=f"{URL}/x.GIF"),
            file(MediaKind.DOCUMENT, f"{URL}/x.GIF", "x.GIF"),
            id="gif",
        ),
        pytest.param(message("image", url=f"{URL}/x.svg"), line(f"{URL}/x.svg"), id="svg"),
        pytest.param(
            message("video", type="url", url=f"{URL}/clip.mp4"),
            file(MediaKind.VIDEO, f"{URL}/clip.mp4", "clip.mp4"),
            id="film",
        ),
        pytest.param(
            message("video", url=f"{URL}/clip"),
            file(MediaKind.VIDEO, f"{URL}/clip", "clip"),
            id="film of no kind",
        ),
        pytest.param(
            message("video", type="youtube", id="dQw4", url="youtube.com/watch?v=dQw4"),
            line("https://youtu.be/dQw4"),
            id="youtube",
        ),
        pytest.param(
            message("video", type="youtube", id="a b", url="youtube.com/watch?v=dQw4"),
            line("https://youtube.com/watch?v=dQw4"),
            id="youtube without a good id",
        ),
        pytest.param(
            message("video", type="vimeo", id="7697", url="vimeo.com/7697"),
            line("https://vimeo.com/7697"),
            id="vimeo",
        ),
        pytest.param(
            message("video", type="vimeo", id="7697", url="vimeo.com/7697/a1b2"),
            line("https://vimeo.com/7697/a1b2"),
            id="a private film keeps its key",
        ),
        pytest.param(
            message("video", type="vimeo", id="7697"),
            line("https://vimeo.com/7697"),
            id="vimeo without an address",
        ),
        pytest.param(
            message("video", type="tiktok", id="99", url="tiktok.com/@eu/video/99"),
            line("https://tiktok.com/@eu/video/99"),
            id="tiktok",
        ),
        pytest.param(
            message("video", type="gumlet", id="65a", url="x"),
            line("https://play.gumlet.io/embed/65a"),
            id="gumlet",
        ),
        pytest.param(
            message("audio", url=f"{URL}/voz.mp3"),
            file(MediaKind.AUDIO, f"{URL}/voz.mp3", "voz.mp3", voice=True),
            id="voice",
        ),
        pytest.param(
            message("embed", url=f"{URL}/Termos%20de%20uso.pdf"),
            file(MediaKind.DOCUMENT, f"{URL}/Termos%20de%20uso.pdf", "Termos de uso.pdf"),
            id="document",
        ),
        pytest.param(message("embed", url="https://e.com/x"), line("https://e.com/x"), id="page"),
        pytest.param(message("embed", url="e.com/x"), line("https://e.com/x"), id="no scheme"),
        pytest.param(message("embed", url="//e.com/x"), line("https://e.com/x"), id="half a one"),
        pytest.param(message("embed", url="mailto:a@b.co"), line("mailto:a@b.co"), id="mail"),
        pytest.param(
            message("custom-embed", url="https://cal.com/d"), line("https://cal.com/d"), id="cal"
        ),
        pytest.param(message("file", url=f"{URL}/x.zip"), file(
            MediaKind.DOCUMENT, f"{URL}/x.zip", "x.zip"), id="file"),
        pytest.param(text("Olá"), line("Olá"), id="text"),
        pytest.param(
            message("text", type="markdown", markdown="**a** <u>b</u> [c](https://e.com)\n"),
            line("*a* b c (https://e.com)"),
            id="markdown",
        ),
    ],
)  # fmt: skip
def test_a_bubble(given_message, expected):
    found = shown(given_message)
    assert only(found) == expected
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("given_message", "reason"),
    [
        (message("image"), NO_CONTENT),
        (message("image", url=""), NO_CONTENT),
        (message("image", url=7), NO_CONTENT),
        (message("image", url="data:image/png;base64,AAAA"), BAD_URL),
        (message("image", url="/local/x.png"), BAD_URL),
        (message("image", url="x.png"), BAD_URL),
        (message("image", url="ftp://e.com/x.png"), BAD_URL),
        (message("image", url="https:///x.png"), BAD_URL),
        (message("image", url="https://[bad/x.png"), BAD_URL),
        (message("image", url="https://e.com/a b.png"), BAD_URL),
        (message("image", url="https://e.com/" + "x" * 5000), BAD_URL),
        (message("video", type="youtube"), NO_CONTENT),
        (message("video", type="nine", url="javascript:x"), BAD_URL),
        (message("audio", url="blob:https://e.com/1"), BAD_URL),
        (message("custom-embed"), NO_CONTENT),
        (text(""), NO_CONTENT),
        (text("  "), NO_CONTENT),
        (message("text"), NO_CONTENT),
        (message("text", richText="x", markdown=3), NO_CONTENT),
        (message("hologram"), UNKNOWN_BUBBLE),
    ],
)
def test_what_cannot_be_sent_is_told(given_message, reason):
    found = shown(given_message)
    assert found.bubbles == ()
    assert [code for code, _ in found.left_out] == [reason]


def test_of_an_unknown_kind_the_address_is_sent():
    found = shown(message("hologram", url="https://e.com/x"))
    assert only(found) == line("https://e.com/x")
    assert found.left_out == ((UNKNOWN_BUBBLE, "hologram"),)


def test_of_an_unknown_kind_the_text_is_sent():
    tree = [{"type": "p", "children": [{"text": "Oi", "bold": True}]}]
    found = shown(message("hologram", richText=tree, url="https://e.com/x"))
    assert only(found) == line("*Oi*")
    assert found.left_out == ((UNKNOWN_BUBBLE, "hologram"),)


def test_a_text_of_endless_length_is_cut_and_told():
    found = shown(text("x" * (LONGEST + 5)))
    assert len(only(found).body) == LONGEST
    assert found.left_out == ((CUT, "5 characters"),)


@pytest.mark.parametrize(
    ("given_message", "expected"),
    [
        (message("custom-embed"), True),
        (message("embed", waitForEvent={"isEnabled": True}), True),
        (message("embed", waitForEvent={"isEnabled": "yes"}), False),
        (message("embed"), False),
        (message("text"), False),
    ],
)
def test_which_bubbles_wait(given_message, expected):
    assert waits(given_message) is expected


# -- files in texts ------------------------------------------------------------------------------


def test_a_picture_in_a_text_is_sent_between_its_parts():
    found = shown(text("Veja:", f"![A loja]({URL}/loja.jpg)", "Gostou?"))
    assert found.bubbles == (
        line("Veja:"),
        file(
            MediaKind.IMAGE,
            f"{URL}/loja.jpg",
            "loja.jpg",
            caption="A loja",
            fallback=f"A loja\n{URL}/loja.jpg",
        ),
        line("Gostou?"),
    )


def test_a_file_in_a_text_has_the_kind_of_its_name():
    found = shown(text(f"![]({URL}/a.mp3)![]({URL}/b.mp4)![]({URL}/c.pdf)![]({URL}/d.svg)"))
    assert [getattr(each, "media", "line") for each in found.bubbles] == [
        MediaKind.AUDIO,
        MediaKind.VIDEO,
        MediaKind.DOCUMENT,
        "line",
    ]


@pytest.mark.parametrize(
    "body",
    [
        f"![x]({URL}/page)",
        "![x](/a.jpg)",
        "![x](data:a.jpg)",
        f"[x]({URL}/a.jpg)",
        "![x]",
        f"!{URL}/a.jpg",
    ],
)
def test_what_is_no_file_stays_text(body):
    assert only(shown(text(body))) == line(body)


# -- commands in texts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "wish"),
    [
        ("[handoff]", Wish(hand_off=True, status=Status.OPEN)),
        ("*[HANDOFF]*", Wish(hand_off=True, status=Status.OPEN)),
        (
            " [handoff quer falar de preço ] ",
            Wish(hand_off=True, status=Status.OPEN, note="quer falar de preço"),
        ),
        ("[resolve]", Wish(status=Status.RESOLVED)),
        ("[label a, b c,a,]", Wish(labels=("a", "b c"))),
        ("[label: vip]", Wish(labels=("vip",))),
        ("[assign team Vendas SP]", Wish(team="Vendas SP")),
        ("[assign team=Vendas]", Wish(team="Vendas")),
        ("[assign agent rita@example.com]", Wish(agent="rita@example.com")),
    ],
)
def test_a_command_is_taken_out_of_a_text(command, wish):
    found = shown(text("Um momento.", command))
    assert found.bubbles == (line("Um momento."),)
    assert found.wish == wish
    alone = shown(text(command))
    assert (alone.bubbles, alone.wish, alone.left_out) == ((), wish, ())


@pytest.mark.parametrize(
    "body",
    [
        "Escreva [handoff] para falar",
        "[handoffs]",
        "[resolve tudo]",
        "[label]",
        "[label ,]",
        "[assign Rita]",
        "[assign team]",
        "[handoff",
        "handoff]",
    ],
)
def test_what_is_no_command_stays_text(body):
    found = shown(text(body))
    assert found.bubbles == (line(body),)
    assert found.wish == Wish()


def test_the_last_of_several_commands_decides():
    found = shown(text("[resolve]", "[label a]", "[handoff x]", "[label b]", "[handoff y]"))
    assert found.wish == Wish(hand_off=True, status=Status.OPEN, labels=("a", "b"), note="x\ny")
    later = found.wish.then(Wish(status=Status.RESOLVED))
    assert (later.hand_off, later.status) == (False, Status.RESOLVED)
    labelled = found.wish.then(Wish(labels=("c",)))
    assert (labelled.hand_off, labelled.status) == (True, Status.OPEN)


# -- menus in texts ------------------------------------------------------------------------------

LIST = (
    "[list]",
    "[title]",
    "Cardápio",
    "[description]",
    "Escolha um prato",
    "[buttonText]",
    "Ver pratos",
    "[footerText]",
    "Até as 22h",
    "[menu]",
    "[section]",
    "title: Massas",
    "[row]",
    "title: Lasanha",
    "description: à bolonhesa",
    "rowId: p1",
    "[/row]",
    "[row]",
    "title: Nhoque",
    "[/row]",
    "[/section]",
    "[section]",
    "title: Outros",
    "[row]",
    "rowId: p1",
    "title: De novo",
    "[/row]",
    "[/section]",
    "[/menu]",
    "[/list]",
)


def test_a_list_that_a_text_describes():
    assert only(shown(text(*LIST))) == Choices(
        block="b1",
        offer=Offer(
            body="*Cardápio*\nEscolha um prato\n\nAté as 22h",
            options=(
                Option(id="p1", title="Lasanha", description="à bolonhesa"),
                Option(id="Nhoque", title="Nhoque"),
            ),
        ),
        label="Ver pratos",
    )


def test_buttons_that_a_text_describes():
    found = shown(
        text(
            "[buttons]",
            "[thumbnailUrl]",
            f"{URL}/capa.jpg",
            "[title]",
            "Oi",
            "[description]",
            "Vamos?",
            "[footer]",
            "Loja",
            "[reply]",
            "displayText: Sim",
            "id: yes",
            "[reply]",
            "displayText: Não",
            "[url]",
            "displayText: Site",
            "url: https://e.com",
            "[copy]",
            "displayText: Cupom",
            "copyCode: OFF10",
            "[call]",
            "displayText: Ligue",
            "phone: +55 11 90000-0010",
            "[pix]",
            "currency: BRL",
            "name: Loja Pix",
            "key: pix@example.com",
        )
    )
    assert only(found) == Choices(
        block="b1",
        offer=Offer(
            body="*Oi*\nVamos?\n\nLoja\n\nSite: https://e.com\nCupom: OFF10\n"
            "Ligue: +55 11 90000-0010\nLoja Pix: pix@example.com",
            options=(Option(id="yes", title="Sim"), Option(id="Não", title="Não")),
            picture=f"{URL}/capa.jpg",
        ),
    )


def test_buttons_that_only_lead_elsewhere_are_a_text():
    buttons = ("[buttons]", "[title]", "Oi", "[url]", "displayText: Site", "url: https://e.com")
    assert only(shown(text(*buttons))) == line("*Oi*\n\nSite: https://e.com")
    pictured = only(shown(text(*buttons, "[thumbnailUrl]", f"{URL}/a.png")))
    assert (pictured.media, pictured.caption) == (MediaKind.IMAGE, "*Oi*\n\nSite: https://e.com")


@pytest.mark.parametrize(
    "lines",
    [
        ("[list]", "[title]", "Sem linhas"),
        ("[list]", "[row]", "title: sem título"),
        ("[list]", "[title]", "x", "[row]", "rowId: 1"),
        ("[buttons]", "[title]", "Sem botões"),
        ("[buttons]", "[reply]", "displayText: Sim"),
        ("[buttons]", "[title]", "x", "[reply]", "id: 1"),
        ("[list]",),
        ("Veja [list] e [buttons]",),
    ],
)
def test_a_menu_that_is_none_stays_text(lines):
    assert only(shown(text(*lines))) == line("\n".join(lines))


# -- anything ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bomb",
    [
        "![" * 30_000,
        "![a](https://e.com/" * 3_000,
        "[label " + ":" * 60_000,
        "*" * 60_000 + "[handoff",
        "[list]" + "[row]title: a" * 1_500,
        "[buttons]" + "\n" * 19_000,
        "[list]" + "a" * 19_000 + ":",
        "[handoff x]\n" * 5_000,
        "[label a]\n" * 5_000,
    ],
    ids=lambda bomb: bomb[:20],
)
def test_no_text_takes_long(bomb):
    before = time.process_time()
    shown(text(bomb))
    assert time.process_time() - before < 2


@given(
    st.sampled_from(["text", "image", "video", "audio", "embed", "custom-embed", "x"]),
    st.dictionaries(
        st.sampled_from(["url", "id", "type", "richText", "markdown", "clickLink", "height"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8) | st.just("https://e.com/a.gif"),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=4,
        ),
    ),
)
def test_every_bubble_is_sent_or_told(kind, content):
    found = shown(Message(id="b1", kind=kind, content=content))
    assert found.bubbles or found.left_out
    for bubble in found.bubbles:
        match bubble:
            case Line(body=body):
                assert body.strip()
            case Attachment(url=url, name=name):
                assert url.startswith("http")
                assert name
