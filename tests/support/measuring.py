"""Coverage is measured while those tests run that are there for what is measured.

Python code takes half as long again while it is measured. Everything else that a test would add
is no proof anyway: a line that some test of the API happens to pass is not tested by it. Of the
cases of one test the first is measured; the others pass much the same lines.
"""

from __future__ import annotations

import pytest
from coverage import Coverage

#: Tests of the packages that scripts/coverage-gate looks at.
MEASURED = ("tests/engine/", "tests/relay/", "tests/unit/core/", "tests/unit/relay/")


class Measuring:
    """Goes on and off between tests; does nothing where no coverage is asked for."""

    def __init__(self) -> None:
        self._stopped: list[Coverage] = []

    def measure(self, test: pytest.Item) -> None:
        """Before a test."""
        if test.nodeid.startswith(MEASURED) and _is_first(test):
            while self._stopped:
                self._stopped.pop().start()
        else:
            # Beside a worker's own there is the one that pytest-cov begins with.
            while running := Coverage.current():
                running.stop()
                self._stopped.append(running)


def _is_first(test: pytest.Item) -> bool:
    cases = getattr(test, "callspec", None)
    return cases is None or not any(cases.indices.values())
