"""What `benchfleet-agent doctor` looks for: what keeps a device from being measured, and the command that mends it.

A check file holds `find(seen) -> Iterator[Finding]`. A problem is something that this device has and that cannot be
used; a note is something that could be had. What the device does not have is neither. Nothing is mended by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.agent.totals import Total
from benchfleet.core import plugins
from benchfleet.core.inventory import Inventory

PACKAGE = "benchfleet.agent.checks"
GROUP = "benchfleet.checks"
PROBLEM, NOTE = "problem", "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing: what it is about, why, and what to do: a command where one does it, else words."""

    check: str
    level: str
    on: tuple[str, ...]
    why: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A device as it was looked at; `absent` are drivers that failed, `may_use` whether a node may be opened."""

    env: Env
    inventory: Inventory
    readings: list[tuple[Sensor, Reading]]
    total: Total
    absent: dict[str, str] = field(default_factory=dict)
    may_use: Callable[[str], bool] = lambda path: True


def problem(check: str, *on: str, why: str, fix: str) -> Finding:
    """Something that is there and cannot be used."""
    return Finding(check=check, level=PROBLEM, on=on, why=why, fix=fix)


def note(check: str, *on: str, why: str, fix: str) -> Finding:
    """Something that could be had."""
    return Finding(check=check, level=NOTE, on=on, why=why, fix=fix)


def run(seen: Seen) -> list[Finding]:
    """All findings, problems first."""
    return sorted(_found(seen), key=lambda finding: finding.level != PROBLEM)


def _found(seen: Seen) -> Iterator[Finding]:
    for check in plugins.load_all(PACKAGE, GROUP).values():
        yield from check.find(seen)
