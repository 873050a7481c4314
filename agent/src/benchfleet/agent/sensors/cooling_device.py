"""Whether the kernel slows a part down because it is hot: cooling devices whose state is above 0.

A state is a step of a list that differs from device to device, so what is told is 1 (slowed) or 0. Devices of one type,
such as the Processor of each core of a PC, are one sensor. Fans cool without slowing, and a warning of a hot surface or
an offset that is set for good is no throttling: they are left out. -1 is a device that says nothing.
https://docs.kernel.org/driver-api/thermal/sysfs-api.html
"""

from __future__ import annotations

import re

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread, first_number
from benchfleet.agent.sensors._parts import part_of

EVERY_S = 1.0
SLOWS = re.compile(r"cpu|gpu|npu|devfreq|processor|throttle|balanced", re.IGNORECASE)
DOES_NOT = re.compile(r"fan|pwm|shutdown|hot-surface|offset|emergency", re.IGNORECASE)
STATES_MAX = 1_000


def probe(env: Env) -> list[Sensor]:
    """One sensor for each type that slows something."""
    by_type: dict[str, list[str]] = {}
    for folder in env.files.glob("/sys/class/thermal/cooling_device*"):
        name = env.files.text(f"{folder}/type", "")
        if SLOWS.search(name) and not DOES_NOT.search(name) and env.files.exists(f"{folder}/cur_state"):
            by_type.setdefault(name.replace("/", "-"), []).append(f"{folder}/cur_state")
    return [
        Sensor(
            id=f"cooling_device/{name}",
            kind="throttle_state",
            scope="component",
            source="sysfs",
            paths=tuple(paths),
            part=part_of(name),
            every_s=EVERY_S,
        )
        for name, paths in by_type.items()
    ]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """1 where any of its devices is above state 0."""
    return Files(env, sensors, _slowed)


def _slowed(sensor: Sensor, *texts: bytes) -> float:
    states = [int(first_number(sensor, text)) for text in texts]
    if any(state == -1 for state in states):
        raise Unread("unsupported", "-1: this cooling device does not tell its state")
    if not all(0 <= state <= STATES_MAX for state in states):
        raise ValueError(f"{states} are no states of a cooling device")
    return float(any(states))
