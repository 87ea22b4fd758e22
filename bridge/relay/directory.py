"""All instances, as every webhook and request finds them.

Memory holds each instance as it is stored, with its secrets still sealed, and indexes of what is
no secret. The first use of an instance decrypts it and makes its clients, which are kept. So a
start costs one read, and a change of one instance costs that instance (`refresh`), however many
there are.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field

from bridge.chatwoot.client import Chatwoot
from bridge.core.instance import InboxConfig, InstanceConfig
from bridge.errors import NotFound
from bridge.locale import LANGUAGES, language_of
from bridge.relay.roll import Roll
from bridge.store.engine import Store
from bridge.store.queries import instances
from bridge.store.queries.instances import Sealed
from bridge.store.secrets import Vault, hash_key
from bridge.whatsapp.channel import Channel

#: After so many newly opened instances others get their turn.
_AT_A_STRETCH = 20


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
    #: The language of texts where neither the inbox nor its Chatwoot account says one.
    fallback_language: str = LANGUAGES[0]

    @property
    def language(self) -> str:
        """In which language people read our texts: as the inbox says, else its account's."""
        return _language(self.inbox) or self.fallback_language

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def scope(self) -> str:
        """Whose people they are: the Chatwoot account's, else the instance's own.

        An account counts once an inbox was set up there: anybody may name one, with any token.
        """
        inbox = self.inbox
        if inbox is None or inbox.inbox_id is None:
            return own_scope(self.id)
        return inbox.scope

    @property
    def side(self) -> Side | None:
        """Where its messages go; None while Chatwoot is off or not provisioned."""
        inbox = self.inbox
        if inbox is None or not inbox.enabled or inbox.inbox_id is None or self.chatwoot is None:
            return None
        return Side(chatwoot=self.chatwoot, inbox=inbox, inbox_id=inbox.inbox_id)

    @property
    def channel_account(self) -> str:
        return channel_account(self.id)

    @property
    def chatwoot_peer(self) -> str:
        return chatwoot_peer(self.inbox.url) if self.inbox else "chatwoot"

    @property
    def chatwoot_account(self) -> str:
        return chatwoot_account(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An instance whose messages go to Chatwoot, without its secrets: what a job needs of it."""

    id: str
    channel_account: str
    chatwoot_peer: str
    chatwoot_account: str


def own_scope(instance_id: str) -> str:
    """Whose people they are while there is no Chatwoot account."""
    return f"instance:{instance_id}"


def channel_account(instance_id: str) -> str:
    return f"whatsapp:{instance_id}"


def chatwoot_account(instance_id: str) -> str:
    return f"chatwoot:{instance_id}"


def chatwoot_peer(url: str) -> str:
    return f"chatwoot {url}"


def channel_identity(instance: InstanceConfig) -> Hashable:
    """Of what a channel is made: while this stays equal, a changed instance keeps its channel."""
    return (
        instance.id,
        instance.integration,
        instance.number,
        instance.token,
        instance.options.proxy,
    )


class Directory:
    """Read by every webhook; written by `refresh`, and by `reload` at start.

    An entry is a value: readers hold the old one or the new one, never half of each. Instances
    that are not ready (being created, or deleted) are found by id, name, number and webhook, but
    not by key, and no list shows them.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        *,
        make_channel: Callable[[InstanceConfig], tuple[Channel, str]],
        make_chatwoot: Callable[[InboxConfig], Chatwoot],
        identity: Callable[[InstanceConfig], Hashable] = channel_identity,
        language: str = LANGUAGES[0],
    ) -> None:
        """`make_channel` gives a number's channel and the name of the server that it calls.

        `language`: see `Entry.fallback_language`.
        """
        self._language = language
        self._store = store
        self._vault = vault
        self._make_channel = make_channel
        self._make_chatwoot = make_chatwoot
        self._identity = identity
        self._roll = Roll()
        #: Each with the row that it was made of. One of an older row may lend its clients.
        self._entries: dict[str, tuple[Sealed, Entry]] = {}
        #: Hashes of Meta's verify tokens, by the sealed ones; those that were asked for.
        self._verify_tokens: dict[str, str] = {}
        self._reading = asyncio.Lock()
        self._stale: set[str] = set()

    async def reload(self) -> None:
        """Take over everything that the database says.

        Raises `SetupError` when the storage keys are not those of the database.
        """
        async with self._reading:
            found = await self._store.read(instances.sealed)
            if found:
                found[0].open(self._vault)  # the wrong key is noticed at start, not at first use
            roll = Roll()
            for row in found:
                roll.put(row)
            known = self._entries
            self._entries = {one: known[one] for one in known.keys() & roll.by_id.keys()}
            self._roll = roll

    async def refresh(self, instance_id: str) -> None:
        """Take over what the database says of one instance, also that it is gone.

        When it returns, everything that was committed before the call is seen. Refreshes that
        come together share a read.
        """
        self._stale.add(instance_id)
        async with self._reading:
            if instance_id not in self._stale:
                return  # a read that began after we came has brought it
            ids, self._stale = self._stale, set()
            try:
                found = await self._store.read(
                    lambda db: [(one, instances.sealed_one(db, one)) for one in ids]
                )
            except BaseException:
                self._stale |= ids
                raise
            for one, row in found:
                self._replace(one, row)

    def __len__(self) -> int:
        """How many instances there are, those that are not ready included."""
        return len(self._roll)

    def names(self) -> Sequence[str]:
        """The names of all instances that are ready, in order."""
        return self._roll.names()

    def ids(self, integrations: Collection[str] | None = None) -> list[str]:
        """All instances that are ready, or those of some integrations; nothing is decrypted."""
        return [
            row.id
            for row in self._roll.rows()
            if row.ready and (integrations is None or row.integration in integrations)
        ]

    async def page(self, *, offset: int = 0, limit: int | None = None) -> list[Entry]:
        """Instances that are ready, by name; `limit` None: all from `offset` on.

        What was never used is opened for it, a few at a stretch, so that others are not kept
        waiting. An instance that is deleted meanwhile is left out.
        """
        names = self.names()[offset : None if limit is None else offset + limit]
        found: list[Entry] = []
        opened = 0
        for name in names:
            row = self._roll.by_name.get(name)
            if row is None:
                continue
            if row.id not in self._entries:
                opened += 1
                if opened % _AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
            entry = self.by_name(name)
            if entry is not None and entry.instance.ready:
                found.append(entry)
        return found

    def served(self) -> list[Served]:
        """All instances whose messages go to Chatwoot; nothing is decrypted."""
        return [
            Served(
                id=row.id,
                channel_account=channel_account(row.id),
                chatwoot_peer=chatwoot_peer(row.url),
                chatwoot_account=chatwoot_account(row.id),
            )
            for row in self._roll.rows()
            if row.url is not None and row.enabled and row.inbox_id is not None
        ]

    def chatwoot(self, inbox: InboxConfig) -> Chatwoot:
        """A client for an inbox that is not stored yet."""
        return self._make_chatwoot(inbox)

    def language(self, inbox: InboxConfig) -> str:
        """The language of an inbox that is not stored yet; see `Entry.language`."""
        return _language(inbox) or self._language

    def channel(self, instance: InstanceConfig) -> Channel:
        """A channel for credentials that are not stored yet."""
        return self._make_channel(instance)[0]

    def by_id(self, instance_id: str | None) -> Entry | None:
        return self._opened(self._roll.by_id.get(instance_id)) if instance_id else None

    def still(self, entry: Entry) -> Entry:
        """The instance as it is now. Raises `NotFound`, also when another one has its name."""
        now = self.by_id(entry.id)
        if now is None:
            raise gone(entry.instance.name)
        return now

    def by_name(self, name: str) -> Entry | None:
        return self._opened(self._roll.by_name.get(name))

    def by_number(self, number: str | None) -> Entry | None:
        """The instance of a number by Meta's id; phones have no such id."""
        return self._opened(self._roll.by_number.get(number)) if number else None

    def by_inbox(self, scope: str, inbox_id: int) -> Entry | None:
        """The instance that is bound to an inbox of a Chatwoot account."""
        return self._opened(self._roll.by_inbox.get((scope, inbox_id)))

    def has_account_alone(self, entry: Entry) -> bool:
        """Whether no other instance has an inbox in its Chatwoot account."""
        if entry.inbox is None:
            return True
        where = (entry.inbox.url, entry.inbox.account_id)
        return not any(
            row.id != entry.id and row.inbox_id is not None and (row.url, row.account_id) == where
            for row in self._roll.rows()
        )

    def of_chatwoot(self, url: str) -> list[Entry]:
        """All instances whose messages go to the Chatwoot at this address."""
        rows = [row for row in self._roll.rows() if row.url == url and row.inbox_id is not None]
        found = [self._opened(row) for row in rows]
        return [entry for entry in found if entry is not None]

    def by_key(self, key: str) -> Entry | None:
        """The instance that an API key opens: the present one, or the one before its rotation.

        Keys are stored hashed. An instance that is not ready has none.
        """
        row = self._roll.by_key(hash_key(key))
        return self._opened(row) if row is not None and row.ready else None

    def by_hook(self, name: str, secret: str) -> Entry | None:
        """The instance whose Chatwoot webhook this is: name and secret part both fit."""
        entry = self.by_name(name)
        if entry is None or entry.inbox is None:
            return None
        fits = hmac.compare_digest(entry.inbox.hook.encode(), secret.encode("utf-8", "replace"))
        return entry if fits else None

    def concerned(self, numbers: Collection[str], businesses: Collection[str]) -> list[Entry]:
        """The instances with one of Meta's ids of numbers or business accounts."""
        rows = {row.id: row for number in numbers if (row := self._roll.by_number.get(number))}
        for business in businesses:
            rows |= {row.id: row for row in self._roll.by_business(business)}
        found = [self._opened(row) for row in rows.values()]
        return [entry for entry in found if entry is not None]

    async def has_verify_token(self, token: str) -> bool:
        """Whether an instance brought this verify token of Meta's along.

        Each is decrypted once, in a thread, and then known by its hash.
        """
        stored = {row.sealed_verify_token for row in self._roll.rows()} - {None}
        unknown = stored - self._verify_tokens.keys()
        if unknown:
            self._verify_tokens |= await asyncio.to_thread(self._hashes, unknown)
        self._verify_tokens = {
            sealed: known for sealed, known in self._verify_tokens.items() if sealed in stored
        }
        return hash_key(token) in self._verify_tokens.values()

    def _hashes(self, sealed: Collection[str | None]) -> dict[str, str]:
        return {one: hash_key(self._vault.open(one)) for one in sealed if one is not None}

    def _replace(self, instance_id: str, row: Sealed | None) -> None:
        if row is None:
            self._roll.drop(instance_id)
            self._entries.pop(instance_id, None)
        elif row != self._roll.by_id.get(instance_id):
            self._roll.put(row)

    def _opened(self, row: Sealed | None) -> Entry | None:
        if row is None:
            return None
        made_of, entry = self._entries.get(row.id, (None, None))
        if entry is None or made_of is not row:  # units look as well, in the database's thread
            both = row.open(self._vault)
            entry = self._entry(both.instance, both.inbox, entry)
            self._entries[row.id] = row, entry
        return entry

    def _entry(
        self, instance: InstanceConfig, inbox: InboxConfig | None, before: Entry | None
    ) -> Entry:
        if before is not None and (before.instance, before.inbox) == (instance, inbox):
            return before
        if before is not None and self._identity(before.instance) == self._identity(instance):
            channel, peer = before.channel, before.channel_peer
        else:
            channel, peer = self._make_channel(instance)
        chatwoot = before.chatwoot if before is not None and before.inbox == inbox else None
        if chatwoot is None and inbox is not None:
            chatwoot = self._make_chatwoot(inbox)
        return Entry(
            instance=instance,
            inbox=inbox,
            channel=channel,
            chatwoot=chatwoot,
            channel_peer=peer,
            fallback_language=self._language,
        )


def _language(inbox: InboxConfig | None) -> str | None:
    """The language that was chosen for an inbox, else that of its Chatwoot account, if ours."""
    if inbox is None:
        return None
    return language_of(inbox.options.get("language")) or language_of(inbox.told.get("locale"))


def gone(name: str) -> NotFound:
    return NotFound(f'The "{name}" instance does not exist', code="instance.unknown")
