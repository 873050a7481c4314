"""Show what a device is, which runtimes it can run, and what its sensors read.

benchfleet-agent probe --json
benchfleet-agent probe --replay captures/jetson-orin-nano
benchfleet-agent probe --simulate raspberry-pi-5
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from typing import TYPE_CHECKING, Any

import click

from benchfleet.agent.cli._device import chosen, device_options
from benchfleet.agent.cli._simulated import simulation, simulation_options

if TYPE_CHECKING:
    from benchfleet.agent.env import Env
    from benchfleet.agent.sampler import Sampler
    from benchfleet.agent.sensors import Reading, Sensor
    from benchfleet.agent.simulate.simulation import Simulation
    from benchfleet.agent.totals import Total
    from benchfleet.core.inventory import Inventory

APART_S = 0.2
"""Between two readings of what is a difference of two: twenty ticks of the kernel's clock."""
NOT_RECORDED = "not in the recording"


@click.command(name="probe")
@device_options
@simulation_options
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool, simulate: str | None, time_factor: float, **where: Any) -> None:
    """Show the facts of a device, its runtimes, and its sensors with their readings.

    Of a recording, or of files under another root, nothing is said that is not in them: runtimes are not asked.
    """
    board = simulation(simulate, time_factor, **where)
    if board is None:
        _show(chosen(**where), None, as_json)
        return
    with board:
        _show(board.env, board, as_json)


def _show(env: Env, board: Simulation | None, as_json: bool) -> None:
    from benchfleet.agent import probe, totals
    from benchfleet.agent.cli import _table
    from benchfleet.agent.sampler import Sampler

    found = probe.inventory() if env.here or board is not None else probe.elsewhere(env)
    if board is not None:
        found = board.inventory(found)
    sampler = Sampler(env)
    look(env, sampler)
    readings = sampler.latest()
    total, absent = totals.power(readings), unheard(env, sampler)
    if as_json:
        click.echo(json.dumps(shape(env, found, readings, total, absent), indent=2))
        return
    for line in _table.lines(inventory_json(env, found), found.runtimes, readings, total, absent):
        click.echo(line)


def unheard(env: Env, sampler: Sampler) -> dict[str, str]:
    """Drivers without a sensor that say why: those that failed, and those of which one would have expected some."""
    from benchfleet.agent import sensors
    from benchfleet.agent.sensors._deadline import PROBE_S, Gone, within
    from benchfleet.core import plugins

    heard = {sensor_id.partition("/")[0] for sensor_id in sampler.sensors}
    found = {}
    for name, driver in plugins.load_all(sensors.PACKAGE, sensors.GROUP).items():
        if name not in heard and hasattr(driver, "silence"):
            with contextlib.suppress(Gone):
                found[name] = within(functools.partial(driver.silence, env), PROBE_S)
    return {name: why for name, why in found.items() if why} | sampler.absent


def look(env: Env, sampler: Sampler) -> None:
    """Reads every sensor; twice where that says more than once, which a recording does not."""
    sampler.snapshot()
    if not env.recorded and any(reading.quality == "stale" for _, reading in sampler.latest()):
        time.sleep(APART_S)
        sampler.snapshot()


def shape(
    env: Env, found: Inventory, readings: list[tuple[Sensor, Reading]], total: Total, absent: dict[str, str]
) -> dict[str, Any]:
    """What --json prints."""
    data = inventory_json(env, found)
    return {
        "board": data["board"],
        "recorded": env.recorded or None,
        "simulated": env.simulated or None,
        "runtimes": data.pop("runtimes"),
        "inventory": data,
        "sensors": [sensor_json(sensor, reading) for sensor, reading in readings],
        "totals": {"power_w": total_json(total), "power_w_reason": total.reason},
        "absent": absent,
    }


def inventory_json(env: Env, found: Inventory) -> dict[str, Any]:
    """The facts; of another device than this machine those that its files do not say are null, with the reason."""
    data = found.to_json()
    del data["sensors"]  # they come with their readings
    if env.here or env.simulated:
        return data
    if data["board"] == "host" and "model" not in data["facts"]:
        data["board"] = None
    why = NOT_RECORDED if env.recorded else "not in its files"
    unknown = [name for name, value in data.items() if value in ("", 0, None) and not isinstance(value, bool)]
    return data | dict.fromkeys(unknown) | {"reasons": dict.fromkeys((*unknown, "runtimes"), why)}


def sensor_json(sensor: Sensor, reading: Reading) -> dict[str, Any]:
    """One sensor with its reading."""
    return {
        "id": sensor.id,
        "kind": sensor.kind,
        "scope": sensor.scope,
        "value": reading.value,
        "unit": sensor.unit,
        "quality": reading.quality,
        "detail": reading.detail,
        "source_time_unix_s": None if reading.source_time_ns is None else reading.source_time_ns / 1e9,
        "semantics": sensor.semantics,
        "source": sensor.source,
        "formula": sensor.formula,
        "includes": list(sensor.includes),
        "excludes": list(sensor.excludes),
        "resolution": sensor.resolution,
        "accuracy": sensor.accuracy,
        "window_s": sensor.window_s,
        "update_s": sensor.update_s,
        "every_s": sensor.every_s,
        "wrap": sensor.wrap,
        "cost_s": sensor.cost_s,
        "slow": sensor.slow,
        "needs_root": sensor.needs_root,
        "derived": sensor.derived,
        "estimated": sensor.estimated,
        "simulated": sensor.simulated,
        "rank": sensor.rank,
        "paths": list(sensor.paths),
    }


def total_json(total: Total) -> dict[str, Any] | None:
    """A total with the sensor it is from; None where none stands for the device."""
    if total.sensor is None:
        return None
    sensor = total.sensor
    return {"value": total.value, "scope": sensor.scope, "formula": sensor.formula or sensor.id, "sensor": sensor.id}
