"""Where a flow is: the address of its viewer, and its public id.

What Typebot shows for sharing is one link with both, and people paste it into either field; some
have the address of the API at hand. Both are read out of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from bridge.http.dialects.kinds import LONGEST_URL, Wrong, is_blank, web_url, word

_LONGEST_FLOW: Final = 100
_API: Final = re.compile(r"/api/v[0-9]+(/.*)?$")
_LINK: Final = re.compile(r"https?://[^/?#\s]+/[^?#\s]*[^/?#\s]", re.IGNORECASE)
_HOST: Final = re.compile(r"[^/]*//[^/]*")


def _made(read: Callable[[Any], str | None]) -> Callable[[Any], str]:
    """What a reader of `kinds` makes of a value; its refusal in its own words."""

    def made(value: Any) -> str:
        try:
            return read(value) or ""
        except Wrong as wrong:
            refusal = ValueError(wrong.sentence)
        raise refusal

    return made


Viewer = Annotated[
    Annotated[str, Field(min_length=1, max_length=LONGEST_URL)],
    BeforeValidator(_made(lambda value: web_url(value, "url", where="typebot_url", base=True))),
]
Flow = Annotated[
    Annotated[str, Field(min_length=1, max_length=_LONGEST_FLOW)],
    BeforeValidator(
        _made(lambda value: word(value, "typebot", most=_LONGEST_FLOW)),
        json_schema_input_type=str | int,
    ),
]


def told_apart(url: str, flow: str) -> tuple[str, str]:
    """The viewer's address and the flow's id, each from what was given for either."""
    url, flow = url.strip().rstrip("/"), flow.strip()
    if found := _LINK.match(flow):
        base, _, flow = found[0].rpartition("/")
        url = url or base
    url = _API.sub("", url).removesuffix(f"/{flow}" if flow else "")
    return _HOST.sub(lambda host: host[0].lower(), url, count=1), flow


class Linked(BaseModel):
    """A body that names a flow."""

    url: Viewer
    typebot: Flow = Field(description="The public id of the flow, or the link to it.")

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, data: Any) -> Any:
        """What is no text is left as it is, for the fields to refuse."""
        if not isinstance(data, dict):
            return data
        url, flow = data.get("url"), data.get("typebot")
        if not isinstance(flow, str) or not (is_blank(url) or isinstance(url, str)):
            return data
        viewer, name = told_apart(url or "", flow)
        return {**data, "typebot": name} | ({"url": viewer} if viewer else {})
