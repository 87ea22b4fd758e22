"""The worker's log: lines on standard error, without what is secret.

Standard output goes nowhere: the engine prints on it.
"""

from __future__ import annotations

import sys

from bridge.whatsapp.web.worker.failures import clean


def log(text: str) -> None:
    try:
        sys.stderr.write(f"{clean(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # nobody reads it any more
