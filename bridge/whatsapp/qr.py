"""A QR code to scan, with its picture. It exists in memory only, and no repr shows it."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import segno

#: WhatsApp's codes have about 250 characters; the picture of a long one is slow to make.
MAX_CODE: Final = 1024

#: Characters of a pairing code.
_TYPED: Final = 8
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
    #: Why there are no such characters, when a number was given.
    no_pairing_code: str | None = None
    #: The how-manieth code of this attempt.
    count: int

    @property
    def base64(self) -> str:
        """The picture, as an address that a page can show (``data:image/png;base64,...``)."""
        return _picture(self.code)

    @property
    def png(self) -> bytes:
        """The same picture as a file's bytes."""
        return b64decode(self.base64.partition(",")[2])


def grouped(pairing_code: str) -> str:
    """Its eight characters as WhatsApp shows them: four and four."""
    if len(pairing_code) != _TYPED or not pairing_code.isalnum():
        return pairing_code
    return f"{pairing_code[:4]}-{pairing_code[4:]}"


@lru_cache(maxsize=32)
def _picture(code: str) -> str:
    drawn = segno.make(code, micro=False, error="m", boost_error=False)
    return drawn.png_data_uri(scale=_SCALE, border=_MARGIN, dark=_DARK, light="#fff")
