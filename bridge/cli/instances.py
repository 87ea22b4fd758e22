"""`ponte instances`: the connected numbers of the running service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bridge.cli import remote
from bridge.cli.connecting import Connecting
from bridge.cli.options import ConfigOption, JsonOption, KeyOption, UrlOption, YesOption
from bridge.cli.printing import out, print_json, printable

app = typer.Typer(no_args_is_help=True, help="The connected numbers. The service must run.")

Name = Annotated[str, typer.Argument(help="Name of the instance.")]
Number = Annotated[
    str | None,
    typer.Option(
        "--number",
        help="Number of the phone, with its country: gives a pairing code to type there.",
        show_default=False,
    ),
]
PngFile = Annotated[
    Path | None,
    typer.Option(
        "--png",
        help="Write the QR code as a picture to this file, while it is valid.",
        show_default=False,
    ),
]


@app.command("list")
def list_(
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the instances, with the number and the inbox of each."""
    rows = remote.find(config, url, key).call("GET", "instance", "fetchInstances")
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("There are no instances yet. POST /instance/create makes one.")
        return

    table = Table("name", "state", "kind", "number", "Chatwoot", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            printable(row["name"]),
            row["connectionStatus"],
            row["integration"],
            printable(row["number"] or "-"),
            printable(_inbox(row.get("Chatwoot"))),
        )
    out().print(table)


@app.command()
def show(
    name: Name,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one instance; asks WhatsApp how its number is connected."""
    service = remote.find(config, url, key)
    state = service.call("GET", "instance", "connectionState", name)["instance"]
    row = service.call("GET", "instance", "fetchInstances", instanceName=name)[0]
    row["Chatwoot"] = service.call("GET", "chatwoot", "find", name)
    if as_json:
        print_json(row)
        return
    chatwoot = row["Chatwoot"]
    facts: dict[str, Any] = {
        "name": row["name"],
        "id": row["id"],
        "kind": row["integration"],
        "number": row["number"],
        "state": ": ".join(filter(None, (state["state"], state.get("reason")))),
        "profile": " ".join(filter(None, (row["profileName"], row["ownerJid"]))),
        "inbox": _inbox(chatwoot),
        "created": row["createdAt"],
    }
    if chatwoot["enabled"]:
        switches = ("signMsg", "reopenConversation", "conversationPending", "mergeBrazilContacts")
        facts["switches"] = ", ".join(s for s in switches if chatwoot[s]) or "none"
        facts["webhook"] = f"{chatwoot['webhook_url']}/… (the secret end is not shown)"
    for fact, value in facts.items():
        typer.echo(f"{fact:<9} {printable(value or '-')}")


@app.command()
def connect(
    name: Name,
    *,
    number: Number = None,
    png: PngFile = None,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect a number: show its QR code until somebody has scanned it.

    Exit code 1 when it does not connect, or nobody scans. With --json the service's first answer
    is printed, and nothing is waited for.
    """
    service = remote.find(config, url, key)
    if as_json:
        print_json(service.call("GET", "instance", "connect", name, number=number))
        return
    Connecting(service=service, name=name, number=number, png=png).run()


@app.command()
def restart(
    name: Name,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Break the connection of a number and connect it anew."""
    service = remote.find(config, url, key)
    service.call("POST", "instance", "restart", name)
    state = service.call("GET", "instance", "connectionState", name)["instance"]["state"]
    if state == "connecting":
        typer.echo(f"{printable(name)} is connecting. Its code: `ponte instances connect`.")
    else:
        typer.echo(f"The connection of {printable(name)} was made anew: {state}.")


@app.command()
def logout(
    name: Name,
    yes: YesOption = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """End the session of a number, on its phone too. It takes a new QR code to connect again."""
    service = remote.find(config, url, key)
    if not yes:
        typer.confirm(f"Log {printable(name)} out of WhatsApp?", abort=True)
    service.call("DELETE", "instance", "logout", name)
    typer.echo(f"{printable(name)} is logged out.")


@app.command()
def delete(
    name: Name,
    yes: YesOption = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Delete an instance. Its inbox and conversations stay in Chatwoot."""
    service = remote.find(config, url, key)
    if not yes:
        typer.confirm(f"Delete the instance {printable(name)}?", abort=True)
    service.call("DELETE", "instance", "delete", name)
    typer.echo(f"The instance {printable(name)} is deleted.")


def _inbox(chatwoot: dict[str, Any] | None) -> str:
    if not chatwoot or not chatwoot["url"]:
        return "not set up"
    if not chatwoot["enabled"]:
        return "switched off"
    inbox = f"inbox {chatwoot['inboxId']}" if chatwoot.get("inboxId") else "no inbox yet"
    return f"{chatwoot['nameInbox']!r} ({inbox}) at {chatwoot['url']}"
