"""Drivers of sensors that failed or hung while they looked for theirs."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.checks import Finding, Seen, problem


def find(seen: Seen) -> Iterator[Finding]:
    """One for each."""
    for driver, why in seen.absent.items():
        yield problem("driver", driver, why=why, fix="report it with a recording: benchfleet-agent capture DIR")
