"""What each command of the control room does, and what is answered.

The same as its route of the API does, in words for the agents of the inbox. Codes to scan or to
type are never in an answer: answers are stored, and whoever has a code connects a phone of theirs.
They stand in the picture, which is in memory only (`qr_pictures`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, assert_never

from bridge import __version__
from bridge.clock import Clock
from bridge.core.commands import (
    Check,
    ClearCache,
    Command,
    Connect,
    Disconnect,
    Help,
    Merge,
    Misused,
    PauseBots,
    ResumeBots,
    Retry,
    Status,
    Unknown,
    dialled,
)
from bridge.core.connection import LOGGED_OUT, LinkState, owner_number
from bridge.core.instance import BUSINESS
from bridge.core.phone import from_channel, region_of
from bridge.engine.breaker import Breaker
from bridge.engine.queue import Queue
from bridge.locale import say
from bridge.relay.announcing import Announcing
from bridge.relay.answers import Answer, Order
from bridge.relay.bot.hushing import Hushing
from bridge.relay.commanding_merges import merged
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory, Entry
from bridge.relay.merge_plans import MergePlans
from bridge.relay.number_status import Facts, bots_silent, lines, who
from bridge.relay.retrying import replay
from bridge.store.engine import Store, Unit
from bridge.store.queries import backlog, bindings, bots, instances
from bridge.text.convert import literal

#: Dead letters of one answer; more are left to the next.
MOST_REPLAYED: Final = 200


class Commanding:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        connections: Connections,
        announcing: Announcing,
        plans: MergePlans,
        hushing: Hushing,
        breaker: Callable[[str], Breaker | None],
        check: Callable[[Unit, Entry], None],
        clock: Clock,
        wait: float,
    ) -> None:
        """`check` has Chatwoot compared; `wait` (s): how long the first QR code may take."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._connections = connections
        self._announcing = announcing
        self._plans = plans
        self._hushing = hushing
        self._breaker = breaker
        self._check = check
        self._clock = clock
        self._wait = wait

    async def do(self, command: Command, order: Order) -> Answer:
        """Raises `PeerError`, `RequestError`. What calls WhatsApp is done when it returns."""
        entry = order.entry
        match command:
            case Connect(number=number):
                return await self._connect(entry, number)
            case Disconnect():
                return await self._disconnect(order)
            case Status():
                return Answer.of(await self._status(entry))
            case PauseBots(lasts=lasts):
                return await self._pause(order, 0 if lasts is None else order.accepted_at + lasts)
            case ResumeBots():
                return await self._pause(order, None)
            case Merge():
                return await merged(self._plans, command, order)
            case ClearCache() | Check() | Retry():
                return Answer(say=partial(self._in_unit, command, entry))
            case Help() | Misused() | Unknown():
                return Answer.of(_explained(entry, command))
            case _:
                assert_never(command)

    # -- the connection ---------------------------------------------------------------------

    async def _connect(self, entry: Entry, typed: str | None) -> Answer:
        said = partial(_say, entry)
        if _is_official(entry):
            return Answer.of(said("command.connect.cloud"), code="channel.no_session")
        if self._connections.view(entry).state is LinkState.OPEN:
            return self._connected(entry)
        number = None
        if typed is not None:
            number = dialled(typed, region=self._region(entry))
            if number is None:
                return Answer.of(said("command.misused.init"), code="number.invalid")
        stood = self._connections.qr(entry)
        qr = await self._connections.connect(entry, number, wait=self._wait)
        if qr is None:
            return self._connected(entry)
        if stood is not None and self._connections.qr(entry) is stood:
            self._announcing.repost(entry.id, stood)
        if number is None:
            return Answer.of(said("command.connect.qr"))
        if qr.pairing_code is None:
            reason = literal(qr.no_pairing_code or "-")
            return Answer.of(said("command.connect.no_pairing_code", reason=reason))
        return Answer.of(said("command.connect.pairing_code"))

    def _connected(self, entry: Entry) -> Answer:
        owner = who(self._connections.view(entry))
        return Answer.of(_say(entry, "command.connect.open", who=f": {owner}" if owner else ""))

    async def _disconnect(self, order: Order) -> Answer:
        entry = order.entry
        if _is_official(entry):
            return Answer.of(_say(entry, "command.disconnect.cloud"), code="channel.no_session")
        done = Answer.of(_say(entry, "command.disconnect.done"))
        view = self._connections.view(entry)
        if view.state in (LinkState.CLOSED, LinkState.REFUSED):
            if order.is_repeated and view.code == LOGGED_OUT:
                return done
            return Answer.of(_say(entry, "command.disconnect.closed"), code="connection.closed")
        with self._announcing.answering(entry.id):
            await self._connections.logout(entry)
        return done

    def _region(self, entry: Entry) -> str | None:
        """Where a number without a country code is: where the number of the instance is, if known.

        Else where most people are who write to us in this language, if that is one country.
        """
        known = owner_number(self._connections.view(entry).owner_jid) or entry.instance.number
        region = region_of(from_channel(known)) if known else None
        return region or ("BR" if entry.language == "pt_BR" else None)

    async def _status(self, entry: Entry) -> str:
        view = await self._connections.ask(entry)
        now = self._clock.ms()
        counted = await self._store.read(
            lambda db: (
                backlog.waiting(db, entry.id),
                backlog.count_dead(db, entry.id),
                len(bots.of_instance(db, entry.id)),
            )
        )
        (waiting, oldest), dead, flows = counted
        account = self._breaker(entry.chatwoot_account)
        facts = Facts(
            name=entry.instance.name,
            view=view,
            has_code=self._connections.qr(entry) is not None,
            is_session=not _is_official(entry),
            chatwoot_at=account.last_success if account is not None else None,
            chatwoot_paused=self._paused(entry.chatwoot_peer, entry.chatwoot_account),
            whatsapp_paused=self._paused(entry.channel_peer, entry.channel_account),
            waiting=waiting,
            oldest=oldest,
            dead=dead,
            flows=flows,
            bots_paused_until=entry.instance.bots_paused_until,
            inbox=_told(entry),
            version=__version__,
        )
        return await asyncio.to_thread(lines, entry.language, facts, now)

    def _paused(self, *keys: str) -> str | None:
        found = [one for key in keys if (one := self._breaker(key)) is not None]
        return next((one.reason or "-" for one in found if one.is_open), None)

    # -- the relay --------------------------------------------------------------------------

    def _in_unit(self, command: ClearCache | Check | Retry, entry: Entry, unit: Unit) -> str:
        if isinstance(command, Retry):
            return self._retry(entry, unit)
        self._check(unit, entry)
        if isinstance(command, Check):
            return _say(entry, "command.checking")
        bindings.make_stale(unit.db, entry.id)
        return _say(entry, "command.cache_cleared")

    def _retry(self, entry: Entry, unit: Unit) -> str:
        """Also what waits before it is tried again, and what is paused."""
        now = self._clock.ms()
        ids = backlog.dead(unit.db, entry.id, most=MOST_REPLAYED)
        tried = sum(replay(self._queue, unit, one, now=now) for one in ids)
        for one in backlog.failing(unit.db, entry.id, now):
            self._queue.wake(unit, one, due_at=now)
        gates = {
            entry.chatwoot_peer,
            entry.chatwoot_account,
            entry.channel_peer,
            entry.channel_account,
        }
        # Not what waits for the catching up after a stop: that keeps the order.
        paused = [one for one in gates if (gate := self._breaker(one)) and gate.open_until]
        unit.after_commit.extend(partial(self._queue.resume, one) for one in paused)
        left = backlog.count_dead(unit.db, entry.id)
        said = [_say(entry, "command.retry.some" if tried else "command.retry.none", count=tried)]
        if left:
            said.append(_say(entry, "command.retry.left", count=left))
        if paused:
            said.append(_say(entry, "command.retry.resumed"))
        return " ".join(said)

    async def _pause(self, order: Order, until: int | None) -> Answer:
        entry = order.entry

        def write(unit: Unit) -> int:
            instances.pause_bots(unit.db, entry.id, until)
            return len(bots.of_instance(unit.db, entry.id))

        flows = await self._store.write(write, durable=True)
        await self._directory.refresh(entry.id)
        if until is not None:
            await self._hushing.hush(entry.id)
        if until is None:
            text = _say(entry, "command.bots.resumed")
        else:
            silent = await asyncio.to_thread(
                bots_silent, entry.language, until, order.accepted_at, _told(entry)
            )
            text = _say(entry, "command.bots.paused", until=silent)
        if not flows:
            text = f"{text} {_say(entry, 'command.bots.none')}"
        return Answer.of(text)


def _told(entry: Entry) -> Mapping[str, Any]:
    return entry.inbox.told if entry.inbox is not None else {}


def _is_official(entry: Entry) -> bool:
    """Meta's numbers are connected by a token: there is nothing to scan."""
    return entry.instance.integration == BUSINESS


def _explained(entry: Entry, command: Help | Misused | Unknown) -> str:
    match command:
        case Misused(word=word):
            return _say(entry, f"command.misused.{word}")
        case Help():
            return _say(entry, "command.help")
        case Unknown():
            return _say(entry, "command.unknown")
        case _:
            assert_never(command)


def _say(entry: Entry, key: str, **values: object) -> str:
    return say(entry.language, key, name=literal(entry.instance.name), **values)
