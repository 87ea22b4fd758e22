"""The API reference as a page that works without internet: Swagger UI from this package.

Where its files come from and under which licence stands in ``assets/NOTICE.txt``.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from aiohttp import hdrs, web

from bridge.http.routing import Access, Handler, Route

#: style-src: Swagger UI writes style attributes; img-src: its icons are data URLs.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: For addresses that name the content (``?v=``): they change when it changes.
_FOREVER: Final = "public, max-age=31536000, immutable"

_PACKED: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the page. `packed` is gzip; `etag` changes with the content."""

    packed: bytes
    mime: str
    etag: str


def docs_routes() -> tuple[Route, ...]:
    """Make the routes of ``/docs``. The page shows what ``/openapi.json`` serves."""
    folder = files(__package__)
    assets = {
        f"docs/{name}": _asset((folder / "assets" / f"{name}.gz").read_bytes(), mime)
        for name, mime in _PACKED.items()
    }
    assets["docs/start.js"] = _asset(
        gzip.compress((folder / "start.js").read_bytes(), mtime=0), "text/javascript"
    )
    html = (folder / "index.html").read_text("utf-8")
    for path, asset in assets.items():
        html = html.replace(f'"{path}"', f'"{path}?v={asset.etag}"')
    page = _asset(gzip.compress(html.encode(), mtime=0), "text/html")
    served = {"/docs": page} | {f"/{path}": asset for path, asset in assets.items()}
    return tuple(
        Route(
            method="GET",
            path=path,
            handler=_serving(asset),
            summary="The API reference" if asset is page else "A file of the API reference",
            tag="reference",
            access=Access.PUBLIC,
            responses={HTTPStatus.OK: None},
        )
        for path, asset in served.items()
    )


def _asset(packed: bytes, mime: str) -> Asset:
    return Asset(packed=packed, mime=mime, etag=hashlib.sha256(packed).hexdigest()[:32])


def _serving(asset: Asset) -> Handler:
    async def serve(request: web.Request) -> web.Response:
        if request.path.endswith("/"):  # the page's links are relative, for proxies with a prefix
            raise web.HTTPPermanentRedirect(f"../{request.path.strip('/').rpartition('/')[2]}")
        packed = _takes_gzip(request)
        etag = f"{asset.etag}-gz" if packed else asset.etag
        headers = {
            hdrs.ETAG: f'"{etag}"',
            hdrs.CACHE_CONTROL: _FOREVER if request.query.get("v") == asset.etag else "no-cache",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            hdrs.CONTENT_SECURITY_POLICY: CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        if any(tag.value == etag for tag in request.if_none_match or ()):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        if packed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = asset.packed if packed else _unpacked(asset.packed)
        return web.Response(body=body, content_type=asset.mime, charset="utf-8", headers=headers)

    return serve


def _takes_gzip(request: web.Request) -> bool:
    for offer in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        coding, _, quality = offer.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


@cache
def _unpacked(packed: bytes) -> bytes:
    return gzip.decompress(packed)
