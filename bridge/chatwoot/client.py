"""One Chatwoot account over its application API (chatwoot-api.md 1).

Every method raises `PeerError`s only. Every success of Chatwoot is 200; an answer that cannot be
read counts as an unknown outcome. No method repeats a call by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from bridge.chatwoot import wire
from bridge.chatwoot.api import Api
from bridge.chatwoot.assigning import Assigning
from bridge.chatwoot.attachments import File, Held
from bridge.chatwoot.faults import ChatwootTooOld, unreadable
from bridge.chatwoot.fields import table, text, words
from bridge.chatwoot.models import (
    AccountFacts,
    AgentBot,
    Contact,
    Conversation,
    Inbox,
    Message,
    Profile,
    Server,
)
from bridge.chatwoot.reading import (
    read_account,
    read_agent_bot,
    read_contact,
    read_conversation,
    read_inbox,
    read_message,
    read_profile,
    read_server,
)
from bridge.errors import PeerGone, Scope
from bridge.net.http import Http

_FULL_WINDOW = 100
#: How many windows of 20 `messages_since` goes back at the most.
_MOST_WINDOWS = 100
#: Rows that two windows share, since ids and times of parallel creates may cross (2.5).
_OVERLAP = 10


class Chatwoot(Assigning):
    """One account; `url` is the dashboard's address, `token` an administrator's (1.13)."""

    def __init__(
        self, *, http: Http, url: str, account_id: int, token: str, timeout: float = 15.0
    ) -> None:
        self._api = Api(http=http, url=url, token=token, timeout=timeout)
        self._account = account = f"/api/v1/accounts/{account_id}"
        self._contacts = f"{account}/contacts"
        self._conversations = f"{account}/conversations"
        self._inboxes = f"{account}/inboxes"
        self._bindings = f"{account}/contact_inboxes/filter"
        self._bots = f"{account}/agent_bots"
        self._merge = f"{account}/actions/contact_merge"

    def __repr__(self) -> str:
        return f"Chatwoot({self._api.url}{self._inboxes.removesuffix('/inboxes')})"

    # -- installation ------------------------------------------------------------------------

    async def version(self) -> Server:
        """Ask the installation who it is; needs no token and sends none."""
        return _known(read_server(await self._api.call("GET", "/api", anonymous=True)), "version")

    async def profile(self) -> Profile:
        """Tell whose token this is. `PeerLocked` for a wrong one, or that of a bot (1.13)."""
        found = await self._api.call("GET", "/api/v1/profile")
        return _known(read_profile(found), "profile")

    async def account(self) -> AccountFacts:
        """What the account tells of itself."""
        return _known(read_account(await self._api.call("GET", self._account)), "account")

    # -- inboxes -----------------------------------------------------------------------------

    async def inboxes(self) -> list[Inbox]:
        found = await self._api.call("GET", self._inboxes)
        return [inbox for inbox in map(read_inbox, _payload(found)) if inbox is not None]

    async def inbox(self, inbox_id: int) -> Inbox:
        return _known(
            read_inbox(await self._api.call("GET", f"{self._inboxes}/{inbox_id}")), "inbox"
        )

    async def create_inbox(
        self,
        name: str,
        webhook_url: str,
        *,
        channel: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Inbox:
        """Create an API inbox. `channel` and `fields` are further attributes as in 1.2."""
        inside = {**(channel or {}), "type": "api", "webhook_url": webhook_url}
        body = {**fields, "name": name, "channel": inside}
        return _known(read_inbox(await self._api.call("POST", self._inboxes, body)), "inbox create")

    async def update_inbox(
        self, inbox_id: int, *, channel: Mapping[str, Any] | None = None, **fields: Any
    ) -> Inbox:
        """Change attributes. `channel["additional_attributes"]` replaces the whole object (1.2)."""
        body = {**fields, "channel": dict(channel)} if channel else fields
        found = await self._api.call("PATCH", f"{self._inboxes}/{inbox_id}", body)
        return _known(read_inbox(found), "inbox update")

    async def delete_inbox(self, inbox_id: int) -> None:
        """Delete an inbox with all its conversations; Chatwoot does it later (1.2)."""
        await self._api.call("DELETE", f"{self._inboxes}/{inbox_id}")

    # -- agent bots --------------------------------------------------------------------------

    async def agent_bots(self) -> list[AgentBot]:
        """All that the account may use, the system's too (1.4)."""
        found = await self._api.call("GET", self._bots)
        if not isinstance(found, list):
            raise unreadable("agent bots")
        return [one for one in map(read_agent_bot, found) if one is not None]

    async def create_agent_bot(self, name: str, description: str) -> AgentBot:
        """Make an agent bot that is told nothing; an administrator's token is needed (1.4)."""
        body = {"name": wire.cut(name), "description": description, "bot_type": "webhook"}
        found = await self._api.call("POST", self._bots, body)
        return _known(read_agent_bot(found), "agent bot create")

    async def inbox_bot(self, inbox_id: int) -> int | None:
        """The agent bot that is attached to an inbox; None: there is none (1.2)."""
        found = await self._api.call("GET", f"{self._inboxes}/{inbox_id}/agent_bot")
        bot = read_agent_bot(table(found).get("agent_bot"))
        return None if bot is None else bot.id

    async def set_inbox_bot(self, inbox_id: int, bot_id: int | None) -> None:
        """Attach an agent bot to an inbox, or detach whichever is there (1.2)."""
        path = f"{self._inboxes}/{inbox_id}/set_agent_bot"
        await self._api.call("POST", path, {"agent_bot": bot_id}, empty=True)

    # -- contacts ----------------------------------------------------------------------------

    async def create_contact(
        self,
        name: str,
        inbox_id: int,
        source_id: str,
        *,
        phone_number: str | None = None,
        identifier: str | None = None,
        avatar_url: str | None = None,
        additional_attributes: Mapping[str, Any] | None = None,
    ) -> tuple[Contact, str]:
        """Create a contact and bind it; gives the contact and its source_id.

        `ChatwootInvalid` names the taken attributes; a source_id that another contact holds is
        a `PeerBroke` (500) of scope ONE, and nothing was created (1.5, 2.1): look it up again.
        """
        body = {"name": wire.cut(name), "inbox_id": inbox_id, "source_id": source_id}
        optional = {
            "phone_number": phone_number,
            "identifier": identifier,
            "avatar_url": avatar_url,
            "additional_attributes": additional_attributes,
        }
        # An identifier of "" is counted as one by a unique index: never sent (1.5).
        body.update({key: value for key, value in optional.items() if value})
        found = await self._api.call("POST", self._contacts, body, server_error=Scope.ONE)
        payload = table(table(found).get("payload"))
        contact = _known(read_contact(payload.get("contact")), "contact create")
        return contact, text(table(payload.get("contact_inbox")).get("source_id")) or source_id

    async def update_contact(self, contact_id: int, **fields: Any) -> Contact:
        """Change fields; free attributes are merged one level deep, never removed (1.5)."""
        if fields.get("identifier") == "":
            fields["identifier"] = None
        if isinstance(fields.get("name"), str):
            fields["name"] = wire.cut(fields["name"])
        found = await self._api.call("PATCH", f"{self._contacts}/{contact_id}", fields)
        return _known(read_contact(table(found).get("payload")), "contact update")

    async def update_avatar(self, contact_id: int, picture: File | Held) -> None:
        """Give a contact a picture: JPEG, PNG or GIF, at most 15 MB (1.5)."""
        url = f"{self._contacts}/{contact_id}"
        await self._api.upload(url, {}, [picture], method="PATCH", part="avatar")

    async def delete_avatar(self, contact_id: int) -> None:
        await self._api.call("DELETE", f"{self._contacts}/{contact_id}/avatar")

    async def contact(self, contact_id: int) -> Contact:
        found = await self._api.call("GET", f"{self._contacts}/{contact_id}")
        return _known(read_contact(table(found).get("payload")), "contact")

    async def delete_contact(self, contact_id: int) -> None:
        """Delete a contact with its conversations; an administrator's token is needed (1.5)."""
        await self._api.call("DELETE", f"{self._contacts}/{contact_id}")

    async def find_contacts(
        self, numbers: Sequence[str], identifiers: Sequence[str]
    ) -> list[Contact]:
        """Find every contact that has one of these numbers or identifiers, each once."""
        found: dict[int, Contact] = {}
        for body in wire.contact_filters(numbers, identifiers):
            async for row in self._api.pages("POST", f"{self._contacts}/filter", {}, body=body):
                contact = read_contact(row)
                if contact is not None:
                    found.setdefault(contact.id, contact)
        return list(found.values())

    async def contact_by_source(self, inbox_id: int, source_id: str) -> Contact | None:
        """Find the contact behind a source_id of an inbox: exact and not throttled (1.5)."""
        body = {"inbox_id": inbox_id, "source_id": source_id}
        try:
            found = await self._api.call("POST", self._bindings, body)
        except (PeerGone, ChatwootTooOld):
            return None
        return _known(read_contact(found), "contact by source_id")

    async def bind_contact(self, contact_id: int, inbox_id: int, source_id: str) -> str:
        """Bind a contact to an inbox; the same binding again is fine. Gives the source_id.

        A source_id that another contact holds is a `PeerBroke` (500) of scope ONE (2.1).
        """
        found = await self._api.call(
            "POST",
            f"{self._contacts}/{contact_id}/contact_inboxes",
            {"inbox_id": inbox_id, "source_id": source_id},
            server_error=Scope.ONE,
        )
        return _known(text(table(found).get("source_id")), "contact inbox create")

    async def contact_conversations(self, contact_id: int) -> list[Conversation]:
        """List at most 20 conversations of all inboxes and statuses, last active first (1.5)."""
        found = await self._api.call("GET", f"{self._contacts}/{contact_id}/conversations")
        return wire.conversations(_payload(found))

    async def merge_contacts(self, base_id: int, mergee_id: int) -> Contact:
        """Merge; the mergee is gone afterwards, without labels, avatar, blocked flag (1.6)."""
        body = {"base_contact_id": base_id, "mergee_contact_id": mergee_id}
        found = await self._api.call("POST", self._merge, body, server_error=Scope.ONE)
        return _known(read_contact(found), "contact merge")

    async def contact_labels(self, contact_id: int) -> tuple[str, ...]:
        found = await self._api.call("GET", f"{self._contacts}/{contact_id}/labels")
        return words(_payload(found))

    async def set_contact_labels(self, contact_id: int, labels: Sequence[str]) -> None:
        """Give a contact these labels and no others (1.5)."""
        await self._api.call(
            "POST", f"{self._contacts}/{contact_id}/labels", {"labels": list(labels)}
        )

    async def contacts_page(self, page: int) -> list[Contact]:
        """One page of all contacts that have a number, an e-mail address or an identifier.

        The oldest come first, so that those which come meanwhile do not move the others (1.5).
        """
        params = {"page": str(page), "sort": "created_at"}
        found = await self._api.call("GET", self._contacts, params=params)
        return [one for one in map(read_contact, _payload(found)) if one is not None]

    # -- conversations -----------------------------------------------------------------------

    async def conversations(
        self, inbox_id: int, source_id: str | None = None, status: str = "all"
    ) -> list[Conversation]:
        """List conversations of an inbox, last active first; with `source_id` only that chat's.

        A server that does not know the source_id filter lists everybody's: those whose
        source_id is not seen are then left out, since they may be somebody else's.
        """
        params = {"status": status, "inbox_id": str(inbox_id)}
        if source_id is not None:
            params["source_id"] = source_id
        found = wire.conversations(
            [row async for row in self._api.pages("GET", self._conversations, params)]
        )
        ours = [one for one in found if one.inbox_id in (inbox_id, None)]
        if source_id is None or all(one.source_id in (source_id, None) for one in ours):
            return ours
        return [one for one in ours if one.source_id == source_id]

    async def active_conversations(self, inbox_id: int, seconds: int) -> list[Conversation]:
        """List the conversations of an inbox that changed in the last `seconds`, all at once."""
        params = {"status": "all", "inbox_id": str(inbox_id), "updated_within": str(seconds)}
        found = await self._api.call("GET", self._conversations, params=params)
        listed = wire.conversations(_payload(table(found).get("data")))
        return [one for one in listed if one.inbox_id in (inbox_id, None)]

    async def create_conversation(
        self,
        inbox_id: int,
        contact_id: int,
        source_id: str,
        status: str | None = None,
        **fields: Any,
    ) -> Conversation:
        """Open a conversation, or get the last one of a locked inbox, unchanged (1.7).

        Chatwoot may override `status` (blocked contact, active bot): read the answer's.
        """
        body = {**fields, "inbox_id": inbox_id, "contact_id": contact_id, "source_id": source_id}
        if status is not None:
            body["status"] = status
        found = await self._api.call("POST", self._conversations, body)
        return _known(read_conversation(found), "conversation create")

    async def conversation(self, conversation_id: int) -> Conversation:
        found = await self._api.call("GET", f"{self._conversations}/{conversation_id}")
        return _known(read_conversation(found), "conversation")

    async def toggle_status(self, conversation_id: int, status: str) -> str:
        """Set the status; gives the one that Chatwoot has now. An unknown one is a 500."""
        found = await self._api.call(
            "POST",
            f"{self._conversations}/{conversation_id}/toggle_status",
            {"status": status},
            server_error=Scope.ONE,
        )
        payload = table(table(found).get("payload"))
        return _known(text(payload.get("current_status")), "toggle status")

    async def show_typing(
        self, inbox_identifier: str, source_id: str, conversation_id: int, *, on: bool
    ) -> None:
        """Show the contact as writing, or no more; the public API alone can (1.12)."""
        inbox, source = quote(inbox_identifier, safe=""), quote(source_id, safe="")
        await self._api.tell(
            f"/public/api/v1/inboxes/{inbox}/contacts/{source}/conversations/{conversation_id}"
            "/toggle_typing",
            {"typing_status": "on" if on else "off"},
        )

    # -- messages ----------------------------------------------------------------------------

    async def create_message(
        self,
        conversation_id: int,
        *,
        content: str | None,
        message_type: str,
        source_id: str | None,
        private: bool = False,
        content_attributes: Mapping[str, Any] | None = None,
        files: Sequence[File | Held] = (),
        voice: bool = False,
        as_bot: int | None = None,
    ) -> Message:
        """Post one message; files are streamed from disk.

        `voice`: the file is a voice note, which newer servers show as one (1.8). `as_bot`: the
        agent bot that an outgoing message is from; of one that is gone it is the token's user.

        Chatwoot does not refuse a second message of the same `source_id` (2.1): after an error
        of unknown certainty look for it with `find_message` before posting again.
        """
        url = f"{self._conversations}/{conversation_id}/messages"
        body = wire.message(content, message_type, source_id, private=private)
        if content_attributes:
            body["content_attributes"] = content_attributes
        if voice:
            body["is_voice_message"] = True
        if as_bot is not None:
            body["sender_type"], body["sender_id"] = "AgentBot", as_bot
        found = await (
            self._api.upload(url, body, files) if files else self._api.call("POST", url, body)
        )
        return _known(read_message(found), "message create")

    async def messages(
        self, conversation_id: int, after: int | None = None, before: int | None = None
    ) -> list[Message]:
        """List one window, oldest first: the newest 20, 20 before, 100 after an id (1.8)."""
        found = await self._window(conversation_id, after=after, before=before)
        return wire.messages(found)

    async def messages_since(self, conversation_id: int, since: float) -> list[Message]:
        """List what was written since a moment (Unix seconds), oldest first, going back."""
        found: dict[int, Message] = {}
        edge: int | None = None
        for _ in range(_MOST_WINDOWS):
            window = await self.messages(conversation_id, before=edge)
            found.update({message.id: message for message in window})
            if not window or min(message.created_at or 0 for message in window) < since:
                break
            edge = min(message.id for message in window)
        newer = (one for one in found.values() if (one.created_at or 0) >= since)
        return sorted(newer, key=lambda one: one.id)

    async def _window(
        self, conversation_id: int, *, after: int | None = None, before: int | None = None
    ) -> list[Any]:
        window = {"after": after, "before": before}
        params = {key: str(edge) for key, edge in window.items() if edge is not None}
        url = f"{self._conversations}/{conversation_id}/messages"
        return _payload(await self._api.call("GET", url, params=params))

    async def find_message(
        self, conversation_id: int, source_id: str, after: int | None
    ) -> Message | None:
        """Look for a message of ours behind the id `after` (None: from the beginning).

        None proves that it was not there; what cannot be read to the end is an error.
        """
        edge = after or 0
        while True:
            window = await self._window(conversation_id, after=edge)
            listed = wire.messages(window)
            if len(listed) < len(window):
                raise unreadable("messages")
            for message in listed:
                if message.source_id == source_id:
                    return message
            if len(window) < _FULL_WINDOW:
                return None
            ids = sorted(message.id for message in listed)
            if ids[-_OVERLAP - 1] <= edge:
                raise unreadable("messages")
            edge = ids[-_OVERLAP - 1]

    async def update_message_status(
        self,
        conversation_id: int,
        message_id: int,
        status: str,
        external_error: str | None = None,
    ) -> Message:
        """Report how far a message came; `external_error` is shown with ``failed`` (1.8).

        From 4.2 on: an older server has no such route (`PeerGone`). Chatwoot silently keeps a
        status that it will not change: read the answer's.
        """
        body: dict[str, Any] = {"status": status}
        if external_error is not None:
            body["external_error"] = wire.cut(external_error)
        url = f"{self._conversations}/{conversation_id}/messages/{message_id}"
        return _known(read_message(await self._api.call("PATCH", url, body)), "message update")

    async def delete_message(self, conversation_id: int, message_id: int) -> None:
        """Delete; the row stays as "This message was deleted" and keeps its source_id (1.8)."""
        await self._api.call(
            "DELETE", f"{self._conversations}/{conversation_id}/messages/{message_id}"
        )


def _payload(found: object) -> list[Any]:
    """Insist on a list: a missing one must not look like an empty one."""
    listed = table(found).get("payload")
    if not isinstance(listed, list):
        raise unreadable("list")
    return listed


_Read = TypeVar("_Read")


def _known(read: _Read | None, what: str) -> _Read:
    """Insist on an answer of the right shape."""
    if read is None:
        raise unreadable(what)
    return read
