"""Ponte beside Typebot's own WhatsApp channel: every recording of it, lived through once more.

The table stands in docs/typebot-official.md. `PONTE_TEST_WRITE_TRANSCRIPTS=1` writes it anew.
A recording that is laid into `recordings/`, with its flow in `flows/`, is compared like the others.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from support.official_channel import recordings
from support.official_channel.playing import facts_of, rigged
from support.official_channel.telling import Line, legend, table
from support.official_channel.verdicts import Judgement, Verdict, judged

HERE = Path(__file__).parent
#: Those of the stand-in's own contract, then those that only the official channel was seen with.
FLOWS = (HERE.parent / "typebot" / "flows", HERE / "flows")
RECORDINGS = HERE / "recordings"
DOCUMENT = HERE.parents[2] / "docs" / "typebot-official.md"
WRITE = "PONTE_TEST_WRITE_TRANSCRIPTS"
BEGIN, END = "<!-- computed from here on -->\n", "<!-- up to here -->\n"


@pytest.mark.timeout(240)
async def test_no_scenario_is_worse_and_the_table_is_as_it_stands(tmp_path):
    lines = await lived(tmp_path)
    worse = [
        f"{one.scenario}: {one.found.why_worse}\n    official: {one.official.sent}\n"
        f"    ours: {one.ours and one.ours.sent}"
        for one in lines
        if one.found.verdict is Verdict.WORSE
    ]
    assert not worse, "\n".join(worse)

    before = await asyncio.to_thread(DOCUMENT.read_text, "utf-8")
    start, _, rest = before.partition(BEGIN)
    _, _, end = rest.partition(END)
    told = f"{start}{BEGIN}\n{legend(lines)}\n\n{table(lines)}\n\n{END}{end}"
    if os.environ.get(WRITE):
        await asyncio.to_thread(DOCUMENT.write_text, told, "utf-8")
        before = told
    assert before == told, f"If it reads well, keep it: {WRITE}=1"


async def lived(folder: Path) -> list[Line]:
    scenarios = await asyncio.to_thread(recordings.all_of, RECORDINGS)
    paths = await asyncio.to_thread(
        lambda: [path for flows in FLOWS for path in sorted(flows.glob("*.toml"))]
    )
    lines: list[Line] = []
    async with rigged(folder, paths, scenarios) as rig:
        for number, scenario in enumerate(scenarios):
            steps = await rig.live(scenario, f"5511987{number:06}")
            facts = facts_of(rig.typebot.flows, scenario)
            found = list(judged(scenario.steps, steps, facts))
            for at, step in enumerate(scenario.steps):
                moot = at >= len(found)
                lines.append(
                    Line(
                        scenario=scenario.name,
                        official=step,
                        ours=None if moot else steps[at],
                        found=Judgement(verdict=Verdict.MOOT) if moot else found[at],
                    )
                )
    return lines
