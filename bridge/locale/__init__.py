"""Texts that people read, in Portuguese, English and Spanish."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

LANGUAGES = ("pt_BR", "en", "es")


def _read(language: str) -> Mapping[str, str]:
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text("utf-8"))


#: Read at import: the event loop never waits for a file.
_TEXTS = {language: _read(language) for language in LANGUAGES}


def language_of(locale: object) -> str | None:
    """Our language for a locale as others write it (``pt_BR``, ``pt-BR``, ``pt``); None: none."""
    if not isinstance(locale, str):
        return None
    main = locale.replace("-", "_").partition("_")[0].casefold()
    return next((one for one in LANGUAGES if one.partition("_")[0] == main), None)


def texts(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    return _TEXTS[language]


def say(language: str, key: str, **values: object) -> str:
    """One text, filled in. An unknown key is a bug and shows itself as the key."""
    text = texts(language).get(key)
    return key if text is None else text.format(**values)


def failure(
    language: str, cause: str, fallback: str, values: Mapping[str, str] | None = None
) -> str:
    """Why a message was not sent, for the agent; `fallback` when the cause has no text.

    `values` are what the text names. A text that names what is not there is not used.
    """
    text = texts(language).get(f"failure.{cause}")
    if text is None:
        return fallback
    try:
        return text.format_map(values or {})
    except KeyError:
        return fallback
