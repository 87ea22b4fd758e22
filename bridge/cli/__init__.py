"""The command line, `ponte`. Importing it is cheap: each command imports what it needs itself."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` names; ends the process.

    Exit codes: 0 done, 1 it failed, 2 the call or the set-up is wrong.
    """
    from bridge.cli.root import app  # noqa: PLC0415  (see above)

    app(prog_name="ponte")
