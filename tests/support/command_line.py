"""`ponte` as users call it: in this process where that is quick, as a process where it matters."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from bridge.cli.root import app
from support.bridge_house import APP_SECRET, KEY, VERIFY_TOKEN, House

COMMAND = (sys.executable, "-m", "bridge")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def call(*arguments: object, answers: str | None = None) -> Said:
    """Call it in this process. From an async test use `House`'s thread: `ask`."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], input=answers)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


async def ask(*arguments: object, answers: str | None = None) -> Said:
    """The same while an event loop runs here: in a thread, so that the service can answer."""
    return await asyncio.to_thread(call, *arguments, answers=answers)


def environment(**more: str) -> dict[str, str]:
    """The environment without any option of Ponte, but for `more`."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("PONTE_")}
    return rest | {"COLUMNS": "120"} | more


def run(*arguments: object, folder: Path, env: Mapping[str, str] | None = None) -> Said:
    """Run a process in `folder` to its end."""
    done = subprocess.run(  # noqa: S603  (our own program)
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=dict(env or environment()),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def written_config(folder: Path, sections: Mapping[str, Mapping[str, object]]) -> Path:
    """A TOML file. JSON values are TOML values."""
    path = folder / "config.toml"
    path.write_text(
        "\n".join(
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in part.items())
            for name, part in sections.items()
        ),
        "utf-8",
    )
    return path


def config_of(house: House, folder: Path, **changes: Mapping[str, object]) -> Path:
    """The configuration with which `house` runs, as a file; `changes` by section."""
    at = house.settings
    sections: dict[str, dict[str, object]] = {
        "server": {
            "host": "127.0.0.1",
            "port": at.server.port,
            "public_url": at.server.public_url,
        },
        "auth": {"api_key": KEY},
        "storage": {"data_dir": str(at.storage.data_dir)},
        "network": {"allowed_private_hosts": ["127.0.0.1"]},
        "cloud": {
            "base_url": at.cloud.base_url,
            "app_secrets": [APP_SECRET],
            "verify_token": VERIFY_TOKEN,
        },
    }
    for name, part in changes.items():
        sections.setdefault(name, {}).update(part)
    return written_config(folder, sections)
