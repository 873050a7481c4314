"""Coral Edge TPUs, on PCIe and on USB, and which libedgetpu there is for them.

A PCIe one works with the driver apex (gasket). A USB one has no driver: libedgetpu loads its firmware when a model is
first run, and until then it shows another name; that is no fault. The library is not loaded here: it may crash.
https://coral.ai/docs/m2/get-started, https://coral.ai/docs/accelerator/get-started
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import coral
from benchfleet.agent.sensors._edgetpu import STATUS, Library, library
from benchfleet.core.inventory import AcceleratorFacts

NO_LIBRARY = "libedgetpu.so.1 is not there: install libedgetpu1-std (reduced clock) or libedgetpu1-max"
NOT_TOLD = "whether libedgetpu is installed is not in the recording"
COLD = "its firmware is loaded when a model is first run"
USB_2_MBIT_S = "480"


def probe(env: Env) -> list[AcceleratorFacts]:
    """Every one that is plugged in, with or without what it needs."""
    chips, ports = coral.pcie(env), coral.usb(env)
    if not (chips or ports):
        return []
    installed = library(env)
    return [_pcie(env, chip, installed) for chip in chips] + [_usb(env, port, installed) for port in ports]


def _pcie(env: Env, chip: coral.Chip, installed: Library | None) -> AcceleratorFacts:
    state, detail = _with_library(env, installed)
    if not chip.apex:
        state, detail = "no driver", coral.DRIVERLESS
    elif env.files.text(f"{chip.apex}/temp", "") == str(round(coral.LOST_C * 1000)):
        state, detail = "lost", coral.LOST
    elif (status := env.files.text(f"{chip.apex}/status", "ALIVE")) != "ALIVE":
        state, detail = "lost", f"its driver says {status}"
    return AcceleratorFacts(
        name="Coral Edge TPU (PCIe)",
        family="edge_tpu",
        kind="tpu",
        bus=f"pci:{chip.name}",
        state=state,
        driver=" ".join(("apex", env.files.text(f"{chip.apex}/driver_version", ""))).strip() if chip.apex else "",
        library=_version(installed),
        detail=detail,
    )


def _usb(env: Env, port: str, installed: Library | None) -> AcceleratorFacts:
    folder = f"/sys/bus/usb/devices/{port}"
    state, detail = _with_library(env, installed)
    said = [detail] if detail else []
    vendor, product = (env.files.text(f"{folder}/{name}", "") for name in ("idVendor", "idProduct"))
    if f"{vendor}:{product}" == coral.USB_COLD:
        said.append(COLD)
    if env.files.text(f"{folder}/speed", "") == USB_2_MBIT_S:
        said.append(f"on a port or cable of USB 2 ({USB_2_MBIT_S} Mbit/s), a tenth of the rate of USB 3")
    return AcceleratorFacts(
        name="Coral USB Accelerator",
        family="edge_tpu",
        kind="tpu",
        bus=f"usb:{port}",
        state=state,
        library=_version(installed),
        detail="; ".join(said),
    )


def _with_library(env: Env, installed: Library | None) -> tuple[str, str]:
    if installed is not None:
        return "ready", ""
    told = env.here or env.files.exists(STATUS) or bool(env.files.names("/usr/lib"))
    return ("no library", NO_LIBRARY) if told else ("unknown", NOT_TOLD)


def _version(installed: Library | None) -> str:
    if installed is None:
        return ""
    return f"libedgetpu {installed.variant} ({installed.clock} clock) {installed.version}".strip()
