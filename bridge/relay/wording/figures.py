"""Numbers, money and moments as people of a language write them."""

from __future__ import annotations

from datetime import UTC, datetime
from datetime import date as Day  # noqa: N812  (`date` is ours)
from decimal import Decimal, InvalidOperation
from typing import Final

from bridge.locale import say
from bridge.relay.wording.sheet import words

#: Longer, and with more digits before the point, no price is.
_LONGEST: Final = 40
_MOST_DIGITS: Final = 18
_SIGNS: Final = {
    "BRL": "R$",
    "USD": "US$",
    "EUR": "€",
    "GBP": "£",
    "ARS": "AR$",
    "MXN": "MX$",
    "JPY": "¥",
    "INR": "₹",
}
#: ISO 4217: how many digits follow the point, where it is not two.
_DIGITS: Final = {"JPY": 0, "KRW": 0, "CLP": 0, "PYG": 0, "VND": 0, "KWD": 3, "BHD": 3, "JOD": 3}
_MOST_DECIMALS: Final = 3


def number(value: str | None) -> Decimal | None:
    """A decimal number that was told as text; None when it is none that a person would write."""
    if not value or len(value) > _LONGEST:
        return None
    try:
        found = Decimal(value.strip())
    except InvalidOperation:
        return None
    if not found.is_finite() or abs(found.adjusted()) > _MOST_DIGITS:
        return None
    return found


def money(language: str, value: str | Decimal | None, currency: str | None) -> str:
    """An amount with its currency; what is no number is shown as it was told."""
    code = words(currency, 8).upper()
    amount = value if isinstance(value, Decimal) else number(value)
    if amount is None:
        told = words(value, _LONGEST) if isinstance(value, str) else ""
        return f"{told} {code}".strip() if told else ""
    plain = _grouped(language, amount, _DIGITS.get(code, 2))
    if not code:
        return plain
    sign = _SIGNS.get(code, code)
    return say(language, "figures.money", sign=sign, amount=plain)


def moment(language: str, at: datetime) -> str:
    """A moment in UTC, since nobody told us where the reader is; empty when it has none there."""
    try:
        return say(language, "figures.moment", at=at.astimezone(UTC))
    except (OverflowError, ValueError):  # at either end of the calendar
        return ""


def date(language: str, told: str) -> str:
    """A day that was told as ``2026-11-21``; anything else as it was told."""
    try:
        return say(language, "figures.date", at=Day.fromisoformat(told))
    except ValueError:
        return told


def _grouped(language: str, amount: Decimal, digits: int) -> str:
    exponent = amount.normalize().as_tuple().exponent
    told = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    decimals = max(digits, min(told, _MOST_DECIMALS))
    text = f"{amount:,.{decimals}f}"
    marks = {",": say(language, "figures.thousands"), ".": say(language, "figures.decimal")}
    return "".join(marks.get(char, char) for char in text)
