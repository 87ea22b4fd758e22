"""What comes from a client that is logged in: messages are decrypted and checked for everybody."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from support.whatsapp_web import protocols
from support.whatsapp_web.companion import receipt_ids
from support.whatsapp_web.faults import Fate
from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.ratchet import Undecryptable, unpad
from support.whatsapp_web.sender_keys import SenderKey
from support.whatsapp_web.stanza import now
from support.whatsapp_web.told import Told, told

if TYPE_CHECKING:
    from support.whatsapp_web.companion import Companion
    from support.whatsapp_web.connection import Connection
    from support.whatsapp_web.device import Device
    from support.whatsapp_web.groups import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of the client, as those to whom it is addressed read it."""

    id: str
    #: A person or a group; of a copy for one device, this device.
    to: Jid
    message: protocols.Message
    node: Node
    #: What each device reads; for those of the sender without the envelope.
    copies: dict[Jid, protocols.Message] = field(default_factory=dict)
    #: The same message came before.
    repeated: bool = False

    @property
    def text(self) -> str:
        found: str = self.message.conversation or self.message.extendedTextMessage.text
        return found

    @property
    def told(self) -> Told:
        """As which kind people see it, with what stands in it."""
        return told(self.message)


async def receive(companion: Companion, connection: Connection, node: Node) -> None:
    if node.tag == "message":
        await _receive_message(companion, connection, node)
        return
    companion.said.append(node)
    match node.tag:
        case "ack":
            companion.settle(node.get("class"), node.get("id"), node.get("error"))
        case "receipt":
            attrs = {"class": "receipt", "id": node.get("id"), "type": node.get("type")}
            await connection.send(Node("ack", attrs | {"from": node.attrs.get("to")}))
            _settle_by_receipt(companion, node)
            if node.get("type") == "retry":
                await companion.phone.double.letters.again(companion, node)
        case _:
            pass  # recorded is enough


def _settle_by_receipt(companion: Companion, receipt: Node) -> None:
    """The receipt of a message that has come is its acknowledgement; there is no other."""
    match receipt.get("type"):
        case "read" | "read-self" | "played" | "played-self":
            return
        case "retry":
            companion.settle("message", receipt.get("id"), "retry")
        case _:
            for number in receipt_ids(receipt):
                companion.settle("message", number)


async def _receive_message(companion: Companion, connection: Connection, node: Node) -> None:
    faults = companion.phone.double.faults
    is_peer = node.get("category") == "peer"
    fate = faults.fates.popleft() if faults.fates and not is_peer else Fate()
    if fate.accepted:
        _accept(companion, node, is_peer=is_peer)
    if fate.answered:
        attrs = {"class": "message", "id": node.get("id"), "from": node.attrs.get("to"), "t": now()}
        error = {"error": str(fate.error)} if fate.error is not None else {}
        ack = Node("ack", attrs | error)
        if faults.acks_held:
            companion.phone.double.held.append((connection, ack))
        else:
            await connection.send(ack)
    if fate.cut:
        connection.cut()


def _accept(companion: Companion, node: Node, *, is_peer: bool) -> None:
    double = companion.phone.double
    before = companion.sent_by_id.get(node.get("id"))
    if before is not None and before.node.content == node.content:
        companion.sent.append(replace(before, node=node, repeated=True))
        return
    try:
        sent = _read(companion, node)
    except (Undecryptable, DecodeError, LookupError, ValueError) as error:
        double.journal.problems.append(f"a message that cannot be read: {error!r} {node}")
        return
    if is_peer:
        companion.phone.asked.append(sent.message)
        return
    companion.sent.append(sent)
    companion.sent_by_id[sent.id] = sent
    if before is None:
        double.arrived(sent)


def _read(companion: Companion, node: Node) -> Sent:
    double = companion.phone.double
    to = node.jid("to")
    direct = node.child("enc")
    listed = node.child("participants")
    group = double.groups.get(to)
    copies: dict[Jid, protocols.Message] = {}
    for one in listed.nodes if listed is not None else ():
        jid, enc = one.jid("jid"), one.need("enc")
        other = double.people[jid.user].companions.get(jid.device)
        if other is None:
            copies[jid] = _open(companion, jid, enc)
        elif group is None:
            double.start(other.push(_passed_on(companion, other, node, [enc]), keep=True))
    if group is not None and direct is not None and direct.get("type") == "skmsg":
        return _read_for_group(companion, group, node, copies)
    if direct is not None:
        message = _open(companion, to, direct)
        return Sent(id=node.get("id"), to=to, message=message, node=node, copies={to: message})
    _check_devices(companion, to, node)
    return _read_for_person(companion, to, node, copies)


def _read_for_person(
    companion: Companion, to: Jid, node: Node, copies: dict[Jid, protocols.Message]
) -> Sent:
    for jid, message in copies.items():
        if jid.user in companion.phone.users and to.user not in companion.phone.users:
            if message.deviceSentMessage.destinationJID != to:
                raise ValueError(f"the copy for {jid} names another destination")
            copies[jid] = message.deviceSentMessage.message
    told = [message for jid, message in copies.items() if jid.user == to.user]
    if any(message != told[0] for message in told):
        raise ValueError("the devices of a person are told different things")
    for message in copies.values():
        if _content(message) != _content(told[0]):
            raise ValueError("the own devices are told different things")
    return Sent(id=node.get("id"), to=to, message=told[0], node=node, copies=copies)


def _passed_on(companion: Companion, other: Companion, node: Node, encs: list[Node]) -> Node:
    """For another client: nobody but it can open this."""
    attrs = {"from": companion.lid, "id": node.get("id"), "t": now(), "type": node.get("type")}
    names = {"notify": companion.phone.name, "sender_pn": companion.pn, "addressing_mode": "lid"}
    identity = node.child("device-identity")
    if node.jid("to").server == "g.us":
        attrs |= {"from": node.jid("to"), "participant": companion.lid}
        names = {"notify": companion.phone.name, "participant_pn": companion.pn}
    elif other.phone is companion.phone:
        to = companion.phone.double.people[node.jid("to").user]
        names = {"recipient": to.lid, "peer_recipient_pn": to.pn, "addressing_mode": "lid"}
    return Node("message", attrs | names, [*encs, identity] if identity else encs)


def _pass_on_to_group(companion: Companion, group: Group, node: Node) -> None:
    """Each client in the group gets the message, and the sender key if there is one for it."""
    listed = node.child("participants")
    handed = {one.jid("jid"): one.need("enc") for one in listed.nodes} if listed else {}
    for person in group.members:
        for other in person.companions.values():
            if other is not companion:
                own = [handed[jid] for jid in (other.lid, other.pn) if jid in handed]
                passed = _passed_on(companion, other, node, [*own, node.need("enc")])
                companion.phone.double.start(other.push(passed, keep=True))


def _content(message: protocols.Message) -> protocols.Message:
    """Without what belongs to the envelope of each copy."""
    found = protocols.e2e.Message.FromString(message.SerializeToString())
    found.ClearField("messageContextInfo")
    return found


def _read_for_group(
    companion: Companion, group: Group, node: Node, copies: dict[Jid, protocols.Message]
) -> Sent:
    direct = node.need("enc")
    message = None
    _pass_on_to_group(companion, group, node)
    for jid, handed in copies.items():
        _keep_sender_key(companion, group, jid, handed)
    for person in group.members:
        for number, device in person.devices.items():
            key = device.sender_keys.get((group.jid, companion.lid))
            if key is None:
                raise Undecryptable(f"{person.name}:{number} has no sender key")
            read = protocols.e2e.Message.FromString(unpad(key.decrypt(direct.data)))
            copies[person.lid.on(number)] = message = read
    return Sent(id=node.get("id"), to=group.jid, message=message, node=node, copies=copies)


def _keep_sender_key(
    companion: Companion, group: Group, jid: Jid, handed: protocols.Message
) -> None:
    told = handed.senderKeyDistributionMessage
    if told.groupID != group.jid:
        raise ValueError(f"a sender key of another group for {jid}")
    device = _device(companion, jid)
    key = SenderKey.handed_out(told.axolotlSenderKeyDistributionMessage)
    device.sender_keys[group.jid, companion.lid] = key


def _check_devices(companion: Companion, to: Jid, node: Node) -> None:
    person = companion.phone.double.people[to.user]
    mine = companion.phone
    listed = node.need("participants").nodes
    told = {(one.jid("jid").user in mine.users, one.jid("jid").device) for one in listed}
    due = {(person is mine, number) for number in person.device_numbers}
    due |= {(True, number) for number in mine.device_numbers}
    due.discard((True, companion.device))
    if told != due:
        raise ValueError(f"the message is for {sorted(told)}, not for {sorted(due)}")


def _device(companion: Companion, jid: Jid) -> Device:
    return companion.phone.double.people[jid.user].devices[jid.device]


def _open(companion: Companion, jid: Jid, enc: Node) -> protocols.Message:
    device = _device(companion, jid)
    plain = device.decrypt(companion.name, enc.get("type"), enc.data)
    return protocols.e2e.Message.FromString(plain)
