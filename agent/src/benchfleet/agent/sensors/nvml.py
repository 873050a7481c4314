"""NVIDIA GPUs through NVML: `pip install 'benchfleet-agent[nvml]'`, module pynvml.

That the library loads says nothing: on an Orin it initialises, names one device, and supports no other call. So each
call is made once at probe, and only what answers is a sensor. It is also known to answer with zeros or with all bits
set; such an answer is implausible. A device is named by its PCI address, or by its number where it has none.

Power is either of the moment (field 186) or a mean (field 185). nvmlDeviceGetPowerUsage is a mean over one second from
Ampere on, but for GA100 (A100, A30), where it is of the moment. The counter of energy moves each 20 to 100 ms. With MIG
on, power and energy are those of the whole device, and utilisation is not available.

The reasons of lowered clocks are states; how long they held is counted in nanoseconds since the driver was loaded
(fields 74, 269, 270, 271), and worth its differences.
https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Unread, checked, unread
from benchfleet.agent.sensors._nvml import Answers, Quantity, quantities

LIBRARY = "pynvml"
CARD = "0x10de"
"""NVIDIA, as a vendor of PCI."""
DEVICES_MAX = 64
"""Of one host; a count beyond is garbage."""
NAME_ONLY = "nvgpu"
"""In the name of a Tegra before Thor: what NVML says of it beside its name is nothing, or wrong."""
AMPERE_BUT_GA100 = (8, 6)
"""Compute capability; GA100 is 8.0, every other chip of Ampere and what came later is above."""
MOMENT = ("A100", "A800", "A30", "V100", "P100", "T4", "RTX 20", "GTX")
"""In the names of those whose power is of the moment, where a device does not tell its capability."""
QUALITY_OF_ERROR = {
    "NotSupported": "unsupported",
    "FunctionNotFound": "unsupported",
    "Deprecated": "unsupported",
    "ArgumentVersionMismatch": "unsupported",
    "NoPermission": "denied",
    "Timeout": "timeout",
    "NotReady": "stale",
    "NoData": "stale",
}
"""By the name of its class, NVMLError_NotSupported; any other is lost."""
CEILING = {
    "power_w": 1e4,
    "temperature_c": 150.0,
    "clock_hz": 1e10,
    "clock_limit_hz": 1e10,
    "utilization_ratio": 1.0,
    "memory_bytes": 2.0**50,
}
"""More than this is no reading of a device."""
NEVER_ZERO = ("power_w", "energy_j", "temperature_c", "clock_limit_hz")
"""Of these, a device that works has more than nothing."""
REOPEN_S = 10.0
"""How often, at most, the library is initialised anew because a device is gone: that may take a second."""
NOTHING = "it answers, and with nothing but zeros"


def probe(env: Env) -> list[Sensor]:
    """What answers, of every device; none without the library or its driver."""
    found: list[Sensor] = []
    with contextlib.suppress(ImportError), _Session(env) as session:
        for device in session.devices():
            found += [_sensor(device, quantity) for quantity in session.answered(device)]
    return found


def silence(env: Env) -> str:
    """A Tegra whose library names it and supports nothing else; a card whose library is not there or does not start."""
    try:
        with _Session(env) as session:
            names = ", ".join(device.name for device in session.devices())
            return f"NVML names {names}, and supports nothing else of it" if names else ""
    except ImportError as error:
        cards = [path for path in env.files.glob("/sys/bus/pci/devices/*/vendor") if env.files.text(path, "") == CARD]
        return str(error) if cards and not env.recorded else ""


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units; one initialisation for all of its sensors."""
    return _Devices(env, sensors)


def _sensor(device: _Device, quantity: Quantity) -> Sensor:
    return Sensor(
        id=f"nvml/{device.key}/{quantity.name}",
        kind=quantity.kind,
        scope=quantity.scope,
        source="nvml",
        paths=(quantity.call,),
        semantics=quantity.semantics,
        every_s=quantity.every_s,
        slow=True,
        window_s=quantity.window_s,
        includes=quantity.includes if quantity.kind in ("power_w", "energy_j") else (),
        part=quantity.part,
        rank=quantity.rank,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    key: str
    handle: Any
    name: str
    averaged: bool


class _Session:
    """The library, initialised; ImportError where it or its driver is not there."""

    def __init__(self, env: Env) -> None:
        self.library = env.libraries.load(LIBRARY)
        self.pid = os.getpid()
        try:
            self.library.nvmlInit()
        except Exception as error:  # whatever the library raises
            raise ImportError(f"nvmlInit: {type(error).__name__}: {error}") from error

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The library counts: other sessions of this process go on. What a fork left is not touched."""
        if os.getpid() == self.pid:
            with contextlib.suppress(Exception):
                self.library.nvmlShutdown()

    def devices(self) -> Iterator[_Device]:
        """Those that can be named; a lost one does not hide its neighbours."""
        try:
            count = min(int(self.library.nvmlDeviceGetCount()), DEVICES_MAX)
        except Exception:  # then there is none
            return
        for index in range(count):
            try:
                handle = self.library.nvmlDeviceGetHandleByIndex(index)
                name = _text(self.library.nvmlDeviceGetName(handle))
            except Exception:  # it fell off the bus
                continue
            averaged = _averaged(self.library, handle, name)
            yield _Device(key=_key(self.library, handle, index), handle=handle, name=name, averaged=averaged)

    def answered(self, device: _Device) -> list[Quantity]:
        """What a device answers; of several calls under one name the first."""
        found: dict[str, Quantity] = {}
        said = Answers(self.library, device.handle)
        for quantity in () if NAME_ONLY in device.name else quantities(device.averaged):
            if quantity.name in found:
                continue
            try:
                quantity.ask(said)
            except Exception as error:
                if _failed(error).quality in ("unsupported", "lost"):
                    continue
            found[quantity.name] = quantity
        return list(found.values())


class _Devices:
    """Reads some quantities of the devices; a process that was forked begins anew, since NVML does not survive it."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._env, self._sensors = env, list(sensors)
        self._session: _Session | None = None
        self._opened_s, self._failed = 0.0, False
        self._devices: dict[str, _Device] = {}
        self._asks: dict[tuple[str, str], Quantity] = {}

    def read(self) -> list[Reading]:
        """One per sensor. Where what is never zero is zero, the device's other zeros are none, either."""
        try:
            session = self._opened()
        except ImportError as error:
            return [Reading(sensor_id=s.id, value=None, quality="lost", detail=str(error)) for s in self._sensors]
        said = {key: Answers(session.library, device.handle) for key, device in self._devices.items()}
        readings = [self._reading(sensor, said) for sensor in self._sensors]
        empty = {_key_of(s) for s, r in zip(self._sensors, readings, strict=True) if r.detail == NOTHING}
        return [
            unread(s, ValueError(NOTHING)) if r.value == 0 and _key_of(s) in empty else r
            for s, r in zip(self._sensors, readings, strict=True)
        ]

    def close(self) -> None:
        """Shuts the library down for this reader."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _opened(self) -> _Session:
        now_s = time.monotonic()
        if self._failed and now_s > self._opened_s + REOPEN_S:
            self.close()
        if self._session is None or self._session.pid != os.getpid():
            self._session, self._opened_s, self._failed = _Session(self._env), now_s, False
            self._devices = {device.key: device for device in self._session.devices()}
            self._asks = {
                (f"nvml/{device.key}/{quantity.name}", quantity.call): quantity
                for device in self._devices.values()
                for quantity in quantities(device.averaged)
            }
        return self._session

    def _reading(self, sensor: Sensor, said: dict[str, Answers]) -> Reading:
        quantity = self._asks.get((sensor.id, sensor.paths[0]))
        if quantity is None:
            self._failed = True
            return unread(sensor, LookupError("the device is gone"))
        try:
            return checked(sensor, _plausible(sensor, quantity.ask(said[_key_of(sensor)])))
        except Exception as error:  # whatever the library raises is the quality of one reading
            failed = _failed(error)
            self._failed |= failed.quality == "lost"
            return unread(sensor, failed)


def _plausible(sensor: Sensor, value: float | str) -> float | str:
    if isinstance(value, str):
        return value
    if value == 0 and sensor.kind in NEVER_ZERO:
        raise ValueError(NOTHING)
    low = -40.0 if sensor.kind == "temperature_c" else 0.0
    if not low <= value <= CEILING.get(sensor.kind, float("inf")):
        raise ValueError(f"{value:g} {sensor.unit} is no reading of a device")
    return value


def _failed(error: Exception) -> Unread:
    """What an error of the library says of a reading."""
    if isinstance(error, Unread):
        return error
    if isinstance(error, ValueError | TypeError | ArithmeticError | LookupError):
        return Unread("implausible", str(error)[:200])
    if isinstance(error, AttributeError):  # a binding that is older than the call
        return Unread("unsupported", str(error))
    name = type(error).__name__
    return Unread(QUALITY_OF_ERROR.get(name.partition("_")[2], "lost"), f"{name}: {error}"[:200])


def _key_of(sensor: Sensor) -> str:
    return sensor.id.split("/")[1]


def _key(library: Any, handle: Any, index: int) -> str:
    """Its address on the bus, with a domain of four digits as the kernel writes it."""
    try:
        domain, _, rest = _text(library.nvmlDeviceGetPciInfo(handle).busId).lower().partition(":")
    except Exception:  # on a chip without a bus
        return str(index)
    return f"{domain[-4:]}:{rest}" if rest and not domain[:-4].strip("0") else str(index)


def _averaged(library: Any, handle: Any, name: str) -> bool:
    """Whether nvmlDeviceGetPowerUsage is a mean over one second; what is not known is taken for one."""
    try:
        return tuple(library.nvmlDeviceGetCudaComputeCapability(handle)) >= AMPERE_BUT_GA100
    except Exception:  # older bindings
        return not any(known in name for known in MOMENT)


def _text(answer: str | bytes) -> str:
    """Bytes in older bindings."""
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
