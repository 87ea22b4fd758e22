"""`ponte merge`: contacts of one person in a whole Chatwoot account, found, shown, then merged."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.table import Table

from bridge.cli import remote
from bridge.cli.options import ConfigOption, JsonOption, KeyOption, UrlOption, YesOption
from bridge.cli.printing import note, out, print_json, printable
from bridge.cli.remote import Remote

app = typer.Typer(
    no_args_is_help=True,
    help="Contacts of one person in Chatwoot: find them, look at them, then merge them. "
    "The service must run.",
)

#: Seconds between two questions how far it is.
PAUSE = 1.0
_AT_WORK = ("planning", "applying")
#: What becomes of pairs, and how it is said.
_WORDS = {"planned": "to merge", "done": "merged", "skipped": "left alone", "failed": "failed"}
#: Pairs in one answer of the service.
_PAGE = 500

Name = Annotated[str, typer.Argument(help="Name of an instance in the Chatwoot account.")]
Number = Annotated[int, typer.Argument(min=1, help="Number of the plan.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is finished.")]


@app.command()
def plan(
    name: Name,
    *,
    no_wait: NoWait = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for contacts of one person in the whole account. Nothing is merged yet."""
    service = remote.find(config, url, key)
    begun = service.call("POST", "merge", "plan", name)
    shown = _whole(service, name, begun["id"] if no_wait else _waited(service, name, begun["id"]))
    _print(shown, name, as_json=as_json)


@app.command()
def show(
    name: Name,
    number: Number,
    *,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a plan: what would be merged into what, and why; or what was."""
    service = remote.find(config, url, key)
    _print(_whole(service, name, number), name, as_json=as_json)


@app.command()
def apply(
    name: Name,
    number: Number,
    *,
    yes: YesOption = False,
    no_wait: NoWait = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge what a plan shows. A merge cannot be undone in Chatwoot."""
    service = remote.find(config, url, key)
    planned = service.call("GET", "merge", "plan", name, str(number), limit=1)
    if not yes and planned["state"] not in ("applying", "applied"):
        question = f"Merge {_many(planned['planned'], 'pair')}? This cannot be undone."
        typer.confirm(question, abort=True, err=True)
    service.call("POST", "merge", "apply", name, str(number))
    if not no_wait:
        _waited(service, name, number)
    _print(_whole(service, name, number), name, as_json=as_json)


@app.command()
def drop(
    name: Name,
    number: Number,
    *,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Stop a plan. What is merged stays merged, the rest is left as it is."""
    row = remote.find(config, url, key).call("DELETE", "merge", "plan", name, str(number))
    typer.echo(f"Plan {number} is {row['state']}. Pairs: {_counted(row)}.")


@app.command()
def plans(
    name: Name,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest plans of the account."""
    rows = remote.find(config, url, key).call("GET", "merge", "plan", name)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"There are no plans yet. ponte merge plan {name} makes one.")
        return
    table = Table("plan", "made (UTC)", "state", "contacts", "pairs", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            _moment(row["created"]),
            row["state"],
            str(row["seen"]),
            _counted(row),
        )
    out().print(table)


@app.command("list")
def list_(
    name: Name,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    config: ConfigOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was merged in the account, by messages and by plans, newest first."""
    rows = remote.find(config, url, key).call("GET", "merge", "list", name, limit=limit)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("Nothing was merged yet.")
        return
    _table(rows)


def _waited(service: Remote, name: str, number: int) -> int:
    """Wait until nobody works on the plan, and say how far it is; gives its number."""
    told = ""
    while True:
        row = service.call("GET", "merge", "plan", name, str(number), limit=1)
        if row["state"] not in _AT_WORK:
            return number
        if row["state"] == "planning":
            pairs = _many(row["pairs"], "pair")
            now = f"Plan {number}: {_many(row['seen'], 'contact')} looked at, {pairs} so far."
        else:
            now = f"Plan {number}: {row['pairs'] - row['planned']} of {row['pairs']} pairs."
        if now != told:
            note(now)
            told = now
        time.sleep(PAUSE)


def _whole(service: Remote, name: str, number: int) -> dict[str, Any]:
    """A plan with all its pairs."""
    shown: dict[str, Any] = service.call("GET", "merge", "plan", name, str(number), limit=_PAGE)
    page = shown["merges"]
    while len(page) == _PAGE:
        last = page[-1]["id"]
        more = service.call("GET", "merge", "plan", name, str(number), limit=_PAGE, after=last)
        page = more["merges"]
        shown["merges"] += page
    return shown


def _print(shown: dict[str, Any], name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    reason = f" ({printable(shown['reason'])})" if shown["reason"] else ""
    typer.echo(
        f"Plan {shown['id']} is {shown['state']}{reason}. "
        f"Contacts looked at: {shown['seen']}; pairs: {_counted(shown)}."
    )
    if shown["merges"]:
        typer.echo()
        _table(shown["merges"])
    if shown["state"] == "planned" and shown["planned"]:
        typer.echo(f"\nponte merge apply {printable(name)} {shown['id']} merges them.")


def _table(rows: list[dict[str, Any]]) -> None:
    table = Table("id", "contact", "into", "moves", "why", "state", box=None, pad_edge=False)
    for row in rows:
        moved = row["moved"]
        state = f"{row['state']}: {row['reason']}" if row["reason"] else row["state"]
        table.add_row(
            str(row["id"]),
            _contact(moved["mergee"]),
            _contact(moved["base"]),
            _moves(moved),
            printable(row["why"]),
            printable(state),
        )
    out().print(table)


def _contact(contact: dict[str, Any]) -> str:
    facts = (contact["name"], contact["phone_number"] or contact["identifier"])
    return printable(" ".join((*(fact for fact in facts if fact), f"#{contact['id']}")))


def _moves(moved: dict[str, Any]) -> str:
    """Conversations, and what we carry over beside them."""
    count = len(moved["mergee"]["conversations"])
    carry = moved["carry"]
    found = [_many(count, "conversation")]
    found += [f"label {label}" for label in carry["labels"]]
    found += ["blocked"] if carry["blocked"] else []
    found += [
        f"{what.partition('_')[0]} {carry[what]}"
        for what in ("phone_number", "name")
        if what in carry
    ]
    return printable(", ".join(found))


def _counted(row: dict[str, Any]) -> str:
    if not row["pairs"]:
        return "none"
    return ", ".join(f"{row[state]} {words}" for state, words in _WORDS.items() if row[state])


def _moment(text: str) -> str:
    return text[:19].replace("T", " ")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
