"""What is stored and does nothing is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from bridge.core.instance import Behaviour
from bridge.relay.activity import inactive_of
from support.bridge_house import NAME
from support.sessions import change, qr_house

ALL = Behaviour(
    reject_call=True,
    msg_call="Escreva!",
    groups_ignore=True,
    always_online=True,
    read_messages=True,
    read_status=True,
    sync_full_history=True,
)


async def test_a_number_with_a_session_does_all_but_the_import_of_history(tmp_path):
    async with qr_house(tmp_path) as (house, _):
        await change(house, lambda now: replace(now, behaviour=ALL))
        instance = house.service.instances.entry(NAME).instance
        kind = house.channels[instance.integration]

        assert [one.name for one in inactive_of(instance, kind=kind)] == ["syncFullHistory"]
        without = replace(kind, has_session=False)
        assert [one.name for one in inactive_of(instance, kind=without)] == [
            "rejectCall",
            "alwaysOnline",
            "readStatus",
            "syncFullHistory",
        ]
