"""What may be changed of an instance at any time: settings, proxy, events, the Chatwoot side.

Sources: evolution-instance-typebot.md 3.1 and 3.2, evolution-chatwoot.md 1.2 and 1.3. A change is
answered in the shape of its request, a question in the dialect of the caller or the instance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from bridge.core.instance import TRANSPORTS
from bridge.errors import Invalid, Unauthorized
from bridge.http.auditing import concerns
from bridge.http.dialects import choosing, configuration, described
from bridge.http.dialects import shapes_v1 as v1
from bridge.http.dialects import shapes_v2 as v2
from bridge.http.dialects.rendering import Answer, Renderer, renderer
from bridge.http.dialects.shapes import Notes
from bridge.http.dialects.views import Addresses, tell
from bridge.http.envelope import json_response
from bridge.http.gate import caller
from bridge.http.reading import read_json
from bridge.http.routing import INSTANCE, Access, Handler, Route
from bridge.relay.activity import Inactive, inactive_of, without_signature
from bridge.relay.configuring import Configuring
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances
from bridge.whatsapp.registry import Registry

#: Hundreds of chats or dozens of long headers have room in it. It is read inside a unit of the
#: database, which all others wait for.
_MAX_BODY: Final = 256 * 1024
_EVENTS: Final = frozenset({"webhook", "callbacks", *TRANSPORTS})
_NO_SETTINGS: Final = _EVENTS | {"typebot"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRoutes:
    instances: Instances
    configuring: Configuring
    registry: Registry
    addresses: Addresses
    #: `api.dialect`, and the server's default for Chatwoot's reopen_conversation.
    dialect: str
    reopen: bool

    # -- settings and proxy -----------------------------------------------------------------

    async def set_settings(self, request: web.Request) -> web.Response:
        body, entry, form = await self._asked(request)
        entry = await self.configuring.settings(
            entry, lambda before: configuration.read_settings(body, before)
        )
        idle = [one for one in self._inactive(entry) if one.name not in _NO_SETTINGS]
        told = configuration.untaken("settings", body)
        return _set(form.settings_set(entry.instance), idle, told)

    async def find_settings(self, request: web.Request) -> web.Response:
        entry, form = self._shown(request)
        return json_response(form.settings_found(entry.instance))

    async def set_proxy(self, request: web.Request) -> web.Response:
        body, entry, form = await self._asked(request)
        entry = await self.configuring.proxy(entry, configuration.read_proxy(body))
        idle = self._inactive(entry, {entry.instance.integration})
        return _set(form.proxy_set(entry.instance), idle, configuration.untaken("proxy", body))

    async def find_proxy(self, request: web.Request) -> web.Response:
        entry, form = self._shown(request)
        return json_response(form.proxy_found(entry.instance))

    # -- events -----------------------------------------------------------------------------

    async def set_webhook(self, request: web.Request) -> web.Response:
        body, entry, form = await self._asked(request)
        return await self._webhook(body, entry, form)

    async def set_webhook_of_body(self, request: web.Request) -> web.Response:
        """Set the webhook of the instance whose key was shown, or that the global key names."""
        own = caller(request).instance
        entry = None if own is None else self.instances.entry(own)
        body = await read_json(request)
        named = body.get("instanceName")
        if own is not None and named not in (None, own):
            raise Unauthorized
        if entry is None:
            if not isinstance(named, str):
                raise Invalid('instance requires property "instanceName"', code="instance.unnamed")
            concerns(request, named)
            entry = self.instances.entry(named)
        return await self._webhook(body, entry, self._form(request, entry, body))

    async def find_webhook(self, request: web.Request) -> web.Response:
        entry, form = self._shown(request)
        return json_response(form.webhook_found(entry.instance))

    async def _webhook(self, body: Mapping[str, Any], entry: Entry, form: Renderer) -> web.Response:
        entry = await self.configuring.webhook(
            entry, lambda before: configuration.read_webhook(body, before)
        )
        idle = self._inactive(entry, {"webhook"})
        told = configuration.untaken("webhook", body)
        return _set(form.webhook_set(entry.instance), idle, told)

    async def set_transport(self, name: str, request: web.Request) -> web.Response:
        body, entry, form = await self._asked(request)
        entry = await self.configuring.transport(
            entry, name, lambda before: configuration.read_transport(name, body, before)
        )
        told = configuration.untaken(name, body)
        return _set(form.transport_set(name, entry.instance), self._inactive(entry, {name}), told)

    async def find_transport(self, name: str, request: web.Request) -> web.Response:
        entry, form = self._shown(request)
        return json_response(form.transport_found(name, entry.instance))

    # -- Chatwoot ---------------------------------------------------------------------------

    async def set_chatwoot(self, request: web.Request) -> web.Response:
        body, entry, form = await self._asked(request)
        entry = await self.configuring.chatwoot(
            entry, lambda before: configuration.read_chatwoot(body, before, reopen=self.reopen)
        )
        shown = form.chatwoot(entry.inbox, self.addresses.hook(entry.instance))
        wanted = configuration.read_imports(body)
        idle = [*self._inactive(entry, wanted, imports=wanted), *without_signature(entry.inbox)]
        return _set(shown, idle, configuration.untaken("chatwoot", body))

    async def find_chatwoot(self, request: web.Request) -> web.Response:
        entry, form = self._shown(request)
        return json_response(form.chatwoot(entry.inbox, self.addresses.hook(entry.instance)))

    # -- who asks, and how they are answered ------------------------------------------------

    async def _asked(self, request: web.Request) -> tuple[dict[str, Any], Entry, Renderer]:
        """Read a change: the body, whom it is about, and the form of its answer."""
        entry = self.instances.entry(request.match_info[INSTANCE])  # whose key was looked at
        body = await read_json(request)
        return body, entry, self._form(request, entry, body)

    def _shown(self, request: web.Request) -> tuple[Entry, Renderer]:
        entry = self.instances.entry(request.match_info[INSTANCE])
        return entry, self._form(request, entry, None)

    def _form(self, request: web.Request, entry: Entry, body: Mapping[str, Any] | None) -> Renderer:
        said = choosing.chosen(request, setting=self.dialect)
        own = entry.instance.dialect
        if body is None:
            return renderer(said or own)
        return renderer(choosing.of_body(body, chosen=said, default=own))

    def _inactive(
        self, entry: Entry, among: Collection[str] | None = None, imports: Collection[str] = ()
    ) -> list[Inactive]:
        kind = self.registry.kind(entry.instance)
        found = inactive_of(entry.instance, kind=kind, imports=imports)
        return [one for one in found if among is None or one.name in among]

    # -- the table --------------------------------------------------------------------------

    def routes(self) -> tuple[Route, ...]:
        return (
            *_pair(
                "settings",
                "Settings",
                (self.set_settings, "Change how the number behaves"),
                (self.find_settings, "Show how the number behaves"),
                request=described.SettingsBody,
                answers=(v2.SettingsSetV2 | v1.SettingsSetV1, v2.SettingsV2 | v1.SettingsV1),
                about="What is not given stays.",
            ),
            *_pair(
                "proxy",
                "Settings",
                (self.set_proxy, "Set the proxy of the number, or switch it off"),
                (self.find_proxy, "Show the proxy of the number"),
                request=described.ProxyBody,
                answers=(v2.ProxySetV2 | v1.ProxySetV1, v2.ProxyRowV2 | v1.ProxyFoundV1 | None),
                about="It is stored when one request went through it to the channel's server.",
            ),
            *_pair(
                "webhook",
                "Events",
                (self.set_webhook, "Say where events are delivered"),
                (self.find_webhook, "Show where events are delivered"),
                request=described.WebhookBody,
                answers=(_WEBHOOK_SET, v2.WebhookRowV2 | v1.WebhookV1 | None),
                about=_MASKS,
            ),
            Route(
                method="POST",
                path="/webhook/instance",
                handler=self.set_webhook_of_body,
                summary="Say where events are delivered, by the key or by instanceName",
                description="An instance's key sets its own; with the global key the body names "
                "the instance.",
                tag="Events",
                access=Access.INSTANCE_KEY,
                audit="webhook.set",
                dialects=True,
                request=described.WebhookBody,
                max_body=_MAX_BODY,
                responses={HTTPStatus.CREATED: _WEBHOOK_SET},
                errors=(HTTPStatus.NOT_FOUND,),
            ),
            *self._transports(),
            *_pair(
                "chatwoot",
                "Chatwoot",
                (self.set_chatwoot, "Set up, change or switch off the Chatwoot side"),
                (self.find_chatwoot, "Show the Chatwoot side"),
                request=described.ChatwootBody,
                answers=(
                    v2.ChatwootSetV2 | v2.ChatwootUnsetV2 | v1.ChatwootSetV1 | v1.ChatwootUnsetV1,
                    v2.ChatwootFoundV2
                    | v2.ChatwootUnsetV2
                    | v1.ChatwootFoundV1
                    | v1.ChatwootUnsetV1,
                ),
                errors=(HTTPStatus.CONFLICT,),
                about="What is not given stays. When it answers, the inbox is ready.",
            ),
        )

    def _transports(self) -> Iterator[Route]:
        for name in TRANSPORTS:
            yield from _pair(
                name,
                "Events",
                (partial(self.set_transport, name), f"Set which events go out by {name}"),
                (partial(self.find_transport, name), f"Show which events go out by {name}"),
                request=described.TRANSPORT_BODIES[name],
                answers=(
                    v2.TransportSetV2 | v1.TransportSetV1,
                    v2.TransportRowV2 | v1.TransportV1 | None,
                ),
            )


_WEBHOOK_SET: Final = v2.WebhookSetV2 | v1.WebhookSetV1
_MASKS: Final = (
    "Values of headers are shown as asterisks; one that is sent back so stays as it is stored."
)


def _pair(
    name: str,
    tag: str,
    setting: tuple[Handler, str],
    finding: tuple[Handler, str],
    *,
    request: type[BaseModel],
    answers: tuple[Any, Any],
    about: str = "",
    errors: tuple[HTTPStatus, ...] = (),
) -> tuple[Route, Route]:
    """`POST /<name>/set` and `GET /<name>/find`, with their handlers and summaries.

    `errors` are those of the former.
    """
    return (
        Route(
            method="POST",
            path=f"/{name}/set/{{instance}}",
            handler=setting[0],
            summary=setting[1],
            description=about,
            tag=tag,
            access=Access.INSTANCE_KEY,
            audit=f"{name}.set",
            dialects=True,
            request=request,
            max_body=_MAX_BODY,
            responses={HTTPStatus.CREATED: answers[0]},
            errors=errors,
        ),
        Route(
            method="GET",
            path=f"/{name}/find/{{instance}}",
            handler=finding[0],
            summary=finding[1],
            tag=tag,
            access=Access.INSTANCE_KEY,
            dialects=True,
            responses={HTTPStatus.OK: answers[1]},
        ),
    )


def _set(answer: Answer | None, idle: Collection[Inactive], told: Iterable[str]) -> web.Response:
    notes: Notes = {}
    tell(notes, (one.name for one in idle), (*told, *(one.reason for one in idle)))
    return json_response({**(answer or {}), **notes}, status=HTTPStatus.CREATED)
