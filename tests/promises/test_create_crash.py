"""The service dies at each await of a create: afterwards it is there whole, or not at all."""

from __future__ import annotations

import aiohttp
import pytest

from support.crashing import Road, crash_everywhere
from support.crossing import HTTP_OK, Crossing

NAME = "filial"
INBOX = "Filial"
#: Nothing hangs here, and machines are slow at times.
PATIENT = {"chatwoot": {"timeout_seconds": 15}}


async def ready(its: Crossing) -> None:
    """Nothing is to be prepared: another instance is there already."""


async def ask_for_it(its: Crossing) -> int | None:
    """The status of one create, None when no answer came."""
    body = {
        "instanceName": NAME,
        "integration": "WHATSAPP-BAILEYS",
        "chatwootAccountId": its.chat.account_id,
        "chatwootToken": its.secrets.chatwoot_token,
        "chatwootUrl": its.chat_peer.url,
        "chatwootNameInbox": INBOX,
    }
    try:
        return (await its.api("POST", "/instance/create", json=body)).status
    except (aiohttp.ClientError, OSError):
        return None


async def create_once(its: Crossing, _: None) -> None:
    await ask_for_it(its)
    await its.ponte.up.wait()


async def create_until_told(its: Crossing, _: None) -> None:
    """Whoever got no answer asks again, at once."""
    while await ask_for_it(its) is None:
        await its.ponte.up.wait()


async def whole_or_nothing(its: Crossing, _: None) -> None:
    inboxes = [inbox for inbox in its.chat.inboxes.values() if inbox.name == INBOX]
    assert len(its.chat.inboxes) == 1 + len(inboxes)
    assert len(its.chat.contacts) == 1 + len(inboxes)  # the bot of each
    if await is_listed(its):
        await it_is_whole(its)
    else:
        assert not inboxes
        assert its.ponte.query("SELECT id FROM instance WHERE name=?", NAME) == []
        assert await ask_for_it(its) == 201
        await its.quiet()
        await it_is_whole(its)


async def it_is_whole(its: Crossing, _: None = None) -> None:
    assert await is_listed(its)
    (inbox,) = [inbox for inbox in its.chat.inboxes.values() if inbox.name == INBOX]
    assert len(its.chat.inboxes) == len(its.chat.contacts) == 2
    stored = its.ponte.query(
        "SELECT inbox_id, bot_contact_id IS NOT NULL FROM chatwoot_inbox JOIN instance"
        " ON instance.id=instance_id WHERE name=? AND ready",
        NAME,
    )
    assert stored == [(inbox.id, 1)]
    assert (inbox.webhook_url or "").startswith(f"{its.ponte.url}/chatwoot/webhook/{NAME}/")
    assert (
        its.ponte.query("SELECT payload FROM job WHERE kind='cleanup' AND length(payload)>0") == []
    )


async def is_listed(its: Crossing) -> bool:
    answer = await its.api("GET", "/instance/fetchInstances")
    assert answer.status == HTTP_OK
    return NAME in [row["name"] for row in await answer.json()]


ROADS = {
    "asked once": Road(
        places=("accept instance/create",),
        prepare=ready,
        walk=create_once,
        check=whole_or_nothing,
    ),
    "asked until told": Road(
        places=("accept instance/create",),
        prepare=ready,
        walk=create_until_told,
        check=it_is_whole,
    ),
}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(240)
async def test_it_is_there_whole_or_not_at_all_wherever_the_service_dies(world, road):
    assert await crash_everywhere(world, road, sections=PATIENT) > 20
