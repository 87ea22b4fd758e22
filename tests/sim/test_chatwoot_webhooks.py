"""Webhooks go out as from a real Chatwoot (chatwoot-api.md 8, 45 to 56)."""

from __future__ import annotations

import asyncio
import re

import pytest

from bridge.sim.chatwoot import signature
from support.chatwoot_office import office, sample


@pytest.fixture
async def at():
    async with office() as place:
        yield place


def test_the_signature_is_that_of_the_sample():
    shown = sample("webhook-request-headers-4.13plus-with-signature")
    stamp = shown["headers"]["X-Chatwoot-Timestamp"]
    made = signature("sEgr3doDoWebhookExemplo00", stamp, shown["raw_body"].encode())
    assert made == shown["headers"]["X-Chatwoot-Signature"]


async def test_from_4_13_inbox_webhooks_are_signed_with_the_shown_secret(at):
    chat = await at.chat()
    await at.incoming(chat, "a < b & c")
    await at.sim.settled()
    secret = (await at.call("GET", f"/inboxes/{at.inbox.id}"))["secret"]
    for raw, headers in zip(at.hook.raw, at.hook.headers, strict=True):
        made = signature(secret, headers["X-Chatwoot-Timestamp"], raw)
        assert headers["X-Chatwoot-Signature"] == made
        assert re.fullmatch(r"[0-9a-f-]{36}", headers["X-Chatwoot-Delivery"])
    assert b"a \\u003c b \\u0026 c" in at.hook.raw[-1]
    before = at.inbox.secret
    await at.call("POST", f"/inboxes/{at.inbox.id}/reset_secret")
    assert at.inbox.secret != before


async def test_before_4_13_they_are_not_signed():
    async with office(version="4.12.1") as at:
        await at.chat()
        await at.sim.settled()
        assert at.hook.headers
        assert not any(name.startswith("X-Chatwoot") for name in at.hook.headers[0])
        wanted = sample("webhook-request-headers-4.2")["headers"]
        assert wanted.keys() <= at.hook.headers[0].keys()
        assert "secret" not in await at.call("GET", f"/inboxes/{at.inbox.id}")


async def test_inbox_webhooks_never_hear_of_contacts_and_activities(at):
    chat = await at.chat()
    await at.incoming(chat)
    at.sim.resolve(chat.id)
    at.sim.block_contact(chat.contact_id)
    at.sim.agent_writes(chat.id, "nota", private=True)
    await at.sim.settled()
    kinds = [body["message_type"] for body in at.hook.of("message_created")]
    assert kinds == ["incoming", "outgoing"]
    assert at.hook.of("message_created")[1]["private"] is True
    assert not any(event.startswith(("contact", "inbox")) for event in at.hook.events)
    assert not any(event == "conversation_resolved" for event in at.hook.events)


async def test_account_webhooks_get_what_they_subscribed(at):
    hook = {"webhook": {"url": at.hook.url + "?account", "subscriptions": ["contact_updated"]}}
    await at.call("POST", "/webhooks", json=hook)
    chat = await at.chat()
    await at.incoming(chat)
    await at.sim.settled()
    told = [row for row in at.sim.webhooks if row.to == "account"]
    assert [row.event for row in told] == ["contact_updated"]
    changed = told[0].payload["changed_attributes"]
    assert "last_activity_at" in changed[0]
    wrong = {"webhook": {"url": "https://x.example", "subscriptions": ["nonsense"]}}
    error = await at.call("POST", "/webhooks", json=wrong, expect=422)
    assert error["attributes"] == ["subscriptions"]


async def test_own_posts_come_back(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    await at.incoming(chat, source_id="WAID:1")
    made = await at.call("POST", path, json={"content": "eco", "source_id": "WAID:2"})
    await at.call("PATCH", f"{path}/{made['id']}", json={"status": "read"})
    await at.sim.settled()
    sources = [body["source_id"] for body in at.hook.of("message_created")]
    assert sources == ["WAID:1", "WAID:2"]
    assert [body["id"] for body in at.hook.of("message_updated")] == [made["id"]]


async def test_the_payload_shows_the_state_at_delivery(at):
    chat = await at.chat()
    at.sim.webhooks.hold()
    message = at.sim.agent_writes(chat.id, "primeira")
    later = at.sim.agent_writes(chat.id, "segunda")
    at.sim.agent_deletes(message.id)
    at.sim.webhooks.release()
    await at.sim.settled()
    bodies = {body["id"]: body for body in at.hook.of("message_created")}
    assert bodies[message.id]["content_attributes"] == {"deleted": True}
    assert bodies[message.id]["conversation"]["messages"][0]["id"] == later.id


async def test_a_release_backwards_lets_a_deletion_overtake_its_creation(at):
    chat = await at.chat()
    await at.sim.settled()
    at.hook.bodies.clear()
    at.sim.webhooks.hold()
    message = at.sim.agent_writes(chat.id, "oi")
    at.sim.agent_deletes(message.id)
    at.sim.webhooks.release(backwards=True)
    await at.sim.settled()
    events = [event for event in at.hook.events if event.startswith("message")]
    assert events == ["message_updated", "message_created"]


async def test_a_shuffle_reorders_and_can_be_repeated():
    async def order():
        async with office(webhook_hold=0.05, webhook_shuffle=True, seed=7) as at:
            chat = await at.chat()
            for number in range(12):
                at.sim.agent_writes(chat.id, str(number))
            await at.sim.settled()
            return [body["content"] for body in at.hook.of("message_created")]

    first = await order()
    assert sorted(first, key=int) == [str(number) for number in range(12)]
    assert first != sorted(first, key=int)


async def test_events_can_be_doubled(at):
    at.sim.webhooks.copies = 2
    chat = await at.chat()
    await at.sim.settled()
    assert at.hook.events == ["conversation_created"] * 2
    ids = {headers["X-Chatwoot-Delivery"] for headers in at.hook.headers}
    assert (len(ids), chat.id) == (2, at.hook.bodies[0]["id"])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, "404 Not Found"),
        (500, "500 Internal Server Error"),
        (302, "302 Found"),
    ],
)
@pytest.mark.parametrize("kind", ["incoming", "outgoing", "note"])
async def test_a_failed_delivery_marks_the_message_once_and_is_not_retried(at, status, error, kind):
    chat = await at.chat()
    await at.sim.settled()
    at.hook.status = status
    at.hook.bodies.clear()
    if kind == "incoming":
        await at.incoming(chat)
    else:
        at.sim.agent_writes(chat.id, "oi", private=kind == "note")
    await at.sim.settled()
    message = chat.messages[-1]
    assert (message.status, message.external_error) == ("failed", error)
    events = [event for event in at.hook.events if event.startswith("message")]
    assert events == ["message_created", "message_updated"]


async def test_a_late_answer_is_a_failure():
    async with office(webhook_timeout=0.05) as at:
        chat = await at.chat()
        await at.sim.settled()
        at.hook.gate = asyncio.Event()
        message = at.sim.agent_writes(chat.id, "oi")
        await at.sim.settled()
        at.hook.gate.set()
        assert message.external_error == "Timed out reading data from server"


async def test_nobody_listening_is_a_failure(at):
    at.inbox.webhook_url = "http://127.0.0.1:9/nobody"
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, "oi")
    await at.sim.settled()
    assert message.status == "failed"
    assert message.external_error == "Failed to open TCP connection to 127.0.0.1"


async def test_a_failure_at_an_account_webhook_is_only_noted(at):
    at.inbox.webhook_url = None
    hook = {"webhook": {"url": at.hook.url, "subscriptions": ["message_created"]}}
    await at.call("POST", "/webhooks", json=hook)
    at.hook.status = 500
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, "oi")
    await at.sim.settled()
    assert message.status == "sent"
    assert [row.status for row in at.sim.webhooks.of("message_created")] == [500]


async def test_private_addresses_can_be_refused():
    async with office(version="4.14.0", refuse_private_webhooks=True) as at:
        chat = await at.chat()
        message = at.sim.agent_writes(chat.id, "oi")
        await at.sim.settled()
        assert message.external_error == "Hostname '127.0.0.1' has no public ip addresses"
        assert at.hook.bodies == []


async def test_what_was_deleted_before_its_delivery_is_dropped(at):
    chat = await at.chat()
    await at.sim.settled()
    at.sim.webhooks.hold()
    at.sim.agent_writes(chat.id, "oi")
    at.sim.delete_contact(chat.contact_id)
    at.sim.webhooks.release()
    await at.sim.settled()
    assert at.hook.of("message_created") == []
    assert at.sim.webhooks.of("message_created")[0].dropped


async def test_ten_deliveries_run_at_once(at):
    chat = await at.chat()
    await at.sim.settled()
    at.hook.bodies.clear()
    at.hook.gate = asyncio.Event()
    for number in range(12):
        await at.incoming(chat, str(number))
    await at.sim.wait_for(lambda: len(at.hook.bodies) >= 10 or at.sim.webhooks.pending == 0)
    running = [row for row in at.sim.webhooks if row.started and not row.done]
    assert len(running) == 10
    at.hook.gate.set()
    await at.sim.settled()


@pytest.mark.parametrize(
    ("version", "sent"),
    [
        ("4.9.0", "a\\\nb"),
        ("4.10.0", "<p>a<br />\nb</p>\n"),
        ("4.13.0", "a\\\nb"),
        ("4.14.0", "a\nb"),
    ],
)
async def test_what_versions_make_of_the_text(version, sent):
    async with office(version=version) as at:
        chat = await at.chat()
        message = at.sim.agent_writes(chat.id, "a\\\nb")
        await at.sim.settled()
        assert at.hook.of("message_created")[0]["content"] == sent
        assert message.content == "a\\\nb"


async def test_jobs_outlive_a_restart(at):
    chat = await at.chat()
    await at.sim.settled()
    at.hook.bodies.clear()
    await at.sim.webhooks.stop()
    at.sim.agent_writes(chat.id, "oi")
    await at.sim.webhooks.start()
    await at.sim.settled()
    assert "message_created" in at.hook.events
