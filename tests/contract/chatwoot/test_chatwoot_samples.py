"""Every sample of Chatwoot's JSON is read as what it is; a new sample without a fact fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bridge.chatwoot.faults import ChatwootInvalid, fault
from bridge.chatwoot.models import MessageType, Sender
from bridge.chatwoot.reading import (
    read_account,
    read_contact,
    read_conversation,
    read_inbox,
    read_message,
    read_profile,
    read_server,
)
from bridge.chatwoot.webhook import (
    Change,
    ConversationChanged,
    MessageCreated,
    MessageUpdated,
    Other,
    Typing,
    Verdict,
    parse,
    verify,
)
from bridge.errors import Certainty, PeerBusy, PeerGone, PeerLocked, PeerRefused, Remedy, Scope
from bridge.net.http import Answer

HERE = Path(__file__).parent
SECRET = "sEgr3doDoWebhookExemplo00"


def load(name):
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def delivered(name):
    return parse((HERE / f"{name}.json").read_bytes())


# -- errors ----------------------------------------------------------------------------------

ERRORS = {
    "error-401-bot-endpoint": (401, PeerLocked, "chatwoot.unauthorized", ()),
    "error-401-invalid-token": (401, PeerLocked, "chatwoot.unauthorized", ()),
    "error-401-missing-token": (401, PeerLocked, "chatwoot.unauthorized", ()),
    "error-401-pundit": (401, PeerLocked, "chatwoot.unauthorized", ()),
    "error-401-wrong-account": (401, PeerLocked, "chatwoot.unauthorized", ()),
    "error-403-message-update-non-api": (403, PeerRefused, "chatwoot.forbidden", ()),
    "error-404-resource": (404, PeerGone, "chatwoot.gone", ()),
    "error-422-contact-identifier-and-email": (
        422,
        ChatwootInvalid,
        "chatwoot.invalid",
        ("email", "identifier"),
    ),
    "error-422-contact-phone-duplicate": (
        422,
        ChatwootInvalid,
        "chatwoot.invalid",
        ("phone_number",),
    ),
    "error-422-contact-phone-format": (
        422,
        ChatwootInvalid,
        "chatwoot.invalid",
        ("phone_number",),
    ),
    "error-422-conversation-source-id": (422, ChatwootInvalid, "chatwoot.invalid", ()),
    "error-422-filter-attribute": (422, ChatwootInvalid, "chatwoot.invalid", ()),
    "error-422-message-flood": (422, ChatwootInvalid, "chatwoot.invalid", ()),
    "error-422-message-too-long": (422, ChatwootInvalid, "chatwoot.invalid", ()),
    "error-422-webhook-duplicate": (422, ChatwootInvalid, "chatwoot.invalid", ("url",)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_refusal_has_its_error(name):
    status, expected, cause, attributes = ERRORS[name]
    body = (HERE / f"{name}.json").read_bytes()

    error = fault(Answer(status=status, headers={}, body=body))

    assert type(error) is expected
    assert error.cause == cause
    assert error.certainty is Certainty.NOT_DONE
    assert getattr(error, "attributes", ()) == attributes
    shape = orjson.loads(body)
    said = shape.get("error") or shape.get("message") or shape["errors"][0]
    assert said[:200] in str(error)


def test_rack_attack_asks_us_to_slow_down():
    sample = load("error-429-rack-attack")

    error = fault(Answer(status=sample["status"], headers={}, body=sample["body"].encode()))

    assert type(error) is PeerBusy
    assert error.scope is Scope.SERVER
    assert error.remedy is Remedy.RETRY
    assert error.retry_after is None


def test_no_error_sample_is_forgotten():
    found = {path.stem for path in HERE.glob("error-*.json")}
    assert found == {*ERRORS, "error-429-rack-attack"}


# -- REST ------------------------------------------------------------------------------------


def test_the_server_tells_its_release():
    server = read_server(load("rest-api-root-version"))
    assert (server.version, server.release, server.healthy) == ("4.18.0", (4, 18, 0), True)


def test_the_profile_lists_the_accounts_with_their_roles():
    profile = read_profile(load("rest-profile-show"))
    assert (profile.id, profile.name) == (3, "Marina")
    assert [(one.id, one.is_administrator) for one in profile.accounts] == [(1, True)]


def test_an_account_tells_its_locale():
    account = read_account(load("rest-account-show"))
    assert (account.id, account.locale) == (1, "pt_BR")


@pytest.mark.parametrize(
    ("sample", "secret"),
    [
        pytest.param(load("rest-inbox-create"), None, id="create"),
        pytest.param(load("rest-inbox-create-4.13plus"), SECRET, id="create, 4.13"),
        pytest.param(load("rest-inbox-list-as-agent")["payload"][0], None, id="list"),
    ],
)
def test_an_inbox_is_read(sample, secret):
    inbox = read_inbox(sample)
    assert (inbox.id, inbox.name, inbox.is_api) == (7, "WhatsApp Vendas", True)
    assert inbox.webhook_url == "https://ponte.padaria-aurora.example/chatwoot/webhook/7"
    assert inbox.inbox_identifier == "iDenTifierExemplo0000000"
    assert inbox.lock_to_single_conversation
    assert not inbox.hmac_mandatory
    assert inbox.secret == secret
    assert SECRET not in repr(inbox)


@pytest.mark.parametrize(
    ("sample", "bound"),
    [
        pytest.param(load("rest-contact-create")["payload"]["contact"], True, id="create"),
        pytest.param(load("rest-contact-show")["payload"], True, id="show"),
        pytest.param(load("rest-contact-search")["payload"][0], True, id="search"),
        pytest.param(load("rest-contact-filter-response")["payload"][0], True, id="filter"),
        pytest.param(load("rest-contact-inbox-filter"), True, id="by source"),
        pytest.param(load("rest-contact-merge"), False, id="merge"),
        pytest.param(load("rest-conversation-show")["meta"]["sender"], False, id="inside"),
    ],
)
def test_a_contact_is_read(sample, bound):
    contact = read_contact(sample)
    assert (contact.id, contact.name) == (41, "João Batista")
    assert contact.phone_number == "+5511999990001"
    assert contact.identifier == "5511999990001@s.whatsapp.net"
    assert not contact.blocked
    assert contact.created_at == 1793709600
    bindings = [(one.inbox_id, one.source_id) for one in contact.contact_inboxes]
    assert bindings == ([(7, "5511999990001")] if bound else [])


def test_a_contact_may_lack_an_identifier_and_inboxes():
    contact = read_contact(load("rest-contact-create-without-inbox")["payload"]["contact"])
    assert (contact.id, contact.identifier, contact.contact_inboxes) == (42, None, ())


CONVERSATIONS = {
    "rest-conversation-create": lambda sample: sample,
    "rest-conversation-show": lambda sample: sample,
    "rest-conversation-list": lambda sample: sample["data"]["payload"][0],
    "rest-conversation-filter": lambda sample: sample["payload"][0],
    "rest-contact-conversations": lambda sample: sample["payload"][0],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_read(name):
    fresh = name == "rest-conversation-create"
    conversation = read_conversation(CONVERSATIONS[name](load(name)))
    assert (conversation.id, conversation.inbox_id, conversation.status) == (112, 7, "open")
    assert conversation.contact_id == 41
    assert conversation.assignee_id == (None if fresh else 5)
    assert conversation.source_id == (None if fresh else "5511999990001")
    assert conversation.updated_at == 1793709611.482913
    assert conversation.created_at == 1793709600
    assert conversation.last_activity_at
    assert conversation.can_reply is True


MESSAGES = {
    "rest-message-create-incoming": (9001, MessageType.INCOMING, "WAID:3EB0A1B2C3D4E5F60001"),
    "rest-message-create-incoming-image": (
        9011,
        MessageType.INCOMING,
        "WAID:3EB0A1B2C3D4E5F60011",
    ),
    "rest-message-create-incoming-reply": (
        9013,
        MessageType.INCOMING,
        "WAID:3EB0A1B2C3D4E5F60013",
    ),
    "rest-message-create-outgoing": (9004, MessageType.OUTGOING, "WAID:3EB0FFEE000000000004"),
    "rest-message-delete": (9002, MessageType.OUTGOING, None),
    "rest-message-update-failed": (9002, MessageType.OUTGOING, None),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_read(name):
    identity, kind, source_id = MESSAGES[name]
    message = read_message(load(name))
    assert (message.id, message.message_type, message.source_id) == (identity, kind, source_id)
    assert (message.conversation_id, message.inbox_id, message.private) == (112, 7, False)
    assert message.is_deleted == (name == "rest-message-delete")
    assert bool(message.external_error) == (name == "rest-message-update-failed")
    assert message.in_reply_to == (9002 if "reply" in name else None)
    assert message.sender.type == ("contact" if kind is MessageType.INCOMING else "user")


def test_an_image_is_an_attachment():
    (image,) = read_message(load("rest-message-create-incoming-image")).attachments
    assert (image.id, image.file_type, image.file_size) == (504, "image", 182734)
    assert image.data_url.endswith("/foto-do-bolo.jpg")


def test_a_list_holds_templates_and_private_notes():
    messages = [read_message(row) for row in load("rest-messages-list")["payload"]]
    assert [message.id for message in messages][:4] == [9001, 9008, 9002, 9007]
    assert messages[1].message_type is MessageType.TEMPLATE
    assert messages[1].sender is None
    assert messages[3].private


UNREAD = {
    "rest-agent-bot-create",
    "rest-agents-index",
    "rest-contact-filter-request",
    "rest-contact-inbox-create",
    "rest-contactable-inboxes",
    "rest-conversation-assignment-agent",
    "rest-conversation-assignment-team",
    "rest-conversation-custom-attributes",
    "rest-conversation-labels",
    "rest-conversation-toggle-status",
    "rest-inbox-agent-bot-show",
    "rest-inbox-members",
    "rest-public-contact-create",
    "rest-public-message-create",
    "rest-webhooks-create",
    "rest-webhooks-index-4.11.2plus",
}


@pytest.mark.parametrize("path", sorted(HERE.glob("rest-*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "read",
    [
        read_account,
        read_contact,
        read_conversation,
        read_inbox,
        read_message,
        read_profile,
        read_server,
    ],
)
def test_no_reader_trips_over_another_shape(path, read):
    read(json.loads(path.read_text(encoding="utf-8")))


# -- webhooks --------------------------------------------------------------------------------

SENT = {
    "webhook-message_created-agent-bot-select": (9010, "outgoing", "agent_bot", "Bot Aurora"),
    "webhook-message_created-incoming": (9001, "incoming", "contact", "João Batista"),
    "webhook-message_created-incoming-audio": (9012, "incoming", "contact", "João Batista"),
    "webhook-message_created-incoming-image": (9011, "incoming", "contact", "João Batista"),
    "webhook-message_created-outgoing-4.18-shape": (9002, "outgoing", "user", "Caio"),
    "webhook-message_created-outgoing-agent": (9002, "outgoing", "user", "Caio"),
    "webhook-message_created-outgoing-agent-reply": (9003, "outgoing", "user", "Caio"),
    "webhook-message_created-outgoing-attachments": (9005, "outgoing", "user", "Caio"),
    "webhook-message_created-outgoing-audio": (9006, "outgoing", "user", "Caio"),
    "webhook-message_created-outgoing-own-echo": (9004, "outgoing", "user", "Marina"),
    "webhook-message_created-outgoing-voice-4.15plus": (9106, "outgoing", "user", "Caio"),
    # `conversation.messages` shows another message here, but the agent is also the assignee.
    "webhook-message_created-private-note": (9007, "outgoing", "user", "Caio"),
    "webhook-message_created-template-csat": (9009, "template", None, None),
    "webhook-message_created-template-greeting": (9008, "template", None, None),
    "webhook-message_updated-deleted": (9002, "outgoing", "user", "Caio"),
    "webhook-message_updated-failed": (9002, "outgoing", "user", "Caio"),
    "webhook-message_updated-read": (9002, "outgoing", "user", "Caio"),
    "webhook-message_updated-retry": (9002, "outgoing", "user", "Caio"),
}


@pytest.mark.parametrize("name", SENT)
def test_a_message_webhook_is_read(name):
    identity, kind, sender, sender_name = SENT[name]
    event = delivered(name)
    sample = load(name)
    assert type(event) is (MessageCreated if "created" in name else MessageUpdated)
    assert (event.account_id, event.inbox_id, event.conversation_id) == (1, 7, 112)
    assert (event.message.id, event.message.message_type) == (identity, kind)
    assert (event.message.conversation_id, event.message.inbox_id) == (112, 7)
    assert event.message.content == sample["content"]
    assert event.message.source_id == sample["source_id"]
    assert event.message.private == ("private" in name)
    assert (event.message.sender.type if event.message.sender else None) == sender
    assert event.sender_name == sender_name
    assert event.created_at == sample["created_at"]
    assert event.conversation_status == sample["conversation"]["status"]
    assert event.conversation_updated_at == 1793709611.482913
    assert event.contact_source_id == "5511999990001"
    assert (event.contact.id, event.contact.phone_number) == (41, "+5511999990001")
    assert len(event.message.attachments) == len(sample.get("attachments", []))


def test_a_reply_names_the_quoted_message():
    assert delivered("webhook-message_created-outgoing-agent-reply").in_reply_to == 9001


def test_attachments_come_from_the_top_level():
    message = delivered("webhook-message_created-outgoing-attachments").message
    assert [(one.id, one.file_type) for one in message.attachments] == [
        (501, "file"),
        (502, "image"),
    ]


def test_a_private_note_takes_nothing_from_the_message_before_it():
    """`conversation.messages` shows an earlier voice message (chatwoot-api.md 3.3)."""
    message = delivered("webhook-message_created-private-note").message
    assert message.attachments == ()
    assert message.status is None
    assert message.content.startswith("Cliente")


def test_a_voice_message_is_marked_from_4_15_on():
    (voice,) = delivered("webhook-message_created-outgoing-voice-4.15plus").message.attachments
    (plain,) = delivered("webhook-message_created-outgoing-audio").message.attachments
    assert voice.is_voice
    assert not plain.is_voice


def test_updates_tell_deletion_failure_and_retry_apart():
    deleted = delivered("webhook-message_updated-deleted")
    failed = delivered("webhook-message_updated-failed")
    retried = delivered("webhook-message_updated-retry")
    read = delivered("webhook-message_updated-read")
    assert [one.is_deleted for one in (deleted, failed, retried, read)] == [True, *[False] * 3]
    assert failed.external_error == "1006: número não está no WhatsApp"
    assert [one.external_error for one in (deleted, retried, read)] == [None] * 3
    assert [one.message.status for one in (failed, retried, read)] == ["failed", "sent", "read"]


CHANGED = {
    "webhook-conversation_created": (Change.CREATED, "open", None, (), set()),
    "webhook-conversation_status_changed-resolved": (Change.STATUS, "resolved", 5, (), set()),
    "webhook-conversation_status_changed-snoozed": (Change.STATUS, "snoozed", 5, (), set()),
    "webhook-conversation_updated-assignee": (
        Change.UPDATED,
        "open",
        5,
        (),
        {"assignee_id", "updated_at"},
    ),
    "webhook-conversation_updated-labels": (
        Change.UPDATED,
        "open",
        5,
        ("pedido",),
        {"label_list"},
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_conversation_webhook_is_read(name):
    change, status, assignee, labels, columns = CHANGED[name]
    event = delivered(name)
    assert type(event) is ConversationChanged
    assert event.change is change
    assert event.account_id == (None if change is Change.CREATED else 1)
    assert (event.conversation.id, event.conversation.inbox_id) == (112, 7)
    assert event.conversation.status == status
    assert event.tells_assignee
    assert event.conversation.assignee_id == assignee
    assert event.conversation.labels == labels
    assert event.conversation.source_id == "5511999990001"
    assert event.conversation.updated_at == load(name)["updated_at"]
    assert event.contact.id == 41
    assert event.changed == columns


@pytest.mark.parametrize(
    ("name", "is_on", "is_contact"),
    [
        ("webhook-conversation_typing_on-agent", True, False),
        ("webhook-conversation_typing_off-contact", False, True),
    ],
)
def test_typing_is_read(name, is_on, is_contact):
    event = delivered(name)
    assert type(event) is Typing
    assert (event.account_id, event.inbox_id, event.conversation_id) == (1, 7, 112)
    assert (event.is_on, event.is_contact, event.is_private) == (is_on, is_contact, False)
    assert event.contact_source_id == "5511999990001"


OTHERS = {
    "webhook-agent-bot-conversation_opened": "conversation_opened",
    "webhook-contact_created-account-only": "contact_created",
    "webhook-contact_updated-account-only": "contact_updated",
    "webhook-inbox_created-account-only": "inbox_created",
    "webhook-inbox_updated-account-only": "inbox_updated",
    "webhook-webwidget_triggered-shape": "webwidget_triggered",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_events_are_named(name):
    event = delivered(name)
    assert type(event) is Other
    assert event.event == OTHERS[name]
    assert event.why == "not used"


def test_the_signature_sample_verifies():
    sample = load("webhook-request-headers-4.13plus-with-signature")
    now = datetime.fromtimestamp(int(sample["headers"]["X-Chatwoot-Timestamp"]) + 3, UTC)
    body = sample["raw_body"].encode()
    assert verify(body, sample["headers"], SECRET, now=now) is Verdict.VALID
    assert verify(body + b" ", sample["headers"], SECRET, now=now) is Verdict.WRONG


def test_old_servers_do_not_sign():
    sample = load("webhook-request-headers-4.2")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert verify(b"{}", sample["headers"], SECRET, now=now) is Verdict.MISSING


def test_no_sample_is_forgotten():
    headers = {
        "webhook-request-headers-4.13plus-with-signature",
        "webhook-request-headers-4.2",
    }
    rest = {
        "rest-api-root-version",
        "rest-profile-show",
        "rest-account-show",
        "rest-inbox-create",
        "rest-inbox-create-4.13plus",
        "rest-inbox-list-as-agent",
        "rest-contact-create",
        "rest-contact-show",
        "rest-contact-search",
        "rest-contact-filter-response",
        "rest-contact-inbox-filter",
        "rest-contact-merge",
        "rest-contact-create-without-inbox",
        "rest-messages-list",
    }
    known = {*SENT, *CHANGED, *OTHERS, *CONVERSATIONS, *MESSAGES, *UNREAD, *headers, *rest}
    known |= {
        "webhook-conversation_typing_on-agent",
        "webhook-conversation_typing_off-contact",
    }
    found = {path.stem for path in HERE.glob("*.json") if not path.stem.startswith("error-")}
    assert found == known


def test_a_contact_without_a_type_is_a_contact():
    assert delivered("webhook-message_created-incoming").message.sender == Sender(
        type="contact", id=41, name="João Batista", available_name=None
    )
