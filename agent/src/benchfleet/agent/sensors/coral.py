"""Coral Edge TPUs: on PCIe what the driver gasket-dkms shows, on USB where it hangs and at what speed.

On PCIe there is a temperature, in steps of 0.25 degrees, and no clock: the driver looks at the temperature every few
seconds and halves the clock at each of three trip points, so a clock can be estimated from it. Trip points are read
back, since what was written is rounded to a step (85 degrees become 84.8). -89.7 degrees is the step 1023: nothing
answers any more, and the chip is lost. The driver of the kernel itself shows no temperature.

On USB it has one name before its firmware is loaded (1a6e:089a) and another one after (18d1:9302), and its device
number changes with it, so it is known by its port. Nothing can be measured over USB. No Coral tells its power.

https://github.com/google/gasket-driver/blob/main/src/apex_driver.c
https://coral.ai/docs/pcie-parameters/
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread

VENDOR, DEVICE = "0x1ac1", "0x089a"
USB_COLD, USB_WARM = "1a6e:089a", "18d1:9302"
STATES = ("ALIVE", "LAMED", "DEAD")
LOST_C = -89.7
LOST = "-89.7 degC is the step 1023 of its converter: the chip does not answer any more; power it down and up again"
PLAUSIBLE_C = (-40.0, 150.0)
STEP_C = 0.25
CLOCK_HZ = 500e6
"""Below the first trip point; each that is reached halves it."""
EVERY_S = 1.0
NO_TEMPERATURE = (
    "the driver of the kernel shows no temperature; the package gasket-dkms does: "
    "https://coral.ai/docs/m2/get-started/#2a-on-linux"
)
DRIVERLESS = (
    "no driver serves it (no /dev/apex_*): install gasket-dkms, and see in dmesg whether Secure Boot or a newer kernel "
    "refused it: https://coral.ai/docs/m2/get-started/#2a-on-linux"
)
NO_SUCH_FILE = "status"
"""What is read in place of a temperature that the driver does not show."""
LIMITS = ("trip_point0_temp", "trip_point1_temp", "trip_point2_temp", "hw_temp_warn1", "hw_temp_warn2")
SUPER_SPEED_MBIT_S = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One on PCIe: its address there, which stays, and the driver's folder, empty where there is no driver."""

    name: str
    pci: str
    apex: str


def probe(env: Env) -> list[Sensor]:
    """Sensors of every Edge TPU, with or without its driver, before and after its firmware."""
    found: list[Sensor] = []
    for chip in pcie(env):
        found += _served(env, chip) if chip.apex else _driverless(chip)
    for port in usb(env):
        found += _usb(env, port)
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Files; a chip that is lost, or never had such a file, says so."""
    return Files(env, sensors, _value)


def pcie(env: Env) -> list[Chip]:
    """Those with a driver in the order of its numbers, then those without."""
    cards = [path.rpartition("/")[2] for path in env.files.glob("/sys/bus/pci/devices/*") if _is_coral(env, path)]
    served: dict[str, Chip] = {}
    for apex in env.files.glob("/sys/class/apex/apex_*"):
        address = env.files.link(f"{apex}/device").rpartition("/")[2]
        known = address != "device"  # a link that leads nowhere is itself
        name = address if known else apex.rpartition("/")[2]
        served[name] = Chip(name=name, pci=f"/sys/bus/pci/devices/{address}" if known else "", apex=apex)
    nameless = sum(not chip.pci for chip in served.values())
    left = [address for address in cards if address not in served][nameless:]
    return [*served.values(), *(Chip(name=a, pci=f"/sys/bus/pci/devices/{a}", apex="") for a in left)]


def usb(env: Env) -> list[str]:
    """Ports, such as 2-1 or 1-1.4, that an Edge TPU hangs on."""
    ports = [path.rpartition("/")[0] for path in env.files.glob("/sys/bus/usb/devices/*/idVendor")]
    return [p.rpartition("/")[2] for p in ports if _usb_id(env, p) in (USB_COLD, USB_WARM)]


def _is_coral(env: Env, path: str) -> bool:
    return env.files.text(f"{path}/vendor", "") == VENDOR and env.files.text(f"{path}/device", "") == DEVICE


def _usb_id(env: Env, path: str) -> str:
    return f"{env.files.text(f'{path}/idVendor', '')}:{env.files.text(f'{path}/idProduct', '')}"


def _sensor(chip: Chip, name: str, kind: str, *files: str) -> Sensor:
    return Sensor(
        id=f"coral/{chip.name}/{name}",
        kind=kind,
        scope="component",
        source="apex",
        paths=tuple(f"{chip.apex or chip.pci}/{file}" for file in files),
        every_s=EVERY_S,
        part="npu",
    )


def _served(env: Env, chip: Chip) -> list[Sensor]:
    """What its driver shows; a temperature is always listed, for the driver of the kernel to say that it has none."""
    temperature = replace(
        _sensor(chip, "temperature", "temperature_c", "temp"),
        resolution=STEP_C,
        critical=_shutdown_c(env, chip),
    )
    listed = [replace(_sensor(chip, "status", "health", "status"), semantics="state")]
    if not env.files.exists(f"{chip.apex}/temp"):
        return [*listed, replace(temperature, paths=(f"{chip.apex}/{NO_SUCH_FILE}",))]
    listed.append(temperature)
    trips = LIMITS[:3]
    if all(env.files.exists(f"{chip.apex}/{trip}") for trip in trips):
        estimate = replace(
            _sensor(chip, "clock", "clock_hz", "temp", *trips),
            formula="500 MHz, halved at each trip point that the temperature has reached",
            derived=True,
            estimated=True,
            rank=40,
            excludes=("the clock that libedgetpu asks for",),
        )
        throttled = replace(estimate, id=f"coral/{chip.name}/throttled", kind="throttle_state", semantics="state")
        throttled = replace(throttled, formula="temperature >= trip_point0")
        listed += [estimate, throttled]
    for name in LIMITS:
        if env.files.exists(f"{chip.apex}/{name}"):
            switch = (f"{name}_en",) if env.files.exists(f"{chip.apex}/{name}_en") else ()
            listed.append(_sensor(chip, name.removesuffix("_temp"), "temperature_limit_c", name, *switch))
    if env.files.exists(f"{chip.apex}/reset_count"):
        listed.append(replace(_sensor(chip, "resets", "event_count", "reset_count"), semantics="counter"))
    if env.files.exists(f"{chip.apex}/is_device_owned"):
        listed.append(replace(_sensor(chip, "owned", "health", "is_device_owned"), semantics="state"))
    return listed


def _shutdown_c(env: Env, chip: Chip) -> float | None:
    """Where the hardware ends itself, if that is switched on."""
    if env.files.text(f"{chip.apex}/hw_temp_warn2_en", "") != "1":
        return None
    with contextlib.suppress(OSError, ValueError, Unread):
        return _celsius(env.files.text(f"{chip.apex}/hw_temp_warn2"))
    return None


def _driverless(chip: Chip) -> list[Sensor]:
    """A card that the bus knows and no driver serves."""
    status = replace(_sensor(chip, "status", "health", "vendor"), semantics="state")
    return [status, _sensor(chip, "temperature", "temperature_c", "vendor")]


def _usb(env: Env, port: str) -> list[Sensor]:
    """Under one name before and after its firmware is loaded."""
    folder = f"/sys/bus/usb/devices/{port}"
    state = Sensor(
        id=f"coral/usb-{port}/status",
        kind="health",
        scope="component",
        source="usb",
        paths=(f"{folder}/idVendor", f"{folder}/idProduct"),
        semantics="state",
        every_s=EVERY_S,
    )
    speed = replace(state, id=f"coral/usb-{port}/link_speed", kind="link_speed_mbit_s", paths=(f"{folder}/speed",))
    return [state, speed] if env.files.exists(f"{folder}/speed") else [state]


def _value(sensor: Sensor, *texts: bytes) -> float | str:
    _, device, name = sensor.id.split("/")
    said = [text.decode(errors="replace").strip() for text in texts]
    if device.startswith("usb-"):
        return _usb_value(name, said)
    if sensor.paths[0].endswith("/vendor"):
        return _without_driver(name, said[0])
    if name == "status":
        return _word(said[0], STATES)
    if name == "owned":
        return {"0": "free", "1": "owned"}[_word(said[0], ("0", "1"))]
    if name == "resets":
        return _count(said[0])
    if name == "temperature":
        if sensor.paths[0].endswith(f"/{NO_SUCH_FILE}"):
            raise Unread("unsupported", NO_TEMPERATURE)
        return _celsius(said[0])
    if sensor.kind == "temperature_limit_c":
        if len(said) > 1 and _word(said[1], ("0", "1")) == "0":
            raise Unread("unsupported", f"{name} is switched off")
        return _celsius(said[0])
    reached = sum(_celsius(said[0]) >= _celsius(trip) for trip in said[1:])
    return float(reached > 0) if name == "throttled" else CLOCK_HZ / 2**reached


def _usb_value(name: str, said: list[str]) -> float | str:
    if name == "link_speed":
        speed = float(said[0])
        if 0 < speed < SUPER_SPEED_MBIT_S:
            raise Unread("ok", "a port or cable of USB 2: a tenth of the rate of USB 3", speed)
        return speed
    at = ":".join(said)
    if at == USB_COLD:
        return "bootloader (firmware not loaded)"
    if at == USB_WARM:
        return "ready"
    raise Unread("lost", f"{at[:40]!r} hangs there now, no Edge TPU")


def _without_driver(name: str, vendor: str) -> str:
    if vendor != VENDOR:
        raise Unread("lost", f"{vendor[:40]!r} is there now, no Edge TPU")
    if name == "temperature":
        raise Unread("unsupported", DRIVERLESS)
    raise Unread("ok", DRIVERLESS, "driverless: no /dev/apex_*")


def _word(text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise Unread("lost", f"{text[:40]!r} is none of {', '.join(known)}")
    return text


def _count(text: str) -> float:
    if not text.isdecimal():
        raise Unread("lost", f"{text[:40]!r} is no count")
    return float(text)


def _celsius(text: str) -> float:
    value_c = float(text) / 1000
    if value_c == LOST_C:
        raise Unread("lost", LOST)
    if not PLAUSIBLE_C[0] <= value_c <= PLAUSIBLE_C[1]:
        raise ValueError(f"{value_c:g} degC is no temperature of a device")
    return value_c
