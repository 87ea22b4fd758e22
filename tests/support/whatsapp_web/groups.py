"""Groups: their facts, and what the server tells their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.stanza import message_id, now

if TYPE_CHECKING:
    from support.whatsapp_web.companion import Companion
    from support.whatsapp_web.person import Person

_CREATED = "1700000000"


class Group:
    """The first member made it and is its administrator."""

    def __init__(self, jid: Jid, subject: str, members: list[Person]) -> None:
        self.jid = jid
        self.subject = subject
        self.members = members
        self.picture = b""
        self.picture_id = ""

    def node(self) -> Node:
        """As the server describes it."""
        listed = [
            Node(
                "participant",
                {
                    "jid": person.lid,
                    "phone_number": person.pn,
                    "type": "admin" if person is self.members[0] else None,
                },
            )
            for person in self.members
        ]
        attrs = {
            "id": self.jid.user,
            "subject": self.subject,
            "creation": _CREATED,
            "creator": self.members[0].lid,
            "s_t": _CREATED,
            "s_o": self.members[0].lid,
            "addressing_mode": "lid",
        }
        return Node("group", attrs, listed)

    async def renames(self, companion: Companion, who: Person, subject: str) -> None:
        self.subject = subject
        told = Node("subject", {"subject": subject, "s_t": now(), "s_o": who.lid})
        await self._tell(companion, who, told)

    async def changes(
        self,
        companion: Companion,
        who: Person,
        what: Literal["add", "remove", "promote", "demote"],
        *whom: Person,
    ) -> None:
        """Members come, go, or are given the word."""
        if what == "add":
            self.members += whom
        elif what == "remove":
            self.members = [one for one in self.members if one not in whom]
        listed = [Node("participant", {"jid": one.lid, "phone_number": one.pn}) for one in whom]
        await self._tell(companion, who, Node(what, {}, listed))

    async def shows(self, companion: Companion, who: Person) -> None:
        """Another picture."""
        told = Node("set", {"jid": self.jid, "id": now(), "author": who.lid})
        attrs = {"from": self.jid, "type": "picture", "id": message_id(), "t": now()}
        await companion.push(Node("notification", attrs, [told]), keep=True)

    async def invites(self, companion: Companion, who: Person) -> None:
        """Tell a new member all of the group."""
        await self._tell(companion, who, Node("create", {"type": "new"}, [self.node()]))

    async def _tell(self, companion: Companion, who: Person, told: Node) -> None:
        attrs = {
            "from": self.jid,
            "type": "w:gp2",
            "id": message_id(),
            "participant": who.lid,
            "participant_pn": who.pn,
            "notify": who.name,
            "t": now(),
        }
        await companion.push(Node("notification", attrs, [told]), keep=True)
