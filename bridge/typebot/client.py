"""One Typebot viewer over its chat API (typebot-api.md 1).

Every method raises `PeerError`s only; an answer that cannot be read counts as an unknown outcome.
No method repeats a call by itself, and calls on one session must not run at once: Typebot locks
nothing (1.8). The ids of sessions are the only secrets, and stand in no error and no log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO

from aiohttp import FormData

from bridge.core.flow import Say
from bridge.errors import ForbiddenAddress, PeerError
from bridge.net.http import Answer as Received
from bridge.net.http import Body, Http
from bridge.typebot import wire
from bridge.typebot.faults import (
    Call,
    CommandUnknown,
    ViewerUnknown,
    fault,
    forbidden,
    unreadable,
)
from bridge.typebot.models import Answer, Slot
from bridge.typebot.reading import decoded, read_answer, read_slot
from bridge.typebot.storage_faults import NoStorage, slot_fault, storage_forbidden, upload_fault

PEER = "Typebot"
#: 200 bubbles of a long text each are no attack; what is more than that is none of a flow. To
#: read so much JSON stops everything else for a quarter of a second.
_LARGEST = 2 * 1024 * 1024
#: An upload may take as long as its bytes need at this many bytes per second.
_SLOWEST_UPLOAD = 100_000
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}
_LEGACY = "/api/v1/sendMessage"


class Typebot:
    """The viewer at `url`. `timeout` is long: the server runs a flow's own requests inside a call.

    No ``Origin`` is sent, since a flow may refuse it (1.7), and no key, since none is wanted.
    """

    def __init__(self, *, http: Http, url: str, timeout: float = 90.0) -> None:
        self._http = http
        self._url = url.strip().rstrip("/")
        self._timeout = timeout
        #: Seen to have nothing but sendMessage (before 2.19.1).
        self._legacy = False

    def __repr__(self) -> str:
        return f"Typebot({self._url})"

    async def start(
        self,
        flow: str,
        *,
        say: Say | None,
        variables: Mapping[str, Any],
        result_id: str | None = None,
    ) -> Answer:
        """Start a published flow. `say` is heard only by an input that comes first of all (1.2).

        A server too old for startChat, which its refusal proves, is asked in the old way.
        """
        if self._legacy:
            return await self._start_old(flow, say, variables, result_id)
        path = f"/api/v1/typebots/{wire.segment(flow)}/startChat"
        body = wire.start(say, variables, result_id)
        try:
            return _started(await self._post(path, body, Call.START))
        except ViewerUnknown:
            answer = await self._start_old(flow, say, variables, result_id)
        self._legacy = True
        return answer

    async def register(self, flow: str) -> None:
        """Ask for a session that is not begun, which proves that the flow is there, and open (1.2).

        Nothing of the flow runs, and it gets no result. Raises what `start` raises.
        """
        path = f"/api/v1/typebots/{wire.segment(flow)}/startChat"
        _started(await self._post(path, {"isOnlyRegistering": True}, Call.START))

    async def proceed(self, session_id: str, say: Say) -> Answer:
        """Answer a flow. Raises `SessionGone` when there is none to be answered."""
        if self._legacy:
            return await self._proceed_old(session_id, say)
        path = f"/api/v1/sessions/{wire.segment(session_id)}/continueChat"
        body = wire.with_message(dict(wire.FORMAT), wire.message(say))
        try:
            return await self._post(path, body, Call.PROCEED, secret=session_id)
        except ViewerUnknown:
            answer = await self._proceed_old(session_id, say)
        self._legacy = True
        return answer

    async def upload_slot(
        self, session_id: str, block_id: str, *, name: str, mime: str, size: int
    ) -> Slot:
        """Ask for a place for a file, which the block that waits must want (1.6).

        `NoStorage`: the file has to be kept elsewhere. `FileRefused`: it may not come at all.
        """
        body = {
            "sessionId": session_id,
            "blockId": block_id,
            "fileName": name,
            "fileType": mime,
            "fileSize": size,
        }
        answer = await self._request(
            "POST",
            self._url + "/api/v3/generate-upload-url",
            refused=partial(slot_fault, secret=session_id),
            headers=_JSON,
            data=wire.encoded(body),
            timeout=self._timeout,
        )
        slot = read_slot(_json(answer))
        if slot is None:
            raise NoStorage("Typebot names no place for files.")
        return slot

    async def upload(
        self, slot: Slot, content: bytes | BinaryIO, *, name: str, mime: str, size: int
    ) -> None:
        """Put the bytes of a file into its place, in the form that the place wants (1.6)."""
        data: Body = content
        headers: dict[str, str] | None = {"Content-Type": slot.mime or mime}
        if slot.form:
            form = FormData()
            for field, value in slot.form.items():
                form.add_field(field, value)
            form.add_field("file", content, filename=name, content_type=slot.mime or mime)
            data, headers = form, None
        url = self._url + slot.url if slot.url.startswith("/") else slot.url
        await self._request(
            "POST" if slot.form else "PUT",
            url,
            refused=upload_fault,
            forbids=storage_forbidden,
            headers=headers,
            data=data,
            timeout=self._timeout + size / _SLOWEST_UPLOAD,
        )

    async def _start_old(
        self, flow: str, say: Say | None, variables: Mapping[str, Any], result_id: str | None
    ) -> Answer:
        params = {"typebot": flow, "prefilledVariables": dict(variables)}
        if result_id is not None:
            params["resultId"] = result_id
        spoken = None if say is None else wire.only_text(say)
        body = wire.with_message({"startParams": params}, spoken)
        return _started(await self._post(_LEGACY, body, Call.START))

    async def _proceed_old(self, session_id: str, say: Say) -> Answer:
        if say.command is not None:
            raise CommandUnknown("This Typebot is too old for commands.")
        body = wire.with_message({"sessionId": session_id}, wire.only_text(say))
        return await self._post(_LEGACY, body, Call.PROCEED, secret=session_id)

    async def _post(
        self, path: str, body: Mapping[str, Any], call: Call, *, secret: str = ""
    ) -> Answer:
        answer = await self._request(
            "POST",
            self._url + path,
            refused=partial(fault, call=call, secret=secret),
            headers=_JSON,
            data=wire.encoded(body),
            timeout=self._timeout,
        )
        read = read_answer(_json(answer))
        if read is None:
            raise unreadable()
        return read

    async def _request(
        self,
        method: str,
        url: str,
        *,
        refused: Callable[[Received], PeerError],
        forbids: Callable[[ForbiddenAddress], PeerError] = forbidden,
        **options: Any,
    ) -> Received:
        """Make one call; gives successes only."""
        try:
            answer = await self._http.request(method, url, limit=_LARGEST, peer=PEER, **options)
        except ForbiddenAddress as error:
            raise forbids(error) from error
        if 200 <= answer.status < 300:  # noqa: PLR2004  the range of HTTP's successes
            return answer
        raise refused(answer)


def _started(answer: Answer) -> Answer:
    """Insist on the id of the session that was started."""
    if answer.session_id is None:
        raise unreadable()
    return answer


def _json(answer: Received) -> Any:
    try:
        return decoded(answer.body)
    except ValueError:
        raise unreadable() from None
