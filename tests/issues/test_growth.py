"""What is old enough goes while the service runs, and not only when somebody asks for it."""

from __future__ import annotations

from support.bridge_house import House

DAY = 24 * 3600


async def kept(house: House) -> int:
    """Rows that tell of the customer's message."""
    (row,) = await house.rows(
        "SELECT (SELECT COUNT(*) FROM job WHERE road='inbound')"
        " + (SELECT COUNT(*) FROM seen WHERE key LIKE 'content:%')"
        " + (SELECT COUNT(*) FROM ledger) AS n"
    )
    return int(row["n"])


async def test_a_running_service_purges_what_is_old(house: House) -> None:
    await house.talk()
    assert await kept(house) == 3
    async with house.stopped():
        house.clock.ahead_seconds += 181 * DAY
    for _ in range(500):
        if not await kept(house):
            break
    assert await kept(house) == 0
