"""benchfleet-agent: measures models on the device it runs on.

A file in this folder is a command; it is imported when it is called, so that `--help` costs nothing.
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.core.commands import LazyGroup, run

group = LazyGroup(
    name="benchfleet-agent",
    package="benchfleet.agent.cli",
    folder=Path(__file__).parent,
    help="Measures models on this device, alone (bench) or for a controller (join, run).",
)


def main() -> None:
    """The entry point of the script."""
    run(group)
