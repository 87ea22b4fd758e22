"""`python -m bridge.sim.chatwoot`: the stand-in as a process of its own, until it is stopped.

`GET /sim/state` tells the tokens.
"""

from __future__ import annotations

import argparse

from aiohttp import web

from bridge.sim.chatwoot.sim import ChatwootSim


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bridge.sim.chatwoot", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--version", default="4.13.0", help="the Chatwoot that it stands in for")
    parser.add_argument("--locale", choices=("en", "pt_BR"), default="en")
    parser.add_argument("--account-locale", help="what the account tells; else --locale")
    parser.add_argument("--latency", type=float, default=0, help="seconds per request")
    parser.add_argument("--admin-token", help="the administrator's token; else a random one")
    given = parser.parse_args()
    sim = ChatwootSim(
        version=given.version,
        locale=given.locale,
        account_locale=given.account_locale,
        latency=given.latency,
        admin_token=given.admin_token,
    )
    web.run_app(sim.app(), host=given.host, port=given.port, access_log=None)


if __name__ == "__main__":
    main()
