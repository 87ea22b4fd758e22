"""Every stable code that an answer, a dead letter, a red mark or `/why` may show, explained.

`scripts/error-codes` writes docs/errors.md from it. What `/why` calls a rule (why an event was
left out on purpose) is no failure and does not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bridge.errors.catalogue.chatwoot import GROUPS as _CHATWOOT
from bridge.errors.catalogue.entry import Code, Group
from bridge.errors.catalogue.instances import GROUPS as _INSTANCES
from bridge.errors.catalogue.requests import GROUPS as _REQUESTS
from bridge.errors.catalogue.service import GROUPS as _SERVICE
from bridge.errors.catalogue.typebot import GROUPS as _TYPEBOT
from bridge.errors.catalogue.whatsapp import GROUPS as _WHATSAPP

__all__ = ("CODES", "GROUPS", "Code", "Group")

#: By prefix; those without one come first.
GROUPS: Final[tuple[Group, ...]] = tuple(
    sorted(
        (*_REQUESTS, *_INSTANCES, *_CHATWOOT, *_WHATSAPP, *_TYPEBOT, *_SERVICE),
        key=lambda group: group.prefix,
    )
)
CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {code.code: code for group in GROUPS for code in group.codes}
)
