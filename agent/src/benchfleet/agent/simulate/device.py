"""The state of a simulated board: temperatures, clock, power, energy, what it says of throttling.

A pure function of its past: `advance` is told how long it was and how much of that the board computed; nobody waits.
`time_factor` makes heat, and the throttling that follows it, run fast. Power, energy and latencies stay those of real
seconds: an inference that takes 20 ms at 5 W costs 100 mJ however fast the board warms.
"""

from __future__ import annotations

import math
from dataclasses import replace

from benchfleet.agent.simulate import heat
from benchfleet.agent.simulate.board import Board, Fault, Mode

SPAN_MAX_S = 3600.0
"""Of heat in one step: a machine that slept wakes up to a board that has settled, not to a loop of hours."""
TIME_FACTOR_MAX = 1000.0
UNDER_VOLTAGE_V = 4.5
"""What a supply of 5 V sags to in that fault; the Raspberry Pi's own threshold is 4.63 V."""

BIT_UNDER_VOLTAGE, BIT_CAPPED, BIT_THROTTLED = 1 << 0, 1 << 1, 1 << 2
STICKY = 16
"""Bits of a Raspberry Pi: now, and since boot sixteen bits higher.

https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""


class Device:
    """Begins idle, at the temperatures that idling leads to."""

    def __init__(self, board: Board, time_factor: float = 1.0) -> None:
        self.board, self.time_factor = board, time_factor
        self.mode: Mode | None = board.modes[0] if board.modes else None
        self.nodes_c = heat.settled(board.nodes, board.ambient_c, board.power.idle_w)
        self.level = 0
        self.power_w, self.energy_j, self.utilization = board.power.idle_w, 0.0, 0.0
        self.throttle_count, self.throttled_s = 0, 0.0
        self._since_s = 0.0
        self._sticky = 0
        self._active: tuple[Fault, ...] = ()

    @property
    def clock_hz(self) -> float:
        """Of now."""
        return self._allowed()[min(self.level, len(self._allowed()) - 1)]

    @property
    def clock_max_hz(self) -> float:
        """Of the mode."""
        return self._allowed()[0]

    @property
    def speed(self) -> float:
        """The clock over the highest of all."""
        return self.clock_hz / self.board.clock_steps_hz[0]

    def _allowed(self) -> tuple[float, ...]:
        steps = self.board.clock_steps_hz
        if self.mode is None:
            return steps
        return tuple(hz for hz in steps if hz <= self.mode.clock_max_hz) or steps[-1:]

    def faults(self, active: tuple[Fault, ...]) -> None:
        """What goes wrong from now on."""
        self._active = active

    def set_mode(self, mode_id: int) -> bool:
        """Whether there is such a mode; it is in force at once."""
        found = next((mode for mode in self.board.modes if mode.id == mode_id), None)
        if found is not None:
            self.mode, self.level = found, 0
        return found is not None

    def advance(self, span_s: float, busy_s: float) -> None:
        """`span_s` real seconds on, in `busy_s` of which the whole board computed; both may be 0."""
        if span_s <= 0:
            return
        self.utilization = min(1.0, max(0.0, busy_s / span_s))
        heat_s = min(span_s * self.time_factor, SPAN_MAX_S)
        steps = max(1, math.ceil(heat_s / self.board.throttle.every_s))
        used_j = 0.0
        for _ in range(steps):
            power_w = self._watts()
            used_j += power_w * span_s / steps
            self.nodes_c = heat.after(self._nodes(), self.board.ambient_c, self.nodes_c, power_w, heat_s / steps)
            self._govern(heat_s / steps, span_s / steps)
        self.power_w = used_j / span_s
        self.energy_j += used_j
        self._sticky |= self._bits()

    def _watts(self) -> float:
        power = self.board.power
        return power.idle_w + power.dynamic_w * self.utilization * math.pow(self.speed, power.exponent)

    def _nodes(self) -> tuple[heat.Node, ...]:
        """As declared; with a heat sink that fell off the air is further away."""
        times = math.prod(fault.times for fault in self._active if fault.does == "runaway")
        last = self.board.nodes[-1]
        return (*self.board.nodes[:-1], replace(last, r_c_per_w=last.r_c_per_w * times))

    def _govern(self, heat_s: float, span_s: float) -> None:
        """One step of the clock each `every_s`, as the kernel's step-wise governor takes them."""
        throttle, hot_c = self.board.throttle, self.nodes_c[0]
        if self.level:
            self.throttled_s += span_s
        self._since_s += heat_s
        if self._since_s < throttle.every_s * 0.999:
            return
        self._since_s = 0.0
        if hot_c >= throttle.trip_c and self.level < len(self._allowed()) - 1:
            self.level += 1
            self.throttle_count += 1
        elif hot_c < throttle.trip_c - throttle.hysteresis_c and self.level:
            self.level -= 1

    @property
    def _sags(self) -> bool:
        return any(fault.does == "under_voltage" for fault in self._active)

    def _bits(self) -> int:
        return (BIT_UNDER_VOLTAGE if self._sags else 0) | (BIT_CAPPED | BIT_THROTTLED if self.level else 0)

    def rails(self) -> dict[str, tuple[float, float]]:
        """Volts and amperes of each, as its sensor shows them."""
        idle_w, dynamic_w = self.board.power.idle_w, self.power_w - self.board.power.idle_w
        found = {}
        for rail in self.board.rails:
            volts = min(rail.voltage_v, UNDER_VOLTAGE_V) if self._sags and rail.voltage_v > 4.9 else rail.voltage_v
            amperes = (idle_w * rail.of_idle + dynamic_w * rail.of_dynamic) / volts
            found[rail.name] = volts, round(amperes / rail.step_a) * rail.step_a if rail.step_a else amperes
        return found

    def values(self) -> dict[str, str]:
        """Everything a file or command of the board can show, by name; the unit stands last."""
        steps, bits = self.board.clock_steps_hz, self._bits()
        found = {
            "clock_hz": self.clock_hz, "clock_khz": self.clock_hz / 1e3, "clock_max_hz": self.clock_max_hz,
            "clock_max_khz": self.clock_max_hz / 1e3, "clock_min_hz": steps[-1], "clock_min_khz": steps[-1] / 1e3,
            "load_permille": self.utilization * 1e3, "load_percent": self.utilization * 100,
            "throttle_level": self.level, "throttle_level_max": len(steps) - 1,
            "throttle_count": self.throttle_count, "throttle_ms": self.throttled_s * 1e3,
            "under_voltage": int(self._sags), "power_uw": self.power_w * 1e6, "energy_uj": self.energy_j * 1e6,
            **{f"{n.name}_mdegc": t * 1e3 for n, t in zip(self.board.nodes, self.nodes_c, strict=True)},
        }  # fmt: skip
        texts = {name: f"{value:.0f}" for name, value in found.items()}
        for name, (volts, amperes) in self.rails().items():
            texts |= {f"{name}_v": f"{volts:.8f}", f"{name}_a": f"{amperes:.8f}", f"{name}_mv": f"{volts * 1e3:.0f}",
                      f"{name}_ma": f"{amperes * 1e3:.0f}", f"{name}_mw": f"{volts * amperes * 1e3:.0f}"}  # fmt: skip
        texts["throttled_hex"] = f"{bits | (self._sticky | bits) << STICKY:x}"
        if self.mode is not None:
            texts |= {"mode_name": self.mode.name, "mode_id": str(self.mode.id)}
        return texts
