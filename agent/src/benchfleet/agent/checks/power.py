"""Whether the power of the whole device can be told, and whether its supply holds."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent import totals
from benchfleet.agent.checks import Finding, Seen, note, problem

WHOLE = totals.SCOPES
METER = "put a meter before its supply and name it: benchfleet-agent probe --meter http://ADDRESS; docs/devices.md"
UNDER_VOLTAGE = "use the supply and the cable of the maker; a hub or a long cable loses too much"


def find(seen: Seen) -> Iterator[Finding]:
    """A note where no sensor stands for the device; a problem while its supply sags."""
    counted = any(s.kind == "energy_j" and s.scope in WHOLE and r.value is not None for s, r in seen.readings)
    if seen.total.value is None and not counted:
        yield note("power", why=seen.total.reason, fix=METER)
    sagging = [s.id for s, r in seen.readings if s.id.endswith("/under_voltage") and r.value == 1]
    if sagging:
        yield problem("supply", *sagging, why="the supply is below its limit now: clocks fall", fix=UNDER_VOLTAGE)
