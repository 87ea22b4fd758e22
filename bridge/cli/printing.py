"""How the command line writes: plain text for people, JSON for programs, complaints aside."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import typer
from rich.console import Console

from bridge.errors import BridgeError


def out() -> Console:
    """Standard output. Nothing is read as markup or highlighted: peers' texts are printed here."""
    return Console(markup=False, highlight=False, emoji=False)


def complain(error: BridgeError) -> None:
    """Say on standard error what is wrong and what to do."""
    typer.echo(f"ponte: {printable(error.message)}", err=True)
    if error.advice:
        typer.echo(printable(error.advice.strip()), err=True)


def note(text: str) -> None:
    """A remark that is no part of the answer."""
    typer.echo(printable(text), err=True)


def print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def printable(text: object) -> str:
    """Text as a terminal may see it: what peers wrote must not move its cursor."""
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs") else "�"
        for char in str(text)
    )


def ago(seconds: float) -> str:
    """A length of time in the largest unit that fits: "40 s", "3 h", "2 days"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
