"""NPUs of Rockchip: load of each core in percent, and the clock; no power is to be read.

    NPU load:  Core0: 63%, Core1: 65%, Core2: 64%,     three cores (RK3588)
    NPU load:  48%                                     one core (RK3566, RK3568)

The load is a file of debugfs, which is root's. Some kernels print 429496 %: a difference that fell below zero.
https://github.com/rockchip-linux/kernel/blob/develop-6.1/drivers/rknpu/rknpu_debugger.c
"""

from __future__ import annotations

import re

from benchfleet.agent.boards._devicetree import texts
from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread, first_number

LOADS = ("/sys/kernel/debug/rknpu/load", "/proc/rknpu/load")
CLOCKS = "/sys/class/devfreq/*.npu"
CORES = {"rk3588": 3, "rk3588s": 3, "rk3576": 2}
"""By the SoC, for who may not read the file that names them; other SoCs have one."""
EVERY_S = 0.5
LOAD = re.compile(r"(?:Core(\d+):)?\s*(-?\d+)\s*%")
CLOCK_MAX_HZ = 5e9


def probe(env: Env) -> list[Sensor]:
    """Load of each core that the file names, else of as many as the SoC has; and the clock."""
    clocks = [path for path in env.files.glob(CLOCKS) if _ours(env, path)]
    return [*_loads(env, bool(clocks)), *(_clock(path) for path in clocks)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Ratios and hertz."""
    return Files(env, sensors, _value)


def _ours(env: Env, path: str) -> bool:
    names = env.files.text(f"{path}/device/of_node/compatible", "")
    return not names or "rockchip" in names or "rknpu" in names


def _loads(env: Env, has_clock: bool) -> list[Sensor]:
    there = [path for path in LOADS if env.files.exists(path)]
    socs = [name.removeprefix("rockchip,") for name in texts(env, "compatible")]
    rockchip = any(soc.startswith("rk3") for soc in socs)
    if not there and not (has_clock and rockchip):
        return []
    path = there[0] if there else LOADS[0]
    cores = [core for core, _ in LOAD.findall(env.files.text(path, ""))]
    if not cores:
        count = next((CORES[soc] for soc in socs if soc in CORES), 1)
        cores = [str(core) for core in range(count)] if count > 1 else [""]
    return [
        Sensor(
            id=f"rockchip/npu/core{core}/load" if core else "rockchip/npu/load",
            kind="utilization_ratio",
            scope="component",
            source="debugfs" if path.startswith("/sys/kernel/debug") else "procfs",
            paths=(path,),
            every_s=EVERY_S,
            part="npu",
            resolution=0.01,
            needs_root=path.startswith("/sys/kernel/debug"),
        )
        for core in cores
    ]


def _clock(path: str) -> Sensor:
    return Sensor(
        id=f"rockchip/{path.rpartition('/')[2]}/clock",
        kind="clock_hz",
        scope="component",
        source="devfreq",
        paths=(f"{path}/cur_freq",),
        every_s=EVERY_S,
        part="npu",
    )


def _value(sensor: Sensor, text: bytes) -> float:
    if sensor.kind == "clock_hz":
        value_hz = first_number(sensor, text)
        if not 0 < value_hz < CLOCK_MAX_HZ:
            raise ValueError(f"{value_hz:g} Hz is no clock of an NPU")
        return value_hz
    said = text.decode(errors="replace").strip()
    loads = dict(LOAD.findall(said)) if said.startswith("NPU load") else {}
    core = sensor.id.split("/")[2].removeprefix("core") if sensor.id.count("/") == 3 else ""
    if core not in loads:
        raise Unread("lost", f"no load of {sensor.id} in {said[:60]!r}")
    percent = int(loads[core])
    if not 0 <= percent <= 100:
        raise Unread("implausible", f"{percent} % is no load: a counter of the driver fell below zero")
    return percent / 100
