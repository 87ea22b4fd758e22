"""Ponte connects WhatsApp numbers to Chatwoot inboxes."""

__version__ = "0.1.0"
