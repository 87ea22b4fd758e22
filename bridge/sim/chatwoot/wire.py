"""How a webhook goes over the wire: its JSON, its signature, and the words for a failure."""

from __future__ import annotations

import hmac
import ipaddress
from hashlib import sha256

import aiohttp
import orjson

from bridge.sim.chatwoot.records import Json


def signature(secret: str, stamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC over timestamp, dot and raw body (chatwoot-api.md 3.5)."""
    signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256)
    return f"sha256={signed.hexdigest()}"


def encode(body: Json) -> bytes:
    """Compact JSON as Rails writes it: UTF-8, but `<`, `>` and `&` escaped."""
    raw = orjson.dumps(body)
    for mark in (b"<", b">", b"&"):
        if mark in raw:
            raw = raw.replace(mark, b"\\u00%x" % ord(mark))
    return raw


def told(error: Exception, host: str) -> str:
    """The texts of Ruby's HTTP client; they become `external_error` of the message."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "Timed out connecting to server"
        case TimeoutError():
            return "Timed out reading data from server"
        case aiohttp.ClientConnectorError():
            return f"Failed to open TCP connection to {host}"
        case aiohttp.InvalidURL() | ValueError():
            return "bad URI"
        case _:
            return "Server broke connection"


def is_public(host: str) -> bool:
    """Whether the check of 4.14 lets a webhook go there; bare names count as private."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host
