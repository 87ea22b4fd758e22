"""Somebody gives a message another text: agents see it as a new message in answer to the first.

Chatwoot has no way to change a text that stands there (chatwoot-api.md 1.8). Of several edits each
is shown, in their order; what says the same as what stands there is not.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Collection

from pydantic import ValidationError

from bridge.core.content import Content, Media, Text
from bridge.core.identity import are_two
from bridge.core.message import Edited
from bridge.engine.queue import Ignored
from bridge.locale import say
from bridge.relay.directory import Entry
from bridge.relay.outgoing import AGENT_MESSAGE
from bridge.relay.planning import plan
from bridge.relay.signing import signature_of
from bridge.relay.targets import Scene, Target, Told
from bridge.relay.wording import worded
from bridge.relay.wording.attributes import attributes
from bridge.store.engine import Unit
from bridge.store.queries import seen

#: What begins a block of Markdown, and would not after a sign of ours.
_BLOCK = re.compile(r"\s|[>#|=:`~]|[-+*]\s|\d+[.)]")


def tell(db: sqlite3.Connection, scene: Scene, entry: Entry, event: Edited) -> Told | Ignored:
    """Pure but for the read: what follows from an edit, given what stands."""
    target = scene.target
    # In a group, too, everybody edits only what is their own.
    author, editor = target.author if target is not None else None, event.sender
    is_forged = author is not None and editor is not None and are_two(author, editor)
    if target is not None and (target.is_theirs is event.by_us or is_forged):
        return Ignored(rule="edited.not_theirs", reason="Somebody else wrote the message.")
    at, plain = scene.at(event), _plain(event.content, scene.language)
    shown = _shown(db, scene.instance_id, scene.chat.id, event.target)
    if shown is not None and shown[0] > at:
        return Ignored(rule="edited.outdated", reason="A newer text is known.")
    keep = said(scene.instance_id, scene.chat.id, event.target, plain, at, scene.now)
    stands = {shown[1]} if shown is not None else {_digest(one) for one in _texts(scene, entry)}
    if _digest(plain) in stands:
        return Ignored(rule="edited.same", reason="It says what stands there.", write=keep)
    content = worded(event.content, language=scene.language)
    text = content.text or say(scene.language, "edit.emptied")
    between = "\n\n" if _BLOCK.match(text) else " "
    return Told(
        text=f"✏️{between}{text}",
        alone=f"{say(scene.language, 'edit.earlier')}\n\n{text}",
        attributes=attributes("edit", id=event.id, target=event.target),
        write=keep,
    )


def said(  # noqa: PLR0917
    instance_id: str, chat_id: int, target: str, text: str, at: int, now: int
) -> Callable[[Unit], None]:
    """Keep that a WhatsApp message says this text since `at` (ms), and that agents know.

    Also of what we change ourselves, before we do: a channel may tell it back to us.
    """
    start = _start(instance_id, chat_id, target)
    return lambda unit: seen.replace(unit.db, start, f"{at}:{_digest(text.strip())}", now)


def _shown(
    db: sqlite3.Connection, instance_id: str, chat_id: int, target: str
) -> tuple[int, str] | None:
    """Since when (ms) which text is known of an edited message."""
    rest = seen.rest_of(db, _start(instance_id, chat_id, target))
    if rest is None:
        return None
    at, _, digest = rest.rpartition(":")
    return int(at), digest


def _start(instance_id: str, chat_id: int, target: str) -> str:
    """By a digest: an id from outside may hold what separates the parts of a key."""
    return f"edit:{instance_id}:{chat_id}:{_digest(target)}:"


def _texts(scene: Scene, entry: Entry) -> Collection[str]:
    """What the message may say on WhatsApp, before it was edited."""
    target = scene.target
    if target is None:
        return ()
    content = target.heard()
    if content is not None:
        return (_plain(content, scene.language),)
    return _written(target, entry, scene.language)


def _written(target: Target, entry: Entry, language: str) -> Collection[str]:
    """What went out from Chatwoot, in each of its parts."""
    if not target.payload or target.origin in ("contact", "phone"):
        return ()
    try:
        message = AGENT_MESSAGE.validate_json(target.payload)
    except ValidationError:
        return ()
    signature = signature_of(entry.inbox, message)
    able = entry.channel.capabilities
    parts = plan(message, signature=signature, able=able, language=language)
    found = (getattr(part, "body", None) or getattr(part, "caption", None) for part in parts)
    return [text.strip() for text in found if text]


def _plain(content: Content, language: str) -> str:
    """What the same text is recognised by."""
    match content:
        case Text(body=body):
            return body.strip()
        case Media(caption=caption):
            return (caption or "").strip()
        case _:
            return worded(content, language=language).text or ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
