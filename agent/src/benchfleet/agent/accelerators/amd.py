"""AMD GPUs on PCI, and the NPU of Ryzen AI.

A GPU has the driver amdgpu; the NPU has amdxdna. https://docs.kernel.org/gpu/amdgpu, https://docs.kernel.org/accel/amdxdna
"""

from __future__ import annotations

from benchfleet.agent.accelerators import _pci
from benchfleet.agent.env import Env
from benchfleet.core.inventory import AcceleratorFacts

VENDOR = 0x1002
VENDOR_CPU = 0x1022
"""The number under which its processors are, and the NPU in them."""
NPUS = {0x1502: "Ryzen AI (Phoenix)", 0x17F0: "Ryzen AI (Strix)"}


def probe(env: Env) -> list[AcceleratorFacts]:
    """Every card and every NPU."""
    cards = [d for d in _pci.devices(env, VENDOR) if d.base_class in (_pci.DISPLAY, _pci.ACCELERATOR)]
    npus = [d for d in _pci.devices(env, VENDOR_CPU) if d.device in NPUS]
    return [_facts(env, d, "gpu", "amdgpu") for d in cards] + [_facts(env, d, "npu", "amdxdna") for d in npus]


def _facts(env: Env, device: _pci.PciDevice, kind: str, wanted: str) -> AcceleratorFacts:
    ready = device.driver == wanted
    named = env.files.text(f"{device.path}/product_name", "") or NPUS.get(device.device, "")
    return AcceleratorFacts(
        name=named or f"AMD {device.id}",
        family="amd",
        kind=kind,
        bus=f"pci:{device.address}",
        driver=device.driver,
        state="ready" if ready else "no driver",
        library=env.files.text(f"/sys/module/{wanted}/version", "") if ready else "",
        firmware=env.files.text(f"{device.path}/vbios_version", ""),
        detail="" if ready else f"{device.driver or 'nothing'} drives it; it needs {wanted}",
    )
