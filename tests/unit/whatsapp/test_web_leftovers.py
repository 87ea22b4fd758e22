"""The folders of numbers: none stays of a number that is gone, none goes that may be needed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from bridge.whatsapp.web.leftovers import KEPT_SECONDS, remove, sweep

NOW = int(time.time() * 1000)
LONG_AGO = NOW / 1000 - KEPT_SECONDS - 60


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    return tmp_path / "whatsapp-web"


def folder(homes: Path, name: str, *, used: float = NOW / 1000) -> Path:
    home = homes / name
    (home / "history").mkdir(parents=True)
    for file in ("session.db", "session.db-wal", "journal.db", "history/1.json.gz"):
        (home / file).write_bytes(b"keys")
    for path in (*home.iterdir(), home):
        os.utime(path, (used, used))
    return home


def names(homes: Path) -> set[str]:
    return {one.name for one in homes.iterdir()}


def test_a_folder_goes_with_all_that_is_in_it(homes: Path) -> None:
    home = folder(homes, "one")
    remove(home)
    assert names(homes) == set()
    remove(home)


def test_a_deletion_that_is_cut_off_leaves_nothing_that_would_be_used(
    homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder(homes, "one")

    def cut_off(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", cut_off)
        with pytest.raises(KeyboardInterrupt):
            remove(home)
    assert not home.exists()

    sweep(homes, {"one"}, now=NOW)
    assert names(homes) == set()


def test_a_number_that_came_back_after_a_cut_off_deletion_can_be_deleted_again(
    homes: Path,
) -> None:
    folder(homes, ".gone-one")
    remove(folder(homes, "one"))
    assert names(homes) == set()


def test_what_nobody_owns_goes_after_a_week_without_a_change(homes: Path) -> None:
    folder(homes, "known", used=LONG_AGO)
    folder(homes, "forgotten", used=LONG_AGO)
    folder(homes, "engine-0.5.2-1099999999", used=LONG_AGO)
    folder(homes, ".engine-0.5.2-1099999999-abcdef")
    sweep(homes, {"known"}, now=NOW)
    assert names(homes) == {"known", "engine-0.5.2-1099999999"}


def test_the_sessions_of_newer_numbers_outlive_an_old_backup_for_a_week(homes: Path) -> None:
    folder(homes, "newer than the backup")
    sweep(homes, {"known"}, now=NOW)
    assert names(homes) == {"newer than the backup"}


def test_a_link_to_elsewhere_is_not_followed(homes: Path, tmp_path: Path) -> None:
    elsewhere = folder(tmp_path / "elsewhere", "one", used=LONG_AGO)
    homes.mkdir()
    (homes / "one").symlink_to(elsewhere)
    sweep(homes, (), now=NOW)
    assert (elsewhere / "session.db").exists()
    with pytest.raises(OSError, match="symbolic"):
        remove(homes / "one")
    assert (elsewhere / "session.db").exists()


def test_others_on_the_machine_see_nothing(homes: Path) -> None:
    folder(homes, "known")
    homes.chmod(0o777)
    sweep(homes, {"known"}, now=NOW)
    assert homes.stat().st_mode & 0o777 == 0o700
    sweep(homes / "none", (), now=NOW)
