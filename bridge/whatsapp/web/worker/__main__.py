"""``python -m bridge.whatsapp.web.worker --fd N``: started by Ponte, and gone with it."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
import sys
import traceback
from typing import Final, NoReturn

from bridge.whatsapp.web.worker import memory
from bridge.whatsapp.web.worker.link import Link
from bridge.whatsapp.web.worker.service import Service

_PR_SET_PDEATHSIG: Final = 1
#: Seconds that one thread may keep the others from running.
_SWITCH: Final = 0.0002
_PR_SET_NO_NEW_PRIVS: Final = 38


def main() -> NoReturn:
    options = argparse.ArgumentParser(prog="ponte-whatsapp-web")
    options.add_argument("--fd", type=int, required=True)
    given = options.parse_args()
    _go_with_parent()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory.bound()
    # What the engine tells is lost with the process until it is written down: that goes first.
    sys.setswitchinterval(_SWITCH)
    code = 0
    try:
        asyncio.run(_serve(given.fd), debug=False)
    except BaseException:  # noqa: BLE001 - said, and gone
        traceback.print_exc()
        code = 1
    _leave(code)


async def _serve(fd: int) -> None:
    try:
        await Service(await Link.over(fd)).run()
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        _leave(1)
    # Threads of the engine may never end, so the interpreter's own end is not waited for.
    _leave(0)


def _leave(code: int) -> NoReturn:
    sys.stderr.flush()
    os._exit(code)


def _go_with_parent() -> None:
    """Be killed when the parent dies, whatever this process is busy with; gain no rights."""
    parent = os.getppid()
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # no program with rights of its own, like sudo
    if os.getppid() != parent:  # it died meanwhile; if before, the socket has ended
        os._exit(0)


main()
