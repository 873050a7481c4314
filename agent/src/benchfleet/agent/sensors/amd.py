"""AMD GPUs: power, temperatures, load, memory and clock from the kernel, energy through ROCm where that is installed.

The kernel's files need no library: hwmon power1_input is of the moment and power1_average a mean, in microwatts; an
APU's covers its CPU, too. Temperatures are edge, junction and mem. pp_dpm_sclk marks the clock in use with a star.

The counter of energy is amdsmi's alone: accumulator x counter_resolution, in microjoules. It stands still on some cards
(MI100), and one that has not moved for a second, while the card is powered, is stale and no reading. The package of
PyPI is a wrapper of ROCm's library, which prints and raises KeyError without it.
https://docs.kernel.org/gpu/amdgpu/thermal.html, https://rocm.docs.amd.com/projects/amdsmi/en/latest/
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._cards import Card, cards, critical_c
from benchfleet.agent.sensors._files import Files, Unread, checked, first_number, unread

LIBRARY = "amdsmi"
VENDOR = "0x1002"
CHIP = ("amdgpu",)
SLOW_S = 0.5
CURRENT_CLOCK = re.compile(rb"(\d+)\s*[Mm][Hh]z\s*\*")
LIMITS = {
    "power_w": (0.0, 5e3),
    "temperature_c": (-40.0, 150.0),
    "utilization_ratio": (0.0, 1.0),
    "clock_hz": (0.0, 1e10),
    "memory_bytes": (0.0, 2.0**50),
    "fan_rpm": (0.0, 1e5),
}
PER = {"power_w": 1e6, "temperature_c": 1e3, "utilization_ratio": 100.0}
FROZEN_S = 1.0
"""A card that is powered uses a joule or more in this time, which is 65,000 steps of its counter."""
POWERS = ("current_socket_power", "socket_power", "average_socket_power")
"""Of amdsmi_get_power_info, in watts; "N/A" or 0xFFFF where a card does not tell."""


def probe(env: Env) -> list[Sensor]:
    """What each card's files show, and what the library answers beside them."""
    found: list[Sensor] = []
    listed = cards(env, "/sys/class/drm/card[0-9]*", VENDOR, CHIP)
    for card in listed:
        found += _of_card(env, card)
    if listed or env.recorded:  # without a card the library is not even imported: that may print
        found += _of_library(env, {sensor.id for sensor in found})
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units."""
    return _Gpus(env, sensors)


def _of_card(env: Env, card: Card) -> Iterator[Sensor]:
    moment, mean = card.first(env, "power1_input"), card.first(env, "power1_average")
    if moment:
        yield _sensor(card, "power", "power_w", moment)
    if mean:
        yield _sensor(card, "power_average" if moment else "power", "power_w", mean, rank=30)
    for number, fallback in ((1, "edge"), (2, "junction"), (3, "mem")):
        path = card.first(env, f"temp{number}_input")
        if path:
            label = env.files.text(path.replace("_input", "_label"), "") or fallback
            yield _sensor(
                card, f"{label}/temperature", "temperature_c", path, every_s=SLOW_S,
                part="memory" if label == "mem" else "gpu", critical=critical_c(env, path.replace("_input", "_crit")),
            )  # fmt: skip
    files = {
        "utilization": ("utilization_ratio", "gpu_busy_percent"),
        "memory_used": ("memory_bytes", "mem_info_vram_used"),
        "clock": ("clock_hz", "pp_dpm_sclk"),
        "fan": ("fan_rpm", "fan1_input"),
    }
    for name, (kind, file) in files.items():
        if path := card.first(env, file):
            yield _sensor(card, name, kind, path, every_s=SLOW_S)


def _sensor(
    card: Card, name: str, kind: str, path: str, *, rank: int = 20, every_s: float = 0.0, part: str = "gpu",
    critical: float | None = None,
) -> Sensor:  # fmt: skip
    return Sensor(
        id=f"amd/{card.key}/{name}",
        kind=kind,
        scope="component",
        source="amdgpu",
        paths=(path,),
        every_s=every_s,
        part=part,
        critical=critical,
        includes=("GPU", "CPU of an APU") if kind == "power_w" else (),
        rank=rank,
    )


def _value(sensor: Sensor, text: bytes) -> float:
    if sensor.kind == "clock_hz":
        match = CURRENT_CLOCK.search(text)
        if match is None:
            raise LookupError("no clock is marked as the current one")
        return _plausible(sensor, float(match[1]) * 1e6)
    return _plausible(sensor, first_number(sensor, text) / PER.get(sensor.kind, 1.0))


def _plausible(sensor: Sensor, value: float) -> float:
    low, high = LIMITS.get(sensor.kind, (0.0, float("inf")))
    if not low <= value <= high:
        raise ValueError(f"{value:g} {sensor.unit} is no reading of a GPU")
    return value


def _of_library(env: Env, known: set[str]) -> list[Sensor]:
    """The energy of each card, and its power where the kernel does not show it."""
    found: list[Sensor] = []
    with contextlib.suppress(ImportError), _Session(env) as session:
        for key, handle in session.devices().items():
            for name, (kind, ask) in ASKS.items():
                if f"amd/{key}/{name}" in known:
                    continue
                with contextlib.suppress(Exception):  # whatever it raises: then there is no such sensor
                    ask(session.library, handle)
                    energy = kind == "energy_j"
                    found.append(
                        Sensor(
                            id=f"amd/{key}/{name}", kind=kind, scope="component", source=LIBRARY, paths=(name,),
                            semantics="counter" if energy else "gauge", slow=True, part="gpu",
                            rank=10 if energy else 20,
                        )
                    )  # fmt: skip
    return found


def _energy_j(library: Any, handle: Any) -> float:
    said = library.amdsmi_get_energy_count(handle)
    value = float(said["energy_accumulator"]) * float(said["counter_resolution"]) * 1e-6
    if not 0 <= value < 2.0**64 * 1e-6:
        raise Unread("implausible", f"{value:g} J of a counter")
    return value


def _power_w(library: Any, handle: Any) -> float:
    said = library.amdsmi_get_power_info(handle)
    told = [said[name] for name in POWERS if said.get(name) not in (None, "N/A", 0xFFFF, 0xFFFFFFFF)]
    if not told:
        raise Unread("unsupported", "this card tells no power")
    return float(told[0])


ASKS: dict[str, tuple[str, Callable[[Any, Any], float]]] = {
    "energy": ("energy_j", _energy_j),
    "power": ("power_w", _power_w),
}


class _Session:
    """amdsmi, initialised; ImportError where it or ROCm is not there."""

    def __init__(self, env: Env) -> None:
        with contextlib.redirect_stdout(sys.stderr):  # it talks at import
            self.library = env.libraries.load(LIBRARY)
        try:
            self.library.amdsmi_init()
        except Exception as error:  # whatever the library raises
            raise ImportError(f"amdsmi_init: {type(error).__name__}: {error}") from error

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def devices(self) -> dict[str, Any]:
        """Handles by address; by number where it is not told."""
        found = {}
        with contextlib.suppress(Exception):
            for index, handle in enumerate(self.library.amdsmi_get_processor_handles()):
                key = str(index)
                with contextlib.suppress(Exception):
                    key = str(self.library.amdsmi_get_gpu_device_bdf(handle)).lower()
                found[key] = handle
        return found

    def close(self) -> None:
        """Lets go of the library."""
        with contextlib.suppress(Exception):
            self.library.amdsmi_shut_down()


class _Gpus:
    """Files, and what only the library tells."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._ids = [sensor.id for sensor in sensors]
        self._files = Files(env, [s for s in sensors if s.source != LIBRARY], _value)
        self._library = _Library(env, [s for s in sensors if s.source == LIBRARY])

    def read(self) -> list[Reading]:
        """One per sensor."""
        found = {reading.sensor_id: reading for reading in (*self._files.read(), *self._library.read())}
        return [found[sensor_id] for sensor_id in self._ids]

    def close(self) -> None:
        """Lets go of both."""
        self._files.close()
        self._library.close()


class _Library:
    """What only the library tells; a counter that stands still is stale."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._env, self._sensors = env, list(sensors)
        self._session: _Session | None = None
        self._handles: dict[str, Any] = {}
        self._moved: dict[str, tuple[float, float]] = {}

    def read(self) -> list[Reading]:
        """One per sensor; without any the library is not touched."""
        if not self._sensors:
            return []
        try:
            if self._session is None:
                self._session = _Session(self._env)
                self._handles = self._session.devices()
        except ImportError as error:
            return [Reading(sensor_id=s.id, value=None, quality="lost", detail=str(error)) for s in self._sensors]
        return [self._reading(sensor, self._session.library) for sensor in self._sensors]

    def close(self) -> None:
        """Shuts the library down."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _reading(self, sensor: Sensor, library: Any) -> Reading:
        _, key, name = sensor.id.split("/")
        try:
            value = _plausible(sensor, ASKS[name][1](library, self._handles[key]))
            return checked(sensor, self._moving(sensor, value, time.monotonic()))
        except (Unread, LookupError, ValueError, TypeError, ArithmeticError) as error:
            return unread(sensor, error if not isinstance(error, TypeError) else ValueError(str(error)))
        except Exception as error:  # whatever the library raises
            quality = "timeout" if "Timeout" in type(error).__name__ else "lost"
            return unread(sensor, Unread(quality, f"{type(error).__name__}: {error}"[:200]))

    def _moving(self, sensor: Sensor, value: float, now_s: float) -> float:
        """The value of a counter that moves; stale where it has not for FROZEN_S."""
        if sensor.kind != "energy_j":
            return value
        before, at_s = self._moved.get(sensor.id, (value, now_s))
        if value != before:
            at_s = now_s
        self._moved[sensor.id] = value, at_s
        if now_s - at_s > FROZEN_S:
            raise Unread(
                "stale", f"the counter has stood at {value:g} J for {now_s - at_s:.1f} s; power is read instead"
            )
        return value
