"""Stored instances, without an HTTP call each: for tests that need many, or one quickly."""

from __future__ import annotations

from typing import Any

from bridge.core.instance import BUSINESS, InboxConfig, InstanceConfig
from bridge.store.engine import Store, Unit
from bridge.store.queries import instances
from bridge.store.secrets import Vault, hash_key

CHATWOOT = "https://chat.example.com"


def instance(name: str, /, **changes: Any) -> InstanceConfig:
    values: dict[str, Any] = {
        "id": f"id-{name}",
        "name": name,
        "integration": BUSINESS,
        "key_hash": hash_key(f"key of {name}"),
        "number": f"number-of-{name}",
        "business_id": None,
        "token": f"token of {name}",
        "created_at": 1,
        "updated_at": 1,
    }
    return InstanceConfig(**(values | changes))


def inbox(name: str, /, **changes: Any) -> InboxConfig:
    values: dict[str, Any] = {
        "instance_id": f"id-{name}",
        "enabled": True,
        "url": CHATWOOT,
        "account_id": 1,
        "token": "token of Chatwoot",
        "sign_msg": False,
        "sign_delimiter": None,
        "reopen_conversation": False,
        "conversation_pending": False,
        "merge_brazil_contacts": False,
        "name_inbox": name,
        "organization": None,
        "logo": None,
        "auto_create": True,
        "hook": f"hook-of-{name}",
        "inbox_id": None,
        "inbox_identifier": None,
        "made_by_us": True,
        "lock_to_single": False,
        "bot_contact_id": None,
        "bot_conversation_id": None,
        "provisioned_at": 1,
        "updated_at": 1,
    }
    return InboxConfig(**(values | changes))


async def keep(store: Store, vault: Vault, *kept: InstanceConfig | InboxConfig) -> None:
    """Store them in one unit, in this order."""

    def work(unit: Unit) -> None:
        for one in kept:
            if isinstance(one, InstanceConfig):
                instances.save(unit.db, vault, one)
            else:
                instances.save_inbox(unit.db, vault, one)

    await store.write(work)
