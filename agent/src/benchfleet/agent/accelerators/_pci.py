"""Devices on PCI, from /sys/bus/pci/devices: what they are by number, and which driver has them.

https://docs.kernel.org/PCI/sysfs-pci.html, https://pci-ids.ucw.cz
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchfleet.agent.env import Env

DISPLAY, ACCELERATOR = 0x03, 0x12
"""Classes: display controllers (GPUs, with a screen or without), and processing accelerators (NPUs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """One function of a device; `address` is 0000:01:00.0."""

    address: str
    path: str
    vendor: int
    device: int
    base_class: int
    driver: str

    @property
    def id(self) -> str:
        """As lspci -n has it."""
        return f"{self.vendor:04x}:{self.device:04x}"


def devices(env: Env, vendor: int) -> Iterator[PciDevice]:
    """Those of one vendor."""
    for path in env.files.glob("/sys/bus/pci/devices/*"):
        numbers = [_hex(env.files.text(f"{path}/{name}", "")) for name in ("vendor", "device", "class")]
        if numbers[0] != vendor:
            continue
        yield PciDevice(
            address=path.rpartition("/")[2],
            path=path,
            vendor=vendor,
            device=numbers[1],
            base_class=numbers[2] >> 16,
            driver=driver(env, path),
        )


def driver(env: Env, path: str) -> str:
    """The driver that has a device; empty where none has."""
    name = env.files.link(f"{path}/driver").rpartition("/")[2]
    return "" if name == "driver" else name


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
