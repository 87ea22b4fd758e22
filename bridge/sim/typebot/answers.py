"""Where the answer to an input goes: its variable, that of its files, those of a card."""

from __future__ import annotations

from bridge.sim.typebot.choices import card_field
from bridge.sim.typebot.dedicated import store
from bridge.sim.typebot.flows import Block
from bridge.sim.typebot.replies import Answer, Message
from bridge.sim.typebot.sessions import Session


def keep(session: Session, block: Block, answer: Answer, message: Message | None) -> str | None:
    """Store what was answered; gives what was understood, where it is not what was said."""
    session.answers += 1
    options = block.options
    if message is None or answer.content is None:
        return None
    if message.url is not None:
        store(session, (options.get("audioClip") or {}).get("saveVariableId"), message.url)
        return None
    store(session, options.get("variableId"), answer.content)
    if answer.chosen and block.type == "cards":
        for mapping in options.get("saveResponseMapping", ()):
            store(session, mapping["variableId"], card_field(answer.chosen, mapping["field"]))
    attachments = options.get("attachments") or {}
    if message.files and attachments.get("isEnabled"):
        _attach(session, attachments.get("saveVariableId"), list(message.files))
    return None if answer.content == message.text else answer.content


def _attach(session: Session, variable_id: str | None, files: list[str]) -> None:
    before = session.values.get(session.flow.named(variable_id) or "")
    if isinstance(before, list):
        store(session, variable_id, [*before, *files])
    else:
        store(session, variable_id, files[0] if len(files) == 1 else files)
