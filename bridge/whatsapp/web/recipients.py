"""To whom a message goes: who was never written to is looked up on WhatsApp first.

A number may be registered in another spelling than it is known by (the ninth digit), and a message
to a number that has no WhatsApp would vanish.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.party import Party
from bridge.errors import PeerBroke
from bridge.whatsapp.channel import Accepted
from bridge.whatsapp.shapes import word
from bridge.whatsapp.web import faults
from bridge.whatsapp.web.addresses import (
    LID_SERVER,
    PHONE_SERVER,
    Found,
    bare,
    chosen,
    recipient,
)

#: Asks the worker (`op`, `args`). Raises `PeerError`.
Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

_MOST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to write, and the digits of the number that is there, if it is known by one."""

    jid: str
    wa_id: str | None


class Recipients:
    """Who exists is remembered; that somebody does not is asked anew each time."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: OrderedDict[tuple[str, ...], Found] = OrderedDict()

    async def find(self, to: Party) -> Address:
        """Where to write to somebody. Raises `PeerRefused` when they are not on WhatsApp."""
        where = recipient(to)
        if where is None:
            raise faults.no_address()
        if where.jid is not None:
            return Address(jid=where.jid, wa_id=to.wa_id)
        found = self._known.get(where.numbers)
        if found is None:
            found = await self._local(where.numbers) or await self._looked_up(where.numbers)
            self._known[where.numbers] = found
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return Address(jid=found.jid, wa_id=digits(found.jid))

    async def _local(self, numbers: tuple[str, ...]) -> Found | None:
        """Whom the engine has written to before, or heard of: it knows their other id."""
        for number in numbers:
            jid = f"{number}@{PHONE_SERVER}"
            lid = bare((await self._ask("resolve", {"jid": jid})).get("lid"))
            if lid is not None:
                return Found(jid=jid, lid=lid)
        return None

    async def _looked_up(self, numbers: tuple[str, ...]) -> Found:
        found = chosen(await self._ask("check", {"numbers": list(numbers)}), numbers)
        if found is None:
            raise faults.from_error({"code": "not_on_whatsapp"})
        return found


def digits(jid: object, server: str = PHONE_SERVER) -> str | None:
    """The number in the JID of a phone (or of another server); None for any other."""
    user, _, where = (bare(jid) or "").partition("@")
    return user if where == server else None


def accepted(answer: Mapping[str, Any], address: Address) -> Accepted:
    id_ = word(answer.get("id"), 256)
    if id_ is None:
        raise PeerBroke("WhatsApp took a message, but gave no id for it.", code="whatsapp.engine")
    number = address.wa_id or digits(answer.get("pn")) or digits(answer.get("to"))
    lid = digits(answer.get("lid"), LID_SERVER) or digits(answer.get("to"), LID_SERVER)
    return Accepted(id=id_, wa_id=number, lid=lid)
