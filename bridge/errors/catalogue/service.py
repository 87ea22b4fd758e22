"""What happens inside Ponte, and on the way to other programs."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="",
        title="What becomes of agents' messages",
        codes=(
            Code(
                code="too_old",
                cause="An agent's message waited for too long to be sent unasked.",
                remedy="Press Retry on the message if it is still wanted.",
            ),
            Code(
                code="uncertain",
                cause="The connection broke inside the send, and no status came: WhatsApp may "
                "have the message or not.",
                remedy="Ask the customer before you press Retry: it sends the message again.",
            ),
            Code(
                code="waiting",
                cause="The job waits for something that is due, such as a status.",
                remedy="Nothing: `due` in `/why` says until when.",
            ),
        ),
    ),
    Group(
        prefix="attachment",
        title="Files of agents",
        codes=(
            Code(
                code="attachment.address",
                cause="The file of an agent's message, or what it redirects to, lies at a private "
                "address.",
                remedy="When that is your own storage, add its host to "
                "`network.allowed_private_hosts`; then press Retry.",
            ),
            Code(
                code="attachment.empty",
                cause="The file of an agent's message has no content, also after a while.",
                remedy="Attach it again.",
            ),
            Code(
                code="attachment.gone",
                cause="The file of an agent's message could not be fetched from Chatwoot.",
                remedy="Open it in Chatwoot; attach it again if it is missing there.",
            ),
            Code(
                code="attachment.too_big",
                cause="The file is larger than WhatsApp takes, or than `chatwoot.max_media_mb`.",
                remedy="Send a smaller file, or a link to it.",
            ),
            Code(
                code="attachment.type",
                cause="WhatsApp does not take files of this type.",
                remedy="Send it in another format, or inside a PDF.",
            ),
        ),
    ),
    Group(
        prefix="chat",
        title="Chats",
        codes=(
            Code(
                code="chat.gone",
                cause="The chat of the message was deleted here while the message waited.",
                remedy="Nothing: the next message of the customer opens a new one.",
            ),
        ),
    ),
    Group(
        prefix="contact",
        title="Contacts",
        codes=(
            Code(
                code="contact.claimed",
                cause="Another inbox is creating the same contact at this moment.",
                remedy="Nothing: it is tried again within a second.",
            ),
            Code(
                code="contact.no_number",
                cause="The contact has no phone number on which WhatsApp could be reached.",
                remedy="Add the number in Chatwoot, then press Retry.",
            ),
        ),
    ),
    Group(
        prefix="group",
        title="Groups",
        codes=(
            Code(
                code="group.unsupported",
                cause="Answers into groups are not possible on this number yet.",
                remedy="Answer in a direct chat.",
            ),
        ),
    ),
    Group(
        prefix="internal",
        title="Mistakes of Ponte",
        codes=(
            Code(
                code="internal",
                status="500",
                cause="Something failed that nobody foresaw.",
                remedy="The log tells more under the request id of the answer; please tell us.",
            ),
            Code(
                code="internal.accept",
                cause="An event of WhatsApp could not be taken in; it is kept whole.",
                remedy="Look in the log, and replay the dead letter with the next version; "
                "please tell us.",
            ),
            Code(
                code="internal.bug",
                cause="A job failed in a way that nobody foresaw.",
                remedy="Look in the log; please tell us. The job can be replayed.",
            ),
            Code(
                code="internal.no_handler",
                cause="A stored job is of a kind that this version does not know.",
                remedy="Run the version that wrote it, or a newer one.",
            ),
            Code(
                code="internal.payload",
                cause="A stored event is not of the kind that its job is for.",
                remedy="Please tell us.",
            ),
        ),
    ),
    Group(
        prefix="net",
        title="On the way to another program",
        codes=(
            Code(
                code="net.defective",
                status="400, 502",
                cause="A request cannot be written down, for example because of a line break "
                "in a token.",
                remedy="Check address and token for stray characters.",
            ),
            Code(
                code="net.forbidden_address",
                status="400",
                cause="A URL leads to a private or reserved address, which Ponte does not "
                "call unless it is told to.",
                remedy="If the address is yours, add its host to `network.allowed_private_hosts`.",
            ),
            Code(
                code="net.too_big",
                status="413",
                cause="A file is larger than Ponte handles.",
                remedy="Send a smaller one, or a link to it.",
            ),
        ),
    ),
    Group(
        prefix="peer",
        title="Other programs in general",
        codes=(
            Code(
                code="peer",
                status="502",
                cause="Something went wrong at another program.",
                remedy="Do what the text says.",
            ),
            Code(
                code="peer.broke",
                status="400, 502",
                cause="The program failed or broke the connection off; it may have done what "
                "was asked.",
                remedy="Look at that program; Ponte tries again where that does no harm.",
            ),
            Code(
                code="peer.busy",
                status="400, 502",
                cause="The program asks to slow down.",
                remedy="Nothing: it is tried again later.",
            ),
            Code(
                code="peer.down",
                status="400, 502",
                cause="The program cannot be reached; nothing was done.",
                remedy="Check that it runs, its address, and the network. What waits goes out "
                "by itself.",
            ),
            Code(
                code="peer.gone",
                status="400, 502",
                cause="What the call names does not exist there.",
                remedy="Check ids and addresses.",
            ),
            Code(
                code="peer.locked",
                status="400, 502",
                cause="The program does not let Ponte in.",
                remedy="Check token and rights there.",
            ),
            Code(
                code="peer.refused",
                status="400, 502",
                cause="The program refuses this one request.",
                remedy="See what its words say.",
            ),
            Code(
                code="peer.timeout",
                status="400, 502",
                cause="The program did not answer in time; it may have done what was asked.",
                remedy="Check its load and the network.",
            ),
        ),
    ),
    Group(
        prefix="restored",
        title="After restoring a backup",
        codes=(
            Code(
                code="restored",
                cause="A backup was restored, so the message may have been sent already: it "
                "waits for your word.",
                remedy="`ponte restore --help` says how to send or drop what waits.",
            ),
            Code(
                code="restored.not_resent",
                cause="A backup was restored, and you decided not to send again what was "
                "waiting in it.",
                remedy="Replay the dead letter if it is to be sent after all.",
            ),
        ),
    ),
    Group(
        prefix="setup",
        title="Starting the service",
        codes=(
            Code(
                code="setup",
                cause="The service cannot start as it is configured.",
                remedy="Do what the text says; `ponte doctor` checks more.",
            ),
            Code(
                code="setup.trusted_proxies",
                cause="An entry of `server.trusted_proxies` is neither an address nor a network.",
                remedy="Write it like 10.0.0.7 or 10.0.0.0/8.",
            ),
        ),
    ),
    Group(
        prefix="spool",
        title="Files on their way",
        codes=(
            Code(
                code="spool.failed",
                cause="A file cannot be written to `storage.data_dir`.",
                remedy="Check free space and rights.",
            ),
            Code(
                code="spool.missing",
                cause="A file that was to be sent is not in `storage.data_dir` any more.",
                remedy="Press Retry: it is fetched again.",
            ),
        ),
    ),
    Group(
        prefix="store",
        title="The database",
        codes=(
            Code(
                code="store.read",
                status="503",
                cause="The database cannot be read.",
                remedy="Check disk and rights of `storage.data_dir`; the text says more.",
            ),
            Code(
                code="store.unavailable",
                status="503",
                cause="The database cannot be written, so the service is not ready.",
                remedy="Check disk, free space and rights of `storage.data_dir`.",
            ),
            Code(
                code="store.write",
                status="503",
                cause="The database cannot be written; nothing was stored.",
                remedy="Check disk, free space and rights of `storage.data_dir`. Chatwoot and "
                "Meta deliver again.",
            ),
        ),
    ),
)
