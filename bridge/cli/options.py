"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="A TOML file. Without it: the file that PONTE_CONFIG names, else ./config.toml.",
        show_default=False,
    ),
]
UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of the running service. Without it: server.host and server.port.",
        show_default=False,
    ),
]
KeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--key", help="API key. Without it: auth.api_key.", show_default=False),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
