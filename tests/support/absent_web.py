"""What tests have instead of workers of WhatsApp Web, unless they ask for them.

A number that is connected by QR code needs a process of its own. Only tests that give the kind of
channel (`QrPhones.kinds`, or the real one) have such numbers; for all others the channel is not
installed, whatever is installed on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.core.instance import BAILEYS
from bridge.whatsapp.registry import ChannelKind, absent_kind

NOT_INSTALLED: Final[Mapping[str, ChannelKind]] = {BAILEYS: absent_kind(BAILEYS)}
