"""Instances and their Chatwoot inboxes: read as frozen values, written from them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

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
    """Another instance has this name, key or number."""


@dataclass(frozen=True, slots=True)
class Both:
    instance: InstanceConfig
    inbox: InboxConfig | None


def everything(db: sqlite3.Connection, vault: Vault) -> list[Both]:
    """All instances with their inboxes, by name."""
    with session(db) as s:
        inboxes = {row.instance_id: row for row in s.exec(select(ChatwootInbox))}
        return [
            Both(
                _instance(row, vault), _inbox(inboxes[row.id], vault) if row.id in inboxes else None
            )
            for row in s.exec(select(Instance).order_by(Instance.name))
        ]


def save(db: sqlite3.Connection, vault: Vault, instance: InstanceConfig) -> None:
    """Insert or replace. Raises `Taken` when another instance has the name, key or number."""
    with session(db) as s:
        row = s.get(Instance, instance.id) or Instance(
            id=instance.id,
            name="",
            integration="",
            key_hash="",
            sealed_options="",
            created_at=0,
            updated_at=0,
        )
        row.name = instance.name
        row.integration = instance.integration
        row.key_hash = instance.key_hash
        row.old_key_hash = instance.old_key_hash
        by_number = instance.integration == BUSINESS
        row.number = instance.number if by_number else None
        row.phone = None if by_number else instance.number
        row.business_id = instance.business_id
        row.sealed_token = _seal(vault, instance.token)
        row.sealed_app_secret = _seal(vault, instance.app_secret)
        row.sealed_verify_token = _seal(vault, instance.verify_token)
        row.dialect = instance.dialect
        row.ready = instance.ready
        row.sealed_options = vault.seal(_OPTIONS.dump_json(instance.options).decode())
        row.created_at = instance.created_at
        row.updated_at = instance.updated_at
        s.add(row)
        try:
            s.flush()
        except IntegrityError as error:
            raise Taken(instance.name) from error


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
        row.updated_at = inbox.updated_at
        s.add(row)
        s.flush()


def delete(db: sqlite3.Connection, instance_id: str) -> bool:
    """Delete an instance with its inbox; its jobs and ledger stay until retention takes them."""
    cursor = db.execute("DELETE FROM instance WHERE id=?", (instance_id,))
    return cursor.rowcount == 1


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


def _instance(row: Instance, vault: Vault) -> InstanceConfig:
    return InstanceConfig(
        id=row.id,
        name=row.name,
        integration=row.integration,
        key_hash=row.key_hash,
        old_key_hash=row.old_key_hash,
        number=row.number or row.phone,
        business_id=row.business_id,
        token=_open(vault, row.sealed_token),
        app_secret=_open(vault, row.sealed_app_secret),
        verify_token=_open(vault, row.sealed_verify_token),
        dialect=Dialect(row.dialect),
        ready=row.ready,
        options=_options(orjson.loads(vault.open(row.sealed_options))),
        created_at=row.created_at,
        updated_at=row.updated_at,
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


def _inbox(row: ChatwootInbox, vault: Vault) -> InboxConfig:
    return InboxConfig(
        instance_id=row.instance_id,
        enabled=row.enabled,
        url=row.url,
        account_id=row.account_id,
        token=vault.open(row.sealed_token),
        sign_msg=row.sign_msg,
        sign_delimiter=row.sign_delimiter,
        reopen_conversation=row.reopen_conversation,
        conversation_pending=row.conversation_pending,
        merge_brazil_contacts=row.merge_brazil_contacts,
        name_inbox=row.name_inbox,
        organization=row.organization,
        logo=row.logo,
        auto_create=row.auto_create,
        options=orjson.loads(row.options),
        hook=vault.open(row.sealed_hook),
        inbox_id=row.inbox_id,
        inbox_identifier=row.inbox_identifier,
        signing_secret=_open(vault, row.sealed_signing_secret),
        made_by_us=row.made_by_us,
        lock_to_single=row.lock_to_single,
        bot_contact_id=row.bot_contact_id,
        bot_conversation_id=row.bot_conversation_id,
        provisioned_at=row.provisioned_at,
        updated_at=row.updated_at,
    )
