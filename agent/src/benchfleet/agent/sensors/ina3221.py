"""Rails of a board by a TI INA3221, three to a chip: volts, amperes, watts, limits; and the total of a Jetson.

By hwmon power is V*I, by iio (JetPack 4) the chip's driver says it: `_ina3221_rails`. A rail is named by its label (ch2
where there is none); one labelled NC is not connected, and left out. A channel that is switched off is shown as gated.
A step is 8 mV, and 40 uV across the shunt: 8 mA at 5 mOhm. The sign stays: an idle rail may stand a step below zero.
Which rails make the whole is the table of `_jetson_totals`; a board that it does not know has rails and no total.
https://www.ti.com/lit/ds/symlink/ina3221.pdf
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import WITH_VALUE, Reader, Reading, Sensor
from benchfleet.agent.sensors import _jetson_totals as totals
from benchfleet.agent.sensors._files import Files, Unread, checked, first_number, unread
from benchfleet.agent.sensors._ina3221_rails import SHUNT_STEP_UV, Rail, interval_s, listed, number

EVERY_S = 0.05
LIMITS_EVERY_S = 1.0
STEP_V = 0.008
PLAUSIBLE_V, PLAUSIBLE_A = 33.0, 350.0
"""The register ends at 32.76 V; 163.84 mV across half a milliohm."""
TOTAL_ID = "ina3221/total/power"
ABSENT = "/sys/bus/i2c/devices/(no rail {})/in0_input"
"""Stands for the file of a rail that a total needs and that the board does not show."""
FIRST_OF_RAIL = re.compile(r"/in\d+_input$|/in_power\d+_input$")


def probe(env: Env) -> list[Sensor]:
    """Four sensors a rail, and one for the whole board where it is known what makes it."""
    found: list[Sensor] = []
    rails = listed(env)
    for rail in rails:
        found += _sensors(env, rail)
    whole = _whole(env, rails)
    return found if whole is None else [*found, whole]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units; a total whose rails are not all read is None and names the rail."""
    return _Rails(env, sensors, _value)


def _sensors(env: Env, rail: Rail) -> Iterator[Sensor]:
    at = f"ina3221/{rail.chip.address}/{rail.name}"
    window_s = interval_s(env, rail.chip.folder)
    every_s = max(EVERY_S, window_s or 0.0)
    step_a = SHUNT_STEP_UV / 1e6 / rail.shunt_ohm if rail.shunt_ohm else None
    voltage_mv = number(env, rail.voltage)
    step_w = abs(voltage_mv) / 1000 * step_a if step_a and voltage_mv else None

    def sensor(quantity: str, kind: str, paths: tuple[str, ...], resolution: float | None, formula: str = "") -> Sensor:
        return Sensor(
            id=f"{at}/{quantity}",
            kind=kind,
            scope="rail",
            source="ina3221",
            paths=paths,
            every_s=every_s,
            update_s=window_s,
            window_s=window_s,
            resolution=resolution,
            formula=formula,
            derived=bool(formula),
            includes=(rail.name,),
        )

    yield sensor("power", "power_w", rail.watts, step_w, "" if rail.power else "V*I")
    yield sensor("voltage", "voltage_v", (rail.voltage, *rail.enable), STEP_V)
    yield sensor("current", "current_a", (rail.current, *rail.enable), step_a)
    if rail.limits:
        yield Sensor(
            id=f"{at}/limit",
            kind="health",
            scope="rail",
            source="ina3221",
            paths=(*(rail.alarms or (rail.current,)), *rail.limits, *rail.enable),
            semantics="state",
            every_s=LIMITS_EVERY_S,
            formula="" if rail.alarms else "I > limit",
            derived=not rail.alarms,
            includes=(rail.name,),
        )


def _whole(env: Env, rails: Sequence[Rail]) -> Sensor | None:
    """The sensor of the total; None where two rails bear a name that it needs, or the table has none."""
    names = [rail.name for rail in rails]
    rule = totals.total(totals.soc(env), names)
    if rule is None or any(names.count(part) > 1 for part in rule.parts):
        return None
    by_name = {rail.name: rail for rail in rails}
    parts = [by_name[part].watts if part in by_name else (ABSENT.format(part),) for part in rule.parts]
    windows_s = [interval_s(env, rail.chip.folder) or 0.0 for rail in rails if rail.name in rule.parts]
    window_s = max(windows_s, default=0.0)
    return Sensor(
        id=TOTAL_ID,
        kind="power_w",
        scope=rule.scope,
        source="ina3221",
        paths=tuple(path for part in parts for path in part),
        every_s=max(EVERY_S, window_s),
        update_s=window_s or None,
        window_s=window_s or None,
        formula=rule.formula,
        derived=True,
        includes=rule.includes,
        excludes=rule.excludes,
    )


class _Rails(Files):
    """Files, of which some say only that a channel is off, and of which a total knows the rails."""

    def _reading(self, sensor: Sensor, texts: Sequence[bytes | OSError]) -> Reading:
        pairs = list(zip(sensor.paths, texts, strict=True))
        if sensor.id == TOTAL_ID:
            return self._total(sensor, pairs)
        if any(path.endswith("_enable") and _off(text) for path, text in pairs):
            return Reading(
                sensor_id=sensor.id, value=None, quality="gated", detail="the channel is switched off (enable is 0)"
            )
        failed = next((t for path, t in pairs if isinstance(t, OSError) and not path.endswith("_enable")), None)
        if failed is not None:
            return unread(sensor, failed)
        read = [(path, text) for path, text in pairs if isinstance(text, bytes) and not path.endswith("_enable")]
        try:
            if sensor.kind == "health":
                return _limit(sensor, read)
            return checked(sensor, _value(sensor, *(text for _, text in read)))
        except (LookupError, ValueError, ArithmeticError, Unread) as error:
            return unread(sensor, error)

    def _total(self, sensor: Sensor, pairs: Sequence[tuple[str, bytes | OSError]]) -> Reading:
        """The sum of its rails, or why there is none: the first rail that was not read."""
        rails: list[list[tuple[str, bytes | OSError]]] = []
        for path, text in pairs:
            if FIRST_OF_RAIL.search(path):
                rails.append([])
            rails[-1].append((path, text))
        sum_w = 0.0
        for name, files in zip(_parts(sensor), rails, strict=True):
            part = self._reading(_part_of(sensor, name, files), [text for _, text in files])
            if part.number is None or part.quality not in WITH_VALUE:
                why = f"{name} was not read, so the total is not known: {part.detail}"
                return Reading(sensor_id=sensor.id, value=None, quality=part.quality, detail=why)
            sum_w += part.number
        return checked(sensor, sum_w)


def _parts(sensor: Sensor) -> list[str]:
    return sensor.formula.removeprefix("sum(").removesuffix(")").split(",")


def _part_of(total: Sensor, name: str, files: Sequence[tuple[str, bytes | OSError]]) -> Sensor:
    return Sensor(
        id=f"{total.id}/{name}",
        kind="power_w",
        scope="rail",
        source=total.source,
        paths=tuple(path for path, _ in files),
    )


def _off(text: bytes | OSError) -> bool:
    return not isinstance(text, OSError) and text.strip() == b"0"


def _value(sensor: Sensor, *texts: bytes) -> float:
    """Of millivolts, milliamperes, both, or milliwatts."""
    numbers = [first_number(sensor, text) for text in texts]
    if len(numbers) == 2:
        for number, limit, unit in zip(numbers, (PLAUSIBLE_V, PLAUSIBLE_A), "VA", strict=True):
            _plausible(number / 1000, limit, unit)
        return numbers[0] * numbers[1] / 1e6
    limits = {"voltage_v": (PLAUSIBLE_V, "V"), "current_a": (PLAUSIBLE_A, "A")}
    return _plausible(numbers[0] / 1000, *limits.get(sensor.kind, (PLAUSIBLE_V * PLAUSIBLE_A, "W")))


def _plausible(value: float, limit: float, unit: str) -> float:
    if not abs(value) <= limit:
        raise ValueError(f"{value:g} {unit} is more than this chip can measure")
    return value


def _limit(sensor: Sensor, read: Sequence[tuple[str, bytes]]) -> Reading:
    """Whether the current is above a limit: by the chip's own flags, or by comparing where the driver shows none."""
    values = [first_number(sensor, text) for _, text in read]
    warn_a, critical_a = values[-2] / 1000, values[-1] / 1000
    if sensor.derived:
        over = values[0] / 1000 > warn_a, values[0] / 1000 > critical_a
    else:
        if not {values[0], values[1]} <= {0.0, 1.0}:
            raise ValueError(f"{values[:2]} are no flags")
        over = bool(values[0]), bool(values[1])
    word = "over_critical" if over[1] else "over_warning" if over[0] else "ok"
    detail = f"warning above {warn_a:g} A, critical above {critical_a:g} A"
    return Reading(sensor_id=sensor.id, value=word, detail=detail)
