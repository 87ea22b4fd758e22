"""What we ask a channel to send. Nothing of it is stored: it is made anew for each attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bridge.core.content import Card, MediaKind

_VOICES: Final = frozenset({"audio/ogg", "audio/opus"})
_POLE: Final = 90
_DATE_LINE: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingText:
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMedia:
    """A file that lies in the spool at `path`, ready to be uploaded.

    `voice`: audio that the recipient shall see as a voice note, where the channel has those.
    `seconds` and `waveform` (64 bytes of 0 to 100) are known for voice notes that we made.
    """

    media: MediaKind
    path: str
    mime: str
    filename: str
    caption: str | None = None
    voice: bool = False
    seconds: int | None = None
    waveform: bytes | None = None
    #: Of a sticker: it moves.
    animated: bool = False

    @property
    def is_voice_note(self) -> bool:
        """Anything but Ogg is no voice note to WhatsApp, and goes as a file that plays."""
        bare = self.mime.partition(";")[0].strip().lower()
        return self.voice and self.media is MediaKind.AUDIO and bare in _VOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing to choose. `id` is ours and comes back with the answer; `title` is what is shown.

    Titles are whole: a channel shortens them to what it can show, the id never.
    """

    id: str
    title: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMenu:
    """A text with up to `Capabilities.buttons` buttons, or `list_rows` rows of a list.

    `label` is on the button that opens the list. What a channel cannot show is not asked of it:
    then the text has numbers instead (`relay.menus`).
    """

    body: str
    options: tuple[Option, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingTemplate:
    """An approved template, with its components as the channel wants them."""

    name: str
    language: str
    components: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingLocation:
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None

    @property
    def is_on_earth(self) -> bool:
        return abs(self.latitude) <= _POLE and abs(self.longitude) <= _DATE_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingContacts:
    cards: tuple[Card, ...]


Outgoing: TypeAlias = (
    OutgoingText
    | OutgoingMedia
    | OutgoingMenu
    | OutgoingTemplate
    | OutgoingLocation
    | OutgoingContacts
)
