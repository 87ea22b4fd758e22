"""An instance (a connected number) and its Chatwoot inbox, as the rest of the house uses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceConfig:
    """One connected number. Secrets do not show in its repr."""

    id: str
    name: str
    integration: str
    key_hash: str = field(repr=False)
    number: str | None
    business_id: str | None
    token: str | None = field(repr=False)
    app_secret: str | None = field(repr=False, default=None)
    verify_token: str | None = field(repr=False, default=None)
    options: dict[str, Any] = field(default_factory=dict)
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxConfig:
    """The Chatwoot side of an instance. `inbox_id` is None until it has been provisioned."""

    instance_id: str
    enabled: bool
    url: str
    account_id: int
    token: str = field(repr=False)
    sign_msg: bool
    sign_delimiter: str | None
    reopen_conversation: bool
    conversation_pending: bool
    merge_brazil_contacts: bool
    name_inbox: str
    organization: str | None
    logo: str | None
    auto_create: bool
    options: dict[str, Any] = field(default_factory=dict)
    hook: str = field(repr=False)
    inbox_id: int | None
    inbox_identifier: str | None
    signing_secret: str | None = field(repr=False, default=None)
    made_by_us: bool
    lock_to_single: bool
    bot_contact_id: int | None
    bot_conversation_id: int | None
    provisioned_at: int | None
    updated_at: int

    @property
    def scope(self) -> str:
        """People are known per Chatwoot account: equal keys in two accounts are two contacts."""
        return f"{self.url}#{self.account_id}"

    def predates(self, moment: int) -> bool:
        """True for what came (ms) before this inbox was set up: its ids belong to another one.

        Chatwoot's times are whole seconds.
        """
        return self.provisioned_at is not None and moment + 999 < self.provisioned_at
