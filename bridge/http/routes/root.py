"""What clients of Evolution API ask first: is it one, and is this key good."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

from aiohttp import web
from typing_extensions import TypedDict

from bridge import __version__
from bridge.http.envelope import json_response
from bridge.http.routing import Access, Route

TAG = "Operations"

#: The versions of Evolution API that we answer like. Clients read the first number of `version`
#: to choose paths and shapes, and refuse a server that has none they know.
_SPOKEN: Final = {"auto": "2.3.6", "v2": "2.3.6", "l2": "2.3.6", "v1": "1.8.2"}


class Hello(TypedDict):
    status: int
    message: str
    version: str
    ponte: str
    clientName: str
    manager: str
    documentation: str
    whatsappWebVersion: str


class Verified(TypedDict):
    status: int
    message: str
    facebookAppId: str
    facebookConfigId: str
    facebookUserToken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """`dialect` is the setting `api.dialect`, `public_url` how others reach us."""

    dialect: Literal["auto", "v1", "v2", "l2"]
    public_url: str

    async def hello(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The probe of dashboards and nodes (evolution-instance-typebot.md 2.1).

        They look for these words and keys. `version` is that of the API, our own is `ponte`.
        """
        page = f"{self.public_url.rstrip('/')}/docs"  # never of the header Host
        return json_response(
            {
                "status": HTTPStatus.OK,
                "message": "Welcome to the Evolution API, it is working!",
                "version": _SPOKEN[self.dialect],
                "ponte": __version__,
                "clientName": "ponte",
                "manager": page,
                "documentation": page,
                "whatsappWebVersion": "",
            }
        )

    async def verify(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The credential test of Evolution's manager; whoever gets here has the global key."""
        return json_response(
            {
                "status": HTTPStatus.OK,
                "message": "Credentials are valid",
                "facebookAppId": "",
                "facebookConfigId": "",
                "facebookUserToken": "",
            }
        )

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/",
                handler=self.hello,
                summary="Say hello",
                tag=TAG,
                access=Access.PUBLIC,
                responses={HTTPStatus.OK: Hello},
            ),
            Route(
                method="POST",
                path="/verify-creds",
                handler=self.verify,
                summary="Tell whether the key is the global key",
                description="A body is not looked at.",
                tag=TAG,
                access=Access.GLOBAL_KEY,
                audit="key.verify",
                responses={HTTPStatus.OK: Verified},
            ),
        )
