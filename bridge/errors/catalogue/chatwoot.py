"""What happens with Chatwoot."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="chatwoot",
        title="Chatwoot",
        codes=(
            Code(
                code="chatwoot.broke",
                status="400, 502",
                cause="Chatwoot failed (5xx). It may have done what was asked.",
                remedy="Look at Chatwoot's log. Messages are tried again by themselves, "
                "without being doubled.",
            ),
            Code(
                code="chatwoot.busy",
                status="400, 502",
                cause="Chatwoot asks to slow down (429).",
                remedy="Raise `RACK_ATTACK_LIMIT` in Chatwoot, or add Ponte's address to "
                "`RACK_ATTACK_ALLOWED_IPS`. Messages wait and go out later.",
            ),
            Code(
                code="chatwoot.cannot_heal",
                cause="Chatwoot keeps saying that contact or conversation do not exist, "
                "though they were made anew.",
                remedy="Look for the contact in Chatwoot; then replay the dead letter.",
            ),
            Code(
                code="chatwoot.firewall",
                status="400, 502",
                cause="Something in front of Chatwoot refused the call (403 with a page that "
                "is not Chatwoot's).",
                remedy="Let Ponte's address through in that proxy or firewall.",
            ),
            Code(
                code="chatwoot.forbidden",
                status="400, 502",
                cause="Chatwoot forbids this one thing (403).",
                remedy="Use the token of an administrator; see what Chatwoot's words say.",
            ),
            Code(
                code="chatwoot.gone",
                status="400, 502",
                cause="What the call names does not exist in Chatwoot any more (404).",
                remedy="It is made again where that is possible; otherwise repeat `POST "
                "/chatwoot/set/<instance>`.",
            ),
            Code(
                code="chatwoot.inbox_deleted",
                cause="The inbox of the instance was deleted in Chatwoot, and Ponte may not "
                "make it again.",
                remedy="Repeat `POST /chatwoot/set/<instance>` with `autoCreate`, or name "
                "another inbox.",
            ),
            Code(
                code="chatwoot.inbox_restored",
                cause="The inbox had been deleted in Chatwoot and was made again; the message "
                "follows.",
                remedy="Nothing to do; add your agents to the new inbox.",
            ),
            Code(
                code="chatwoot.inbox_taken",
                status="409",
                cause="The inbox of this name belongs to another instance.",
                remedy="Choose another `nameInbox`.",
            ),
            Code(
                code="chatwoot.inbox_type",
                status="409",
                cause="Chatwoot has an inbox of this name that is no API inbox.",
                remedy="Choose another `nameInbox`, or rename that inbox.",
            ),
            Code(
                code="chatwoot.incomplete",
                status="400",
                cause="Some of Chatwoot's fields are there, others that belong to them are "
                "not; the text names them.",
                remedy="Send URL, account id and token together, or none of them.",
            ),
            Code(
                code="chatwoot.invalid",
                status="400, 502",
                cause="A field of the Chatwoot side is wrong, or Chatwoot does not accept "
                "what was sent (422).",
                remedy="Correct what the text names.",
            ),
            Code(
                code="chatwoot.no_file",
                cause="A file that was to be shown in Chatwoot can no longer be read here.",
                remedy="Check the disk of `storage.data_dir`; the file is lost if WhatsApp has "
                "dropped it too.",
            ),
            Code(
                code="chatwoot.no_inbox",
                cause="The Chatwoot inbox of the instance is not set up, so messages wait.",
                remedy="Repeat `POST /chatwoot/set/<instance>`; its answer says which step fails.",
            ),
            Code(
                code="chatwoot.no_route",
                status="400, 502",
                cause="This Chatwoot does not know the call: it is too old.",
                remedy="Update Chatwoot.",
            ),
            Code(
                code="chatwoot.not_administrator",
                status="400",
                cause="The token belongs to a user who is no administrator of the account.",
                remedy="Take the access token of an administrator (Chatwoot: profile settings).",
            ),
            Code(
                code="chatwoot.not_chatwoot",
                status="400, 502",
                cause="What answers at the URL is not Chatwoot.",
                remedy="Give the address of the dashboard, and check the proxy in front of it.",
            ),
            Code(
                code="chatwoot.off",
                cause="The inbox is switched off in Ponte, so the agent's message was not sent.",
                remedy="Switch it on with `POST /chatwoot/set/<instance>`, then press Retry.",
            ),
            Code(
                code="chatwoot.plan",
                status="400, 502",
                cause="The plan of the Chatwoot account does not allow this (402).",
                remedy="Check the plan.",
            ),
            Code(
                code="chatwoot.redirect",
                status="400, 502",
                cause="The URL of Chatwoot leads elsewhere (3xx).",
                remedy="Use the address it leads to; often http:// has to be https://.",
            ),
            Code(
                code="chatwoot.refused",
                status="400, 502",
                cause="Chatwoot refused the request for a reason that has no code of its own.",
                remedy="See what Chatwoot's words say.",
            ),
            Code(
                code="chatwoot.signature",
                status="401",
                cause="A delivery to Ponte's webhook address is not signed, is signed "
                "wrongly, or is too old.",
                remedy="Repeat `POST /chatwoot/set/<instance>`, which writes the secret "
                "address into the inbox; check the clocks of both servers.",
            ),
            Code(
                code="chatwoot.token",
                status="400",
                cause="Chatwoot rejected the token.",
                remedy="Copy the access token of an administrator anew (Chatwoot: profile "
                "settings).",
            ),
            Code(
                code="chatwoot.too_large",
                cause="The file is too large for Chatwoot or the proxy in front of it (413).",
                remedy="Raise the body limit of the proxy (nginx: `client_max_body_size`).",
            ),
            Code(
                code="chatwoot.unauthorized",
                status="400, 502",
                cause="Chatwoot does not take the stored token any more (401); the account "
                "pauses, nothing is lost.",
                remedy="Repeat `POST /chatwoot/set/<instance>` with a new token of an "
                "administrator.",
            ),
            Code(
                code="chatwoot.unknown_hook",
                status="404",
                cause="Somebody called a webhook address that does not exist, or does no longer.",
                remedy="If it was Chatwoot: repeat `POST /chatwoot/set/<instance>`, or delete "
                "the old webhook there.",
            ),
            Code(
                code="chatwoot.unreachable",
                status="400",
                cause="Chatwoot could not be reached while it was checked; nothing was stored.",
                remedy="Check the URL, and that this server can open it.",
            ),
            Code(
                code="chatwoot.unreadable",
                status="400, 502",
                cause="An answer does not come from Chatwoot, or from a version that Ponte knows.",
                remedy="Check the URL of Chatwoot and its version.",
            ),
            Code(
                code="chatwoot.unreadable_delivery",
                status="400",
                cause="A delivery to the webhook is not a JSON object.",
                remedy="Nothing, unless Chatwoot sent it: then tell us.",
            ),
            Code(
                code="chatwoot.url",
                status="400",
                cause="The URL of Chatwoot is no http or https address.",
                remedy="Write it like https://chat.example.com.",
            ),
            Code(
                code="chatwoot.webhook_taken",
                status="409",
                cause="The inbox delivers to another program, so it is neither taken over nor "
                "deleted.",
                remedy='Send `"replaceWebhook": true` to take it over, or choose another '
                "`nameInbox`. To delete the instance use `inbox=keep`.",
            ),
            Code(
                code="chatwoot.wrong_account",
                status="400",
                cause="The token has no access to the account that was named.",
                remedy="Use an account id that the text lists, or another token.",
            ),
        ),
    ),
    Group(
        prefix="command",
        title="Commands in the bot's conversation",
        codes=(
            Code(
                code="command.too_late",
                cause="A command was heard more than ten minutes after it was written (Ponte or "
                "Chatwoot's queue was down), so it was not done.",
                remedy="Write it again, if it is still wanted.",
            ),
        ),
    ),
    Group(
        prefix="merge",
        title="Merging contacts",
        codes=(
            Code(
                code="merge.no_inbox",
                status="409",
                cause="The instance has no Chatwoot inbox, so there is no account to look at.",
                remedy="Set Chatwoot up first: `POST /chatwoot/set/<instance>`.",
            ),
            Code(
                code="merge.not_planned",
                status="409",
                cause="Only a plan that is finished can be applied; this one is still being made, "
                "failed, or was dropped.",
                remedy="Look at it with `ponte merge show`, or make a new one.",
            ),
            Code(
                code="merge.shared_account",
                status="403",
                cause="Merging concerns a whole Chatwoot account, and other instances have their "
                "inboxes there too: the key of one of them does not show the others' people.",
                remedy="Use the global key, or write `merge` to the bot in Chatwoot, where agents "
                "see all contacts of the account.",
            ),
            Code(
                code="merge.too_many",
                cause="Chatwoot tells of more contacts than a plan can hold.",
                remedy="Merge in Chatwoot itself, or delete contacts that nobody needs.",
            ),
            Code(
                code="merge.under_way",
                status="409",
                cause="A plan of this Chatwoot account is being made or applied.",
                remedy="Wait until it is finished, or stop it with `ponte merge drop`.",
            ),
            Code(
                code="merge.unknown",
                status="404",
                cause="There is no plan of this number in the account of this instance.",
                remedy="`ponte merge plans` lists them.",
            ),
        ),
    ),
)
