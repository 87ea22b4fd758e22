"""Which channels there are, what an absent one does, and how a QR code is drawn."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.clock import SystemClock
from bridge.core.connection import LinkState
from bridge.core.instance import (
    BAILEYS,
    BUSINESS,
    Behaviour,
    InstanceConfig,
    InstanceOptions,
    Proxy,
)
from bridge.core.outgoing import OutgoingText
from bridge.core.party import Party
from bridge.errors import Certainty, PeerLocked, Scope
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.peers import make_registry
from bridge.settings import Settings, Storage
from bridge.whatsapp.qr import Qr
from bridge.whatsapp.registry import Registry, absent_kind
from support.absent_web import NOT_INSTALLED

STORED = InstanceConfig(
    id="i-1",
    name="loja",
    integration=BUSINESS,
    key_hash="h",
    number="412900001234567",
    business_id=None,
    token="EAA",
    created_at=1,
    updated_at=1,
)


@pytest.fixture
async def registry(tmp_path: Path):
    http = Http(Guard(frozenset()), connections=1)
    settings = Settings(storage=Storage(data_dir=tmp_path))
    yield make_registry(settings, http, NOT_INSTALLED, clock=SystemClock(), chance=lambda: 1.0)
    await http.close()


async def test_what_an_instance_may_be_created_with(registry: Registry):
    assert registry.integrations == (BUSINESS, BAILEYS)
    assert registry.sessions == ()
    assert registry.get("EVOLUTION") is None


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({"options": InstanceOptions(behaviour=Behaviour(read_messages=True))}, True),
        ({"updated_at": 2, "key_hash": "other"}, True),
        ({"token": "other"}, False),
        ({"number": "412900007654321"}, False),
        ({"options": InstanceOptions(proxy=Proxy(host="proxy.example", port=1))}, False),
        ({"integration": BAILEYS}, False),
    ],
)
async def test_a_channel_is_kept_while_it_would_be_made_the_same(registry, changes, is_kept):
    changed = replace(STORED, **changes)

    assert (registry.identity(changed) == registry.identity(STORED)) is is_kept


async def test_a_stored_integration_that_is_gone_is_absent(registry: Registry):
    kind = registry.kind(replace(STORED, integration="EVOLUTION"))

    assert kind.absent is not None
    assert "EVOLUTION is not installed" in kind.absent


async def test_an_absent_channel_is_closed_and_everything_waits(tmp_path: Path):
    channel, peer = absent_kind(BAILEYS).make(replace(STORED, integration=BAILEYS))

    link = await channel.link()
    assert link.state is LinkState.CLOSED
    assert BAILEYS in (link.reason or "")
    assert BAILEYS in peer
    with pytest.raises(PeerLocked) as refused:
        await channel.send(Party(wa_id="5511987650001"), OutgoingText(body="oi"), key="k")
    assert refused.value.cause == "channel.not_installed"
    assert refused.value.scope is Scope.ACCOUNT
    assert refused.value.certainty is Certainty.NOT_DONE


def test_a_code_is_drawn_as_a_png():
    qr = Qr(code="https://wa.me/settings/linked_devices#ref,noise,identity,secret,1", count=1)

    kind, _, data = qr.base64.partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert "secret" not in repr(qr)
