"""A processor that an emulator plays is not taken for the one it names, whatever uname or /proc/cpuinfo says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchfleet.agent import facts, probe, surroundings
from benchfleet.agent.env import live
from benchfleet.agent.env.replay import capture

X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU\nflags\t\t: fpu lm sse\n"
PI = (
    "".join(
        f"processor\t: {n}\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd0b\n\n"
        for n in range(4)
    )
    + "Hardware\t: BCM2835\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
)


def tree(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little") + bytes(40)


def recorded(folder: Path, files: dict[str, str | bytes], uname: str = "") -> Path:
    tree(folder / "root", {"etc/os-release": "", **files})
    if uname:
        index = [{"argv": ["uname", "-m"], "stdout": "00.txt", "rc": 0}]
        tree(folder, {"cmd/00.txt": f"{uname}\n", "cmd/index.json": json.dumps(index)})
    return folder


@pytest.mark.parametrize(
    ("files", "uname"),
    [
        ({"proc/cpuinfo": X86}, "aarch64"),
        ({"proc/cpuinfo": X86, "bin/sh": elf(0xB7)}, ""),
        ({"proc/cpuinfo": X86, "proc/sys/kernel/arch": "aarch64"}, ""),
        ({"proc/sys/kernel/arch": "x86_64", "proc/cpuinfo": PI}, "aarch64"),
        ({"proc/cpuinfo": PI, "proc/sys/fs/binfmt_misc/qemu-aarch64": "enabled\ninterpreter /q\n"}, "aarch64"),
        ({"proc/cpuinfo": X86, "proc/sys/fs/binfmt_misc/rosetta": "enabled\ninterpreter /r\n"}, "x86_64"),
        ({"proc/cpuinfo": X86.replace("GenuineIntel", "VirtualApple")}, "x86_64"),
        ({"proc/cpuinfo": X86.replace("Intel(R) Xeon(R) CPU", "QEMU Virtual CPU version 2.5+")}, "x86_64"),
    ],
    ids=["uname", "program", "sysctl", "kernel", "binfmt", "rosetta", "apple", "qemu"],
)
def test_an_emulated_processor_is_told_and_not_named(tmp_path, files, uname):
    env = capture(recorded(tmp_path / "board", files, uname))
    assert surroundings.emulated(env).startswith("yes: ")
    found = probe.elsewhere(env)
    assert found.facts["emulated"]
    assert found.cpu_model == ""


@pytest.mark.parametrize(
    ("files", "uname"),
    [
        ({"proc/cpuinfo": PI, "proc/sys/kernel/arch": "aarch64", "bin/sh": elf(0xB7)}, "aarch64"),
        ({"proc/cpuinfo": PI}, "armv7l"),
        ({"proc/cpuinfo": X86, "proc/sys/fs/binfmt_misc/qemu-aarch64": "enabled\ninterpreter /q\n"}, "x86_64"),
        ({"proc/cpuinfo": X86, "proc/sys/fs/binfmt_misc/qemu-x86_64": "disabled\n"}, "x86_64"),
        ({"proc/cpuinfo": X86}, ""),
        ({}, "aarch64"),
    ],
    ids=["board", "32 bit on 64", "emulates others", "disabled", "no uname", "no cpuinfo"],
)
def test_a_real_one_is_not_called_emulated(tmp_path, files, uname):
    assert surroundings.emulated(capture(recorded(tmp_path / "board", files, uname))) == ""


def test_a_processor_of_arm_is_named_by_its_cores_and_not_by_its_board():
    assert facts.cpu_model(PI) == "Cortex-A76"
    little = PI.replace("0xd0b", "0xd05", 2)
    assert facts.cpu_model(little) == "2 x Cortex-A55 + 2 x Cortex-A76"
    assert facts.cpu_model(PI.replace("0xd0b", "0xfff")) == "0x41/0xfff"
    assert facts.cpu_model("") == ""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"sys/class/dmi/id/sys_vendor": "QEMU", "sys/class/dmi/id/product_name": "Standard PC"}, "QEMU (DMI)"),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft Corporation", "sys/class/dmi/id/product_name": "Virtual Machine"},
         "Hyper-V (DMI)"),
        ({"sys/hypervisor/type": "xen"}, "xen (/sys/hypervisor)"),
        ({"proc/device-tree/compatible": "linux,dummy-virt\0"}, "QEMU (device tree)"),
        ({"proc/cpuinfo": "flags\t\t: fpu hypervisor lm\n"}, "some hypervisor (flag of the CPU)"),
        ({"sys/class/dmi/id/sys_vendor": "Dell Inc.", "proc/cpuinfo": "flags\t\t: fpu lm\n"}, None),
    ],
)  # fmt: skip
def test_a_virtual_machine_says_what_it_runs_on(tmp_path, files, said):
    assert surroundings.of(live(tree(tmp_path, files))).get("virtual") == said


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"}, "kubernetes"),
        ({"proc/1/cgroup": "0::/init.scope\n"}, None),
    ],
)
def test_a_container_is_told(tmp_path, files, said):
    assert surroundings.of(live(tree(tmp_path, files))).get("container") == said
