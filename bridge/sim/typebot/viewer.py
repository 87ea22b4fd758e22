"""What a viewer knows and does behind its HTTP routes: bots, sessions, uploads."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from bridge.sim.typebot.calls import Call
from bridge.sim.typebot.engine import Engine
from bridge.sim.typebot.faults import Faults
from bridge.sim.typebot.flows import Flow, Value, load, parse
from bridge.sim.typebot.refusals import Refused, no_session, unauthenticated
from bridge.sim.typebot.sessions import Frame, Session, cuid2
from bridge.sim.typebot.uploads import Uploads
from bridge.sim.watch import Watch

Json: TypeAlias = dict[str, Any]

#: For how long calls wait for each other that `meet` has put together.
_PATIENCE = 20.0


def _system_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the stand-in's own clock, at its edge


class Viewer:
    """The state of the stand-in. Public attributes may be changed at any time.

    `latency` is the seconds between reading a session and writing it back: what the blocks of the
    flow take on a real server. Two calls in that time see the same session.
    """

    def __init__(
        self,
        *,
        flows: Iterable[Flow] = (),
        api_token: str = "sim-typebot-token",  # noqa: S107  the stand-in's own, invented
        latency: float = 0,
        clock: Callable[[], datetime] = _system_clock,
    ) -> None:
        self.api_token = api_token
        self.latency = latency
        self.clock = clock
        self.flows: dict[str, Flow] = {}
        for flow in flows:
            self.put(flow)
        self.sessions: dict[str, Session] = {}
        #: Variables by result id, for bots that remember people.
        self.results: dict[str, dict[str, Value]] = {}
        self.calls: list[Call] = []
        self.faults = Faults()
        self.watch = Watch()
        self.uploads = Uploads()
        #: Answer errors as viewers did before 3.15.
        self.old_errors = False
        #: Routes that this viewer does not have, by their names in `calls`: an older one.
        self.missing: set[str] = set()
        #: Whether web sessions can be reached by `executeWebhook`.
        self.partykit = False
        self.base_url: str | None = None
        self._meeting: asyncio.Barrier | None = None

    # bots

    def put(self, flow: Flow) -> Flow:
        """Publish a bot, or a new version of it; chats that run keep theirs."""
        at = self.clock().astimezone(UTC).isoformat(timespec="milliseconds")
        flow = replace(flow, published_at=flow.published_at or at.replace("+00:00", "Z"))
        self.flows[flow.public_id] = flow
        return flow

    def put_said(self, said: Json) -> Flow:
        """Publish what is written in the format of the files. Raises `BadFlow`."""
        return self.put(parse(said))

    def put_file(self, path: Path) -> Flow:
        return self.put(load(path))

    def by_id(self, typebot_id: str) -> Flow | None:
        """Find a bot by its id or its public id."""
        by_id = (flow for flow in self.flows.values() if flow.id == typebot_id)
        return next(by_id, None) or self.flows.get(typebot_id)

    # sessions

    def session(self, session_id: str) -> Session:
        """Read a row, as a copy. Raises `Refused` when it is gone or expired."""
        session = self.sessions.get(session_id)
        if session is None:
            raise no_session()
        if session.expired:
            raise Refused(404, "Session expired. You need to start a new session.")
        return session.snapshot()

    def drop(self, session_id: str | None = None) -> None:
        """Forget a session, or all: calls that go on with it meet a 404."""
        if session_id is None:
            self.sessions.clear()
        else:
            self.sessions.pop(session_id, None)

    def expire(self, session_id: str) -> None:
        """Have a session be too old (WhatsApp sessions are at times)."""
        self.sessions[session_id].expired = True

    def new_session(
        self, flow: Flow, session_id: str, prefilled: Json, result_id: str | None
    ) -> Session:
        """Make a session with the values that a chat begins with; names it does not know go."""
        remembers = flow.settings.get("general", {}).get("rememberUser", {}).get("isEnabled")
        known = result_id if remembers and result_id in self.results else None
        session = Session(id=session_id, frames=[Frame(flow=flow)], result_id=known or cuid2())
        earlier = self.results.get(known or "", {})
        for variable in flow.variables.values():
            session.values[variable.name] = earlier.get(variable.name, variable.value)
            if variable.name in prefilled:
                session.values[variable.name] = prefilled[variable.name]
        return session

    def keep(self, session: Session, *, over: bool = False) -> None:
        """Write a row, or end it; the last writer wins. Previews stay (typebot-api.md 6.1)."""
        self.results[session.result_id] = dict(session.values)
        if over and not session.preview:
            self.sessions.pop(session.id, None)
        else:
            self.sessions[session.id] = session

    def engine(self, session: Session, *, markdown: bool, parses: bool = True) -> Engine:
        return Engine(
            session=session,
            now=self.clock(),
            flow_by_id=self.by_id,
            markdown=markdown,
            parses=parses,
        )

    # control

    def authorise(self, header: str | None) -> None:
        wanted = f"Bearer {self.api_token}"
        if header is None or not hmac.compare_digest(
            header.encode("utf-8", "replace"), wanted.encode()
        ):
            raise unauthenticated()

    def meet(self, calls: int = 2) -> None:
        """Have the next so many `continueChat` calls read the session before any writes it."""
        self._meeting = asyncio.Barrier(calls)

    async def work(self) -> None:
        """Take the time that the flow takes, between reading a session and writing it."""
        meeting = self._meeting
        if meeting is not None:
            with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
                async with asyncio.timeout(_PATIENCE):
                    await meeting.wait()
            if self._meeting is meeting:
                self._meeting = None
        if self.latency:
            await asyncio.sleep(self.latency)

    def calls_of(self, route: str) -> list[Call]:
        return [call for call in self.calls if call.route == route]

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 20) -> None:  # noqa: ASYNC109  part of the public API
        """Wait until a predicate over the public attributes holds; else `TimeoutError`."""
        await self.watch.wait_for(predicate, timeout)
