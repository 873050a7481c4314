"""What jtop (jetson-stats) says of a Jetson, where somebody asks for it: a program of its own, never a part of ours.

    BENCHFLEET_JTOP_PYTHON=/opt/jtop/bin/python3    an interpreter that has jetson-stats; without it nothing is asked

jetson-stats is AGPL-3.0 and changes how a process starts others when it is imported, so that interpreter imports it and
prints lines for us. Its service gives the group `jtop` the right to set power modes, fans and swap: do not put the
agent's user into it for reading alone. Nothing is taken that files tell (`_jetson_told`), none of its totals (the sum
of all rails, on an AGX Orin 7 % too much), none of its averages (of the last two values), and no load or clock of a
GPU, for which it says 0 where it knows none.
https://rnext.it/jetson_stats/reference/jtop.html
"""

from __future__ import annotations

import json
import os
from typing import Any

from benchfleet.agent.env import Env
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._jetson_told import Line, Teller, Told, sensors

PYTHON = "BENCHFLEET_JTOP_PYTHON"
EVERY_S = 1.0
"""Its service's own period; asking for another would set it for everybody."""
SCRIPT = """
import json
from jtop import jtop
with jtop() as jetson:
    while jetson.ok():
        power = jetson.power
        rails = dict(power.get("rail", {}))
        if "name" in power.get("tot", {}):
            rails[power["tot"]["name"]] = power["tot"]
        print(json.dumps({
            "power_mw": {name: rail.get("power") for name, rail in rails.items()},
            "temperature_c": {name: each.get("temp") for name, each in jetson.temperature.items()},
        }), flush=True)
"""
"""The rail that it takes for the total is put back among the rails."""


def parsed(text: str) -> Line:
    """One line of the script, mW and degrees; empty for what is none."""
    try:
        said = json.loads(text)
        found: Line = {(name, "power"): watts for name, watts in _numbers(said["power_mw"], 1e-3)}
        found |= {(name, "temperature"): degrees for name, degrees in _numbers(said["temperature_c"])}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found


def probe(env: Env) -> list[Sensor]:
    """Nothing, unless it was asked for or recorded; an interpreter that was named and cannot do it is an error."""
    if isinstance(env.commands, Installed):
        python = os.environ.get(PYTHON)
        return _asked_for(env, python) if python else []
    try:
        return sensors(env, _teller(""))
    except OSError:
        return []


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units."""
    return Told(env, _teller(os.environ.get(PYTHON, "")), sensors)


def _asked_for(env: Env, python: str) -> list[Sensor]:
    try:
        return sensors(env, _teller(python))
    except OSError as error:
        raise OSError(f"{PYTHON}: {error}; does it have jetson-stats, is jtop.service active?") from error


def _teller(python: str) -> Teller:
    return Teller(
        name="jtop", argv=(python, "-c", SCRIPT), parse=parsed, every_s=EVERY_S, cost_s=2 * EVERY_S, wait_s=8 * EVERY_S
    )


def _numbers(values: dict[str, Any], scale: float = 1.0) -> list[tuple[str, float]]:
    return [(k, v * scale) for k, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)]
