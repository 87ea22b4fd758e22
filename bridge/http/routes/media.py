"""`/media`: files that people sent to a flow, lent to Typebot by signed addresses that expire.

There is no key: the address is the secret. Whatever is wrong with it is the same 404. The last part
of the path is decoration; only the token counts. What is served may be hostile: browsers run
nothing of it, and save what they do not show as a picture, a video or a sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from bridge.errors import NotFound, TooMany
from bridge.http.limits import Buckets
from bridge.http.routing import Access, Route
from bridge.relay.bot.flow_media import PATH, FlowMedia

#: Times that one address is served in a minute.
PER_MINUTE: Final = 120
_SHOWN: Final = frozenset({"image", "video", "audio"})
#: A picture that can hold scripts.
_NEVER_SHOWN: Final = frozenset({"image/svg+xml"})
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "private, max-age=300",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRoutes:
    """`now` gives milliseconds."""

    media: FlowMedia
    now: Callable[[], int]
    buckets: Buckets = field(default_factory=lambda: Buckets(PER_MINUTE))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        token = request.match_info["signed"]
        if not self.media.knows(token):
            raise _unknown()
        if not self.buckets.take(token, self.now()):
            raise TooMany(
                "This file was asked for too often.", code="media.too_many", retry_after=60
            )
        lent = await self.media.lend(token)
        if lent is None:
            raise _unknown()
        is_shown = lent.mime.partition("/")[0] in _SHOWN and lent.mime not in _NEVER_SHOWN
        how = "inline" if is_shown else "attachment"
        # The name has plain letters only: no quoting can go wrong.
        disposition = f'{how}; filename="{lent.name}"'
        return web.FileResponse(
            lent.path,
            headers={
                **_HEADERS,
                hdrs.CONTENT_TYPE: lent.mime,
                hdrs.CONTENT_DISPOSITION: disposition,
            },
        )

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path=f"{PATH}/{{signed}}/{{name}}",
                handler=self.serve,
                summary="A file that somebody sent to a flow",
                description="Typebot and those who read its results fetch it from here: the "
                "address is signed and ends by itself. Ranges are understood.",
                tag="Typebot",
                access=Access.PUBLIC,
                responses=dict.fromkeys(
                    (
                        HTTPStatus.OK,
                        HTTPStatus.PARTIAL_CONTENT,
                        HTTPStatus.NOT_MODIFIED,
                        HTTPStatus.PRECONDITION_FAILED,
                        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                    )
                ),
                errors=(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS),
            ),
        )


def _unknown() -> NotFound:
    return NotFound("This file does not exist, or its time is over.", code="media.unknown")
