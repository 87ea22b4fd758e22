"""`ponte backup`: a copy of the database, also while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.app import DATABASE
from bridge.cli.options import ConfigOption
from bridge.cli.printing import note
from bridge.errors import SetupError
from bridge.settings import load
from bridge.store.backup import backup_file
from bridge.store.secrets import KEY_FILE
from bridge.whatsapp.web.kind import FOLDER

app = typer.Typer(add_completion=False)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy.", dir_okay=False)],
    overwrite: Annotated[bool, typer.Option(help="Replace FILE if it is there.")] = False,
    config: ConfigOption = None,
) -> None:
    """Copy the database into FILE, also while the service runs.

    FILE holds messages, and tokens that are encrypted with the key in the data folder.
    """
    settings = load(config)
    database = settings.storage.data_dir / DATABASE
    if not database.exists():
        raise SetupError(f"There is no database {database}.", advice="Check storage.data_dir.")
    backup_file(database, file, overwrite=overwrite)
    typer.echo(f"{file} is written, {file.stat().st_size / 1e6:.1f} MB.")
    key = "storage.secret_keys" if settings.storage.secret_keys else database.with_name(KEY_FILE)
    note(f"Keep {key} as well, in another place: without it the tokens in the backup are lost.")
    if any((settings.storage.data_dir / FOLDER).glob("*/session.db")):
        note(
            "The sessions of numbers connected by QR code are not in it, on purpose: an old copy "
            "of one does harm. Where they are lost, the codes are scanned again."
        )
