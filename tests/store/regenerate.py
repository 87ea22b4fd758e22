"""Write the first migration anew from the tables, while it has never been released."""

from __future__ import annotations

import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from bridge.store.schema import MIGRATIONS

for old in (MIGRATIONS / "versions").glob("0001_*.py"):
    old.unlink()
with tempfile.TemporaryDirectory() as folder:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["path"] = Path(folder) / "new.db"
    command.revision(config, message="first", autogenerate=True, rev_id="0001")
