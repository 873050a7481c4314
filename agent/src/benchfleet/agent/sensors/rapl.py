"""Energy of CPU packages and their memory, counted by Intel and AMD processors (RAPL), in microjoules.

Zones are folders of powercap. Their numbers are hexadecimal and follow no order, so a zone is named by its `name` file:
`rapl/package-0/energy`, `rapl/package-0/dram/energy`. A package holds its cores and uncore; it does not hold dram,
although sysfs nests it there. psys covers the platform, packages too, so nothing is added to it. intel-rapl-mmio counts
a package once more, through another window, and is left out where the zone itself is there.

Counters begin again after max_energy_range_uj: 262 kJ at 200 W last 22 minutes, 65 kJ at 250 W four. The sum of
packages and dram, `rapl/total/energy`, unwraps each before it is added; it is no total of the system.

Since CVE-2020-8694 only root may read the counters. Virtual machines have none.
https://docs.kernel.org/power/powercap/powercap.html
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Files, Unread, first_number

POWERCAP = ("/sys/class/powercap", "/sys/devices/virtual/powercap")
"""The second is where the first one's links lead, and what a recording may have alone."""
PREFIX = "intel-rapl"
"""Of AMD's zones, too."""
MEMORY_MAPPED = "intel-rapl-mmio"
TOTAL = "rapl/total/energy"
UPDATE_S = 0.001
WATTS_MAX = 5000.0
"""Of one zone, over a second or more: a counter that gained more did not wrap, it was reset."""
HELP = (
    "only root may read it (CVE-2020-8694). To allow all: echo 'z /sys/class/powercap/intel-rapl*/energy_uj 0444 root "
    "root' | sudo tee /etc/tmpfiles.d/benchfleet-rapl.conf; sudo systemd-tmpfiles --create benchfleet-rapl.conf"
)
COVERS = {"package": (("cores", "uncore"), ("dram",)), "dram": (("dram",), ()), "psys": (("platform",), ())}
"""What zones include and exclude, by the beginning of their name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    folder: str
    parent: str  # as its folder is called: intel-rapl:0
    name: str

    @property
    def base(self) -> str:
        return self.folder.rpartition("/")[2]

    @property
    def sort(self) -> str:
        return self.name.partition("-")[0]


def probe(env: Env) -> list[Sensor]:
    """One counter per zone, and the sum of those that may be added where there are several."""
    zones: dict[str, _Zone] = {}
    for place in POWERCAP:
        zones = zones or {zone.base: zone for zone in _zones(env, place)}
    named: dict[str, _Zone] = {}
    seen: dict[str, int] = {}
    for base, zone in zones.items():
        name = _path(zones, base)
        if base.startswith(MEMORY_MAPPED) and name in named:
            continue
        seen[name] = seen.get(name, 0) + 1
        named[name if seen[name] == 1 else f"{name}-{seen[name]}"] = zone
    sensors = [_sensor(env, name, zone) for name, zone in named.items()]
    parts = [s for s, zone in zip(sensors, named.values(), strict=True) if zone.sort in ("package", "dram")]
    return [*sensors, *([_total(parts)] if len(parts) > 1 else [])]


def silence(env: Env) -> str:
    """An Intel or AMD processor that shows no zone."""
    info = env.files.text("/proc/cpuinfo", "")
    if not re.search(r"^vendor_id\s*: (GenuineIntel|AuthenticAMD)", info, re.MULTILINE):
        return ""
    if re.search(r"^flags\s*:.*\bhypervisor\b", info, re.MULTILINE):
        return "a virtual machine has no zones of RAPL: its host counts them"
    return "no zones under /sys/class/powercap: sudo modprobe intel_rapl_msr; a container may hide them"


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Joules since some moment in the past."""
    return _Counters(env, sensors)


def _zones(env: Env, folder: str) -> Iterator[_Zone]:
    """Those under a folder that count; the kernel links them beside each other, a copied tree may only nest them."""
    names = [name for name in env.files.names(folder) if name.startswith(PREFIX)]
    for name in sorted(names, key=lambda n: n.startswith(MEMORY_MAPPED)):
        at = f"{folder}/{name}"
        if ":" in name and env.files.exists(f"{at}/energy_uj"):
            yield _Zone(folder=at, parent=name.rpartition(":")[0], name=env.files.text(f"{at}/name", "") or name)
        yield from _zones(env, at)


def _path(zones: dict[str, _Zone], base: str) -> str:
    """The names from the package down: "package-0/dram"."""
    zone = zones.get(base)
    if zone is None:
        return base if ":" in base else ""
    return "/".join(part for part in (_path(zones, zone.parent), zone.name.replace("/", "-")) if part)


def _sensor(env: Env, name: str, zone: _Zone) -> Sensor:
    path = f"{zone.folder}/energy_uj"
    scope = {"package": "component", "dram": "component", "psys": "system"}.get(zone.sort, "rail")
    includes, excludes = COVERS.get(zone.sort, ((), ()))
    return Sensor(
        id=f"rapl/{name}/energy",
        kind="energy_j",
        scope=scope,
        source="powercap",
        paths=(path,),
        semantics="counter",
        update_s=UPDATE_S,
        wrap=_wrap_j(env, zone.folder),
        includes=includes,
        excludes=excludes,
        part={"package": "cpu", "core": "cpu", "dram": "memory"}.get(zone.sort, ""),
        needs_root=_root_only(env, path),
        rank=10,
    )


def _total(parts: list[Sensor]) -> Sensor:
    dram = any(part.id.endswith("dram/energy") for part in parts)
    names = ",".join(part.id.removeprefix("rapl/").removesuffix("/energy") for part in parts)
    return Sensor(
        id=TOTAL,
        kind="energy_j",
        scope="component",
        source="powercap",
        paths=tuple(path for part in parts for path in part.paths),
        semantics="counter",
        update_s=UPDATE_S,
        derived=True,
        formula=f"sum({names})",
        includes=("CPU packages", "dram") if dram else ("CPU packages",),
        excludes=("mainboard", "disks", "GPUs", "fans", "power supply") + (() if dram else ("dram",)),
        needs_root=any(part.needs_root for part in parts),
        rank=9,  # before its parts
    )


def _wrap_j(env: Env, folder: str) -> float | None:
    try:
        return float(env.files.text(f"{folder}/max_energy_range_uj")) / 1e6
    except (OSError, ValueError):
        return None


def _root_only(env: Env, path: str) -> bool:
    """A recording keeps no modes of its files: then it is as the kernel makes it."""
    try:
        return bool(env.recorded) or not os.stat(env.files.real(path)).st_mode & 0o044
    except OSError:
        return True


class _Counters:
    """Reads the zones, and adds up those of the total."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._sensors = list(sensors)
        self._wraps = {path: _wrap_j(env, path.rpartition("/")[0]) for s in sensors for path in s.paths}
        self._sums = {s.id: _Sum([(path, self._wraps[path]) for path in s.paths])
                      for s in sensors if s.derived}  # fmt: skip
        self._files = Files(env, sensors, self._joules)

    def read(self) -> list[Reading]:
        """One per sensor; what only root may read says how that is changed."""
        return [replace(r, detail=HELP) if r.quality == "denied" else r for r in self._files.read()]

    def close(self) -> None:
        """Closes the files."""
        self._files.close()

    def _joules(self, sensor: Sensor, *texts: bytes) -> float:
        values = [first_number(sensor, text) / 1e6 for text in texts]
        if any(not 0 <= value < float("inf") for value in values):
            raise Unread("implausible", "a counter of energy is a number and not negative")
        for path, value in zip(sensor.paths, values, strict=True):
            wrap = self._wraps[path]
            if wrap is not None and value > wrap:  # of a part, so that the sum is none, either
                raise Unread("implausible", f"{path}: {value:g} J is beyond {wrap:g} J, where it begins again")
        if sensor.id in self._sums:
            return self._sums[sensor.id].next(values, time.monotonic())
        return values[0]


class _Sum:
    """Counters that begin again at ends of their own, as one that does not."""

    def __init__(self, zones: Sequence[tuple[str, float | None]]) -> None:
        self._wraps = [wrap for _, wrap in zones]
        self._offsets = [0.0] * len(zones)
        self._before: list[float] | None = None
        self._at_s = 0.0

    def next(self, values: list[float], now_s: float) -> float:
        """The sum; it goes back when a counter was reset, so that nobody takes what it gained for energy."""
        for i, value in enumerate(values):
            wrap = self._wraps[i]
            if self._before is None or value >= self._before[i]:
                continue
            gained = (wrap or 0.0) + value - self._before[i]
            if wrap is None or gained < 0 or gained > WATTS_MAX * max(1.0, now_s - self._at_s):
                self._offsets = [0.0] * len(values)
                break
            self._offsets[i] += wrap
        self._before, self._at_s = values, now_s
        return sum(values) + sum(self._offsets)
