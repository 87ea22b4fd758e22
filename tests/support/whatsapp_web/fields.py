"""Protocol buffers of Signal's own messages, by field number: the wheel has no classes for them."""

from __future__ import annotations

from typing import TypeAlias

#: What was read: numbers, and bytes for everything else.
Fields: TypeAlias = dict[int, int | bytes]


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def write(fields: dict[int, int | bytes | None]) -> bytes:
    """In the order given; None is left out."""
    found = bytearray()
    for number, value in fields.items():
        match value:
            case None:
                continue
            case int():
                found += _varint(number << 3) + _varint(value)
            case _:
                found += _varint(number << 3 | 2) + _varint(len(value)) + value
    return bytes(found)


def read(data: bytes) -> Fields:
    """Raises `ValueError` for what is neither number nor bytes."""
    at, found = 0, Fields()

    def varint() -> int:
        nonlocal at
        shift = value = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        match tag & 7:
            case 0:
                found[tag >> 3] = varint()
            case 2:
                length = varint()
                found[tag >> 3] = data[at : at + length]
                at += length
            case kind:
                raise ValueError(f"a field of type {kind}")
    return found


def bytes_of(fields: Fields, number: int) -> bytes:
    """Raises `ValueError` when there is none."""
    value = fields.get(number)
    if not isinstance(value, bytes):
        raise ValueError(f"no bytes in field {number}")  # noqa: TRY004  the data are wrong
    return value


def number_of(fields: Fields, number: int) -> int:
    """Zero when there is none, as the format has it."""
    value = fields.get(number, 0)
    if not isinstance(value, int):
        raise ValueError(f"no number in field {number}")  # noqa: TRY004  the data are wrong
    return value
