"""Power modes that a run set and nobody put back: of the agent, and of `bench`."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent import identity, power_switch
from benchfleet.agent.checks import Finding, Seen, problem
from benchfleet.agent.measure.reference import state_file


def find(seen: Seen) -> Iterator[Finding]:
    """A problem for each journal that is open or damaged; of this machine alone, since no recording has one."""
    if not seen.env.here:
        return
    for state in (identity.default_state(), state_file().parent):
        for why, fix in power_switch.problems(state / power_switch.FOLDER):
            yield problem("power mode", str(state), why=why, fix=fix)
