"""What the server answers to the questions of a client, by the name space of the question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.pairing import link

if TYPE_CHECKING:
    from support.whatsapp_web.connection import Connection
    from support.whatsapp_web.person import Person

#: Nodes, or the number of an error.
Answer: TypeAlias = "Sequence[Node] | int | None"

_NOT_FOUND = 404


async def answer(connection: Connection, node: Node) -> Answer:
    """An empty answer to what is not known here: most of it only wants to be heard."""
    known = _ANSWERS.get(node.get("xmlns"))
    return await known(connection, node) if known is not None else None


async def _encryption(connection: Connection, node: Node) -> Answer:
    companion = connection.companion
    assert companion is not None
    if node.child("count") is not None:
        return [Node("count", {"value": str(len(companion.one_time))})]
    listed = node.child("list")
    if node.get("type") == "set" and listed is not None:
        companion.one_time += [
            (int.from_bytes(key.need("id").data, "big"), key.need("value").data)
            for key in listed.nodes
        ]
        return None
    asked = node.child("key")
    if asked is None:
        return None
    return [Node("list", {}, [_keys_of(connection, user.jid("jid")) for user in asked.nodes])]


def _keys_of(connection: Connection, jid: Jid) -> Node:
    person = connection.double.people.get(jid.user)
    keys: list[Node] | None = None
    if person is not None and jid.device in person.devices:
        keys = person.devices[jid.device].offer()
    elif person is not None and jid.device in person.companions:
        keys = person.companions[jid.device].offer()
    missing = [Node("error", {"code": str(_NOT_FOUND), "text": "item-not-found"})]
    return Node("user", {"jid": jid}, keys or missing)


async def _users(connection: Connection, node: Node) -> Answer:
    asked = node.need("usync")
    wanted = {child.tag for child in asked.need("query").nodes}
    found = [_user(connection, user, wanted) for user in asked.need("list").nodes]
    attrs = {"sid": asked.get("sid"), "mode": asked.get("mode"), "index": "0", "last": "true"}
    return [Node("usync", attrs, [Node("list", {}, found)])]


def _user(connection: Connection, asked: Node, wanted: set[str]) -> Node:
    contact = asked.child("contact")
    if asked.attrs.get("jid"):
        jid = asked.jid("jid")
        spelling = jid.user
    else:
        spelling = contact.data.decode().lstrip("+").partition("@")[0] if contact else ""
        jid = Jid(f"{spelling}@s.whatsapp.net")
    double = connection.double
    person = double.people.get(spelling) or double.spellings.get(spelling)
    told: list[Node] = []
    if "contact" in wanted:
        content = contact.data if contact is not None else None
        told.append(Node("contact", {"type": "in" if person else "out"}, content))
    if person is None:
        return Node("user", {"jid": jid}, told)
    told += [make(person) for tag, make in _FACTS.items() if tag in wanted]
    return Node("user", {"jid": jid if asked.attrs.get("jid") else person.pn}, told)


def _devices(person: Person) -> Node:
    listed = [
        Node("device", {"id": str(number), "key-index": str(number) if number else None})
        for number in sorted(person.device_numbers)
    ]
    return Node("devices", {}, [Node("device-list", {}, listed)])


_FACTS: Final[dict[str, Callable[[Person], Node]]] = {
    "lid": lambda person: Node("lid", {"val": person.lid}),
    "devices": _devices,
    "status": lambda person: Node("status", {"t": "0"}, person.about.encode()),
    "picture": lambda person: Node("picture", {"id": person.picture_id}),
}


async def _media(connection: Connection, node: Node) -> Answer:
    hosts = [Node("host", {"hostname": connection.double.media.host})]
    attrs = {"auth": "A", "ttl": "300", "auth_ttl": "3600", "max_buckets": "12"}
    return [Node("media_conn", attrs, hosts)]


async def _groups(connection: Connection, node: Node) -> Answer:
    groups = connection.double.groups
    if node.child("participating") is not None:
        companion = connection.companion
        assert companion is not None
        mine = [group.node() for group in groups.values() if companion.phone in group.members]
        return [Node("groups", {}, mine)]
    group = groups.get(node.jid("to"))
    return [group.node()] if group is not None else _NOT_FOUND


async def _picture(connection: Connection, node: Node) -> Answer:
    double = connection.double
    whose = node.jid("target") if node.get("target") else node.jid("to")
    owner = double.groups.get(whose) or double.people.get(whose.user)
    if owner is None or not owner.picture:
        return _NOT_FOUND
    asked = node.child("picture")
    if asked is not None and asked.get("id") == owner.picture_id:
        return None
    path = f"/pictures/{owner.picture_id}.jpg"
    url = f"{double.media.picture_origin}{path}"
    attrs = {"id": owner.picture_id, "type": "image", "url": url, "direct_path": path}
    return [Node("picture", attrs)]


async def _devices_of_account(connection: Connection, node: Node) -> Answer:
    removed = node.child("remove-companion-device")
    companion = connection.companion
    if removed is not None and companion is not None:
        companion.phone.companions.pop(companion.device, None)
        connection.double.start(connection.hang_up())
        return None
    refused = connection.double.faults.no_pairing_code
    return link(connection, node) if refused is None else refused


async def _settings(connection: Connection, node: Node) -> Answer:
    companion = connection.companion
    assert companion is not None
    companion.said.append(node)
    return companion.phone.settings.answer(node)


async def _passive(connection: Connection, node: Node) -> Answer:
    companion = connection.companion
    if node.child("active") is not None and companion is not None:
        connection.double.start(companion.go_on(connection))
    return None


_ANSWERS: Final[dict[str, Callable[[Connection, Node], Awaitable[Answer]]]] = {
    "encrypt": _encryption,
    "usync": _users,
    "w:m": _media,
    "w:g2": _groups,
    "w:profile:picture": _picture,
    "md": _devices_of_account,
    "passive": _passive,
    "w:sync:app:state": _settings,
}
