"""What happens in the demo, chapter by chapter, and whether it adds up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import psutil

from bridge.cli.connecting import lines
from bridge.cli.demo.stage import DemoFailed
from bridge.cli.demo.telling import AROUND, CHATWOOT, PONTE, WHATSAPP
from bridge.cli.figures import Figures
from bridge.cli.printing import out
from bridge.core.instance import BAILEYS
from bridge.core.message import MADE_UP
from bridge.core.phone import readable
from bridge.sim.chatwoot import Message
from bridge.sim.pictures import jpeg, png
from support.demo_web.stage import INSTANCE, MARINA, PATIENCE, RUI, SHOP, Stage, shown, where
from support.whatsapp_web import Companion, Person, Sent, kinds

CAKE, MENU = jpeg(64, 48, grey=180), png(48, 48, colour=(210, 120, 40))


async def play(stage: Stage) -> None:
    """Raises `DemoFailed` as soon as something does not happen."""
    companion = await scanned(stage)
    message = await customer_writes(stage, companion)
    await agent_answers(stage, companion, message)
    await pictures(stage, companion, message)
    await other_kinds(stage, companion, message)
    await group_talks(stage, companion)
    await worker_dies(stage, companion)
    await unlinked(stage)


async def scanned(stage: Stage) -> Companion:
    show = stage.show
    await show.chapter("An instance is made through the public API, and its QR code is scanned")
    body = {
        "instanceName": INSTANCE,
        "integration": BAILEYS,
        "qrcode": True,
        "chatwootAccountId": str(stage.chatwoot.account_id),
        "chatwootToken": stage.chatwoot.admin_token,
        "chatwootUrl": stage.chatwoot_url,
        "chatwootSignMsg": True,
        "chatwootReopenConversation": True,
        "chatwootMergeBrazilContacts": True,
        "chatwootNameInbox": "WhatsApp Loja",
    }
    made = await stage.call("POST", "instance", "create", body=body)
    await show.line(AROUND, f"POST /instance/create: {INSTANCE!r} is made, with this code:")
    code = made["qrcode"]["code"]
    for line in lines(code, colours=True):
        sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()
    await show.line(WHATSAPP, "the phone of the shop scans it", aside="a stand-in: yours cannot")
    companion = await stage.phone.scan(code)
    await companion.connected()
    await stage.state("open")
    await show.line(PONTE, f"{INSTANCE} is connected as +{SHOP}")
    await stage.sees("the bot says so", lambda: readable(f"+{SHOP}") in bot_said(stage))
    await show.line(CHATWOOT, f"the bot: {bot_said(stage)}")
    return companion


def bot_said(stage: Stage) -> str:
    """The last words of the inbox's bot."""
    said = [one for one in stage.chatwoot.messages() if (one.source_id or "").startswith("PONTE:")]
    return (said[-1].content or "") if said else ""


async def customer_writes(stage: Stage, companion: Companion) -> Message:
    await stage.show.chapter("A customer writes; all is encrypted end to end, as with the real one")
    text = "Oi! Vocês abrem no *domingo*?"
    await stage.show.line(WHATSAPP, f"Marina: {text}", aside=f"+{MARINA}")
    return await stage.arrives("Marina", await stage.marina.writes(companion, text))


async def agent_answers(stage: Stage, companion: Companion, message: Message) -> None:
    await stage.show.chapter("An agent answers, signed; the ticks come back")
    answer = await agent(stage, message, "Bom dia! Sim, **das 7 às 13 h**. 🙂")
    sent = await received(stage, stage.marina)
    signed = f"*{stage.chatwoot.agent.display_name}:*\nBom dia! Sim, *das 7 às 13 h*. 🙂"
    check("the answer is signed, in WhatsApp's marks", sent.text == signed)
    await stage.marina.confirms(companion, sent.id)
    await stage.show.line(WHATSAPP, "Marina reads it")
    await stage.marina.confirms(companion, sent.id, kind="read")
    await stage.sees("Chatwoot shows it as read", lambda: answer.status == "read")
    await stage.show.line(CHATWOOT, f"message {answer.id} is shown as read")


async def agent(
    stage: Stage, message: Message, text: str, *, picture: bytes = b"", **fields: Any
) -> Message:
    files = [("cardapio.png", picture, "image/png")] if picture else []
    chat = message.conversation.id
    answer = stage.chatwoot.agent_writes(chat, text, attachments=files, **fields)
    stage.answered += 1
    name = stage.chatwoot.agent.display_name
    await stage.show.line(CHATWOOT, f"{name}: {shown(answer)}", aside=where(answer))
    return answer


async def received(stage: Stage, who: Person) -> Sent:
    sent = await who.next_message()
    picture = sent.message.imageMessage
    text = f"[picture] {picture.caption}" if sent.message.HasField("imageMessage") else sent.text
    await stage.show.line(WHATSAPP, f"to {who.name}: {text}", aside=f"+{who.pn.user}")
    return sent


async def pictures(stage: Stage, companion: Companion, message: Message) -> None:
    await stage.show.chapter("A picture each way, byte for byte")
    file = stage.double.media.put(CAKE, kind="image", mime="image/jpeg")
    caption = "Quero um bolo como este"
    await stage.show.line(WHATSAPP, f"Marina: [picture] {caption}", aside=f"{len(CAKE)} bytes")
    written = await stage.marina.sends(companion, file, caption=caption)
    cake = await stage.arrives("Marina", written)
    check("the picture is intact in Chatwoot", [one.data for one in cake.attachments] == [CAKE])
    await agent(stage, message, "Nosso cardápio:", picture=MENU)
    sent = await received(stage, stage.marina)
    menu = stage.double.media.read(sent.message.imageMessage, "image")
    check("the picture is intact on WhatsApp", menu == MENU)


async def other_kinds(stage: Stage, companion: Companion, message: Message) -> None:
    show, marina = stage.show, stage.marina
    await show.chapter("A place, a choice answered with its number, an edit, a reaction")
    await show.line(WHATSAPP, "Marina: [place] Salão de festas")
    place = kinds.place(-23.55052, -46.633308, name="Salão de festas")
    await stage.arrives("Marina", await marina.writes(companion, place))
    items = [{"title": title, "value": title} for title in ("Chocolate", "Morango")]
    choice: dict[str, Any] = {
        "content_type": "input_select",
        "content_attributes": {"items": items},
    }
    await agent(stage, message, "Qual recheio?", **choice)
    sent = await received(stage, marina)
    await show.line(WHATSAPP, "Marina: 2")
    written = await marina.writes(companion, "2")
    chosen = await stage.arrives("Marina", written)
    check("the answer is understood", (chosen.content or "").startswith("Morango"))
    await show.line(WHATSAPP, "Marina corrects it: 1")
    await marina.edits(companion, written, "1")
    await changes(stage, written)
    await show.line(WHATSAPP, "Marina reacts to the question: ❤️")
    await marina.reacts(companion, sent.id, "❤️")
    await changes(stage, sent.id)


async def changes(stage: Stage, target: str) -> None:
    """A change of a message is seen in Chatwoot, in answer to it."""
    start = f"WAID:{target}{MADE_UP}"

    def told() -> list[Message]:
        found = stage.chatwoot.messages()
        return [one for one in found if (one.source_id or "").startswith(start)]

    await stage.sees("the change stands in Chatwoot", lambda: bool(told()))
    stage.changed += 1
    (message,) = told()
    about = message.content_attributes["in_reply_to"]
    aside = f"{where(message)}, in answer to {about}"
    await stage.show.line(CHATWOOT, f"Marina: {shown(message)}", aside=aside)


async def group_talks(stage: Stage, companion: Companion) -> None:
    await stage.show.chapter("A group is one conversation, in which everybody has a name")
    text = "Pessoal, quem traz o bolo?"
    await stage.show.line(WHATSAPP, f"Rui in {stage.family.subject!r}: {text}", aside=f"+{RUI}")
    written = await stage.rui.writes(companion, text, group=stage.family)
    message = await stage.arrives(stage.family.subject, written)
    await agent(stage, message, "Nós!")
    await stage.double.journal.until(
        lambda: any(one.to == stage.family.jid for one in companion.sent),
        "the answer goes to the group",
        seconds=PATIENCE,
    )
    sent = next(one for one in companion.sent if one.to == stage.family.jid)
    await stage.show.line(WHATSAPP, f"to {stage.family.subject!r}: {sent.text}")


async def worker_dies(stage: Stage, companion: Companion) -> None:
    show = stage.show
    await show.chapter("The worker of the number is killed, and a customer writes meanwhile")
    await quiet(stage)
    os.kill(worker().pid, signal.SIGKILL)
    await companion.gone()
    text = "Para sábado, pode ser?"
    await show.line(WHATSAPP, f"Marina: {text}", aside="nobody is connected")
    written = await stage.marina.writes(companion, text)
    await stage.arrives("Marina", written)
    await stage.state("open")
    await show.line(PONTE, f"another worker runs, {INSTANCE} is connected again, without a code")


def worker() -> psutil.Process:
    """The process of the number. Raises `DemoFailed`."""
    for child in psutil.Process().children(recursive=True):
        if "bridge.whatsapp.web.worker" in child.cmdline():
            return child
    raise DemoFailed("The number has no worker process.")


async def unlinked(stage: Stage) -> None:
    show = stage.show
    await show.chapter("The device is removed on the phone")
    await show.line(WHATSAPP, "the shop taps Log out under Linked devices")
    told = bot_said(stage)
    await stage.phone.unlink()
    state = await stage.state("close")
    await show.line(PONTE, f"{INSTANCE} is closed: {state.get('reason')}")
    await stage.sees("the bot says so", lambda: bot_said(stage) != told)
    await show.line(CHATWOOT, f"the bot: {bot_said(stage)}")


def check(what: str, holds: bool) -> None:
    if not holds:
        raise DemoFailed(f"This does not hold: {what}.")


async def quiet(stage: Stage) -> Figures:
    """Look until nothing waits any more. Raises `DemoFailed`."""
    found = Figures()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await stage.figures()
                if not any(found.waiting.values()):
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise DemoFailed(f"Something still waits in Ponte: {found.waiting}.") from error


async def reckon(stage: Stage) -> bool:
    """Print what was counted; True when everything adds up."""
    await stage.chatwoot.settled(PATIENCE)
    found = await quiet(stage)
    facts = {
        "roads on which accepted = delivered + ignored + dead + waiting": (
            len(found.roads),
            sum(map(found.adds_up, found.roads)),
        ),
        "customers' messages and changes delivered": (
            len(stage.written) + stage.changed,
            found.events["inbound", "delivered"],
        ),
        "agents' messages delivered": (stage.answered, found.events["outbound", "delivered"]),
        "dead letters": (0, found.dead_letters),
        "messages that WhatsApp could not decrypt": (0, len(stage.double.journal.problems)),
    }
    out().print()
    for what, (wanted, seen) in facts.items():
        mark, but = ("✓", "") if wanted == seen else ("✗", f", expected {wanted}")
        out().print(f"  {mark} {what}  {seen}{but}", soft_wrap=True)
    return all(wanted == seen for wanted, seen in facts.values())
