"""How the demo tells what happens: who wrote what, where it went, what was decided and why."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from rich.rule import Rule
from rich.text import Text

from bridge.cli.printing import out, printable

WHATSAPP, CHATWOOT, PONTE, AROUND = "WhatsApp", "Chatwoot", "Ponte", ""
STYLES = {WHATSAPP: "green", CHATWOOT: "blue", PONTE: "yellow", AROUND: "bold magenta"}


class Transcript:
    """Prints line by line. `pause` (seconds) after each lets people read along."""

    def __init__(self, *, pause: float) -> None:
        self._pause = pause
        self._console = out()
        self._chapter = 0

    async def chapter(self, title: str) -> None:
        self._chapter += 1
        self._console.print()
        self._console.print(Rule(Text(f"{self._chapter}. {title}"), align="left", style="dim"))
        await asyncio.sleep(self._pause)

    async def line(self, where: str, text: str, *, aside: str = "") -> None:
        """What is to be seen where; `aside` is for those who want to know exactly."""
        told = printable(text).split("\n")
        for number, part in enumerate(told):
            line = Text("  ")
            line.append(f"{where if number == 0 else '':<9} ", style=STYLES[where])
            line.append(part, style=STYLES[AROUND] if where == AROUND else "")
            if aside and number == len(told) - 1:
                line.append(f"  {aside}", style="dim")
            line.rstrip()
            self._console.print(line, soft_wrap=True)
        await asyncio.sleep(self._pause)

    async def story(self, job: dict[str, Any]) -> None:
        """The steps of a job and how it ended, as `ponte why` tells them."""
        await self.steps(job)
        accepted = datetime.fromisoformat(job["accepted"])
        ended = ": ".join(filter(None, (job["state"], job["cause"])))
        await self.line(PONTE, ended, aside=_since(accepted, job["ended"]))

    async def steps(self, job: dict[str, Any]) -> None:
        accepted = datetime.fromisoformat(job["accepted"])
        for step in job["steps"]:
            await self.line(
                PONTE, f"{step['step']}: {step['detail']}", aside=_since(accepted, step["at"])
            )


def _since(accepted: datetime, at: str) -> str:
    """How long after it was accepted."""
    late = datetime.fromisoformat(at) - accepted
    return f"+{late.total_seconds() * 1000:.0f} ms"
