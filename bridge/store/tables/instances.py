"""Instances (connected numbers) and their Chatwoot inboxes."""

from __future__ import annotations

from sqlmodel import Field, SQLModel, UniqueConstraint


class Instance(SQLModel, table=True):
    """One connected number. `sealed_*` columns hold encrypted secrets."""

    __tablename__ = "instance"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    integration: str
    key_hash: str = Field(unique=True)
    #: Meta's id of the number; one such number belongs to one instance.
    number: str | None = Field(default=None, unique=True)
    business_id: str | None = None
    sealed_token: str | None = None
    sealed_app_secret: str | None = None
    sealed_verify_token: str | None = None
    #: JSON of `core.instance.InstanceOptions`; addresses and passwords in it are secret.
    sealed_options: str
    created_at: int
    updated_at: int
    dialect: str = Field(default="v2", sa_column_kwargs={"server_default": "v2"})
    #: False while it is being created; undone at the next start.
    ready: bool = Field(default=True, sa_column_kwargs={"server_default": "1"})
    #: The key before a rotation, until it is dropped.
    old_key_hash: str | None = Field(default=None, index=True)
    #: The phone number of one that a phone connects (QR code); several may name the same.
    phone: str | None = None
    #: When the keys were made (ms); None: with the instance.
    key_made_at: int | None = None
    old_key_made_at: int | None = None
    #: Until when its flows are silent (ms); 0: until somebody resumes them; None: they are not.
    bots_paused_until: int | None = None


class ChatwootInbox(SQLModel, table=True):
    """The Chatwoot side of an instance, in Evolution's terms, and what provisioning found."""

    __tablename__ = "chatwoot_inbox"
    __table_args__ = (UniqueConstraint("url", "account_id", "inbox_id"),)

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    enabled: bool = True
    url: str
    account_id: int
    sealed_token: str
    sign_msg: bool = False
    sign_delimiter: str | None = None
    reopen_conversation: bool = False
    conversation_pending: bool = False
    merge_brazil_contacts: bool = False
    name_inbox: str
    organization: str | None = None
    logo: str | None = None
    auto_create: bool = True
    #: JSON: import switches, ignoreJids, number: stored and shown.
    options: str = "{}"
    #: The secret part of the webhook address, sealed.
    sealed_hook: str
    inbox_id: int | None = None
    inbox_identifier: str | None = None
    sealed_signing_secret: str | None = None
    made_by_us: bool = False
    lock_to_single: bool = False
    bot_contact_id: int | None = None
    bot_conversation_id: int | None = None
    provisioned_at: int | None = None
    updated_at: int
    #: JSON: what Chatwoot told of inbox and account when last asked (`core.instance.InboxConfig`).
    told: str = Field(default="{}", sa_column_kwargs={"server_default": "{}"})
    #: Chatwoot's agent bot as which flows speak, and whether we attached it to the inbox.
    agent_bot_id: int | None = None
    agent_bot_attached: bool = Field(default=False, sa_column_kwargs={"server_default": "0"})
