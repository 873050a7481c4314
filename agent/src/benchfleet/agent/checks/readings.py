"""Sensors that are there and were not read: for rights, because they are lost, or because they lie.

Those that share a cause are one finding. A driver may say in its detail how to help itself: "WHY. To allow all: HOW".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchfleet.agent.checks import Finding, Seen, problem
from benchfleet.agent.sensors import Reading, Sensor

WRONG = ("denied", "lost", "timeout", "implausible")
ALLOW = re.compile(r"[.;] To allow all: ")
RIGHTS = (
    (r"^/sys/kernel/debug/", "run the agent as root; or, for all users until the next boot: "
     "sudo chmod a+rx /sys/kernel/debug"),
    (r"cpuinfo_cur_freq$", "run the agent as root; or, for all users until the next boot: "
     "sudo chmod a+r /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_cur_freq"),
    (r"^/dev/vcio$|^vcgencmd", "sudo usermod -aG video $USER, and log in anew; in a container: --device /dev/vcio"),
    (r"^/dev/apex_", "sudo groupadd -f apex && sudo usermod -aG apex $USER, and log in anew"),
    (r"^nvml|^nvidia-smi", "run the agent as root: this counter is for administrators"),
)  # fmt: skip
"""By the path that a sensor is read from: what gives the right."""
OTHER_RIGHTS = "run the agent as root; or, for all users until the next boot: sudo chmod a+r {path}"
FIXES = {
    "lost": "see what the kernel says of it: sudo dmesg | tail -50",
    "timeout": "something hangs in its driver: sudo dmesg | tail -50; a boot ends that",
    "implausible": "nothing to do where this board is known for it; else report it: benchfleet-agent capture DIR",
}


def find(seen: Seen) -> Iterator[Finding]:
    """One finding for each cause."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for sensor, reading in seen.readings:
        if reading.quality in WRONG and reading.value is None:
            causes.setdefault((reading.quality, *_cause(sensor, reading)), []).append(sensor.id)
    for (quality, why, fix), ids in causes.items():
        yield problem(f"reading {quality}", *ids, why=why, fix=fix)


def _cause(sensor: Sensor, reading: Reading) -> tuple[str, str]:
    parts = ALLOW.split(reading.detail, maxsplit=1)
    if len(parts) == 2:
        return parts[0], parts[1]
    path = sensor.paths[0] if sensor.paths else ""
    if reading.quality != "denied":
        return reading.detail, FIXES[reading.quality]
    for pattern, fix in RIGHTS:
        if any(re.search(pattern, each) for each in sensor.paths):
            return _without_path(reading.detail), fix
    return _without_path(reading.detail), OTHER_RIGHTS.format(path=path)


def _without_path(detail: str) -> str:
    """So that unlike files of one cause are one finding."""
    return re.sub(r"^E[A-Z]+ (.*?) /\S+$", r"\1", detail)
