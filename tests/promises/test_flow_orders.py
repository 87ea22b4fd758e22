"""Promise 5 and its neighbours, in any order of what customers, agents, timers and crashes do.

Stories are drawn from seeds and played in a real house with stand-ins of Meta, Chatwoot and
Typebot; what these saw is judged: bot and human never both speak, no text of a customer is lost,
no bubble is said or shown twice, or out of order, and nothing is stuck when all is over.
`PONTE_TEST_FLOW_ORDERS` is the number of stories of each kind of house, or `<first>-<last>` seeds.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from support.flow_orders.judging import Judged, judged, shrunk
from support.flow_orders.stage import HOUSES, stage
from support.flow_orders.stories import story

STORIES = "PONTE_TEST_FLOW_ORDERS"
#: About seven seconds of CPU for each kind of house.
USUAL = 60


def seeds() -> range:
    first, _, last = os.environ.get(STORIES, str(USUAL)).rpartition("-")
    return range(int(first or 0), int(last) + 1) if first else range(int(last))


@pytest.mark.parametrize("kind", HOUSES)
@pytest.mark.timeout(900)
async def test_whatever_comes_when_one_speaks_and_nothing_is_lost(
    tmp_path: Path, kind: str
) -> None:
    failed: Judged | None = None
    async with stage(tmp_path / "house", kind) as its:
        for seed in seeds():
            failed = await judged(its, story(seed, chatwoot=kind != "without Chatwoot"))
            if failed is not None:
                break
    if failed is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                failed = await shrunk(tmp_path, kind, failed)
        pytest.fail(f"{kind}, seed {seed}\n{failed}", pytrace=False)
