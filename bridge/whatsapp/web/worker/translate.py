"""The engine's events as the protocol's (docs/whatsapp-web.md). Pure but for what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bridge.whatsapp.web.worker.jids import is_lid, is_phone, written

Data: TypeAlias = dict[str, Any]
#: The phone of a LID as far as the engine's own list knows, else "".
Phones: TypeAlias = Callable[[str], str]
#: What a message event with a vote chooses: digests in hexadecimal; None when it stays closed.
Votes: TypeAlias = Callable[[Any], list[str] | None]

#: The engine's number of each kind of event that is asked for, and its message type.
KINDS: Final[Mapping[int, str]] = {
    2: "PairStatus",
    3: "Connected",
    4: "KeepAliveTimeout",
    6: "LoggedOut",
    7: "StreamReplaced",
    8: "TemporaryBan",
    9: "ConnectFailure",
    10: "ClientOutdated",
    11: "StreamError",
    12: "Disconnected",
    13: "HistorySync",
    17: "Message",
    18: "Receipt",
    19: "ChatPresence",
    21: "JoinedGroup",
    22: "GroupInfoEvent",
    23: "Picture",
    24: "IdentityChange",
    36: "CallOffer",
    40: "CallOfferNotice",
    44: "UndecryptableMessage",
}
CONNECTED: Final = 3
_RECEIPTS: Final = {
    1: "delivered",
    2: "sender",
    3: "retry",
    4: "read",
    5: "read_self",
    6: "played",
    7: "played_self",
    8: "server_error",
    9: "inactive",
    10: "peer",
    11: "history",
}
_SECONDS_END: Final = 10**11
#: Each costs a look into the engine's list.
_MOST_MENTIONS: Final = 50
_COMPOSING: Final = 1
_AUDIO: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    #: protobuf's JSON mapping.
    as_json: Callable[[Any], Data]
    phones: Phones
    votes: Votes
    #: Whether a message that is not to be had was to be looked at once.
    once: Callable[[str], bool]

    def kept(self, kind: str, event: Any) -> tuple[str, Data] | None:
        """A kept event and its data; None when this kind is none. History is told elsewhere."""
        makers: dict[str, tuple[str, Callable[[Any], Data]]] = {
            "Message": ("message", self._message),
            "UndecryptableMessage": ("undecryptable", self._undecryptable),
            "Receipt": ("receipt", self._receipt),
            "CallOffer": ("call", self._call),
            "CallOfferNotice": ("call", self._call),
            "Picture": ("picture", self._picture),
            "GroupInfoEvent": ("group", _group),
            "JoinedGroup": ("group", _joined),
            "IdentityChange": ("identity", _identity),
        }
        name, make = makers.get(kind, (None, None))
        return None if name is None or make is None else (name, make(event))

    def volatile(self, kind: str, event: Any) -> tuple[str, Data] | None:
        """What is told once or not at all; None when this kind is kept."""
        if kind != "ChatPresence":
            return None
        return "typing", {**self._source(event.MessageSource), "state": _typing(event)}

    def _source(self, source: Any) -> Data:
        """Who and where; phones from the stanza first, else from the engine's list."""
        chat, sender = written(source.Chat), written(source.Sender)
        alt = written(source.SenderAlt)
        other = written(source.RecipientAlt)
        chat_alt = "" if source.IsGroup else (other if source.IsFromMe else alt or other)
        return {
            "chat": chat,
            **self._spellings("chat", chat, chat_alt, group=source.IsGroup),
            "sender": sender,
            **self._spellings("sender", sender, alt, group=False),
            "from_me": source.IsFromMe,
            "group": source.IsGroup,
        }

    def _spellings(self, name: str, jid: str, alt: str, *, group: bool) -> Data:
        given = [one for one in (jid, alt) if one]
        lid = next(filter(is_lid, given), None)
        phone = next(filter(is_phone, given), None)
        if phone is None and lid is not None and not group:
            phone = self.phones(lid) or None
        return {f"{name}_pn": phone, f"{name}_lid": lid}

    def _stanza(self, info: Any) -> Data:
        source = info.MessageSource
        return {
            "id": info.ID,
            **self._source(source),
            "at_ms": milliseconds(info.Timestamp),
            "push_name": info.Pushname,
            "verified_name": _verified(info),
            "category": info.Category,
            "edit": info.Edit,
            "broadcast": written(source.BroadcastListOwner) or None,
        }

    def _message(self, event: Any) -> Data:
        once = event.IsViewOnce or event.IsViewOnceV2 or event.IsViewOnceV2Extension
        is_vote = event.Message.HasField("pollUpdateMessage")
        return {
            **self._stanza(event.Info),
            "edited": event.IsEdit,
            "view_once": once,
            "ephemeral": event.IsEphemeral,
            "message": self.as_json(event.Message),
            "mentioned": self._mentioned(event.Message),
            **({"vote": self.votes(event)} if is_vote else {}),
        }

    def _mentioned(self, message: Any) -> Data:
        """Phones of those whom the message names by their LIDs."""
        named = [one for part in _parts(message) for one in part.contextInfo.mentionedJID]
        phones = {lid: self.phones(lid) for lid in named[:_MOST_MENTIONS] if is_lid(lid)}
        return {lid: phone for lid, phone in phones.items() if phone}

    def _undecryptable(self, event: Any) -> Data:
        return {
            **self._stanza(event.Info),
            "unavailable": event.IsUnavailable,
            "view_once": event.IsUnavailable and self.once(event.Info.ID),
        }

    def _receipt(self, event: Any) -> Data:
        return {
            "ids": list(event.MessageIDs),
            "kind": _RECEIPTS.get(event.Type, "other"),
            **self._source(event.MessageSource),
            "at_ms": milliseconds(event.Timestamp),
            "keys": {},
        }

    def _call(self, event: Any) -> Data:
        call = event.basicCallMeta
        caller = written(call.callCreator) or written(getattr(call, "from"))
        spelled = self._spellings("from", caller, written(call.callCreatorAlt), group=False)
        origin = written(getattr(call, "from"))
        media = getattr(event, "media", "")
        return {
            "id": call.callID,
            "from": caller,
            **spelled,
            "at_ms": milliseconds(call.timestamp),
            "video": media == "video" or any(node.Tag == "video" for node in event.data.Nodes),
            "group": origin if origin.endswith("@g.us") else _group_of_call(event.data),
        }

    def _picture(self, event: Any) -> Data:
        jid = written(event.JID)
        spelled = self._spellings("jid", jid, "", group=jid.endswith("@g.us"))
        return {
            "jid": jid,
            "jid_pn": spelled["jid_pn"],
            "author": written(event.Author) or None,
            "at_ms": milliseconds(event.Timestamp),
            "removed": event.Remove,
        }


def _parts(message: Any) -> Iterator[Any]:
    """Those that may say what stands around the words."""
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is not None and not field.is_repeated and "contextInfo" in kind.fields_by_name:
            yield value


def milliseconds(time: int) -> int:
    """Of a time in either unit: the engine uses both (seconds stay below this until 5138)."""
    return time if time >= _SECONDS_END else time * 1000


def _verified(info: Any) -> str | None:
    if not info.HasField("VerifiedName") or not info.VerifiedName.HasField("Details"):
        return None
    return str(info.VerifiedName.Details.verifiedName) or None


def _typing(event: Any) -> str:
    if event.State != _COMPOSING:
        return "paused"
    return "recording" if event.Media == _AUDIO else "composing"


def _group_of_call(node: Any) -> str | None:
    for attribute in node.Attrs:
        if attribute.name in {"group-jid", "group_jid"}:
            return written(attribute.jid) or attribute.text or None
    return None


def _group(event: Any) -> Data:
    return {
        "jid": written(event.JID),
        "subject": event.Name.Name if event.HasField("Name") else None,
        "at_ms": milliseconds(event.Timestamp),
        "deleted": event.HasField("Delete") and event.Delete.Deleted,
        **{
            name.lower(): [written(jid) for jid in getattr(event, name)]
            for name in ("Join", "Leave", "Promote", "Demote")
        },
    }


def _identity(event: Any) -> Data:
    return {"jid": written(event.JID)}


def _joined(event: Any) -> Data:
    known = event.GroupInfo
    return {
        "jid": written(known.JID),
        "subject": known.GroupName.Name or None,
        "reason": event.Reason or None,
    }
