"""The Chatwoot side of an instance: checked, created or adopted, and undone when it fails.

Each step says precisely what is wrong: unreachable, wrong token, not an administrator, wrong
account, an inbox that belongs to somebody else. Repeating it is harmless: what exists is found by
id, and only the first time by name (evolution-chatwoot.md 2.1, without its defects).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Inbox
from bridge.clock import Clock
from bridge.core.instance import InboxConfig, InstanceConfig
from bridge.errors import (
    BridgeError,
    Conflict,
    ForbiddenAddress,
    Invalid,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerTimeout,
    RequestError,
)
from bridge.relay import bot_contact
from bridge.relay.directory import Directory

log = structlog.get_logger(__name__)

#: How a removed inbox is called until Chatwoot has really deleted it, some time later (1.2).
_REMOVED = " - removed"
_LONGEST_NAME = 255


def turn_of_inbox(inbox: InboxConfig, name: str | None) -> str:
    """Two must not adopt the inbox of one name at once, nor one while it is being removed."""
    return f"inbox {inbox.scope} {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What came of it. `made_inbox` is the id to delete when the rest of a creation fails."""

    inbox: InboxConfig
    made_inbox: int | None


class Provisioning:
    def __init__(self, directory: Directory, clock: Clock, *, public_url: str) -> None:
        self._directory = directory
        self._clock = clock
        self._public_url = public_url.rstrip("/")

    def webhook_url(self, instance: InstanceConfig, inbox: InboxConfig) -> str:
        """Where Chatwoot delivers: the secret part is what makes it ours alone."""
        return f"{self.webhook_base(instance)}/{inbox.hook}"

    def webhook_base(self, instance: InstanceConfig) -> str:
        """The address as Evolution shows it, without the secret part."""
        return f"{self._public_url}/chatwoot/webhook/{quote(instance.name, safe='')}"

    async def check(self, chatwoot: Chatwoot, inbox: InboxConfig) -> None:
        """Probe token, role and account. Raises `Invalid` that says which and why."""
        try:
            profile = await chatwoot.profile()
        except (PeerDown, PeerTimeout, ForbiddenAddress) as error:
            raise Invalid(
                f"Chatwoot cannot be reached at {inbox.url}: {error}", code="chatwoot.unreachable"
            ) from error
        except PeerLocked as error:
            raise _locked(error) from error
        except PeerError as error:
            raise Invalid(
                f"There is no Chatwoot at {inbox.url}: {error}", code="chatwoot.not_chatwoot"
            ) from error
        account = next((one for one in profile.accounts if one.id == inbox.account_id), None)
        if account is None:
            known = ", ".join(f"{one.id} ({one.name})" for one in profile.accounts) or "none"
            raise Invalid(
                f"The Chatwoot token has no access to account {inbox.account_id}. "
                f"Its accounts: {known}.",
                code="chatwoot.wrong_account",
            )
        if not account.is_administrator:
            raise Invalid(
                f"The Chatwoot token belongs to {profile.name or 'a user'}, who is {account.role} "
                f"of account {account.id}; an administrator's token is needed.",
                code="chatwoot.not_administrator",
            )

    async def provision(
        self,
        instance: InstanceConfig,
        inbox: InboxConfig,
        chatwoot: Chatwoot,
        *,
        replace_webhook: bool = False,
        adopting: Callable[[Inbox], Awaitable[None]] | None = None,
    ) -> Provisioned:
        """Find, adopt or create the inbox and its bot contact, in the turn of the inbox's name.

        `adopting` is told of an inbox that was there before us, before it is changed. Raises
        `RequestError`; what this call did in Chatwoot is undone before, as far as that is possible.
        """
        made: Inbox | None = None
        adopted: Inbox | None = None
        try:
            found = await self._find(chatwoot, inbox)
            if found is None:
                found = made = await chatwoot.create_inbox(
                    inbox.name_inbox,
                    self.webhook_url(instance, inbox),
                    channel=self._reply_window(instance),
                )
                log.info("inbox.created", inbox=found.id)
            else:
                self._refuse_foreign(instance, inbox, found, replace_webhook=replace_webhook)
                if found.id != inbox.inbox_id:
                    if adopting is not None:
                        await adopting(found)
                    adopted = found
                found = await self._point_here(chatwoot, instance, inbox, found)
            bound = self._bound(inbox, found, made_by_us=made is not None)
            bound = await self.told(chatwoot, bound, found)
            bound = await self._bot(chatwoot, instance, bound)
        except BridgeError as error:
            if made is not None:
                await self.undo(chatwoot, made.id)
            elif adopted is not None:
                with suppress(PeerError):
                    await self.point_back(chatwoot, adopted.id, adopted.webhook_url)
            raise _as_request(error) from error
        return Provisioned(inbox=bound, made_inbox=made.id if made else None)

    async def undo(self, chatwoot: Chatwoot, inbox_id: int) -> None:
        """Delete an inbox that a failed creation made, by id, if Chatwoot lets us."""
        with suppress(PeerError):
            await self.remove(chatwoot, await chatwoot.inbox(inbox_id))

    async def remove(self, chatwoot: Chatwoot, found: Inbox) -> None:
        """Delete an inbox of ours. Raises `PeerError`; one that is gone already is fine.

        It loses its name first: Chatwoot deletes later (1.2), and nobody may adopt what is going.
        """
        name = f"{(found.name or '')[: _LONGEST_NAME - len(_REMOVED)]}{_REMOVED}"
        with suppress(PeerGone):
            await chatwoot.update_inbox(found.id, name=name)
            await chatwoot.delete_inbox(found.id)
        log.info("inbox.removed", inbox=found.id)

    async def point_back(self, chatwoot: Chatwoot, inbox_id: int, url: str | None) -> None:
        """Let an inbox deliver to where it did before us. Raises `PeerError`."""
        await chatwoot.update_inbox(inbox_id, channel={"webhook_url": url or ""})
        log.info("inbox.given_back", inbox=inbox_id)

    async def remove_bot(self, chatwoot: Chatwoot, instance_id: str) -> None:
        """Delete the contact that runs the inbox of an instance, unless it is a customer's as well.

        Raises `PeerError`.
        """
        for found in await bot_contact.find(chatwoot, instance_id):
            with suppress(PeerGone):
                contact = await chatwoot.contact(found.id)
                if bot_contact.is_alone(contact, instance_id):
                    await chatwoot.delete_contact(contact.id)

    async def _find(self, chatwoot: Chatwoot, inbox: InboxConfig) -> Inbox | None:
        """The stored inbox, else an API inbox of exactly this name."""
        if inbox.inbox_id is not None:
            try:
                return await chatwoot.inbox(inbox.inbox_id)
            except PeerGone:
                log.warning("inbox.gone", inbox=inbox.inbox_id)
        named = [one for one in await chatwoot.inboxes() if one.name == inbox.name_inbox]
        fitting = [one for one in named if one.is_api]
        if named and not fitting:
            raise Conflict(
                f"Chatwoot has an inbox named {inbox.name_inbox!r}, but it is no API inbox. "
                "Choose another nameInbox.",
                code="chatwoot.inbox_type",
            )
        return fitting[0] if fitting else None

    def _reply_window(self, instance: InstanceConfig) -> dict[str, Any]:
        """Where the channel has a window, Chatwoot's composer warns as well (4.5)."""
        entry = self._directory.by_id(instance.id)
        hours = entry.channel.capabilities.window_hours if entry is not None else None
        if hours is None:
            return {}
        return {"additional_attributes": {"agent_reply_time_window": str(hours)}}

    def _refuse_foreign(
        self, instance: InstanceConfig, inbox: InboxConfig, found: Inbox, *, replace_webhook: bool
    ) -> None:
        other = self._directory.by_inbox(inbox.scope, found.id)
        if other is not None and other.id != instance.id:
            raise Conflict(
                f"The inbox {found.name!r} ({found.id}) belongs to instance "
                f"{other.instance.name!r}. Choose another nameInbox.",
                code="chatwoot.inbox_taken",
            )
        url = found.webhook_url or ""
        base = self.webhook_base(instance)
        ours = url == base or url.startswith(f"{base}/")
        if url and not ours and not replace_webhook:
            raise Conflict(
                f"The inbox {found.name!r} ({found.id}) delivers to {shown(url)}. "
                'Send "replaceWebhook": true to take it over, or choose another nameInbox.',
                code="chatwoot.webhook_taken",
            )

    async def _point_here(
        self, chatwoot: Chatwoot, instance: InstanceConfig, inbox: InboxConfig, found: Inbox
    ) -> Inbox:
        url = self.webhook_url(instance, inbox)
        if found.webhook_url == url:
            return found
        log.info("inbox.webhook_set", inbox=found.id)
        return await chatwoot.update_inbox(found.id, channel={"webhook_url": url})

    def _bound(self, inbox: InboxConfig, found: Inbox, *, made_by_us: bool) -> InboxConfig:
        moved = inbox.inbox_id != found.id
        return replace(
            inbox,
            inbox_id=found.id,
            inbox_identifier=found.inbox_identifier,
            signing_secret=found.secret,
            lock_to_single=found.lock_to_single_conversation,
            made_by_us=made_by_us or (inbox.made_by_us and not moved),
            bot_contact_id=None if moved else inbox.bot_contact_id,
            bot_conversation_id=None if moved else inbox.bot_conversation_id,
            provisioned_at=self._clock.ms() if moved else inbox.provisioned_at,
            agent_bot_attached=inbox.agent_bot_attached and not moved,
        )

    async def told(self, chatwoot: Chatwoot, inbox: InboxConfig, found: Inbox) -> InboxConfig:
        """With what Chatwoot tells of inbox and account; who cannot be asked fails nothing."""
        told = {
            **inbox.told,
            "name": found.name,
            "timezone": found.timezone,
            "working_hours_enabled": found.working_hours_enabled,
            "working_hours": list(found.working_hours),
            "enable_auto_assignment": found.enable_auto_assignment,
        }
        try:
            told["locale"] = (await chatwoot.account()).locale
        except PeerError as error:
            log.info("account.not_read", cause=error.cause)
        return replace(inbox, told=told)

    async def _bot(
        self, chatwoot: Chatwoot, instance: InstanceConfig, inbox: InboxConfig
    ) -> InboxConfig:
        """The bot contact and its conversation, once each; recreated when somebody deleted them."""
        language = self._directory.language(inbox)
        return await bot_contact.see_to(chatwoot, instance, inbox, language=language)


def shown(url: str) -> str:
    """A webhook address without what may be secret in it: passwords, paths and queries are."""
    try:
        told = urlsplit(url)
        host, port = told.hostname or "", told.port
    except ValueError:
        return "…"
    return f"{told.scheme}://{host[:_LONGEST_NAME]}{'' if port is None else f':{port}'}/…"


def _locked(error: PeerLocked) -> RequestError:
    if error.cause != "chatwoot.unauthorized":  # a redirect, a firewall, our own guard
        return Invalid(f"Chatwoot cannot be used: {error}", code=error.cause)
    return Invalid(f"Chatwoot rejected the token: {error}", code="chatwoot.token")


def _as_request(error: BridgeError) -> RequestError:
    """What went wrong in Chatwoot, told to whoever asked for the instance."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, PeerLocked):
        return _locked(error)
    return Invalid(f"Setting up the Chatwoot inbox failed: {error}", code=error.cause)
