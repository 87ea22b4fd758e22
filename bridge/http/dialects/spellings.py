"""Every field that a body of the Evolution family may carry, in every spelling, as data.

Source: evolution-instance-typebot.md 1.1, 3.1, 3.2 and 8.1; evolution-chatwoot.md 1.2 and 1.5. A
spelling is the name of a field, or that of a block and of a field within it with a dot between.
The spellings of a group's fields stand in the same order, so that the n-th ones belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from bridge.core.instance import TRANSPORTS
from bridge.core.typebot import MOST_DELAY, MOST_MINUTES
from bridge.http.dialects import kinds
from bridge.http.dialects.conversation_rules import RULES
from bridge.http.dialects.kinds import Kind

#: A field within a group: its name in snake case, its kind, what it means.
Part: TypeAlias = tuple[str, Kind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`key` is our own name of it, after that of its group and a dot."""

    key: str
    kind: Kind
    about: str
    spellings: tuple[str, ...]

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]


def camel(snake: str) -> str:
    if snake == "use_tls":
        return "useTLS"
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


def nested(group: str, part: str) -> tuple[str, ...]:
    return (f"{group}.{camel(part)}", f"{group}.{part}")


def flat(group: str, part: str) -> tuple[str, ...]:
    capital = camel(part)
    return (f"{group}{capital[0].upper()}{capital[1:]}", f"{group}_{part}")


def bare(_group: str, part: str) -> tuple[str, ...]:
    return (camel(part), part)


def _group(
    name: str, parts: Iterable[Part], *ways: Callable[[str, str], tuple[str, ...]]
) -> tuple[Field, ...]:
    return tuple(
        Field(
            key=f"{name}.{part}",
            kind=kind,
            about=about,
            spellings=tuple(spelled for way in ways for spelled in way(name, part)),
        )
        for part, kind, about in parts
    )


_SETTINGS: Final[tuple[Part, ...]] = (
    ("reject_call", kinds.BOOLEAN, "Reject incoming calls."),
    ("msg_call", kinds.a_phrase(4096), "What the caller is told then."),
    ("groups_ignore", kinds.BOOLEAN, "Drop everything that comes from groups."),
    ("always_online", kinds.BOOLEAN, "Stay available."),
    ("read_messages", kinds.BOOLEAN, "Mark what arrives as read."),
    ("read_status", kinds.BOOLEAN, "Mark statuses as seen."),
    ("sync_full_history", kinds.BOOLEAN, "Take over the whole history when pairing."),
    ("wavoip_token", kinds.a_phrase(255), "Token of the provider of voice calls."),
)
_WEBHOOK: Final[tuple[Part, ...]] = (
    ("enabled", kinds.SWITCH, "Whether events are delivered; a webhook is on unless it says no."),
    ("by_events", kinds.BOOLEAN, "Append the event's name to the URL."),
    ("base64", kinds.BOOLEAN, "Send media inside the event."),
    ("headers", kinds.HEADERS, "Further request headers, passed on as they are."),
    ("events", kinds.EVENTS, "Which events; an empty list: all of them."),
)
_TRANSPORT: Final[tuple[Part, ...]] = (
    ("enabled", kinds.SWITCH, "Whether events are published; a block is on unless it says no."),
    ("events", kinds.EVENTS, "Which events; an empty list: all of them."),
)
PUSHER: Final[tuple[Part, ...]] = (
    ("app_id", kinds.a_word(255), "The app's id at Pusher."),
    ("key", kinds.a_word(255), "The app's key."),
    ("secret", kinds.a_word(255), "The app's secret."),
    ("cluster", kinds.a_word(255), "The app's cluster."),
    ("use_tls", kinds.BOOLEAN, "Connect over TLS."),
)
_PROXY: Final[tuple[Part, ...]] = (
    ("enabled", kinds.SWITCH, "false: no proxy."),
    ("host", kinds.HOST, "Name or address."),
    ("port", kinds.an_integer(1, 65535), "Port."),
    ("protocol", kinds.PROTOCOL, "http, https or socks5."),
    ("username", kinds.PROXY_USER, "User name, if the proxy wants one."),
    ("password", kinds.a_word(255), "Password, if the proxy wants one."),
)
_CHATWOOT: Final[tuple[Part, ...]] = (
    ("enabled", kinds.SWITCH, "false: nothing is relayed."),
    ("account_id", kinds.an_integer(0, 2**62), "The Chatwoot account."),
    ("token", kinds.a_secret(255), "Access token of an administrator."),
    ("url", kinds.a_url("chatwoot", base=True), "Base URL of Chatwoot."),
    ("sign_msg", kinds.BOOLEAN, "Put the agent's name before the text."),
    ("sign_delimiter", kinds.a_phrase(64), "What stands between the name and the text."),
    (
        "sign_template",
        kinds.TEMPLATE,
        "Another form of the signature, with {name} and {text}; empty: the usual one.",
    ),
    ("sign_on_change", kinds.BOOLEAN, "Sign only where somebody else spoke last."),
    ("sign_bots", kinds.BOOLEAN, "Sign what bots write too."),
    (
        "language",
        kinds.LANGUAGE,
        "Of what people read: pt_BR, en or es; empty: that of the Chatwoot account.",
    ),
    ("reopen_conversation", kinds.BOOLEAN, "Go on in the last conversation."),
    ("conversation_pending", kinds.BOOLEAN, "New conversations start as pending."),
    (
        "conversation_rules",
        RULES,
        "Where messages go, before these two switches; the first rule that applies counts.",
    ),
    ("merge_brazil_contacts", kinds.BOOLEAN, "With and without the ninth digit is one contact."),
    ("import_contacts", kinds.BOOLEAN, "Take over contacts when pairing."),
    ("import_messages", kinds.BOOLEAN, "Take over messages when pairing."),
    ("days_limit_import_messages", kinds.an_integer(0, 36500), "How far back."),
    ("name_inbox", kinds.a_word(255), "Name of the inbox; else the instance's."),
    ("organization", kinds.a_word_or_none(255), "Name of the bot contact; empty: Ponte."),
    ("logo", kinds.a_word_or_none(2048), "Address of the bot contact's picture; empty: none."),
    ("auto_create", kinds.BOOLEAN, "Make the inbox and the bot contact."),
    ("ignore_jids", kinds.words_of(255), "Chats that are not relayed: addresses, @g.us, ..."),
    ("number", kinds.NUMBER, "Phone number for the pairing code."),
)
_TYPEBOT: Final[tuple[Part, ...]] = (
    ("url", kinds.a_url("typebot_url", base=True), "Base URL of the Typebot viewer."),
    ("expire", kinds.an_integer(0, MOST_MINUTES), "Minutes of silence that end a session."),
    ("keyword_finish", kinds.a_word(255), "Word that ends the session."),
    ("delay_message", kinds.an_integer(0, MOST_DELAY), "Milliseconds before each bubble."),
    ("unknown_message", kinds.a_phrase(4096), "Answer to what has no usable content."),
    ("listening_from_me", kinds.BOOLEAN, "React to the owner's own messages."),
)
_IDENTITY: Final = (
    Field(
        key="name",
        kind=kinds.a_phrase(255),
        about="Unique name of the instance; it stands in every path.",
        spellings=("instanceName", "instance_name"),
    ),
    Field(
        key="token",
        kind=kinds.a_secret(4096),
        about="API key of the instance, else one is made. WHATSAPP-BUSINESS: the Meta token.",
        spellings=("token",),
    ),
    Field(
        key="number",
        kind=kinds.NUMBER,
        about="Phone number (for a pairing code). WHATSAPP-BUSINESS: the phone number id.",
        spellings=("number",),
    ),
    Field(
        key="business_id",
        kind=kinds.a_secret(64),
        about="Id of the WhatsApp Business account.",
        spellings=("businessId", "business_id"),
    ),
    Field(
        key="integration",
        kind=kinds.a_word(64),
        about="WHATSAPP-BAILEYS (the default) or WHATSAPP-BUSINESS, in any case.",
        spellings=("integration", "Integration"),
    ),
    Field(
        key="qrcode",
        kind=kinds.BOOLEAN,
        about="Connect at once, and answer with the first QR code.",
        spellings=("qrcode", "qrCode"),
    ),
    Field(key="mobile", kind=kinds.BOOLEAN, about="Evolution 1.x; ignored.", spellings=("mobile",)),
    Field(
        key="app_secret",
        kind=kinds.a_secret(255),
        about="Ponte: secret of this number's own Meta app.",
        spellings=("appSecret", "app_secret"),
    ),
    Field(
        key="verify_token",
        kind=kinds.a_secret(255),
        about="Ponte: verify token of this number's own Meta app.",
        spellings=("verifyToken", "verify_token"),
    ),
)


def _webhook_url(*spellings: str) -> Field:
    return Field(
        key="webhook.url",
        kind=kinds.a_url("webhook", login=True),
        about="Where events are delivered. A login in it becomes a header.",
        spellings=spellings,
    )


def _with(fields: tuple[Field, ...], key: str, *spellings: str) -> tuple[Field, ...]:
    """The fields, one of them with further spellings at its end."""
    return tuple(
        Field(
            key=field.key,
            kind=field.kind,
            about=field.about,
            spellings=(*field.spellings, *spellings),
        )
        if field.key == key
        else field
        for field in fields
    )


def _within_itself(_group: str, part: str) -> tuple[str, ...]:
    """`webhook.webhookByEvents`: somebody put the flat name into the block."""
    return tuple(f"webhook.{spelled}" for spelled in flat("webhook", part))


def _replace_webhook(*spellings: str) -> Field:
    return Field(
        key="chatwoot.replace_webhook",
        kind=kinds.BOOLEAN,
        about="Ponte: take over an inbox that delivers elsewhere.",
        spellings=("replaceWebhook", "replace_webhook", *spellings),
    )


def _parts_of(transport: str) -> tuple[Part, ...]:
    return (*_TRANSPORT, *PUSHER) if transport == "pusher" else _TRANSPORT


#: `POST /settings/set`.
SETTINGS: Final = _group("settings", _SETTINGS, bare, nested)
#: `POST /webhook/set`.
WEBHOOK: Final = (
    _webhook_url("url", "webhook.url", "webhook", "webhookUrl", "webhook_url"),
    *_group("webhook", _WEBHOOK, bare, flat, nested, _within_itself),
)
#: `POST /<transport>/set`, by the name of the transport.
TRANSPORT: Final = {name: _group(name, _parts_of(name), bare, flat, nested) for name in TRANSPORTS}
#: `POST /proxy/set`.
PROXY: Final = _group("proxy", _PROXY, bare, flat, nested)
#: `POST /chatwoot/set`.
CHATWOOT: Final = (
    *_group("chatwoot", _CHATWOOT, bare, flat, nested),
    _replace_webhook(*nested("chatwoot", "replace_webhook")),
)
#: `POST /instance/setPresence`.
PRESENCE: Final = (
    Field(
        key="presence",
        kind=kinds.a_word(32),
        about="available, unavailable, composing, recording or paused.",
        spellings=("presence",),
    ),
)
#: What Evolution 2 takes over in a create without documenting it (1.1): kept as it is, and shown
#: in lists until the phone tells its own.
PROFILE: Final = frozenset({"ownerJid", "profileName", "profilePicUrl"})
#: `POST /instance/create`.
CREATE: Final = (
    *_IDENTITY,
    *SETTINGS,
    _webhook_url("webhook", "webhook.url", "webhookUrl", "webhook_url"),
    *_with(_group("webhook", _WEBHOOK, flat, nested, _within_itself), "webhook.events", "events"),
    *(f for name in TRANSPORTS for f in _group(name, _parts_of(name), flat, nested)),
    *_group("proxy", _PROXY, flat, nested),
    *_group("chatwoot", _CHATWOOT, flat, nested),
    _replace_webhook(*nested("chatwoot", "replace_webhook")),
    Field(
        key="typebot.typebot",
        kind=kinds.a_word(100),
        about="Public id of the flow that answers everybody.",
        spellings=("typebot",),
    ),
    *_group("typebot", _TYPEBOT, flat),
)
