"""The engine's library, loaded without its Python client.

`import neonize` would bring libmagic, image and HTTP libraries, a log thread and a download along
(neonize.md 1). Only the binding and the protobuf modules are wanted, so the packages above them
are empty modules of our own.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import types
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

from bridge.whatsapp.web.worker.failures import NoEngine

INSTALL: Final = "pip install 'ponte[whatsapp-web]'"
_VERSION: Final = re.compile(r"""^__GONEONIZE_VERSION__ = ["']([\w.+-]+)["']""", re.MULTILINE)
_PROXIES: Final = frozenset({"https_proxy", "http_proxy", "all_proxy"})
_MACHINES: Final = {"aarch64": "arm64", "x86_64": "amd64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The package as it lies on disk; nothing of it has run."""

    home: Path
    version: str

    @property
    def binary(self) -> Path:
        return self.home / binary_name()


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the worker uses of the package. Its modules have no types of their own."""

    binder: Any
    #: Events and answers.
    types: Any
    #: Messages.
    e2e: Any
    #: How a device presents itself when it is linked.
    registration: Any
    #: Protobuf's own JSON mapping.
    json: Any


def binary_name() -> str:
    machine = platform.machine().lower()
    ending = "dylib" if sys.platform == "darwin" else "so"
    return f"neonize-{platform.system().lower()}-{_MACHINES.get(machine, machine)}.{ending}"


@cache
def find() -> Wheel:
    """Once: what is loaded hides the package from then on. Raises `NoEngine`, with the remedy."""
    spec = importlib.util.find_spec("neonize")
    if spec is None or not spec.submodule_search_locations:
        raise NoEngine(f"the WhatsApp Web engine is not installed: {INSTALL}")
    wheel = Wheel(home=Path(next(iter(spec.submodule_search_locations))), version="")
    if not wheel.binary.is_file():
        raise NoEngine(f"the WhatsApp Web engine has no {wheel.binary.name} for this machine")
    try:
        found = _VERSION.search((wheel.home / "download.py").read_text("utf-8"))
    except (OSError, UnicodeError):
        found = None
    if found is None:
        raise NoEngine(f"the WhatsApp Web engine is damaged; install it again: {INSTALL}")
    return Wheel(home=wheel.home, version=found[1])


def load(wheel: Wheel, patched: Path | None = None) -> Library:
    """Load it once in a process. `patched` holds another binary (`revision`). Raises `NoEngine`."""
    homes = [str(wheel.home)] if patched is None else [str(patched), str(wheel.home)]
    _empty("neonize", homes)
    _empty("neonize.utils", [])
    _empty("neonize.utils.platform", None).generated_name = binary_name  # type: ignore[attr-defined]
    download = _empty("neonize.download", None)
    download.__GONEONIZE_VERSION__ = wheel.version  # type: ignore[attr-defined]
    download.download = _refuse  # type: ignore[attr-defined]
    try:
        proto = "neonize.proto"
        return Library(
            binder=importlib.import_module("neonize._binder"),
            types=importlib.import_module(f"{proto}.Neonize_pb2"),
            e2e=importlib.import_module(f"{proto}.waE2E.WAWebProtobufsE2E_pb2"),
            registration=importlib.import_module(
                f"{proto}.waCompanionReg.WAWebProtobufsCompanionReg_pb2"
            ),
            json=importlib.import_module("google.protobuf.json_format"),
        )
    except ImportError as error:
        raise NoEngine(
            f"a part of the WhatsApp Web engine is missing ({error.name}): {INSTALL}"
        ) from error
    except OSError as error:
        raise NoEngine(
            "the WhatsApp Web engine cannot be loaded here (it needs glibc 2.34 or newer): "
            f"{type(error).__name__}"
        ) from error
    except RuntimeError as error:
        raise NoEngine(
            f"the WhatsApp Web engine does not fit its version; install it again: {INSTALL}"
        ) from error


def forget_proxies() -> None:
    """Of the environment: the library would reach a SOCKS proxy of the number through them.

    It reads the environment when it is loaded (neonize.md 6, row 8).
    """
    for name in [name for name in os.environ if name.lower() in _PROXIES]:
        del os.environ[name]


def _empty(name: str, homes: list[str] | None) -> types.ModuleType:
    module = types.ModuleType(name)
    if homes is not None:
        module.__path__ = homes
    sys.modules[name] = module
    return module


def _refuse() -> NoReturn:
    raise NoEngine(f"nothing is downloaded at run time: {INSTALL}")
