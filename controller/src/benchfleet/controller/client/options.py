"""The two options of every command that talks to a controller."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchfleet.controller.client.credentials import find_credentials
from benchfleet.controller.client.interrupt import interrupted_once
from benchfleet.core.errors import DocumentError

if TYPE_CHECKING:
    from benchfleet.controller.client.connection import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """What --credentials and --controller said."""

    credentials: Path | None = None
    controller: str | None = None

    def connect(self) -> AbstractContextManager[Session]:
        """An open channel to the controller; see connection.connect for what it raises."""
        from benchfleet.controller.client.connection import connect

        return connect(find_credentials(self.credentials, self.controller))


def fleet_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command --credentials and --controller, and passes them as `fleet`."""

    @click.option(
        "--credentials",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Credentials file. [env: BENCHFLEET_CREDENTIALS; default: admin.json of the default state folder]",
    )
    @click.option("--controller", metavar="HOST:PORT", help="Controller to ask. [env: BENCHFLEET_CONTROLLER]")
    @functools.wraps(function)
    def wrapped(*args: Any, credentials: Path | None, controller: str | None, **options: Any) -> Any:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # a failed handshake is one line, and ours
        for name, value in options.items():
            _check_text(name, value)
        fleet = FleetOptions(credentials=credentials, controller=controller)
        with interrupted_once():
            return function(*args, fleet=fleet, **options)

    return wrapped


def _check_text(name: str, value: Any) -> None:
    """DocumentError for what no message can carry: bytes that are not UTF-8 reach us as lone surrogates."""
    for text in value if isinstance(value, tuple) else (value,):
        if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
            raise DocumentError(f"{name.replace('_', '-')} {text[:80]!r}: is not UTF-8 text; write it in UTF-8")
