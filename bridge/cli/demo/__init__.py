"""`ponte demo`: the real service between stand-ins, a short conversation, a summary."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bridge import __version__
from bridge.cli.demo.people import WITH_NINTH
from bridge.cli.demo.reckoning import reckon
from bridge.cli.demo.stage import LOG_FILE, Stage, log_into, staged
from bridge.cli.demo.story import INSTANCE, play
from bridge.cli.demo.telling import Transcript

app = typer.Typer(add_completion=False)

#: Seconds after each line.
PAUSE = 0.15


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running until Ctrl-C, and the data.")
    ] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Do not pause for reading.")] = False,
) -> None:
    """Show Ponte at work: the real service between stand-ins of WhatsApp, Chatwoot and Typebot.

    Everything stays on this machine; no account is needed. Exit code 1 when something does not
    add up.
    """
    folder = Path(tempfile.mkdtemp(prefix="ponte-demo-"))
    is_sound = False
    try:
        log_into(folder)
        is_sound = asyncio.run(_demo(folder, keep=keep, pause=0 if fast else PAUSE))
    finally:
        if keep or not is_sound:
            typer.echo(f"\nData and log are left in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(0 if is_sound else 1)


async def _demo(folder: Path, *, keep: bool, pause: float) -> bool:
    typer.echo(
        f"Ponte {__version__} with SQLite in {folder}, between stand-ins of WhatsApp, Chatwoot "
        "and Typebot."
    )
    async with staged(folder, Transcript(pause=pause)) as stage:
        told = await play(stage)
        adds_up = await reckon(stage, told)
        typer.echo("\nEverything adds up." if adds_up else "\nThis does not add up.")
        if keep:
            await _explore(stage)
    return adds_up


async def _explore(stage: Stage) -> None:
    service = stage.service
    agent = stage.chatwoot.agent
    for inbox in stage.chatwoot.inboxes.values():
        inbox.members[agent.id] = agent  # else the agent may not look into its conversations
    account = f"{stage.road_to_chatwoot.url}/api/v1/accounts/{stage.chatwoot.account_id}"
    conversation = f"{account}/conversations/{max(stage.chatwoot.conversations)}"
    room = f"{account}/conversations/{min(stage.chatwoot.conversations)}/messages"
    token = f"-H 'api_access_token: {stage.chatwoot.agent_token}'"
    writes = f"{token} -H 'Content-Type: application/json'"
    key = f"-H 'apikey: {service.key}'"
    ponte = sys.argv[0] if Path(sys.argv[0]).name == "ponte" else "ponte"
    typer.echo(
        f"""
It keeps running. Press Ctrl-C to stop.

  Ponte     {service.url}       API key {service.key}, documentation at {service.url}/docs
  Chatwoot  {stage.road_to_chatwoot.url}       stand-in; token {stage.chatwoot.agent_token}
  WhatsApp  {stage.graph_url}       stand-in of Meta's Graph API
  Typebot   {stage.typebot.url}       stand-in of its viewer; the flow starts with `encomendar`
  log       {stage.folder / LOG_FILE}

The customer answers the bot, which has just asked for a cake:
  curl -X POST {stage.graph_url}/sim/customer -d '{{"from": "{WITH_NINTH}", "text": "Nozes"}}'
What stands in Chatwoot:
  curl {token} {conversation}/messages
An agent answers, and the bot is silent from then on:
  curl {writes} \\
    {conversation}/messages -d '{{"content": "Oi **Marina**!"}}'
An agent resolves the conversation, and the bot may speak again:
  curl {writes} \\
    {conversation}/toggle_status -d '{{"status": "resolved"}}'
An agent gives the number a command, and what Ponte says:
  curl {writes} {room} -d '{{"content": "ajuda"}}'
  curl {token} {room}
What went onto WhatsApp:
  curl {stage.graph_url}/sim/sent
What became of a message:
  {ponte} why --url {service.url} --key {service.key} MESSAGE_ID
Who a number is:
  {ponte} who --url {service.url} --key {service.key} {WITH_NINTH}
The instance, and the metrics:
  curl {key} {service.url}/instance/connectionState/{INSTANCE}
  curl {key} {service.url}/metrics"""
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
