"""`ponte serve`: run the service until somebody stops it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import import_module

import structlog
import typer

from bridge import logs
from bridge.app import serve as serving
from bridge.cli.options import ConfigOption
from bridge.errors import SetupError
from bridge.settings import Settings, load, require_key

app = typer.Typer(add_completion=False)
log = structlog.get_logger(__name__)


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the service.

    SIGTERM or Ctrl-C lets running jobs finish (server.drain_seconds); a second one stops at once.
    """
    settings = load(config)
    require_key(settings)
    logs.configure(settings.log.level, settings.log.format)
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(_serve(settings))


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Use uvloop where it is installed (`pip install ponte[speed]`)."""
    try:
        make: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return make


async def _serve(settings: Settings) -> None:
    asked = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        for again in signals:  # the next one ends the process; what ran is found at the next start
            signal.signal(again, signal.SIG_DFL)
        log.info(
            "service.stopping", signal=number.name, drain_seconds=settings.server.drain_seconds
        )
        asked.set()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop, number)
    async with AsyncExitStack() as stack:
        try:
            _service, url = await stack.enter_async_context(serving(settings))
        except OSError as error:
            raise SetupError(
                f"Ponte cannot listen on {settings.server.host} port {settings.server.port}: "
                f"{error.strerror}.",
                advice="Choose another server.host or server.port, or stop what listens there.",
            ) from error
        log.info(
            "service.listening",
            url=url,
            public_url=settings.server.public_url,
            data_dir=str(settings.storage.data_dir),
        )
        await asked.wait()
