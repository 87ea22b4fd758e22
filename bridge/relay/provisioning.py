"""The Chatwoot side of an instance: checked, created or adopted, and undone when it fails.

Each step says precisely what is wrong: unreachable, wrong token, not an administrator, wrong
account, an inbox that belongs to somebody else. Repeating it is harmless: what exists is found by
id, and only the first time by name (evolution-chatwoot.md 2.1, without its defects).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote

import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.faults import ChatwootInvalid
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
from bridge.locale import say
from bridge.relay.directory import Directory

log = structlog.get_logger(__name__)

#: The contact that runs the inbox; Evolution's number, so that existing ones are adopted.
BOT_IDENTIFIER = "ponte"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What came of it. `made_inbox` is the id to delete when the rest of a creation fails."""

    inbox: InboxConfig
    made_inbox: int | None
    notes: tuple[str, ...] = ()


class Provisioning:
    def __init__(
        self, directory: Directory, clock: Clock, *, public_url: str, language: str
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._language = language

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
    ) -> Provisioned:
        """Check, then find, adopt or create the inbox and its bot contact.

        Raises `RequestError`; what this call created in Chatwoot is removed before.
        """
        await self.check(chatwoot, inbox)
        if not inbox.auto_create and inbox.inbox_id is None:
            return Provisioned(inbox=inbox, made_inbox=None, notes=("inbox not created",))
        made: Inbox | None = None
        try:
            found = await self._find(chatwoot, inbox)
            if found is None:
                found = made = await chatwoot.create_inbox(
                    inbox.name_inbox, self.webhook_url(instance, inbox)
                )
                log.info("inbox.created", inbox=found.id)
            else:
                self._refuse_foreign(instance, inbox, found, replace_webhook=replace_webhook)
                found = await self._point_here(chatwoot, instance, inbox, found)
            bound = self._bound(inbox, found, made_by_us=made is not None)
            bound = await self._bot(chatwoot, instance, bound)
        except BridgeError as error:
            if made is not None:
                await self.undo(chatwoot, made.id)
            raise _as_request(error) from error
        return Provisioned(inbox=bound, made_inbox=made.id if made else None)

    async def undo(self, chatwoot: Chatwoot, inbox_id: int) -> None:
        """Delete an inbox that a failed creation made, by id."""
        with suppress(PeerError):
            await chatwoot.delete_inbox(inbox_id)
            log.info("inbox.removed", inbox=inbox_id)

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

    def _refuse_foreign(
        self, instance: InstanceConfig, inbox: InboxConfig, found: Inbox, *, replace_webhook: bool
    ) -> None:
        for entry in self._directory.all():
            other = entry.inbox
            if (
                other is not None
                and entry.id != instance.id
                and other.scope == inbox.scope
                and other.inbox_id == found.id
            ):
                raise Conflict(
                    f"The inbox {found.name!r} ({found.id}) belongs to instance "
                    f"{entry.instance.name!r}. Choose another nameInbox.",
                    code="chatwoot.inbox_taken",
                )
        url = found.webhook_url or ""
        base = self.webhook_base(instance)
        ours = url == base or url.startswith(f"{base}/")
        if url and not ours and not replace_webhook:
            raise Conflict(
                f"The inbox {found.name!r} ({found.id}) delivers to {_shown(url)}. "
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
        )

    async def _bot(
        self, chatwoot: Chatwoot, instance: InstanceConfig, inbox: InboxConfig
    ) -> InboxConfig:
        """The bot contact and its conversation, once each; recreated when somebody deleted them."""
        assert inbox.inbox_id is not None  # noqa: S101  (`_bound` set it)
        name = inbox.organization or "Ponte"
        source_id = f"{BOT_IDENTIFIER}-{inbox.hook[:16]}"
        contact_id = inbox.bot_contact_id
        if contact_id is None or not await _exists(chatwoot.contact(contact_id)):
            contact = await chatwoot.contact_by_source(inbox.inbox_id, source_id)
            if contact is None:
                try:
                    contact, _ = await chatwoot.create_contact(
                        name,
                        inbox.inbox_id,
                        source_id,
                        identifier=f"{BOT_IDENTIFIER}:{instance.id}",
                        avatar_url=inbox.logo,
                    )
                except ChatwootInvalid:  # left over from an inbox that is gone
                    found = await chatwoot.find_contacts((), (f"{BOT_IDENTIFIER}:{instance.id}",))
                    if not found:
                        raise
                    contact = found[0]
                    await chatwoot.bind_contact(contact.id, inbox.inbox_id, source_id)
            contact_id = contact.id
        conversation_id = inbox.bot_conversation_id
        if conversation_id is None or not await _exists(chatwoot.conversation(conversation_id)):
            listed = await chatwoot.conversations(inbox.inbox_id, source_id)
            mine = [one for one in listed if one.contact_id == contact_id]
            if mine:
                conversation_id = mine[0].id
            else:
                made = await chatwoot.create_conversation(inbox.inbox_id, contact_id, source_id)
                conversation_id = made.id
                await chatwoot.create_message(
                    made.id,
                    content=say(self._language, "bot.created", name=instance.name),
                    message_type="incoming",
                    source_id=f"PONTE:created:{instance.id}",
                )
        return replace(inbox, bot_contact_id=contact_id, bot_conversation_id=conversation_id)


async def _exists(look: object) -> bool:
    try:
        await look  # type: ignore[misc]  # an awaitable of any answer
    except PeerGone:
        return False
    return True


def _shown(url: str) -> str:
    """A webhook address without what may be secret in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/…"


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
