"""Promise 6 with flows: none of our secrets goes into a flow, and none of a flow's goes elsewhere.

Whoever knows the id of a session of Typebot speaks in it as the person; the key of a flow and the
address of a file open what they say, to anybody.
"""

from __future__ import annotations

import orjson
import pytest

from bridge.sim.pictures import png
from bridge.sim.typebot import Call, TypebotSim
from support.crossing import HTTP_CREATED, HTTP_OK, Crossing, Secrets
from support.flow_house import ask, flow, text

CANARY = "CANARY7f3a91c2"
MARINA = "5511987650001"
NAME = "jabuticaba"
QUOTING = '{{"code": "BAD_REQUEST", "message": "Session {session} is broken"}}'
FLOW = flow("conta", text("Seu nome?"), ask(), text("Oi!"), ask("file"), text("Foto!"), ask())


async def provision(its: Crossing, typebot: TypebotSim) -> None:
    body = {
        "enabled": True,
        "url": typebot.url,
        "typebot": "conta",
        "triggerType": "all",
        "debounceTime": 0,
    }
    made = await its.api("POST", "/typebot/create/loja", json=body)
    assert made.status == HTTP_CREATED, await made.text()


async def told(its: Crossing, typebot: TypebotSim) -> dict[str, str]:
    """A flow with all that it may be told, and failures that quote it; gives its secrets."""
    await its.customer(MARINA, "oi", name="Marina")
    await its.quiet()
    await its.customer(MARINA, NAME)
    await its.quiet()
    await its.customer(MARINA, image=png(9, 9), caption=None)
    await its.quiet()
    (started,) = typebot.calls_of("startChat")
    session = typebot.calls_of("continueChat")[-1].path.split("/")[-2]
    address = typebot.calls_of("continueChat")[-1].text or ""
    async with its.http.get(address) as served:
        assert served.status == HTTP_OK
    secrets = {
        "session": session,
        "flow key": started.body["prefilledVariables"]["apiKey"],
        "address of a file": address.partition("/media/")[2].partition("/")[0],
    }
    wrong = {"apikey": f"{secrets['flow key']}0"}
    await its.api("POST", "/typebot/changeStatus/loja", headers=wrong, json={"status": "opened"})
    assert all(secrets.values())
    typebot.faults.fail(400, route="continueChat", text=QUOTING.format(session=session), times=1)
    await its.customer(MARINA, NAME)
    await its.quiet()
    return secrets


async def shown(its: Crossing) -> dict[str, str]:
    """What everybody may see, by where."""
    found = {}
    who = f"/who?person={MARINA}"
    for path in ("/metrics", "/dead-letters", "/audit", "/typebot/find/loja", who):
        answer = await its.api("GET", path)
        assert answer.status == HTTP_OK, path
        found[path] = await answer.text()
    for (ref,) in its.ponte.query("SELECT DISTINCT ref FROM job WHERE ref IS NOT NULL"):
        answer = await its.api("GET", "/why", params={"message": ref})
        found[f"/why {ref}"] = await answer.text()
    found["notes"] = " ".join(one.content or "" for one in its.chat.messages())
    found["conversations"] = str([one.custom_attributes for one in its.customers_conversations()])
    events = its.ponte.query("SELECT data FROM event")
    found["events"] = " ".join(str(data) for (data,) in events)
    assert "typebot" in found["events"]
    found["trace"] = str([list(row) for row in its.ponte.query("SELECT trace, reason FROM job")])
    return found


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_what_opens_a_flow_leaves_in_no_log_event_note_or_answer(world, level):
    async with TypebotSim() as typebot:
        typebot.put_said(FLOW)
        typebot.uploads.s3 = False
        options = {"secrets": Secrets(canary=CANARY), "log_level": level}
        async with world(**options) as its:
            await provision(its, typebot)
            secrets = await told(its, typebot)
            places = await shown(its)
            await its.ponte.stop()
            log = its.ponte.log_file.read_text("utf-8")
            places["the log"] = log
            found = [
                f"{what} in {where}"
                for where, said in places.items()
                for what, secret in secrets.items()
                if secret in said
            ]
            assert found == []
            assert NAME not in log
            assert MARINA not in log


async def test_no_secret_of_ours_goes_into_a_flow(world):
    async with TypebotSim() as typebot:
        typebot.put_said(FLOW)
        typebot.uploads.s3 = False
        secrets = Secrets(canary=CANARY)
        async with world(secrets=secrets) as its:
            await provision(its, typebot)
            await told(its, typebot)
            hook = (its.chat.inboxes[its.inbox].webhook_url or "").rpartition("/")[2]
            ours = [CANARY, its.instance_key, hook, its.chat.inboxes[its.inbox].secret]
            assert typebot.calls
            for call in typebot.calls:
                assert not [one for one in ours if one in whole(call)], call.route


def whole(call: Call) -> str:
    headers = orjson.dumps(dict(call.headers)).decode()
    return f"{call.path} {headers} {call.raw.decode('utf-8', 'replace')}"
