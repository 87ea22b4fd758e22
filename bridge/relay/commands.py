"""An administrator writes a command in the bot's conversation: it is kept, done once, answered.

A command counts only there, and only from an agent: not in a customer's conversation, not as a
private note (agents talk to each other in those), not from bots and automations, and never from
ourselves. It is kept like any message, in the commit that answers Chatwoot, under a dedupe key of
its own. What it did, its answer and its row in the audit log are one commit as well; only what
calls WhatsApp stands before it, and bears being done twice.

What was written while nobody listened is not done late: a number that somebody wanted disconnected
an hour ago may be in use again. It is answered, and has to be written once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from pydantic import TypeAdapter

from bridge.chatwoot.models import MessageType
from bridge.chatwoot.webhook import MessageEvent, MessageUpdated
from bridge.clock import Clock
from bridge.core.commands import LONGEST_MESSAGE, Command, Help, Status, Unknown, read
from bridge.core.instance import InboxConfig
from bridge.engine.accept import is_new
from bridge.engine.queue import (
    LOCAL,
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.errors import PeerError, RequestError, Unavailable
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.answers import Answer, Order, action_of, failed
from bridge.relay.audit import Action, Audit
from bridge.relay.commanding import Commanding
from bridge.relay.directory import Directory, Entry
from bridge.relay.receipts import report_job
from bridge.relay.retrying import ref_of
from bridge.relay.room import tell
from bridge.store.engine import Unit
from bridge.store.queries import claims, jobs
from bridge.text import to_whatsapp

log = structlog.get_logger(__name__)

COMMAND: Final = "command"
#: Later (ms) a command is not done any more.
TOO_LATE: Final = 10 * 60 * 1000
#: Of an agent's name, which the audit log keeps.
LONGEST_NAME: Final = 100
#: So many commands of one number wait at a time; more are dropped.
MOST_WAITING: Final = 20
#: What is no command is answered so often in an hour: a program that answers every message, ours
#: too, would never end.
MOST_HELP: Final = 10
_HOUR: Final = 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A command as it was accepted."""

    text: str
    agent_id: int
    agent_name: str | None = None
    #: By Chatwoot's clock (ms).
    written_at: int
    message_id: int
    conversation_id: int
    #: Chatwoot shows it as failed, since nobody heard it at once.
    is_red: bool = False


_WRITTEN: Final = TypeAdapter(Written)


def is_in_room(inbox: InboxConfig, event: MessageEvent) -> bool:
    """Whether a message stands in the bot's conversation, also in a new one of the same contact."""
    source_id = event.contact_source_id
    if source_id is not None or event.conversation_id == inbox.bot_conversation_id:
        return inbox.is_bots(event.conversation_id, source_id)
    bot = inbox.bot_contact_id
    contact = event.contact.id if event.contact is not None else event.conversation.contact_id
    return bot is not None and contact == bot


def is_command(event: MessageEvent) -> bool:
    """Whether an agent says something to the bot, as far as the message itself tells."""
    message = event.message
    sender = message.sender
    is_agents = sender is not None and sender.type == "user" and sender.id is not None
    if not is_agents or message.private or message.message_type is not MessageType.OUTGOING:
        return False
    if isinstance(event, MessageUpdated) and (
        message.external_error is not None or message.status == "failed"
    ):
        return False
    is_automatic = message.content_attributes.get("automation_rule_id") is not None
    return not message.is_deleted and not is_automatic


def accept_command(
    queue: Queue,
    unit: Unit,
    entry: Entry,
    event: MessageEvent,
    *,
    now: int,
    hold: int,
    trace_id: str | None,
    is_red: bool = False,
) -> None:
    """Keep what an agent wrote in the room, once, however often Chatwoot tells it."""
    message = event.message
    if not claims.exists(unit.db, entry.id):  # deleted while the delivery was read
        return
    written_at = round((message.created_at or 0) * 1000)
    if isinstance(event, MessageUpdated) and now - written_at > TOO_LATE:
        _ignore(unit, "chatwoot.nothing_new")
        return
    ref = ref_of(entry, message)
    if not is_new(unit, f"command:{ref}", now):
        _ignore(unit, "duplicate")
        return
    lane = lanes.commands(entry.id)
    if jobs.waiting_in(unit.db, lane) >= MOST_WAITING:
        _ignore(unit, "command.flood")
        return
    sender = message.sender
    content = message.content or ""
    written = Written(
        text=content if len(content) <= LONGEST_MESSAGE else "",
        agent_id=(sender.id if sender is not None else None) or 0,
        agent_name=(event.sender_name or "")[:LONGEST_NAME] or None,
        written_at=written_at,
        message_id=message.id,
        conversation_id=event.conversation_id,
        is_red=is_red,
    )
    queue.add(
        unit,
        NewJob(
            kind=COMMAND,
            lane=lane,
            road=Road.OUTBOUND,
            # It runs while WhatsApp or Chatwoot are down: that is when it is needed.
            peer=LOCAL,
            account=LOCAL,
            payload=_WRITTEN.dump_json(written),
            now=now,
            due_at=now + hold,
            rank=message.id,
            instance_id=entry.id,
            ref=ref,
            trace_id=trace_id,
        ),
    )


class Commands:
    """Runs `command` jobs."""

    def __init__(
        self,
        *,
        queue: Queue,
        directory: Directory,
        commanding: Commanding,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._directory = directory
        self._commanding = commanding
        self._audit = audit
        self._clock = clock
        #: When (ms) help was given to what is no command, by instance.
        self._helped: dict[str, deque[int]] = {}

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.side is None:
            return Ignored(rule="instance.gone", reason="Its Chatwoot side is switched off.")
        written = _WRITTEN.validate_json(job.payload)
        # Some servers tell texts as HTML or with escapes (chatwoot-api.md 4.4).
        command = read(to_whatsapp(written.text))
        is_late = self._clock.ms() - written.written_at > TOO_LATE
        if isinstance(command, Unknown) and (is_late or not self._has_patience(entry)):
            return Ignored(rule="command.unanswered", reason="Help was given often enough.")
        if is_late and not isinstance(command, Status | Help):
            answer = Answer.of(say(entry.language, "command.too_late"), code="command.too_late")
        else:
            answer = await self._answer(entry, command, job, written)
        job.steps.append((self._clock.ms(), "commanded", action_of(command) or "no command"))
        return Delivered(write=self._writes(entry, command, job, written, answer))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return None
        return lambda unit: tell(
            self._queue,
            unit,
            entry,
            failed(entry.language, dead.cause, dead.reason),
            now=self._clock.ms(),
            trace_id=job.trace_id,
        )

    async def _answer(self, entry: Entry, command: Command, job: Job, written: Written) -> Answer:
        order = Order(
            entry=entry,
            actor=_actor(written),
            accepted_at=job.accepted_at,
            is_repeated=job.is_suspect,
        )
        try:
            return await self._commanding.do(command, order)
        except (PeerError, RequestError) as error:
            if isinstance(error, Unavailable) and error.cause.startswith("store."):
                raise  # our own database: nobody's fault, and it is tried again
            log.info("command.failed", cause=error.cause, instance=entry.instance.name)
            text = failed(entry.language, error.cause, str(error))
            status = error.status if isinstance(error, RequestError) else HTTPStatus.BAD_GATEWAY
            return Answer.of(text, code=error.cause, status=status)

    def _writes(
        self, entry: Entry, command: Command, job: Job, written: Written, answer: Answer
    ) -> Callable[[Unit], None]:
        action = action_of(command)

        def write(unit: Unit) -> None:
            text, now = answer.say(unit), self._clock.ms()
            tell(self._queue, unit, entry, text, now=now, trace_id=job.trace_id)
            if written.is_red and answer.code is None:
                self._queue.add(unit, report_job(entry, _row(job, written), "sent", now=now))
            if action is not None:
                self._audit.note(
                    unit,
                    Action(
                        actor=_actor(written),
                        action=action,
                        instance=entry.instance.name,
                        status=answer.status,
                        code=answer.code,
                        trace_id=job.trace_id,
                    ),
                )

        return write

    def _has_patience(self, entry: Entry) -> bool:
        now = self._clock.ms()
        given = self._helped.setdefault(entry.id, deque(maxlen=MOST_HELP))
        if len(given) == MOST_HELP and now - given[0] < _HOUR:
            return False
        given.append(now)
        return True


def _row(job: Job, written: Written) -> dict[str, int | None]:
    return {
        "job_id": job.id,
        "chat_id": None,
        "chatwoot_id": written.message_id,
        "conversation_id": written.conversation_id,
    }


def _actor(written: Written) -> str:
    """As the audit log names them."""
    name = f" ({written.agent_name})" if written.agent_name else ""
    return f"Chatwoot user {written.agent_id}{name}"


def _ignore(unit: Unit, rule: str) -> None:
    unit.count(Road.OUTBOUND, "accepted")
    unit.count(Road.OUTBOUND, "ignored", rule)
