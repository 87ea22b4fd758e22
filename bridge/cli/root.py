"""All commands under one name, and the one place where failures become text and exit codes."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from bridge import __version__
from bridge.cli.printing import complain
from bridge.errors import BridgeError, SetupError

FAILED, WRONG_SETUP = 1, 2

#: Command -> its module, whose `app` it is, and its line in the list of commands. A module is
#: imported when its command is called: `ponte why` need not wait for what the demo needs.
COMMANDS = {
    "serve": ("serve", "Run the service."),
    "demo": ("demo", "Play a conversation against stand-ins; no accounts needed."),
    "doctor": ("doctor", "Check settings, database, Chatwoot and WhatsApp, and give advice."),
    "config": ("config", "Settings, keys, and the example file."),
    "instances": ("instances", "The connected numbers."),
    "why": ("why", "Tell what became of a message, and why."),
    "who": ("who", "Tell who somebody is, and how that is known."),
    "dead-letters": ("dead_letters", "What could not be delivered."),
    "merge": ("merge", "Contacts of one person in Chatwoot: find them, then merge them."),
    "backup": ("backup", "Copy the database, also while the service runs."),
    "restore": ("restore", "Put a backup back; nothing is sent again without confirmation."),
}


class Group(TyperGroup):
    """Finds commands late, and tells a failure that has a name in one paragraph."""

    _lists = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  (the signature is typer's)
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  (the same)
        if cmd_name not in COMMANDS:
            return None
        module, line = COMMANDS[cmd_name]
        if self._lists:
            return TyperCommand(cmd_name, help=line)
        command = get_command(import_module(f"bridge.cli.{module}").app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._lists = True
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            complain(error)
            raise typer.Exit(WRONG_SETUP if isinstance(error, SetupError) else FAILED) from error


app = typer.Typer(
    cls=Group,
    help="Ponte connects WhatsApp numbers to Chatwoot inboxes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ponte {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
