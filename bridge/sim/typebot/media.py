"""Bubbles other than texts, as they are told (typebot-api.md 2)."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import orjson

from bridge.sim.typebot.flows import Block
from bridge.sim.typebot.variables import Look, fill_deep

Json: TypeAlias = dict[str, Any]

_ID = r"([\w-]+)"
#: Where a video lies, by its address; the scheme is no part of what is told.
_VIDEOS = (
    ("youtube", re.compile(rf"youtube\.com/(?:watch\?v=|embed/|shorts/){_ID}[^\s]*")),
    ("youtube", re.compile(rf"youtu\.be/{_ID}[^\s]*")),
    ("vimeo", re.compile(r"(?:player\.)?vimeo\.com/(?:video/)?([0-9]+)[^\s]*")),
    ("tiktok", re.compile(r"tiktok\.com/(?:@[^/\s]+/video|embed/v2)/([0-9]+)[^\s]*")),
    ("gumlet", re.compile(rf"play\.gumlet\.io/embed/{_ID}[^\s]*")),
)


def content_of(block: Block) -> Json:
    """What the flow says of a bubble; `json` where it needs null."""
    if "json" in block.said:
        return dict(orjson.loads(block.said["json"]))
    return dict(block.said.get("content", {}))


def bubble(block: Block, look: Look) -> Json | None:
    """Give the content of a bubble; None when it has none, and is left out."""
    content: Json = fill_deep(content_of(block), look)
    if block.type != "custom-embed" and not content.get("url"):
        return None
    return _video(content) if block.type == "video" else content


def _video(content: Json) -> Json:
    for kind, pattern in _VIDEOS:
        found = pattern.search(content["url"])
        if found:
            return {**content, "url": found[0], "id": found[1], "type": kind}
    return {**content, "type": "url"}
