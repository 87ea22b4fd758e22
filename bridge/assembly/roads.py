"""What happens to messages: intakes, handlers of jobs, and the worker that runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.assembly.bots import Bots, begin_bots, bot_handlers, make_bubbles
from bridge.assembly.ground import Ground, proof_delay
from bridge.assembly.life import Life
from bridge.assembly.turns import make_hearing, turn_handlers
from bridge.clock import Clock, timezones
from bridge.core.instance import BAILEYS, InboxConfig
from bridge.engine.queue import Job, Outcome, Retry
from bridge.engine.worker import Handler, Policy, Worker
from bridge.relay.address_book import AddressBook
from bridge.relay.alerts import AWAY, Alerts
from bridge.relay.automatic import Automatic
from bridge.relay.bot.agent_bot import AgentBots
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.ending_jobs import EndingJobs
from bridge.relay.bot.hushing import Hushing
from bridge.relay.bot.talks import ENDING
from bridge.relay.bot_contact import LOOK
from bridge.relay.bot_look import BotLook
from bridge.relay.calls import CALLED, Calls
from bridge.relay.catch_up import CATCH_UP, CatchUp
from bridge.relay.changes import AWAITED, EDITED, REACTED, VOTED, Changes
from bridge.relay.cleanup import CLEANUP
from bridge.relay.commanding import Commanding
from bridge.relay.commands import COMMAND, Commands
from bridge.relay.composing import Composing
from bridge.relay.contacts import Contacts
from bridge.relay.content import Renderer
from bridge.relay.conversations import Conversations
from bridge.relay.directory import Entry
from bridge.relay.drift import DRIFT, Drift
from bridge.relay.editing import EDIT, Editing
from bridge.relay.identities import RENAMED, Identities
from bridge.relay.inbound import Inbound
from bridge.relay.incoming import INBOUND
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.relay.intake_whatsapp import ACCEPT, WhatsAppIntake
from bridge.relay.linking import LINK, Linking
from bridge.relay.merge_applying import APPLY, Applying
from bridge.relay.merge_jobs import MergeJobs
from bridge.relay.merge_planning import PLAN, Planning
from bridge.relay.merge_plans import MergePlans
from bridge.relay.merging import MERGE, Merging
from bridge.relay.metrics import Metrics
from bridge.relay.notes import NOTE, Notes
from bridge.relay.outbound import Outbound
from bridge.relay.pictures import PROFILE, Pictures
from bridge.relay.policies import Policies
from bridge.relay.posting import Posting
from bridge.relay.proof import Proofs
from bridge.relay.read_marks import READ_MARK, ReadMarks
from bridge.relay.receipts import REPORT, Receipts
from bridge.relay.recheck import RECHECK, Recheck
from bridge.relay.recordings import Recordings
from bridge.relay.refetching import Refetching
from bridge.relay.retrying import AUTOMATIC, OUTBOUND
from bridge.relay.revocations import REVOKED, Revocations
from bridge.relay.revoking import REVOKE, Revoking
from bridge.relay.rewinding import Rewinding
from bridge.relay.room import ANNOUNCE
from bridge.relay.sending import Sending, Times
from bridge.relay.templates import TEMPLATES
from bridge.relay.trials import TRIAL
from bridge.relay.uploads import UploadLimits, Uploads
from bridge.store.engine import Store, Unit
from bridge.store.queries import facts
from bridge.store.secrets import new_secret

log = structlog.get_logger(__name__)

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    alerts: Alerts
    bots: Bots
    bubbles: Bubbles
    composing: Composing
    whatsapp_intake: WhatsAppIntake
    chatwoot_intake: ChatwootIntake
    recheck: Recheck
    catch_up: CatchUp
    drift: Drift
    metrics: Metrics
    merge_plans: MergePlans
    worker: Worker


async def lay_roads(ground: Ground, life: Life, wrap: Callable[[str, Handler], Handler]) -> Roads:
    means, queue, directory = ground.means, ground.queue, ground.directory
    settings, store, clock = means.settings, means.store, means.clock
    receipts = Receipts(
        queue,
        directory,
        show_delivered=settings.relay.show_delivered,
    )
    install = await _install_id(store)
    bots = begin_bots(ground, life)
    outbound = _outbound(ground, receipts, install, bots)
    automatic = Automatic(queue, directory, outbound, clock)
    calls = Calls(queue, directory, automatic, clock)
    revocations = Revocations(
        store,
        queue,
        directory,
        clock,
        deletes=settings.relay.deletions == "delete",
    )
    merging = Merging(store, queue, directory, clock)
    plans = MergePlans(store, queue, clock)
    await asyncio.to_thread(timezones)  # asked for in the event loop from here on
    contacts = Contacts(store, clock, merging=merging, tag=means.vault.tag)
    drift = _drift(ground, life, bots)
    posting = _posting(ground, life, contacts, drift, bots)
    changes = Changes(
        store,
        queue,
        directory,
        posting,
        clock,
        deletes=settings.relay.deletions == "delete",
    )
    identities = Identities(store, queue, directory, contacts, clock)
    pictures = Pictures(
        store=store,
        queue=queue,
        directory=directory,
        contacts=contacts,
        http=means.http,
        clock=clock,
    )
    composing = _composing(ground)
    bubbles = make_bubbles(ground, bots, outbound, composing)
    whatsapp_intake = WhatsAppIntake(
        store=store,
        queue=queue,
        directory=directory,
        receipts=receipts,
        calls=calls,
        revocations=revocations,
        changes=changes,
        identities=identities,
        pictures=pictures,
        address_book=AddressBook(queue, pictures),
        phone_words=bots.phone_words,
        hearing=make_hearing(ground, bots, bubbles),
        clock=clock,
    )
    refetching = Refetching(queue)
    chatwoot_intake = ChatwootIntake(
        store,
        queue,
        clock,
        hold=settings.chatwoot.hold_ms,
        typing=composing.by_agent if settings.relay.show_typing else None,
        refetching=refetching,
        takeover=bots.takeover,
    )
    catch_up = CatchUp(
        store=store,
        queue=queue,
        directory=directory,
        intake=chatwoot_intake,
        clock=clock,
        furthest=round(settings.chatwoot.catch_up_hours * 3_600_000),
    )
    recheck = Recheck(
        store=store,
        queue=queue,
        directory=directory,
        inboxes=life.inboxes,
        intake=chatwoot_intake,
        clock=clock,
    )
    read_marks = ReadMarks(queue, directory, clock)
    alerts = _alerts(ground)
    handlers: dict[str, Handler] = {
        INBOUND: _inbound(
            ground,
            posting,
            read_marks=read_marks,
            pictures=pictures,
            receipts=receipts,
            refetching=refetching,
            agent_bots=bots.agent_bots,
        ),
        OUTBOUND: outbound,
        AUTOMATIC: automatic,
        CALLED: calls,
        PROFILE: pictures,
        REPORT: receipts,
        REVOKED: revocations,
        REACTED: changes,
        EDITED: changes,
        VOTED: changes,
        AWAITED: changes,
        RENAMED: identities,
        REVOKE: _revoking(ground, install),
        EDIT: _editing(ground, install),
        NOTE: Notes(store, directory, clock, delay=proof_delay(settings)),
        LINK: Linking(store, queue, directory, clock),
        MERGE: MergeJobs(store, queue, directory, merging, clock),
        PLAN: Planning(store, queue, directory, clock),
        APPLY: Applying(store, queue, directory, clock),
        CATCH_UP: catch_up,
        COMMAND: _commands(ground, drift, plans, bots),
        DRIFT: drift,
        RECHECK: recheck,
        ACCEPT: whatsapp_intake,
        READ_MARK: read_marks,
        CLEANUP: life.cleanup,
        TRIAL: life.trials,
        TEMPLATES: ground.templates,
        ANNOUNCE: ground.room,
        AWAY: alerts,
        LOOK: BotLook(queue=queue, directory=directory, http=means.http, clock=clock),
        ENDING: EndingJobs(store=store, directory=directory, posting=posting, clock=clock),
        **bot_handlers(bots, bubbles),
        **turn_handlers(ground, bots, bubbles),
    }
    ground.connections.deliver(
        keep=lambda events, of: whatsapp_intake.keep(events, trace_id=None, of=of),
        typing=composing.by_customer,
    )
    metrics = Metrics(store, clock, breakers=lambda: queue.lanes.breakers)
    wrapped = {kind: wrap(kind, handler) for kind, handler in handlers.items()}
    return Roads(
        alerts=alerts,
        bots=bots,
        bubbles=bubbles,
        composing=composing,
        whatsapp_intake=whatsapp_intake,
        chatwoot_intake=chatwoot_intake,
        recheck=recheck,
        catch_up=catch_up,
        drift=drift,
        metrics=metrics,
        merge_plans=plans,
        worker=_worker(ground, wrapped, alerts, metrics),
    )


def _worker(
    ground: Ground, handlers: dict[str, Handler], alerts: Alerts, metrics: Metrics
) -> Worker:
    means, queue = ground.means, ground.queue
    engine = means.settings.engine
    return Worker(
        queue,
        handlers,
        clock=means.clock,
        chance=means.chance,
        breaker=queue.lanes.breaker,
        policy=Policy(
            retry_delays=[round(s * 1000) for s in engine.retry_delays_seconds],
            park_after=round(engine.park_after_seconds * 1000),
        ),
        slots=engine.slots,
        alert=partial(_alert, alerts),
        observe=partial(_ended, metrics, means.clock),
    )


def _alerts(ground: Ground) -> Alerts:
    means, queue = ground.means, ground.queue
    return Alerts(
        store=means.store,
        queue=queue,
        directory=ground.directory,
        room=ground.room,
        clock=means.clock,
        breakers=lambda: queue.lanes.breakers,
        also=ground.announcing.look,
        away_after=round(means.settings.relay.alert_after_minutes * 60_000),
    )


def _composing(ground: Ground) -> Composing:
    breakers = ground.queue.lanes.breakers

    def is_down(key: str) -> bool:
        return key in breakers and breakers[key].is_open

    return Composing(
        store=ground.means.store,
        directory=ground.directory,
        clock=ground.means.clock,
        can_send=lambda entry: ground.connections.obstacle(entry) is None,
        is_down=is_down,
    )


def _drift(ground: Ground, life: Life, bots: Bots) -> Drift:
    means, queue = ground.means, ground.queue
    store, clock = means.store, means.clock
    return Drift(
        store=store,
        queue=queue,
        directory=ground.directory,
        inboxes=life.inboxes,
        provisioning=life.provisioning,
        room=ground.room,
        rewinding=Rewinding(store=store, queue=queue, clock=clock),
        clock=clock,
        chance=means.chance,
        every=round(means.settings.chatwoot.check_minutes * 60_000),
        also=bots.agent_bots.compare,
    )


def _commands(ground: Ground, drift: Drift, plans: MergePlans, bots: Bots) -> Commands:
    means, queue = ground.means, ground.queue
    return Commands(
        queue=queue,
        directory=ground.directory,
        commanding=Commanding(
            store=means.store,
            queue=queue,
            directory=ground.directory,
            connections=ground.connections,
            announcing=ground.announcing,
            plans=plans,
            hushing=Hushing(means.store, ground.directory, bots.talks, means.clock),
            breaker=queue.lanes.breakers.get,
            check=drift.want,
            clock=means.clock,
            wait=means.settings.api.qr_wait_seconds,
        ),
        audit=ground.audit,
        clock=means.clock,
    )


def _posting(ground: Ground, life: Life, contacts: Contacts, drift: Drift, bots: Bots) -> Posting:
    means, queue = ground.means, ground.queue
    settings, store, clock = means.settings, means.store, means.clock
    started = clock.ms()

    def stale_before(inbox: InboxConfig) -> int:
        breaker = queue.lanes.breakers.get(f"chatwoot {inbox.url}")
        return max(started, breaker.opened_at if breaker else 0)

    return Posting(
        store=store,
        contacts=contacts,
        proofs=Proofs(store=store, contacts=contacts, clock=clock, delay=proof_delay(settings)),
        conversations=Conversations(
            store,
            clock,
            policies=Policies(settings.relay.conversation_rules),
            stale_before=stale_before,
            takeover=bots.takeover,
        ),
        clock=clock,
        restore=life.inboxes.restore,
        drifted=drift.noticed,
    )


def _inbound(
    ground: Ground,
    posting: Posting,
    *,
    read_marks: ReadMarks,
    pictures: Pictures,
    receipts: Receipts,
    refetching: Refetching,
    agent_bots: AgentBots,
) -> Inbound:
    means = ground.means
    settings = means.settings
    limits = {BAILEYS: settings.whatsapp_web.max_media_mb * MIB}

    def limit(entry: Entry) -> int:
        return limits.get(entry.instance.integration, settings.cloud.max_media_mb * MIB)

    return Inbound(
        store=means.store,
        directory=ground.directory,
        posting=posting,
        renderer=Renderer(
            means.spool,
            limit=limit,
            view_once=settings.relay.view_once,
            http=means.http,
            timeout=settings.chatwoot.timeout_seconds * 8,
        ),
        clock=means.clock,
        read_marks=read_marks,
        pictures=pictures,
        receipts=receipts,
        refetching=refetching,
        queue=ground.queue,
        agent_bots=agent_bots,
    )


def _outbound(ground: Ground, receipts: Receipts, install: str, bots: Bots) -> Outbound:
    means = ground.means
    settings = means.settings
    times = Times(
        not_after=round(settings.relay.not_after_seconds * 1000),
        uncertain_after=round(settings.relay.uncertain_after_seconds * 1000),
        sent_wait=round(settings.relay.sent_wait_seconds * 1000),
    )
    sending = Sending(
        store=means.store,
        queue=ground.queue,
        directory=ground.directory,
        receipts=receipts,
        uploads=Uploads(
            means.http,
            means.spool,
            limits=UploadLimits(
                most=settings.chatwoot.max_media_mb * MIB,
                timeout=settings.chatwoot.timeout_seconds * 8,
                readable=settings.relay.file_wait_seconds,
            ),
            recordings=Recordings.here(wanted=settings.relay.voice_notes),
            clock=means.clock,
        ),
        clock=means.clock,
        times=times,
        install=install,
        obstacle=ground.connections.obstacle,
        silence=bots.silence,
    )
    return Outbound(
        store=means.store,
        directory=ground.directory,
        receipts=receipts,
        sending=sending,
        clock=means.clock,
        times=times,
    )


def _revoking(ground: Ground, install: str) -> Revoking:
    means = ground.means
    return Revoking(
        store=means.store,
        queue=ground.queue,
        directory=ground.directory,
        clock=means.clock,
        install=install,
        obstacle=ground.connections.obstacle,
    )


def _editing(ground: Ground, install: str) -> Editing:
    means = ground.means
    return Editing(
        store=means.store,
        queue=ground.queue,
        directory=ground.directory,
        clock=means.clock,
        install=install,
        obstacle=ground.connections.obstacle,
    )


async def _install_id(store: Store) -> str:
    """A short name of this database, so that our send keys meet those of no other."""

    def work(unit: Unit) -> str:
        found = facts.get(unit.db, "install")
        if found is None:
            found = new_secret()[:8]
            facts.put(unit.db, "install", found)
        return found

    return await store.write(work)


def _alert(alerts: Alerts, subject: str, cause: str, reason: str) -> None:
    alerts.raised(subject, cause, reason)
    log.warning("alert.raised", subject=subject, cause=cause, reason=reason)


def _ended(metrics: Metrics, clock: Clock, job: Job, outcome: Outcome | Retry) -> None:
    metrics.observe(job, outcome)
    log.info(
        "job.ran",
        kind=job.kind,
        outcome=type(outcome).__name__.lower(),
        ms=max(0, clock.ms() - job.accepted_at),
    )
