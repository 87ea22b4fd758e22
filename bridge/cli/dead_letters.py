"""`ponte dead-letters`: what could not be delivered, and what to do with it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bridge.cli import asking, remote
from bridge.cli.options import ConfigOption, JsonOption, KeyOption, UrlOption
from bridge.cli.printing import out, print_json, printable
from bridge.cli.why import tell

app = typer.Typer(no_args_is_help=True, help="What could not be delivered.")

Numbers = Annotated[list[int], typer.Argument(help="Numbers from `ponte dead-letters list`.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    rows = asking.dead_letters(remote.find(config, url, key), limit=limit)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("There are no dead letters.")
        return

    table = Table("id", "died (UTC)", "road", "message", "why", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            row["died"][:19].replace("T", " "),
            row["road"],
            printable(row["message"] or "-"),
            printable(f"{row['cause']}: {row['reason']}"),
        )
    out().print(table)
    typer.echo(
        "\nponte dead-letters show ID tells more; replay ID tries again; discard ID gives up."
    )


@app.command()
def show(
    number: Annotated[int, typer.Argument(min=1)],
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole, with its payload: what somebody wrote may stand in it."""
    letter = asking.dead_letter(remote.find(config, url, key), number)
    if as_json:
        print_json(letter)
        return
    tell(letter)
    typer.echo()
    print_json(letter["payload"])


@app.command()
def replay(
    numbers: Numbers, config: ConfigOption = None, url: UrlOption = None, key: KeyOption = None
) -> None:
    """Put dead letters back into their lanes, as newly accepted. The service must run."""
    service = remote.find(config, url, key)
    for number in numbers:
        service.call("POST", "dead-letters", str(number), "replay")
        typer.echo(f"{number} waits to be tried again.")


@app.command()
def discard(
    numbers: Numbers, config: ConfigOption = None, url: UrlOption = None, key: KeyOption = None
) -> None:
    """Give dead letters up for good. Their traces stay. The service must run."""
    service = remote.find(config, url, key)
    for number in numbers:
        service.call("DELETE", "dead-letters", str(number))
        typer.echo(f"{number} is given up.")
