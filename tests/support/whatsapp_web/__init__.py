"""WhatsApp Web without WhatsApp: its server, phones and people on loopback, for real clients.

    async with WhatsAppWeb() as double:
        phone, bob = double.phone("5511900000001"), double.person("5511900000002", name="Bob")
        ...  # start a client with `double.environ`, which shows a QR code
        companion = await phone.scan(shown)
        await companion.connected()
        await bob.writes(companion, "Hello")
        sent = await bob.next_message()

It encrypts and decrypts all by itself (Noise, Signal) and takes no client at its word: what
cannot be decrypted by everybody to whom it is addressed is an error. It knows WhatsApp only as
far as we understand it (whatsapp-web-double.md).
"""

from __future__ import annotations

from support.whatsapp_web import contents, kinds, protocols
from support.whatsapp_web.companion import Companion
from support.whatsapp_web.double import WhatsAppWeb
from support.whatsapp_web.faults import Fate
from support.whatsapp_web.groups import Group
from support.whatsapp_web.person import Person
from support.whatsapp_web.phone import Phone
from support.whatsapp_web.receiving import Sent
from support.whatsapp_web.waiting import Late
from support.whatsapp_web.wheel import required

__all__ = [
    "Companion",
    "Fate",
    "Group",
    "Late",
    "Person",
    "Phone",
    "Sent",
    "WhatsAppWeb",
    "contents",
    "kinds",
    "protocols",
    "required",
]
