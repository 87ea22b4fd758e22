"""`python -m bridge.sim.typebot`: the stand-in as a process of its own, until it is stopped.

Flows are files in the format of the package. `GET /sim/state` tells the token.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aiohttp import web

from bridge.sim.typebot.checking import BadFlow
from bridge.sim.typebot.flows import load
from bridge.sim.typebot.sim import TypebotSim


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bridge.sim.typebot", description=__doc__)
    parser.add_argument("flows", nargs="*", type=Path, help="TOML files, or folders of them")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--latency", type=float, default=0, help="seconds per reply")
    parser.add_argument("--api-token", default="sim-typebot-token", help="for previews and set-up")
    given = parser.parse_args()
    try:
        flows = [load(file) for path in given.flows for file in _files(path)]
    except (BadFlow, OSError) as error:
        parser.error(str(error))
    sim = TypebotSim(flows=flows, api_token=given.api_token, latency=given.latency)
    web.run_app(sim.app(), host=given.host, port=given.port, access_log=None)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]


if __name__ == "__main__":
    main()
