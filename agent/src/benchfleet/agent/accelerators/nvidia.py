"""NVIDIA GPUs: cards on PCI, and the one that is part of a Tegra.

A card has the driver nvidia, or nouveau, under which no CUDA runs. The library's version is that of the kernel module,
since libcuda comes with it. https://docs.nvidia.com/deploy/nvml-api, https://docs.kernel.org/gpu/nouveau.html
"""

from __future__ import annotations

import re

from benchfleet.agent.accelerators import _pci
from benchfleet.agent.boards._devicetree import texts
from benchfleet.agent.env import Env
from benchfleet.core.inventory import AcceleratorFacts

VENDOR = 0x10DE
TEGRA = {
    "tegra210": "Maxwell, 5.3", "tegra186": "Pascal, 6.2", "tegra194": "Volta, 7.2", "tegra234": "Ampere, 8.7",
    "tegra264": "Blackwell, 11.0",
}  # fmt: skip
"""Architecture and CUDA capability."""
TEGRA_NODES = ("/sys/devices/platform/gpu.0", "/sys/devices/gpu.0", "/sys/devices/platform/bus@0/*.gpu",
               "/sys/devices/platform/*.gpu", "/sys/class/devfreq/*.gpu", "/sys/class/devfreq/gpu-gpc-0")  # fmt: skip


def probe(env: Env) -> list[AcceleratorFacts]:
    """Cards and the integrated one."""
    return [_card(env, d) for d in _pci.devices(env, VENDOR) if d.base_class == _pci.DISPLAY] + _integrated(env)


def _card(env: Env, device: _pci.PciDevice) -> AcceleratorFacts:
    said = env.files.text(f"/proc/driver/nvidia/gpus/{device.address}/information", "")
    model = re.search(r"^Model:\s*(.+)$", said, re.MULTILINE)
    ready = device.driver == "nvidia"
    return AcceleratorFacts(
        name=model[1].strip() if model else f"NVIDIA {device.id}",
        family="nvidia",
        kind="gpu",
        bus=f"pci:{device.address}",
        driver=device.driver,
        state="ready" if ready else "no driver",
        library=_version(env) if ready else "",
        detail="" if ready else f"{device.driver or 'nothing'} drives it; CUDA needs the driver nvidia",
    )


def _version(env: Env) -> str:
    found = re.search(r"Kernel Module(?: for \S+)?\s+([\d.]+)", env.files.text("/proc/driver/nvidia/version", ""))
    return found[1] if found else env.files.text("/sys/module/nvidia/version", "")


def _integrated(env: Env) -> list[AcceleratorFacts]:
    compatible = texts(env, "compatible")
    soc = next((s for s in TEGRA if f"nvidia,{s}" in compatible), "")
    node = next((path for pattern in TEGRA_NODES for path in env.files.glob(pattern)), "")
    if not soc:
        return []
    return [
        AcceleratorFacts(
            name=f"{soc} GPU ({TEGRA[soc]})",
            family="nvidia",
            kind="gpu",
            bus="platform:gpu",
            driver=_pci.driver(env, node) if node else "",
            state="ready" if node else "not found",
            library=env.files.text("/sys/module/nvidia/version", ""),
            detail="" if node else "the kernel shows no node of it yet: it may appear late in a boot",
        )
    ]
