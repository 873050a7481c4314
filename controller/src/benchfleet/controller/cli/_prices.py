"""The option --prices of every command that reads a campaign."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def prices_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command --prices FILE, and passes the document as `prices`; it is read before anything is asked for."""

    @click.option(
        "--prices", "prices_file", type=click.Path(path_type=Path), help="What devices cost, for a million samples."
    )
    @functools.wraps(function)
    def wrapped(*args: Any, prices_file: Path | None, **options: Any) -> Any:
        from benchfleet.controller.costs.document import load_prices

        prices = load_prices(prices_file) if prices_file is not None else None
        return function(*args, prices=prices, **options)

    return wrapped
