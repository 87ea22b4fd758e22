"""`ponte why`: the stored story of one message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from bridge.cli import asking, remote
from bridge.cli.options import ConfigOption, JsonOption, KeyOption, UrlOption
from bridge.cli.printing import out, print_json, printable

app = typer.Typer(add_completion=False)

STYLES = {"delivered": "green", "ignored": "yellow", "dead": "red", "waiting": "cyan"}


@app.command()
def why(
    message: Annotated[
        str, typer.Argument(help="A WhatsApp message id, or a Chatwoot message number.")
    ],
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what became of a message, step by step, and why.

    Asks the running service; reads its database when it does not run.
    """
    found = asking.why(remote.find(config, url, key), message.strip())
    if as_json:
        print_json(found)
        return
    for number, story in enumerate(found):
        if number:
            typer.echo()
        tell(story)


def tell(story: dict[str, Any]) -> None:
    """Print one job: when it was accepted, its steps with the time since, how it ended."""
    console = out()
    state = story["state"]
    console.print(
        printable(f"{story['kind']} · {story['message'] or '-'} · job {story['job']}"),
        style="bold",
        soft_wrap=True,
    )
    accepted = datetime.fromisoformat(story["accepted"])
    _line("accepted", f"{accepted:%Y-%m-%d %H:%M:%S}.{accepted.microsecond // 1000:03d} UTC")
    for step in story["steps"]:
        _line(step["step"], step["detail"], at=_since(accepted, step["at"]))
    ended = _since(accepted, story["ended"] or story["due"])
    reason = ": ".join(printable(part) for part in (story["cause"], story["reason"]) if part)
    _line(state, reason, at=ended, style=STYLES.get(state, ""))
    if story["attempts"]:
        _line("attempts", str(story["attempts"]))
    for part in story["messages"]:
        _line("", _pair(part))


def _pair(part: dict[str, Any]) -> str:
    told = (
        f"WhatsApp {part['whatsapp_id'] or '-'} = Chatwoot message {part['chatwoot_id'] or '-'}"
        f" in conversation {part['conversation_id'] or '-'}: {part['state']}"
    )
    return f"{told} ({part['reason']})" if part["reason"] else told


def _since(accepted: datetime, at: str | None) -> str:
    if at is None:
        return ""
    # What was before a replay counts backwards: then it was accepted anew.
    return f"{(datetime.fromisoformat(at) - accepted).total_seconds():+.3f} s"


def _line(step: str, detail: str, *, at: str = "", style: str = "") -> None:

    line = Text(f"  {at:>12}  ", style="dim")
    line.append(f"{printable(step):<10} ", style=style or "bold")
    line.append(printable(detail), style="")
    out().print(line, soft_wrap=True)
