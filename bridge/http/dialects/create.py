"""`POST /instance/create` in any dialect of the Evolution family becomes one order.

Source: evolution-instance-typebot.md 1.1, 1.4 and 8.1; evolution-chatwoot.md 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from bridge.core.instance import (
    BAILEYS,
    BUSINESS,
    TRANSPORTS,
    Behaviour,
    Dialect,
    InstanceOptions,
    Transport,
    Webhook,
)
from bridge.core.masking import MASK
from bridge.core.order import ChatwootOrder, InstanceOrder
from bridge.core.typebot import Bot
from bridge.http.dialects import parts
from bridge.http.dialects.bodies import Body, listed
from bridge.http.dialects.spellings import CREATE, PROFILE
from bridge.http.dialects.viewers import told_apart

LONGEST_KEY: Final = 255
#: What is kept of fields that nobody knows.
MOST_EXTRA: Final = 50
MOST_EXTRA_BYTES: Final = 16 * 1024

#: They end or change a path, or break a line of a log.
_NOT_IN_NAMES: Final = re.compile(r"[/\\?#\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LEGACY_NAME: Final = re.compile(r"[a-z0-9]+")
#: What lists show of fields that are kept.
_SHOWN: Final = PROFILE | {"name"}
_INTEGRATIONS: Final = (BAILEYS, BUSINESS)
_IMPORT: Final[Mapping[str, Any]] = {
    "importContacts": True,
    "importMessages": True,
    "daysLimitImportMessages": 60,
    "ignoreJids": [],
}


def read_create(body: Mapping[str, Any], *, dialect: Dialect, reopen: bool) -> InstanceOrder:
    """Read the body whatever it is spelled like; `dialect` is how the answer will be.

    `reopen`: the server's default for Chatwoot. Raises one `Invalid` with everything that is wrong.
    """
    read = Body(body, CREATE)
    name = _name(read, dialect)
    integration = _integration(read)
    business = integration == BUSINESS
    token = read.text("token")
    number = read.text("number")
    _check_credentials(read, business=business)
    options = InstanceOptions(
        behaviour=parts.behaviour(read, Behaviour()),
        webhook=_webhook(read),
        transports=_transports(read),
        proxy=parts.proxy(read),
        extra=_extra(read),
    )
    chatwoot = _chatwoot(read, reopen=reopen, number=number)
    bot = _bot(read)
    if read.flag("mobile"):
        read.warnings.append("mobile is ignored: numbers are no longer registered as phones")
    read.refuse("instance.invalid")
    return InstanceOrder(
        name=name,
        dialect=dialect,
        integration=integration,
        key=None if business else token,
        token=token if business else None,
        number=number,
        business_id=read.text("business_id"),
        app_secret=read.text("app_secret"),
        verify_token=read.text("verify_token"),
        qrcode=read.flag("qrcode") is True,
        options=options,
        chatwoot=chatwoot,
        bot=bot,
        warnings=tuple(read.warnings),
    )


def _name(read: Body, dialect: Dialect) -> str:
    if not read.has("name"):
        read.fault("name", 'instance requires property "instanceName"')
        return ""
    spelled = read.spelled("name")
    given = read.text("name")
    if given is None:  # not a text: told already
        return ""
    name = given.strip()
    if not name:
        read.fault("name", f'The "{spelled}" cannot be empty')
    elif _NOT_IN_NAMES.search(name):
        read.fault("name", f'The "{spelled}" must not hold / \\ ? # or control characters')
    elif not name.strip("."):
        read.fault("name", f'The "{spelled}" must not be dots alone: it stands in paths')
    elif dialect is Dialect.V1_LEGACY and not _LEGACY_NAME.fullmatch(name):
        read.warnings.append(
            f"{spelled}: Evolution API 1.0 takes lower-case letters and digits only"
        )
    return name


def _integration(read: Body) -> str:
    integration = (read.text("integration") or BAILEYS).upper()
    if integration not in _INTEGRATIONS:
        read.fault("integration", "Invalid integration")
    return integration


def _check_credentials(read: Body, *, business: bool) -> None:
    if business:
        for key in ("token", "number"):
            if not read.has(key):
                read.fault(key, f"{key} is required")
    elif len(read.text("token") or "") > LONGEST_KEY:
        read.fault("token", f"token does not meet maximum length of {LONGEST_KEY}")
    if read.text("token") == MASK:  # copied from a list of instances; as a key, everybody knows it
        read.fault("token", f"token is {MASK}, which stands for a secret; send the token itself")


def _webhook(read: Body) -> Webhook | None:
    """None: none was wanted. Seed 001 documents that media is sent unless it says no."""
    if not read.given("webhook"):
        return None
    made = parts.webhook(read, None, base64=read.spelled("webhook.url") == "webhookUrl")
    if made.enabled and not read.has("webhook.url"):
        read.warnings.append("webhook: no url was given, so there is none")
    return made if made.url else None


def _transports(read: Body) -> dict[str, Transport]:
    """A block is on unless it says no; flat fields are off unless they say yes, and then nothing.

    So Evolution 1 and the documentation of Evolution 2 have it.
    """
    made = {
        name: parts.transport(read, name, None, default=name in read.blocks)
        for name in TRANSPORTS
        if read.given(name)
    }
    return {name: one for name, one in made.items() if one.enabled or name in read.blocks}


def _chatwoot(read: Body, *, reopen: bool, number: str | None) -> ChatwootOrder | None:
    enabled = read.flag("chatwoot.enabled") is not False
    if not enabled:
        read.forgive("chatwoot")
    given, missing = parts.credentials_missing(read)
    if not given or (missing and not enabled):
        return None
    for key in missing:
        read.fault(
            "chatwoot",
            f"{read.spelled(key, given)} is required when {read.spelled(given)} is set",
            code="chatwoot.incomplete",
        )
    order = parts.chatwoot(
        read, None, reopen=reopen, options={**_IMPORT, "number": number}, enabled=enabled
    )
    whole = order.url and order.token and order.account_id
    return order if whole else None


def _bot(read: Body) -> Bot | None:
    """One flow that answers everybody. None: neither its URL nor its id was given."""
    given = [key for key in ("typebot.url", "typebot.typebot") if read.has(key)]
    if not given:
        return None
    if len(given) == 1:
        missing = "typebot.typebot" if given == ["typebot.url"] else "typebot.url"
        spelled = "typebot_url" if missing == "typebot.url" else "typebot"
        read.fault(
            "typebot",
            f"{spelled} is required when {read.spelled(given[0])} is set",
            code="typebot.incomplete",
        )
    url, flow = told_apart(read.text("typebot.url") or "", read.text("typebot.typebot") or "")
    return Bot(
        url=url,
        typebot=flow,
        trigger_type="all",
        expire=read.number("typebot.expire"),
        keyword_finish=read.text("typebot.keyword_finish"),
        delay_message=read.number("typebot.delay_message"),
        unknown_message=read.text("typebot.unknown_message") or None,
        listening_from_me=read.flag("typebot.listening_from_me"),
    )


def _extra(read: Body) -> dict[str, Any]:
    """What no field is called, as far as it is little; a slip, unless it is of the profile."""
    kept: dict[str, Any] = {}
    size = 0
    for name, value in read.unknown.items():
        size += len(orjson.dumps({name: value}))
        if len(kept) == MOST_EXTRA or size > MOST_EXTRA_BYTES:
            read.warnings.append("unknown fields beyond 50, or beyond 16 KiB, were dropped")
            break
        kept[name] = value
    if idle := [name for name in kept if name not in _SHOWN]:
        read.warnings.append(f"no field is called {listed(idle)}: kept, without any effect")
    return kept
