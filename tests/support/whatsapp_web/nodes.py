"""What travels on the wire once it is decoded: nodes, and the addresses in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

#: Shown of bytes, in a trace.
_SHOWN = 24


class Jid(str):
    """An address, `user:device@server`; unlike other text it is encoded as an address."""

    __slots__ = ()

    @property
    def user(self) -> str:
        return self.rpartition("@")[0].partition(":")[0]

    @property
    def server(self) -> str:
        return self.rpartition("@")[2]

    @property
    def device(self) -> int:
        return int(self.rpartition("@")[0].partition(":")[2] or 0)

    @property
    def bare(self) -> Jid:
        """Without a device."""
        return Jid(f"{self.user}@{self.server}")

    def on(self, device: int) -> Jid:
        """The same person on this device; 0 is the phone."""
        return Jid(f"{self.user}:{device}@{self.server}") if device else self.bare


#: The server itself.
SERVER = Jid("@s.whatsapp.net")

Content: TypeAlias = "bytes | Sequence[Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """Attributes that are None or empty do not go out."""

    tag: str
    attrs: Mapping[str, str | None] = field(default_factory=dict)
    content: Content = None

    @property
    def nodes(self) -> Sequence[Node]:
        return () if self.content is None or isinstance(self.content, bytes) else self.content

    @property
    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else b""

    def get(self, name: str) -> str:
        """An attribute, or the empty text."""
        return self.attrs.get(name) or ""

    def jid(self, name: str) -> Jid:
        """Raises `KeyError` when there is none."""
        value = self.attrs[name]
        return value if isinstance(value, Jid) else Jid(value or "")

    def child(self, tag: str) -> Node | None:
        return next((node for node in self.nodes if node.tag == tag), None)

    def need(self, *path: str) -> Node:
        """Follow children. Raises `LookupError` that says what is missing."""
        found = self
        for tag in path:
            below = found.child(tag)
            if below is None:
                raise LookupError(f"no <{tag}> in {found}")
            found = below
        return found

    def __str__(self) -> str:
        attrs = "".join(f' {name}="{value}"' for name, value in self.attrs.items() if value)
        match self.content:
            case None:
                return f"<{self.tag}{attrs}/>"
            case bytes(data):
                inner = repr(data) if len(data) <= _SHOWN else f"[{len(data)} bytes]"
            case nodes:
                inner = "".join(map(str, nodes[:4])) + (f"...{len(nodes)}" if nodes[4:] else "")
        return f"<{self.tag}{attrs}>{inner}</{self.tag}>"
