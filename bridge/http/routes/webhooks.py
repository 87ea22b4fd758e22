"""Webhooks of Meta and Chatwoot: verified over the raw bytes, kept, answered at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson
from aiohttp import web

from bridge.chatwoot.webhook import Delivery, Other, UnreadableDelivery, parse
from bridge.clock import Clock, utc
from bridge.core.message import Event, Unhandled
from bridge.errors import Forbidden, NotFound, Unauthorized
from bridge.http.envelope import json_response
from bridge.http.middleware import trace_of
from bridge.http.reading import read_body
from bridge.http.routing import INSTANCE, Access, Route
from bridge.relay.directory import Directory
from bridge.relay.intake_chatwoot import ChatwootIntake
from bridge.relay.intake_whatsapp import WhatsAppIntake
from bridge.relay.recheck import Recheck, is_signed
from bridge.relay.templates import Templates
from bridge.whatsapp.cloud.parser import claimed, with_other_templates
from bridge.whatsapp.cloud.parser import parse as parse_cloud
from bridge.whatsapp.cloud.signature import challenge
from bridge.whatsapp.cloud.signature import verify as verify_cloud

#: Escapes as a reader meets them: a backslash, a whole surrogate pair, or half of one.
_HALF_PAIR = re.compile(
    rb"\\\\"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
#: Meta sends up to 3 MB, 1,000 updates in one webhook (whatsapp-channels.md A.2).
META_BODY = 8 * 1024 * 1024
#: Bytes of a body that is read beside the event loop: the largest takes a second.
LONG = 256 * 1024
CHATWOOT_BODY = 4 * 1024 * 1024
#: One webhook comes from one app, so its numbers have one secret, or two during a rotation.
MOST_SECRETS = 20
#: What a signature is checked with where there is no secret; it opens nothing.
_NO_SECRET = "-"  # noqa: S105  (it is none)
TAG = "Webhooks"


class MetaWebhook:
    def __init__(
        self,
        intake: WhatsAppIntake,
        directory: Directory,
        templates: Templates,
        clock: Clock,
        *,
        app_secrets: Sequence[str],
        verify_token: str | None,
    ) -> None:
        self._intake = intake
        self._directory = directory
        self._templates = templates
        self._clock = clock
        self._app_secrets = tuple(app_secrets)
        self._verify_token = verify_token

    async def challenge(self, request: web.Request) -> web.Response:
        """Meta asks whether the address is ours; the answer is its challenge, bare."""
        given = request.query.get("hub.verify_token", "")
        answer = challenge(request.query, self._verify_token or "")
        if answer is None and await self._directory.has_verify_token(given):
            answer = challenge(request.query, given)
        if answer is not None:
            return web.Response(text=answer)
        raise Forbidden(
            "The verify token does not fit. It is cloud.verify_token of this service.",
            code="meta.verify_token",
        )

    async def receive(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        signature = request.headers.get("X-Hub-Signature-256")
        numbers: frozenset[str] | None = None
        trusted = verify_cloud(body, signature, self._app_secrets)
        if signature is None:
            raise _unsigned()
        said = decode(body)
        if not trusted:
            numbers = self._numbers_signed_for(body, signature, said)
        parsed = partial(parse_cloud, said, received_at=utc(self._clock.ms()))
        events = await asyncio.to_thread(parsed) if len(body) > LONG else parsed()
        if numbers is not None:
            events = [_own(event, numbers) for event in events]
        await self._intake.keep(events, trace_id=trace_of(request))
        if businesses := with_other_templates(said):
            await self._templates.changed(businesses, numbers)
        return web.Response(text="EVENT_RECEIVED")

    def _numbers_signed_for(self, body: bytes, signature: str, said: object) -> frozenset[str]:
        """Numbers whose own app secret signed this. Raises `Unauthorized` when there are none.

        Whoever brought a secret along may speak for that number, not for those of others. Only
        secrets of instances that the webhook says it is about (their number, or their business
        account) are tried.
        """
        brought: dict[str, list[str]] = {}
        for entry in self._directory.concerned(*claimed(said)):
            if entry.instance.app_secret and entry.instance.number:
                brought.setdefault(entry.instance.app_secret, []).append(entry.instance.number)
        for secret, numbers in islice(brought.items(), MOST_SECRETS):
            if verify_cloud(body, signature, [secret]):
                return frozenset(numbers)
        raise _unsigned()


class ChatwootWebhook:
    def __init__(
        self, intake: ChatwootIntake, directory: Directory, recheck: Recheck, clock: Clock
    ) -> None:
        self._intake = intake
        self._directory = directory
        self._recheck = recheck
        self._clock = clock

    async def by_secret(self, request: web.Request) -> web.Response:
        """The address that we gave to Chatwoot: its last part is the secret."""
        entry = self._directory.by_hook(request.match_info[INSTANCE], request.match_info["secret"])
        if entry is None or entry.inbox is None:
            raise NotFound("This webhook does not exist.", code="chatwoot.unknown_hook")
        body = await read_body(request)
        secret = entry.inbox.signing_secret
        now = self._clock.ms()
        if secret is not None and is_signed(body, request.headers, secret, now_ms=now):
            await self._intake.keep(entry, _read(body), trace_id=trace_of(request))
            return _kept()
        delivery = parse(body)  # what nobody signed has to be readable at least
        if secret is not None:
            await self._recheck.keep(entry, body, request.headers, trace_id=trace_of(request))
        else:
            await self._intake.keep(entry, delivery, trace_id=trace_of(request))
        return _kept()

    async def by_signature(self, request: web.Request) -> web.Response:
        """The bare address, as Evolution has it: only with a valid signature."""
        entry = self._directory.by_name(request.match_info[INSTANCE])
        body = await read_body(request)
        secret = entry.inbox.signing_secret if entry and entry.inbox else None
        # Of an unknown instance too: else the time of an answer would tell which ones there are.
        signed = is_signed(body, request.headers, secret or _NO_SECRET, now_ms=self._clock.ms())
        if entry is None or secret is None or not signed:
            raise Unauthorized(
                "This address takes signed deliveries only.", code="chatwoot.signature"
            )
        await self._intake.keep(entry, _read(body), trace_id=trace_of(request))
        return _kept()


def _unsigned() -> Unauthorized:
    return Unauthorized(
        "The signature does not fit any app secret (cloud.app_secrets).", code="meta.signature"
    )


def _own(event: Event, numbers: frozenset[str]) -> Event:
    """An event for a number that the signer does not speak for needs no action."""
    if event.number is None or event.number in numbers:
        return event
    return Unhandled(number=event.number, rule="whatsapp.foreign_secret")


def _read(body: bytes) -> Delivery:
    """A signed body is taken whatever is in it; what is no JSON object says nothing."""
    try:
        return parse(body)
    except UnreadableDelivery:
        return Other(event="unreadable", account_id=None, why="no JSON object")


def _kept() -> web.Response:
    return json_response({"message": "bot"})


def decode(body: bytes) -> object:
    """A signed body is kept whatever is in it; what is no JSON has no events.

    Halves of surrogate pairs, as a name cut in the middle of an emoji has them, are no reason to
    lose a batch: they become replacement characters.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_HALF_PAIR.sub(_mended, body))
    except orjson.JSONDecodeError:
        return None


def _mended(found: re.Match[bytes]) -> bytes:
    """Whole pairs and escaped backslashes stay; half a pair becomes U+FFFD."""
    return rb"\ufffd" if found[1] else found[0]


def routes(meta: MetaWebhook, chatwoot: ChatwootWebhook) -> tuple[Route, ...]:
    kept: dict[int, Any] = {HTTPStatus.OK: None}
    return (
        Route(
            method="GET",
            path="/webhook/meta",
            handler=meta.challenge,
            summary="Meta verifies the webhook address",
            tag=TAG,
            access=Access.WEBHOOK,
            responses=kept,
            errors=(HTTPStatus.FORBIDDEN,),
        ),
        Route(
            method="POST",
            path="/webhook/meta",
            handler=meta.receive,
            summary="Messages and statuses from the WhatsApp Cloud API",
            description="Signed with `X-Hub-Signature-256`. Answered 200 once it is on disk.",
            tag=TAG,
            access=Access.WEBHOOK,
            responses=kept,
            errors=(HTTPStatus.UNAUTHORIZED,),
            raw_body=True,
            max_body=META_BODY,
        ),
        Route(
            method="POST",
            path="/chatwoot/webhook/{instance}/{secret}",
            handler=chatwoot.by_secret,
            summary="Events of a Chatwoot inbox",
            description="The address that Ponte writes into the inbox.",
            tag=TAG,
            access=Access.WEBHOOK,
            responses=kept,
            errors=(HTTPStatus.UNAUTHORIZED,),
            raw_body=True,
            max_body=CHATWOOT_BODY,
        ),
        Route(
            method="POST",
            path="/chatwoot/webhook/{instance}",
            handler=chatwoot.by_signature,
            summary="Events of a Chatwoot inbox, signed",
            description="Evolution's address; taken only with a valid signature (Chatwoot 4.13+).",
            tag=TAG,
            access=Access.WEBHOOK,
            responses=kept,
            errors=(HTTPStatus.UNAUTHORIZED,),
            raw_body=True,
            max_body=CHATWOOT_BODY,
        ),
    )
