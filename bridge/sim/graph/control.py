"""Controls over HTTP (`/sim/...`), for those who drive the stand-in from another process."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any, cast

import orjson
from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter

from bridge.sim.graph.faults import Fault, Route
from bridge.sim.graph.meta import Meta
from bridge.sim.graph.records import SentMessage, Writing
from bridge.sim.graph.routes import answer
from bridge.sim.graph.templates import Template

_FAULT = TypeAdapter(Fault)
_TEMPLATE = TypeAdapter(Template)
_FLAG = TypeAdapter(bool)
_TEXT: TypeAdapter[str | None] = TypeAdapter(str | None)


class _Customer(BaseModel):
    """The body of `POST /sim/customer`: what `customer_writes` takes."""

    from_: str | None = Field(default=None, alias="from")
    text: str | None = None
    image: str = ""
    message: dict[str, Any] = {}
    caption: str | None = None
    name: str | None = None
    bsuid: str | None = None
    reply_to: str | None = None
    phone_number_id: str = ""


def add_controls(app: web.Application, meta: Meta) -> None:
    def route(method: str, path: str, act: Callable[[Meta, Any], Awaitable[Any]]) -> None:
        async def handle(request: web.Request) -> web.Response:
            try:
                body = orjson.loads(await request.read() or b"{}")
                return answer(await act(meta, dict(request.query) | body))
            except (ValueError, TypeError, KeyError) as error:
                return answer({"error": f"{type(error).__name__}: {error}"}, 400)
            except TimeoutError:
                return answer({"error": "what was waited for did not come"}, 408)

        app.router.add_route(method, path, handle)

    route("POST", "/sim/customer", _customer)
    route("POST", "/sim/read", _read)
    route("POST", "/sim/fail", _fail)
    route("GET", "/sim/sent", _sent)
    route("POST", "/sim/faults", _faults)
    route("POST", "/sim/webhook_url", _webhook_url)
    route("POST", "/sim/template", _template)
    route("POST", "/sim/window", _window)
    route("GET", "/sim/state", _state)


async def _customer(meta: Meta, body: dict[str, Any]) -> Any:
    customer = _Customer.model_validate(body)
    writing = customer.model_dump(exclude_unset=True, exclude={"from_", "text"})
    if "image" in writing:
        writing["image"] = base64.b64decode(customer.image, validate=True)
    id_ = await meta.customer_writes(customer.from_, customer.text, **cast("Writing", writing))
    return {"id": id_}


async def _read(meta: Meta, body: dict[str, Any]) -> Any:
    await meta.customer_reads(body["id"])
    return {"success": True}


async def _fail(meta: Meta, body: dict[str, Any]) -> Any:
    await meta.fail(body["id"], int(body["code"]))
    return {"success": True}


async def _sent(meta: Meta, query: dict[str, Any]) -> Any:
    """List what was sent, from number `since` on; waits for `at_least` messages in total."""
    at_least = int(query.get("at_least", 0))
    await meta.wait_for(lambda: len(meta.sent) >= at_least, float(query.get("timeout", 5)))
    since = max(0, int(query.get("since", 0)))
    return {"total": len(meta.sent), "sent": [_shown(message) for message in meta.sent[since:]]}


async def _faults(meta: Meta, body: dict[str, Any]) -> Any:
    """Order a fault, or with `{"off": true}` forget the orders of the route.

    `route` (a name; none: all), the fields of `Fault`, `count` (none: until off), `to`.
    """
    route = Route[body["route"].upper()] if isinstance(body.get("route"), str) else None
    if body.get("off"):
        meta.faults.off(route)
        return {"success": True}
    known = {f.name: body[f.name] for f in fields(Fault) if f.name in body}
    fault, to = _FAULT.validate_python(known), _TEXT.validate_python(body.get("to"))
    if body.get("count") is None:
        meta.faults.always(route, fault, to=to)
    else:
        meta.faults.next(route, fault, int(body["count"]), to=to)
    return {"success": True}


async def _webhook_url(meta: Meta, body: dict[str, Any]) -> Any:
    meta.webhook_url = _TEXT.validate_python(body["url"])
    return {"success": True}


async def _template(meta: Meta, body: dict[str, Any]) -> Any:
    """Keep a template (the fields of `Template`), and tell the webhook that it is as `status`."""
    template = _TEMPLATE.validate_python(body)
    await meta.template_changes(template, template.status)
    return {"success": True}


async def _window(meta: Meta, body: dict[str, Any]) -> Any:
    """Have the 24 hours enforced, or no more."""
    meta.windows.enforced = _FLAG.validate_python(body["enforced"])
    return {"success": True}


async def _state(meta: Meta, _query: dict[str, Any]) -> Any:
    return {
        "requests": {str(route): count for route, count in meta.requests.items()},
        "sent": len(meta.sent),
        "reads": len(meta.reads),
        "media": len(meta.media),
        "outstanding": meta.outbox.outstanding,
        "given_up": meta.outbox.given_up,
        "webhook_url": meta.webhook_url,
    }


def _shown(message: SentMessage) -> dict[str, Any]:
    return {
        "at": message.at,
        "wamid": message.wamid,
        "phone_number_id": message.phone_number_id,
        "to": message.to,
        "wa_id": message.person.wa_id,
        "type": message.type,
        "text": message.text,
        "callback_data": message.callback_data,
        "body": message.body,
    }
