"""The message templates of business accounts: listed in pages, and checked when one is sent."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.sim.graph.failures import GraphError
from bridge.sim.graph.payloads import template_id

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MEDIA = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}
_REFUSED = {"PAUSED": 132015, "DISABLED": 132016}
_FIELDS = ("name", "language", "category", "status", "components")
PAGE = 25
LARGEST_PAGE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template as its owner made it; `components` as `GET .../message_templates` tells them."""

    name: str
    language: str = "pt_BR"
    category: str = "UTILITY"
    status: str = "APPROVED"
    components: tuple[dict[str, Any], ...] = ({"type": "BODY", "text": "Olá!"},)


class TemplateShelf:
    """All templates, by business account."""

    def __init__(self) -> None:
        self._found: defaultdict[str, dict[tuple[str, str], Template]] = defaultdict(dict)

    def put(self, waba_id: str, template: Template) -> None:
        self._found[waba_id][template.name, template.language] = template

    def drop(self, waba_id: str, name: str, language: str) -> None:
        self._found[waba_id].pop((name, language), None)

    def page(self, waba_id: str, query: Mapping[str, str], address: str) -> dict[str, Any]:
        """One page, as Meta tells it. Raises `GraphError`."""
        fields = [one for one in query.get("fields", ",".join(_FIELDS)).split(",") if one]
        for field in fields:
            if field not in {*_FIELDS, "id"}:
                raise GraphError(100, message=f"Tried accessing nonexisting field ({field[:64]})")
        limit, start = _number(query.get("limit"), PAGE), _start(query.get("after"))
        if not 1 <= limit <= LARGEST_PAGE:
            raise GraphError(100, message="Param limit is not valid.")
        status = query.get("status")
        found = [one for one in self._found[waba_id].values() if status in {None, one.status}]
        some = found[start : start + limit]
        told: dict[str, Any] = {
            "data": [
                {field: _shown(one, field) for field in dict.fromkeys([*fields, "id"])}
                for one in some
            ]
        }
        if some:
            end = start + len(some)
            told["paging"] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
            if end < len(found):
                told["paging"]["next"] = f"{address}?limit={limit}&after={_cursor(end)}"
        return told

    def check(self, waba_id: str, content: dict[str, Any]) -> None:
        """Check a template that is sent. Raises `GraphError`."""
        name, language = content.get("name"), content.get("language")
        if not isinstance(name, str) or not isinstance(language, dict):
            raise GraphError(131008, details="Parameters 'name' and 'language' are mandatory")
        code = language.get("code")
        if not isinstance(code, str):
            raise GraphError(131008, details="Parameter 'language.code' is mandatory")
        template = self._found[waba_id].get((name, code))
        if template is None or template.status not in {"APPROVED", *_REFUSED}:
            raise GraphError(
                132001, details=f"template name ({name[:512]}) does not exist in {code[:32]}"
            )
        if template.status in _REFUSED:
            raise GraphError(_REFUSED[template.status])
        given = content.get("components", [])
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise GraphError(131009, details="template.components is a list of objects")
        _Filled(given).check(template)


class _Filled:
    """The components of a send, against those of the template."""

    def __init__(self, given: list[dict[str, Any]]) -> None:
        self._texts: dict[str, list[dict[str, Any]]] = {"header": [], "body": []}
        self._buttons: dict[str, dict[str, Any]] = {}
        for one in given:
            kind = str(one.get("type")).lower()
            parameters = one.get("parameters", [])
            if not isinstance(parameters, list) or not all(
                isinstance(parameter, dict) for parameter in parameters
            ):
                raise GraphError(131009, details=f"{kind}: parameters is a list of objects")
            if kind in self._texts:
                self._texts[kind] = parameters
            elif kind == "button":
                self._buttons[str(one.get("index"))] = one
            else:
                raise GraphError(131009, details=f"template component {kind[:64]} is not known")

    def check(self, template: Template) -> None:
        wanted = {str(one.get("type")).upper(): one for one in template.components}
        self._check_texts("body", wanted.get("BODY", {}))
        header = wanted.get("HEADER", {})
        media = _MEDIA.get(str(header.get("format")).upper())
        if media is None:
            self._check_texts("header", header)
        else:
            self._check_file(media)
        self._check_buttons(wanted.get("BUTTONS", {}).get("buttons", []))

    def _check_texts(self, where: str, component: dict[str, Any]) -> None:
        names = list(dict.fromkeys(_VARIABLE.findall(component.get("text", ""))))
        given = self._texts[where]
        if len(given) != len(names):
            raise GraphError(
                132000,
                details=f"{where}: number of localizable_params ({len(given)}) does not match the"
                f" expected number of params ({len(names)})",
            )
        is_named = any(not name.isdecimal() for name in names)
        if is_named and {one.get("parameter_name") for one in given} != set(names):
            raise GraphError(132000, details=f"{where}: Parameter name is missing or wrong")
        for one in given:
            text = one.get("text")
            if one.get("type") != "text" or not isinstance(text, str) or not text:
                raise GraphError(131008, details=f"{where}: Required text parameter is missing")
            if re.search(r"[\n\t]| {5}", text):
                raise GraphError(
                    132018,
                    details="Param text cannot have new-line/tab characters or more than 4"
                    " consecutive spaces",
                )

    def _check_file(self, kind: str) -> None:
        given = self._texts["header"]
        file = given[0].get(kind) if len(given) == 1 and given[0].get("type") == kind else None
        if not isinstance(file, dict) or (file.get("id") is None) == (file.get("link") is None):
            raise GraphError(132012, details=f"header: Format mismatch, expected {kind.upper()}")

    def _check_buttons(self, buttons: list[dict[str, Any]]) -> None:
        for index, button in enumerate(buttons):
            kind = str(button.get("type")).upper()
            is_open = kind == "URL" and _VARIABLE.search(button.get("url", "")) is not None
            given = self._buttons.pop(str(index), None)
            if given is None and (is_open or kind == "COPY_CODE"):
                raise GraphError(
                    131008,
                    details=f"buttons: Button at index {index} of type {kind} requires a parameter",
                )
            if given is not None and str(given.get("sub_type")).upper() != kind:
                raise GraphError(132012, details=f"buttons: Button {index} is of another type")
        if self._buttons:
            raise GraphError(132000, details="buttons: there is no button of this index")


def _shown(template: Template, field: str) -> Any:
    if field == "id":
        return str(template_id(template.name, template.language))
    value = getattr(template, field)
    return list(value) if field == "components" else value


def _cursor(at: int) -> str:
    return base64.urlsafe_b64encode(f"at:{at}".encode()).decode()


def _start(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("at:"))
    except ValueError:
        raise GraphError(100, message="Param after is not valid.") from None


def _number(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0  # noqa: PLR2004
