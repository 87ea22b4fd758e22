"""Numbers as JavaScript reads and writes them: the inputs depend on it."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_LEADING = re.compile(r"\s*([+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))")
_WHOLE = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_BASED = re.compile(r"0(?:[xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)")
#: From here on, and below 1e-6, numbers are written with an exponent.
_LARGE = 1e21
_SMALL = 1e-6


def parse_float(text: str) -> float:
    """Read the number that a text begins with; NaN when there is none."""
    found = _LEADING.match(text)
    return float(found[1]) if found else math.nan


def number(text: str) -> float:
    """Read a text that is a number and nothing else; empty is 0, all else NaN."""
    core = text.strip()
    if not core:
        return 0.0
    if _BASED.fullmatch(core):
        return float(int(core, 0))
    return float(core) if _WHOLE.fullmatch(core) else math.nan


def written(value: float) -> str:
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    digits = repr(value)
    if not _SMALL <= abs(value) < _LARGE:
        mantissa, _, exponent = digits.partition("e")
        sign = "-" if exponent.startswith("-") else "+"
        return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').lstrip('0')}"
    return f"{Decimal(digits):f}".removesuffix(".0")
