"""How the CPUs spent their time since the reading before: in use, and taken by the hypervisor.

The first line of /proc/stat counts ticks of all CPUs since boot; a ratio is the difference of two readings. Time the
hypervisor took (steal) is no use that this system made of its CPUs, so it is a sensor of its own.
https://docs.kernel.org/filesystems/proc.html (1.7, "Miscellaneous kernel statistics in /proc/stat")
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread

KINDS = {"utilization": "utilization_ratio", "steal": "steal_ratio"}
IDLE, IOWAIT, STEAL = 3, 4, 7
FIELDS = 8
"""user to steal; the two guest columns behind are already in user and nice."""

FIRST = Unread("stale", "a share is the difference of two readings, and no tick has passed since the first")


def probe(env: Env) -> list[Sensor]:
    """Two, where the kernel counts ticks."""
    if not env.files.exists("/proc/stat"):
        return []
    return [
        Sensor(id=f"cpu_time/{name}", kind=kind, scope="system", source="procfs", paths=("/proc/stat",))
        for name, kind in KINDS.items()
    ]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Ratios from 0 to 1 of the time of all CPUs."""
    return Files(env, sensors, _Shares().parse)


class _Shares:
    """Keeps the ticks of the reading before; one text serves both sensors."""

    def __init__(self) -> None:
        self._text = b""
        self._ticks: list[int] | None = None
        self._found: dict[str, float] | Exception = FIRST

    def parse(self, sensor: Sensor, text: bytes) -> float:
        """ValueError when the counters went back, as after a CPU was taken offline."""
        if text is not self._text:
            self._text = text
            try:
                self._found = self._next(_ticks(text))
            except (ValueError, LookupError) as error:
                self._found = error
        if isinstance(self._found, Exception):
            raise self._found
        return self._found[sensor.kind]

    def _next(self, ticks: list[int]) -> dict[str, float] | Unread:
        before, self._ticks = self._ticks, ticks
        if before is None or before == ticks:  # the first reading, or less than a tick has passed
            return FIRST
        return _shares([now - then for now, then in zip(ticks, before, strict=True)])


def _ticks(text: bytes) -> list[int]:
    fields = text[: text.index(b"\n")].split()
    if fields[0] != b"cpu":
        raise ValueError("the first line is not the sum of all CPUs")
    if len(fields) <= FIELDS:
        raise LookupError("a kernel without steal time")
    return [int(field) for field in fields[1 : FIELDS + 1]]


def _shares(passed: list[int]) -> dict[str, float]:
    total = sum(passed)
    if total <= 0:
        raise ValueError("the counters went back")
    used = total - passed[IDLE] - passed[IOWAIT] - passed[STEAL]
    # iowait may go back by itself, says the kernel's own manual: a share stays one.
    return {"utilization_ratio": min(1.0, max(0.0, used / total)), "steal_ratio": max(0.0, passed[STEAL] / total)}
