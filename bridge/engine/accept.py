"""Keep first, work later: what every accept unit does.

Dedupe keys are text with a kind in front, at least 8 days old before they go (Meta repeats events
for 7): ``content:<instance>:<WhatsApp id>``, ``status:<instance>:<WhatsApp id>:<state>``,
``agent:<instance>:<inbox>:<message>:<created_at>`` (a restored Chatwoot reuses ids),
``deleted:...`` (a tombstone: the deletion overtook the message),
``revoked:<instance>:<chat>:<who>:<WhatsApp id>`` (it was deleted there, as they say),
``reacted:``, ``edited:`` and ``voted:<instance>:<id of ours>`` (`relay.targets.message_id`),
``identity_changed:<instance>:<WhatsApp id>``,
``edit:<instance>:<chat>:<digest of the message's id>:<ms>:<digest of the text>`` (what an edited
message says now), ``renamed:<instance>:<chat>:<number before>:<number>`` (a note said so),
``removed:<instance>:<inbox>:<Chatwoot id>`` (we deleted it there),
``revoked-part:<ledger id>`` (what that row is was deleted on WhatsApp),
``deleted-row:<ledger id>`` (an agent deleted what that row sent), ``call:<instance>:<call id>``,
``call-answer:<instance>:<chat>:<ten minutes>`` (a caller was told what `msgCall` says),
``again:<instance>:<inbox>:<message>:<created_at>`` (an agent's note asks for a file once more),
``drift:<instance>:<what>`` (the control room was told what only a person can mend),
``command:<instance>:<inbox>:<message>:<created_at>`` (an agent said something to the bot),
``profile:<instance>:<chat>:<day>`` (who that is was asked),
``picture:<instance>:<Chatwoot account>:<contact>:<digest>``,
``expected:<instance>:<conversation>:<what>`` (a change that we make ourselves: its webhook is no
signal), ``opened:<instance>:<conversation>`` (when it was opened last),
``bot-closed:<instance>:<chat>:<four hours>`` (a closed flow has said its text),
``agent_bot:<instance>:<inbox>`` (the control room was told that Chatwoot lets us have none) and
``edit-note:<instance>:<message>:<rule>`` (agents were told that an edit did not reach WhatsApp).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import structlog

from bridge.store.engine import Unit
from bridge.store.queries import seen

log = structlog.get_logger(__name__)


def is_new(unit: Unit, key: str, now: int) -> bool:
    """Remember a dedupe key; False when it was seen before."""
    return seen.remember(unit.db, key, now)


def apart(unit: Unit, step: Callable[[], None]) -> bool:
    """Run one event of a batch in a savepoint of its own; False when it failed and left nothing.

    A poisonous event must not hold the other 999 of its webhook. A failing database is not the
    event's fault and is raised.
    """
    before, tally = len(unit.after_commit), dict(unit.tally)
    unit.db.execute("SAVEPOINT event")
    try:
        step()
    except sqlite3.OperationalError:
        raise
    except Exception:
        log.exception("event.accept_failed")
        unit.db.execute("ROLLBACK TO event")
        unit.db.execute("RELEASE event")
        del unit.after_commit[before:]
        unit.tally = tally
        return False
    unit.db.execute("RELEASE event")
    return True
