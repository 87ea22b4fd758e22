"""The calls of a turn: files get addresses, requests of the flow are made, Typebot is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import orjson

from bridge.core.flow import FileRef, HttpCall, Say
from bridge.errors import (
    BridgeError,
    Certainty,
    ForbiddenAddress,
    PeerError,
    PeerTimeout,
    Remedy,
)
from bridge.net.http import Answer as Received
from bridge.net.http import Http
from bridge.relay.bot.asking import Ask, Due, Reply, Start
from bridge.relay.directory import Entry
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from bridge.typebot.client import Typebot
from bridge.typebot.faults import SessionGone
from bridge.typebot.models import Answer

#: Gives a file of a person an address that a flow can read; raises `BridgeError`.
Publish: TypeAlias = Callable[[Entry, ChatRow, TalkRow, FileRef], Awaitable[str]]

#: Seconds and bytes that a request of a flow may take.
HTTP_SECONDS: Final = 15.0
HTTP_BYTES: Final = 1024 * 1024
#: Headers that are the connection's, not the flow's.
_NOT_THEIRS: Final = frozenset(
    {
        "host",
        "content-length",
        "connection",
        "transfer-encoding",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "keep-alive",
        "accept-encoding",
        "proxy-authorization",
        "proxy-connection",
    }
)


class NoFile(BridgeError):
    """None of the files that are the answer could be given an address."""

    code = "typebot.file_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was sent, and what could not be sent along."""

    say: Say
    left_out: tuple[tuple[str, str], ...] = ()


class Calls:
    """`typebot` gives the client of a viewer; `allows_http`: requests of flows are made."""

    def __init__(
        self,
        *,
        http: Http,
        typebot: Callable[[str], Typebot],
        publish: Publish,
        allows_http: bool,
    ) -> None:
        self._http = http
        self._typebot = typebot
        self._publish = publish
        self._allows_http = allows_http

    async def prepare(self, entry: Entry, ask: Ask) -> Said:
        """Do what has to be done before Typebot is asked. Raises `NoFile`, `SessionGone`."""
        match ask.asking:
            case Start(say=say):
                return Said(say=say or Say())
            case Due(say=say, call=None):
                return Said(say=say)
            case Due(call=call):
                assert call is not None  # noqa: S101  (the case before)
                return Said(say=await self._result(call))
            case Reply() as reply:
                return await self._with_files(entry, ask, reply)

    async def ask(self, ask: Ask, said: Say) -> Answer:
        """Ask Typebot, once. Raises `PeerError`."""
        talk = ask.talk
        viewer = self._typebot(talk.url or "")
        if isinstance(ask.asking, Start):
            start = ask.asking
            return await viewer.start(talk.typebot or "", say=start.say, variables=start.variables)
        return await viewer.proceed(talk.session_id or "", said)

    async def _with_files(self, entry: Entry, ask: Ask, reply: Reply) -> Said:
        if not reply.files:
            return Said(say=reply.say)
        urls: list[str] = []
        failed: list[tuple[str, str]] = []
        for file in reply.files:
            try:
                urls.append(await self._publish(entry, ask.chat, ask.talk, file))
            except SessionGone:
                raise
            except BridgeError as error:
                failed.append((error.cause, str(error)))
        say = _answered(reply, urls)
        if say is None:
            raise NoFile(failed[0][1], code=failed[0][0])
        return Said(say=say, left_out=tuple(failed))

    async def _result(self, call: HttpCall) -> Say:
        """The result of a flow's own request, as Typebot wants it: JSON, whatever happened.

        Where it was not made, or failed, that is said by its status, and the flow goes on.
        """
        if not self._allows_http:
            return _result(HTTPStatus.FORBIDDEN, {"message": "This server makes no requests."})
        try:
            answer = await self._http.request(
                call.method,
                call.url,
                headers=_headers(call),
                data=None if call.body is None else call.body.encode("utf-8", "replace"),
                timeout=HTTP_SECONDS,
                limit=HTTP_BYTES,
                peer="The server of the flow",
            )
        except ForbiddenAddress:
            return _result(HTTPStatus.FORBIDDEN, {"message": "This address may not be called."})
        except PeerTimeout as error:
            return _result(HTTPStatus.GATEWAY_TIMEOUT, {"message": error.message})
        except PeerError as error:
            return _result(HTTPStatus.BAD_GATEWAY, {"message": error.message})
        return _result(answer.status, _data(answer))


def _answered(reply: Reply, urls: list[str]) -> Say | None:
    """What is said with these addresses; None: they were all that was to be said."""
    say = reply.say
    if reply.as_answer:
        return Say(text=", ".join(urls)) if urls else None
    if say.text is None:  # a sound
        return Say(audio=urls[0]) if urls else None
    if not urls and not say.text:
        return None
    return replace(say, files=tuple(urls))


def _headers(call: HttpCall) -> dict[str, str]:
    return {name: value for name, value in call.headers.items() if name.lower() not in _NOT_THEIRS}


def _data(answer: Received) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.decode("utf-8", "replace")


def _result(status: int, data: Any) -> Say:
    return Say(text=orjson.dumps({"statusCode": int(status), "data": data}).decode())


def was_not_made(error: PeerError) -> bool:
    """Whether Typebot surely did nothing, and asking again may help."""
    return error.certainty is Certainty.NOT_DONE and error.remedy is Remedy.RETRY
