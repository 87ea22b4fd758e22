"""A webhook with a thousand updates is kept whole, and no commit of it takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.sim.graph.payloads import batch
from bridge.store.engine import Unit
from support.bridge_house import House


async def test_a_thousand_updates_are_kept_in_several_commits(house: House) -> None:
    drafts = [house.graph.draft(f"55119876{n % 250:05}", f"texto {n}") for n in range(1000)]
    durable = 0
    write = house.service.store.write

    async def counted(work: Callable[[Unit], Any], *, durable_: bool = False) -> Any:
        nonlocal durable
        durable += durable_
        return await write(work, durable=durable_)

    house.service.store.write = lambda work, *, durable=False: counted(work, durable_=durable)  # type: ignore[method-assign]
    assert await house.graph.deliver(batch(*(payload for _, payload in drafts))) == 200
    assert durable >= 10
    kept = await house.rows("SELECT COUNT(*) AS n FROM job WHERE road='inbound'")
    assert kept[0]["n"] == 1000
