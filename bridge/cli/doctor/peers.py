"""One instance: its number at WhatsApp, its inbox in Chatwoot, and the way back from there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Inbox, Message, MessageType, Server
from bridge.cli.doctor.finding import Examined, Finding
from bridge.cli.doctor.flows import flow_findings
from bridge.cli.doctor.web import number_findings
from bridge.cli.printing import ago
from bridge.core.connection import ConnectionView, LinkState
from bridge.core.instance import BUSINESS, InboxConfig, InstanceConfig
from bridge.core.typebot import StoredBot
from bridge.errors import BridgeError, PeerGone, PeerLocked
from bridge.net.http import Http
from bridge.peers import make_channel, make_chatwoot
from bridge.settings import Settings

#: Chatwoot's releases that matter here (chatwoot-api.md 6).
STATUSES, SIGNED, GUARDED = (4, 2, 0), (4, 13, 0), (4, 14, 0)
WEEK = 7 * 86400
SAFE_FETCH = (
    "Set SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true for Chatwoot's web and worker (from 4.14.1 on), or "
    "give Ponte a public address."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known before anybody is asked. Times are ms; `last` is by road.

    `connection` is what the service stored last; None: nothing. `flows` are those that may run.
    """

    settings: Settings
    instance: InstanceConfig
    inbox: InboxConfig | None
    connection: ConnectionView | None
    last: dict[str, int]
    now: int
    flows: Sequence[StoredBot] = ()

    @property
    def examined(self) -> Examined:
        return Examined(f"instance {self.instance.name}")

    @property
    def base(self) -> str:
        return self.settings.server.public_url.rstrip("/")

    def since(self, road: str) -> str | None:
        at = self.last.get(road)
        return None if at is None else f"{ago((self.now - at) / 1000)} ago"


async def instance_findings(case: Case, http: Http, *, is_private: bool) -> AsyncIterator[Finding]:
    """Ask WhatsApp and Chatwoot. `is_private`: so is our public address, as seen from here."""
    if case.instance.integration == BUSINESS:
        async for finding in _whatsapp(case, http):
            yield finding
    else:
        for finding in number_findings(
            case.examined, case.instance.name, case.connection, case.since("inbound")
        ):
            yield finding
    async for finding in flow_findings(case.examined, case.flows, http):
        yield finding
    if case.inbox is None or not case.inbox.enabled:
        yield case.examined.warning(
            "Chatwoot", "it is not switched on for this instance", _set_again(case)
        )
        return
    chatwoot = make_chatwoot(case.settings, http, case.inbox)
    async for finding in _chatwoot(case, case.inbox, chatwoot, is_private=is_private):
        yield finding


async def _whatsapp(case: Case, http: Http) -> AsyncIterator[Finding]:
    channel, _peer = make_channel(case.settings, http, case.instance)
    try:
        link = await channel.link()
    except BridgeError as error:
        yield case.examined.failed("WhatsApp", error, "Check the token and the number id.")
        return
    name = " ".join(filter(None, (link.display_number, link.profile_name))) or case.instance.number
    if link.state is LinkState.OPEN:
        yield case.examined.ok("WhatsApp", f"the token works; {name} is connected")
    else:
        yield case.examined.failure(
            "WhatsApp", f"{name} is {link.state}: {link.reason or 'no reason was told'}"
        )
    since = case.since("inbound")
    if since is None:
        yield case.examined.warning(
            "from WhatsApp",
            "no message has arrived yet",
            f"Enter {case.base}/webhook/meta at Meta, subscribe to `messages`, and write to it.",
        )
    else:
        yield case.examined.ok("from WhatsApp", f"the last message arrived {since}")


async def _chatwoot(
    case: Case, inbox: InboxConfig, chatwoot: Chatwoot, *, is_private: bool
) -> AsyncIterator[Finding]:
    found = case.examined
    try:
        server = await chatwoot.version()
    except BridgeError as error:
        yield found.failed("Chatwoot", error, f"Is {inbox.url} the address of its dashboard?")
        return
    yield found.ok("Chatwoot", f"{inbox.url} answers, version {server.version}")
    for finding in _version(case, server, is_private=is_private):
        yield finding
    try:
        account = await _account(case, inbox, chatwoot)
    except PeerLocked as error:
        yield found.failed("Chatwoot token", error)
        return
    except BridgeError as error:
        yield found.failed("Chatwoot", error)
        return
    yield account
    try:
        async for finding in _inbox(case, inbox, chatwoot, server):
            yield finding
    except BridgeError as error:
        yield found.failed("inbox", error)


def _version(case: Case, server: Server, *, is_private: bool) -> Iterator[Finding]:
    found, release = case.examined, server.release
    if not server.healthy:
        yield found.warning("Chatwoot", "it says itself that its database or Redis fails")
    if release is None:
        return
    if release < STATUSES:
        yield found.warning(
            "Chatwoot version",
            f"{server.version} shows no statuses; failures are told in private notes",
            "Chatwoot 4.2 or newer shows `read`, failures, and Retry.",
        )
    if release >= GUARDED and is_private:
        yield found.warning(
            "Chatwoot version",
            f"{server.version} delivers no webhooks to private addresses such as {case.base}",
            SAFE_FETCH,
        )


async def _account(case: Case, inbox: InboxConfig, chatwoot: Chatwoot) -> Finding:
    profile = await chatwoot.profile()
    found, who = case.examined, profile.name or "a user"
    account = next((one for one in profile.accounts if one.id == inbox.account_id), None)
    if account is None:
        known = ", ".join(f"{one.id} ({one.name})" for one in profile.accounts) or "none"
        return found.failure(
            "Chatwoot token",
            f"{who} has no access to account {inbox.account_id}, but to: {known}",
            _set_again(case),
        )
    if not account.is_administrator:
        return found.failure(
            "Chatwoot token",
            f"{who} is {account.role} of account {account.id}, not administrator",
            "Give the access token of an administrator with POST /chatwoot/set.",
        )
    return found.ok("Chatwoot token", f"{who} is administrator of account {account.id}")


async def _inbox(
    case: Case, inbox: InboxConfig, chatwoot: Chatwoot, server: Server
) -> AsyncIterator[Finding]:
    found = case.examined
    if inbox.inbox_id is None:
        yield found.failure("inbox", "it is not set up", _set_again(case))
        return
    try:
        there = await chatwoot.inbox(inbox.inbox_id)
    except PeerGone:
        yield found.failure(
            "inbox", f"inbox {inbox.inbox_id} does not exist any more", _set_again(case)
        )
        return
    yield found.ok("inbox", f"{there.name!r} ({there.id}) is there")
    yield _webhook(case, inbox, there)
    yield _signature(case, inbox, there, server)
    yield await _way_back(case, inbox, inbox.inbox_id, chatwoot)


def _webhook(case: Case, inbox: InboxConfig, there: Inbox) -> Finding:
    ours = f"{case.base}/chatwoot/webhook/{quote(case.instance.name, safe='')}/{inbox.hook}"
    if there.webhook_url == ours:
        return case.examined.ok("webhook", f"the inbox delivers to {case.base}")
    target = urlsplit(there.webhook_url or "")
    text = f"it delivers to {target.scheme}://{target.netloc}/…" if target.netloc else "it has none"
    if target.netloc == urlsplit(ours).netloc:
        text = f"{text}, but to another path there"
    return case.examined.failure("webhook", text, _set_again(case))


def _signature(case: Case, inbox: InboxConfig, there: Inbox, server: Server) -> Finding:
    found = case.examined
    if there.secret is None:
        why = "does not sign webhooks" if (server.release or SIGNED) < SIGNED else "tells no secret"
        return found.warning(
            "signature",
            f"Chatwoot {server.version} {why}: only the secret address protects them",
            "Chatwoot 4.13 and newer signs them.",
        )
    if there.secret == inbox.signing_secret:
        return found.ok("signature", "Chatwoot signs its webhooks with the secret that we know")
    return found.warning(
        "signature",
        "the signing secret of the inbox was changed",
        "Nothing is to be done: Ponte reads it again at the next delivery.",
    )


async def _way_back(case: Case, inbox: InboxConfig, inbox_id: int, chatwoot: Chatwoot) -> Finding:
    """Whether Chatwoot reaches us, by its own testimony.

    It marks a message as failed when its webhook was not answered (chatwoot-api.md 3.6), also one
    that came from us; so the newest of ours is a proof that nobody needs to be disturbed for.
    """
    message = await _newest_of_ours(inbox, inbox_id, chatwoot)
    heard = case.since("outbound")
    agent = f"; the last message of an agent arrived {heard}" if heard else ""
    if message is None:
        return case.examined.warning(
            "from Chatwoot",
            f"it cannot be proved that Chatwoot reaches {case.base}{agent}",
            "Answer a conversation of this inbox, then look again.",
        )
    when = ago(case.now / 1000 - (message.created_at or 0))
    if message.status == "failed" and message.external_error:
        refused = "no public ip" in message.external_error
        return case.examined.failure(
            "from Chatwoot",
            f"it could not deliver message {message.id}, {when} ago: {message.external_error}",
            SAFE_FETCH
            if refused
            else f"Its server must reach {case.base}: try {case.base}/healthz from there.",
        )
    return case.examined.ok(
        "from Chatwoot", f"it delivered its last event, {when} ago (message {message.id}){agent}"
    )


async def _newest_of_ours(inbox: InboxConfig, inbox_id: int, chatwoot: Chatwoot) -> Message | None:
    active = await chatwoot.active_conversations(inbox_id, WEEK)
    newest = max(active, key=lambda one: one.last_activity_at or 0, default=None)
    for conversation in (newest.id if newest else None, inbox.bot_conversation_id):
        if conversation is None:
            continue
        try:
            listed = await chatwoot.messages(conversation)
        except PeerGone:
            continue
        ours = [one for one in listed if one.message_type is MessageType.INCOMING]
        if ours:
            return ours[-1]
    return None


def _set_again(case: Case) -> str:
    return f"POST /chatwoot/set/{quote(case.instance.name, safe='')} sets it up (again)."
