"""The options that put a simulated board in the place of this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from benchfleet.agent.simulate.simulation import Simulation

F = TypeVar("F", bound=Callable[..., Any])
TIME_FACTOR_MAX = 1000.0
"""A board that settles within a second; faster than that nothing of its life is seen at 10 readings a second."""


FLAGS = {"meters": "--meter", "rootfs": "--path.rootfs", "sysfs": "--path.sysfs", "procfs": "--path.procfs"}
"""Options of a real device whose parameter has another name."""


def simulation_options(command: F) -> F:
    """--simulate and --time-factor; `simulation` makes a board of them."""
    for option in (
        click.option(
            "--time-factor",
            type=click.FloatRange(1, TIME_FACTOR_MAX),
            default=1.0,
            show_default=True,
            help="With --simulate: how many times as fast heat moves; latencies stay those of real seconds.",
        ),
        click.option("--simulate", metavar="BOARD", help="Be a board that is not there: its name, or a file of yours."),
    ):
        command = option(command)
    return command


def simulation(simulate: str | None, time_factor: float, **others: Any) -> Simulation | None:
    """The board, not yet alive; None where none was asked for. DocumentError for one that is none.

    `others` are options that say of a real device where it is read: they do not go with a simulated one.
    """
    if simulate is None:
        if time_factor != 1:
            raise click.UsageError("--time-factor goes with --simulate: the heat of a real device takes its time")
        return None
    given = next((name for name, value in others.items() if value), None)
    if given is not None:
        raise click.UsageError(f"--simulate is a device of its own: {FLAGS.get(given, f'--{given}')} is for real ones")
    from benchfleet.agent.simulate import board
    from benchfleet.agent.simulate.simulation import Simulation

    return Simulation(board.load(simulate), time_factor)
