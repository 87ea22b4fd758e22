"""Promise 6: no secret leaves: not into a log, an error text, a metric, a page or a trace.

A story is told with canaries in every secret, every text and every number; then everything that
the service has written or answered is searched for them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from bridge.sim.graph import Route, faults
from bridge.sim.graph.payloads import encode
from bridge.sim.pictures import png
from support.crossing import Crossing, Secrets

CANARY = "CANARY7f3a91c2"
MARINA = "5511987650001"
MARINA_WITHOUT_NINE = "551187650001"
CUSTOMERS_TEXT = "jabuticaba"  # short, since some errors quote only so much
AGENTS_TEXT = "maracuja"
CAPTION = "pitanga"
BODY_SECRET = f"segredo{CANARY}"


@dataclass(kw_only=True)
class Story:
    """What must not be found, by what it is, and the answers in which to look."""

    secrets: dict[str, str]
    people: dict[str, str]
    answers: list[tuple[str, str]] = field(default_factory=list)
    #: Those that are about people, and show who they are to the global key.
    about_people: list[tuple[str, str]] = field(default_factory=list)

    async def ask(
        self, its: Crossing, method: str, path: str, *, is_open: bool = False, **options: object
    ) -> None:
        answer = await its.api(method, path, **options)
        shown = path.partition("?")[0]
        answers = self.about_people if is_open else self.answers
        answers.append((f"{method} {shown} ({answer.status})", await answer.text()))


async def told(its: Crossing) -> Story:
    hook = (its.chat.inboxes[its.inbox].webhook_url or "").rpartition("/")[2]
    secrets = {
        "access token": its.secrets.access_token,
        "app secret": its.secrets.app_secret,
        "verify token": its.secrets.verify_token,
        "global key": its.secrets.api_key,
        "instance key": its.instance_key,
        "Chatwoot token": its.secrets.chatwoot_token,
        "webhook secret": hook,
        "signing secret": its.chat.inboxes[its.inbox].secret,
        "canary": CANARY,
    }
    assert all(len(secret) > 12 or what == "canary" for what, secret in secrets.items())
    people = {
        "customer's text": CUSTOMERS_TEXT,
        "agent's text": AGENTS_TEXT,
        "caption": CAPTION,
        "number": MARINA,
        "number without nine": MARINA_WITHOUT_NINE,
    }
    story = Story(secrets=secrets, people=people)
    await everyday(its)
    await failures_of_peers(its)
    await failures_of_the_disk(its)
    await failures_of_ours(its)
    await mistakes_of_callers(its, story)
    await questions(its, story)
    return story


async def everyday(its: Crossing) -> None:
    await its.customer(MARINA, CUSTOMERS_TEXT, name="Marina")
    await its.customer(MARINA_WITHOUT_NINE, image=png(9, 9), caption=CAPTION)
    await its.customer(MARINA, message={"type": "order", "order": {"text": CUSTOMERS_TEXT}})
    await its.quiet()
    chat = its.customers_conversations()[0].id
    its.chat.agent_writes(chat, AGENTS_TEXT)
    its.chat.agent_writes(chat, AGENTS_TEXT, attachments=[("a.png", png(9, 9), "image/png")])
    await its.quiet()
    await commands(its)


async def commands(its: Crossing) -> None:
    """A contact of hers is there twice, and her number is typed as one to be connected."""
    its.chat.agent_creates_contact("Gêmea", phone_number=f"+{MARINA_WITHOUT_NINE}")
    customers = its.customers_conversations()
    (room,) = [one for one in its.chat.conversations.values() if one not in customers]
    for text in ("status", f"init: +{MARINA}", "merge", "check", "retry", AGENTS_TEXT):
        its.chat.agent_writes(room.id, text)
    await its.quiet()
    told = [one.content or "" for one in room.messages if (one.source_id or "").startswith("PONTE")]
    assert sum("merge" in one for one in told) >= 2, told


async def failures_of_peers(its: Crossing) -> None:
    """Both quote our token back, as both do at times."""
    chat = its.customers_conversations()[0].id
    fail = its.graph.faults.next
    quoting = f"The token {its.secrets.access_token} is not good enough."
    fail(Route.MESSAGES, faults.error(131026, details=quoting))
    its.chat.agent_writes(chat, AGENTS_TEXT)
    await its.quiet()
    fail(Route.MESSAGES, faults.broken())
    its.chat.agent_writes(chat, AGENTS_TEXT)
    fail(Route.DOWNLOAD, faults.error(100), 2)
    fail(Route.LOOKUP, faults.error(100), 2)
    await its.customer(MARINA, image=png(9, 9), caption=CAPTION)
    await its.quiet()
    its.chat.faults.fail(500, route="POST messages", times=1)
    its.chat.faults.fail(
        422,
        route="POST messages",
        times=1,
        text=f'{{"error": "The token {its.secrets.chatwoot_token} may not do this"}}',
    )
    await its.customer(MARINA, CUSTOMERS_TEXT)
    await its.customer(MARINA, CUSTOMERS_TEXT)
    await its.quiet()


async def failures_of_the_disk(its: Crossing) -> None:
    """What is logged with a traceback."""
    with closing(sqlite3.connect(its.ponte.database, isolation_level=None)) as locking:
        locking.execute("BEGIN IMMEDIATE")
        its.chat.agent_writes(its.customers_conversations()[0].id, AGENTS_TEXT)
        _, payload = its.graph.draft(MARINA, CUSTOMERS_TEXT)
        assert await its.post(payload) == 503
    await its.quiet()


async def failures_of_ours(its: Crossing) -> None:
    """A stored job that cannot be read, as after a downgrade: a bug, logged with a traceback."""
    stuck = its.chat.faults.hang(60, route="POST messages", times=1)
    await its.customer(MARINA, CUSTOMERS_TEXT)
    await its.chat.wait_for(lambda: stuck.hits == 1)
    its.graph.faults.always(Route.MESSAGES, faults.hang(60))
    its.chat.agent_writes(its.customers_conversations()[0].id, AGENTS_TEXT)
    await its.chat.settled()
    await its.ponte.kill()
    stuck.off()
    its.graph.faults.off()
    with closing(sqlite3.connect(its.ponte.database)) as db, db:
        for row, payload in db.execute("SELECT id, payload FROM job WHERE state='waiting'"):
            older = payload.replace(b'"body"', b'"text"').replace(b'"content":"', b'"text":"')
            db.execute("UPDATE job SET payload=? WHERE id=?", (older, row))
    await its.ponte.start()
    await its.quiet()
    assert '"job.crashed"' in await asyncio.to_thread(its.ponte.log_file.read_text, "utf-8")


async def mistakes_of_callers(its: Crossing, story: Story) -> None:
    wrong_key = {"apikey": f"{its.secrets.api_key}x"}
    await story.ask(its, "GET", "/metrics", headers=wrong_key)
    await story.ask(its, "GET", f"/nothing-here?token={BODY_SECRET}")
    order = {"instanceName": "outra", "integration": "WHATSAPP-BUSINESS", "number": "1"}
    for body in (
        order | {"token": BODY_SECRET},
        order | {"token": {"secret": BODY_SECRET}, "chatwootToken": [BODY_SECRET]},
        order | {"chatwootToken": BODY_SECRET},
        order
        | {
            "token": BODY_SECRET,
            "chatwootToken": BODY_SECRET,
            "chatwootUrl": its.chat_peer.url,
            "chatwootAccountId": 1,
        },
    ):
        await story.ask(its, "POST", "/instance/create", json=body)
    await story.ask(its, "POST", "/instance/create", data=b'{"token": "' + BODY_SECRET.encode())
    for path in ("/webhook/meta", "/chatwoot/webhook/loja", f"/chatwoot/webhook/loja/{CANARY}"):
        await story.ask(its, "POST", path, data=encode({"text": CUSTOMERS_TEXT}))
    hook = story.secrets["webhook secret"]
    await story.ask(its, "POST", f"/chatwoot/webhook/loja/{hook}", data=CUSTOMERS_TEXT.encode())
    challenge = f"hub.mode=subscribe&hub.challenge=1&hub.verify_token={BODY_SECRET}"
    await story.ask(its, "GET", f"/webhook/meta?{challenge}")


async def questions(its: Crossing, story: Story) -> None:
    for path in (
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/dead-letters",
        "/instance/fetchInstances",
        "/instance/connectionState/loja",
        "/chatwoot/find/loja",
    ):
        await story.ask(its, "GET", path)
    for path in (f"/who?person={MARINA}", "/merge/list/loja", "/merge/plan/loja/1", "/audit"):
        await story.ask(its, "GET", path, is_open=True)
    assert MARINA in str(story.about_people)
    refs = its.ponte.query("SELECT DISTINCT ref FROM job WHERE ref IS NOT NULL")
    for (ref,) in refs:
        await story.ask(its, "GET", "/why", params={"message": ref})
    assert len(refs) > 5


def leaks(needles: dict[str, str], where: str, text: str) -> list[str]:
    """Tells what leaked and the surroundings, not the secret."""
    found = []
    for what, needle in needles.items():
        at = text.find(needle)
        if at >= 0:
            around = text[max(0, at - 200) : at] + f"<{what}>" + text[at + len(needle) :][:80]
            found.append(f"{what} in {where}: …{around}…")
    return found


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_no_secret_text_or_number_leaves_in_logs_and_answers(world, level):
    secrets = Secrets(canary=CANARY)
    engine = {"retry_delays_seconds": [0.0, *[0.01] * 5]}
    async with world(secrets=secrets, log_level=level, sections={"engine": engine}) as its:
        story = await told(its)
        await its.ponte.stop()
        needles = story.secrets | story.people
        found = leaks(needles, "the log", its.ponte.log_file.read_text("utf-8"))
        for where, answer in story.answers:
            found += leaks(needles, where, answer)
        for where, answer in story.about_people:
            found += leaks(story.secrets, where, answer)
        assert found == []


async def test_other_peoples_tokens_and_our_keys_are_not_stored_in_clear(world):
    async with world(secrets=Secrets(canary=CANARY)) as its:
        await everyday(its)
        hook = (its.chat.inboxes[its.inbox].webhook_url or "").rpartition("/")[2]
        needles = {
            "instance key": its.instance_key,
            "webhook secret": hook,
            "signing secret": its.chat.inboxes[its.inbox].secret,
            "canary": CANARY,
        }
        for running in (True, False):  # with its write-ahead log, and after a clean stop
            if not running:
                await its.ponte.stop()
            for path in await asyncio.to_thread(lambda: sorted(its.ponte.data.rglob("*"))):
                if path.is_file():
                    text = path.read_bytes().decode("latin-1")
                    assert leaks(needles, path.name, text) == []
