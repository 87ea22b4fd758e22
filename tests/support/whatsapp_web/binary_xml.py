"""WhatsApp's binary XML, both ways. The words that it abbreviates are read from the wheel."""

from __future__ import annotations

import zlib
from functools import cache

from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.wheel import Words, words

_EMPTY, _WORDS, _LIST_8, _LIST_16, _JID, _DEVICE = 0, 236, 248, 249, 250, 247
_HEX, _BYTES_8, _BYTES_20, _BYTES_32, _NIBBLES = 251, 252, 253, 254, 255
_DOMAINS = {0: "s.whatsapp.net", 1: "lid", 128: "hosted", 129: "hosted.lid"}
_DOMAIN_NUMBERS = {name: number for number, name in _DOMAINS.items()}
_COMPRESSED = 2
#: No stanza of the client is longer.
_LONGEST = 16 * 1024 * 1024


def decode(frame: bytes) -> Node:
    """Raises `ValueError`, `IndexError` or `zlib.error` when it is none."""
    body = frame[1:]
    if frame[0] & _COMPRESSED:
        body = zlib.decompressobj().decompress(body, _LONGEST)
    return _Reader(body).node()


def encode(node: Node) -> bytes:
    out = bytearray([0])
    _Writer(out).node(node)
    return bytes(out)


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(words().single) if word}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._words: Words = words()

    def node(self) -> Node:
        size = self._size(self._number(1))
        tag = self._text()
        attrs: dict[str, str | None] = {}
        for _ in range((size - 1) // 2):
            name = self._text()
            attrs[name] = self._text()
        if size % 2:
            return Node(tag, attrs)
        return Node(tag, attrs, self._content())

    def _size(self, kind: int) -> int:
        match kind:
            case 0:
                return 0
            case 248:
                return self._number(1)
            case 249:
                return self._number(2)
            case _:
                raise ValueError(f"no list: {kind}")

    def _content(self) -> bytes | list[Node] | None:
        kind = self._number(1)
        if kind in {_LIST_8, _LIST_16}:
            return [self.node() for _ in range(self._size(kind))]
        if kind == _EMPTY:
            return None
        data = self._bytes(kind)
        return self._word(kind).encode() if data is None else data

    def _text(self) -> str:
        kind = self._number(1)
        if kind == _EMPTY:
            return ""
        data = self._bytes(kind)
        return self._word(kind) if data is None else data.decode("utf-8", "surrogateescape")

    def _bytes(self, kind: int) -> bytes | None:
        match kind:
            case 252:
                return self._take(self._number(1))
            case 253:
                return self._take(self._number(3) & 0xFFFFF)
            case 254:
                return self._take(self._number(4))
            case _:
                return None

    def _word(self, kind: int) -> str:
        if _WORDS <= kind < _WORDS + 4:
            return self._words.double[kind - _WORDS][self._number(1)]
        match kind:
            case 250:
                user = self._text()
                return Jid(f"{user}@{self._text()}")
            case 247:
                server, device = _DOMAINS[self._number(1)], self._number(1)
                return Jid(f"{self._text()}@{server}").on(device)
            case 246:
                user, device = self._text(), self._number(2)
                return Jid(f"{user}@{self._text()}").on(device)
            case 251 | 255:
                return self._packed(kind)
            case _:
                return self._words.single[kind]

    def _packed(self, kind: int) -> str:
        size = self._number(1)
        signs = "0123456789-.???\0" if kind == _NIBBLES else "0123456789ABCDEF"
        found = "".join(signs[byte >> 4] + signs[byte & 15] for byte in self._take(size & 127))
        return found[:-1] if size & 128 else found

    def _number(self, length: int) -> int:
        return int.from_bytes(self._take(length), "big")

    def _take(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise ValueError("cut off")
        self._at += length
        return found


class _Writer:
    def __init__(self, out: bytearray) -> None:
        self._out = out

    def node(self, node: Node) -> None:
        attrs = {name: value for name, value in node.attrs.items() if value}
        self._list(1 + 2 * len(attrs) + (node.content is not None))
        self._text(node.tag)
        for name, value in attrs.items():
            self._text(name)
            if isinstance(value, Jid):
                self._jid(value)
            else:
                self._text(value)
        match node.content:
            case None:
                return
            case bytes(data):
                self._data(data)
            case nodes:
                self._list(len(nodes))
                for one in nodes:
                    self.node(one)

    def _list(self, length: int) -> None:
        if length == 0:
            self._out.append(_EMPTY)
        elif length < 256:
            self._out += bytes([_LIST_8, length])
        else:
            self._out += bytes([_LIST_16]) + length.to_bytes(2, "big")

    def _jid(self, jid: Jid) -> None:
        if jid.device and jid.server in _DOMAIN_NUMBERS:
            self._out += bytes([_DEVICE, _DOMAIN_NUMBERS[jid.server], jid.device])
            self._text(jid.user)
            return
        self._out.append(_JID)
        if jid.user:
            self._text(jid.user)
        else:
            self._out.append(_EMPTY)
        self._text(jid.server)

    def _text(self, text: str) -> None:
        number = _numbers().get(text)
        if number is None:
            self._data(text.encode("utf-8", "surrogateescape"))
        else:
            self._out.append(number)

    def _data(self, data: bytes) -> None:
        length = len(data)
        if length < 1 << 8:
            self._out += bytes([_BYTES_8, length])
        elif length < 1 << 20:
            self._out += bytes([_BYTES_20]) + length.to_bytes(3, "big")
        else:
            self._out += bytes([_BYTES_32]) + length.to_bytes(4, "big")
        self._out += data
