"""What the repository promises about itself."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bridge.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCKS = sorted(ROOT.glob("requirements*.lock"))

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\]+?))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")

#: A path into somebody's home or workplace, and an address of a package index.
MACHINE = re.compile(
    r"(?<![\w.$}~-])/(?:home|root|Users|work)/|\bfile:/|(?<!emit-)(?:index[-_]url|find[-_]links)\b",
    re.IGNORECASE,
)


def lines(path: Path) -> list[str]:
    return [
        line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")
    ]


def pins(path: Path, *, everywhere: bool = False) -> dict[str, str]:
    """Name to version; `everywhere` leaves out what only Windows needs."""
    found = [match for line in lines(path) if (match := PIN.fullmatch(line))]
    return {
        match["name"]: match["version"]
        for match in found
        if not (everywhere and "win32" in (match["marker"] or ""))
    }


def of_interest() -> list[Path]:
    named = [ROOT / name for name in ("Dockerfile", "Makefile", ".ci/run", "pyproject.toml")]
    folders = [ROOT.glob("scripts/*"), ROOT.glob("docs/**/*.md"), ROOT.glob("bridge/**/*.py")]
    return sorted({*named, *ROOT.glob("*.md"), *LOCKS, *(path for f in folders for path in f)})


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_versions_and_hashes_and_nothing_else(lock):
    strange = [line for line in lines(lock) if not (PIN.fullmatch(line) or HASH.fullmatch(line))]
    assert not strange
    assert pins(lock)


def test_no_file_names_a_machine_or_a_package_index():
    hits = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in of_interest()
        if path.is_file()
        for line in path.read_text("utf-8").splitlines()
        if MACHINE.search(line)
    ]
    assert not hits


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-build.lock", PROJECT["build-system"]["requires"]),
        ("requirements-build.lock", PROJECT["dependency-groups"]["build"]),
        ("requirements-dev.lock", PROJECT["dependency-groups"]["dev"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"]),
        *((f"requirements-{name}.lock", wanted) for name, wanted in EXTRAS.items()),
    ],
)
def test_the_locks_satisfy_pyproject(lock, wanted):
    locked = pins(ROOT / lock)
    for requirement in (Requirement(text) for text in wanted if isinstance(text, str)):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is missing: make lock"
        assert requirement.specifier.contains(locked[name]), f"{name}: make lock"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_what_runs_is_what_is_tested(lock):
    tested = pins(ROOT / "requirements-dev.lock")
    assert pins(lock).items() <= tested.items()


@pytest.mark.parametrize("lock", ["requirements.lock", *(f"requirements-{e}.lock" for e in EXTRAS)])
def test_every_package_that_we_install_stands_in_the_notices(lock):
    notices = (ROOT / "docs" / "notices.md").read_text("utf-8")
    for name, version in pins(ROOT / lock, everywhere=True).items():
        assert f"| {name} | {version} | " in notices, f"{name} {version}: make notices"


def test_the_image_sets_options_that_exist():
    options = re.findall(rf"{ENV_PREFIX}(\w+?)__(\w+)=", (ROOT / "Dockerfile").read_text("utf-8"))
    assert options
    for section, option in options:
        model = Settings.model_fields[section.lower()].annotation
        assert option.lower() in model.model_fields
