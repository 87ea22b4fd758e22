"""The Cloud API's client: what it asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bridge.core.connection import LinkState
from bridge.core.content import Media, MediaKind
from bridge.core.outgoing import Option, OutgoingMedia, OutgoingMenu, OutgoingText
from bridge.core.party import Party
from bridge.errors import (
    BridgeError,
    Certainty,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerGone,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Remedy,
    Scope,
    TooBig,
)
from bridge.whatsapp.channel import (
    Accepted,
    ApprovedTemplate,
    Channel,
    Link,
    ListsTemplates,
    Quote,
)

SAMPLES = Path(__file__).parents[2] / "contract" / "whatsapp" / "cloud"
NUMBER = "/v26.0/412900001234567"
MESSAGES = f"{NUMBER}/messages"
UPLOAD = f"{NUMBER}/media"
TEMPLATES = "/v26.0/398877665544332/message_templates"
TIAGO = Party(wa_id="5585988880002", bsuid="BR.55120000000000000002")
BEARER = "Bearer EAAexampleAccessToken0001"


def sample(name: str) -> Any:
    return orjson.loads((SAMPLES / f"{name}.json").read_bytes())


def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.bin"
    path.write_bytes(b"\xff\xd8" + bytes(200_000))
    return path


def outgoing(path: Path, **changes: Any) -> OutgoingMedia:
    given: dict[str, Any] = {
        "media": MediaKind.IMAGE,
        "path": str(path),
        "mime": "image/jpeg",
        "filename": "foto do balcão.jpg",
        **changes,
    }
    return OutgoingMedia(**given)


# ---------------------------------------------------------------- text


async def test_a_text_is_sent_once_with_our_key(graph, channel) -> None:
    graph.answers[MESSAGES] = sample("api_send_response")
    there: Channel = channel()
    accepted = await there.send(
        TIAGO, OutgoingText(body="Olá"), key="job-7", reply_to=Quote(id="wamid.BEFORE")
    )
    assert accepted == Accepted(
        id="wamid.HBgMNTU4NTg4ODgwMDAyFQIAERgSMEY1QTNDMjFCN0Q5NEU4QTY3AA==",
        wa_id="558588880002",
        bsuid="BR.55120000000000000002",
    )
    (asked,) = graph.asked
    assert (asked.method, asked.token) == ("POST", BEARER)
    assert asked.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "5585988880002",
        "type": "text",
        "text": {"body": "Olá", "preview_url": False},
        "biz_opaque_callback_data": "job-7",
        "context": {"message_id": "wamid.BEFORE"},
    }


@pytest.mark.parametrize(
    ("to", "address"),
    [
        (Party(wa_id="558588880002"), {"to": "558588880002"}),
        (Party(wa_id="+55 85 8888-0002", bsuid="BR.1"), {"to": "558588880002"}),
        (Party(wa_id="558588880002@s.whatsapp.net"), {"to": "558588880002"}),
        (Party(bsuid="BR.1"), {"recipient": "BR.1"}),
        (Party(wa_id="?", bsuid="BR.1"), {"recipient": "BR.1"}),
    ],
)
async def test_people_are_addressed_by_phone_or_by_user_id(
    graph, channel, to: Party, address: dict[str, str]
) -> None:
    graph.answers[MESSAGES] = sample("api_send_response_bsuid")
    accepted = await channel().send(to, OutgoingText(body="x"), key="k")
    assert (accepted.wa_id, accepted.bsuid) == (None, "BR.29817364500000000077")
    sent = graph.asked[0].json
    assert {key: sent[key] for key in ("to", "recipient") if key in sent} == address


async def test_nobody_can_be_addressed_by_nothing(graph, channel) -> None:
    with pytest.raises(PeerRefused) as caught:
        await channel().send(Party(lid="1@lid"), OutgoingText(body="x"), key="k")
    assert caught.value.cause == "whatsapp.recipient"
    assert graph.asked == []


@pytest.mark.parametrize(
    ("body", "preview"),
    [("veja https://example.com", True), ("HTTP://X.Y", True), ("http:// só", False)],
)
async def test_a_link_in_a_text_gets_a_preview(graph, channel, body: str, preview: bool) -> None:
    graph.answers[MESSAGES] = sample("api_send_response")
    await channel().send(TIAGO, OutgoingText(body=body), key="k")
    assert graph.asked[0].json["text"]["preview_url"] is preview


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"messages": []},
        {"messages": [{}]},
        {"messages": [{"id": None}]},
        {"messages": {"id": "x"}},
        lambda _: web.Response(text="<html>"),
        lambda _: web.Response(text="[]"),
        lambda _: web.Response(text="<html>", status=500),
        lambda _: web.Response(status=302, headers={"Location": "/"}),
        lambda _: web.json_response({"error": {"code": 131000}}, status=500),
        lambda _: web.json_response({"error": {"code": 2}}),
        reset,
    ],
)
async def test_a_strange_answer_to_a_send_leaves_the_outcome_unknown(
    graph, channel, answer
) -> None:
    graph.answers[MESSAGES] = answer
    with pytest.raises(PeerBroke) as caught:
        await channel().send(TIAGO, OutgoingText(body="x"), key="k")
    assert caught.value.certainty is Certainty.UNKNOWN
    assert len(graph.asked) == 1


async def test_meta_says_to_slow_down_for_one_person(graph, channel) -> None:
    graph.answers[MESSAGES] = sample("api_error_131056_pair_rate")
    with pytest.raises(PeerBusy) as caught:
        await channel().send(TIAGO, OutgoingText(body="x"), key="k")
    assert (caught.value.cause, caught.value.scope) == ("whatsapp.pair_rate", Scope.ONE)


async def test_no_answer_to_a_send_leaves_the_outcome_unknown(graph, channel, peerless) -> None:
    with pytest.raises(PeerTimeout):
        await channel(base_url=peerless, timeout=0.3).send(TIAGO, OutgoingText(body="x"), key="k")


@pytest.fixture
async def peerless():
    """A server that reads and says nothing."""
    writers = []

    async def serve(reader, writer) -> None:
        writers.append(writer)
        await reader.read()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in writers:
        writer.close()


# ---------------------------------------------------------------- files


async def test_a_file_is_uploaded_and_sent_by_its_id(graph, channel, photo) -> None:
    graph.answers[UPLOAD] = {"id": "1290011223344999"}
    graph.answers[MESSAGES] = sample("api_send_response")
    await channel().send(TIAGO, outgoing(photo, caption="Veja"), key="k")
    upload, send = graph.asked
    assert upload.token == BEARER
    assert upload.form == {
        "messaging_product": b"whatsapp",
        "type": b"image/jpeg",
        "file": photo.read_bytes(),
        "mime": "image/jpeg",
    }
    assert send.json["type"] == "image"
    assert send.json["image"] == {"id": "1290011223344999", "caption": "Veja"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MediaKind.DOCUMENT, {"id": "1", "caption": "c", "filename": "foto do balcão.jpg"}),
        (MediaKind.VIDEO, {"id": "1", "caption": "c"}),
        (MediaKind.AUDIO, {"id": "1"}),
        (MediaKind.STICKER, {"id": "1"}),
    ],
)
async def test_each_kind_of_file_has_its_body(
    graph, channel, photo, kind: MediaKind, body: dict[str, str]
) -> None:
    graph.answers[UPLOAD] = {"id": 1}
    graph.answers[MESSAGES] = sample("api_send_response")
    await channel().send(TIAGO, outgoing(photo, media=kind, caption=body.get("caption")), key="k")
    assert graph.asked[1].json[kind.value] == body


async def test_a_caption_is_never_lost_silently(graph, channel, photo) -> None:
    with pytest.raises(PeerRefused, match="caption"):
        await channel().send(TIAGO, outgoing(photo, media=MediaKind.AUDIO, caption="ouça"), key="k")
    assert graph.asked == []


@pytest.mark.parametrize(
    ("mime", "told"),
    [
        ("audio/ogg; codecs=opus", b"audio/ogg"),
        ("Image/PNG", b"image/png"),
        ("a/b\r\nX: y", b"application/octet-stream"),
        ("", b"application/octet-stream"),
    ],
)
async def test_the_type_of_a_file_is_cleaned(graph, channel, photo, mime: str, told: bytes) -> None:
    graph.answers[UPLOAD] = {"id": "1"}
    graph.answers[MESSAGES] = sample("api_send_response")
    await channel().send(TIAGO, outgoing(photo, mime=mime), key="k")
    assert graph.asked[0].form["type"] == told


@pytest.mark.parametrize(
    "answer",
    [
        {},
        lambda _: web.Response(text="<html>", status=500),
        lambda _: web.json_response({"error": {"code": 131000}}, status=500),
        reset,
    ],
)
async def test_a_failed_upload_is_certain_to_have_sent_nothing(
    graph, channel, photo, answer
) -> None:
    graph.answers[UPLOAD] = answer
    with pytest.raises(PeerDown) as caught:
        await channel().send(TIAGO, outgoing(photo), key="k")
    assert caught.value.cause == "whatsapp.upload"
    assert caught.value.certainty is Certainty.NOT_DONE
    assert caught.value.remedy is Remedy.RETRY
    assert [asked.path for asked in graph.asked] == [UPLOAD]


async def test_an_upload_without_an_answer_is_certain_to_have_sent_nothing(
    channel, photo, peerless
) -> None:
    with pytest.raises(PeerDown) as caught:
        await channel(base_url=peerless, upload_timeout=0.3).send(TIAGO, outgoing(photo), key="k")
    assert caught.value.cause == "whatsapp.upload"


async def test_a_refused_file_is_refused_for_good(graph, channel, photo) -> None:
    graph.answers[UPLOAD] = {"error": {"code": 100, "message": "Param file must be ..."}}
    with pytest.raises(PeerRefused):
        await channel().send(TIAGO, outgoing(photo), key="k")


async def test_a_file_that_left_the_spool_cannot_be_sent(graph, channel, tmp_path) -> None:
    with pytest.raises(PeerRefused) as caught:
        await channel().send(TIAGO, outgoing(tmp_path / "gone"), key="k")
    assert caught.value.cause == "spool.missing"
    assert graph.asked == []


# ---------------------------------------------------------------- received files

LOOKUP = "/v26.0/1290011223344551"


def media(url: str | None = None, **changes: Any) -> Media:
    given: dict[str, Any] = {
        "media": MediaKind.IMAGE,
        "handle": "1290011223344551",
        "mime": "image/jpeg",
        "url": url,
        **changes,
    }
    return Media(**given)


def looked_up(graph: Any, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        **sample("api_media_lookup_response"),
        "url": f"{graph.url}/file?mid=1",
        "file_size": 5,
        **changes,
    }
    return found


@pytest.fixture
def fetching(channel, tmp_path: Path):
    return lambda: channel().fetch(media(), tmp_path / "a", limit=100)


def picture(_: web.Request) -> web.Response:
    return web.Response(body=b"hello", content_type="image/png")


async def test_a_file_is_fetched_by_the_url_of_its_webhook(graph, channel, tmp_path) -> None:
    graph.answers["/file"] = picture
    into = tmp_path / "a"
    got = await channel().fetch(media(f"{graph.url}/file"), into, limit=100)
    assert (got.path, got.size, got.mime) == (into, 5, "image/png")
    assert got.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert into.read_bytes() == b"hello"
    assert [(asked.path, asked.token) for asked in graph.asked] == [("/file", BEARER)]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_url_is_looked_up_again(graph, channel, tmp_path, status: int) -> None:
    graph.answers |= {
        "/old": lambda _: web.Response(status=status),
        LOOKUP: looked_up(graph),
        "/file": picture,
    }
    await channel().fetch(media(f"{graph.url}/old"), tmp_path / "a", limit=100)
    assert [asked.path for asked in graph.asked] == ["/old", LOOKUP, "/file"]
    assert graph.asked[1].query == {"phone_number_id": "412900001234567"}
    assert graph.asked[2].query == {"mid": "1"}


async def test_a_gateways_id_keeps_its_slash(graph, channel, tmp_path) -> None:
    graph.answers |= {"/v26.0/5511/ABC": looked_up(graph), "/file": picture}
    await channel().fetch(media(handle="5511/ABC"), tmp_path / "a", limit=100)


@pytest.mark.parametrize(
    "handle",
    ["../me", "1/../../me", "a/b/c", "1?fields=x", "1#", "http://x", "", "a b", ".", "1\n"],
)
async def test_an_id_that_is_none_is_never_asked_for(graph, channel, tmp_path, handle) -> None:
    with pytest.raises(PeerRefused):
        await channel().fetch(media(handle=handle), tmp_path / "a", limit=100)
    assert graph.asked == []


async def test_the_type_from_the_webhook_helps_out(graph, channel, tmp_path) -> None:
    graph.answers["/file"] = lambda _: web.Response(
        body=b"x", content_type="application/octet-stream"
    )
    got = await channel().fetch(media(f"{graph.url}/file"), tmp_path / "a", limit=100)
    assert got.mime == "image/jpeg"


@pytest.mark.parametrize(
    ("answer", "expected", "cause"),
    [
        ({"error": {"code": 100, "error_subcode": 33}}, PeerGone, "whatsapp.media_gone"),
        (lambda _: web.Response(status=404), PeerGone, "whatsapp.media_gone"),
        ({"error": {"code": 190}}, PeerLocked, "whatsapp.token"),
        ({}, PeerBroke, "peer.broke"),
        ({"url": "http://127.0.0.9/x"}, PeerRefused, "whatsapp.media_host"),
        ({"url": "https://evil.example/x"}, PeerRefused, "whatsapp.media_host"),
        ({"url": "https://fbsbx.com.evil.example"}, PeerRefused, "whatsapp.media_host"),
        ({"url": "https://evilfbsbx.com/"}, PeerRefused, "whatsapp.media_host"),
        ({"url": "http://lookaside.fbsbx.com/"}, PeerRefused, "whatsapp.media_host"),
        ({"url": "https://[broken"}, PeerRefused, "whatsapp.media_host"),
    ],
)
async def test_a_lookup_that_fails(
    graph, fetching, answer, expected: type[BridgeError], cause: str
) -> None:
    graph.answers[LOOKUP] = answer
    with pytest.raises(expected) as caught:
        await fetching()
    assert caught.value.cause == cause


async def test_the_token_never_goes_to_a_host_from_a_webhook(graph, channel, tmp_path) -> None:
    graph.answers |= {LOOKUP: looked_up(graph), "/file": picture}
    there = graph.url.replace("127.0.0.1", "localhost")
    await channel().fetch(media(f"{there}/steal"), tmp_path / "a", limit=100)
    assert [asked.path for asked in graph.asked] == [LOOKUP, "/file"]


async def test_a_configured_media_host_gets_the_token(graph, tmp_path, channel) -> None:
    elsewhere = graph.url.replace("127.0.0.1", "localhost")
    graph.answers |= {LOOKUP: looked_up(graph, url=f"{elsewhere}/file"), "/file": picture}
    with pytest.raises(PeerRefused):
        await channel().fetch(media(), tmp_path / "a", limit=100)
    await channel(media_host="localhost").fetch(media(), tmp_path / "a", limit=100)
    assert graph.asked[-1].token == BEARER


async def test_the_token_goes_to_metas_own_file_hosts_by_https_only(channel) -> None:
    there = channel(base_url="https://graph.facebook.com")
    trusted = there._files._is_media_host
    assert trusted("https://lookaside.fbsbx.com/x")
    assert trusted("https://scontent.xx.facebook.com/x")
    assert not trusted("http://lookaside.fbsbx.com/x")
    assert not trusted("http://graph.facebook.com/x")
    assert not trusted("https://127.0.0.1/x")


@pytest.mark.parametrize("told", [{"file_size": "101"}, {"file_size": None}, {"file_size": "junk"}])
async def test_a_file_over_the_limit_is_refused(graph, channel, tmp_path, told) -> None:
    graph.answers |= {
        LOOKUP: looked_up(graph, **told),
        "/file": lambda _: web.Response(body=bytes(101)),
    }
    with pytest.raises(TooBig):
        await channel().fetch(media(), tmp_path / "a", limit=100)
    assert list(tmp_path.iterdir()) == []


async def test_a_file_gone_after_the_lookup_is_gone(graph, channel, tmp_path) -> None:
    graph.answers |= {LOOKUP: looked_up(graph), "/file": lambda _: web.Response(status=404)}
    with pytest.raises(PeerGone):
        await channel().fetch(media(), tmp_path / "a", limit=100)


# ---------------------------------------------------------------- the number


@pytest.mark.parametrize(
    ("told", "link"),
    [
        (
            {
                "status": "CONNECTED",
                "display_phone_number": "+55 11 3000-1234",
                "verified_name": "Loja",
            },
            Link(state=LinkState.OPEN, display_number="+55 11 3000-1234", profile_name="Loja"),
        ),
        ({}, Link(state=LinkState.OPEN)),
        ({"status": 7, "verified_name": []}, Link(state=LinkState.OPEN, reason="7")),
        ({"status": "FLAGGED"}, Link(state=LinkState.OPEN, reason="flagged")),
        ({"status": "PENDING"}, Link(state=LinkState.CONNECTING, reason="pending")),
        ({"status": "BANNED"}, Link(state=LinkState.CLOSED, reason="banned")),
        ({"status": "DISCONNECTED"}, Link(state=LinkState.CLOSED, reason="disconnected")),
    ],
)
async def test_how_a_number_is(graph, channel, told: dict[str, Any], link: Link) -> None:
    graph.answers[NUMBER] = told
    assert await channel().link() == link
    assert "status" in graph.asked[0].query["fields"]


async def test_a_refused_token_locks_the_number(graph, channel) -> None:
    graph.answers[NUMBER] = {"error": {"code": 190, "error_subcode": 463}}
    with pytest.raises(PeerLocked) as caught:
        await channel().link()
    assert caught.value.cause == "whatsapp.token"
    assert caught.value.advice


async def test_an_error_counts_whatever_the_status(graph, channel) -> None:
    graph.answers[NUMBER] = lambda _: web.json_response({"error": {"code": 190}})
    with pytest.raises(PeerLocked):
        await channel().link()


async def test_an_empty_error_beside_an_id_is_none(graph, channel) -> None:
    told = {**sample("api_send_response"), "error": None}
    graph.answers[MESSAGES] = lambda _: web.json_response(told)
    assert (await channel().send(TIAGO, OutgoingText(body="x"), key="k")).id


# ---------------------------------------------------------------- templates


def page(*names: str, after: str | None = None, **paging: Any) -> dict[str, Any]:
    data = [{"name": name, "language": "pt_BR", "status": "APPROVED"} for name in names]
    cursors = {"cursors": {"after": after}} if after else {}
    return {"data": data, "paging": cursors | paging}


async def test_approved_templates_are_listed_page_by_page(graph, channel) -> None:
    pages = {
        None: page("a", "b", after="C1", next="https://elsewhere.example/?access_token=x"),
        "C1": page("c", after="C2"),
    }
    graph.answers[TEMPLATES] = lambda request: web.json_response(pages[request.query.get("after")])
    found = await channel(business_id=" 398877665544332").templates()
    assert [one.name for one in found] == ["a", "b", "c"]
    assert [asked.path for asked in graph.asked] == [TEMPLATES] * 2
    assert graph.asked[0].query == {
        "status": "APPROVED",
        "limit": "100",
        "fields": "name,language,category,status,components",
    }
    assert graph.asked[0].token == BEARER


async def test_a_list_of_templates_without_end_is_cut_off(graph, channel) -> None:
    def endless(request: web.Request) -> web.Response:
        number = int(request.query.get("after", "0")) + 1
        return web.json_response(page(f"t{number}", after=str(number), next="https://x.example"))

    graph.answers[TEMPLATES] = endless
    found = await channel(business_id="398877665544332").templates()
    assert len(found) == len(graph.asked) == 20
    graph.answers[TEMPLATES] = lambda _: web.json_response(page("a", after="same", next="more"))
    assert len(await channel(business_id="398877665544332").templates()) == 1
    assert len(graph.asked) == 22


async def test_of_what_is_told_of_templates_only_the_sound_is_taken(graph, channel) -> None:
    sound = {"name": "a", "language": "pt_BR", "category": "UTILITY", "status": "APPROVED"}
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"x": deep}
    graph.answers[TEMPLATES] = {
        "data": [
            sound | {"components": [{"type": "BODY", "text": "Oi"}, "junk"]},
            sound | {"components": []},
            sound | {"name": "b", "status": "REJECTED"},
            sound | {"name": "c", "language": None},
            sound | {"name": "d" * 600},
            sound | {"name": "e", "components": [deep]},
            sound | {"name": "f", "components": [{"text": "x" * 70_000}]},
            sound | {"name": "g", "components": "none", "status": None},
            "junk",
            None,
        ],
        "paging": [],
    }
    found = await channel(business_id="398877665544332").templates()
    assert found == (
        ApprovedTemplate(
            name="a",
            language="pt_BR",
            category="UTILITY",
            components=({"type": "BODY", "text": "Oi"},),
        ),
        ApprovedTemplate(name="e", language="pt_BR", category="UTILITY"),
        ApprovedTemplate(name="f", language="pt_BR", category="UTILITY"),
    )


async def test_templates_need_the_business_account(graph, channel) -> None:
    with pytest.raises(PeerRefused) as caught:
        await channel().templates()
    assert caught.value.cause == "whatsapp.business_id"
    assert graph.asked == []
    graph.answers[TEMPLATES] = {"error": {"code": 190}}
    with pytest.raises(PeerLocked):
        await channel(business_id="398877665544332").templates()


async def test_a_menu_goes_out_and_a_wrong_one_does_not(graph, channel) -> None:
    graph.answers[MESSAGES] = sample("api_send_response")
    menu = OutgoingMenu(body="Qual?", options=(Option(id="1", title="Sim"),))
    await channel().send(TIAGO, menu, key="k")
    (asked,) = graph.asked
    assert asked.json["type"] == "interactive"
    assert asked.json["interactive"]["action"]["buttons"][0]["reply"]["id"] == "1"
    with pytest.raises(PeerRefused) as caught:
        await channel().send(TIAGO, OutgoingMenu(body="", options=menu.options), key="k")
    assert caught.value.certainty is Certainty.NOT_DONE
    assert len(graph.asked) == 1


async def test_what_the_channel_can_do(channel) -> None:
    can = channel().capabilities
    assert (can.text_limit, can.caption_limit) == (4096, 1024)
    assert can.unordered_sends
    assert (can.buttons, can.list_rows, can.menu_body) == (3, 10, 1024)
    assert can.templates
    assert can.window_hours == 24
    assert isinstance(channel(), ListsTemplates)
    assert set(can.sendable) == set(MediaKind)
    assert can.sendable[MediaKind.IMAGE].mimes == {"image/jpeg", "image/png"}


@pytest.mark.parametrize("base", ["{}/", "{}///", "{}"])
async def test_the_base_url_may_end_in_slashes(graph, channel, base: str) -> None:
    graph.answers[NUMBER] = {}
    await channel(base_url=base.format(graph.url)).link()


async def test_the_token_is_shown_by_no_repr(channel) -> None:
    assert "EAAexample" not in repr(channel())
