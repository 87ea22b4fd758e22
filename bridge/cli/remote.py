"""The running service, asked over its own HTTP API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bridge.errors import BridgeError, PeerDown, SetupError
from bridge.settings import Settings, load

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  (to call, not to listen)


class NotRunning(PeerDown):
    """Nothing answers at the address of the service."""

    code = "service.not_running"


class Answered(BridgeError):
    """The service refused; the text is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A service at `url`. `settings` is None when the caller named the address himself."""

    url: str
    key: str = field(repr=False)
    settings: Settings | None = None
    timeout: float = 60

    def call(
        self, method: str, *path: str, json_body: Any = None, **query: str | int | None
    ) -> Any:
        """The decoded answer. Raises `NotRunning`, or `Answered` with the service's own words."""
        sent = None if json_body is None else json.dumps(json_body).encode()
        status, body = self._exchange(method, path, query, sent)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(status, body, self.url)
        try:
            return json.loads(body)
        except ValueError as error:
            raise Answered(f"What answers at {self.url} is no Ponte.") from error

    def text(self, *path: str) -> str:
        """The answer to a GET as it came."""
        status, body = self._exchange("GET", path, {})
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(status, body, self.url)
        return body.decode("utf-8", "replace")

    def _exchange(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, str | int | None],
        sent: bytes | None = None,
    ) -> tuple[int, bytes]:
        base = urlsplit(self.url)
        given = {name: value for name, value in query.items() if value is not None}
        target = base.path.rstrip("/") + "".join(f"/{quote(part, safe='')}" for part in path)
        if given:
            target = f"{target}?{urlencode(given)}"
        headers = {"apikey": self.key} if self.key else {}
        if sent is not None:
            headers["Content-Type"] = "application/json"
        make = HTTPSConnection if base.scheme == "https" else HTTPConnection
        connection = make(base.hostname or "", base.port, timeout=self.timeout)
        try:
            connection.request(method, target, body=sent, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise NotRunning(
                f"No Ponte answers at {self.url} ({why}).",
                advice="Start it (`ponte serve`), or name another address with --url.",
            ) from error
        finally:
            connection.close()


def find(config: Path | None, url: str | None, key: str | None) -> Remote:
    """The service that is meant: as named, else as configured. Raises `SetupError`."""
    if url is not None and key is not None:
        return Remote(url=_checked(url), key=key)

    settings = load(config)
    stored = settings.auth.api_key.get_secret_value() if settings.auth.api_key else ""
    return Remote(
        url=local_url(settings) if url is None else _checked(url),
        key=_fit_for_a_header(stored if key is None else key),
        settings=settings if url is None else None,
    )


def local_url(settings: Settings) -> str:
    """Where a service with these settings answers, from this machine."""
    host, port = settings.server.host, settings.server.port
    if port == 0:
        raise SetupError(
            "server.port is 0, so the service chose its port itself.",
            advice="Name its address with --url.",
        )
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise SetupError(f"--url {url!r} is no address.", advice="It looks like http://host:8080.")
    return url


def _fit_for_a_header(key: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise SetupError("The API key holds characters that no header can carry.")
    return key


def _refusal(status: int, body: bytes, url: str) -> Answered:
    try:
        told = json.loads(body)["response"]
        messages, code = told["message"], told.get("code")
        text = "; ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Answered(f"What answers at {url} is no Ponte (it said {status}).")
    advice = None
    if status == HTTPStatus.UNAUTHORIZED:
        text = "The service does not know this API key."
        advice = "It is auth.api_key of the running service; give it with --key."
    return Answered(text, code=code if isinstance(code, str) else None, advice=advice)
