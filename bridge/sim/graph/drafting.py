"""What customers write, as the test that plays them says it in a `Writing`."""

from __future__ import annotations

from collections.abc import Callable

from bridge.sim.graph.payloads import Payload, Person, bsuid_of
from bridge.sim.graph.records import DERIVED, File, Writing
from bridge.sim.pictures import JPEG_MIME, PNG_MIME


def meet(people: dict[str, Person], wa_id: str | None, writing: Writing) -> Person:
    """Who writes, by a number or a BSUID; remembered in `people`, by the number."""
    bsuid = writing.get("bsuid", DERIVED)
    if bsuid == DERIVED:
        bsuid = bsuid_of(wa_id or "nobody")
    if wa_id is None and bsuid is None:
        raise ValueError("a customer has a number or a BSUID")
    before = people.get(wa_id or "")
    name = before.name if before else f"Cliente {(wa_id or bsuid or '')[-4:]}"
    person = Person(wa_id=wa_id, bsuid=bsuid, name=writing.get("name", name))
    if wa_id is not None:
        people[wa_id] = person
    return person


def said(text: str | None, writing: Writing, kept: Callable[[File], Payload]) -> Payload:
    """The `type` of a message and its body; `kept` keeps a file and gives what Meta says of it."""
    file = writing.get("file")
    if "image" in writing:
        data = writing["image"]
        mime = JPEG_MIME if data.startswith(b"\xff\xd8") else PNG_MIME
        file = File(kind="image", data=data, mime=mime)
    given = (text is not None, file is not None, "message" in writing)
    if sum(given) != 1:
        raise ValueError("exactly one of text, image, file and message is due")
    if text is not None:
        return {"type": "text", "text": {"body": text}}
    if file is None:
        return writing["message"]
    words = {"caption": writing.get("caption"), "filename": file.filename}
    told = {name: value for name, value in words.items() if value is not None}
    return {"type": file.kind, file.kind: {**told, **kept(file), **(file.extra or {})}}
