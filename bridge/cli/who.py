"""`ponte who`: who somebody is, and how that is known."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from bridge.cli import asking, remote
from bridge.cli.options import ConfigOption, JsonOption, KeyOption, UrlOption
from bridge.cli.printing import out, print_json, printable

app = typer.Typer(add_completion=False)


@app.command()
def who(
    person: Annotated[
        str, typer.Argument(help="A number, a JID, a LID, a BSUID, or a Chatwoot contact id.")
    ],
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell under which numbers and ids a person is known, since when, and by which event.

    Asks the running service; reads its database when it does not run.
    """
    found = asking.who(remote.find(config, url, key), person.strip())
    if as_json:
        print_json(found)
        return
    for number, one in enumerate(found):
        if number:
            typer.echo()
        tell(one)


def tell(one: dict[str, Any]) -> None:
    """Print one person."""
    title = f"person {one['person']} · {one['account']} · since {_day(one['since'])}"
    out().print(printable(title), style="bold", soft_wrap=True)
    for key in one["keys"]:
        _line("key", f"{key['key']} since {_day(key['since'])}: {key['evidence']}")
    for link in one["links"]:
        lost = "" if link["is_theirs"] else " (by now they are two persons')"
        told = f"{link['one']} = {link['other']} since {_day(link['first'])}: {link['evidence']}"
        _line("link", told + lost)
    for former in one["merged_from"]:
        _line("was", f"person {former['person']} since {_day(former['since'])}")
    contacts = [one["contact"] or "-", *(f"also {other}" for other in one["other_contacts"])]
    _line("contact", ", ".join(map(str, contacts)))
    for merge in one["merges"]:
        told = f"{merge['merged']} into {merge['base']}: {merge['state']}, {_day(merge['at'])}"
        _line("merge", f"{told} ({merge['why']})")
    for chat in one["chats"]:
        address = ", ".join(f"{name} {value}" for name, value in chat["address"].items()) or "-"
        _line(
            "chat",
            f"{chat['chat']} on {chat['instance'] or '-'}, conversation"
            f" {chat['conversation'] or '-'} ({chat['status'] or '-'}), to {address},"
            f" last wrote {_day(chat['last_wrote'])}",
        )


def _day(at: str | None) -> str:
    return "-" if at is None else f"{at[:10]} {at[11:19]}"


def _line(what: str, detail: str) -> None:
    line = Text(f"  {what:<8} ", style="dim")
    line.append(printable(detail), style="")
    out().print(line, soft_wrap=True)
