"""How one call to Chatwoot goes: headers, limits, pages, and what counts as a success."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bridge.chatwoot import wire
from bridge.chatwoot.attachments import File, Held, opened
from bridge.chatwoot.faults import fault, forbidden, unreadable
from bridge.chatwoot.fields import table, whole
from bridge.errors import ForbiddenAddress, Scope
from bridge.net.http import Answer, Http

PEER = "Chatwoot"
#: A window of 100 messages of 150 000 characters each (4.2) is no attack.
_LARGEST = 64 * 1024 * 1024
_MOST_PAGES = 200
#: An upload may take as long as its bytes need at this many bytes per second.
_SLOWEST_UPLOAD = 100_000


class Api:
    """The application API of one installation, with one token (chatwoot-api.md 1.0).

    The token travels in the hyphen spelling of its header alone: proxies drop the underscore
    one, and where both arrive, a Puma before 6.4.3 joins them into a token that is wrong.
    """

    def __init__(self, *, http: Http, url: str, token: str, timeout: float) -> None:
        self.url = url.strip().rstrip("/")
        self._http = http
        self._timeout = timeout
        self._token = token
        self._anonymous = {"Accept": "application/json"}
        self._headers = {**self._anonymous, "api-access-token": token}

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        server_error: Scope = Scope.SERVER,
        anonymous: bool = False,
        empty: bool = False,
    ) -> Any:
        """Make one call and decode its answer. A DELETE has none, nor what is `empty`."""
        answer = await self._request(
            method,
            path,
            headers=self._anonymous if anonymous else self._headers,
            json=None if body is None else wire.encoded(body),
            params=params,
            timeout=self._timeout,
            server_error=server_error,
        )
        is_empty = empty or method == "DELETE"
        return None if is_empty else wire.decoded(answer, f"{method} {path}")

    async def tell(self, path: str, body: Mapping[str, Any]) -> None:
        """Post to the public API, which takes no token and here answers with nothing (1.12)."""
        await self._request(
            "POST",
            path,
            headers=self._anonymous,
            json=wire.encoded(body),
            timeout=self._timeout,
            server_error=Scope.ONE,
        )

    async def upload(
        self,
        path: str,
        body: Mapping[str, Any],
        files: Sequence[File | Held],
        *,
        method: str = "POST",
        part: str = "attachments[]",
    ) -> Any:
        """Send a form with files, streamed from disk; `part` is the name of each."""
        async with opened(files) as parts:
            answer = await self._request(
                method,
                path,
                headers=self._headers,
                data=wire.form(body, parts, part=part),
                timeout=self._timeout + sum(one.size for one in parts) / _SLOWEST_UPLOAD,
            )
        return wire.decoded(answer, f"{method} {path}")

    async def pages(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Any]:
        """Walk a list, each row once, until all are counted or a page brings nothing new."""
        seen: set[int] = set()
        for page in range(1, _MOST_PAGES + 1):
            found = table(await self.call(method, path, body, params={**params, "page": str(page)}))
            found = table(found.get("data", found))
            if not isinstance(found.get("payload"), list):
                raise unreadable(f"{method} {path}")
            before = len(seen)
            for row in found["payload"]:
                identity = whole(table(row).get("id"))
                if identity is not None and identity not in seen:
                    seen.add(identity)
                    yield row
            meta = table(found.get("meta"))
            total = meta.get("count", meta.get("all_count"))
            if len(seen) == before or (isinstance(total, int) and len(seen) >= total):
                return

    async def _request(
        self, method: str, path: str, *, server_error: Scope = Scope.SERVER, **options: Any
    ) -> Answer:
        """Make one call; gives successes only."""
        try:
            answer = await self._http.request(
                method, self.url + path, limit=_LARGEST, peer=PEER, **options
            )
        except ForbiddenAddress as error:
            raise forbidden(error) from error
        if 200 <= answer.status < 300:  # noqa: PLR2004  the range of HTTP's successes
            return answer
        raise fault(answer, secret=self._token, server_error=server_error)
