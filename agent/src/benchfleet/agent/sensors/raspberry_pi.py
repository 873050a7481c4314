"""What the firmware of a Raspberry Pi knows: the real clock, why it is low, and on a Pi 5 the rails of the PMIC.

cpufreq shows what was asked for: a Pi 3 at 84 degC still says 1200 MHz there and runs at 657. The word of throttle bits
has four reasons of now (bits 0-3) and the same since boot (16-19), which never fall; so those are counters, worth their
rise. The chip rpi_volt has one alarm, which the kernel holds up for two seconds, and no voltage. On a Pi 5 it was seen
to rise while the bits of now stayed 0, so it is read beside them.

The whole power of a Pi cannot be read on it. The PMIC of a Pi 5 has voltage and current of twelve rails; whatever hangs
on 5 V (USB, fan, HAT, NVMe) and the loss of the converters are in none of them, so their sum is partial and no total: a
meter at the wall showed a third more. EXT5V and BATT have a voltage alone.

    vcgencmd get_throttled        throttled=0x20002
    vcgencmd measure_clock arm    frequency(48)=657000000
    vcgencmd pmic_read_adc        VDD_CORE_A current(7)=5.03652000A   VDD_CORE_V volt(15)=0.89369880V
    .../soc:firmware/get_throttled   20002, hexadecimal without 0x

https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from benchfleet.agent.boards._devicetree import text, texts
from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Files, Unread, checked, unread
from benchfleet.agent.sensors._vcio import DEVICE, NOBODY_TO_ASK, NOT_RECORDED, PROGRAM, Asked, Mailbox, channel, first

BITS = {"under_voltage": 0, "arm_freq_capped": 1, "throttled": 2, "soft_temp_limit": 3}
SINCE_BOOT = 16
THROTTLED, CLOCK, PMIC, TEMPERATURE = "get_throttled", "measure_clock arm", "pmic_read_adc", "measure_temp"
SYSFS_THROTTLED = "/sys/devices/platform/soc*/soc*:firmware/get_throttled"
NO_FIRMWARE = "firmware"
"""The source of what only the firmware knows, where there is no way to ask it."""

EVERY_S = {THROTTLED: 1.0, CLOCK: 0.5, PMIC: 0.2, TEMPERATURE: 1.0}
PROCESS_EVERY_S = 1.0
"""No command is started more often for one clock or flag: it would take from the model what it is to measure."""
ADC_S = 0.024
"""A sweep of the PMIC, whoever asks for it; the process adds little. https://github.com/ml-energy/zeus/pull/274"""
PROCESS_S = 0.014
REFUSED_EVERY_S = 60.0
"""What the firmware does not have is not asked for more often."""
RETRY_EVERY_S = 5.0
"""Nor rails that are forbidden or hang."""

RAIL = re.compile(r"^\s*(\S+)_([AV])\s+(?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)([AV])\s*$", re.MULTILINE)
RAIL_MAX = 30.0
"""Volts or amperes of a board that takes 5 V and 5 A."""
CLOCK_MAX_HZ = 10e9
PLAUSIBLE_C = (-40.0, 150.0)
OUTSIDE_THE_RAILS = ("USB, fan, HAT and NVMe at 5 V", "loss of the converters")


def probe(env: Env) -> list[Sensor]:
    """The firmware's sensors, where the device tree says that this is a Pi."""
    if not is_pi(env):
        return []
    return [*_throttled(env), *_alarm(env), *_clock(env), *_temperature(env), *_pmic(env)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Files in place; what the firmware is asked, once for all sensors of one command."""
    return _Pi(env, sensors)


def is_pi(env: Env) -> bool:
    """By the SoC or the vendor of the device tree; /proc/cpuinfo tells of the host of a container or an emulator."""
    names, model = texts(env, "compatible"), text(env, "model")
    socs = ("raspberrypi,", "brcm,bcm27", "brcm,bcm28")
    return any(name.startswith(socs) for name in names) or model.startswith("Raspberry Pi")


def has_pmic_adc(env: Env) -> bool:
    """Whether it is of the family of the Pi 5."""
    names, model = texts(env, "compatible"), text(env, "model")
    return "brcm,bcm2712" in names or bool(re.match(r"Raspberry Pi (Compute Module )?5", model))


def throttle_word(text: str) -> int:
    """The bits, of `throttled=0x20002` or of the hexadecimal number alone that sysfs shows."""
    found = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})", text.strip())
    if not found:
        raise Unread("lost", f"{text.strip()[:60]!r} is no word of throttle bits")
    return int(found[1], 16)


def rails(text: str) -> dict[str, dict[str, float]]:
    """{rail: {"A": ..., "V": ...}}, in the order of the firmware."""
    found: dict[str, dict[str, float]] = {}
    for name, quantity, value, _ in RAIL.findall(text):
        found.setdefault(name, {})[quantity] = float(value)
    if not found:
        raise Unread("lost", f"no rail in the answer of the PMIC: {text.strip()[:60]!r}")
    return found


def _sensor(name: str, kind: str, asked: Asked, command: str) -> Sensor:
    """One that the firmware is asked for; `asked` is how that went."""
    paths = {Mailbox.name: (DEVICE,), PROGRAM: (f"{PROGRAM} {command}",)}.get(
        asked.channel, (DEVICE, f"{PROGRAM} {command}")
    )
    by_process = asked.channel == PROGRAM
    every_s = EVERY_S[command]
    if not asked.channel or (isinstance(asked.error, Unread) and asked.error.quality == "unsupported"):
        every_s = REFUSED_EVERY_S
    elif command == PMIC:
        every_s = RETRY_EVERY_S if asked.error else every_s
    elif by_process:
        every_s = max(every_s, PROCESS_EVERY_S)
    return Sensor(
        id=f"raspberry_pi/{name}",
        kind=kind,
        scope="component",
        source=asked.channel or NO_FIRMWARE,
        paths=paths,
        every_s=every_s,
        slow=True,
        cost_s=ADC_S if command == PMIC else PROCESS_S if by_process else None,
    )


def _throttled(env: Env) -> list[Sensor]:
    asked = first(env, THROTTLED, throttle_word)
    word = replace(_sensor("throttled/word", "health", asked, THROTTLED), semantics="state")
    files = env.files.glob(SYSFS_THROTTLED)
    if files and (asked.error or not asked.channel):
        word = replace(word, source="sysfs", paths=(files[0],), slow=False, cost_s=None, every_s=EVERY_S[THROTTLED])
    elif not asked.channel:
        return [word]
    now = [replace(word, id=f"raspberry_pi/throttled/{name}", kind="throttle_state") for name in BITS]
    ever = [replace(sensor, id=f"{sensor.id}_since_boot", kind="throttle_count", semantics="counter") for sensor in now]
    return [word, *now, *ever]


def _alarm(env: Env) -> list[Sensor]:
    chips = [path for path in env.files.glob("/sys/class/hwmon/hwmon*/name") if env.files.text(path, "") == "rpi_volt"]
    return [
        Sensor(
            id="raspberry_pi/rpi_volt/under_voltage",
            kind="throttle_state",
            scope="component",
            source="sysfs",
            paths=(f"{path.rpartition('/')[0]}/in0_lcrit_alarm",),
            semantics="state",
            every_s=EVERY_S[THROTTLED],
            update_s=2.0,
        )
        for path in chips[:1]
    ]


def _clock(env: Env) -> list[Sensor]:
    return [replace(_sensor("arm/clock", "clock_hz", first(env, CLOCK, _hertz), CLOCK), part="cpu")]


def _temperature(env: Env) -> list[Sensor]:
    """Of the firmware, where the kernel shows none: it is the same sensor."""
    zones = [env.files.text(path, "") for path in env.files.glob("/sys/class/thermal/thermal_zone*/type")]
    chips = [env.files.text(path, "") for path in env.files.glob("/sys/class/hwmon/hwmon*/name")]
    if any("cpu" in name or "bcm2835" in name for name in (*zones, *chips)):
        return []
    asked = first(env, TEMPERATURE, _celsius)
    sensor = replace(_sensor("soc/temperature", "temperature_c", asked, TEMPERATURE), part="soc")
    return [sensor] if asked.channel else []


def _pmic(env: Env) -> list[Sensor]:
    """Each rail that it names, and their sum; without an answer the sum alone, which says why."""
    asked = first(env, PMIC, rails)
    if not asked.channel and not has_pmic_adc(env):
        return []
    base = _sensor("pmic_rails_sum", "power_w", asked, PMIC)
    found = {} if asked.error or not asked.channel else rails(asked.text)
    both = tuple(name for name, quantities in found.items() if len(quantities) == 2)
    total = replace(
        base,
        scope="partial",
        derived=True,
        formula=f"sum({','.join(both)})" if both else "",
        includes=both,
        excludes=OUTSIDE_THE_RAILS,
    )
    listed: list[Sensor] = []
    for name, quantities in found.items():
        rail = replace(base, scope="rail", includes=(name,))
        if "V" in quantities:
            listed.append(replace(rail, id=f"raspberry_pi/pmic/{name}/voltage", kind="voltage_v"))
        if "A" in quantities:
            listed.append(replace(rail, id=f"raspberry_pi/pmic/{name}/current", kind="current_a"))
        if name in both:
            listed.append(replace(rail, id=f"raspberry_pi/pmic/{name}/power", derived=True, formula="V*I"))
    return [*listed, total]


def _value(sensor: Sensor, text: str) -> float | str:
    """Of the firmware's answer, or of a file's."""
    what, _, name = sensor.id.removeprefix("raspberry_pi/").partition("/")
    if what == "throttled":
        word = throttle_word(text)
        if name == "word":
            return f"0x{word:x}"
        bit = BITS[name.removesuffix("_since_boot")] + (SINCE_BOOT if name.endswith("_since_boot") else 0)
        return float((word >> bit) & 1)
    if what == "rpi_volt":
        if text.strip() not in ("0", "1"):
            raise Unread("lost", f"{text.strip()[:60]!r} is no alarm")
        return float(text)
    if what == "arm":
        return _hertz(text)
    if what == "soc":
        return _celsius(text)
    if what == "pmic_rails_sum":
        return _sum(sensor, rails(text))
    rail, _, quantity = name.rpartition("/")
    return _rail(rails(text), rail, {"voltage": "V", "current": "A", "power": "VA"}[quantity])


def _rail(found: dict[str, dict[str, float]], rail: str, quantities: str) -> float:
    value = 1.0
    for each in quantities:
        if each not in found.get(rail, {}):
            raise Unread("lost", f"the PMIC shows no {rail}_{each} any more")
        one = found[rail][each]
        if abs(one) > RAIL_MAX:
            raise Unread("implausible", f"{one:g} {each} of {rail} is none of such a board")
        value *= one
    return value


def _sum(sensor: Sensor, found: dict[str, dict[str, float]]) -> float:
    """Of the rails that were there at first: with one of them gone it would be smaller, and look like less power."""
    if not sensor.includes:
        raise Unread("stale", "the rails have appeared; they are listed when the device is looked at again")
    return sum(_rail(found, rail, "VA") for rail in sensor.includes)


def _hertz(text: str) -> float:
    found = re.fullmatch(r"frequency\(\d+\)=(\d+)", text.strip())
    if not found:
        raise Unread("lost", f"{text.strip()[:60]!r} is no frequency")
    value_hz = float(found[1])
    if not 0 < value_hz < CLOCK_MAX_HZ:
        raise Unread("implausible", f"{value_hz:g} Hz is no clock of a core that runs")
    return value_hz


def _celsius(text: str) -> float:
    found = re.fullmatch(r"temp=(-?\d+(?:\.\d+)?)'C", text.strip())
    if not found:
        raise Unread("lost", f"{text.strip()[:60]!r} is no temperature")
    value_c = float(found[1])
    if not PLAUSIBLE_C[0] <= value_c <= PLAUSIBLE_C[1]:
        raise Unread("implausible", f"{value_c:g} degC is no temperature of a device")
    return value_c


class _Pi:
    """Files by the kernel, the rest by the firmware; each command is asked once a reading."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._sensors = sensors
        self._nobody = NOT_RECORDED if env.ioctl is None else NOBODY_TO_ASK
        by_file = [sensor for sensor in sensors if sensor.source == "sysfs"]
        self._files = Files(env, by_file, lambda sensor, said: _value(sensor, said.decode(errors="replace")))
        names = {sensor.source for sensor in sensors} - {"sysfs", NO_FIRMWARE}
        self._channels = {name: channel(env, name) for name in names}

    def read(self) -> list[Reading]:
        """One reading per sensor."""
        found = {reading.sensor_id: reading for reading in self._files.read()}
        answers: dict[tuple[str, str], str | Exception] = {}
        for sensor in self._sensors:
            if sensor.id not in found:
                found[sensor.id] = self._by_firmware(sensor, answers)
        return [found[sensor.id] for sensor in self._sensors]

    def close(self) -> None:
        """Closes files and mailbox."""
        self._files.close()
        for each in self._channels.values():
            each.close()

    def _by_firmware(self, sensor: Sensor, answers: dict[tuple[str, str], str | Exception]) -> Reading:
        if sensor.source == NO_FIRMWARE:
            return unread(sensor, Unread("unsupported", self._nobody.format(_command(sensor))))
        key = sensor.source, _command(sensor)
        if key not in answers:
            try:
                answers[key] = self._channels[sensor.source].ask(key[1])
            except (OSError, Unread) as error:
                answers[key] = error
        answer = answers[key]
        if isinstance(answer, Exception):
            return unread(sensor, answer)
        try:
            return checked(sensor, _value(sensor, answer))
        except Unread as error:
            return unread(sensor, error)


def _command(sensor: Sensor) -> str:
    what = sensor.id.split("/")[1]
    return {"throttled": THROTTLED, "arm": CLOCK, "soc": TEMPERATURE}.get(what, PMIC)
