"""Orders, products and money in a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bridge.core.content import Content, Order, Payment, Product
from bridge.whatsapp.shapes import clip, rows, table, word
from bridge.whatsapp.web.addresses import bare
from bridge.whatsapp.web.money import currency, of_money, thousandths

__all__ = ("READERS", "native_payment")

_LONGEST: Final = 1000
_LONGEST_ADDRESS: Final = 2000
_MOST: Final = 20
_LARGEST_COUNT: Final = 10**6
#: Buttons of a native flow that ask for money.
_PAY: Final = frozenset({"payment_info", "payment_request", "review_and_pay", "review_order"})

_Body = Mapping[str, Any]


def _order(body: _Body) -> Order | None:
    count = body.get("itemCount")
    counted = isinstance(count, int) and not isinstance(count, bool) and 0 < count < _LARGEST_COUNT
    order = Order(
        id=word(body.get("orderID")),
        catalog=bare(body.get("sellerJID")),
        note=clip(body.get("message"), _LONGEST) or clip(body.get("orderTitle"), _LONGEST),
        count=count if counted else None,
        total=thousandths(body.get("totalAmount1000")),
        currency=currency(body.get("totalCurrencyCode")),
    )
    return order if order.id or order.note or order.count or order.total else None


def _product(body: _Body) -> Product | None:
    """A product, or (without one) the catalogue itself."""
    told, catalog = table(body.get("product")), table(body.get("catalog"))
    price = thousandths(told.get("salePriceAmount1000")) or thousandths(told.get("priceAmount1000"))
    product = Product(
        title=clip(told.get("title"), _LONGEST) or clip(catalog.get("title"), _LONGEST),
        id=word(told.get("retailerID")) or word(told.get("productID")),
        catalog=bare(body.get("businessOwnerJID")),
        description=clip(told.get("description"), _LONGEST)
        or clip(catalog.get("description"), _LONGEST),
        price=price,
        currency=currency(told.get("currencyCode")) if price else None,
        url=word(told.get("URL"), _LONGEST_ADDRESS),
        body=clip(body.get("body"), _LONGEST),
    )
    return product if product.title or product.id or product.body or product.catalog else None


def _requested(body: _Body) -> Payment:
    money = table(body.get("amount"))
    amount = of_money(money) or thousandths(body.get("amount1000"))
    code = currency(money.get("currencyCode")) or currency(body.get("currencyCodeIso4217"))
    return Payment(what="request", amount=amount, currency=code, note=_note(body))


def _settled(what: str, body: _Body) -> Payment:
    return Payment(what=what, note=_note(body))


def _invited(body: _Body) -> Payment:
    service = word(body.get("serviceType"), 20)
    return Payment(what="invite", note=service if service != "UNKNOWN" else None)


def _asked(body: _Body, *, amount: str, id_: str) -> Payment:
    """A share of a bill, or a reminder of one; the fields have names of their own."""
    money = table(body.get(amount))
    return Payment(
        what="request",
        amount=of_money(money),
        currency=currency(money.get("currencyCode")),
        note=clip(body.get("description"), _LONGEST),
        id=word(body.get(id_)),
    )


def native_payment(name: object, values: Mapping[str, Any], said: object) -> Payment | None:
    """What a button of a native flow asks for: money, or to note a PIX key; None: no money."""
    if word(name) not in _PAY:
        return None
    key, merchant = _pix(values)
    amount = of_money(values.get("total_amount"))
    is_free = amount is None or not amount.strip("0.")
    if is_free and key is None:
        return None
    words = clip(said, _LONGEST) or merchant or _items(values)
    return Payment(
        what="key" if is_free else "request",
        amount=None if is_free else amount,
        currency=None if is_free else currency(values.get("currency")),
        note=words,
        key=key,
        id=word(values.get("reference_id")),
    )


def _pix(values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The first key by which money can be sent, and whose it is."""
    for one in rows(values.get("payment_settings"))[:_MOST]:
        for kind in ("pix_static_code", "pix_dynamic_code"):
            code = table(table(one).get(kind))
            if key := word(code.get("key")):
                return key, clip(code.get("merchant_name"), _LONGEST)
    return None, None


def _items(values: Mapping[str, Any]) -> str | None:
    items = rows(table(values.get("order")).get("items"))[:_MOST]
    names = [clip(table(one).get("name")) for one in items]
    return clip(", ".join(one for one in names if one), _LONGEST)


def _note(body: _Body) -> str | None:
    note = table(body.get("noteMessage"))
    said = note.get("conversation") or table(note.get("extendedTextMessage")).get("text")
    return clip(said, _LONGEST)


READERS: Final[Mapping[str, Callable[[_Body], Content | None]]] = {
    "cancelPaymentRequestMessage": partial(_settled, "cancelled"),
    "declinePaymentRequestMessage": partial(_settled, "declined"),
    "orderMessage": _order,
    "paymentInviteMessage": _invited,
    "paymentReminderMessage": partial(_asked, amount="amount", id_="reminderID"),
    "productMessage": _product,
    "requestPaymentMessage": _requested,
    "sendPaymentMessage": partial(_settled, "sent"),
    "splitPaymentMessage": partial(_asked, amount="totalAmount", id_="splitID"),
}
