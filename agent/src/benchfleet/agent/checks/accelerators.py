"""Accelerators that are plugged in and cannot work, and those whose sensors need a library."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.checks import Finding, Seen, problem
from benchfleet.core.inventory import AcceleratorFacts

FINE = ("ready", "unknown")
NODES = {
    ("edge_tpu", "tpu"): ("/dev/apex_*", "apex"),
    ("intel", "gpu"): ("/dev/dri/renderD*", "render"),
    ("intel", "npu"): ("/dev/accel/accel*", "render"),
    ("amd", "gpu"): ("/dev/kfd", "render"),
    ("hailo", "npu"): ("/dev/hailo*", "hailo"),
}
"""What a program opens to use one, and the group that may, as the makers' packages set it up."""
FIXES = {
    ("edge_tpu", "no driver"): "sudo apt install gasket-dkms, and boot; https://coral.ai/docs/m2/get-started",
    ("edge_tpu", "no library"): "sudo apt install libedgetpu1-std; https://coral.ai/docs/accelerator/get-started",
    ("edge_tpu", "lost"): "shut the device down, take its power away for ten seconds, and start it",
    ("nvidia", "no driver"): "sudo apt install nvidia-driver (Debian) or ubuntu-drivers install (Ubuntu), and boot",
    ("hailo", "no driver"): "sudo apt install hailo-all, and boot",
}
NVML = "pip install 'benchfleet-agent[nvml]'"


def find(seen: Seen) -> Iterator[Finding]:
    """State, rights and libraries of each."""
    for found in seen.inventory.accelerators:
        if found.state not in FINE:
            fix = FIXES.get((found.family, found.state), "install the driver of its maker, and boot")
            yield problem(f"accelerator {found.state}", found.bus, why=f"{found.name}: {found.detail}", fix=fix)
        elif seen.env.here:
            yield from _rights(seen, found)
    cards = [a.bus for a in seen.inventory.accelerators if a.family == "nvidia" and a.bus.startswith("pci:")]
    if cards and seen.env.here and not _loads(seen, "pynvml"):
        yield problem("accelerator", *cards, why="its power and temperature are read through NVML (pynvml)", fix=NVML)


def _rights(seen: Seen, found: AcceleratorFacts) -> Iterator[Finding]:
    pattern, group = NODES.get((found.family, found.kind), ("", ""))
    nodes = seen.env.files.glob(pattern) if pattern and found.bus.startswith("pci:") else []
    refused = [node for node in nodes if not seen.may_use(node)]
    if refused:
        fix = f"sudo usermod -aG {group} $USER, and log in anew; in a container: --device {refused[0]}"
        yield problem("accelerator denied", found.bus, why=f"{found.name}: {refused[0]} may not be opened", fix=fix)


def _loads(seen: Seen, name: str) -> bool:
    try:
        seen.env.libraries.load(name)
    except ImportError:
        return False
    return True
