"""The bot contact carries the organisation's name and logo, and follows them when they change.

Chatwoot would fetch a logo by itself, later, and fail in silence (chatwoot-api.md 1.5): so we fetch
it, through the guard, and say in the control room what is wrong with it. The name of the file tells
what is in it: one that is there already is not given again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

import orjson
import structlog

from bridge.chatwoot.attachments import Held, filename
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import BridgeError, ForbiddenAddress, PeerError, PeerGone, Remedy
from bridge.locale import say
from bridge.net.http import Http
from bridge.relay import bot_contact
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.healing import repeatable
from bridge.relay.pictures import KINDS
from bridge.relay.room import tell
from bridge.store.engine import Unit

log = structlog.get_logger(__name__)

LARGEST: Final = 5 * 1024 * 1024
SECONDS: Final = 15.0
REDIRECTS: Final = 3
#: How long (ms) a logo that cannot be fetched is tried again, and how often.
PATIENCE: Final = 600_000
PAUSE: Final = 60_000
#: The job's commit is seen here this much (ms) later at the most.
SOON: Final = 100

_OURS: Final = re.compile(r"ponte-logo-([0-9a-f]{32})\.[a-z]{3,4}")


def _knows(side: Side, order: Mapping[str, int]) -> bool:
    """Whether what the job was made for has been taken over here."""
    inbox = side.inbox
    if inbox.updated_at == order["set_at"]:
        return inbox.bot_contact_id == order["contact"]
    return inbox.updated_at > order["set_at"]


def _is_off(entry: Entry, order: Mapping[str, int]) -> bool:
    """Whether its Chatwoot side was switched off after the job was made."""
    inbox = entry.inbox
    return entry.side is None and inbox is not None and inbox.updated_at >= order["set_at"]


class _Unusable(Exception):
    """There is no such picture; `why` is the end of the key of its text."""

    def __init__(self, why: str, *, may_pass: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.may_pass = may_pass


class BotLook:
    """Runs `look` jobs."""

    def __init__(self, *, queue: Queue, directory: Directory, http: Http, clock: Clock) -> None:
        self._queue = queue
        self._directory = directory
        self._http = http
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        order = orjson.loads(job.payload)
        now = self._clock.ms()
        if entry is None or entry.side is None or not _knows(entry.side, order):
            waits = entry is not None and not _is_off(entry, order)
            if waits and now - job.accepted_at < PATIENCE:
                return Again(due_at=now + SOON, why="Its settings are not taken over yet.")
            return Ignored(rule="instance.gone", reason="It has no bot contact any more.")
        side, contact_id = entry.side, entry.side.inbox.bot_contact_id or order["contact"]
        try:
            with repeatable():
                contact = await side.chatwoot.contact(contact_id)
                if not bot_contact.is_alone(contact, entry.id):
                    why = "The bot contact is a customer's as well."
                    return Ignored(rule="chatwoot.contact_shared", reason=why)
                if order["renamed"]:
                    await side.chatwoot.update_contact(
                        contact_id, name=bot_contact.name_of(side.inbox)
                    )
                if side.inbox.logo is not None:
                    await self._show(side, contact, side.inbox.logo)
                elif order["bared"] and _given(contact) is not None:
                    await side.chatwoot.delete_avatar(contact_id)
        except PeerGone:
            return Ignored(rule="chatwoot.contact_gone", reason="The bot contact was deleted.")
        except _Unusable as error:
            if error.may_pass and now - job.accepted_at < PATIENCE:
                return Again(due_at=now + PAUSE, why="The logo cannot be fetched.")
            why = say(entry.language, f"bot.logo.{error.why}")
            limit = f"{LARGEST // (1024 * 1024)} MB"
            text = say(entry.language, "bot.logo.failed", why=why, limit=limit)
            return Delivered(write=lambda unit: tell(self._queue, unit, entry, text, now=now))
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _show(self, side: Side, contact: Contact, logo: str) -> None:
        given = _given(contact)
        body = await self._fetch(logo)
        kind = next((kind for start, kind in KINDS.items() if body.startswith(start)), None)
        if kind is None:
            raise _Unusable("kind")
        digest = hashlib.sha256(body).hexdigest()[:32]
        if given == digest:
            return
        mime, suffix = kind
        picture = Held(data=body, filename=f"ponte-logo-{digest}.{suffix}", mime=mime)
        await side.chatwoot.update_avatar(contact.id, picture)
        log.info("bot.logo_given", contact=contact.id)

    async def _fetch(self, url: str) -> bytes:
        try:
            for _ in range(REDIRECTS + 1):
                answer = await self._http.request(
                    "GET", url, timeout=SECONDS, limit=LARGEST, peer="The server of the logo"
                )
                if answer.status == HTTPStatus.OK:
                    return answer.body
                target = answer.headers.get("Location")
                if not target or answer.status // 100 != HTTPStatus.MULTIPLE_CHOICES // 100:
                    break
                url = urljoin(url, target)
        except ForbiddenAddress as error:
            raise _Unusable("forbidden") from error
        except PeerError as error:
            raise _Unusable("unreachable", may_pass=error.remedy is Remedy.RETRY) from error
        except (BridgeError, ValueError) as error:  # where it sends us is no address
            raise _Unusable("unreachable") from error
        raise _Unusable("unreachable")


def _given(contact: Contact) -> str | None:
    """The hash of the logo that it has of us; None: it has another picture, or none."""
    ours = _OURS.fullmatch(filename(contact.thumbnail)) if contact.thumbnail else None
    return None if ours is None else ours[1]
