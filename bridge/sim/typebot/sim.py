"""The stand-in itself: one viewer, served over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from aiohttp import web

from bridge.sim.typebot import chat_routes, other_routes
from bridge.sim.typebot.control_routes import add_controls
from bridge.sim.typebot.server import BODY_LIMIT, add_routes
from bridge.sim.typebot.viewer import Viewer


class TypebotSim(Viewer):
    """The stand-in: `async with TypebotSim() as sim`, or `async with sim.serving() as url`.

    State lives as long as the object, so that serving twice is a restart.
    """

    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The base URL, to be used in place of a viewer's. Raises `RuntimeError` before start."""
        if self.base_url is None:
            raise RuntimeError("the stand-in is not served yet")
        return self.base_url

    def app(self) -> web.Application:
        """The application; its shutdown lets go what hangs."""
        app = web.Application(client_max_size=BODY_LIMIT)
        add_controls(app, self)
        add_routes(app, self, [*chat_routes.ROUTES, *other_routes.ROUTES])

        async def let_go(_app: web.Application) -> None:
            self.faults.clear()

        app.on_shutdown.append(let_go)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Serve on a real socket and give the URL."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self._runner = runner
        self.base_url = f"http://{host}:{runner.addresses[0][1]}"
        return self.base_url

    async def stop(self) -> None:
        """End serving; the state stays."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve and give the base URL."""
        try:
            yield await self.start(host, port)
        finally:
            await self.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
