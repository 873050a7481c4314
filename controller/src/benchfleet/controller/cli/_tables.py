"""Tables and JSON of the operator's commands. Names come from users: every cell is cleaned text, never markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click


def print_json(data: Any) -> None:
    """Plain data as JSON on stdout."""
    click.echo(json.dumps(data, indent=2, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table on stdout; with no rows, one line on stderr that says what to do."""
    from benchfleet.controller.screen import arranged, stdout_console

    cells = [[cell(value) for value in row] for row in rows]
    if cells:
        screen = stdout_console()
        screen.print(arranged(columns, cells, screen.width))
    else:
        click.echo(empty, err=True)


def cell(value: object) -> Any:
    """One value as text that cannot style or move anything."""
    from rich.text import Text

    from benchfleet.core.errors import one_line

    return Text("-" if value in (None, "") else one_line(str(value), limit=300))


def size_text(size_bytes: int) -> str:
    """Bytes for a person."""
    return f"{size_bytes / 1e6:.2f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def state_name(enum: Any, value: int, prefix: str) -> str:
    """`RUN_STATE_QUEUED` as `queued`."""
    return str(enum.Name(value)).removeprefix(prefix).lower()


def utc(stamp: Any) -> str | None:
    """A Timestamp as ISO text; None when it is unset."""
    return stamp.ToDatetime().isoformat(timespec="seconds") + "Z" if stamp.seconds else None
