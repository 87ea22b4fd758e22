"""The approved templates of a WhatsApp business account, page by page.

The next page is asked for by its cursor, at the address that we know: the ``next`` address in an
answer is never followed, since the access token would go wherever it points.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson

from bridge.whatsapp.channel import ApprovedTemplate
from bridge.whatsapp.shapes import rows, storable, table, word

__all__ = ("approved_templates",)

#: Templates of one page, and pages. An account has 250 templates, a large one 6000 at most, and
#: nobody picks from more than these.
PAGE: Final = 100
PAGES: Final = 20
#: Bytes of JSON; a template's texts together are far shorter.
LARGEST: Final = 65_536
#: Longest code of a language ("pt_BR").
_LANGUAGE: Final = 32
_FIELDS: Final = "name,language,category,status,components"
_APPROVED: Final = "APPROVED"

Ask = Callable[[Mapping[str, str]], Awaitable[dict[str, Any]]]


async def approved_templates(ask: Ask) -> tuple[ApprovedTemplate, ...]:
    """All of them, each name and language once; `ask` gets one page, or raises `PeerError`.

    What an answer has beyond that (other states, as facades tell them; nonsense) is left out.
    """
    found: dict[tuple[str, str], ApprovedTemplate] = {}
    query = {"status": _APPROVED, "limit": str(PAGE), "fields": _FIELDS}
    seen: set[str] = set()
    for _ in range(PAGES):
        told = await ask(query)
        for row in rows(told.get("data"))[:PAGE]:
            one = _template(table(row))
            if one is not None:
                found.setdefault((one.name, one.language), one)
        paging = table(told.get("paging"))
        cursor = word(table(paging.get("cursors")).get("after"), 4096)
        if cursor is None or cursor in seen or not paging.get("next"):
            break
        seen.add(cursor)
        query = query | {"after": cursor}
    return tuple(found.values())


def _template(row: dict[str, Any]) -> ApprovedTemplate | None:
    name, language = word(row.get("name")), word(row.get("language"), _LANGUAGE)
    status = row.get("status", _APPROVED)
    if name is None or language is None or status != _APPROVED:
        return None
    return ApprovedTemplate(
        name=name,
        language=language,
        category=word(row.get("category"), 64),
        components=_components(row),
    )


def _components(row: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Empty when they cannot be kept: then nobody compares with them."""
    found = tuple(one for one in rows(row.get("components")) if isinstance(one, dict))
    if not storable({"components": list(found)}) or len(orjson.dumps(found)) > LARGEST:
        return ()
    return found
