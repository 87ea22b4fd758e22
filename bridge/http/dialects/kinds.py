"""What the values of the dialects may look like, and what they become.

Source: evolution-instance-typebot.md 8.1 (coercion) and 1.0 (wording). A reader gets the value and
the name of its field as the caller spelled it. None: it counts as absent. Raises `Wrong`; no text
repeats a value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from yarl import URL

from bridge.http.dialects.event_names import Names, recognised
from bridge.locale import LANGUAGES

LONGEST_URL: Final = 2048
MOST_HEADERS: Final = 50
MOST_ENTRIES: Final = 1000

_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
#: How our languages are written, in lower case.
_CODES: Final = {one: {one.casefold(), one.partition("_")[0]} for one in LANGUAGES}
#: What looks like a place in a template.
_PLACE: Final = re.compile(r"\{\w{1,40}\}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WITHOUT_BLANKS: Final = re.compile(r"[!-~]*")
_NUMBER: Final = re.compile(r"[0-9][0-9A-Za-z_.@-]+")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_HEADER_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]{0,4096}")
_HOST: Final = re.compile(r"[\w.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_USER: Final = re.compile(r"https?://[^/?#]*@", re.IGNORECASE)
#: A proxy or a server between would read another message than we wrote.
_FRAMING: Final = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


class Wrong(Exception):
    """A value that cannot be taken, with the sentence for the caller.

    `code` is None where the code of the field's group will do.
    """

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value: how it is read, and how the OpenAPI document describes it."""

    read: Callable[[Any, str], Any]
    schema: Mapping[str, Any]
    #: null says something: it is read as well. Else it counts as absent.
    takes_null: bool = False


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Any, name: str) -> bool | None:
    """`true`, "true", "1", 1 and the opposites."""
    if is_blank(value):
        return None
    if isinstance(value, str):
        value = _FLAGS.get(value.strip().lower(), value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise _not_a(name, "boolean")


def switch(value: Any, name: str) -> bool | None:
    """An `enabled`; an empty text switches off (Evolution's n8n node sends it for false)."""
    return False if isinstance(value, str) and not value.strip() else boolean(value, name)


def integer(value: Any, name: str, *, least: int, most: int) -> int | None:
    if is_blank(value):
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _not_a(name, "integer")
    if value < least:
        raise Wrong(f"{name} must be greater than or equal to {least}")
    if value > most:
        raise Wrong(f"{name} must be less than or equal to {most}")
    return value


def phrase(value: Any, name: str, *, most: int) -> str | None:
    """A text as it is; an empty one is a value too."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _not_a(name, "string")
    if len(value) > most:
        raise Wrong(f"{name} does not meet maximum length of {most}")
    return value


def template(value: Any, name: str, *, most: int) -> str | None:
    """A text with a place for another one; blank: there is none."""
    text = phrase(value, name, most=most)
    if text is None or not text.strip():
        return "" if text is not None else None
    if "{text}" not in text:
        raise Wrong(f"{name} must contain {{text}}")
    unknown = next((one for one in _PLACE.findall(text) if one not in {"{name}", "{text}"}), None)
    if unknown is not None:
        raise Wrong(f"{name} knows {{name}} and {{text}}, but not {unknown}")
    return text


def word(value: Any, name: str, *, most: int) -> str | None:
    """A short text on one line, without blanks around it; a whole number will do."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = phrase(value, name, most=most)
    if text is None or not text.strip():
        return None
    text = text.strip()
    if _CONTROL.search(text):
        raise Wrong(f"{name} must not hold control characters")
    return text


def language(value: Any, name: str) -> str | None:
    """One of our languages; "": that of the Chatwoot account."""
    text = "" if value is None else phrase(value, name, most=32)
    given = (text or "").strip().replace("-", "_").casefold()
    if not given:
        return ""
    found = next((one for one in LANGUAGES if given in _CODES[one]), None)
    if found is None:
        raise Wrong(f"{name} must be one of {', '.join(LANGUAGES)}")
    return found


def secret(value: Any, name: str, *, most: int) -> str | None:
    """A token: it travels in a header."""
    text = word(value, name, most=most)
    if text is not None and not _WITHOUT_BLANKS.fullmatch(text):
        raise Wrong(f"{name} must be printable ASCII text without blanks")
    return text


def phone(value: Any, name: str) -> str | None:
    """A number as Evolution's pattern wants it; `+`, blanks and brackets are left out."""
    text = word(value, name, most=64)
    if text is None:
        return None
    text = re.sub(r"[+\s()]", "", text)
    if not _NUMBER.fullmatch(text):
        raise Wrong(f'{name} does not match pattern "^\\\\d+[\\\\.@\\\\w-]+"')
    return text


def web_url(
    value: Any, name: str, *, where: str, base: bool = False, login: bool = False
) -> str | None:
    """An absolute http(s) URL. A `base` has no query, and loses the slashes at its end.

    `login`: a user name and a password may stand in it.
    """
    if is_blank(value):
        return None
    if not isinstance(value, str):
        raise _not_a(name, "string")
    text = value.strip()
    if not _is_web_url(text, base=base, login=login):
        odd = _USER.match(text) and not login
        why = ": user name and password do not belong into it" if odd else ""
        code = f"{where.partition('_')[0]}.url"
        raise Wrong(f'Invalid "url" property in {where}{why}', code=code)
    return text.rstrip("/") if base else text


def _is_web_url(text: str, *, base: bool, login: bool) -> bool:
    if len(text) > LONGEST_URL or _CONTROL.search(text) or re.search(r"[\s\\]", text):
        return False
    try:
        url = URL(text)
        host = url.host
    except ValueError:
        return False
    if url.scheme not in ("http", "https") or not host:
        return False
    if "@" in url.raw_authority and (not login or ":" in (url.user or "")):
        return False
    return not (base and ("?" in text or "#" in text))


def host_name(value: Any, name: str) -> str | None:
    """A name or an address alone; brackets of IPv6 are taken off."""
    text = word(value, name, most=255)
    if text is None:
        return None
    text = text.removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(text):
        raise Wrong(f"{name} must be a name or an address alone, without http:// and port")
    return text


def proxy_protocol(value: Any, name: str) -> str | None:
    text = word(value, name, most=32)
    if text is None:
        return None
    text = text.lower().removesuffix("://")
    if text not in ("http", "https", "socks5"):
        odd = f"{text} is not supported" if text.isascii() and text.isalnum() else "unknown"
        raise Wrong(f"{name}: {odd}; it is one of http, https, socks5")
    return text


def proxy_user(value: Any, name: str) -> str | None:
    text = word(value, name, most=255)
    if text is not None and ":" in text:
        raise Wrong(f"{name} must not hold a colon")
    return text


def headers(value: Any, name: str) -> dict[str, str] | None:
    """Headers as they were given. Raises `Wrong` for what could not be sent as a header."""
    if is_blank(value):
        return None
    if not isinstance(value, dict):
        raise _not_a(name, "object")
    if len(value) > MOST_HEADERS:
        raise Wrong(f"{name} does not meet maximum property length of {MOST_HEADERS}")
    kept: dict[str, str] = {}
    for header, content in value.items():
        if not _HEADER_NAME.fullmatch(header):
            raise Wrong(f"{name} holds a name that no header can have")
        if header.lower() in _FRAMING:
            raise Wrong(f"{name} must not set {header}, which belongs to the connection")
        if content is None:
            continue
        told = str(content) if isinstance(content, int | float) else content
        if not isinstance(told, str):
            raise _not_a(f"{name}.{header}", "string")
        if not _HEADER_VALUE.fullmatch(told):
            raise Wrong(f"{name}.{header} must be one line of at most 4096 characters")
        kept[header] = told
    return kept


def texts(value: Any, name: str, *, most: int) -> tuple[str, ...] | None:
    """A list of words, each once; blank ones are left out."""
    if is_blank(value):
        return None
    if not isinstance(value, list):
        raise _not_a(name, "array")
    if len(value) > MOST_ENTRIES:
        raise Wrong(f"{name} does not meet maximum length of {MOST_ENTRIES}")
    read = (word(entry, f"{name}[{place}]", most=most) for place, entry in enumerate(value))
    return tuple(dict.fromkeys(entry for entry in read if entry is not None))


def events(value: Any, name: str) -> Names | None:
    """Names of events; unknown ones are told apart, never refused (3.4)."""
    given = texts(value, name, most=255)
    return None if given is None else recognised(given)


def _not_a(name: str, wanted: str) -> Wrong:
    return Wrong(f"{name} is not of a type(s) {wanted}")


def _text_schema(most: int, *, also_number: bool = False) -> dict[str, Any]:
    types = ["string", "integer", "null"] if also_number else ["string", "null"]
    return {"type": types, "maxLength": most}


_OF_BOOLEAN: Final = {
    "anyOf": [{"type": "boolean"}, {"enum": ["true", "false", "0", "1", "", 0, 1, None]}]
}

BOOLEAN: Final = Kind(read=boolean, schema=_OF_BOOLEAN)
SWITCH: Final = Kind(read=switch, schema=_OF_BOOLEAN)
TEMPLATE: Final = Kind(read=partial(template, most=500), schema=_text_schema(500))
#: In any case, with a hyphen too; "" and null are that of the Chatwoot account.
LANGUAGE: Final = Kind(
    read=language,
    schema={
        "type": ["string", "null"],
        "pattern": "^\\s*([pP][tT]([_-][bB][rR])?|[eE][nN]|[eE][sS])?\\s*$",
        "maxLength": 32,
    },
    takes_null=True,
)
NUMBER: Final = Kind(read=phone, schema=_text_schema(64, also_number=True))
HOST: Final = Kind(read=host_name, schema=_text_schema(255))
PROTOCOL: Final = Kind(read=proxy_protocol, schema={"enum": ["http", "https", "socks5", "", None]})
PROXY_USER: Final = Kind(read=proxy_user, schema=_text_schema(255, also_number=True))
HEADERS: Final = Kind(
    read=headers,
    schema={
        "type": ["object", "null"],
        "maxProperties": MOST_HEADERS,
        "additionalProperties": {"type": ["string", "number", "null"]},
    },
)
EVENTS: Final = Kind(
    read=events,
    schema={"type": ["array", "null"], "items": {"type": "string"}, "maxItems": MOST_ENTRIES},
)


def a_phrase(most: int) -> Kind:
    return Kind(read=partial(phrase, most=most), schema=_text_schema(most))


def a_word(most: int) -> Kind:
    return Kind(read=partial(word, most=most), schema=_text_schema(most, also_number=True))


def a_word_or_none(most: int) -> Kind:
    """A word that can be taken away again: by null or ""."""
    return Kind(
        read=lambda value, name: "" if is_blank(value) else word(value, name, most=most),
        schema=_text_schema(most, also_number=True),
        takes_null=True,
    )


def a_secret(most: int) -> Kind:
    return Kind(read=partial(secret, most=most), schema=_text_schema(most, also_number=True))


def an_integer(least: int, most: int) -> Kind:
    return Kind(
        read=partial(integer, least=least, most=most),
        schema={
            "anyOf": [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "pattern": "^[0-9]*$", "maxLength": 19},
                {"type": "null"},
            ]
        },
    )


def a_url(where: str, *, base: bool = False, login: bool = False) -> Kind:
    """`where` is the block that Evolution's error text names."""
    return Kind(
        read=partial(web_url, where=where, base=base, login=login),
        schema=_text_schema(LONGEST_URL),
    )


def words_of(most: int) -> Kind:
    return Kind(
        read=partial(texts, most=most),
        schema={
            "type": ["array", "null"],
            "items": {"type": ["string", "null"], "maxLength": most},
            "maxItems": MOST_ENTRIES,
        },
    )
