"""Intel GPUs (i915, xe) and NPUs, from the kernel's files.

A GPU counts its energy in microjoules (energy1_input; xe counts the package once more, labelled pkg). Its counter is
known to leap when the driver resets it, to 3.69e12 W once: a step back or of more than a device can draw is
implausible. A GPU that sleeps shows a clock of 0 and is gated. An NPU shows clock, busy time, memory, and, on some,
power1_input in microwatts.
https://docs.kernel.org/admin-guide/abi-testing.html (sysfs-driver-intel-i915-hwmon, sysfs-driver-intel-xe-hwmon)
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._cards import Card, cards, critical_c
from benchfleet.agent.sensors._files import Files, Unread, first_number

VENDOR = "0x8086"
CHIPS = ("i915", "xe")
NPU_CHIPS = ("intel_vpu", "intel_npu")
SLOW_S = 0.5
WATTS_MAX = 5000.0
"""Of one device, over a tenth of a second or more."""
SHORTEST_S = 0.1
ENERGY = re.compile(r"(energy|power|temp)(\d+)_input")
CLOCKS = ("gt_act_freq_mhz", "gt/gt0/rps_act_freq_mhz", "tile0/gt0/freq0/act_freq")
THROTTLES = ("gt/gt0/throttle_reason_status", "tile0/gt0/freq0/throttle/status")
NPU = {
    "npu/clock": ("clock_hz", "npu_current_frequency_mhz"),
    "npu/busy": ("duration_s", "npu_busy_time_us"),
    "npu/memory_used": ("memory_bytes", "npu_memory_utilization"),
    "npu/power": ("power_w", "power1_input"),
}
PER = {"energy_j": 1e6, "power_w": 1e6, "temperature_c": 1e3, "duration_s": 1e6, "clock_hz": 1e-6}
LIMITS = {"power_w": (0.0, 5e3), "temperature_c": (-40.0, 150.0), "clock_hz": (0.0, 1e10), "throttle_state": (0.0, 1.0)}


def probe(env: Env) -> list[Sensor]:
    """What each GPU and NPU shows."""
    found: list[Sensor] = []
    for card in cards(env, "/sys/class/drm/card[0-9]*", VENDOR, CHIPS):
        found += _of_gpu(env, card)
    for npu in _npus(env):
        for name, (kind, file) in NPU.items():
            if path := npu.first(env, file):
                found.append(_sensor(npu, name, kind, path, part="npu"))
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units."""
    return Files(env, sensors, _Values().of)


def _of_gpu(env: Env, card: Card) -> Iterator[Sensor]:
    kinds = {"energy": "energy_j", "power": "power_w", "temp": "temperature_c"}
    for chip in card.chips:
        for file in env.files.names(chip):
            match = ENERGY.fullmatch(file)
            if match is None:
                continue
            path = f"{chip}/{file}"
            label = env.files.text(path.replace("_input", "_label"), "")
            if not label or label == "card":
                label = "" if match[2] == "1" or label else f"{match[1]}{match[2]}"
            quantity = "temperature" if match[1] == "temp" else match[1]
            yield _sensor(
                card, f"{label}/{quantity}" if label else quantity, kinds[match[1]], path,
                part="memory" if label in ("vram", "mem") else "gpu", of_rest=label not in ("", "card"),
                critical=critical_c(env, path.replace("_input", "_crit")) if match[1] == "temp" else None,
            )  # fmt: skip
    if path := card.first(env, *CLOCKS):
        yield _sensor(card, "clock", "clock_hz", path)
    if path := card.first(env, *THROTTLES):
        yield _sensor(card, "throttle", "throttle_state", path)


def _npus(env: Env) -> list[Card]:
    """By its class, its driver, or where neither was recorded by its own files."""
    found = cards(env, "/sys/class/accel/accel[0-9]*", VENDOR, NPU_CHIPS)
    known = {npu.folder for npu in found}
    for pattern in ("/sys/bus/pci/drivers/intel_vpu/*:*", "/sys/devices/pci*/*:*"):
        for folder in env.files.glob(pattern):
            place = env.files.link(folder)
            if place not in known and env.files.exists(f"{place}/npu_current_frequency_mhz"):
                known.add(place)
                chips = env.files.glob(f"{place}/hwmon/hwmon*")
                found.append(Card(key=place.rpartition("/")[2], folder=place, chips=chips))
    return found


def _sensor(
    card: Card, name: str, kind: str, path: str, *, part: str = "gpu", of_rest: bool = False,
    critical: float | None = None,
) -> Sensor:  # fmt: skip
    power = kind in ("energy_j", "power_w")
    return Sensor(
        id=f"intel_gpu/{card.key}/{name}",
        kind=kind,
        scope="rail" if power and of_rest else "component",
        source="hwmon" if power or kind == "temperature_c" else "sysfs",
        paths=(path,),
        semantics={"energy_j": "counter", "duration_s": "counter", "throttle_state": "state"}.get(kind, "gauge"),
        every_s=0.0 if power else SLOW_S,
        part=part,
        critical=critical,
        rank=10 if kind == "energy_j" else 20,
    )


class _Values:
    """Keeps the reading before of each counter of energy."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}

    def of(self, sensor: Sensor, text: bytes) -> float:
        """ValueError for what cannot be."""
        value = first_number(sensor, text) / PER.get(sensor.kind, 1.0)
        low, high = LIMITS.get(sensor.kind, (0.0, float("inf")))
        if not low <= value <= high:
            raise ValueError(f"{value:g} {sensor.unit} is no reading of a device")
        if sensor.kind == "clock_hz" and value == 0:
            raise Unread("gated", "0 MHz: it sleeps")
        return self._gained(sensor, value, time.monotonic()) if sensor.kind == "energy_j" else value

    def _gained(self, sensor: Sensor, value: float, now_s: float) -> float:
        before = self._before.get(sensor.id)
        self._before[sensor.id] = value, now_s
        if before is not None:
            gained, passed_s = value - before[0], max(SHORTEST_S, now_s - before[1])
            if not 0 <= gained / passed_s <= WATTS_MAX:
                raise ValueError(f"the counter moved by {gained:.3g} J in {passed_s:.3g} s: it was reset")
        return value
