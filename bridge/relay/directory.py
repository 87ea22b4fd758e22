"""All instances in memory, with their clients; replaced as a whole after each change."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.chatwoot.client import Chatwoot
from bridge.core.instance import InboxConfig, InstanceConfig
from bridge.store.engine import Store
from bridge.store.queries import instances
from bridge.store.secrets import Vault, hash_key
from bridge.whatsapp.channel import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The Chatwoot side of an instance that is switched on and provisioned."""

    chatwoot: Chatwoot = field(repr=False)
    inbox: InboxConfig
    inbox_id: int

    @property
    def scope(self) -> str:
        return self.inbox.scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One instance, ready for use. Peers and accounts are what breakers and pauses are about."""

    instance: InstanceConfig
    inbox: InboxConfig | None
    channel: Channel
    chatwoot: Chatwoot | None = field(repr=False)
    channel_peer: str

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def scope(self) -> str:
        """Whose people they are: the Chatwoot account's, else the instance's own."""
        return self.inbox.scope if self.inbox else f"instance:{self.instance.id}"

    @property
    def side(self) -> Side | None:
        """Where its messages go; None while Chatwoot is off or not provisioned."""
        inbox = self.inbox
        if inbox is None or not inbox.enabled or inbox.inbox_id is None or self.chatwoot is None:
            return None
        return Side(chatwoot=self.chatwoot, inbox=inbox, inbox_id=inbox.inbox_id)

    @property
    def channel_account(self) -> str:
        return f"whatsapp:{self.instance.id}"

    @property
    def chatwoot_peer(self) -> str:
        return f"chatwoot {self.inbox.url}" if self.inbox else "chatwoot"

    @property
    def chatwoot_account(self) -> str:
        return f"chatwoot:{self.instance.id}"


class Directory:
    """Read by every webhook; written by `reload` only."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        *,
        make_channel: Callable[[InstanceConfig], tuple[Channel, str]],
        make_chatwoot: Callable[[InboxConfig], Chatwoot],
    ) -> None:
        """`make_channel` gives a number's channel and the name of the server that it calls."""
        self._store = store
        self._vault = vault
        self._make_channel = make_channel
        self._make_chatwoot = make_chatwoot
        self._by_id: dict[str, Entry] = {}
        self._by_name: dict[str, Entry] = {}
        self._by_number: dict[str, Entry] = {}
        self._by_key: dict[str, Entry] = {}

    async def reload(self) -> None:
        """Take over what the database says; entries that did not change keep their clients."""
        found = await self._store.read(lambda db: instances.everything(db, self._vault))
        entries = [self._entry(one.instance, one.inbox) for one in found]
        self._by_id = {entry.id: entry for entry in entries}
        self._by_name = {entry.instance.name: entry for entry in entries}
        self._by_number = {
            entry.instance.number: entry for entry in entries if entry.instance.number
        }
        self._by_key = {entry.instance.key_hash: entry for entry in entries}

    def chatwoot(self, inbox: InboxConfig) -> Chatwoot:
        """A client for an inbox that is not stored yet."""
        return self._make_chatwoot(inbox)

    def channel(self, instance: InstanceConfig) -> Channel:
        """A channel for credentials that are not stored yet."""
        return self._make_channel(instance)[0]

    def all(self) -> list[Entry]:
        return list(self._by_name.values())

    def by_id(self, instance_id: str | None) -> Entry | None:
        return self._by_id.get(instance_id) if instance_id else None

    def by_name(self, name: str) -> Entry | None:
        return self._by_name.get(name)

    def by_number(self, number: str | None) -> Entry | None:
        return self._by_number.get(number) if number else None

    def by_key(self, key: str) -> Entry | None:
        """The instance that an API key opens (keys are stored hashed)."""
        return self._by_key.get(hash_key(key))

    def by_hook(self, name: str, secret: str) -> Entry | None:
        """The instance whose Chatwoot webhook this is: name and secret part both fit."""
        entry = self._by_name.get(name)
        if entry is None or entry.inbox is None:
            return None
        fits = hmac.compare_digest(entry.inbox.hook.encode(), secret.encode("utf-8", "replace"))
        return entry if fits else None

    def verify_tokens(self) -> list[str]:
        return [e.instance.verify_token for e in self._by_id.values() if e.instance.verify_token]

    def _entry(self, instance: InstanceConfig, inbox: InboxConfig | None) -> Entry:
        before = self._by_id.get(instance.id)
        if before is not None and before.instance == instance and before.inbox == inbox:
            return before
        channel, peer = self._make_channel(instance)
        return Entry(
            instance=instance,
            inbox=inbox,
            channel=channel,
            chatwoot=self._make_chatwoot(inbox) if inbox else None,
            channel_peer=peer,
        )
