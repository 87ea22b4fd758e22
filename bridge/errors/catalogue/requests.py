"""What may be wrong with any request to the API."""

from __future__ import annotations

from typing import Final

from bridge.errors.catalogue.entry import Code, Group

GROUPS: Final = (
    Group(
        prefix="auth",
        title="Keys",
        codes=(
            Code(
                code="auth.too_many_failures",
                status="429",
                cause="Too many wrong keys came from this address within a minute.",
                remedy="Correct the key and wait as long as `Retry-After` says. Behind a "
                "reverse proxy set `server.trusted_proxies`, so that callers are told "
                "apart.",
            ),
        ),
    ),
    Group(
        prefix="dead_letter",
        title="Dead letters",
        codes=(
            Code(
                code="dead_letter.unknown",
                status="404",
                cause="There is no dead letter with this id: it was replayed, discarded, or "
                "has passed its retention.",
                remedy="List them with `GET /dead-letters`.",
            ),
        ),
    ),
    Group(
        prefix="dialect",
        title="Dialects",
        codes=(
            Code(
                code="dialect.unknown",
                status="400",
                cause="The header `X-Api-Dialect` names a dialect that does not exist.",
                remedy="Send `v1`, `v1-legacy`, `v1-modern`, `v2` or `l2`, or leave the header "
                "out.",
            ),
        ),
    ),
    Group(
        prefix="media",
        title="Files that people sent to flows",
        codes=(
            Code(
                code="media.too_many",
                status="429",
                cause="The same file was asked for too often within a minute.",
                remedy="Wait a minute; keep a copy of what is needed often.",
            ),
            Code(
                code="media.unknown",
                status="404",
                cause="The address is not one that Ponte made, its time is over "
                "(`typebot.media_hours`), or the file is gone at WhatsApp.",
                remedy="Ask the person to send the file again.",
            ),
        ),
    ),
    Group(
        prefix="message",
        title="Messages",
        codes=(
            Code(
                code="message.empty",
                cause="There is nothing in the message that WhatsApp could show.",
                remedy="Write a text or attach a file.",
            ),
            Code(
                code="message.unknown",
                status="404",
                cause="Nothing is stored about this message: it never arrived here, or it is "
                "older than the retention.",
                remedy="Check the id. If it is right, see whether the webhook reaches Ponte "
                "(`ponte doctor`).",
            ),
        ),
    ),
    Group(
        prefix="person",
        title="People",
        codes=(
            Code(
                code="person.unknown",
                status="404",
                cause="Nobody is known by this number or id.",
                remedy="Write a number with its country code. Whoever has never written, and was "
                "never written to, is not known.",
            ),
        ),
    ),
    Group(
        prefix="phone",
        title="Numbers in Z-API's paths",
        codes=(
            Code(
                code="phone.invalid",
                status="400",
                cause="The number in the path is not 8 to 15 digits.",
                remedy="Write it with its country code and nothing else, like 5511987654321.",
            ),
        ),
    ),
    Group(
        prefix="placement",
        title="Rules about conversations",
        codes=(
            Code(
                code="placement.rules",
                status="400",
                cause="A rule in `conversationRules` is wrong; the text names the rule (the "
                "first is `[0]`) and its field.",
                remedy="Write it as docs/conversations.md shows.",
            ),
        ),
    ),
    Group(
        prefix="request",
        title="Requests in general",
        codes=(
            Code(
                code="request",
                status="400",
                cause="Something is wrong with the request.",
                remedy="Do what the text says.",
            ),
            Code(
                code="request.conflict",
                status="409",
                cause="The request contradicts what is stored.",
                remedy="Do what the text says.",
            ),
            Code(
                code="request.forbidden",
                status="403",
                cause="The key may not do this.",
                remedy="Use the global key, or the key of the instance that is meant.",
            ),
            Code(
                code="request.invalid",
                status="400",
                cause="The body, a query parameter or a part of the path is wrong; each "
                "sentence names one mistake.",
                remedy="Correct them all. The texts name line and column where the JSON itself "
                "is broken.",
            ),
            Code(
                code="request.not_found",
                status="404",
                cause="What the path names does not exist.",
                remedy="Check the spelling of the path.",
            ),
            Code(
                code="request.not_json",
                status="415",
                cause="The body is not announced as JSON, which Z-API's routes insist on.",
                remedy="Send the header `Content-Type: application/json`.",
            ),
            Code(
                code="request.peer_failed",
                status="502",
                cause="Another program, which the request needs, did not do its part.",
                remedy="Do what the text says, and repeat the request.",
            ),
            Code(
                code="request.refused",
                status="4xx",
                cause="The server could not make sense of the request as HTTP.",
                remedy="Check the client, or the proxy between it and Ponte.",
            ),
            Code(
                code="request.timeout",
                status="408",
                cause="The body did not arrive in time.",
                remedy="Send it again; check the network between you and Ponte.",
            ),
            Code(
                code="request.too_large",
                status="413",
                cause="The body is larger than this route takes.",
                remedy="Send less at once.",
            ),
            Code(
                code="request.too_many",
                status="429",
                cause="Too many requests.",
                remedy="Wait as long as `Retry-After` says.",
            ),
            Code(
                code="request.unauthorized",
                status="401",
                cause="No key was shown, or it does not open this route or this instance.",
                remedy="Send the global key or the instance's own key, in the header `apikey` "
                "or as Bearer token. Z-API's routes for partners take the partner token "
                "alone.",
            ),
            Code(
                code="request.unavailable",
                status="503",
                cause="The service cannot do it at this moment: it is shutting down.",
                remedy="Repeat the request in a few seconds.",
            ),
        ),
    ),
    Group(
        prefix="route",
        title="Routes",
        codes=(
            Code(
                code="route.unknown",
                status="404",
                cause="There is no such path.",
                remedy="Compare it with `/docs`; a path of a later part of Ponte may not exist "
                "yet.",
            ),
            Code(
                code="route.wrong_method",
                status="405",
                cause="The path exists, but not with this method.",
                remedy="Use one that the header `Allow` names.",
            ),
        ),
    ),
    Group(
        prefix="secret",
        title="Secrets",
        codes=(
            Code(
                code="secret.not_stored",
                status="400",
                cause="A field holds the asterisks with which Ponte shows stored secrets, but "
                "there is no stored value that could be kept.",
                remedy="Send the value itself.",
            ),
        ),
    ),
)
