"""Messages and files behave as at a real Chatwoot (chatwoot-api.md 8, 29 to 40 and 59)."""

from __future__ import annotations

import aiohttp
import pytest

from support.chatwoot_office import office


@pytest.fixture
async def at():
    async with office() as place:
        yield place


async def test_incoming_is_refused_outside_api_inboxes(at):
    at.inbox = at.sim.add_inbox("Site", channel="web_widget")
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    error = await at.call("POST", path, json={"message_type": "incoming"}, expect=422)
    assert error == {"error": "Incoming messages are only allowed in Api inboxes"}


async def test_who_a_message_is_from(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    assert (await at.incoming(chat))["sender"]["id"] == chat.contact_id
    default = await at.call("POST", path, json={"content": "oi"})
    assert (default["message_type"], default["sender"]["id"]) == (1, at.sim.admin.id)
    body = {"content": "oi", "sender_type": "AgentBot", "sender_id": at.sim.bot.id}
    assert (await at.call("POST", path, json=body))["sender"]["type"] == "agent_bot"


async def test_sources_may_repeat_and_the_echo_is_only_in_the_answer(at):
    chat = await at.chat()
    first = await at.incoming(chat, source_id="WAID:1", echo_id="e-1")
    second = await at.incoming(chat, source_id="WAID:1")
    assert first["id"] != second["id"]
    assert first["echo_id"] == "e-1"
    listed = await at.call("GET", f"/conversations/{chat.id}/messages")
    assert not any("echo_id" in row for row in listed["payload"])
    await at.sim.settled()
    assert not any("echo_id" in body for body in at.hook.of("message_created"))


async def test_several_files_of_every_kind(at):
    chat = await at.chat()
    form = aiohttp.FormData({"message_type": "incoming", "private": "false"})
    form.add_field("content_attributes", '{"own": 1}')
    files = {
        "São João.jpg": ("image/jpeg", "image"),
        "v.mp4": ("video/mp4", "video"),
        "v.3gp": ("video/3gpp", "file"),
        "p.ogg": ("audio/ogg; codecs=opus", "audio"),
        "c.vcf": ("text/vcard", "file"),
        "s.webp": ("image/webp", "image"),
    }
    for name, (mime, _) in files.items():
        data = f"\r\n--{name}--\r\n".encode()
        form.add_field("attachments[]", data, filename=name, content_type=mime)
    made = await at.call("POST", f"/conversations/{chat.id}/messages", data=form)
    assert made["private"] is False
    assert made["content"] is None
    assert made["content_attributes"] == {"own": 1}
    assert [row["file_type"] for row in made["attachments"]] == [k for _, k in files.values()]
    url = made["attachments"][0]["data_url"]
    assert url.endswith("/S%C3%A3o%20Jo%C3%A3o.jpg")
    raw = aiohttp.client.URL(url, encoded=True)
    assert (await at.http.get(raw, allow_redirects=False)).status == 302
    for row, (name, (mime, _)) in zip(made["attachments"], files.items(), strict=True):
        response = await at.http.get(aiohttp.client.URL(row["data_url"], encoded=True))
        assert response.headers["Content-Type"] == mime
        assert await response.read() == f"\r\n--{name}--\r\n".encode()
    stored = at.sim.messages(chat.id)[-1].attachments[0]
    assert stored.filename == "São João.jpg"


async def test_a_broken_attribute_string_counts_as_nothing(at):
    chat = await at.chat()
    form = aiohttp.FormData({"content": "oi", "content_attributes": "{broken"})
    made = await at.call("POST", f"/conversations/{chat.id}/messages", data=form)
    assert made["content_attributes"] == {}


async def test_expired_files_are_gone(at):
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, None, attachments=[("a.txt", b"a", "text/plain")])
    url = at.sim.world.blob_url(message.attachments[0].blob)
    at.sim.faults.files_expired = True
    assert (await at.http.get(url)).status == 404


async def test_a_reply_is_resolved_within_its_conversation(at):
    chat, other = await at.chat("a", phone=None), await at.chat("b", phone=None)
    quoted = await at.incoming(chat, source_id="WAID:1")
    bare = at.sim.agent_writes(chat.id, "sem origem")
    foreign = await at.incoming(other)

    async def attributes(**given):
        return (await at.incoming(chat, content_attributes=given))["content_attributes"]

    both = {"in_reply_to": quoted["id"], "in_reply_to_external_id": "WAID:1"}
    nothing = {"in_reply_to": None, "in_reply_to_external_id": None}
    assert await attributes(in_reply_to=quoted["id"]) == both
    assert await attributes(in_reply_to_external_id="WAID:1") == both
    assert await attributes(in_reply_to=bare.id) == nothing | {"in_reply_to": bare.id}
    assert await attributes(in_reply_to=foreign["id"]) == nothing
    assert await attributes(in_reply_to="x") == nothing


async def test_the_old_storage_keeps_three_attributes_and_the_newer_all():
    given = {"own": 1, "in_reply_to_external_id": "WAID:1", "items": []}
    async with office(version="4.2.0") as at:
        chat = await at.chat()
        made = await at.incoming(chat, content_attributes=given, external_created_at=5)
        assert made["content_attributes"] == {"items": [], "external_created_at": 5}
    async with office(version="4.13.0") as at:
        chat = await at.chat()
        made = await at.incoming(chat, content_attributes=given)
        assert made["content_attributes"]["own"] == 1


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Olá {{contact.name}}!", "Olá João Batista!"),
        ("x {{ nada }} y", "x  y"),
        ("`{{code}}`", "`{{code}}`"),
        ("{% if", "{% if"),
        ("aberto {{", "aberto {{"),
    ],
)
async def test_liquid_touches_outgoing_messages_only(at, written, stored):
    chat = await at.chat()
    assert at.sim.agent_writes(chat.id, written).content == stored
    assert (await at.incoming(chat, written))["content"] == written


async def test_the_windows_of_the_list(at):
    chat = await at.chat()
    ids = [(await at.incoming(chat, f"m{number}"))["id"] for number in range(130)]
    at.sim.resolve(chat.id)
    at.sim.agent_writes(chat.id, "nota", private=True)
    rows = [row.id for row in at.sim.messages(chat.id)]

    async def window(**params):
        shown = await at.call("GET", f"/conversations/{chat.id}/messages", params=params)
        return [row["id"] for row in shown["payload"]]

    assert await window() == rows[-20:]
    assert await window(filter_internal_messages="true") == ids[-20:]
    assert await window(before=str(ids[50])) == ids[30:50]
    assert await window(after=str(ids[10])) == ids[11:111]
    assert await window(after=str(ids[10]), before=str(ids[125])) == ids[10:125]
    assert await window(before=str(ids[5])) == ids[:5]


async def test_status_reports_follow_their_rules(at):
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, "oi")
    path = f"/conversations/{chat.id}/messages/{message.id}"

    async def patched(status, **more):
        shown = await at.call("PATCH", path, json={"status": status, **more})
        return shown["status"], shown["content_attributes"].get("external_error")

    assert await patched("read") == ("read", None)
    assert await patched("delivered") == ("read", None)
    assert await patched("nonsense") == ("read", None)
    assert await patched("sent", external_error="x") == ("sent", None)
    assert await patched("failed", external_error="erro") == ("failed", "erro")
    assert await patched("sent") == ("sent", None)
    await at.sim.settled()
    assert len(at.hook.of("message_updated")) == 4


async def test_status_reports_are_unknown_before_4_2():
    async with office(version="4.1.0") as at:
        chat = await at.chat()
        message = at.sim.agent_writes(chat.id, "oi")
        path = f"/conversations/{chat.id}/messages/{message.id}"
        await at.call("PATCH", path, json={"status": "read"}, expect=404)


async def test_a_deletion_keeps_the_row_and_its_source(at):
    chat = await at.chat()
    form = aiohttp.FormData({"content": "foto", "source_id": "WAID:1"})
    form.add_field("attachments[]", b"a", filename="a.png", content_type="image/png")
    path = f"/conversations/{chat.id}/messages"
    made = await at.call("POST", path, data=form)
    gone = await at.call("DELETE", f"{path}/{made['id']}")
    assert gone["content"] == "This message was deleted"
    assert gone["source_id"] == "WAID:1"
    assert "attachments" not in gone
    assert (await at.http.get(made["attachments"][0]["data_url"])).status == 404


async def test_a_retry_only_tells(at):
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, "oi")
    path = f"/conversations/{chat.id}/messages/{message.id}"
    await at.call("PATCH", path, json={"status": "failed", "external_error": "x"})
    await at.sim.settled()
    before = len(at.hook.bodies)
    shown = await at.call("POST", f"{path}/retry")
    assert (shown["status"], shown["content_attributes"]) == ("sent", {})
    await at.sim.settled()
    assert set(at.hook.events[before:]) == {"message_updated"}


@pytest.mark.parametrize(
    "body",
    [
        {"message_type": "nonsense"},
        {"content_type": "nonsense"},
        {"content": "a\0b"},
        {"content_type": "input_select", "content": "x"},
        {"content": "x", "attachments": ["unknown-blob"]},
        {"content": "x", "template_params": "x"},
    ],
)
async def test_any_failure_of_a_create_is_422_with_an_error(at, body):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    assert "error" in await at.call("POST", path, json=body, expect=422)
    assert chat.messages == []


async def test_odd_requests_never_break_it(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    await at.call(
        "POST", path, data=b"{broken", headers={"Content-Type": "application/json"}, expect=400
    )
    await at.call("POST", path, json=[1, 2])
    await at.call("POST", path, json={"content": {"a": 1}, "content_attributes": 7})
    await at.call("POST", path, json={"content": 12, "attachments": {"0": 5}})
    kind = {"Content-Type": "multipart/form-data"}
    await at.call("POST", path, data=b"x", headers=kind, expect=400)
    await at.call("GET", "/conversations/abc/messages", expect=404)
    await at.call("GET", f"/conversations/{'9' * 40}/messages", expect=404)


async def test_the_arrival_of_each_message_is_noted(at):
    chat = await at.chat()
    await at.incoming(chat)
    await at.incoming(chat)
    first, second = (row.arrived for row in at.sim.messages(chat.id))
    assert first is not None
    assert first <= second


async def test_reading_through_the_public_api_marks_everything_read(at):
    chat = await at.chat()
    one, two = at.sim.agent_writes(chat.id, "um"), at.sim.agent_writes(chat.id, "dois")
    base = f"{at.url}/public/api/v1/inboxes/{at.inbox.identifier}/contacts/k-1"
    await at.call("POST", f"{base}/conversations/{chat.id}/update_last_seen")
    assert (one.status, two.status) == ("read", "read")
    await at.sim.settled()
    assert len(at.hook.of("message_updated")) == 2
