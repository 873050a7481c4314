"""The NPU of Rockchip SoCs (RKNPU), in the device tree: by the vendor's driver RKNPU, or by rocket of later kernels.

Its driver's version is in debugfs, for root. https://docs.kernel.org/accel/rocket, https://github.com/airockchip/rknn-toolkit2
"""

from __future__ import annotations

import re

from benchfleet.agent.accelerators import _pci
from benchfleet.agent.boards._devicetree import texts
from benchfleet.agent.env import Env
from benchfleet.core.inventory import AcceleratorFacts

CORES = {"rk3588": 3, "rk3588s": 3, "rk3582": 3, "rk3576": 2, "rk3568": 1, "rk3566": 1, "rk3562": 1}
"""SoCs that have one, and how many cores it has."""
LIBRARIES = ("/usr/lib/librknnrt.so", "/usr/lib/aarch64-linux-gnu/librknnrt.so", "/usr/local/lib/librknnrt.so")


def probe(env: Env) -> list[AcceleratorFacts]:
    """At most one: its cores are one device."""
    soc = next((s for each in texts(env, "compatible") if (s := each.partition("rockchip,")[2]) in CORES), "")
    node = next(
        iter(env.files.glob("/sys/bus/platform/devices/*.npu") + env.files.glob("/sys/class/devfreq/*.npu")), ""
    )
    version = re.search(r"v?(\d+\.\d+\.\d+)", env.files.text("/sys/kernel/debug/rknpu/version", ""))
    shown = env.files.exists("/sys/kernel/debug/rknpu/load") or env.files.exists("/sys/module/rknpu")
    if not (soc or node or version or shown):
        return []
    ready = bool(node or version or shown)
    library = next((path for path in LIBRARIES if env.files.exists(path)), "")
    name = node.rpartition("/")[2] or "npu"
    return [
        AcceleratorFacts(
            name=f"{soc.upper() or 'Rockchip'} NPU" + (f" ({CORES[soc]} cores)" if soc else ""),
            family="rockchip",
            kind="npu",
            bus=f"platform:{name}",
            driver=(_pci.driver(env, node) if node else "") or ("RKNPU" if version or shown else ""),
            state="ready" if ready else "no driver",
            library=f"{library} (version not read)" if library else "",
            firmware=f"RKNPU {version[1]}" if version else "",
            detail="" if ready else "the kernel has no RKNPU or rocket driver: use the vendor's image, or Linux 6.18",
        )
    ]
