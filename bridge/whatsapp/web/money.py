"""Amounts of money as WhatsApp's messages hold them: whole numbers and what divides them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bridge.whatsapp.shapes import table, whole, word

__all__ = ("currency", "of_money", "thousandths")

_DIVISORS: Final = frozenset(str(10**power) for power in range(7))


def thousandths(value: object) -> str | None:
    """An amount that is told a thousandfold, as a decimal number; None when it is none."""
    return _divided(value, 1000)


def of_money(value: object) -> str | None:
    """An object with `value` and `offset`, the latter being what the former is divided by."""
    money = table(value)
    divisor = word(money.get("offset"), 7)
    if divisor is None:
        return _divided(money.get("value"), 1)
    return _divided(money.get("value"), int(divisor)) if divisor in _DIVISORS else None


def currency(value: object) -> str | None:
    """A currency's code."""
    code = word(value, 8)
    return code.upper() if code and code.isascii() and code.isalpha() else None


def _divided(value: object, divisor: int) -> str | None:
    told = whole(value)
    if told is None:
        return None
    amount = Decimal(told) / divisor
    exact = amount.normalize()
    places = -int(exact.as_tuple().exponent)
    return f"{exact:.2f}" if places <= 2 else f"{exact:f}"  # noqa: PLR2004  cents
