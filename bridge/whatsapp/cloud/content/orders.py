"""Carts that were sent. Prices come as floats and leave as the decimal numbers they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from bridge.core.content import Order, OrderLine
from bridge.whatsapp.shapes import LONGEST_TEXT, clip, prose, rows, table, word

_MOST_LINES: Final = 500
#: Stands for a product without an id: a line that somebody ordered is not left out.
_NAMELESS: Final = "?"
_LONGEST_PRICE: Final = 32
_MOST_PIECES: Final = 10**9


def order(body: object) -> Order | None:
    """A cart; without any product it is none."""
    told = table(body)
    lines = tuple(_lines(told.get("product_items")))
    if not lines:
        return None
    return Order(
        lines=lines,
        catalog=word(told.get("catalog_id")),
        note=prose(told.get("text"), LONGEST_TEXT),
    )


def _lines(value: object) -> Iterator[OrderLine]:
    for one in rows(value)[:_MOST_LINES]:
        if told := table(one):
            yield OrderLine(
                product=word(told.get("product_retailer_id")) or _NAMELESS,
                name=clip(told.get("name")),
                quantity=_pieces(told.get("quantity")),
                price=_decimal(told.get("item_price")),
                currency=word(told.get("currency"), 16),
            )


def _pieces(value: object) -> int | None:
    number = _number(value)
    if number is None or number != number.to_integral_value() or not 0 <= number <= _MOST_PIECES:
        return None
    return int(number)


def _decimal(value: object) -> str | None:
    number = _number(value)
    if number is None:
        return None
    text = format(number, "f")
    return text if len(text) <= _LONGEST_PRICE else None


def _number(value: object) -> Decimal | None:
    """What was written, not its nearest float: 79.9 is 79.9 and nothing beside it."""
    written = repr(value) if isinstance(value, float) else word(value, _LONGEST_PRICE)
    if written is None:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    # An exponent may be huge where the text is short, and its digits would fill the memory.
    return number if number.is_finite() and abs(number.adjusted()) < _LONGEST_PRICE else None
