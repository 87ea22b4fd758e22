"""`ponte doctor`: examine everything between WhatsApp and Chatwoot, change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.text import Text

from bridge.app import DATABASE
from bridge.cli.doctor.finding import Finding, State
from bridge.cli.doctor.flows import file_findings, stored_flows
from bridge.cli.doctor.local import (
    PONTE,
    database_findings,
    folder_findings,
    last_accepted,
    settings_findings,
    stored_connection,
    stored_instances,
)
from bridge.cli.doctor.peers import Case, instance_findings
from bridge.cli.doctor.service import (
    address_findings,
    is_private,
    meta_findings,
    service_findings,
)
from bridge.cli.doctor.voice import voice_finding
from bridge.cli.doctor.web import engine_finding
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.printing import out, print_json, printable
from bridge.clock import SystemClock
from bridge.core.instance import BAILEYS, BUSINESS
from bridge.errors import SetupError
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.settings import Settings, load

app = typer.Typer(add_completion=False)

MARKS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.FAILURE: ("✗", "red")}


@app.command()
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check settings, folder, database, WhatsApp, Chatwoot, Typebot, the ways back; change nothing.

    Exit code 1 when something does not work; what could be better is no failure.
    """
    report = Report(show=not as_json)
    try:
        settings = load(config)
    except SetupError as error:
        report.add(PONTE.failed("settings", error))
    else:
        asyncio.run(_ask_around(settings, _look_here(settings, report), report))
    failures = sum(one.state is State.FAILURE for one in report.found)
    if as_json:
        print_json([asdict(one) for one in report.found])
    else:
        warnings = sum(one.state is State.WARNING for one in report.found)
        checks = "1 check" if len(report.found) == 1 else f"{len(report.found)} checks"
        typer.echo(f"\n{checks}: {failures} failed, {warnings} to look at.")
    raise typer.Exit(1 if failures else 0)


class Report:
    """Collects findings, and prints each as it comes."""

    def __init__(self, *, show: bool) -> None:
        self.found: list[Finding] = []
        self._show = show

    def add(self, finding: Finding) -> None:
        is_first = not self.found or self.found[-1].about != finding.about
        self.found.append(finding)
        if not self._show:
            return
        if is_first:
            typer.echo(f"{printable(finding.about)}")
        mark, style = MARKS[finding.state]
        line = Text(f"  {mark} ", style=style)
        line.append(f"{finding.what}: ", style="bold")
        line.append(printable(finding.text))
        console = out()
        console.print(line, soft_wrap=True)
        if finding.advice:
            console.print(Text(f"    {printable(finding.advice)}", style="dim"), soft_wrap=True)


def _look_here(settings: Settings, report: Report) -> list[Case]:
    """Everything on this machine; returns what is to be asked of others."""
    database = settings.storage.data_dir / DATABASE
    for finding in (
        *settings_findings(settings),
        *folder_findings(settings),
        *database_findings(database),
        voice_finding(wanted=settings.relay.voice_notes),
    ):
        report.add(finding)
    opening: list[Finding] = []
    stored = stored_instances(settings, opening)
    for finding in opening:
        report.add(finding)
    report.add(engine_finding(sum(one.instance.integration == BAILEYS for one in stored)))
    now = SystemClock().ms()
    return [
        Case(
            settings=settings,
            instance=one.instance,
            inbox=one.inbox,
            connection=stored_connection(settings, one.instance.id),
            last=last_accepted(settings, one.instance.id),
            now=now,
            flows=stored_flows(settings, one.instance.id),
        )
        for one in stored
    ]


async def _ask_around(settings: Settings, cases: Sequence[Case], report: Report) -> None:
    private = await is_private(settings.server.public_url)
    async for finding in service_findings(settings):
        report.add(finding)
    for_meta = not cases or any(case.instance.integration == BUSINESS for case in cases)
    async for finding in address_findings(settings, is_private=private, for_meta=for_meta):
        report.add(finding)
    if for_meta:
        own_secrets = any(case.instance.app_secret for case in cases)
        for finding in meta_findings(settings, own_secrets=own_secrets):
            report.add(finding)
    if not cases:
        report.add(
            PONTE.warning("instances", "there are none yet", "POST /instance/create makes one.")
        )
    if any(case.flows for case in cases):
        for finding in file_findings(settings):
            report.add(finding)
    http = Http(Guard(frozenset(settings.network.allowed_private_hosts)))
    try:
        for case in cases:
            async for finding in instance_findings(case, http, is_private=private):
                report.add(finding)
    finally:
        await http.close()
