"""What NVML may be asked of a device, call by call, in SI units; sensors/nvml.py says when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchfleet.agent.sensors._files import Unread

FAST_S, SLOW_S = 0.0, 0.5
"""Power and energy each time, as they change within 100 ms; all else twice a second."""
GPU, MODULE = 0, 1
"""Scopes of fields of power: the chip with its memory, and a module that holds a CPU as well."""
POWER_AVERAGE, POWER_INSTANT, MEMORY_TEMPERATURE, ENERGY = 185, 186, 82, 83
AVERAGE_S = 1.0
CODES = {3: "unsupported", 4: "denied", 10: "timeout", 13: "unsupported", 21: "stale", 26: "unsupported", 27: "stale"}
"""NVML_ERROR_* of nvml.h to a quality; any other is lost."""
VALUE_NAMES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""By nvmlValueType_t."""
ALL_ONES = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""What a value that is not there looks like, in 16, 32 and 64 bits."""
REASONS = {"sw_power_cap": 0x4, "hw_slowdown": 0x8, "sw_thermal": 0x20, "hw_thermal": 0x40, "power_brake": 0x80}
"""Of lowered clocks; idle 0x1, clocks set by a user 0x2, a boost group 0x10 and a display 0x100 are no throttling."""
KNOWN_REASONS = 0xFFFF
THROTTLE_TIMES = {
    "sw_power_cap": ("NVML_FI_DEV_PERF_POLICY_POWER", 74),
    "sw_thermal": ("NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN", 269),
    "hw_thermal": ("NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN", 270),
    "power_brake": ("NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN", 271),
}
"""The library's constant goes before the number: older headers had others."""
NANO = 1e-9


class Answers:
    """Of one device in one reading: a call that several sensors need is made once."""

    def __init__(self, library: Any, handle: Any) -> None:
        self.library, self._handle = library, handle
        self._said: dict[tuple[object, ...], Any] = {}

    def of(self, name: str, *arguments: Any) -> Any:
        """The answer, or what the library raises."""
        key = (name, *map(str, arguments))
        if key not in self._said:
            try:
                self._said[key] = getattr(self.library, name)(self._handle, *arguments)
            except Exception as error:  # its errors are classes of a module that is not imported here
                self._said[key] = error
        said = self._said[key]
        if isinstance(said, Exception):
            raise said
        return said

    def field(self, number: int, scope: int) -> float:
        """One field; each has a return code of its own."""
        (value,) = self.of("nvmlDeviceGetFieldValues", [(number, scope)])
        if value.nvmlReturn:
            raise Unread(CODES.get(value.nvmlReturn, "lost"), f"field {number}: NVML error {value.nvmlReturn}")
        return real(getattr(value.value, VALUE_NAMES[value.valueType]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One thing a device may be asked; `ask` raises what the library does, and Unread."""

    name: str
    kind: str
    call: str
    ask: Callable[[Answers], float | str]
    every_s: float = SLOW_S
    semantics: str = "gauge"
    scope: str = "component"
    rank: int = 20
    window_s: float | None = None
    includes: tuple[str, ...] = ("GPU", "its memory")
    part: str = "gpu"


def quantities(averaged: bool) -> list[Quantity]:
    """All there are; of several under one name the first that answers is meant."""
    return [*_powers(averaged), *_energies(), *_levels(), *_states(), *_throttle_times()]


def real(answer: Any) -> float:
    """The number of an answer; one with all bits set is none."""
    if isinstance(answer, str | bytes | bool) or answer is None:
        raise ValueError(f"{answer!r} is no number")
    value = float(answer)
    if value in ALL_ONES or value >= 2.0**63:
        raise ValueError(f"{answer:#x} has all bits set" if isinstance(answer, int) else f"{answer} has all bits set")
    return value


def _powers(averaged: bool) -> list[Quantity]:
    usage = Quantity(
        name="power_average" if averaged else "power", kind="power_w", call="nvmlDeviceGetPowerUsage",
        ask=lambda said: real(said.of("nvmlDeviceGetPowerUsage")) / 1e3, every_s=FAST_S,
        rank=30 if averaged else 20, window_s=AVERAGE_S if averaged else None,
    )  # fmt: skip
    instant = [_power_field("power", POWER_INSTANT, scope) for scope in (GPU, MODULE)]
    mean = [_power_field("power_average", POWER_AVERAGE, scope) for scope in (GPU, MODULE)]
    return [*instant, *([] if averaged else [usage]), *mean, *([usage] if averaged else [])]


def _power_field(name: str, number: int, scope: int) -> Quantity:
    mean = number == POWER_AVERAGE
    return Quantity(
        name=name,
        kind="power_w",
        call=f"nvmlDeviceGetFieldValues({number},{scope})",
        ask=lambda said: said.field(number, scope) / 1e3,
        every_s=FAST_S,
        scope="module" if scope == MODULE else "component",
        includes=("GPU", "CPU", "memory") if scope == MODULE else ("GPU", "its memory"),
        rank=30 if mean else 20,
        window_s=AVERAGE_S if mean else None,
    )


def _energies() -> list[Quantity]:
    asks: dict[str, Callable[[Answers], float]] = {
        "nvmlDeviceGetTotalEnergyConsumption": lambda said: real(said.of("nvmlDeviceGetTotalEnergyConsumption")) / 1e3,
        f"nvmlDeviceGetFieldValues({ENERGY},{GPU})": lambda said: said.field(ENERGY, GPU) / 1e3,
    }
    return [
        Quantity(name="energy", kind="energy_j", call=call, ask=ask, every_s=FAST_S, semantics="counter", rank=10)
        for call, ask in asks.items()
    ]


def _levels() -> list[Quantity]:
    def temperature(call: str) -> Callable[[Answers], float]:
        return lambda said: real(said.of(call, said.library.NVML_TEMPERATURE_GPU))

    def clock(call: str) -> Callable[[Answers], float]:
        return lambda said: real(said.of(call, said.library.NVML_CLOCK_SM)) * 1e6

    return [
        *(
            Quantity(name="temperature", kind="temperature_c", call=call, ask=temperature(call))
            for call in ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature")
        ),
        Quantity(
            name="temperature_memory", kind="temperature_c", call=f"nvmlDeviceGetFieldValues({MEMORY_TEMPERATURE},0)",
            ask=lambda said: said.field(MEMORY_TEMPERATURE, 0), part="memory",
        ),
        Quantity(
            name="utilization", kind="utilization_ratio", call="nvmlDeviceGetUtilizationRates",
            ask=lambda said: real(_member(said.of("nvmlDeviceGetUtilizationRates"), "gpu")) / 100,
        ),
        Quantity(name="memory_used", kind="memory_bytes", call="nvmlDeviceGetMemoryInfo", ask=_memory),
        Quantity(
            name="clock", kind="clock_hz", call="nvmlDeviceGetClockInfo", ask=clock("nvmlDeviceGetClockInfo"),
        ),
        Quantity(
            name="clock_limit", kind="clock_limit_hz", call="nvmlDeviceGetMaxClockInfo",
            ask=clock("nvmlDeviceGetMaxClockInfo"),
        ),
    ]  # fmt: skip


def _memory(said: Answers) -> float:
    info = said.of("nvmlDeviceGetMemoryInfo")
    used, total = real(_member(info, "used")), real(_member(info, "total"))
    if not total or used > total:
        raise ValueError(f"{used:.0f} B in use of {total:.0f} B")
    return used


def _states() -> list[Quantity]:
    found = [Quantity(name="mig_mode", kind="setting", call="nvmlDeviceGetMigMode", ask=_mig, semantics="state")]
    for call in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        for name, bit in REASONS.items():
            found.append(
                Quantity(
                    name=f"throttle/{name}", kind="throttle_state", call=call, ask=_reason(call, bit), semantics="state"
                )
            )
    return found


def _reason(call: str, bit: int) -> Callable[[Answers], float]:
    def ask(said: Answers) -> float:
        bits = real(said.of(call))
        if not 0 <= bits <= KNOWN_REASONS:
            raise ValueError(f"{bits:g} is no set of reasons")
        return float(bool(int(bits) & bit))

    return ask


def _mig(said: Answers) -> str:
    current = said.of("nvmlDeviceGetMigMode")[0]
    if current not in (0, 1):
        raise ValueError(f"MIG mode {current!r}")
    return "enabled" if current else "disabled"


def _throttle_times() -> list[Quantity]:
    def ask(constant: str, number: int) -> Callable[[Answers], float]:
        def seconds(said: Answers) -> float:
            known = getattr(said.library, constant, number)
            return said.field(known if isinstance(known, int) else number, 0) * NANO

        return seconds

    return [
        Quantity(
            name=f"throttle_time/{name}", kind="duration_s", call=f"nvmlDeviceGetFieldValues({number},0)",
            ask=ask(constant, number), semantics="counter",
        )
        for name, (constant, number) in THROTTLE_TIMES.items()
    ]  # fmt: skip


def _member(answer: Any, name: str) -> Any:
    """A field of a structure."""
    try:
        return getattr(answer, name)
    except AttributeError as error:
        raise ValueError(f"{answer!r} has no {name}") from error
