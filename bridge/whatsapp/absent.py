"""The channel of an integration that is known but not installed: stored whole, never connected."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

from bridge.core.connection import LinkState
from bridge.core.content import Media, MediaKind
from bridge.core.instance import BAILEYS
from bridge.core.outgoing import Outgoing
from bridge.core.party import Party
from bridge.errors import PeerLocked
from bridge.whatsapp.channel import Accepted, Capabilities, Fetched, Link, MediaRule, Quote

CODE: Final = "channel.not_installed"

_TEXT: Final = 4096
#: What waits is planned as on the channels that there are, so that nothing fails for its kind.
_ABLE: Final = Capabilities(
    text_limit=_TEXT,
    caption_limit=1024,
    sendable={kind: MediaRule(max_bytes=100 * 1024 * 1024) for kind in MediaKind},
)


#: How a channel gets installed that is an optional part.
_HOW: Final = {
    BAILEYS: " To connect numbers by QR code, install the optional part whatsapp-web "
    "(pip install 'ponte[whatsapp-web]', or make run EXTRAS=whatsapp-web) and restart Ponte; it "
    "exists for Linux (not Alpine) and macOS, on x86-64 and ARM."
}


def not_installed(integration: str) -> str:
    return (
        f"The channel {integration} is not installed: the instance is kept with all its settings, "
        f"but it does not connect.{_HOW.get(integration, '')}"
    )


class AbsentChannel:
    """A `Channel` of which everything waits for a person."""

    def __init__(self, integration: str) -> None:
        self._integration = integration

    @property
    def capabilities(self) -> Capabilities:
        return _ABLE

    async def link(self) -> Link:
        return Link(state=LinkState.CLOSED, reason=not_installed(self._integration))

    async def send(
        self,
        to: Party,  # noqa: ARG002
        content: Outgoing,  # noqa: ARG002
        *,
        key: str,  # noqa: ARG002
        reply_to: Quote | None = None,  # noqa: ARG002
    ) -> Accepted:
        """Raise `PeerLocked` (`channel.not_installed`): nothing was sent."""
        self._refuse()

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:  # noqa: ARG002
        """Raise `PeerLocked` (`channel.not_installed`)."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise PeerLocked(not_installed(self._integration), code=CODE)
