"""One line of tegrastats, of any release: a name to a number in SI units.

    JetPack 2   RAM 1980/3995MB (lfb 1x4MB) cpu [17%,8%]@408 EMC 1%@408 APE 25 GR3D 3%@76
    JetPack 4   CPU [4%@345,off] EMC_FREQ 0%@1600 GR3D_FREQ 0%@76 PMIC@100C GPU@38C POM_5V_IN 1641/1641
    Xavier      GPU@34C AO@34C GPU 0/0 CPU 311/311 SOC 934/934
    JetPack 5,6 GR3D_FREQ 63%@[305,305] NVENC off cpu@46.1C cv0@-256C VDD_IN 4872mW/4872mW
    JetPack 7.0 cpu@36.2C VDD_GPU 0mW VIN 26000mW
    JetPack 7.2 cpu@38.3C/38.1C VDD_GPU -392mW/-392mW/-392mW VIN 87426mW/43713mW/87426mW

Of several values the first is that of now; the others are means and peaks since it was started, whose first conversion
is 0. A number may be below zero, a name may be a rail and a temperature, a GPU may show clocks and no load.
"""

from __future__ import annotations

import re

from benchfleet.agent.sensors._jetson_told import Line

RAIL = re.compile(r"(?<!\S)([A-Z][A-Z0-9_]*) (-?\d+)(?:mW(?:/-?\d+(?:mW)?){0,2}|(?:/-?\d+){1,2})(?!\S)")
"""A lone number without mW is a clock (APE 150), one with MB is memory."""
TEMPERATURE = re.compile(r"(?<!\S)([A-Za-z][\w-]*)@(-?\d+(?:\.\d+)?)C?(?:/-?\d+(?:\.\d+)?C?)?(?!\S)")
MEMORY = re.compile(r"(?<!\S)RAM (\d+)/(\d+)([kMG])B")
CPU = re.compile(r"(?<!\S)cpu \[([^\]]*)\]", re.IGNORECASE)
EMC = re.compile(r"(?<!\S)EMC(?:_FREQ)? (\d+)%(?:@(\d+))?(?!\S)")
GPU = re.compile(r"(?<!\S)GR3D(?:_FREQ)? (?:(\d+)%)?(?:@(?:\[([\d,]*)\]|(\d+)))?(?!\S)")
BYTES = {"k": 1024, "M": 1024**2, "G": 1024**3}


def parsed(text: str) -> Line:
    """All that the line says; empty for one that is no line of tegrastats."""
    found: Line = {}
    if memory := MEMORY.search(text):
        found["ram", "used"] = int(memory[1]) * float(BYTES[memory[3]])
    else:
        return found
    if cpu := CPU.search(text):
        loads = [int(load) for load in re.findall(r"(?<![\d.])(\d+)%", cpu[1])]
        if loads:
            found["cpu", "load"] = sum(loads) / len(loads) / 100
    if emc := EMC.search(text):
        found["emc", "load"] = int(emc[1]) / 100
        if emc[2]:
            found["emc", "clock"] = int(emc[2]) * 1e6
    if gpu := GPU.search(text):
        clocks = [int(mhz) for mhz in (gpu[2] or gpu[3] or "").split(",") if mhz]
        if gpu[1]:
            found["gpu", "load"] = int(gpu[1]) / 100
        if clocks:
            found["gpu", "clock"] = max(clocks) * 1e6
    for name, mw in RAIL.findall(text):
        found[name, "power"] = int(mw) / 1000
    for name, degrees in TEMPERATURE.findall(text):
        found[name, "temperature"] = float(degrees)
    return found
