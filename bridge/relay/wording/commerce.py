"""Wordings of what is bought and paid: orders, products, payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bridge.core.content import Order, OrderLine, Payment, Product
from bridge.locale import say, texts
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.figures import money, number
from bridge.relay.wording.sheet import (
    ENTRIES,
    Line,
    address,
    blocks,
    bold,
    head,
    labelled,
    lines,
    prose,
    some,
    words,
)

#: Larger quantities are no quantities.
_MANY = 10**9


def order(content: Order, language: str) -> tuple[str, dict[str, Any]]:
    entries: list[Line] = [_line(line, language) for line in content.lines[: ENTRIES + 1]]
    rest = len(content.lines) - ENTRIES
    total, currency = _total(content)
    count = content.count if content.count is not None and not content.lines else None
    listed = lines(
        [
            head("🛒", say(language, "shown.order")),
            *some(entries, say(language, "shown.more", count=rest)),
            labelled(say(language, "shown.items"), f"{count}" if _is_sane(count) else ""),
            labelled(say(language, "shown.total"), money(language, total, currency)),
        ]
    )
    told = attributes(
        "order",
        order_id=content.id,
        catalog_id=content.catalog,
        total=content.total,
        currency=currency,
        count=content.count,
        lines=[
            {
                "product_retailer_id": line.product,
                "name": line.name,
                "quantity": line.quantity,
                "price": line.price,
                "currency": line.currency,
            }
            for line in content.lines[:ENTRIES]
        ],
    )
    return blocks(listed, prose(content.note)), told


def _is_sane(count: int | None) -> bool:
    return count is not None and 0 <= count < _MANY


def _line(line: OrderLine, language: str) -> str:
    """Such as ``• 2 × Camiseta: R$ 39,90 (R$ 79,80)``."""
    name = words(line.name) or words(line.product)
    many = f"{line.quantity} × " if _is_sane(line.quantity) else ""
    price = money(language, line.price, line.currency)
    if not price:
        return f"• {many}{name}"
    each = number(line.price)
    if each is None or not _is_sane(line.quantity) or line.quantity in (0, 1):
        return f"• {many}{name}: {price}"
    together = money(language, each * (line.quantity or 0), line.currency)
    return f"• {many}{name}: {price} ({together})"


def _total(content: Order) -> tuple[str | Decimal | None, str | None]:
    """What the order comes to; added up only when every line says all that it takes."""
    currencies = {line.currency for line in content.lines}
    currency = content.currency or (next(iter(currencies)) if len(currencies) == 1 else None)
    if content.total is not None or len(currencies) != 1:
        return content.total, currency
    total = Decimal(0)
    for line in content.lines:
        each = number(line.price)
        if each is None or line.quantity is None or not _is_sane(line.quantity):
            return None, currency
        total += each * line.quantity
    return total, currency


def product(content: Product, language: str) -> tuple[str, dict[str, Any]]:
    is_catalog = not (content.title or content.id)
    title = words(content.title) or words(content.id)
    found: list[Line] = [
        head("🛍️", say(language, "shown.catalog" if is_catalog else "shown.product")),
        (bold(title),) if title else "",
        labelled(say(language, "shown.price"), money(language, content.price, content.currency)),
        address(content.url),
    ]
    told = attributes(
        "product",
        product_retailer_id=content.id,
        catalog_id=content.catalog,
        title=content.title,
        price=content.price,
        currency=content.currency,
        url=content.url,
    )
    return blocks(lines(found), prose(content.description), prose(content.body)), told


def payment(content: Payment, language: str) -> tuple[str, dict[str, Any]]:
    known = texts(language)
    what = content.what if f"shown.payment.{content.what}" in known else "other"
    found: list[Line] = [
        head("🔑" if what == "key" else "💰", say(language, f"shown.payment.{what}")),
        labelled(say(language, "shown.amount"), money(language, content.amount, content.currency)),
        labelled(say(language, "shown.pix_key"), words(content.key)),
    ]
    told = attributes(
        "payment",
        what=content.what,
        payment_id=content.id,
        amount=content.amount,
        currency=content.currency,
        key=content.key,
    )
    return blocks(lines(found), prose(content.note)), told
