"""`ponte config`: settings, keys, and the example file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bridge.cli import example as examples
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.printing import note, print_json
from bridge.errors import SetupError
from bridge.settings import load

if TYPE_CHECKING:
    from bridge.store.secrets import Vault

app = typer.Typer(no_args_is_help=True, help="Settings, keys, and the example file.")


@app.command()
def example() -> None:
    """Print config.example.toml: every option, its meaning, its default, its environment name."""
    typer.echo(examples.example(), nl=False)


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print what holds at present, from file and environment. Secrets are masked."""
    settings = load(config)
    if as_json:
        print_json(examples.plain(settings))
    else:
        typer.echo(examples.shown(settings), nl=False)


@app.command()
def key() -> None:
    """Print a new API key, for auth.api_key."""
    from bridge.store.secrets import new_key  # noqa: PLC0415  (cryptography takes its time)

    typer.echo(new_key())


@app.command()
def secret() -> None:
    """Print a new key for storage.secret_keys, which encrypts the tokens that are stored."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (see `key`)

    typer.echo(Fernet.generate_key().decode())


@app.command()
def rotate(config: ConfigOption = None) -> None:
    """Encrypt stored tokens anew with the first storage key. The service must be stopped.

    Before: put the new key (`ponte config secret`) in front of the old one in
    storage.secret_keys, or as first line of the file secret.key.
    """
    from bridge.app import DATABASE  # noqa: PLC0415  (it brings the whole service along)
    from bridge.store import schema  # noqa: PLC0415  (the same)
    from bridge.store.lock import only_one  # noqa: PLC0415
    from bridge.store.secrets import KEY_FILE, load_vault  # noqa: PLC0415

    settings = load(config)
    data = settings.storage.data_dir
    path = data / DATABASE
    if not path.exists():
        raise SetupError(f"There is no database {path} yet.", advice="Check storage.data_dir.")
    with only_one(data):
        schema.prepare(path)
        given = [one.get_secret_value() for one in settings.storage.secret_keys]
        vault = load_vault(given, data)
        count = asyncio.run(_reseal(path, vault))
        keys = given or (data / KEY_FILE).read_text("ascii").split()
    typer.echo(f"{count} stored secrets are now encrypted with the first key.")
    if len(keys) > 1:
        note("The other keys open nothing that is stored any more, but backups may need them.")


async def _reseal(path: Path, vault: Vault) -> int:
    """How many secrets were sealed anew."""
    from bridge.relay.cleanup import CLEANUP  # noqa: PLC0415  (see `rotate`)
    from bridge.store.engine import Store, Unit  # noqa: PLC0415
    from bridge.store.queries import instances, jobs  # noqa: PLC0415

    def work(unit: Unit) -> int:
        instances.everything(unit.db, vault)  # says so when no key fits
        return instances.reseal(unit.db, vault) + jobs.reseal(unit.db, CLEANUP, vault.rotate)

    store = await Store.open(path)
    try:
        return await store.write(work, durable=True)
    finally:
        await store.close()
