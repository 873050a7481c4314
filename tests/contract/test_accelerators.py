"""What every accelerator file promises: absence is an empty list, and what is there says where and in what state."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from benchfleet.agent import accelerators
from benchfleet.agent.env import live
from benchfleet.core import plugins
from benchfleet.core.inventory import AcceleratorFacts

FAMILIES = plugins.load_all(accelerators.PACKAGE, accelerators.GROUP)
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
PCI = {
    "0000:01:00.0": ("0x10de", "0x2684", "0x030000", "nvidia"),
    "0000:02:00.0": ("0x10de", "0x1eb8", "0x030200", "nouveau"),
    "0000:02:00.1": ("0x10de", "0x22ba", "0x040300", "snd_hda_intel"),
    "0000:03:00.0": ("0x1002", "0x744c", "0x030000", "amdgpu"),
    "0000:c5:00.1": ("0x1022", "0x17f0", "0x118000", "amdxdna"),
    "0000:00:02.0": ("0x8086", "0x7d55", "0x030000", "i915"),
    "0000:00:0b.0": ("0x8086", "0x7d1d", "0x120000", "intel_vpu"),
    "0000:00:1f.0": ("0x8086", "0x7e02", "0x060100", ""),
    "0000:04:00.0": ("0x1e60", "0x2864", "0x120000", ""),
    "0000:05:00.0": ("0x1ac1", "0x089a", "0xff0000", ""),
}


def pci(root: Path, devices: dict[str, tuple[str, str, str, str]]) -> Path:
    for address, (vendor, device, kind, driver) in devices.items():
        folder = root / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        for name, text in (("vendor", vendor), ("device", device), ("class", kind)):
            (folder / name).write_text(f"{text}\n")
        if driver:
            (folder / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return root


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@every_family
def test_absence_is_no_error(family: ModuleType, tmp_path: Path) -> None:
    assert family.probe(live(tmp_path)) == []


@every_family
@pytest.mark.parametrize("damage", ["", "garbage", "0xzz"])
def test_numbers_that_are_none_are_nobody(family: ModuleType, tmp_path: Path, damage: str) -> None:
    assert family.probe(live(pci(tmp_path, {"0000:01:00.0": (damage, damage, damage, "")}))) == []


def test_each_is_found_by_its_family_and_says_whether_it_can_work(tmp_path: Path) -> None:
    found = {each.bus: each for each in accelerators.listed(live(pci(tmp_path, PCI)))}
    said = {bus: (each.family, each.kind, each.driver, each.state) for bus, each in found.items()}
    assert said == {
        "pci:0000:01:00.0": ("nvidia", "gpu", "nvidia", "ready"),
        "pci:0000:02:00.0": ("nvidia", "gpu", "nouveau", "no driver"),
        "pci:0000:03:00.0": ("amd", "gpu", "amdgpu", "ready"),
        "pci:0000:c5:00.1": ("amd", "npu", "amdxdna", "ready"),
        "pci:0000:00:02.0": ("intel", "gpu", "i915", "ready"),
        "pci:0000:00:0b.0": ("intel", "npu", "intel_vpu", "ready"),
        "pci:0000:04:00.0": ("hailo", "npu", "", "no driver"),
    } | ({"pci:0000:05:00.0": ("edge_tpu", "tpu", "", "no driver")} if "edge_tpu" in FAMILIES else {})
    assert all(each.detail for each in found.values() if each.state != "ready")


def test_the_gpu_of_a_tegra_is_part_of_it(tmp_path: Path) -> None:
    files = {
        "proc/device-tree/compatible": "nvidia,p3701-0005\0nvidia,tegra234\0",
        "sys/devices/platform/gpu.0/load": "0",
    }
    (found,) = accelerators.listed(live(tree(tmp_path, files)))
    assert (found.family, found.kind, found.bus, found.state) == ("nvidia", "gpu", "platform:gpu", "ready")


def test_a_card_says_its_model_and_its_driver_version(tmp_path: Path) -> None:
    root = tree(
        pci(tmp_path, {"0000:01:00.0": PCI["0000:01:00.0"]}),
        {
            "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n",
            "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA H100 PCIe\nGPU UUID: \t GPU-1\n",
        },
    )
    (found,) = accelerators.listed(live(root))
    assert (found.name, found.library) == ("NVIDIA H100 PCIe", "550.54.14")


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({"proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0"}, "no driver"),
        ({"sys/kernel/debug/rknpu/load": "NPU load: 48%", "sys/kernel/debug/rknpu/version": "RKNPU v0.9.6"}, "ready"),
    ],
)  # fmt: skip
def test_an_npu_of_rockchip_is_found_by_its_soc_or_by_its_driver(tmp_path: Path, files, state) -> None:
    (found,) = accelerators.listed(live(tree(tmp_path, files)))
    assert (found.family, found.kind, found.state) == ("rockchip", "npu", state)


def test_a_family_that_breaks_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FAMILIES["amd"], "probe", lambda env: 1 / 0)
    found: tuple[AcceleratorFacts, ...] = accelerators.listed(live(pci(tmp_path, PCI)))
    assert {each.family for each in found} >= {"nvidia", "intel", "hailo"}
