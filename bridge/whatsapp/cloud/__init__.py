"""The official WhatsApp Cloud API: a pure parser, a small client, and Meta's errors by class."""
