"""From Chatwoot's `template_params` to a template as WhatsApp takes it.

They come from the composer, from campaigns and from anybody who calls Chatwoot's API, so each part
is checked before WhatsApp is called. `processed_params` has two forms: flat, ``{"1": "Ana"}`` or
``{"first_name": "Ana"}``, which fills the body; and by component, with ``body``, ``header`` and
``buttons`` (chatwoot-api.md 5.1). Where the template is known its variables are compared, and what
is missing is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.core.outgoing import OutgoingTemplate
from bridge.relay.template_variables import Button, Variables, variables_of
from bridge.relay.uploads import Unsendable

__all__ = ("BadTemplate", "identity_of", "template_of")

#: Characters of a name (Meta's limit), a language, a file's address, and a value by its place
#: (Meta's limits): a body's is shorter where the template has other parts too.
LONGEST_NAME: Final = 512
LONGEST_LANGUAGE: Final = 32
LONGEST_LINK: Final = 2048
LONGEST_HEADER: Final = 60
LONGEST_BODY: Final = 1024
LONGEST_BODY_ALONE: Final = 32_768
LONGEST_KEY: Final = 64
MOST_VALUES: Final = 100
MOST_BUTTONS: Final = 10
#: What people are told of names that are missing, at most.
MOST_NAMED: Final = 10

_PARTS: Final = frozenset({"body", "header", "buttons", "footer"})
_MEDIA: Final = frozenset({"image", "video", "document"})
_MEDIA_KEYS: Final = frozenset({"media_url", "media_type", "media_name"})
#: Line breaks, tabs and more than four spaces in a value are refused by Meta.
_BREAKS: Final = re.compile(r"[\r\n\t\v\f]+")
_SPACES: Final = re.compile(r" {5,}")
_KEY: Final = re.compile(r"\w+")


class BadTemplate(Unsendable):
    """The values cannot go into the template. `values` are for the text in the agent's language."""

    def __init__(self, message: str, *, code: str, values: Mapping[str, str]) -> None:
        super().__init__(message, code=code)
        self.values = dict(values)


def identity_of(params: Mapping[str, Any]) -> tuple[str, str]:
    """Name and language of the template. Raises `BadTemplate`."""
    name, language = params.get("name"), params.get("language")
    if isinstance(language, dict):  # as Meta writes it
        language = language.get("code")
    for where, value, longest in (
        ("name", name, LONGEST_NAME),
        ("language", language, LONGEST_LANGUAGE),
    ):
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise _invalid(where)
    return str(name).strip(), str(language).strip()


def template_of(
    params: Mapping[str, Any], known: Sequence[Mapping[str, Any]] = ()
) -> OutgoingTemplate:
    """The template that `template_params` asks for; `known` are its components, where we have them.

    Raises `BadTemplate`, which says which part is wrong, missing, or without a place.
    """
    name, language = identity_of(params)
    parts = _parts(params.get("processed_params"))
    header = _header(name, parts["header"])
    buttons = _buttons(parts["buttons"])
    longest = LONGEST_BODY if header or buttons else LONGEST_BODY_ALONE
    body = _texts(name, parts["body"], "body", longest=longest)
    if parts["footer"]:
        raise _extra(name, ["footer"])
    if known:
        _compare(name, variables_of(known), header=header, body=body, buttons=buttons)
    else:
        _refuse_blank(name, header=header, body=body)
    components: list[dict[str, Any]] = []
    if header:
        components.append({"type": "header", "parameters": list(header.values())})
    if body:
        components.append({"type": "body", "parameters": list(body.values())})
    components += [
        {
            "type": "button",
            "sub_type": button["sub_type"],
            "index": str(index),
            "parameters": [button["parameter"]],
        }
        for index, button in buttons.items()
    ]
    return OutgoingTemplate(name=name, language=language, components=tuple(components))


def _parts(given: object) -> dict[str, Any]:
    """The parts by component; what is flat belongs to the body."""
    nothing: dict[str, Any] = {"body": {}, "header": {}, "buttons": [], "footer": {}}
    if given is None or given == "":
        return nothing
    if not isinstance(given, dict) or len(given) > MOST_VALUES:
        raise _invalid("processed_params")
    given = {key: value for key, value in given.items() if key not in _PARTS or value is not None}
    if not any(isinstance(given.get(part), dict | list) for part in _PARTS):
        return nothing | {"body": given}
    strange = [key for key in given if key not in _PARTS]
    if strange:
        raise _invalid(f"processed_params.{strange[0][:LONGEST_KEY]}")
    return nothing | given


def _texts(template: str, given: object, where: str, *, longest: int) -> dict[str, dict[str, Any]]:
    """Parameters by their names, in the order in which Meta wants them. Numbers count from 1."""
    if not isinstance(given, dict) or len(given) > MOST_VALUES:
        raise _invalid(f"processed_params.{where}")
    values: dict[str, str] = {}
    for key, value in given.items():
        if not isinstance(key, str) or len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
            raise _invalid(f"processed_params.{where}")
        name = str(int(key)) if key.isascii() and key.isdecimal() else key
        if name in values:
            raise _invalid(f"processed_params.{where}.{key}")
        values[name] = _text(value, f"processed_params.{where}.{key}", longest)
    numbers = [name for name in values if name.isascii() and name.isdecimal()]
    if numbers and len(numbers) < len(values):
        raise _invalid(f"processed_params.{where}")
    if not numbers:
        return {
            name: {"type": "text", "parameter_name": name, "text": value}
            for name, value in values.items()
        }
    last = max(map(int, numbers))
    if "0" in values or last > MOST_VALUES:
        raise _invalid(f"processed_params.{where}")
    gaps = [str(number) for number in range(1, last) if str(number) not in values]
    if gaps:
        raise _missing(template, [_called(where, name) for name in gaps])
    return {name: {"type": "text", "text": values[name]} for name in sorted(numbers, key=int)}


def _text(value: object, where: str, longest: int) -> str:
    """A value as Meta takes it; an empty one is left in, to be named as missing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise _invalid(where)
    if isinstance(value, int) and abs(value) >= 10**18:
        raise _invalid(where)
    text = "" if value is None else str(value)
    if len(text) > longest:
        raise _invalid(where)
    return _SPACES.sub("    ", _BREAKS.sub(" ", text)).strip()


def _header(template: str, given: object) -> dict[str, dict[str, Any]]:
    """A text with its variable, or a file by its address, under the name of its kind."""
    if not isinstance(given, dict):
        raise _invalid("processed_params.header")
    url, kind = given.get("media_url"), given.get("media_type")
    texts = {key: value for key, value in given.items() if key not in _MEDIA_KEYS}
    if not url:
        return _texts(template, texts, "header", longest=LONGEST_HEADER)
    if texts:
        raise _invalid("processed_params.header")
    kind = kind.strip().lower() if isinstance(kind, str) else kind
    if kind not in _MEDIA:
        raise _invalid("processed_params.header.media_type")
    if (
        not isinstance(url, str)
        or len(url) > LONGEST_LINK
        or not url.lower().startswith(("https://", "http://"))
        or _BREAKS.search(url)
    ):
        raise _invalid("processed_params.header.media_url")
    file = {"link": url.strip()}
    name = given.get("media_name")
    if kind == "document" and isinstance(name, str) and name.strip():
        file["filename"] = name.strip()[:240]
    return {str(kind): {"type": kind, kind: file}}


def _buttons(given: object) -> dict[int, dict[str, Any]]:
    """Buttons by their place in the template; those without a value are not named to Meta."""
    if not isinstance(given, list) or len(given) > MOST_BUTTONS:
        raise _invalid("processed_params.buttons")
    found: dict[int, dict[str, Any]] = {}
    for index, button in enumerate(given):
        where = f"processed_params.buttons.{index}"
        if not button:
            continue
        if not isinstance(button, dict):
            raise _invalid(where)
        kind = button.get("type", "url")
        kind = kind.strip().lower() if isinstance(kind, str) else kind
        value = _text(button.get("parameter"), where, LONGEST_LINK)
        if not value:
            continue
        match kind:
            case "url":
                parameter = {"type": "text", "text": value}
            case "copy_code":
                parameter = {"type": "coupon_code", "coupon_code": value}
            case "quick_reply":
                parameter = {"type": "payload", "payload": value}
            case _:
                raise _invalid(where)
        found[index] = {"sub_type": kind, "parameter": parameter}
    return found


def _compare(
    name: str,
    wanted: Variables,
    *,
    header: Mapping[str, Any],
    body: Mapping[str, Any],
    buttons: Mapping[int, Mapping[str, Any]],
) -> None:
    """Raises `BadTemplate` for what the template needs and does not get, or gets and cannot use."""
    missing = [_called("body", key) for key in wanted.body if not _is_filled(body.get(key))]
    missing += [_called("header", key) for key in wanted.header if not _is_filled(header.get(key))]
    missing += [
        f"buttons.{index}"
        for index, button in wanted.buttons.items()
        if button is not Button.QUICK_REPLY and index not in buttons
    ]
    if missing:
        raise _missing(name, missing)
    extra = [_called("body", key) for key in body if key not in wanted.body]
    extra += [_called("header", key) for key in header if key not in wanted.header]
    extra += [
        f"buttons.{index}"
        for index, given in buttons.items()
        if wanted.buttons.get(index) != given["sub_type"]
    ]
    if extra:
        raise _extra(name, extra)


def _refuse_blank(name: str, *, header: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Meta takes no empty values; more cannot be said of a template that we do not know."""
    blank = [_called("body", key) for key, one in body.items() if not _is_filled(one)]
    blank += [_called("header", key) for key, one in header.items() if not _is_filled(one)]
    if blank:
        raise _missing(name, blank)


def _called(where: str, name: str) -> str:
    """A variable as people see it in the template's text, or by its part."""
    return f"{{{{{name}}}}}" if where == "body" else f"{where}.{name}"


def _is_filled(parameter: Mapping[str, Any] | None) -> bool:
    return parameter is not None and parameter.get("text") != ""


def _invalid(where: str) -> BadTemplate:
    return BadTemplate(
        f"The data of the template cannot be used: see {where}.",
        code="template.invalid",
        values={"where": where},
    )


def _missing(name: str, names: Sequence[str]) -> BadTemplate:
    listed = _listed(names)
    return BadTemplate(
        f"The template {name} needs values for {listed}.",
        code="template.missing",
        values={"name": name, "missing": listed},
    )


def _extra(name: str, names: Sequence[str]) -> BadTemplate:
    listed = _listed(names)
    return BadTemplate(
        f"The template {name} has no place for {listed}.",
        code="template.extra",
        values={"name": name, "extra": listed},
    )


def _listed(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])
