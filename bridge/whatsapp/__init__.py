"""WhatsApp channels: pure parsers, a small client each, and capability flags."""
