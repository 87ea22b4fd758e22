"""The JSON that Meta posts to us, made from plain values (whatsapp-channels.md A.3 to A.6)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

_REGIONS = {"55": "BR", "52": "MX", "54": "AR", "351": "PT", "34": "ES"}

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A connected business number, as `GET /{phone_number_id}` tells of it."""

    phone_number_id: str = "412900001234567"
    waba_id: str = "398877665544332"
    display_phone_number: str = "+55 11 3000-1234"
    verified_name: str = "Loja Exemplo"
    quality_rating: str = "GREEN"
    status: str = "CONNECTED"
    throughput: str = "STANDARD"

    @property
    def digits(self) -> str:
        return "".join(filter(str.isdigit, self.display_phone_number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on the other side. Each part may be unknown (A.4)."""

    wa_id: str | None
    bsuid: str | None = None
    name: str | None = None

    @property
    def contact(self) -> Payload:
        profile = {} if self.name is None else {"name": self.name}
        return _without_none(profile=profile, wa_id=self.wa_id, user_id=self.bsuid)


def bsuid_of(wa_id: str) -> str:
    """Invent the business-scoped user id of a number; always the same one."""
    region = next((r for prefix, r in _REGIONS.items() if wa_id.startswith(prefix)), "US")
    digest = hashlib.blake2b(wa_id.encode("utf-8", "replace"), digest_size=8).digest()
    return f"{region}.{int.from_bytes(digest, 'big'):020d}"


def wamid(address: str, tail: str, *, outbound: bool) -> str:
    """Make a message id as WhatsApp builds them: the address and a unique tail, in base64."""
    who, unique = address.encode("utf-8", "replace")[:64], tail.encode("ascii")
    direction = b"\x11" if outbound else b"\x12"
    raw = b"\x1c\x18%c%b\x15\x02\x00%b\x18%c%b\x00" % (len(who), who, direction, len(tail), unique)
    return "wamid." + base64.b64encode(raw).decode()


def envelope(number: Number, *, field: str = "messages", **value: Any) -> Payload:
    """Wrap one change of one number."""
    metadata = {
        "display_phone_number": number.digits,
        "phone_number_id": number.phone_number_id,
    }
    change = {
        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
        "field": field,
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": number.waba_id, "changes": [change]}],
    }


def batch(*payloads: Payload) -> Payload:
    """Merge payloads into one, as Meta does under load.

    One entry per account, and neighbouring messages of one number in one change.
    """
    entries: dict[str, Payload] = {}
    for payload in payloads:
        for entry in payload["entry"]:
            merged = entries.setdefault(entry["id"], {"id": entry["id"], "changes": []})
            for change in entry["changes"]:
                _add_change(merged["changes"], change)
    return {"object": "whatsapp_business_account", "entry": list(entries.values())}


def _add_change(changes: list[Payload], change: Payload) -> None:
    value = change["value"]
    if changes and "messages" in value:
        last = changes[-1]["value"]
        if "messages" in last and last.get("metadata") == value.get("metadata"):
            new = [c for c in value.get("contacts", []) if c not in last.get("contacts", [])]
            contacts = last.get("contacts", []) + new
            messages = last["messages"] + value["messages"]
            together = {**last, "contacts": contacts, "messages": messages}
            changes[-1] = {**changes[-1], "value": together}
            return
    changes.append(change)


def incoming(
    number: Number,
    person: Person,
    *,
    id_: str,
    timestamp: int,
    content: Payload,
    reply_to: str | None = None,
) -> Payload:
    """Make the webhook of a customer's message; `content` holds `type` and its body."""
    context = None if reply_to is None else {"from": number.digits, "id": reply_to}
    message = _without_none(
        context=context, **{"from": person.wa_id}, from_user_id=person.bsuid
    ) | {"id": id_, "timestamp": str(timestamp)}
    return envelope(number, contacts=[person.contact], messages=[message | content])


def progress(
    number: Number,
    person: Person,
    *,
    id_: str,
    state: str,
    timestamp: int,
    callback_data: str | None,
    group: str | None = None,
    error: Payload | None = None,
) -> Payload:
    """Make the webhook of one status of one message of ours."""
    status = _without_none(
        id=id_,
        status=state,
        timestamp=str(timestamp),
        recipient_type=None if group is None else "group",
        recipient_id=group or person.wa_id,
        recipient_user_id=None if group else person.bsuid,
        recipient_participant_id=person.wa_id if group else None,
        biz_opaque_callback_data=callback_data,
    )
    if error is not None:
        return envelope(number, statuses=[status | {"errors": [error]}])
    if state in {"sent", "delivered"}:
        conversation: Payload = {"id": hashlib.blake2b(id_.encode(), digest_size=16).hexdigest()}
        if state == "sent":
            conversation["expiration_timestamp"] = str(timestamp + 86_400)
        status["conversation"] = conversation | {"origin": {"type": "service"}}
    if state != "played":
        status["pricing"] = {
            "billable": False,
            "pricing_model": "PMP",
            "category": "service",
            "type": "free_customer_service",
        }
    if state == "sent" or group:
        return envelope(number, statuses=[status])
    return envelope(number, contacts=[person.contact], statuses=[status])


def template_news(waba_id: str, name: str, language: str, event: str) -> Payload:
    """Make the webhook that tells that the state of a template is another one."""
    value = {
        "event": event,
        "message_template_id": template_id(name, language),
        "message_template_name": name,
        "message_template_language": language,
        "reason": "NONE",
    }
    change = {"value": value, "field": "message_template_status_update"}
    return {"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": [change]}]}


def template_id(name: str, language: str) -> int:
    """Invent the id of a template; always the same one."""
    digest = hashlib.blake2b(f"{name}/{language}".encode("utf-8", "replace"), digest_size=5)
    return int.from_bytes(digest.digest(), "big")


def encode(payload: Payload) -> bytes:
    """Write JSON byte for byte as Meta does: non-ASCII characters and slashes escaped."""
    return json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def sign(raw: bytes, app_secret: str) -> str:
    """Give the value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()


def _without_none(**values: Any) -> Payload:
    return {key: value for key, value in values.items() if value is not None}
