"""Show what this device is, which runtimes it can run, and what its sensors read.

benchfleet-agent probe --json
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from benchfleet.core.errors import one_line

if TYPE_CHECKING:
    from benchfleet.agent.sensors import Reading, Sensor

FACTS = ("hostname", "board", "os", "kernel", "arch", "cpu_model", "cpu_count", "memory_bytes", "python")
POWER_SCOPES = ("wall", "system", "board", "module")
"""From the widest to the narrowest that may stand for the whole device."""


@click.command(name="probe")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool) -> None:
    """Show the facts of this device, its runtimes, and its sensors with their readings."""
    from benchfleet.agent import probe
    from benchfleet.agent.sampler import Sampler

    found = probe.inventory()
    sampler = Sampler()
    sampler.snapshot()
    data, readings = found.to_json(), sampler.latest()
    if as_json:
        listed = data.pop("runtimes")
        shape = {
            "board": found.board,
            "inventory": data,
            "runtimes": listed,
            "sensors": [sensor_json(sensor, reading) for sensor, reading in readings],
            "totals": {"power_w": total_power(readings)},
        }
        click.echo(json.dumps(shape, indent=2))
        return
    for name in FACTS:
        click.echo(f"{name:24} {one_line(str(data[name]))}")
    for runtime in found.runtimes:
        shown = f"{runtime.version}  {', '.join(runtime.providers)}" if runtime.available else f"no: {runtime.reason}"
        click.echo(f"{runtime.name:24} {one_line(shown)}")
    for sensor, reading in readings:
        shown = f"-  ({reading.quality})" if reading.value is None else f"{reading.value:.6g}"
        click.echo(f"{sensor.id:24} {shown} {sensor.kind} ({sensor.scope}, {sensor.source})")


def sensor_json(sensor: Sensor, reading: Reading) -> dict[str, Any]:
    """One sensor with its reading."""
    return {
        "id": sensor.id,
        "kind": sensor.kind,
        "scope": sensor.scope,
        "value": reading.value,
        "unit": sensor.unit,
        "quality": reading.quality,
        "source": sensor.source,
        "detail": reading.detail,
        "paths": list(sensor.paths),
    }


def total_power(readings: list[tuple[Sensor, Reading]]) -> dict[str, Any] | None:
    """The power of the device by its one sensor of the widest scope; None when no sensor stands for the whole."""
    for scope in POWER_SCOPES:
        values = [(s, r.value) for s, r in readings if s.kind == "power_w" and s.scope == scope and r.value is not None]
        if len(values) == 1:
            return {"value": values[0][1], "scope": scope, "formula": values[0][0].id}
    return None
