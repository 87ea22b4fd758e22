"""Version, profile, account, agents, account webhooks (chatwoot-api.md 1.1, 1.3, 1.10)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bridge.sim.chatwoot import views
from bridge.sim.chatwoot.calls import ACCOUNT, Call, Route, answer, as_int, empty, routes
from bridge.sim.chatwoot.records import Json, User, Webhook
from bridge.sim.chatwoot.refusals import Flaw, InvalidRecord, crashed, not_found
from bridge.sim.chatwoot.world import iso, new_token, text_or_none

_SUBSCRIPTIONS = frozenset(
    {
        "conversation_status_changed",
        "conversation_updated",
        "conversation_created",
        "contact_created",
        "contact_updated",
        "message_created",
        "message_updated",
        "webwidget_triggered",
        "inbox_created",
        "inbox_updated",
        "conversation_typing_on",
        "conversation_typing_off",
    }
)


async def version(call: Call) -> web.Response:
    at = datetime.fromtimestamp(call.world.now(), UTC)
    return answer(
        {
            "version": call.world.profile.version,
            "timestamp": f"{at:%Y-%m-%d %H:%M:%S}",
            "queue_services": "ok",
            "data_services": "ok",
        }
    )


async def profile(call: Call) -> web.Response:
    user = call.actor
    if not isinstance(user, User):
        raise crashed()
    world = call.world
    membership = {
        "id": world.account_id,
        "name": world.account_name,
        "status": "suspended" if call.faults.suspended else "active",
        "active_at": iso(world.now()),
        "role": user.role,
        "permissions": [user.role],
        "availability": user.availability,
        "availability_status": user.availability,
        "auto_offline": True,
        "custom_role_id": None,
        "custom_role": None,
    }
    return answer(
        {
            "access_token": user.token,
            "account_id": world.account_id,
            "available_name": user.display_name,
            "avatar_url": "",
            "confirmed": True,
            "display_name": user.display_name,
            "message_signature": user.signature,
            "email": user.email,
            "id": user.id,
            "inviter_id": None,
            "name": user.name,
            "provider": "email",
            "pubsub_token": f"pubsub-{user.id}",
            "role": user.role,
            "ui_settings": {},
            "uid": user.email,
            "type": None,
            "accounts": [membership],
        }
    )


async def account(call: Call) -> web.Response:
    world = call.world
    resolving = ("auto_resolve_after", "auto_resolve_message", "auto_resolve_ignore_waiting")
    return answer(
        {
            "settings": dict.fromkeys(resolving),
            "created_at": iso(world.created_at),
            "domain": None,
            "features": {"inbound_emails": True, "agent_bots": True, "labels": True},
            "id": world.account_id,
            "locale": world.account_locale or world.locale,
            "name": world.account_name,
            "support_email": "suporte@padaria-aurora.example",
            "status": "active",
            "cache_keys": dict.fromkeys(("label", "inbox", "team"), "0000000000"),
            "latest_chatwoot_version": world.profile.version,
        }
    )


# agents


def agents(call: Call, users: list[User]) -> list[Json]:
    ordered = sorted(users, key=lambda user: user.name)
    return [views.agent(call.world, user) for user in ordered]


async def list_agents(call: Call) -> web.Response:
    return answer(agents(call, list(call.world.users.values())))


async def list_teams(call: Call) -> web.Response:
    return answer([views.team(call.world, team) for team in call.world.teams.values()])


async def assignable(call: Call) -> web.Response:
    wanted = [call.world.inboxes.get(as_int(key)) for key in call.params.get("inbox_ids") or []]
    users = [
        user
        for user in call.world.users.values()
        if user.role == "administrator" or all(row and user.id in row.members for row in wanted)
    ]
    return answer({"payload": agents(call, users)})


# account webhooks


def _webhook(call: Call, row: Webhook) -> Json:
    shown: Json = {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "account_id": call.world.account_id,
        "subscriptions": row.subscriptions,
    }
    return shown | {"secret": row.secret} if call.world.profile.signs_account else shown


def _subscriptions(given: Any) -> list[str]:
    if not isinstance(given, list) or not set(map(str, given)) <= _SUBSCRIPTIONS:
        raise InvalidRecord([Flaw(attribute="subscriptions", message="Invalid events")])
    return [str(name) for name in given]


async def list_webhooks(call: Call) -> web.Response:
    rows = [_webhook(call, row) for row in call.world.webhooks.values()]
    return answer({"payload": {"webhooks": rows}})


async def create_webhook(call: Call) -> web.Response:
    given = call.params.get("webhook")
    given = given if isinstance(given, dict) else call.params
    url = text_or_none(given.get("url")) or ""
    if not url.startswith(("http://", "https://")):
        raise InvalidRecord([Flaw(attribute="url", message=call.world.say("invalid"))])
    if any(row.url == url for row in call.world.webhooks.values()):
        raise InvalidRecord([Flaw(attribute="url", message=call.world.say("taken"))])
    row = Webhook(
        id=call.world.new_id("webhook"),
        url=url,
        name=text_or_none(given.get("name")),
        subscriptions=_subscriptions(given.get("subscriptions") or sorted(_SUBSCRIPTIONS)),
        secret=new_token(),
    )
    call.world.webhooks[row.id] = row
    return answer({"payload": {"webhook": _webhook(call, row)}})


async def update_webhook(call: Call) -> web.Response:
    row = call.world.webhooks.get(call.number("webhook"))
    given = call.params.get("webhook")
    given = given if isinstance(given, dict) else call.params
    if row is None:
        raise not_found()
    if "subscriptions" in given:
        row.subscriptions = _subscriptions(given["subscriptions"])
    row.name = text_or_none(given.get("name", row.name))
    return answer({"payload": {"webhook": _webhook(call, row)}})


async def delete_webhook(call: Call) -> web.Response:
    if call.world.webhooks.pop(call.number("webhook"), None) is None:
        raise not_found()
    return empty()


_WEBHOOK = f"{ACCOUNT}/webhooks/{{webhook}}"

ROUTES: list[Route] = [
    *routes("GET", "/api", "api", version, "public"),
    *routes("GET", "/api/v1/profile", "profile", profile, "profile"),
    *routes("GET", ACCOUNT, "account", account),
    *routes("GET", f"{ACCOUNT}/agents", "agents", list_agents),
    *routes("GET", f"{ACCOUNT}/teams", "teams", list_teams),
    *routes("GET", f"{ACCOUNT}/assignable_agents", "assignable_agents", assignable),
    *routes("GET", f"{ACCOUNT}/webhooks", "webhooks", list_webhooks, "admin"),
    *routes("POST", f"{ACCOUNT}/webhooks", "webhooks", create_webhook, "admin"),
    *routes("PATCH", _WEBHOOK, "webhook", update_webhook, "admin"),
    *routes("DELETE", _WEBHOOK, "webhook", delete_webhook, "admin"),
]
