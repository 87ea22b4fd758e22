"""Logs: one event a line, on standard error, as JSON or for the eye."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import orjson
import structlog

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(level: Literal["debug", "info", "warning", "error"], style: str) -> None:
    """Set up structlog and the standard library's logging, once, at start."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Never with locals: they hold tokens and what people wrote.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        if style == "json"
        else structlog.processors.format_exc_info,
        _without_input,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_dumps)
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


#: pydantic quotes what it could not read: a customer's text, a token.
_INPUT = re.compile(r"input_value=.*(?=, input_type=)")


def _without_input(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and "input_value=" in value:
            event[name] = _INPUT.sub("input_value=…", value)
    raised = event.get("exception")
    for one in raised if isinstance(raised, list) else ():
        one["exc_value"] = _INPUT.sub("input_value=…", one["exc_value"])
    return event


def _dumps(event: dict[str, Any], **_options: Any) -> str:
    return orjson.dumps(event, default=repr).decode()
