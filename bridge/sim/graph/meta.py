"""What Meta knows and does behind the HTTP routes: numbers, people, files, messages, statuses."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Unpack

from bridge.sim.graph.drafting import meet, said
from bridge.sim.graph.failures import GraphError, no_such_object, status_error
from bridge.sim.graph.faults import Faults
from bridge.sim.graph.outbox import Outbox
from bridge.sim.graph.payloads import (
    Number,
    Payload,
    Person,
    bsuid_of,
    incoming,
    progress,
    template_news,
    wamid,
)
from bridge.sim.graph.records import File, SentMessage, Writing
from bridge.sim.graph.requests import SHOWN, Send, check_send, check_upload
from bridge.sim.graph.shelf import Ids, Shelf
from bridge.sim.graph.templates import Template, TemplateShelf
from bridge.sim.graph.window import Windows
from bridge.sim.watch import Watch


class Meta:
    """The state of the stand-in. Public attributes may be changed at any time."""

    def __init__(
        self,
        *,
        app_secret: str = "sim-app-secret",  # noqa: S107  the stand-in's own, invented
        verify_token: str = "sim-verify-token",  # noqa: S107  the same
        access_token: str = "sim-access-token",  # noqa: S107  the same
        latency: float = 0,
        webhook_url: str | None = None,
        numbers: Iterable[Number] = (Number(),),
        redelivery: Sequence[float] = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4),
        webhook_timeout: float = 10,
        clock: Callable[[], float] = time.time,
        seed: bytes | None = None,
    ) -> None:
        self.verify_token = verify_token
        self.access_token = access_token
        #: Seconds between acting on a request and answering it.
        self.latency = latency
        self.numbers = {number.phone_number_id: number for number in numbers}
        #: Dialled number -> the number that WhatsApp knows, where they differ.
        self.known_as: dict[str, str] = {}
        self.people: dict[str, Person] = {}
        #: Statuses by themselves: which, after how many seconds each, in which order
        #: (`shuffle` gets the list of one message: `random.Random(1).shuffle`, `list.reverse`).
        self.auto_statuses = True
        self.status_delay = 0.0
        self.shuffle: Callable[[list[str]], None] | None = None
        #: Where the stand-in is served, once it is.
        self.base_url: str | None = None

        self.sent: list[SentMessage] = []
        self.reads: list[str] = []
        #: Messages below which somebody was shown to write.
        self.typing: list[str] = []
        self.requests: Counter[str] = Counter()
        self.subscribed: dict[str, str | None] = {}
        self.faults = Faults()
        self.watch = Watch()
        self.outbox = Outbox(
            app_secret=app_secret,
            redelivery=redelivery,
            patience=webhook_timeout,
            watch=self.watch,
        )
        self.outbox.url = webhook_url
        self._by_wamid: dict[str, SentMessage] = {}
        self._clock = clock
        self._ids = Ids(secrets.token_bytes(16) if seed is None else seed[:64])
        #: The templates of business accounts, and when people last wrote (`enforced`: 131047).
        self.templates = TemplateShelf()
        self.windows = Windows(clock)
        #: The files; `shelf.lifetime` is the life of an address in seconds.
        self.shelf = Shelf(ids=self._ids, clock=clock)
        self.media = self.shelf.files

    # ------------------------------------------------------------------ towards us

    @property
    def webhook_url(self) -> str | None:
        return self.outbox.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self.outbox.url = url

    def draft(
        self, from_wa_id: str | None, text: str | None = None, **writing: Unpack[Writing]
    ) -> tuple[str, Payload]:
        """Make a customer's message without delivering it: for `batch`. Gives id and payload.

        Without `from_wa_id` the customer is known by BSUID only.
        """
        number = self._number_of(writing.get("phone_number_id"))
        person = meet(self.people, from_wa_id, writing)
        self.windows.opened(number.phone_number_id, person)
        own_id = writing.get("message", {}).get("id")
        id_ = own_id or wamid(
            person.wa_id or person.bsuid or "", self._ids.tail(20), outbound=False
        )
        payload = incoming(
            number,
            person,
            id_=id_,
            timestamp=int(self._clock()),
            content=said(text, writing, lambda file: self._file_content(file, number)),
            reply_to=writing.get("reply_to"),
        )
        return id_, payload

    async def customer_writes(
        self, from_wa_id: str | None, text: str | None = None, **writing: Unpack[Writing]
    ) -> str:
        """Let a customer write; gives the message's id.

        Returns once the webhook has been tried for the first time, so that messages written one
        after the other are delivered in that order. A failed try is repeated behind it.
        """
        id_, payload = self.draft(from_wa_id, text, **writing)
        await self.deliver(payload)
        return id_

    async def deliver(self, payload: Payload) -> int | None:
        """Post any payload, signed; gives the first answer's status (None: no answer)."""
        return await self.outbox.deliver(payload)

    async def customer_reads(self, wamid_: str, *, state: str = "read") -> None:
        """Report a message of ours as read (or `played`)."""
        await self._report(self._by_wamid[wamid_], state)

    async def fail(self, wamid_: str, code: int) -> None:
        """Report a message of ours as failed."""
        await self._report(self._by_wamid[wamid_], "failed", status_error(code))

    async def template_changes(
        self, template: Template, event: str, *, waba_id: str | None = None
    ) -> int | None:
        """Keep a template as it is now, and tell the webhook (`APPROVED`, `PAUSED` ...)."""
        account = waba_id or self._number_of(None).waba_id
        self.templates.put(account, template)
        return await self.deliver(template_news(account, template.name, template.language, event))

    async def verify(self, url: str | None = None, token: str | None = None) -> bool:
        """Do the GET challenge of the webhook. True when it is answered as it must be."""
        target = url or self.outbox.url
        if target is None:
            return False
        challenge = str(1_000_000_000 + self._ids.number(8))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self.verify_token if token is None else token,
        }
        return await self.outbox.get(target, query) == (200, challenge)

    async def settled(self, timeout: float = 30) -> None:  # noqa: ASYNC109  part of the public API
        """Wait until no webhook is outstanding: no status to come, no redelivery."""
        await self.outbox.settled(timeout)

    async def wait_for(self, predicate: Callable[[], bool], timeout: float = 20) -> None:  # noqa: ASYNC109  part of the public API
        """Wait until a predicate over the public attributes holds; else `TimeoutError`."""
        await self.watch.wait_for(predicate, timeout)

    # ------------------------------------------------------------------ towards the routes

    def authorise(self, header: str | None) -> None:
        if header is None or not hmac.compare_digest(
            header.encode("utf-8", "replace"), f"Bearer {self.access_token}".encode()
        ):
            raise GraphError(190)

    def number(self, phone_number_id: str, method: str = "POST") -> Number:
        number = self.numbers.get(phone_number_id)
        if number is None:
            raise no_such_object(phone_number_id, method)
        return number

    def accept(self, phone_number_id: str, body: Any, at: float) -> Payload:
        """Take a message, start its statuses and give the answer. Raises `GraphError`."""
        number = self.number(phone_number_id)
        send = check_send(
            body,
            media=self.media,
            own_number=number.digits,
            template=lambda content: self.templates.check(number.waba_id, content),
        )
        person = self._recipient(send)
        id_ = wamid(person.wa_id or person.bsuid or send.to, self._ids.tail(18), outbound=True)
        message = SentMessage(
            at=at,
            wamid=id_,
            phone_number_id=phone_number_id,
            to=send.to,
            person=person,
            group=send.to if send.group else None,
            type=send.type,
            body=body,
            callback_data=send.callback_data,
            media_id=send.media_id,
        )
        self.sent.append(message)
        self._by_wamid[id_] = message
        if self.auto_statuses and self.outbox.url is not None:
            self.outbox.start(self._progress(message))
        self.watch.changed()
        contact = {"input": body["recipient"] if send.by_bsuid else body["to"]}
        if not send.by_bsuid and person.wa_id is not None:
            contact["wa_id"] = person.wa_id
        if person.bsuid is not None:
            contact["user_id"] = person.bsuid
        accepted = {"id": id_} if send.by_bsuid else {"id": id_, "message_status": "accepted"}
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [accepted]}

    def upload(self, phone_number_id: str, data: bytes, mime: str, filename: str | None) -> str:
        """Keep a file of ours and give its id. Raises `GraphError`."""
        self.number(phone_number_id)
        check_upload(mime, len(data))
        return self.add_media(data, mime, filename=filename, phone_number_id=phone_number_id)

    def add_media(
        self,
        data: bytes,
        mime: str,
        *,
        filename: str | None = None,
        phone_number_id: str | None = None,
    ) -> str:
        """Keep any file and give its id, to be named in a raw `message`."""
        number = self._number_of(phone_number_id)
        media = self.shelf.add(data, mime, filename, number.phone_number_id)
        self.watch.changed()
        return media.id

    def trace(self) -> str:
        return "A" + self._ids.tail(20)

    # ------------------------------------------------------------------ inside

    async def _progress(self, message: SentMessage) -> None:
        await asyncio.sleep(self.latency)
        media = self.media.get(message.media_id or "")
        shown = SHOWN.get(message.type)
        if media and shown and media.mime.partition(";")[0].strip().lower() not in shown:
            await asyncio.sleep(self.status_delay)
            await self._report(message, "failed", status_error(131053))
            return
        if self.windows.is_closed(message.phone_number_id, message.person, message.type):
            await asyncio.sleep(self.status_delay)
            await self._report(message, "failed", status_error(131047))
            return
        states = ["sent", "delivered"]
        if self.shuffle is not None:
            self.shuffle(states)
        for state in states:
            await asyncio.sleep(self.status_delay)
            await self._report(message, state)

    async def _report(self, message: SentMessage, state: str, error: Payload | None = None) -> None:
        payload = progress(
            self.number(message.phone_number_id),
            message.person,
            id_=message.wamid,
            state=state,
            timestamp=int(self._clock()),
            callback_data=message.callback_data,
            group=message.group,
            error=error,
        )
        await self.deliver(payload)

    def _recipient(self, send: Send) -> Person:
        if send.group:
            return Person(wa_id=None)
        if send.by_bsuid:
            known = (p for p in self.people.values() if p.bsuid == send.to)
            return next(known, Person(wa_id=None, bsuid=send.to))
        wa_id = self.known_as.get(send.to, send.to)
        person = self.people.get(wa_id)
        return person or Person(wa_id=wa_id, bsuid=bsuid_of(wa_id))

    def _file_content(self, file: File, number: Number) -> Payload:
        id_ = self.add_media(
            file.data, file.mime, filename=file.filename, phone_number_id=number.phone_number_id
        )
        return {
            "mime_type": file.mime,
            "sha256": base64.b64encode(self.media[id_].sha256).decode(),
            "id": id_,
            **({"url": self.base_url + self.shelf.path(id_)} if self.base_url else {}),
        }

    def _number_of(self, phone_number_id: str | None) -> Number:
        if phone_number_id is None:
            return next(iter(self.numbers.values()))
        return self.numbers[phone_number_id]
