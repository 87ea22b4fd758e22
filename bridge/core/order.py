"""What somebody asks for, in neutral names: every dialect is turned into these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.core.instance import BAILEYS, Dialect, InstanceOptions
from bridge.core.typebot import Bot


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatwootOrder:
    """The Chatwoot side of an instance; None: as it was."""

    url: str
    account_id: int
    token: str = field(repr=False)
    enabled: bool = True
    sign_msg: bool = False
    sign_delimiter: str | None = None
    reopen_conversation: bool = False
    conversation_pending: bool = False
    merge_brazil_contacts: bool = False
    name_inbox: str | None = None
    organization: str | None = None
    logo: str | None = None
    auto_create: bool = True
    replace_webhook: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    #: The import switches that were turned on by name, not by default.
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOrder:
    """One instance. `key` is the API key wished for; None: a new one is made.

    `token` is the channel's own (Meta's), never an API key. `qrcode`: start the connection at once
    and wait for its first code. `warnings` tell what was understood but not taken literally.
    """

    name: str
    dialect: Dialect
    integration: str = BAILEYS
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    number: str | None = None
    business_id: str | None = None
    app_secret: str | None = field(default=None, repr=False)
    verify_token: str | None = field(default=None, repr=False)
    qrcode: bool = False
    options: InstanceOptions = field(default_factory=InstanceOptions)
    chatwoot: ChatwootOrder | None = None
    bot: Bot | None = None
    warnings: tuple[str, ...] = ()
