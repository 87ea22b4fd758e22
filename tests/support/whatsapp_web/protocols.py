"""WhatsApp's protocol buffers, as the wheel brings them; loaded at the first use.

`protocols.e2e.Message(conversation="Hello")`
"""

from __future__ import annotations

import importlib
from typing import Any, TypeAlias

from support.whatsapp_web import wheel

#: The classes have no types that mypy could see.
Message: TypeAlias = Any

_MODULES = {
    "action": "waSyncAction.WAWebProtobufSyncAction_pb2",
    "adv": "waAdv.WAAdv_pb2",
    "cert": "waCert.WACert_pb2",
    "common": "waCommon.WACommon_pb2",
    "e2e": "waE2E.WAWebProtobufsE2E_pb2",
    "registration": "waCompanionReg.WAWebProtobufsCompanionReg_pb2",
    "history": "waHistorySync.WAWebProtobufsHistorySync_pb2",
    "sync": "waServerSync.WAWebProtobufsServerSync_pb2",
    "wa6": "waWa6.WAWebProtobufsWa6_pb2",
    "web": "waWeb.WAWebProtobufsWeb_pb2",
    "neonize": "Neonize_pb2",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    wheel.expose()
    found = globals()[name] = importlib.import_module(f"neonize.proto.{_MODULES[name]}")
    return found
