"""An agent's message says something else now: it is changed on WhatsApp too.

Stock Chatwoot lets nobody edit; some servers and forks do, and tell of it as of everything that
happens to a message: by `message_updated`, which also comes for statuses, retries, translations
(chatwoot-api.md 3.2). So what counts is whether the text differs, as WhatsApp would show it, from
what was last known.

Only texts can be changed on WhatsApp, and only for a while. Where it stays as it was, a private
note says so, once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog

from bridge.chatwoot.models import MessageType
from bridge.chatwoot.webhook import MessageUpdated
from bridge.clock import Clock
from bridge.core.outgoing import OutgoingText
from bridge.core.party import Party
from bridge.core.receipts import OPEN
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerError, PeerLocked, Remedy
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.edits import said
from bridge.relay.healing import repeatable
from bridge.relay.notes import noting
from bridge.relay.outgoing import AGENT_MESSAGE, AgentMessage, Part, TextPart, text_of
from bridge.relay.planning import plan
from bridge.relay.sending import shall_not_wait
from bridge.relay.signing import signature_of
from bridge.relay.targets import AHEAD
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, jobs, ledger
from bridge.whatsapp.channel import Edits

log = structlog.get_logger(__name__)

EDIT = "edit"
#: A part that is being sent is looked at again so much later (ms), for so long.
PAUSE = 1000
LONGEST_WAIT = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What one read of the database tells about the job."""

    party: Party
    parts: dict[int, sqlite3.Row]
    original: AgentMessage


def accept_edit(  # noqa: PLR0917
    queue: Queue,
    unit: Unit,
    entry: Entry,
    event: MessageUpdated,
    row: sqlite3.Row,
    now: int,
    trace_id: str | None = None,
) -> bool:
    """Have a message changed on WhatsApp; False when it says what it said.

    `row` is the job that sends it, or sent it.
    """
    message = event.message
    written = AGENT_MESSAGE.validate_json(row["payload"])
    ref = f"{entry.id}:edited:{message.id}:{int(message.created_at or 0)}"
    edits = jobs.of_ref(unit.db, ref)
    orders = [orjson.loads(edit["payload"]) for edit in edits]
    known = [written.content, *(order["after"] for order in orders)]
    if not says_otherwise(event, written, known[-1]) or row["chat_id"] is None:
        return False
    if orders and _is_stale(event, written, orders[-1]["at"], known):
        return False
    queue.add(
        unit,
        NewJob(
            kind=EDIT,
            lane=lanes.to_whatsapp(row["chat_id"]),
            road=Road.OUTBOUND,
            peer=entry.channel_peer,
            account=entry.channel_account,
            payload=orjson.dumps(
                {
                    "message": message.id,
                    "conversation": event.conversation_id,
                    "job": row["id"],
                    "before": known[-1],
                    "after": message.content,
                    "at": message.updated_at,
                }
            ),
            now=now,
            instance_id=entry.id,
            chat_id=row["chat_id"],
            ref=ref,
            trace_id=trace_id,
        ),
    )
    return True


def says_otherwise(event: MessageUpdated, written: AgentMessage, known: str) -> bool:
    """Whether a plain message has another text than the one that is known of it."""
    message = event.message
    if (
        message.message_type is not MessageType.OUTGOING
        or message.content_type not in {None, "text"}
        or written.template_params
        or not message.content
        or message.content == known  # nearly always: statuses are told the same way
    ):
        return False
    return _shown(message.content, written) != _shown(known, written)


def _is_stale(
    event: MessageUpdated, written: AgentMessage, last: float | None, known: Sequence[str]
) -> bool:
    """Whether it is what the message said before, told late: webhooks come reordered."""
    at = event.message.updated_at
    if at is not None and last is not None:
        return at <= last
    text = _shown(event.message.content or "", written)
    return any(_shown(one, written) == text for one in known)


def _shown(content: str, written: AgentMessage) -> str:
    """As WhatsApp would show it, without what servers change by themselves (4.4)."""
    text = text_of(replace(written, content=content))
    return " ".join(text.replace("\\", "").split())


class Editing:
    """Runs `edit` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        clock: Clock,
        install: str,
        obstacle: Callable[[Entry], PeerLocked | None],
    ) -> None:
        """`install` and `obstacle` as in `relay.sending`."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._install = install
        self._obstacle = obstacle

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        order = orjson.loads(job.payload)
        context = await self._store.read(lambda db: _context(db, job, order))
        if context is None or not context.parts:
            return Ignored(rule="edit.nothing", reason="Nothing of it went onto WhatsApp.")
        now = self._clock.ms()
        rows = context.parts.values()
        if any(row["state"] in OPEN and now - row["state_at"] < LONGEST_WAIT for row in rows):
            return Again(due_at=now + PAUSE, why="it is not known yet whether it was sent")
        channel = entry.channel
        limit = channel.capabilities.edit_seconds
        if not isinstance(channel, Edits) or not limit:
            return self._refused(job, "edit.impossible")
        if now - min(row["created_at"] for row in rows) > limit * 1000:
            return self._refused(job, "edit.too_late")
        # Three plans of it; an edit is rare, and its text may be long.
        changed = await asyncio.to_thread(self._changed, entry, context.original, order)
        if changed is None:
            return self._refused(job, "edit.other_parts")
        obstacle = self._obstacle(entry)
        if obstacle is not None:
            if shall_not_wait(entry, obstacle):
                return self._refused(job, "edit.disconnected")
            raise obstacle
        return await self._edit(job, entry, channel, context, changed)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return self._note(job, "edit.refused")

    def _changed(
        self, entry: Entry, original: AgentMessage, order: dict[str, Any]
    ) -> dict[int, TextPart] | None:
        """The texts that are to be changed, by the numbers of their parts.

        None: it would be other parts altogether, or what is not a text would change.
        """

        def parts(content: str) -> Sequence[Part]:
            return plan(
                replace(original, content=content),
                signature=signature_of(entry.inbox, original),
                able=entry.channel.capabilities,
                language=entry.language,
            )

        sent, before, after = parts(original.content), parts(order["before"]), parts(order["after"])
        if len(sent) != len(after):
            return None
        changed: dict[int, TextPart] = {}
        for number, part in enumerate(after):
            # What the edit before this one said may not have reached WhatsApp.
            is_same = part == sent[number] and before[number : number + 1] == [part]
            if is_same:
                continue
            if not isinstance(part, TextPart) or not isinstance(sent[number], TextPart):
                return None
            changed[number] = part
        return changed

    async def _edit(
        self,
        job: Job,
        entry: Entry,
        channel: Edits,
        context: Context,
        changed: dict[int, TextPart],
    ) -> Outcome:
        """Change each text that has an id; what WhatsApp refuses does not spare the others."""
        trouble: str | None = None
        for number, part in changed.items():
            row = context.parts.get(number)
            if row is None or row["whatsapp_id"] is None:
                trouble = "edit.unknown"
                continue
            await self._expect(job, row["whatsapp_id"], part.body)
            key = f"{self._install}.{job.id}.{row['id']}.{self._clock.ms()}"
            try:
                with repeatable():
                    await channel.edit(
                        context.party, row["whatsapp_id"], OutgoingText(body=part.body), key=key
                    )
            except PeerError as error:
                if shall_not_wait(entry, error):
                    return self._refused(job, "edit.disconnected")
                if error.remedy is not Remedy.NOTHING:
                    raise
                log.info("message.not_edited", cause=error.cause)
                trouble = "edit.refused"
                continue
            job.steps.append((self._clock.ms(), "edited", f"part {number + 1}"))
        return Delivered() if trouble is None else self._refused(job, trouble)

    async def _expect(self, job: Job, whatsapp_id: str, text: str) -> None:
        """What the channel tells of our own edit is no news; nor is it newer than the phone's."""
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            chat = chats.surviving(unit.db, job.chat_id or 0)
            if chat is not None:
                start = job.instance_id or "", chat.id, whatsapp_id
                said(*start, text, now - AHEAD, now)(unit)

        await self._store.write(work)

    def _refused(self, job: Job, rule: str) -> Ignored:
        reason = say("en", f"note.{rule}")
        return Ignored(rule=rule, reason=reason, write=self._note(job, rule))

    def _note(self, job: Job, rule: str) -> Callable[[Unit], None]:
        """Tell agents, once for each message and reason."""
        entry = self._directory.by_id(job.instance_id)
        message = orjson.loads(job.payload)["message"]
        once = f"edit-note:{job.instance_id}:{message}:{rule}"
        return noting(self._queue, entry, job, f"note.{rule}", now=self._clock.ms(), once=once)


def _context(db: sqlite3.Connection, job: Job, order: dict[str, Any]) -> Context | None:
    chat = chats.surviving(db, job.chat_id or 0)
    sender = jobs.one(db, order["job"])
    if chat is None or sender is None:
        return None
    rows = ledger.went_out(db, job.instance_id or "", order["message"])
    original = AGENT_MESSAGE.validate_json(sender["payload"])
    return Context(party=chat.party, parts={row["part"]: row for row in rows}, original=original)
