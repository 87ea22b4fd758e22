"""A QR code to scan, with its picture. It exists in memory only, and no repr shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import segno

#: WhatsApp's codes have about 250 characters; the picture of a long one is slow to make.
MAX_CODE: Final = 1024

#: As Evolution draws it: light on the eye, and known to people who look for it.
_DARK: Final = "#198754"
_SCALE: Final = 4
_MARGIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Qr:
    """What may be scanned, or typed, at this moment."""

    code: str = field(repr=False)
    #: Eight characters to type on the phone, when a number was given.
    pairing_code: str | None = field(default=None, repr=False)
    #: The how-manieth code of this attempt.
    count: int

    @property
    def base64(self) -> str:
        """The picture, as an address that a page can show (``data:image/png;base64,...``)."""
        return _picture(self.code)


@lru_cache(maxsize=32)
def _picture(code: str) -> str:
    drawn = segno.make(code, micro=False, error="m", boost_error=False)
    return drawn.png_data_uri(scale=_SCALE, border=_MARGIN, dark=_DARK, light="#fff")
