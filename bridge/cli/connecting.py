"""`ponte instances connect`: the code to scan, in the terminal, until somebody has scanned it.

Asks the running service over its public API, so it can do no more than any caller.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import segno
import typer

from bridge.cli.printing import note, printable
from bridge.cli.remote import Answered, Remote
from bridge.core.connection import owner_number
from bridge.core.instance import BUSINESS
from bridge.errors import SetupError
from bridge.whatsapp.qr import MAX_CODE, grouped

#: Between two questions to the service.
POLL_SECONDS: Final = 1.0
#: As the shell has it for what was ended by Ctrl-C.
INTERRUPTED: Final = 130

_MARGIN: Final = 2
#: Black on white whatever the terminal's own colours are, and back.
_COLOURS: Final = ("\x1b[30;107m", "\x1b[0m")
#: Two rows in one line of text, by (upper, lower) being dark.
_BLOCKS: Final = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    service: Remote
    name: str
    number: str | None = None
    #: Where the picture goes, instead of the terminal.
    png: Path | None = None

    def run(self) -> None:
        """Show codes until the number is connected. Raises `Answered` when it does not connect."""
        if self.png is not None and os.path.lexists(self.png):  # in the end we delete it
            raise SetupError(f"{self.png} is there already.", advice="Name a new file.")
        row = self.service.call("GET", "instance", "fetchInstances", instanceName=self.name)[0]
        if row["integration"] == BUSINESS:
            self._needs_no_code()
            return
        try:
            self._until_open()
        except KeyboardInterrupt:
            note(
                "\nNobody looks any more, but the code can still be scanned while it is valid. "
                f"`ponte instances logout {self.name}` ends the attempt."
            )
            raise typer.Exit(INTERRUPTED) from None
        finally:
            if self.png is not None:
                self.png.unlink(missing_ok=True)  # it is of no more use
        typer.echo(f"{printable(self.name)} is connected{self._owner()}.")

    def _until_open(self) -> None:
        shown: dict[str, Any] = {}
        told = self._ask()
        while True:
            if "code" in told:
                if told != shown:
                    self._show(told, is_first=not shown)
                    shown = told
                time.sleep(POLL_SECONDS)
            if self._is_open():
                return
            told = self._ask()  # it would begin an attempt too, were none going on

    def _is_open(self) -> bool:
        """False while it connects. Raises `Answered` when it does so no more."""
        state = self._state()
        if state["state"] in ("open", "connecting"):
            return bool(state["state"] == "open")
        raise Answered(
            f"{self.name} is not connected: {state.get('reason') or state['state']}",
            code=f"connection.{state['state']}",
        )

    def _ask(self) -> dict[str, Any]:
        """What is to be scanned now; nothing while WhatsApp takes its time."""
        try:
            told = self.service.call("GET", "instance", "connect", self.name, number=self.number)
        except Answered as error:
            if error.cause == "connection.no_qr" and self._state()["state"] == "connecting":
                note(f"{printable(error.message)}\nWaiting; Ctrl-C ends that.")
                return {}
            raise
        return told if isinstance(told, dict) else {}

    def _state(self) -> dict[str, Any]:
        told = self.service.call("GET", "instance", "connectionState", self.name)
        state: dict[str, Any] = told["instance"]
        return state

    def _show(self, told: dict[str, Any], *, is_first: bool) -> None:
        if is_first:
            typer.echo(
                "On the phone: WhatsApp, Linked devices, Link a device. Then scan this code; it "
                "is replaced every few seconds."
            )
        else:
            typer.echo("\nThe next code; the one before is no longer valid:")
        if self.png is not None:
            _write(self.png, b64decode(str(told["base64"]).partition(",")[2]))
            typer.echo(f"The picture is in {self.png}")
        else:
            for line in lines(str(told["code"]), colours=sys.stdout.isatty()):
                typer.echo(line)
        if told.get("pairingCode"):
            typed = grouped(printable(told["pairingCode"]))
            typer.echo(f"Or type this pairing code on the phone: {typed}")
        for warning in told.get("warnings") or ():
            note(printable(warning))
        sys.stdout.flush()

    def _needs_no_code(self) -> None:
        """A Cloud number is connected by its token. Raises `Answered` when that does not work."""
        self.service.call("GET", "instance", "connect", self.name)
        typer.echo(
            f"{printable(self.name)} is a number of Meta's Cloud API: it is connected by its "
            "token and needs no QR code."
        )

    def _owner(self) -> str:
        row = self.service.call("GET", "instance", "fetchInstances", instanceName=self.name)[0]
        number = owner_number(str(row.get("ownerJid") or ""))
        profile = printable(row.get("profileName") or "")
        named = f" as {number}" if number else ""
        return f"{named} ({profile})" if profile else named


def lines(code: str, *, colours: bool) -> Iterator[str]:
    """Draw a code with block characters.

    Without colours what is light is drawn, since most terminals are dark. Raises `Answered` when
    it is no code.
    """
    if not (0 < len(code) <= MAX_CODE and code.isascii()):
        raise Answered("The service gave a code of which no QR code can be made.")
    drawn = segno.make(code, micro=False, error="l", boost_error=False)
    rows = [[bool(cell) for cell in row] for row in drawn.matrix_iter(border=_MARGIN)]
    if len(rows) > shutil.get_terminal_size().columns and sys.stdout.isatty():
        note(f"This terminal is too narrow: make it {len(rows)} columns wide, or use --png FILE.")
    elif not colours:
        note("If this cannot be scanned, have a picture of it written with --png FILE.")
    start, end = _COLOURS if colours else ("", "")
    for upper, lower in zip_longest(rows[::2], rows[1::2]):
        below = lower or [False] * len(upper)  # an odd number of rows: the margin goes on
        pairs = zip(upper, below, strict=True)
        drawn_line = "".join(_BLOCKS[one is colours, other is colours] for one, other in pairs)
        yield f"{start}{drawn_line}{end}"


def _write(path: Path, picture: bytes) -> None:
    """Only its owner may read it: whoever scans it connects a phone of theirs."""
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(picture)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}.") from error
