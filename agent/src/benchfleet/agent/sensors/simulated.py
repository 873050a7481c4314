"""A fake power sensor or energy counter whose truth is known: what it says, and every result made of it, is simulated.

Off unless a file declares it: `benchfleet-agent bench MODEL --simulate-power FILE`, or DECLARED under the root.

    {"sensors": [{"name": "board", "low_w": 3, "high_w": 12, "period_s": 0.1, "duty": 0.3,
                  "accuracy": 0.01, "gain": 1.004, "update_s": 0.02, "lost_ratio": 0.05},
                 {"name": "meter", "kind": "energy_j", "scope": "wall", "low_w": 7.5, "wrap_j": 65536}]}

A square wave is at `high_w` for the first `duty` of each period, and at `low_w` otherwise; without `high_w` the power
is constant. A sensor that has `update_s` shows the mean of the update before, as those that average do; without it, the
power of the moment. A counter shows the energy until its update. Both are times `gain`: how wrong this one is, within
the `accuracy` it states. Nothing comes for `lost_ratio` of the updates. The time is CLOCK_MONOTONIC, as of the rounds.
"""

from __future__ import annotations

import difflib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchfleet.agent.env import Env
from benchfleet.agent.env.tree import TEXT_BYTES
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files
from benchfleet.core.energy import PERIOD_S
from benchfleet.core.errors import DocumentError
from benchfleet.core.samples import SensorSeries

DECLARED = "run/benchfleet/simulated_power.json"
"""Under the root; on a real device a folder that only root writes, and that is empty after a boot."""

SCOPES = ("wall", "system", "board", "module", "component", "rail")
_MIX = 0x9E3779B97F4A7C15
"""Odd and near 2^64 over the golden ratio: the products of successive numbers are spread evenly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One fake: its power over time, and how it is shown."""

    name: str
    low_w: float
    kind: str = "power_w"
    scope: str = "board"
    high_w: float | None = None
    period_s: float = 1.0
    duty: float = 0.5
    gain: float = 1.0
    accuracy: float | None = None
    update_s: float | None = None
    lost_ratio: float = 0.0
    wrap_j: float | None = None

    def __post_init__(self) -> None:
        numbers = [getattr(self, f.name) for f in fields(self) if f.name not in ("name", "kind", "scope")]
        if not all(n is None or (type(n) in (int, float) and 0 <= n < 1e9) for n in numbers):
            raise ValueError("its numbers are from 0 to 1e9")
        if self.kind not in ("power_w", "energy_j") or self.scope not in SCOPES:
            raise ValueError(f"kind is power_w or energy_j, and scope one of {', '.join(SCOPES)}")
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError("its name is a word")
        if self.period_s <= 0 or self.duty > 1 or self.lost_ratio > 1 or self.update_s == 0 or self.wrap_j == 0:
            raise ValueError("periods are above 0, ratios at most 1")

    def power_w(self, time_s: float) -> float:
        """The truth."""
        if self.high_w is not None and (time_s / self.period_s) % 1 < self.duty:
            return self.high_w
        return self.low_w

    def energy_j(self, start_s: float, end_s: float) -> float:
        """The truth between two times."""
        return self._until_j(end_s) - self._until_j(start_s)

    def _until_j(self, time_s: float) -> float:
        if self.high_w is None:
            return self.low_w * time_s
        whole, part = divmod(time_s / self.period_s, 1)
        high_s = (whole * self.duty + min(part, self.duty)) * self.period_s
        return self.high_w * high_s + self.low_w * (time_s - high_s)

    def shown(self, time_s: float) -> float:
        """What the sensor says; LookupError where it gives nothing."""
        update = math.floor(time_s / self.update_s) if self.update_s else math.floor(time_s * 1e6)
        if (update * _MIX) % 2**64 / 2**64 < self.lost_ratio:
            raise LookupError("lost")
        at_s = update * self.update_s if self.update_s else time_s
        if self.kind == "power_w" and self.update_s and self.high_w is not None:
            return self.gain * self.energy_j(at_s - self.update_s, at_s) / self.update_s
        if self.kind == "power_w":
            return self.gain * self.power_w(time_s)
        energy_j = self.gain * self._until_j(at_s)
        return energy_j % self.wrap_j if self.wrap_j else energy_j

    def series(self, times_s: Sequence[float], period_s: float = PERIOD_S) -> SensorSeries:
        """What it says when it is read at these times, each about `period_s` after the other; nobody waits."""
        sensor = self.sensor("")
        return SensorSeries(
            sensor=sensor.id,
            kind=sensor.kind,
            scope=sensor.scope,
            source=sensor.source,
            times_ns=tuple(round(t * 1e9) for t in times_s),
            values=tuple(map(self._or_lost, times_s)),
            period_s=period_s,
            update_s=sensor.update_s,
            accuracy=sensor.accuracy,
            wrap=sensor.wrap,
            formula=sensor.formula,
            simulated=True,
        )

    def _or_lost(self, time_s: float) -> float | None:
        try:
            return self.shown(time_s)
        except LookupError:
            return None

    def sensor(self, path: str) -> Sensor:
        """As a sensor."""
        shape = f"{self.low_w:g} W" if self.high_w is None else f"{self.low_w:g}/{self.high_w:g} W"
        return Sensor(
            id=f"simulated/{self.name}",
            kind=self.kind,
            scope=self.scope,
            source="simulated",
            paths=(path,),
            update_s=self.update_s,
            accuracy=self.accuracy,
            wrap=self.wrap_j,
            formula=f"simulated {shape}",
            simulated=True,
        )


def probe(env: Env) -> list[Sensor]:
    """Those that DECLARED declares; none where it is not there."""
    if not env.files.exists(f"/{DECLARED}"):
        return []
    return declared(Path(env.files.real(f"/{DECLARED}")), f"/{DECLARED}")


def declared(file: Path, path: str | None = None) -> list[Sensor]:
    """The fakes of a file; DocumentError for one that is not such a file."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise DocumentError(f"simulated power {file}: cannot be read ({error.strerror})") from error
    if len(text) > TEXT_BYTES:
        raise DocumentError(f"simulated power {file}: has {len(text)} bytes; at most {TEXT_BYTES} are read")
    try:
        programs = _programs(text)
    except ValueError as error:
        raise DocumentError(f"simulated power {file}: {error}") from error
    return [program.sensor(path or str(file.absolute())) for program in programs]


def reader(env: Env, sensors: list[Sensor], now_s: Callable[[], float] = time.monotonic) -> Reader:
    """Reads the file each time, so that it can be changed while something runs."""

    def parse(sensor: Sensor, text: bytes) -> float:
        programs = {f"simulated/{program.name}": program for program in _programs(text)}
        return programs[sensor.id].shown(now_s())

    return Files(env, sensors, parse)


def _programs(text: bytes) -> list[Program]:
    data = json.loads(text)
    listed = data.get("sensors") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ValueError('expected {"sensors": [{"name": ..., "low_w": ...}]}')
    found = [_program(each) for each in listed]
    if len({program.name for program in found}) < len(found):
        raise ValueError("two sensors have one name")
    return found


def _program(data: Any) -> Program:
    if not isinstance(data, dict):
        raise ValueError(f"a sensor is an object, not {str(data)[:40]!r}")
    known = [field.name for field in fields(Program)]
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ValueError(f"{key!r} is not known" + (f"; did you mean {near[0]!r}?" if near else ""))
    if "name" not in data or "low_w" not in data:
        raise ValueError("a sensor has a name and low_w")
    return Program(**data)
