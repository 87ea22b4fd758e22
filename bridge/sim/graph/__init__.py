"""A stand-in for Meta's Graph API, as far as the WhatsApp Cloud API goes.

It speaks real HTTP in both directions, so that everything of ours is the real code. What it
shows is described in whatsapp-channels.md, chapter A.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bridge.sim.graph import faults
from bridge.sim.graph.control import add_controls
from bridge.sim.graph.faults import Fault, Faults, Route
from bridge.sim.graph.meta import Meta
from bridge.sim.graph.outbox import Attempt
from bridge.sim.graph.payloads import Number, Person, batch, sign
from bridge.sim.graph.records import DERIVED, File, SentMessage, StoredMedia
from bridge.sim.graph.routes import BODY_LIMIT, add_routes
from bridge.sim.graph.templates import Template

__all__ = [
    "DERIVED",
    "Attempt",
    "Fault",
    "Faults",
    "File",
    "GraphSim",
    "Number",
    "Person",
    "Route",
    "SentMessage",
    "StoredMedia",
    "Template",
    "batch",
    "faults",
    "sign",
]


class GraphSim(Meta):
    """The stand-in: `async with GraphSim(...).serving() as url`."""

    def app(self) -> web.Application:
        """Build the application; its cleanup ends what is still on its way to the webhook."""
        app = web.Application(client_max_size=BODY_LIMIT)
        add_controls(app, self)
        add_routes(app, self)

        async def close(_app: web.Application) -> None:
            await self.outbox.close()

        app.on_cleanup.append(close)
        return app

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve and give the base URL, to be used in place of Meta's."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            self.base_url = f"http://{host}:{runner.addresses[0][1]}"
            yield self.base_url
        finally:
            await runner.cleanup()
