"""Private notes, whatever they quote."""

from __future__ import annotations

from bridge.relay.notes import note_job
from support.bridge_house import NAME, House


async def test_a_note_shows_what_it_quotes_and_nothing_in_it_acts(house: House) -> None:
    """To Chatwoot a note is an outgoing message, in which Liquid runs and mentions call agents."""
    chat = await house.talk()
    entry = house.service.directory.by_name(NAME)
    assert entry is not None
    (row,) = await house.rows("SELECT id FROM chat WHERE conversation_id=?", chat.id)
    quoted = "Não saiu: Olá {{contact.nick}}, (mention://user/1/Ana)!"
    job = note_job(
        entry,
        chat_id=row["id"],
        conversation_id=chat.id,
        about=None,
        text=quoted,
        now=house.clock.ms(),
    )
    await house.service.store.write(lambda unit: house.service.queue.add(unit, job))
    await house.quiet()
    (note,) = [one for one in house.chat.messages(chat.id) if one.private]
    assert (note.content or "").replace("\u200b", "") == quoted
    assert "{{" not in (note.content or "")
    assert "mention://" not in (note.content or "")
    assert not house.graph.sent
