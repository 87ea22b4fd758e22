"""Patterns that people write for triggers: whether one can be used at all.

They are hostile: the `regex` package writes every fixed count out, so a short pattern can ask for
gigabytes when it is compiled. How long a match may take is for whoever matches to bound.
"""

from __future__ import annotations

import math
import re
from typing import Final

import regex

#: Counts multiplied with each other: `((a{27}){27}){27}` takes 5 ms and 4 MB.
_MOST: Final = 20_000
_COUNT: Final = re.compile(r"\{(\d{1,9})")
_BLANK: Final = re.compile(r"\s+")


def fault_of(pattern: str) -> str | None:
    """What is wrong with a pattern, in a few words; None: it can be compiled."""
    counts = [int(found) for found in _COUNT.findall(_BLANK.sub("", pattern))]
    if math.prod(max(1, count) for count in counts) > _MOST:
        return "its counts, such as {1000}, are too large"
    try:
        regex.compile(pattern, cache_pattern=False)
    except regex.error as error:
        return str(error)
    except RecursionError:
        return "it is nested too deeply"
    except (ValueError, OverflowError, KeyError, TypeError) as error:
        # Named lists and flags that contradict each other, say.
        return str(error) or "it cannot be read"
    return None
