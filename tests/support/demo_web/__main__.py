"""Show a number that is connected by QR code, from the code to the end.

The service and the worker of the number are the real ones, library included. WhatsApp's servers,
the phone, the customers and Chatwoot are stand-ins on this machine: no real WhatsApp is involved.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bridge.cli.demo.stage import LOG_FILE, log_into
from bridge.cli.demo.telling import AROUND, Transcript
from bridge.errors import BridgeError
from support.demo_web.stage import INSTANCE, Stage, staged
from support.demo_web.story import play, reckon
from support.whatsapp_web.wheel import installed


async def demo(folder: Path, *, keep: bool, pause: float) -> bool:
    show = Transcript(pause=pause)
    await show.line(
        AROUND,
        "Ponte and the worker of a number, between stand-ins of WhatsApp Web and Chatwoot. No real "
        "WhatsApp is involved.",
    )
    async with staged(folder, show) as stage:
        await play(stage)
        adds_up = await reckon(stage)
        await show.line(AROUND, "Everything adds up." if adds_up else "This does not add up.")
        if keep:
            await explore(stage, folder)
    return adds_up


async def explore(stage: Stage, folder: Path) -> None:
    """Leave everything running, with the phone linked again, until Ctrl-C."""
    shown_again = await stage.call("GET", "instance", "connect", INSTANCE)
    await (await stage.phone.scan(shown_again["code"])).connected()
    await stage.state("open")
    key = f"-H 'apikey: {stage.service.key}'"
    account = f"{stage.chatwoot_url}/api/v1/accounts/{stage.chatwoot.account_id}"
    token = f"-H 'api_access_token: {stage.chatwoot.agent_token}'"
    sys.stdout.write(
        f"""
The number was linked once more, and it keeps running. Press Ctrl-C to stop.

  Ponte     {stage.service.url}    API key {stage.service.key}, documentation at /docs
  Chatwoot  {stage.chatwoot_url}    stand-in; token {stage.chatwoot.agent_token}
  log       {folder / LOG_FILE}

  curl {key} {stage.service.url}/instance/connectionState/{INSTANCE}
  curl {token} {account}/conversations
"""
    )
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo-web", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--fast", action="store_true", help="do not pause for reading")
    arguments = parser.parse_args()
    if installed() is None:
        sys.stderr.write("make demo-web needs Linux on x86-64, with glibc 2.34 or newer.\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="ponte-demo-web-"))
    is_sound = False
    try:
        log_into(folder)
        pause = 0 if arguments.fast else 0.15
        is_sound = asyncio.run(demo(folder, keep=arguments.keep, pause=pause))
    except (BridgeError, AssertionError) as error:
        sys.stderr.write(f"{error}\n")
    finally:
        if arguments.keep or not is_sound:
            sys.stdout.write(f"\nData and log are left in {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
