"""Instances and their Chatwoot inboxes: read as frozen values, written from them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from bridge.core.instance import (
    BUSINESS,
    Behaviour,
    Dialect,
    InboxConfig,
    InstanceConfig,
    InstanceOptions,
)
from bridge.store.secrets import Vault
from bridge.store.session import session
from bridge.store.tables import ChatwootInbox, Instance

_OPTIONS = TypeAdapter(InstanceOptions)


class Taken(Exception):
    """Another instance has this. `what` is ``name``, ``key`` or ``number``."""

    def __init__(self, what: Literal["name", "key", "number"]) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Both:
    instance: InstanceConfig
    inbox: InboxConfig | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An instance as it is stored: what is no secret can be read, the rest is still sealed."""

    id: str
    name: str
    integration: str
    #: Meta's id of the number; None for one that a phone connects.
    number: str | None
    business_id: str | None
    key_hash: str
    old_key_hash: str | None
    ready: bool
    sealed_verify_token: str | None = field(repr=False)
    #: The Chatwoot side: where it is, whether it is switched on, the inbox once it is known.
    url: str | None
    account_id: int | None
    enabled: bool
    inbox_id: int | None
    _instance: sqlite3.Row = field(repr=False)
    _inbox: sqlite3.Row | None = field(repr=False)

    def open(self, vault: Vault) -> Both:
        """Decrypt it. Raises `SetupError` when no key fits."""
        inbox = None if self._inbox is None else _inbox(self._inbox, vault)
        return Both(_instance(self._instance, vault), inbox)


def sealed(db: sqlite3.Connection) -> list[Sealed]:
    """All instances with their inboxes, by name; nothing is decrypted."""
    inboxes = {row["instance_id"]: row for row in _rows(db, "SELECT * FROM chatwoot_inbox")}
    rows = _rows(db, "SELECT * FROM instance ORDER BY name")
    return [_sealed(row, inboxes.get(row["id"])) for row in rows]


def sealed_one(db: sqlite3.Connection, instance_id: str) -> Sealed | None:
    found = _rows(db, "SELECT * FROM instance WHERE id=?", instance_id).fetchone()
    if found is None:
        return None
    inbox = _rows(db, "SELECT * FROM chatwoot_inbox WHERE instance_id=?", instance_id).fetchone()
    return _sealed(found, inbox)


def everything(db: sqlite3.Connection, vault: Vault) -> list[Both]:
    """All instances with their inboxes, by name, decrypted."""
    return [one.open(vault) for one in sealed(db)]


def unready(db: sqlite3.Connection) -> list[str]:
    """Instances whose creation never came to its end."""
    return [row[0] for row in db.execute("SELECT id FROM instance WHERE NOT ready ORDER BY id")]


def key_known(db: sqlite3.Connection, key_hash: str) -> bool:
    """Whether a key opens an instance, or did so before its rotation."""
    found = db.execute(
        "SELECT 1 FROM instance WHERE key_hash=:key OR old_key_hash=:key LIMIT 1",
        {"key": key_hash},
    ).fetchone()
    return found is not None


def save(db: sqlite3.Connection, vault: Vault, instance: InstanceConfig) -> None:
    """Insert or replace. Raises `Taken` when another instance has the name, key or number.

    A key that another instance had before its rotation is taken too: it still opens that one. The
    keys of an instance that is there, whether it is ready, and whether its bots pause are left
    alone: `queries.keys`, `queries.claims` and `pause_bots` change them, and whoever saves what it
    read earlier must not take that back.
    """
    if db.execute(
        "SELECT 1 FROM instance WHERE old_key_hash=? AND id<>?", (instance.key_hash, instance.id)
    ).fetchone():
        raise Taken("key")
    with session(db) as s:
        row = s.get(Instance, instance.id) or Instance(
            id=instance.id,
            name="",
            integration="",
            key_hash=instance.key_hash,
            old_key_hash=instance.old_key_hash,
            ready=instance.ready,
            sealed_options="",
            created_at=0,
            updated_at=0,
        )
        row.name = instance.name
        row.integration = instance.integration
        by_number = instance.integration == BUSINESS
        row.number = instance.number if by_number else None
        row.phone = None if by_number else instance.number
        row.business_id = instance.business_id
        row.sealed_token = _seal(vault, instance.token)
        row.sealed_app_secret = _seal(vault, instance.app_secret)
        row.sealed_verify_token = _seal(vault, instance.verify_token)
        row.dialect = instance.dialect
        row.sealed_options = vault.seal(_OPTIONS.dump_json(instance.options).decode())
        row.created_at = instance.created_at
        row.updated_at = instance.updated_at
        s.add(row)
        try:
            s.flush()
        except IntegrityError as error:
            raise Taken(_what(error)) from error


def save_inbox(db: sqlite3.Connection, vault: Vault, inbox: InboxConfig) -> None:
    """Insert or replace the Chatwoot side of an instance."""
    with session(db) as s:
        row = s.get(ChatwootInbox, inbox.instance_id) or ChatwootInbox(
            instance_id=inbox.instance_id,
            url="",
            account_id=0,
            sealed_token="",
            name_inbox="",
            sealed_hook="",
            updated_at=0,
        )
        row.enabled = inbox.enabled
        row.url = inbox.url
        row.account_id = inbox.account_id
        row.sealed_token = vault.seal(inbox.token)
        row.sign_msg = inbox.sign_msg
        row.sign_delimiter = inbox.sign_delimiter
        row.reopen_conversation = inbox.reopen_conversation
        row.conversation_pending = inbox.conversation_pending
        row.merge_brazil_contacts = inbox.merge_brazil_contacts
        row.name_inbox = inbox.name_inbox
        row.organization = inbox.organization
        row.logo = inbox.logo
        row.auto_create = inbox.auto_create
        row.options = orjson.dumps(inbox.options).decode()
        row.sealed_hook = vault.seal(inbox.hook)
        row.inbox_id = inbox.inbox_id
        row.inbox_identifier = inbox.inbox_identifier
        row.sealed_signing_secret = _seal(vault, inbox.signing_secret)
        row.made_by_us = inbox.made_by_us
        row.lock_to_single = inbox.lock_to_single
        row.bot_contact_id = inbox.bot_contact_id
        row.bot_conversation_id = inbox.bot_conversation_id
        row.provisioned_at = inbox.provisioned_at
        row.told = orjson.dumps(inbox.told).decode()
        row.agent_bot_id = inbox.agent_bot_id
        row.agent_bot_attached = inbox.agent_bot_attached
        row.updated_at = inbox.updated_at
        s.add(row)
        s.flush()


def delete(db: sqlite3.Connection, instance_id: str) -> bool:
    """Delete an instance with its inbox and flows; `engine.erasure` deletes what it leaves."""
    cursor = db.execute("DELETE FROM instance WHERE id=?", (instance_id,))
    return cursor.rowcount == 1


def pause_bots(db: sqlite3.Connection, instance_id: str, until: int | None) -> None:
    """Silence the flows of an instance until a moment (ms; 0: until resumed; None: resume)."""
    db.execute("UPDATE instance SET bots_paused_until=? WHERE id=?", (until, instance_id))


def delete_inbox(db: sqlite3.Connection, instance_id: str) -> None:
    db.execute("DELETE FROM chatwoot_inbox WHERE instance_id=?", (instance_id,))


def reseal(db: sqlite3.Connection, vault: Vault) -> int:
    """Seal every stored secret anew with the first key (rotation); returns how many."""
    count = 0
    with session(db) as s:
        for row in (*s.exec(select(Instance)), *s.exec(select(ChatwootInbox))):
            for column in type(row).model_fields:
                sealed = getattr(row, column)
                if column.startswith("sealed_") and sealed:
                    setattr(row, column, vault.rotate(sealed))
                    count += 1
            s.add(row)
        s.flush()
    return count


def _seal(vault: Vault, secret: str | None) -> str | None:
    return None if secret is None else vault.seal(secret)


def _open(vault: Vault, sealed: str | None) -> str | None:
    return None if sealed is None else vault.open(sealed)


def _what(error: IntegrityError) -> Literal["name", "key", "number"]:
    """Which column SQLite complains of: ``UNIQUE constraint failed: instance.name``."""
    column = str(error.orig).rpartition("instance.")[2]
    match column:
        case "name":
            return "name"
        case "number":
            return "number"
        case _:
            return "key"


def _rows(db: sqlite3.Connection, statement: str, *arguments: str) -> sqlite3.Cursor:
    """Rows with names, whatever the connection makes of its rows."""
    cursor = db.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(statement, arguments)


def _sealed(row: sqlite3.Row, inbox: sqlite3.Row | None) -> Sealed:
    return Sealed(
        id=row["id"],
        name=row["name"],
        integration=row["integration"],
        number=row["number"],
        business_id=row["business_id"],
        key_hash=row["key_hash"],
        old_key_hash=row["old_key_hash"],
        ready=bool(row["ready"]),
        sealed_verify_token=row["sealed_verify_token"],
        url=inbox["url"] if inbox else None,
        account_id=inbox["account_id"] if inbox else None,
        enabled=bool(inbox["enabled"]) if inbox else False,
        inbox_id=inbox["inbox_id"] if inbox else None,
        _instance=row,
        _inbox=inbox,
    )


def _instance(row: sqlite3.Row, vault: Vault) -> InstanceConfig:
    return InstanceConfig(
        id=row["id"],
        name=row["name"],
        integration=row["integration"],
        key_hash=row["key_hash"],
        old_key_hash=row["old_key_hash"],
        number=row["number"] or row["phone"],
        business_id=row["business_id"],
        token=_open(vault, row["sealed_token"]),
        app_secret=_open(vault, row["sealed_app_secret"]),
        verify_token=_open(vault, row["sealed_verify_token"]),
        dialect=Dialect(row["dialect"]),
        ready=bool(row["ready"]),
        bots_paused_until=row["bots_paused_until"],
        options=_options(orjson.loads(vault.open(row["sealed_options"]))),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _options(document: dict[str, Any]) -> InstanceOptions:
    if "settings" in document:  # as written before 0002
        return _options_of_0001(document)
    return _OPTIONS.validate_python(document)


def _options_of_0001(document: dict[str, Any]) -> InstanceOptions:
    """Evolution v2's own names, and transports that nobody had looked at."""
    settings = document.get("settings") or {}
    behaviour = Behaviour(
        **{
            name: settings[spelled]
            for name, spelled in (
                ("reject_call", "rejectCall"),
                ("msg_call", "msgCall"),
                ("groups_ignore", "groupsIgnore"),
                ("always_online", "alwaysOnline"),
                ("read_messages", "readMessages"),
                ("read_status", "readStatus"),
                ("sync_full_history", "syncFullHistory"),
                ("wavoip_token", "wavoipToken"),
            )
            if spelled in settings
        }
    )
    return InstanceOptions(behaviour=behaviour, extra=document.get("transports") or {})


def _inbox(row: sqlite3.Row, vault: Vault) -> InboxConfig:
    return InboxConfig(
        instance_id=row["instance_id"],
        enabled=bool(row["enabled"]),
        url=row["url"],
        account_id=row["account_id"],
        token=vault.open(row["sealed_token"]),
        sign_msg=bool(row["sign_msg"]),
        sign_delimiter=row["sign_delimiter"],
        reopen_conversation=bool(row["reopen_conversation"]),
        conversation_pending=bool(row["conversation_pending"]),
        merge_brazil_contacts=bool(row["merge_brazil_contacts"]),
        name_inbox=row["name_inbox"],
        organization=row["organization"],
        logo=row["logo"],
        auto_create=bool(row["auto_create"]),
        options=orjson.loads(row["options"]),
        hook=vault.open(row["sealed_hook"]),
        inbox_id=row["inbox_id"],
        inbox_identifier=row["inbox_identifier"],
        signing_secret=_open(vault, row["sealed_signing_secret"]),
        made_by_us=bool(row["made_by_us"]),
        lock_to_single=bool(row["lock_to_single"]),
        bot_contact_id=row["bot_contact_id"],
        bot_conversation_id=row["bot_conversation_id"],
        provisioned_at=row["provisioned_at"],
        updated_at=row["updated_at"],
        told=orjson.loads(row["told"]),
        agent_bot_id=row["agent_bot_id"],
        agent_bot_attached=bool(row["agent_bot_attached"]),
    )
