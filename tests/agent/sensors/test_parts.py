"""Names of real boards tell which part is warm."""

from __future__ import annotations

import pytest

from benchfleet.agent.sensors import PARTS
from benchfleet.agent.sensors._parts import part_of

NAMES = {
    "cpu": ["cpu-thermal", "CPU-therm", "BCPU-therm", "x86_pkg_temp", "coretemp Package id 0", "k10temp Tctl"],
    "gpu": ["GPU-therm", "gpu-thermal", "amdgpu edge", "nouveau"],
    "npu": ["npu-thermal", "apex_0", "nsphvx-0"],
    "soc": ["soc-thermal", "SOC0-therm", "tj-thermal", "CV1-therm", "soc012", "AO-therm", "bcm2835_thermal"],
    "network": ["iwlwifi_1", "ath10k_hwmon", "eth0 phy", "r8169_0_200:00"],
    "disk": ["nvme Composite", "drivetemp"],
    "board": ["acpitz", "Tboard_tegra", "pch_cannonlake"],
    "battery": ["BAT0", "battery"],
    "memory": ["spd5118", "jc42 temp1"],
    "": ["thermal", "zone 3", ""],
}  # fmt: skip


@pytest.mark.parametrize(("name", "part"), [(n, p) for p, names in NAMES.items() for n in names])
def test_a_name_tells_the_part(name: str, part: str) -> None:
    found = part_of(name)
    assert found == part


def test_the_parts_are_those_there_are() -> None:
    assert {part for part in NAMES if part} <= set(PARTS)
