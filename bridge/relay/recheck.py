"""A delivery on the right secret path with a signature that does not fit: the secret may be new.

It is kept first; then the inbox is read again, once; then it is run or dropped (design.md 4,
Security).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import orjson

from bridge.chatwoot.webhook import Verdict, parse, verify
from bridge.clock import Clock, utc
from bridge.engine.queue import Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.relay.chores import chore
from bridge.relay.directory import Directory, Entry
from bridge.relay.inboxes import Inboxes
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.store.engine import Store, Unit
from bridge.store.queries import claims

RECHECK = "recheck"
_HEADERS = ("X-Chatwoot-Timestamp", "X-Chatwoot-Signature")


def is_signed(body: bytes, headers: Mapping[str, str], secret: str, *, now_ms: int) -> bool:
    """True for a right signature, also an old one: replays meet the dedupe keys."""
    verdict = verify(body, headers, secret, now=utc(now_ms))
    return verdict in (Verdict.VALID, Verdict.STALE)


class Recheck:
    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        inboxes: Inboxes,
        intake: ChatwootIntake,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._inboxes = inboxes
        self._intake = intake
        self._clock = clock

    async def keep(
        self, entry: Entry, body: bytes, headers: Mapping[str, str], *, trace_id: str | None
    ) -> None:
        """Store the delivery as it came; it is answered 200 after this."""
        now = self._clock.ms()
        payload = {
            "headers": {name: headers[name] for name in _HEADERS if name in headers},
            "body": base64.b64encode(body).decode(),
        }
        job = chore(
            entry,
            RECHECK,
            lane=f"instance:{entry.id}:recheck",
            payload=orjson.dumps(payload),
            now=now,
            trace_id=trace_id,
        )

        def work(unit: Unit) -> None:
            if claims.exists(unit.db, entry.id):  # not deleted while the delivery was read
                self._queue.add(unit, job)

        await self._store.write(work, durable=True)

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone")
        kept = orjson.loads(job.payload)
        body, headers = base64.b64decode(kept["body"]), kept["headers"]
        entry = await self._inboxes.refresh_signing(entry)
        secret = entry.inbox.signing_secret if entry.inbox else None
        if secret is not None and not is_signed(body, headers, secret, now_ms=job.accepted_at):
            return Ignored(
                rule="chatwoot.bad_signature", reason="The signature fits no secret of the inbox."
            )
        await self._intake.keep(entry, parse(body), trace_id=job.trace_id)
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None
