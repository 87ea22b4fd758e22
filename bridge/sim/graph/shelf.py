"""The files that Meta holds, their addresses which expire, and unique ids."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from bridge.sim.graph.records import StoredMedia


class Ids:
    """Ids that never repeat, neither within a run nor (with another seed) in the next."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._serial = 0

    def tail(self, length: int) -> str:
        """Give `length` (even) capital hex digits."""
        return self._unique(length // 2).hex().upper()

    def number(self, size: int) -> int:
        """Give a number of `size` bytes."""
        return int.from_bytes(self._unique(size), "big")

    def seal(self, text: str) -> str:
        """Sign a text, always the same way."""
        raw = text.encode("utf-8", "replace")
        return hashlib.blake2b(raw, key=self._seed, digest_size=10).hexdigest()

    def _unique(self, size: int) -> bytes:
        self._serial += 1
        serial = self._serial.to_bytes(8, "big")
        return hashlib.blake2b(serial, key=self._seed, digest_size=size).digest()


class Shelf:
    """Files by id. An id stays; an address lives `lifetime` seconds (A.8: five minutes)."""

    def __init__(self, *, ids: Ids, clock: Callable[[], float]) -> None:
        self.files: dict[str, StoredMedia] = {}
        self.lifetime = 300.0
        self._ids = ids
        self._clock = clock

    def add(
        self, data: bytes, mime: str, filename: str | None, phone_number_id: str
    ) -> StoredMedia:
        media = StoredMedia(
            id=str(1_000_000_000_000_000 + self._ids.number(6)),
            mime=mime,
            data=data,
            filename=filename,
            phone_number_id=phone_number_id,
        )
        self.files[media.id] = media
        return media

    def path(self, media_id: str) -> str:
        """Give an address of a file, good from now on for its lifetime."""
        expiry = f"{self._clock() + self.lifetime:.3f}"
        return f"/media/{media_id}?ext={expiry}&hash={self._ids.seal(f'{media_id}:{expiry}')}"

    def open(self, media_id: str, expiry: str, seal: str) -> StoredMedia | None:
        """Give the file behind an address; None when the address is wrong or has expired."""
        expected = self._ids.seal(f"{media_id}:{expiry}")
        if not hmac.compare_digest(seal.encode("utf-8", "replace"), expected.encode()):
            return None
        return self.files.get(media_id) if self._clock() <= float(expiry) else None
