"""Intel GPUs (i915, xe) and the NPU of Core Ultra (intel_vpu), on PCI.

https://docs.kernel.org/gpu/i915.html, https://docs.kernel.org/gpu/xe, https://docs.kernel.org/accel
"""

from __future__ import annotations

from benchfleet.agent.accelerators import _pci
from benchfleet.agent.env import Env
from benchfleet.core.inventory import AcceleratorFacts

VENDOR = 0x8086
DRIVERS = {"gpu": ("i915", "xe"), "npu": ("intel_vpu", "intel_npu")}
NPUS = {0x7D1D: "Meteor Lake", 0xAD1D: "Arrow Lake", 0x643E: "Lunar Lake", 0xB03E: "Panther Lake"}


def probe(env: Env) -> list[AcceleratorFacts]:
    """Display controllers, and processing accelerators whose number or driver is that of an NPU."""
    found = []
    for device in _pci.devices(env, VENDOR):
        if device.base_class == _pci.DISPLAY:
            found.append(_facts(env, device, "gpu"))
        elif device.device in NPUS or device.driver in DRIVERS["npu"]:
            found.append(_facts(env, device, "npu"))
    return found


def _facts(env: Env, device: _pci.PciDevice, kind: str) -> AcceleratorFacts:
    ready = device.driver in DRIVERS[kind]
    what = {"gpu": "GPU", "npu": "NPU"}[kind]
    known = NPUS.get(device.device, "") if kind == "npu" else ""
    return AcceleratorFacts(
        name=f"Intel {known + ' ' if known else ''}{what} {device.id}",
        family="intel",
        kind=kind,
        bus=f"pci:{device.address}",
        driver=device.driver,
        state="ready" if ready else "no driver",
        detail="" if ready else f"{device.driver or 'nothing'} drives it; it needs {' or '.join(DRIVERS[kind])}",
    )
