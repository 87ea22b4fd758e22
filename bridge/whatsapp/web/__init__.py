"""WhatsApp Web: a number connected by QR code, in a process of its own (docs/whatsapp-web.md)."""
