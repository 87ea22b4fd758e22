"""Folders of numbers: how they go for good, and what is done about those that nobody owns.

They hold keys with which anybody can act as the number, so none may be forgotten on the disk; and
they cannot be had again without the phone, so none goes that somebody may still need.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

#: A folder of this name is being deleted: nothing finds it any more.
_GOING: Final = ".gone-"
#: Copies of the engine are no folders of numbers; one that begins so was never finished.
_ENGINE: Final = "engine-"
_DRAFT: Final = ".engine-"
#: How long (s) the folder of an unknown instance stays after the last change in it: whoever
#: restored an old backup by mistake finds the newer numbers' sessions again.
KEPT_SECONDS: Final = 7 * 24 * 3600


def remove(folder: Path) -> None:
    """Delete the folder of a number. Raises `OSError`.

    It is renamed first: a deletion that is cut off leaves no half of a session that would be used.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    going = folder.with_name(f"{_GOING}{folder.name}")
    if going.exists():  # of an earlier one
        shutil.rmtree(going)
    folder.rename(going)
    shutil.rmtree(going)


def sweep(homes: Path, known: Collection[str], *, now: int) -> None:
    """Delete what deletions left behind. `known` are the ids of all instances. Never raises."""
    try:
        homes.chmod(0o700)  # whoever made it, and however
        folders = sorted(one for one in homes.iterdir() if one.is_dir() and not one.is_symlink())
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("session.folders_unreadable", error=error.strerror)
        return
    for folder in folders:
        if folder.name in known or folder.name.startswith(_ENGINE):
            continue
        try:
            _look_at(folder, now)
        except OSError as error:
            log.warning("session.folder_kept", folder=folder.name, error=error.strerror)


def _look_at(folder: Path, now: int) -> None:
    if folder.name.startswith((_GOING, _DRAFT)):
        shutil.rmtree(folder)
        log.info("session.leftover_deleted", folder=folder.name)
        return
    unused = now / 1000 - max(one.lstat().st_mtime for one in (folder, *folder.iterdir()))
    if unused < KEPT_SECONDS:
        log.warning("session.of_no_instance", folder=folder.name, advice="It is deleted in a week.")
        return
    remove(folder)
    log.info("session.leftover_deleted", folder=folder.name)
