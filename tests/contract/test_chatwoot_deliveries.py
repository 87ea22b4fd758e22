"""Every webhook of chatwoot/ goes through the running service: what WhatsApp gets, or the rule.

The ids of a sample are fitted to a conversation of the house; all else of it stays as it is.
"""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot import Conversation
from bridge.sim.graph import SentMessage
from bridge.sim.pictures import jpeg
from support.bridge_house import House, bridge_house

SAMPLES = Path(__file__).parent / "chatwoot"
MESSAGE = 90_001
PDF = b"%PDF-1.7 ..."
MP3 = b"ID3\x03" + bytes(60)


def sample(house: House, chat: Conversation, name: str) -> Any:
    """The body of a sample as if this conversation of the house had caused it."""
    body = json.loads((SAMPLES / f"webhook-{name}.json").read_text(encoding="utf-8"))
    ids = {
        7: house.inbox.id,
        112: chat.id,
        41: chat.contact.id,
        88: chat.contact_inbox.id,
        9001: chat.messages[0].id,
        body.get("id"): MESSAGE if "message_type" in body else chat.id,
    }
    fitted = _fitted(body, ids, chat.contact_inbox.source_id)
    if "message_type" in fitted:
        moment = datetime.fromtimestamp(house.clock.ms() / 1000, UTC)
        fitted["created_at"] = moment.isoformat(timespec="milliseconds")
    return fitted


def _fitted(value: Any, ids: dict[Any, int], source_id: str) -> Any:
    if isinstance(value, list):
        return [_fitted(each, ids, source_id) for each in value]
    if not isinstance(value, dict):
        return value
    fitted = {key: _fitted(each, ids, source_id) for key, each in value.items()}
    for key, each in value.items():
        if (
            (key == "id" or key.endswith("_id") or key == "in_reply_to")
            and isinstance(each, int)
            and each in ids
        ):
            fitted[key] = ids[each]
    if "hmac_verified" in value and "source_id" in value:
        fitted["source_id"] = source_id
    return fitted


async def deliver(house: House, body: Any) -> None:
    """Deliver as Chatwoot does from 4.13 on, signed (chatwoot-api.md 3.5)."""
    raw = json.dumps(body).encode()
    at = str(house.clock.ms() // 1000)
    signed = hmac.new(str(house.inbox.secret).encode(), f"{at}.".encode() + raw, "sha256")
    headers = {
        "Content-Type": "application/json",
        "X-Chatwoot-Timestamp": at,
        "X-Chatwoot-Signature": f"sha256={signed.hexdigest()}",
    }
    async with house.http.post(house.hook, data=raw, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    await house.quiet()


def with_files(house: House, chat: Conversation, body: Any) -> Any:
    """The files of a sample, as a note of the stand-in has them, at their addresses there."""
    kinds = {"file": (PDF, "application/pdf"), "image": (jpeg(), "image/jpeg")}
    audio = (MP3, "audio/mpeg")
    named = [
        (one["data_url"].rpartition("/")[2], *kinds.get(one["file_type"], audio))
        for one in body["attachments"]
    ]
    note = house.chat.agent_writes(chat.id, "arquivos", attachments=named, private=True)
    for one, stored in zip(body["attachments"], note.attachments, strict=True):
        one["data_url"] = (
            f"{house.chat_url}/rails/active_storage/blobs/redirect/{stored.blob.key}"
            f"/{stored.filename}"
        )
    return body


# -- what reaches the customer ---------------------------------------------------------------


def wamid_of(chat: Conversation) -> str:
    """The customer's first message, as WhatsApp knows it."""
    return (chat.messages[0].source_id or "").removeprefix("WAID:")


def kind_and_text(sent: SentMessage) -> tuple[str, str | None]:
    return sent.type, sent.text


SURVEY = "https://chat.padaria-aurora.example/survey/responses/3f1c2b7e-8a44-4d07-9d7e-2a5b0c6d1e90"
SENT: dict[str, list[tuple[str, str | None]]] = {
    "message_created-outgoing-agent": [("text", "Temos sim, João! Acabaram de sair do forno 🙂")],
    "message_created-outgoing-4.18-shape": [
        ("text", "Temos sim, João! Acabaram de sair do forno 🙂")
    ],
    "message_created-outgoing-agent-reply": [("text", "São R$ 4,50 a unidade")],
    "message_created-outgoing-attachments": [
        ("document", "Segue o orçamento"),
        ("image", None),
    ],
    "message_created-outgoing-audio": [("audio", None)],
    "message_created-outgoing-voice-4.15plus": [("audio", None)],
    "message_created-agent-bot-select": [("interactive", "Escolha uma opção:")],
    "message_created-template-greeting": [
        ("text", "Olá! Recebemos sua mensagem e já vamos atender.")
    ],
    "message_created-template-csat": [("text", f"Please rate this conversation, {SURVEY}")],
    # Written while we were down: Retry is the first we hear of it.
    "message_updated-retry": [("text", "Temos sim, João! Acabaram de sair do forno 🙂")],
}


@pytest.mark.parametrize("name", SENT)
async def test_what_people_and_bots_write_reaches_the_customer(tmp_path: Path, name: str) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        body = sample(house, chat, name)
        if body.get("attachments"):
            body = with_files(house, chat, body)
            await house.quiet()
        await deliver(house, body)
        assert [kind_and_text(sent) for sent in house.graph.sent] == SENT[name]
        quoted = [sent.body.get("context") for sent in house.graph.sent]
        asked = body["content_attributes"].get("in_reply_to") == chat.messages[0].id
        assert quoted[0] == ({"message_id": wamid_of(chat)} if asked else None)
        assert not any((await house.balance()).values())
        await deliver(house, body)
        assert len(house.graph.sent) == len(SENT[name]), "delivered again, sent again"


# -- what is ignored, and by which rule ------------------------------------------------------

IGNORED = {
    "message_created-incoming": ("outbound", "echo"),
    "message_created-incoming-image": ("outbound", "echo"),
    "message_created-incoming-audio": ("outbound", "echo"),
    "message_created-outgoing-own-echo": ("outbound", "echo"),
    "message_created-private-note": ("outbound", "private_note"),
    "message_updated-failed": ("outbound", "chatwoot.failure_shown"),
    # Not sent by us, but read: somebody sent it.
    "message_updated-read": ("outbound", "chatwoot.nothing_new"),
    "conversation_typing_on-agent": ("signal", "chatwoot.typing"),
    "conversation_typing_off-contact": ("signal", "chatwoot.typing"),
    "agent-bot-conversation_opened": ("signal", "chatwoot.conversation_opened"),
    "contact_created-account-only": ("signal", "chatwoot.contact_created"),
    "contact_updated-account-only": ("signal", "chatwoot.contact_updated"),
    "inbox_created-account-only": ("signal", "chatwoot.inbox_created"),
    "inbox_updated-account-only": ("signal", "chatwoot.inbox_updated"),
    "webwidget_triggered-shape": ("signal", "chatwoot.webwidget_triggered"),
}
#: What changes what we know of a conversation, and sends nothing.
KNOWN = {
    "conversation_created": "open",
    "conversation_updated-assignee": "open",
    "conversation_updated-labels": "open",
    "conversation_status_changed-snoozed": "snoozed",
    "conversation_status_changed-resolved": "resolved",
}


async def test_what_is_not_for_whatsapp_is_ignored_by_a_named_rule(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        for name, (road, rule) in IGNORED.items():
            before = (await house.events()).get((road, "ignored", rule), 0)
            await deliver(house, sample(house, chat, name))
            after = (await house.events()).get((road, "ignored", rule), 0)
            assert after == before + 1, (name, await house.events())
        assert house.graph.sent == []
        assert not any((await house.balance()).values())


async def test_what_changes_in_a_conversation_is_taken_over(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        moment = house.clock.ms() / 1000
        for number, (name, status) in enumerate(KNOWN.items(), 1):
            body = sample(house, chat, name)
            body["updated_at"] = moment + number  # each is newer than the last
            await deliver(house, body)
            (row,) = await house.rows("SELECT status FROM chat WHERE conversation_id=?", chat.id)
            assert row["status"] == status, name
        assert house.graph.sent == []
        assert not any((await house.balance()).values())


async def test_a_message_that_is_deleted_before_it_went_out_is_never_sent(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        await deliver(house, sample(house, chat, "message_updated-deleted"))
        await deliver(house, sample(house, chat, "message_created-outgoing-agent"))
        assert house.graph.sent == []
        assert not any((await house.balance()).values())


async def test_a_sample_of_another_inbox_sends_nothing(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        body = sample(house, chat, "message_created-outgoing-agent")
        body["inbox"]["id"] = body["conversation"]["inbox_id"] = house.inbox.id + 1
        rule = ("outbound", "ignored", "chatwoot.other_inbox")
        before = (await house.events()).get(rule, 0)
        await deliver(house, body)
        assert house.graph.sent == []
        after = (await house.events())[rule]
        assert after == before + 1


def test_every_webhook_sample_is_delivered() -> None:
    there = {path.stem.removeprefix("webhook-") for path in SAMPLES.glob("webhook-*.json")}
    headers = {name for name in there if name.startswith("request-headers")}
    assert there - headers == {*SENT, *IGNORED, *KNOWN, "message_updated-deleted"}
