"""What stands between the agent and the hardware."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.checks import Finding, Seen, note, problem

MOUNT = (
    "to see what the host sees, start it with -v /sys:/host/sys:ro -v /proc:/host/proc:ro, and look with "
    "--path.sysfs /host/sys --path.procfs /host/proc; each device file by --device"
)


def find(seen: Seen) -> Iterator[Finding]:
    """Emulators make times worthless; containers and virtual machines hide sensors."""
    facts = seen.inventory.facts
    if "emulated" in facts:
        yield problem("emulated", why=facts["emulated"].removeprefix("yes: "), fix="measure on the device itself")
    if "container" in facts:
        yield note("container", facts["container"], why="a container may hide sensors of its host", fix=MOUNT)
    if "virtual" in facts:
        why = f"a virtual machine ({facts['virtual']}) sees no power and no temperature of its host"
        yield note("virtual", why=why, fix="measure on the host where energy counts")
