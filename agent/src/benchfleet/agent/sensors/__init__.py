"""What can be read on a device, one file per mechanism; the file's name begins the id of its sensors.

A sensor file holds two functions. `probe(root) -> list[Sensor]` says what is there, and absence is an empty list.
`reader(root, sensors) -> Reader` reads some of them again and again: `read()` gives one Reading per sensor, in their
order, and never raises for a sensor that is lost; `close()` lets go of what it holds. `root` is where /proc and /sys
are looked for, so that recorded trees of real boards are the tests.

What the kernel shows as files needs no class of its own: `_files.Files(root, sensors, parse)` is such a reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

PACKAGE = "benchfleet.agent.sensors"
GROUP = "benchfleet.sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One readable quantity: `id` is stable, `kind` carries the unit, `scope` says what it covers.

    It is read no more often than `every_s`: its source makes no newer value, or a newer one is not worth the reading.
    Of power and energy: `update_s` is how often it makes a value, `accuracy` its limit of error as a fraction of the
    reading, `wrap` where a counter begins again, `formula` what it is made of; `estimated` says that it is computed
    from something else than power. What is not known is None. `simulated` is for fakes.
    """

    id: str
    kind: str
    scope: str
    source: str
    path: str
    every_s: float = 0.0
    update_s: float | None = None
    accuracy: float | None = None
    wrap: float | None = None
    formula: str = ""
    estimated: bool = False
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`value` None: not measured; `quality` says why (lost, denied, implausible, pending)."""

    sensor_id: str
    value: float | None
    quality: str = "ok"


class Reader(Protocol):
    """The sensors of one file, held ready."""

    def read(self) -> list[Reading]:
        """One reading per sensor, now."""
        ...

    def close(self) -> None:
        """Ends it; not read afterwards."""
        ...
