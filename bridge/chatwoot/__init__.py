"""Chatwoot: its application API, its webhooks, its failures (chatwoot-api.md)."""
