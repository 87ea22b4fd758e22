"""Numbers that are connected by QR code: the engine that they need, and how they are connected."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

from bridge.cli.doctor.finding import Examined, Finding
from bridge.cli.doctor.local import PONTE
from bridge.core.connection import ConnectionView, LinkState, owner_number

WHAT: Final = "WhatsApp Web"
_EXTRA: Final = "pip install 'ponte[whatsapp-web]'"
_LIBRARY: Final = "neonize"
#: The oldest C library that the engine runs with; its wheel promises an older one (neonize.md 1).
_GLIBC: Final = (2, 34)
_MACHINES: Final = ("x86_64", "amd64", "aarch64", "arm64")
_LONGEST: Final = 300
_SECONDS: Final = 30
#: Banned, outdated: to try again is no remedy, and the reason tells one.
_NOT_NOW: Final = (403, 405)
#: Loading it may end the process, so it is done in one of its own, as the service does it.
_LOAD: Final = """
import sys
from bridge.whatsapp.web.worker import library
from bridge.whatsapp.web.worker.failures import NoEngine
try:
    wheel = library.find()
    library.load(wheel)
except NoEngine as error:
    sys.exit(error.message)
print(wheel.version)
"""


def engine_finding(numbers: int) -> Finding:
    """Whether the engine is there and can be loaded. `numbers`: how many instances need it."""
    need = f"{numbers} instance(s) need it" if numbers else "no instance needs it"
    obstacle = _obstacle()
    if find_spec(_LIBRARY) is None:
        text = f"the optional part whatsapp-web is not installed; {need}"
        if not numbers:
            return PONTE.ok(WHAT, text)
        return PONTE.failure(WHAT, text, obstacle or f"{_EXTRA}, then restart Ponte.")
    failed, told = _loaded()
    if not failed:
        return PONTE.ok(WHAT, f"its engine can be loaded, version {told}; {need}")
    found = PONTE.failure if numbers else PONTE.warning
    return found(WHAT, f"its engine cannot be loaded: {told}; {need}", obstacle)


def _obstacle() -> str | None:
    """What about this machine keeps the engine from running; None: nothing that we know of."""
    machine = platform.machine().lower()
    if sys.platform not in ("linux", "darwin") or machine not in _MACHINES:
        return f"There is no engine for {sys.platform} on {machine}: run Ponte on 64-bit Linux."
    if sys.platform == "linux":
        name, version = platform.libc_ver()
        if name != "glibc":
            return "It needs glibc, which Alpine has not: run Ponte on Debian, Ubuntu or alike."
        parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if parts < _GLIBC:
            return f"It needs glibc 2.34 (Debian 12, Ubuntu 22.04) or newer; this is {version}."
    return None


def _loaded() -> tuple[bool, str]:
    """True when it failed; the version, or why."""
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            (sys.executable, "-c", _LOAD),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True, f"it took longer than {_SECONDS} s"
    except OSError as error:
        return True, error.strerror or type(error).__name__
    if done.returncode == 0:
        return False, done.stdout.strip()
    if done.returncode < 0:
        return True, f"its process was ended by signal {-done.returncode}"
    last = done.stderr.strip().rpartition("\n")[2]
    return True, last[:_LONGEST] or f"exit code {done.returncode}"


def number_findings(
    found: Examined, name: str, view: ConnectionView | None, since: str | None
) -> Iterator[Finding]:
    """How a number was connected when the service last heard of it, and when somebody wrote."""
    connect = f"Run: ponte instances connect {shlex.quote(name)}"
    number = owner_number(view.owner_jid) if view is not None else ""
    who = " ".join(filter(None, (number, _profile(view))))
    if view is None:
        yield found.warning("WhatsApp", "it was never connected", connect)
    elif view.state is LinkState.OPEN:
        yield found.ok("WhatsApp", f"{who or 'the number'} is connected by QR code")
    elif view.state is LinkState.CONNECTING:
        why = f": {view.reason}" if view.reason else ""
        yield found.warning("WhatsApp", f"{who or 'the number'} is connecting{why}", connect)
    else:
        why = view.reason or "no reason was told"
        advice = None if view.code in _NOT_NOW else connect
        yield found.failure("WhatsApp", f"{who or 'the number'} is not connected: {why}", advice)
    if since is None:
        yield found.warning("from WhatsApp", "no message has arrived yet", "Write to the number.")
    else:
        yield found.ok("from WhatsApp", f"the last message arrived {since}")


def _profile(view: ConnectionView | None) -> str:
    return (view.profile_name or "") if view is not None else ""
