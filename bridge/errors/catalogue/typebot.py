"""What happens with Typebot and its flows."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="typebot",
        title="Typebot flows",
        codes=(
            Code(
                code="typebot.address",
                status="400",
                cause="The address in `remoteJid` (or `number`) is none of WhatsApp.",
                remedy="Write a number with its country code, or a JID.",
            ),
            Code(
                code="typebot.broke",
                cause="Typebot failed (5xx) or answered in the middle of a breakdown. The "
                "flow may have gone on.",
                remedy="Look at the log of Typebot's viewer. The conversation was given to "
                "people; a call that may have run is not repeated.",
            ),
            Code(
                code="typebot.busy",
                cause="Typebot asks to slow down (429).",
                remedy="Raise the limit of Typebot or of the proxy in front of it. The "
                "flow goes on later.",
            ),
            Code(
                code="typebot.circle",
                cause="A flow took 20 steps without waiting for the person: it runs in a circle.",
                remedy="Look at the flow in Typebot: a Wait, Set variable, HTTP request or "
                "Webhook block leads back to itself. The conversation was given to people.",
            ),
            Code(
                code="typebot.closed",
                status="409",
                cause="The flow is closed in Typebot.",
                remedy="Open it again in Typebot's builder, or disable the bot.",
            ),
            Code(
                code="typebot.command_unknown",
                cause="The flow has no event for this command.",
                remedy="Add a Command event with this name to the flow.",
            ),
            Code(
                code="typebot.cut_off",
                cause="Ponte stopped while it asked Typebot: nobody knows what became of that "
                "call, so it was not repeated.",
                remedy="Nothing; the conversation was given to people, with a note.",
            ),
            Code(
                code="typebot.failed",
                status="502",
                cause="Typebot was asked to start a flow and did not do so; the text says why.",
                remedy="Look at the text, and at the log of Typebot's viewer.",
            ),
            Code(
                code="typebot.file_gone",
                cause="A file that somebody sent to a flow is not at WhatsApp, or "
                "not known to us, any more.",
                remedy="Ask them to send it again.",
            ),
            Code(
                code="typebot.file_no_address",
                cause="A flow wants a file, Typebot has no storage for it, and "
                "Ponte does not know an address of its own that Typebot "
                "reaches.",
                remedy="Set `server.public_url` to one with a dot in its name, or "
                "give Typebot a storage (S3).",
            ),
            Code(
                code="typebot.file_once",
                cause="Somebody sent a flow a file that is to be seen once, and "
                "`relay.view_once` keeps those.",
                remedy="Ask them to send it as a usual file.",
            ),
            Code(
                code="typebot.file_refused",
                cause="Typebot does not take a file: its kind or its size, or the flow wants none.",
                remedy="Look at the allowed kinds and the limit in the flow's input.",
            ),
            Code(
                code="typebot.firewall",
                cause="Something in front of Typebot refused the call (403 with a page "
                "that is not Typebot's).",
                remedy="Let Ponte's address through in that proxy or firewall.",
            ),
            Code(
                code="typebot.flow_unknown",
                status="404",
                cause="Typebot has no published flow of this name.",
                remedy="Publish the flow; its name is the last part of the address under "
                "which it is shared.",
            ),
            Code(
                code="typebot.ignored",
                status="403",
                cause="Flows leave this chat alone: `ignoreJids` names it, or it is a group.",
                remedy="Take it off `ignoreJids`, or set `groups`.",
            ),
            Code(
                code="typebot.incomplete",
                status="400",
                cause="Some of Typebot's fields are there, others that belong to them are "
                "not; the text names them.",
                remedy="Send the address of the viewer and the name of the flow, or none of them.",
            ),
            Code(
                code="typebot.invalid",
                status="400",
                cause="A field of the flow is wrong; each sentence names one.",
                remedy="Correct it and send the request again.",
            ),
            Code(
                code="typebot.no_chat",
                status="404",
                cause="Nobody with this address has written here, or has been written to.",
                remedy="Check the number, its country code above all.",
            ),
            Code(
                code="typebot.no_session",
                status="409",
                cause="No flow runs in the chat, so there is none to end.",
                remedy="Nothing to do. `handoff` gives a conversation to people "
                "also where no flow runs.",
            ),
            Code(
                code="typebot.no_storage",
                cause="Typebot has no storage for files, or it cannot be reached from here.",
                remedy="Set up S3 for Typebot. Until then Ponte hands the files out itself.",
            ),
            Code(
                code="typebot.not_json",
                cause="The flow wanted the answer to its HTTP request as JSON.",
                remedy="Check the address that the flow asks, or let Typebot's server ask it.",
            ),
            Code(
                code="typebot.not_listening",
                status="409",
                cause="The flow has not come to a Webhook block, or is past it.",
                remedy="Send the event again later, or look at the flow.",
            ),
            Code(
                code="typebot.not_typebot",
                cause="Something other than Typebot answered (404), such as a proxy "
                "without its Typebot.",
                remedy="Check that the viewer runs, and the address of the bot.",
            ),
            Code(
                code="typebot.not_viewer",
                cause="The server has no chat API at this address.",
                remedy="Give the address of Typebot's viewer, not of its builder. A "
                "Typebot before 2.19.1 is too old: update it.",
            ),
            Code(
                code="typebot.origin",
                cause="The flow may not be called from the origin that a proxy in between names.",
                remedy="Mend the proxy, or allow that origin in the security settings of the flow.",
            ),
            Code(
                code="typebot.other_chat",
                status="403",
                cause="The key of a flow was used for another chat than the flow's own.",
                remedy="Leave `remoteJid` out, or use the key of the instance.",
            ),
            Code(
                code="typebot.redirect",
                cause="Typebot sends Ponte to another address.",
                remedy="Give the final address of the viewer; often `http://` has to be "
                "`https://`.",
            ),
            Code(
                code="typebot.refused",
                cause="Typebot does not understand a request.",
                remedy="See what its words say; update Typebot or Ponte.",
            ),
            Code(
                code="typebot.session_gone",
                cause="The session of the flow has ended or was cleared away.",
                remedy="Nothing to do: the flow is started again.",
            ),
            Code(
                code="typebot.silenced",
                status="409",
                cause="A person has the word in this chat, or all flows of the "
                "instance are paused; the text names the rule.",
                remedy="Resolve the conversation, or call `POST "
                "/typebot/changeStatus` with `opened`.",
            ),
            Code(
                code="typebot.storage_broke",
                cause="The storage behind Typebot failed while a file was put there.",
                remedy="Look at the log of that storage (S3, MinIO).",
            ),
            Code(
                code="typebot.timeout",
                cause="The flow ran longer than Typebot allows (408).",
                remedy="Look for slow requests in the flow, or raise `CHAT_API_TIMEOUT` in "
                "Typebot.",
            ),
            Code(
                code="typebot.too_many",
                status="400, 409",
                cause="An instance, or a list of it, holds as many entries as there can be.",
                remedy="Delete what is not used any more.",
            ),
            Code(
                code="typebot.too_many_calls",
                status="429",
                cause="A flow used its key more than 60 times within a minute.",
                remedy="Have the flow call once for each thing that it wants done.",
            ),
            Code(
                code="typebot.trigger",
                status="400",
                cause="The trigger of the flow lacks its operator or its value.",
                remedy="Send `triggerOperator` and `triggerValue`, or another `triggerType`.",
            ),
            Code(
                code="typebot.trigger_pattern",
                status="400",
                cause="`triggerValue` is no regular expression that can be used.",
                remedy="Correct it; the text says what is wrong.",
            ),
            Code(
                code="typebot.trigger_taken",
                status="409",
                cause="Another flow of the instance has the same trigger.",
                remedy="Change or delete that flow, or choose another trigger.",
            ),
            Code(
                code="typebot.unauthorized",
                cause="A password stands in front of Typebot's viewer (401).",
                remedy="Take it away for the chat API; Typebot itself wants none.",
            ),
            Code(
                code="typebot.unavailable",
                cause="Typebot is not there at the moment (503).",
                remedy="Look whether the viewer runs. The flow goes on when it does.",
            ),
            Code(
                code="typebot.unknown",
                status="400, 404",
                cause="The instance has no flow with this id.",
                remedy="Look at `GET /typebot/find/<instance>`.",
            ),
            Code(
                code="typebot.unreachable",
                status="400, 502",
                cause="The Typebot viewer at the given address did not answer; nothing was stored.",
                remedy="Check the address: it is the viewer's, not the builder's.",
            ),
            Code(
                code="typebot.unreadable",
                cause="What answered for the flow is not Typebot, or not one that Ponte knows.",
                remedy="Check the address of the bot: it must be the viewer's.",
            ),
            Code(
                code="typebot.url",
                status="400",
                cause="The address of the Typebot viewer is no http or https address.",
                remedy="Write it like https://typebot.example.com.",
            ),
        ),
    ),
)
