"""Which part of a device a temperature is of, by the names that kernels and firmware give."""

from __future__ import annotations

import re

_WORDS = (
    ("network", r"phy|eth|mac|wifi|iwl\w*|wlan\d*|ath\d+k|mt7\d|r8169|bnx|mlx|i210|igb|nic"),
    ("disk", r"nvme|drivetemp|ssd|composite"),
    ("battery", r"bat(tery)?\d*|charger|bms"),
    ("npu", r"npu|tpu|apex|nsp\w*|cdsp\w*|vpu|hailo"),
    ("gpu", r"gpu\w*|edge|junction|amdgpu|nouveau|i915|xe|radeon"),
    ("memory", r"dimm\w*|ddr|mem|memory|jc42|spd5118|sodimm|hbm"),
    (
        "cpu",
        r"[bm]?cpu[\w-]*|core|package|x86|tctl|tdie|tccd\d+|coretemp|k10temp|zenpower|physical|little|big(core\d*)?",
    ),
    ("soc", r"soc\w*|tj|cv\d*|ao|pll|bcm\w+|center|aux|bpmp|tdiode|rp1|top"),
    ("board", r"acpitz|tboard|board|ambient|inlet|pch\w*|systin|cputin|vrm|skin|case|int3400|modem|pa|pmic"),
)
"""In the order in which they are tried: "gpu-core" is of the GPU, "nvme core" of a disk."""


def part_of(name: str) -> str:
    """The part, one of sensors.PARTS; empty where the name tells nothing."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    for part, pattern in _WORDS:
        if any(re.fullmatch(pattern, word) for word in words):
            return part
    return ""
