"""What happens with WhatsApp."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="meta",
        title="Webhooks of Meta",
        codes=(
            Code(
                code="meta.signature",
                status="401",
                cause="A delivery is not signed with any of the app secrets that are known here.",
                remedy="Compare `cloud.app_secrets`, or the instance's `appSecret`, with the "
                "app's settings at Meta.",
            ),
            Code(
                code="meta.verify_token",
                status="403",
                cause="The verify token that Meta was given is another one.",
                remedy="Enter `cloud.verify_token`, or the instance's own, at Meta.",
            ),
        ),
    ),
    Group(
        prefix="template",
        title="Templates",
        codes=(
            Code(
                code="template.extra",
                cause="A message brings values for which its template has no place.",
                remedy="Leave them out; the text names them.",
            ),
            Code(
                code="template.invalid",
                cause="The `template_params` of a message cannot be used; the text says why.",
                remedy="Send them as Chatwoot does: `name`, `language`, and `processed_params`.",
            ),
            Code(
                code="template.missing",
                cause="A message lacks values that its template needs.",
                remedy="Fill them in; the text names them.",
            ),
        ),
    ),
    Group(
        prefix="whatsapp",
        title="WhatsApp",
        codes=(
            Code(
                code="whatsapp.account",
                cause="WhatsApp has restricted the account.",
                remedy="Open the account's support page in the WhatsApp Manager and ask for a "
                "review.",
            ),
            Code(
                code="whatsapp.business_id",
                cause="The WhatsApp business account of a number is not known, so its templates "
                "cannot be listed.",
                remedy="Create the instance with `businessId`, the id of the WhatsApp business "
                "account.",
            ),
            Code(
                code="whatsapp.contacts",
                cause="There are no contacts to send, too many, or one that has neither name nor "
                "number.",
                remedy="Send up to 257 contacts, each with a name or a number.",
            ),
            Code(
                code="whatsapp.country",
                cause="WhatsApp does not let the account write to people of this country.",
                remedy="See which countries Meta opens to this kind of business.",
            ),
            Code(
                code="whatsapp.disconnected",
                status="502",
                cause="The connection of a number that is linked by QR code is interrupted; it is "
                "made again by itself.",
                remedy="Nothing: what waits goes out in order. If it lasts, look at `GET "
                "/instance/connectionState/<instance>`.",
            ),
            Code(
                code="whatsapp.engine",
                status="502",
                cause="The program that holds the connection of a number failed, or ended in the "
                "middle of a request.",
                remedy="Nothing: it is started again. If it happens often, send us the log.",
            ),
            Code(
                code="whatsapp.failed",
                cause="WhatsApp reported that it could not deliver the message, without "
                "saying why.",
                remedy="Check the number with the customer, then press Retry.",
            ),
            Code(
                code="whatsapp.forbidden",
                status="502",
                cause="WhatsApp does not let the number do that in this chat, such as writing "
                "into a group that it has left.",
                remedy="Look at the chat on the phone.",
            ),
            Code(
                code="whatsapp.group",
                cause="WhatsApp refuses the request for this group.",
                remedy="Answer in a direct chat.",
            ),
            Code(
                code="whatsapp.history",
                cause="The history of the phone is not shared.",
                remedy="Share it in the app while the number is connected, if you need it.",
            ),
            Code(
                code="whatsapp.identity",
                cause="The recipient has a new phone or has installed WhatsApp anew, which "
                "has to be confirmed.",
                remedy="Make sure that it is the same person, then send again.",
            ),
            Code(
                code="whatsapp.location",
                cause="The coordinates of a place are none, or not on Earth.",
                remedy="Send a latitude of -90 to 90 and a longitude of -180 to 180.",
            ),
            Code(
                code="whatsapp.logged_out",
                status="502",
                cause="The number is not linked to a phone any more.",
                remedy="Connect it: `GET /instance/connect/<instance>`, and scan the code.",
            ),
            Code(
                code="whatsapp.marketing_cap",
                cause="The person has had enough marketing messages, WhatsApp says.",
                remedy="Do not send it again within 24 hours.",
            ),
            Code(
                code="whatsapp.media",
                cause="WhatsApp cannot process the file, or shows no caption with this kind of it.",
                remedy="Check its type and size; send the text as a message of its own.",
            ),
            Code(
                code="whatsapp.media_gone",
                cause="WhatsApp does not have the file any more; it keeps files for some days.",
                remedy="Ask the customer to send it again.",
            ),
            Code(
                code="whatsapp.media_host",
                cause="WhatsApp named a host for the file that is not known as its own.",
                remedy="If you use a gateway, set `cloud.media_host` to its file host.",
            ),
            Code(
                code="whatsapp.menu",
                cause="WhatsApp cannot show the options of a menu: there are none or too many, two "
                "have the same id, an id is empty or too long, or the text is.",
                remedy="Offer 1 to 10 options with different ids of at most 200 characters, and a "
                "text of at most 1024.",
            ),
            Code(
                code="whatsapp.no_engine",
                cause="WhatsApp Web is not installed with this Ponte, so numbers cannot be linked "
                "by QR code.",
                remedy="Install it (`pip install 'ponte[whatsapp-web]'`) and restart Ponte.",
            ),
            Code(
                code="whatsapp.not_found",
                cause="WhatsApp does not know what the request names.",
                remedy="Check the phone number id (`number`) and `cloud.base_url`.",
            ),
            Code(
                code="whatsapp.not_on_whatsapp",
                cause="There is no WhatsApp on the number that was written to.",
                remedy="Check the number with the customer, correct the contact, then press Retry.",
            ),
            Code(
                code="whatsapp.not_sent",
                cause="A send was not answered, and the log of the connection shows that WhatsApp "
                "never got it.",
                remedy="Nothing: it is sent again.",
            ),
            Code(
                code="whatsapp.opted_out",
                cause="The person does not want marketing messages from this business.",
                remedy="Send no marketing template to this person.",
            ),
            Code(
                code="whatsapp.pair_rate",
                cause="WhatsApp asks to send more slowly to this person.",
                remedy="Nothing: the messages wait and go out in order.",
            ),
            Code(
                code="whatsapp.payment",
                cause="WhatsApp finds no valid means of payment for the account.",
                remedy="Add or renew it in the billing settings at Meta.",
            ),
            Code(
                code="whatsapp.permission",
                cause="The access token lacks a right.",
                remedy="Give the system user `whatsapp_business_messaging` and "
                "`whatsapp_business_management`, and access to the WhatsApp account.",
            ),
            Code(
                code="whatsapp.quality",
                cause="WhatsApp holds the number back because of its quality rating.",
                remedy="Look at the rating in the WhatsApp Manager: recipients blocked or "
                "reported the number.",
            ),
            Code(
                code="whatsapp.rate",
                status="502",
                cause="WhatsApp asks the number to send more slowly.",
                remedy="Nothing: the messages wait and go out in order.",
            ),
            Code(
                code="whatsapp.recipient",
                cause="WhatsApp cannot deliver to this recipient; the number may have no WhatsApp.",
                remedy="Check the number, then press Retry.",
            ),
            Code(
                code="whatsapp.refused",
                status="502",
                cause="WhatsApp refuses the message for a reason that has no code of its own.",
                remedy="See what Meta's words say.",
            ),
            Code(
                code="whatsapp.registration",
                cause="The number is not registered properly with the Cloud API.",
                remedy="Register it again, with its two-step PIN.",
            ),
            Code(
                code="whatsapp.request",
                status="502",
                cause="WhatsApp refuses the request as it is.",
                remedy="See what Meta's words say; if it looks like a mistake of Ponte's, tell us.",
            ),
            Code(
                code="whatsapp.restricted",
                cause="WhatsApp lets the number write only to people who wrote to it before.",
                remedy="Wait until the person writes.",
            ),
            Code(
                code="whatsapp.service",
                status="502",
                cause="WhatsApp failed, or has the account in maintenance.",
                remedy="Nothing: it is tried again. Meta's status page tells of outages.",
            ),
            Code(
                code="whatsapp.session_broken",
                cause="The files of a number's session cannot be used.",
                remedy="Look at the disk and its rights; if that is no help, log the number out "
                "and connect it again.",
            ),
            Code(
                code="whatsapp.session_locked",
                cause="Another process holds the session of this number: a second Ponte on the "
                "same data, or one that is just ending.",
                remedy="Run one Ponte on one data directory; what is just ending needs nothing.",
            ),
            Code(
                code="whatsapp.template",
                cause="WhatsApp refuses the template.",
                remedy="Check its name, language, parameters and state in the WhatsApp Manager.",
            ),
            Code(
                code="whatsapp.template_parameters",
                cause="The values do not fit the template, WhatsApp says: their number, their "
                "length or their kind.",
                remedy="Compare them with the template's variables in the WhatsApp Manager.",
            ),
            Code(
                code="whatsapp.template_paused",
                cause="WhatsApp has paused or disabled the template, for its quality or its "
                "content.",
                remedy="Choose another template, and look at this one in the WhatsApp Manager.",
            ),
            Code(
                code="whatsapp.template_unknown",
                cause="WhatsApp has no such template in this language.",
                remedy="Check its name and language in the WhatsApp Manager.",
            ),
            Code(
                code="whatsapp.test_number",
                cause="A test number of Meta's writes only to the recipients on its list.",
                remedy="Add the recipient to that list at Meta, or use a real number.",
            ),
            Code(
                code="whatsapp.timeout",
                status="502",
                cause="WhatsApp did not answer in time, over a connection of a number that is "
                "linked by QR code.",
                remedy="Nothing: where it is unknown whether a message went out, that is found "
                "out first.",
            ),
            Code(
                code="whatsapp.token",
                status="400",
                cause="WhatsApp does not accept the access token; the number pauses, nothing "
                "is lost.",
                remedy="Make a permanent token of a system user at Meta and send it to `POST "
                "/instance/credentials/<instance>`.",
            ),
            Code(
                code="whatsapp.upload",
                cause="The upload of a file to WhatsApp broke off; it was certainly not sent.",
                remedy="Nothing: it is tried again.",
            ),
            Code(
                code="whatsapp.window",
                cause="More than 24 hours have passed since the customer wrote.",
                remedy="Send a template, or wait until the customer writes again.",
            ),
        ),
    ),
)
