"""`ponte restore`: put a backup back, and decide what becomes of what waits in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from bridge.app import DATABASE
from bridge.cli.doctor.local import vault_of
from bridge.cli.offline import reading
from bridge.cli.options import ConfigOption, YesOption
from bridge.cli.printing import note
from bridge.clock import SystemClock, utc
from bridge.errors import SetupError
from bridge.settings import Settings, load
from bridge.store import backup
from bridge.store.lock import only_one
from bridge.store.queries import instances

app = typer.Typer(add_completion=False)


@app.command()
def restore(
    file: Annotated[
        Path | None, typer.Argument(help="A file that `ponte backup` wrote.", dir_okay=False)
    ] = None,
    resend: Annotated[
        bool | None,
        typer.Option(
            "--resend/--no-resend",
            help="Decide about messages for WhatsApp that wait in a restored backup: send them, "
            "or never.",
            show_default=False,
        ),
    ] = None,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Put a backup in the place of the database. The service must be stopped.

    What waited in the backup may have been sent since it was made. So none of it is sent until you
    decide, with `ponte restore --resend` or `ponte restore --no-resend`. What the service accepts
    from now on goes its way at once.
    """
    settings = load(config)
    if file is None and resend is None:
        raise SetupError(
            "Nothing is named to be restored.",
            advice="Name a file that `ponte backup` wrote; or decide about the backup that was "
            "restored before: --resend or --no-resend.",
        )
    with only_one(_folder(settings)):
        if file is not None:
            _put_back(settings, file, yes=yes)
        if resend is not None:
            _decide(settings, resend=resend)


def _folder(settings: Settings) -> Path:
    """The data folder, made when the machine is new."""
    data = settings.storage.data_dir
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The data folder {data} cannot be made: {error.strerror}.",
            advice="Choose another storage.data_dir, or give this user the right to write there.",
        ) from error
    return data


def _put_back(settings: Settings, file: Path, *, yes: bool) -> None:
    database = settings.storage.data_dir / DATABASE
    if database.exists() and not yes:
        typer.confirm(f"Put {file} in the place of {database}?", abort=True)
    now = SystemClock().ms()
    aside = backup.restore(
        file, database, now=now, suffix=f"before-restore-{utc(now):%Y%m%dT%H%M%SZ}"
    )
    typer.echo(f"{file} is restored.")
    if aside is not None:
        typer.echo(f"The database before is kept as {aside}.")
    with reading(database) as db:
        held = backup.held(db)
        _try_the_key(settings, db)
    if held:
        typer.echo(
            f"{held} messages waited for WhatsApp in it and are held: they may have been sent "
            "already.\n`ponte restore --resend` sends them, `ponte restore --no-resend` gives "
            "them up; both before `ponte serve`, or with the service stopped again."
        )


def _try_the_key(settings: Settings, db: sqlite3.Connection) -> None:
    """Say at once when the tokens in the backup belong to another key."""
    try:
        if db.execute("SELECT 1 FROM instance LIMIT 1").fetchone():
            instances.everything(db, vault_of(settings))
    except SetupError as error:
        note(f"Attention: {error}")


def _decide(settings: Settings, *, resend: bool) -> None:
    database = settings.storage.data_dir / DATABASE
    count = backup.confirm_file(database, resend=resend, now=SystemClock().ms())
    done = "wait to be sent" if resend else "will not be sent"
    typer.echo(f"{count} held messages {done}. Start the service: `ponte serve`.")
