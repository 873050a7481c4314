"""Hailo-8 and Hailo-8L on PCI. One process owns the device; its library is not loaded to look at it.

https://github.com/hailo-ai/hailort-drivers (class hailo_chardev, module hailo_pci)
"""

from __future__ import annotations

from benchfleet.agent.accelerators import _pci
from benchfleet.agent.env import Env
from benchfleet.core.inventory import AcceleratorFacts

VENDOR = 0x1E60
NAMES = {0x2864: "Hailo-8", 0x43A2: "Hailo-10H"}


def probe(env: Env) -> list[AcceleratorFacts]:
    """Every module."""
    return [_facts(env, device) for device in _pci.devices(env, VENDOR)]


def _facts(env: Env, device: _pci.PciDevice) -> AcceleratorFacts:
    ready = device.driver.startswith("hailo")
    return AcceleratorFacts(
        name=NAMES.get(device.device, f"Hailo {device.id}"),
        family="hailo",
        kind="npu",
        bus=f"pci:{device.address}",
        driver=device.driver,
        state="ready" if ready else "no driver",
        library=env.files.text("/sys/module/hailo_pci/version", ""),
        detail="" if ready else "no driver has it: apt install hailo-all, and reboot",
    )
