"""Brings a data base to the newest schema at start, with Alembic and the migrations in this package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

from benchfleet.core.errors import StateError

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Runs every migration that is missing, in one transaction."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:  # a revision that is not in this package
            where = f"state {engine.url.database}: made by a newer benchfleet ({error})"
            raise StateError(f"{where}; install that, or name another --state") from error
