"""What can be read on a device, one file per mechanism; the file's name begins the id of its sensors.

A sensor file holds two functions. `probe(env) -> list[Sensor]` says what is there, and absence is an empty list.
`reader(env, sensors) -> Reader` reads some of them again and again: `read()` gives one Reading per sensor, in their
order, and never raises for a sensor that is lost; `close()` lets go of what it holds. `env` is the device: its files,
commands, network and libraries, live or recorded (`benchfleet.agent.env`), so that recorded boards are the tests.

What the kernel shows as files needs no class of its own: `_files.Files(env, sensors, parse)` is such a reader. A reader
need not keep a deadline: the sampler notices one that does not come back, and reads the others without it.

A driver may also hold `silence(env) -> str`: asked where its probe found nothing, it says why on a device on which one
would look for its sensors (a GPU whose library supports no call), and is empty anywhere else.

`benchfleet-agent capture` records what `probe` and `read` were seen to ask of the device. What a driver reads in some
states alone it may name for that in two constants: CAPTURE, patterns of files, and COMMANDS, each a tuple of words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

PACKAGE = "benchfleet.agent.sensors"
GROUP = "benchfleet.sensors"

UNITS = {
    "power_w": "W",
    "energy_j": "J",
    "voltage_v": "V",
    "current_a": "A",
    "temperature_c": "°C",
    "temperature_limit_c": "°C",
    "clock_hz": "Hz",
    "clock_limit_hz": "Hz",
    "utilization_ratio": "1",
    "steal_ratio": "1",
    "pressure_ratio": "1",
    "pressure_s": "s",
    "duration_s": "s",
    "memory_bytes": "B",
    "fan_rpm": "1/min",
    "load": "1",
    "limit_cpus": "1",
    "throttle_state": "1",
    "throttle_count": "1",
    "event_count": "1",
    "stored_energy_j": "J",
    "stored_charge_coulomb": "C",
    "charge_ratio": "1",
    "link_speed_mbit_s": "Mbit/s",
    "power_mode": "",
    "setting": "",
    "health": "",
}
"""The kinds there are, and the unit of each; power_mode, setting (a governor, MIG) and health are words. What a battery
holds is stored_energy_j: energy_j is what was used, and always a counter."""

SCOPES = ("wall", "system", "board", "module", "component", "rail", "partial")
"""From the widest: the socket; a system with what hangs on it; one board; its compute module; a chip or device of it;
one supply of a chip; and a sum that leaves out, of what it seems to cover, a part that is not known."""

PARTS = ("cpu", "gpu", "npu", "soc", "memory", "disk", "network", "battery", "board")
"""Of a device. The temperature of a run is that of the first four: a network chip may be hotter, and is no matter."""

QUALITIES = (
    "ok",
    "below_resolution",  # a value, smaller than its step
    "stale",  # no newer value than before: a counter that stands still under load, a difference of one reading
    "implausible",  # a number that cannot be
    "gated",  # the block is without power
    "denied",  # not without more rights
    "lost",  # gone, or garbage
    "unsupported",  # the device says that it has no such thing
    "timeout",  # did not come back in time
)
WITH_VALUE = ("ok", "below_resolution", "stale")
"""Qualities that may go with a value; with all others it is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One readable quantity: `id` is stable, `kind` carries the unit, `scope` says what it covers.

    An id is mechanism/device/name[/quantity], of names that stay after a reboot: "ina3221/1-0040/VDD_IN/power", never
    hwmon3. `paths` are the files it is read from, or what stands for them (a command, an address, a function).
    `semantics`: a gauge is the value of now, a counter is worth its differences, a state is a word or a flag.

    It is read no more often than `every_s`: its source makes no newer value, or a newer one is not worth the reading.
    `slow` is for what takes over a millisecond to read: commands, networks, libraries; it is read on a thread of its
    own. `cost_s` is how long a reading takes, where that is known. Of what is slow, sensors of one `device` are read
    together, and apart from those of others: one meter that is switched off does not hold up the next.

    `update_s` is how often it makes a value, `window_s` over how long that is a mean, `accuracy` its limit of error as
    a fraction of the reading, `resolution` its smallest step, `wrap` where a counter begins again. `formula` is what it
    is made of, `derived` says that it was computed from other readings ("V*I"), `estimated` that it was computed from
    something that is no reading of it (power from a load). `part` is what of the device it tells of (PARTS), where
    that is known; `critical` is the temperature at which the device ends itself. `includes` and `excludes` say what the
    scope covers.
    `rank`: of sensors of one kind and scope the lowest is preferred: 0 meters, 10 hardware counters, 20 readings of the
    moment, 30 means, 40 estimates. What is not known is None. `simulated` is for fakes.
    """

    id: str
    kind: str
    scope: str
    source: str
    paths: tuple[str, ...]
    semantics: str = "gauge"
    every_s: float = 0.0
    slow: bool = False
    cost_s: float | None = None
    device: str = ""
    update_s: float | None = None
    window_s: float | None = None
    accuracy: float | None = None
    resolution: float | None = None
    wrap: float | None = None
    formula: str = ""
    derived: bool = False
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    needs_root: bool = False
    part: str = ""
    critical: float | None = None
    rank: int = 20
    estimated: bool = False
    simulated: bool = False

    @property
    def unit(self) -> str:
        """Of its values."""
        return UNITS.get(self.kind, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`value` None: not measured; `quality` says why, and `detail` in words. Words are the values of states.

    `time_ns` (CLOCK_MONOTONIC) is when, if the reader knows better than whoever asked it; `source_time_ns` (UTC) is
    what the source's own clock said.
    """

    sensor_id: str
    value: float | str | None
    quality: str = "ok"
    detail: str = ""
    time_ns: int | None = None
    source_time_ns: int | None = None

    @property
    def number(self) -> float | None:
        """The value, where it is one."""
        return None if isinstance(self.value, str) else self.value


class Reader(Protocol):
    """The sensors of one file, held ready."""

    def read(self) -> list[Reading]:
        """One reading per sensor, now."""
        ...

    def close(self) -> None:
        """Ends it; not read afterwards."""
        ...
