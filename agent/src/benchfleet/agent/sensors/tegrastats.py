"""What tegrastats says of a Jetson whose files do not say it: rails, load, clocks, temperatures.

It is the last resort (`_jetson_told`): read where the kernel shows no chip that measures power, by one process that
prints a line each half second for as long as it is read. `_tegrastats_line` has the forms that a line may have.
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/AT/JetsonLinuxDevelopmentTools/TegrastatsUtility.html
"""

from __future__ import annotations

import shutil

from benchfleet.agent.env import Env
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._jetson_told import Teller, Told, sensors
from benchfleet.agent.sensors._tegrastats_line import parsed

EVERY_S = 0.5
TELLER = Teller(
    name="tegrastats",
    argv=("tegrastats", "--interval", str(round(EVERY_S * 1000))),
    parse=parsed,
    every_s=EVERY_S,
    cost_s=EVERY_S,
    wait_s=4 * EVERY_S,
)


def probe(env: Env) -> list[Sensor]:
    """What a line has and no file does."""
    if isinstance(env.commands, Installed) and shutil.which(TELLER.name) is None:
        return []
    try:
        return sensors(env, TELLER)
    except OSError:
        return []


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units."""
    return Told(env, TELLER, sensors)
