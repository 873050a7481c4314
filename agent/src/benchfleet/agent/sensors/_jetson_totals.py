"""What the power of a whole Jetson is made of: one table, by chip and by the rails that are there.

The sum of all rails is wrong on every board: VDD_IN feeds the others, and VDDQ_VDD2_1V8AO of an AGX Orin hangs on the
5 V rail that is counted already (10.84 W in place of 10.13 W). The model's name decides nothing: carrier boards of
others name neither Jetson nor NVIDIA. Rails that the table does not know have no total.
https://forums.developer.nvidia.com/t/75574 (SYS5V), https://github.com/rbonghi/jetson_stats/issues/51 and /344
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from benchfleet.agent.env import Env

COMPATIBLE = ("/proc/device-tree/compatible", "/sys/firmware/devicetree/base/compatible")
CARRIER = ("carrier board", "what hangs on it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Holds where the chip is one of `socs` and all `marks` are among the rails; its power is the sum of `parts`."""

    boards: str
    socs: tuple[str, ...]
    marks: frozenset[str]
    parts: tuple[str, ...]
    scope: str
    includes: tuple[str, ...]
    excludes: tuple[str, ...] = ()

    @property
    def formula(self) -> str:
        """Of its parts, by name."""
        return self.parts[0] if len(self.parts) == 1 else f"sum({','.join(self.parts)})"


TOTALS = (
    Total(
        boards="Nano",
        socs=("tegra210",),
        marks=frozenset({"POM_5V_GPU", "POM_5V_CPU"}),
        parts=("POM_5V_IN",),
        scope="board",
        includes=("module", "carrier board", "what its 5 V feeds"),
    ),
    Total(
        boards="TX2",
        socs=("tegra186",),
        marks=frozenset({"VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_SYS_CPU"}),
        parts=("VDD_IN",),
        scope="module",
        includes=("module",),
        excludes=CARRIER,
    ),
    Total(
        boards="Xavier NX, Orin NX, Orin Nano",
        socs=("tegra194", "tegra234"),
        marks=frozenset({"VDD_CPU_GPU_CV", "VDD_SOC"}),
        parts=("VDD_IN",),
        scope="module",
        includes=("module",),
        excludes=CARRIER,
    ),
    Total(
        boards="AGX Xavier",
        socs=("tegra194",),
        marks=frozenset({"GPU", "CPU", "SOC"}),
        parts=("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),  # SYS5V is all but memory, CPU, GPU and CV
        scope="module",
        includes=("module",),
        excludes=CARRIER,
    ),
    Total(
        boards="AGX Orin",
        socs=("tegra234",),
        marks=frozenset({"VDD_GPU_SOC", "VDD_CPU_CV"}),
        parts=("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        scope="module",
        includes=("module",),
        excludes=("VDDQ_VDD2_1V8AO, which VIN_SYS_5V0 feeds", *CARRIER),
    ),
    Total(
        boards="AGX Thor",
        socs=("tegra264",),
        marks=frozenset({"VDD_GPU", "VDD_CPU_SOC_MSS"}),
        parts=("VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"),
        scope="module",
        includes=("module",),
        excludes=CARRIER,
    ),
)
"""No two hold for one set of rails of one chip."""
SYSTEM_RAIL, SYSTEM_SOC = "VIN", "tegra264"
"""The rail in front of everything on an AGX Thor, by a chip of its carrier board."""


def soc(env: Env) -> str | None:
    """tegra234 of a Tegra, empty for another chip, None where the device does not tell."""
    text = next((t for path in COMPATIBLE if (t := env.files.text(path, ""))), "")
    if not text:
        return None
    found = re.search(r"nvidia,(tegra\d+)", text)
    return found[1] if found else ""


def total(chip: str | None, rails: Collection[str]) -> Total | None:
    """The rule for these rails. Where the chip is not told, all parts must be there as well."""
    for rule in TOTALS:
        if not rule.marks.issubset(rails):
            continue
        if chip in rule.socs or (chip is None and set(rule.parts).issubset(rails)):
            return rule
    return None
