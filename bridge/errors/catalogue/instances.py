"""What may be wrong with a request about an instance."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="channel",
        title="What a number's channel cannot do",
        codes=(
            Code(
                code="channel.disconnected",
                cause="A number that is connected by QR code is not connected, so nothing can "
                "be sent with it.",
                remedy="Connect it: `GET /instance/connect/<instance>`, and scan the code.",
            ),
            Code(
                code="channel.no_presence",
                status="400",
                cause="The channel of this number knows no presence (the Cloud API has none).",
                remedy="Leave the call out for this instance.",
            ),
            Code(
                code="channel.no_session",
                status="400",
                cause="The number is connected by its token, so there is no session to log out of.",
                remedy="To stop using the number delete the instance, or revoke the token at Meta.",
            ),
            Code(
                code="channel.not_installed",
                status="400",
                cause="The instance is stored, but its channel is not installed, so it never "
                "connects.",
                remedy="For numbers connected by QR code install the optional part "
                "`whatsapp-web` (README) and restart Ponte.",
            ),
            Code(
                code="channel.timeout",
                status="502",
                cause="The channel did not answer in time; what was asked may have been done.",
                remedy="Look at `GET /instance/connectionState/<instance>` and repeat it if "
                "need be.",
            ),
        ),
    ),
    Group(
        prefix="connection",
        title="Connecting a number",
        codes=(
            Code(
                code="connection.already_open",
                status="400",
                cause="There is no code to show, since the number is connected.",
                remedy="Disconnect it first if you want to connect another phone.",
            ),
            Code(
                code="connection.closed",
                status="400, 503",
                cause="The number is not connected, or could not be connected; the text says why.",
                remedy="Connect it: `GET /instance/connect/<instance>`, and scan the code.",
            ),
            Code(
                code="connection.no_pairing_code",
                status="503",
                cause="WhatsApp gave a QR code, but no code to type for this number.",
                remedy="Scan the QR code, or ask again.",
            ),
            Code(
                code="connection.no_qr",
                status="503",
                cause="No QR code came within the time that an answer may wait "
                "(`api.qr_wait_seconds`).",
                remedy="Ask again; if it stays so, `POST /instance/restart/<instance>`.",
            ),
            Code(
                code="connection.refused",
                status="503",
                cause="WhatsApp refused the connection; the text says why.",
                remedy="Do what the text says. A banned or logged-out number has to be "
                "connected anew.",
            ),
        ),
    ),
    Group(
        prefix="instance",
        title="Instances",
        codes=(
            Code(
                code="instance.invalid",
                status="400",
                cause="One or more fields of the request are missing or wrong; each sentence "
                "names one.",
                remedy="Correct all of them and send the request again.",
            ),
            Code(
                code="instance.key_taken",
                status="400",
                cause="The `token` that was chosen as the key is in use by another instance, "
                "or by the server itself.",
                remedy="Choose another one, or leave it out: then Ponte makes one.",
            ),
            Code(
                code="instance.name_taken",
                status="403",
                cause="An instance of this name exists already.",
                remedy="Choose another name, or delete the other one first.",
            ),
            Code(
                code="instance.unknown",
                status="404",
                cause="There is no instance of this name, id or number.",
                remedy="Look at `GET /instance/fetchInstances`; names are case-sensitive.",
            ),
            Code(
                code="instance.unnamed",
                status="400",
                cause="The global key was used where the request itself has to say which "
                "instance is meant.",
                remedy="Send `instanceName` in the body, or use the key of the instance.",
            ),
        ),
    ),
    Group(
        prefix="key",
        title="Keys of an instance",
        codes=(
            Code(
                code="key.no_old",
                status="404",
                cause="The instance has one key only, so there is no old one to drop.",
                remedy="Nothing to do; a new one is made with `POST /instance/keys/<instance>`.",
            ),
            Code(
                code="key.two_already",
                status="409",
                cause="The instance has two keys already, the most there can be.",
                remedy="Drop the old one with `DELETE /instance/keys/<instance>` first.",
            ),
        ),
    ),
    Group(
        prefix="number",
        title="Numbers",
        codes=(
            Code(
                code="number.invalid",
                status="400",
                cause="The number is not written as a phone number with its country code.",
                remedy="Write it like 5511987654321.",
            ),
            Code(
                code="number.taken",
                status="409",
                cause="Another instance has this phone number id.",
                remedy="Use that instance, or delete it first: messages of one number go to "
                "one instance.",
            ),
        ),
    ),
    Group(
        prefix="proxy",
        title="Proxies",
        codes=(
            Code(
                code="proxy.auth",
                status="400",
                cause="The proxy does not accept its user name and password.",
                remedy="Correct them with `POST /proxy/set/<instance>`.",
            ),
            Code(
                code="proxy.broke",
                status="400",
                cause="The proxy broke the connection off, or answered something that is no "
                "proxy's answer.",
                remedy="Check that address, port and protocol belong to a proxy (http, https "
                "or socks5).",
            ),
            Code(
                code="proxy.invalid",
                status="400",
                cause="The proxy's fields are wrong, or a test request through it did not "
                "reach WhatsApp; the text says which.",
                remedy="Correct host, port, protocol, user name and password; nothing was stored.",
            ),
            Code(
                code="proxy.refused",
                status="400",
                cause="The proxy was reached, but gives no connection to WhatsApp.",
                remedy="Allow WhatsApp's hosts in the proxy, or use another one.",
            ),
            Code(
                code="proxy.unreachable",
                status="400",
                cause="There is no connection to the proxy.",
                remedy="Check its host and port, and that it runs and lets this server in.",
            ),
        ),
    ),
    Group(
        prefix="settings",
        title="Settings of an instance",
        codes=(
            Code(
                code="settings.invalid",
                status="400",
                cause="One or more settings have a wrong type or value; each sentence names one.",
                remedy="Correct them and send the request again; nothing was stored.",
            ),
        ),
    ),
    Group(
        prefix="transport",
        title="Events by RabbitMQ, SQS and others",
        codes=(
            Code(
                code="transport.invalid",
                status="400",
                cause="A field of this transport is wrong; each sentence names one.",
                remedy="Correct it and send the request again; nothing was stored.",
            ),
        ),
    ),
    Group(
        prefix="trial",
        title="Instances made on demand",
        codes=(
            Code(
                code="trial.none",
                status="409",
                cause="The instance was not made on demand, so it has no trial and needs no "
                "subscription.",
                remedy="Nothing to do: it stays until it is deleted.",
            ),
            Code(
                code="trial.over",
                status="409",
                cause="The trial has ended and the instance is being deleted.",
                remedy="Create another one.",
            ),
        ),
    ),
    Group(
        prefix="webhook",
        title="Webhooks for events",
        codes=(
            Code(
                code="webhook.invalid",
                status="400",
                cause="A field of the webhook is wrong; each sentence names one.",
                remedy="Correct it and send the request again; nothing was stored.",
            ),
            Code(
                code="webhook.url",
                status="400",
                cause="The address of the webhook is no http or https address.",
                remedy="Write it like https://n8n.example.com/webhook/1.",
            ),
        ),
    ),
)
