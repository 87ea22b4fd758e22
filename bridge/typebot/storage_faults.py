"""Why Typebot, or the storage behind it, does not take a file (typebot-api.md 1.6)."""

from __future__ import annotations

from http import HTTPStatus

from bridge.errors import ForbiddenAddress, PeerBroke, PeerBusy, PeerError, PeerRefused, Scope
from bridge.net.http import Answer, retry_after
from bridge.typebot.faults import Call, WrongRequest, fault, read_refusal


class NoStorage(PeerRefused):
    """Typebot cannot take the file: somebody else has to keep it at an address."""

    code = "typebot.no_storage"


class FileRefused(PeerRefused):
    """Typebot does not take this file: its kind or size, or that a file comes at all."""

    code = "typebot.file_refused"


def slot_fault(answer: Answer, *, secret: str) -> PeerError:
    """Why there is no place for a file. Asking for one does nothing that could be done twice."""
    refusal = read_refusal(answer, call=Call.OTHER, secret=secret)
    meant = fault(answer, call=Call.OTHER, secret=secret)
    if isinstance(meant, WrongRequest) and refusal.own and not refusal.issues:
        return FileRefused(f"Typebot does not take this file.{refusal.said}")
    broken = answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and refusal.own
    if refusal.nowhere or broken:
        return NoStorage(
            "Typebot has no storage for files.",
            advice="Set up S3 for Typebot, or let Ponte hand the files out itself.",
        )
    return meant


def upload_fault(answer: Answer) -> PeerError:
    """Why the bytes were not taken. A storage may be anybody's: nothing is quoted."""
    status = answer.status
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return FileRefused("The file is too large for Typebot (413).")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return PeerBusy(
            "The storage of Typebot asks us to slow down (429).",
            code="typebot.busy",
            scope=Scope.SERVER,
            retry_after=retry_after(answer.headers),
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PeerBroke(f"The storage of Typebot failed ({status}).", code="typebot.storage_broke")
    return NoStorage(f"The storage of Typebot refuses the file ({status}).")


def storage_forbidden(error: ForbiddenAddress) -> NoStorage:
    """Typebot's storage lies where our guard does not let us go."""
    return NoStorage(f"The storage of Typebot cannot be used: {error.message}", advice=error.advice)
