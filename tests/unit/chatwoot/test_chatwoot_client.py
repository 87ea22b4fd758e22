"""The client against small servers that speak real HTTP and remember what they were asked."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.chatwoot.attachments import File, Held
from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import MessageType
from bridge.errors import (
    Certainty,
    PeerBroke,
    PeerDown,
    PeerGone,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Remedy,
    Scope,
)
from bridge.net.guard import Guard
from bridge.net.http import Http

SAMPLES = Path(__file__).parents[2] / "contract" / "chatwoot"
TOKEN = "invented-token-7"
ACCOUNT = "/api/v1/accounts/1"
MESSAGES = f"{ACCOUNT}/conversations/112/messages"


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(kw_only=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: object = None
    form: dict[str, object] = field(default_factory=dict)


class Server:
    """Answers with what it was given, in turn; the last answer repeats."""

    def __init__(self):
        self.asked = []
        self.answers = [(200, {})]

    def answer(self, *bodies, status=200):
        self.answers = [(status, body) for body in bodies]

    async def handle(self, request):
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        if request.content_type == "multipart/form-data":
            asked.form = await self.read_form(request)
        elif request.can_read_body:
            asked.json = orjson.loads(await request.read())
        self.asked.append(asked)
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(body):
            return body(request)
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        if body is None:
            return web.Response(status=status)
        return web.json_response(body, status=status)

    async def read_form(self, request):
        parts = []
        async for part in await request.multipart():
            mime = part.headers.get("Content-Type")
            parts.append((part.name, part.filename, mime, bytes(await part.read())))
        return parts


@asynccontextmanager
async def serving(server):
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    running = TestServer(app)
    await running.start_server()
    try:
        yield str(running.make_url("/"))
    finally:
        await running.close()


@pytest.fixture
async def http():
    http = Http(Guard(["127.0.0.1"]))
    yield http
    await http.close()


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def chatwoot(http, server):
    async with serving(server) as url:
        yield Chatwoot(http=http, url=url, account_id=1, token=TOKEN, timeout=5.0)


async def test_the_token_travels_in_the_hyphen_spelling_alone(chatwoot, server):
    server.answer(sample("rest-profile-show"))
    profile = await chatwoot.profile()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/profile")
    assert asked.headers["api-access-token"] == TOKEN
    assert "api_access_token" not in asked.headers
    assert profile.accounts[0].is_administrator
    assert TOKEN not in repr(chatwoot)


async def test_the_version_is_asked_without_a_token(chatwoot, server):
    server.answer(sample("rest-api-root-version"))
    assert (await chatwoot.version()).release == (4, 18, 0)
    assert server.asked[0].path == "/api"
    assert TOKEN not in str(server.asked[0].headers)


async def test_an_account_tells_its_locale_if_it_has_one(chatwoot, server):
    server.answer(sample("rest-account-show"))
    assert (await chatwoot.account()).locale == "pt_BR"
    assert server.asked[-1].path == ACCOUNT
    server.answer({"id": 1, "locale": 7})
    assert (await chatwoot.account()).locale is None


async def test_an_odd_version_has_no_release(chatwoot, server):
    server.answer({"version": "fork-2026", "data_services": "failing"})
    found = await chatwoot.version()
    assert (found.version, found.release, found.healthy) == ("fork-2026", None, False)


async def test_inboxes_are_listed_made_changed_and_deleted(chatwoot, server):
    server.answer(sample("rest-inbox-list-as-agent"))
    assert [inbox.id for inbox in await chatwoot.inboxes()] == [7]

    server.answer(sample("rest-inbox-create-4.13plus"))
    made = await chatwoot.create_inbox(
        "WhatsApp Vendas", "https://ponte.example/hook", lock_to_single_conversation=True
    )
    assert made.secret
    assert server.asked[-1].json == {
        "name": "WhatsApp Vendas",
        "lock_to_single_conversation": True,
        "channel": {"type": "api", "webhook_url": "https://ponte.example/hook"},
    }

    await chatwoot.update_inbox(7, channel={"webhook_url": "https://new.example"}, name="Vendas")
    assert (server.asked[-1].method, server.asked[-1].path) == ("PATCH", f"{ACCOUNT}/inboxes/7")
    assert server.asked[-1].json == {
        "name": "Vendas",
        "channel": {"webhook_url": "https://new.example"},
    }
    assert (await chatwoot.inbox(7)).id == 7

    server.answer({"message": "Your inbox deletion request will be processed in some time."})
    await chatwoot.delete_inbox(7)
    assert server.asked[-1].method == "DELETE"


async def test_a_contact_is_made_with_its_binding(chatwoot, server):
    server.answer(sample("rest-contact-create"))
    contact, source_id = await chatwoot.create_contact(
        "João" * 100, 7, "5511999990001", phone_number="+5511999990001", identifier=""
    )
    assert (contact.id, source_id) == (41, "5511999990001")
    body = server.asked[0].json
    assert len(body.pop("name")) == 255
    # An identifier of "" would be a 500 for the second contact that has it.
    assert body == {
        "inbox_id": 7,
        "source_id": "5511999990001",
        "phone_number": "+5511999990001",
    }


async def test_a_taken_phone_number_is_named(chatwoot, server):
    server.answer(sample("error-422-contact-phone-duplicate"), status=422)
    with pytest.raises(ChatwootInvalid) as raised:
        await chatwoot.create_contact("Ana", 7, "x", phone_number="+5521988880002")
    assert raised.value.attributes == ("phone_number",)


async def test_a_taken_source_id_does_not_look_like_a_broken_server(chatwoot, server):
    server.answer({"status": 500, "error": "Internal Server Error"}, status=500)
    for call in (chatwoot.create_contact("Ana", 7, "x"), chatwoot.bind_contact(41, 7, "x")):
        with pytest.raises(PeerBroke) as raised:
            await call
        assert raised.value.scope is Scope.ONE


async def test_an_empty_identifier_is_cleared_with_null(chatwoot, server):
    server.answer(sample("rest-contact-show"))
    await chatwoot.update_contact(41, identifier="", name="N" * 300)
    assert server.asked[0].method == "PATCH"
    assert server.asked[0].json == {"identifier": None, "name": "N" * 255}
    assert (await chatwoot.contact(41)).id == 41


async def test_contacts_are_found_by_any_key(chatwoot, server):
    server.answer(sample("rest-contact-filter-response"))
    found = await chatwoot.find_contacts(
        ["+5511999990001", "551199990001", "+5511999990001"], ["a@lid"]
    )
    assert [contact.id for contact in found] == [41]
    assert server.asked[0].path == f"{ACCOUNT}/contacts/filter"
    conditions = server.asked[0].json["payload"]
    assert [(one["attribute_key"], one["values"]) for one in conditions] == [
        ("phone_number", ["5511999990001"]),
        ("phone_number", ["551199990001"]),
        ("identifier", ["a@lid"]),
    ]
    assert [one["query_operator"] for one in conditions] == ["OR", "OR", None]


async def test_without_keys_nobody_is_asked(chatwoot, server):
    """An empty filter would list every contact of the account."""
    assert await chatwoot.find_contacts(["", "+"], [""]) == []
    assert server.asked == []


async def test_all_pages_of_contacts_are_read_and_each_contact_once(chatwoot, server):
    def page(*ids):
        return {"meta": {"count": 4}, "payload": [{"id": one} for one in ids]}

    server.answer(page(1, 2, 3), page(3, 4))
    found = await chatwoot.find_contacts(["1"], [])
    assert [contact.id for contact in found] == [1, 2, 3, 4]
    assert [asked.query["page"] for asked in server.asked] == ["1", "2"]


async def test_paging_ends_when_nothing_new_comes(chatwoot, server):
    server.answer({"meta": {}, "payload": [{"id": 1}, {"id": "x"}, 5]})
    assert len(await chatwoot.find_contacts(["1"], [])) == 1
    assert len(server.asked) == 2


async def test_a_source_id_finds_its_contact_or_nobody(chatwoot, server):
    server.answer(sample("rest-contact-inbox-filter"))
    assert (await chatwoot.contact_by_source(7, "5511999990001")).id == 41
    assert server.asked[0].path == f"{ACCOUNT}/contact_inboxes/filter"
    server.answer(None, status=404)
    assert await chatwoot.contact_by_source(7, "x") is None


async def test_a_proxy_without_its_chatwoot_does_not_make_us_forget_contacts(chatwoot, server):
    server.answer("404 page not found\n", status=404)
    with pytest.raises(PeerDown):
        await chatwoot.contact_by_source(7, "x")


async def test_contacts_are_bound_and_merged(chatwoot, server):
    server.answer(sample("rest-contact-inbox-create"))
    assert await chatwoot.bind_contact(41, 7, "5511999990001") == "5511999990001"
    server.answer(sample("rest-contact-merge"))
    assert (await chatwoot.merge_contacts(41, 57)).id == 41
    assert server.asked[-1].json == {"base_contact_id": 41, "mergee_contact_id": 57}
    server.answer(sample("rest-contact-conversations"))
    assert [one.id for one in await chatwoot.contact_conversations(41)] == [112]


async def test_the_conversations_of_a_chat_are_listed_in_all_statuses(chatwoot, server):
    server.answer(sample("rest-conversation-list"))
    assert [one.id for one in await chatwoot.conversations(7, "5511999990001")] == [112]
    assert server.asked[0].query == {
        "status": "all",
        "inbox_id": "7",
        "source_id": "5511999990001",
        "page": "1",
    }


async def test_a_server_that_ignores_the_source_filter_gives_no_strangers(chatwoot, server):
    def row(identity, source_id):
        binding = {"source_id": source_id} if source_id else {}
        return {"id": identity, "inbox_id": 7, "contact_inbox": binding}

    listed = [row(1, "a"), row(2, "b"), row(3, None)]
    server.answer({"data": {"meta": {"all_count": 3}, "payload": listed}})
    assert [one.id for one in await chatwoot.conversations(7, "a")] == [1]
    assert [one.id for one in await chatwoot.conversations(7)] == [1, 2, 3]


async def test_conversations_are_opened_and_change_status(chatwoot, server):
    server.answer(sample("rest-conversation-create"))
    made = await chatwoot.create_conversation(7, 41, "5511999990001", status="pending")
    assert (made.id, made.status) == (112, "open")
    assert server.asked[0].json == {
        "inbox_id": 7,
        "contact_id": 41,
        "source_id": "5511999990001",
        "status": "pending",
    }
    assert (await chatwoot.conversation(112)).contact_id == 41
    server.answer(sample("rest-conversation-toggle-status"))
    assert await chatwoot.toggle_status(112, "snoozed") == "snoozed"
    assert server.asked[-1].path == f"{ACCOUNT}/conversations/112/toggle_status"


async def test_a_text_is_one_json_call(chatwoot, server):
    server.answer(sample("rest-message-create-incoming"))
    message = await chatwoot.create_message(
        112,
        content="Bom dia!\0",
        message_type="incoming",
        source_id="WAID:3EB0A1B2C3D4E5F60001",
        content_attributes={"in_reply_to": 9},
    )
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", MESSAGES)
    assert asked.headers["content-type"] == "application/json"
    assert asked.json == {
        "content": "Bom dia!",
        "message_type": "incoming",
        "private": False,
        "source_id": "WAID:3EB0A1B2C3D4E5F60001",
        "content_attributes": {"in_reply_to": 9},
    }
    assert (message.id, message.message_type) == (9001, MessageType.INCOMING)
    assert (message.sender.type, message.sender.id) == ("contact", 41)


async def test_broken_unicode_is_sent_with_question_marks(chatwoot, server):
    server.answer(sample("rest-message-create-incoming"))
    await chatwoot.create_message(
        112, content="a\ud800b", message_type="incoming", source_id="WAID:1"
    )
    assert server.asked[0].json["content"] == "a?b"


async def test_files_are_streamed_with_their_names_and_kinds(chatwoot, server, tmp_path):
    picture, voice = tmp_path / "spool-1", tmp_path / "spool-2"
    picture.write_bytes(b"\xff\xd8" * 300_000)
    voice.write_bytes(b"OggS")
    server.answer(sample("rest-message-create-incoming-image"))

    message = await chatwoot.create_message(
        112,
        content="Olá \ud83d",
        message_type="incoming",
        source_id="WAID:2",
        content_attributes={"in_reply_to": 9},
        files=[
            File(path=picture, filename='bolo "são" 50%.jpg', mime="image/jpeg"),
            File(path=voice, filename="PTT", mime="audio/ogg; codecs=opus"),
        ],
    )

    assert message.attachments[0].file_type == "image"
    *fields, first, second = server.asked[0].form
    assert {name: value.decode() for name, _, _, value in fields} == {
        "content": "Olá ?",
        "message_type": "incoming",
        "private": "false",
        "source_id": "WAID:2",
        "content_attributes": '{"in_reply_to":9}',
    }
    # Percent-encoded as Rack expects it.
    assert first == (
        "attachments[]",
        "bolo%20_s%C3%A3o_%2050%25.jpg",
        "image/jpeg",
        picture.read_bytes(),
    )
    assert second == ("attachments[]", "PTT.ogg", "audio/ogg", b"OggS")


async def test_a_file_without_text_sends_no_content(chatwoot, server, tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"x")
    server.answer(sample("rest-message-create-incoming-image"))
    await chatwoot.create_message(
        112,
        content=None,
        message_type="outgoing",
        source_id=None,
        private=True,
        files=[File(path=file, filename="a.pdf", mime="application/pdf")],
    )
    names = [name for name, *_ in server.asked[0].form]
    assert names == ["message_type", "private", "attachments[]"]


async def test_a_lost_file_is_told_before_anything_is_sent(chatwoot, server, tmp_path):
    with pytest.raises(PeerRefused) as raised:
        await chatwoot.create_message(
            112,
            content=None,
            message_type="incoming",
            source_id="WAID:3",
            files=[File(path=tmp_path / "gone", filename="a", mime="image/png")],
        )
    assert raised.value.cause == "chatwoot.no_file"
    assert server.asked == []


def rows(*ids, source=None):
    return {"payload": [{"id": one, "source_id": (source or {}).get(one)} for one in ids]}


async def test_a_picture_is_given_to_a_contact_as_a_form(chatwoot, server):
    await chatwoot.update_avatar(
        41, Held(data=b"\xff\xd8\xff", filename="a.jpg", mime="image/jpeg")
    )

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("PATCH", f"{ACCOUNT}/contacts/41")
    assert asked.form == [("avatar", "a.jpg", "image/jpeg", b"\xff\xd8\xff")]


async def test_typing_goes_over_the_public_api_without_a_token(chatwoot, server):
    server.answer(None)

    await chatwoot.show_typing("inbox/7", "lid:1?", 112, on=True)
    await chatwoot.show_typing("inbox/7", "lid:1?", 112, on=False)

    asked = server.asked[0]
    assert (asked.method, asked.path) == (
        "POST",
        "/public/api/v1/inboxes/inbox/7/contacts/lid:1?/conversations/112/toggle_typing",
    )
    assert "api-access-token" not in asked.headers
    assert [one.json for one in server.asked] == [{"typing_status": "on"}, {"typing_status": "off"}]


async def test_a_refused_sign_of_typing_concerns_nobody_else(chatwoot, server):
    server.answer({"error": "no"}, status=500)

    with pytest.raises(PeerBroke) as raised:
        await chatwoot.show_typing("inbox", "lid:1", 112, on=True)
    assert raised.value.scope is Scope.ONE


async def test_windows_are_cut_by_id(chatwoot, server):
    server.answer(sample("rest-messages-list"))
    listed = await chatwoot.messages(112)
    assert listed[0].id == 9001
    await chatwoot.messages(112, after=5)
    await chatwoot.messages(112, before=9)
    assert [asked.query for asked in server.asked] == [{}, {"after": "5"}, {"before": "9"}]


async def test_our_message_is_found_behind_full_windows(chatwoot, server):
    server.answer(
        rows(*range(11, 111)), rows(*range(101, 201)), rows(201, 202, source={202: "WAID:X"})
    )
    found = await chatwoot.find_message(112, "WAID:X", 10)
    assert found.id == 202
    # Windows overlap by ten rows: parallel creates may cross in time and id.
    assert [asked.query["after"] for asked in server.asked] == ["10", "100", "190"]


async def test_a_message_that_is_not_there_is_not_found(chatwoot, server):
    server.answer(rows(11, 12, source={11: "WAID:X#1", 12: "WAID:x"}))
    assert await chatwoot.find_message(112, "WAID:X", None) is None
    assert server.asked[0].query == {"after": "0"}
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no list"),
        pytest.param({"payload": {}}, id="no list but an object"),
        pytest.param({"payload": [{"id": 1}, {"id": None}]}, id="a row that cannot be read"),
        pytest.param(rows(*range(1, 101)), id="the same window again and again"),
        pytest.param("<html>", id="HTML"),
    ],
)
async def test_an_unreadable_list_is_no_proof_of_absence(chatwoot, server, body):
    server.answer(body)
    with pytest.raises(PeerBroke):
        await chatwoot.find_message(112, "WAID:X", 95)


async def test_a_failure_is_reported_with_a_short_reason(chatwoot, server):
    server.answer(sample("rest-message-update-failed"))
    message = await chatwoot.update_message_status(112, 9002, "failed", "e" * 5000)
    assert message.status == "failed"
    assert (server.asked[0].method, server.asked[0].path) == ("PATCH", f"{MESSAGES}/9002")
    assert server.asked[0].json == {"status": "failed", "external_error": "e" * 255}
    await chatwoot.update_message_status(112, 9002, "read")
    assert server.asked[1].json == {"status": "read"}


async def test_a_message_is_deleted(chatwoot, server):
    server.answer(None)
    await chatwoot.delete_message(112, 9002)
    assert (server.asked[0].method, server.asked[0].path) == ("DELETE", f"{MESSAGES}/9002")


async def test_a_success_that_is_not_chatwoots_is_an_unknown_outcome(chatwoot, server):
    for body in ("<!DOCTYPE html>", None, {}, [], {"id": "x"}):
        server.answer(body)
        with pytest.raises(PeerBroke) as raised:
            await chatwoot.create_message(
                112, content="x", message_type="incoming", source_id="WAID:1"
            )
        assert raised.value.certainty is Certainty.UNKNOWN
        assert raised.value.cause == "chatwoot.unreadable"


async def test_a_missing_list_of_inboxes_is_no_empty_one(chatwoot, server):
    server.answer({})
    with pytest.raises(PeerBroke):
        await chatwoot.inboxes()


async def test_a_wrong_token_needs_a_person(chatwoot, server):
    server.answer({"error": f"Invalid Access Token {TOKEN}"}, status=401)
    with pytest.raises(PeerLocked) as raised:
        await chatwoot.profile()
    assert raised.value.remedy is Remedy.PERSON
    assert TOKEN not in str(raised.value)


async def test_a_redirect_is_not_followed_and_keeps_the_token_home(chatwoot, server):
    server.answer(
        lambda _: web.Response(status=301, headers={"Location": "https://elsewhere.example/"})
    )
    with pytest.raises(PeerLocked) as raised:
        await chatwoot.profile()
    assert "URL" in str(raised.value)
    assert len(server.asked) == 1


async def test_a_conversation_that_is_gone_is_gone(chatwoot, server):
    server.answer(sample("error-404-resource"), status=404)
    with pytest.raises(PeerGone):
        await chatwoot.conversation(112)


async def test_a_hanging_chatwoot_is_a_time_out_of_unknown_outcome(http):
    release = asyncio.Event()

    async def hang(request):
        await release.wait()
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hang)
    running = TestServer(app)
    await running.start_server()
    try:
        slow = Chatwoot(
            http=http, url=str(running.make_url("")), account_id=1, token=TOKEN, timeout=0.2
        )
        with pytest.raises(PeerTimeout):
            await slow.create_message(112, content="x", message_type="incoming", source_id="a")
    finally:
        release.set()
        await running.close()


async def test_a_forbidden_address_needs_a_person():
    http = Http(Guard())
    try:
        inside = Chatwoot(http=http, url="http://10.0.0.7", account_id=1, token=TOKEN)
        with pytest.raises(PeerLocked) as raised:
            await inside.profile()
        assert "allowed_private_hosts" in str(raised.value)
    finally:
        await http.close()
