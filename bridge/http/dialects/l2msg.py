"""L2MSG's answers: Evolution v1's, but for a create.

Source: evolution-instance-typebot.md 1.3 and chapter 8, seed 002.
"""

from __future__ import annotations

from bridge.http.dialects import evolution_v1 as v1
from bridge.http.dialects import views
from bridge.http.dialects.shapes_v1 import L2Created
from bridge.http.dialects.views import Addresses
from bridge.relay.instances import Created


class L2Msg(v1.EvolutionV1):
    def created(  # type: ignore[override]  # the same answer, in the form of the vendor
        self, made: Created, addresses: Addresses, *, qrcode: bool
    ) -> L2Created:
        """Answer with the sample's sections; what else was asked for stands beside them."""
        instance, inbox = made.entry.instance, made.entry.inbox
        answer: L2Created = {
            "instance": {
                "instanceName": instance.name,
                "instanceId": instance.id,
                "webhook_wa_business": addresses.meta(instance),
                "access_token_wa_business": addresses.meta_token(instance),
                "status": "created",
            },
            "hash": {"apikey": made.key},
            "settings": v1.settings(instance.options.behaviour),
        }
        if instance.options.webhook is not None:
            answer["webhook"] = v1.created_webhook(instance.options.webhook)
        if qrcode or made.qr is not None:
            answer["qrcode"] = views.qrcode(made.qr)
        if inbox is not None:
            answer["chatwoot"] = v1.created_chatwoot(inbox, addresses.hook(instance))
        views.tell(answer, (one.name for one in made.not_active), made.warnings)
        return answer
