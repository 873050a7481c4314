"""benchfleet: the controller and its operator's commands.

A file in this folder is a command; it is imported when it is called, so that `--help` costs nothing.
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.core.commands import LazyGroup, run

group = LazyGroup(
    name="benchfleet",
    package="benchfleet.controller.cli",
    folder=Path(__file__).parent,
    help="Benchmarks models on a fleet of real devices and says whether they may ship.",
)


def main() -> None:
    """The entry point of the script."""
    run(group)
