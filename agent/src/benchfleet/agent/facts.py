"""The facts of the system a device runs, from its files alone, so that a recording or another root tells of itself.

Nothing of the machine that reads comes in: what its files do not say is None.
https://docs.kernel.org/admin-guide/sysctl/kernel.html (arch, hostname, osrelease),
https://www.freedesktop.org/software/systemd/man/os-release.html, https://refspecs.linuxfoundation.org/elf/elf.pdf
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections import Counter
from typing import Any

from benchfleet.agent.env import Env

CPUINFO_BYTES = 1024 * 1024
"""A server of 256 CPUs has 400 kB of it."""
PROGRAMS = ("/bin/sh", "/usr/bin/sh", "/bin/busybox", "/sbin/init", "/lib/systemd/systemd")
"""Some program of the system, whose header says for what processor it is."""
ELF_MACHINES = {0x03: "i686", 0x28: "armv7l", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64"}

ARM, NVIDIA = "0x41", "0x4e"
CORES = {
    (ARM, "0xd03"): "Cortex-A53", (ARM, "0xd04"): "Cortex-A35", (ARM, "0xd05"): "Cortex-A55",
    (ARM, "0xd07"): "Cortex-A57", (ARM, "0xd08"): "Cortex-A72", (ARM, "0xd09"): "Cortex-A73",
    (ARM, "0xd0a"): "Cortex-A75", (ARM, "0xd0b"): "Cortex-A76", (ARM, "0xd0c"): "Neoverse-N1",
    (ARM, "0xd0d"): "Cortex-A77", (ARM, "0xd40"): "Neoverse-V1", (ARM, "0xd41"): "Cortex-A78",
    (ARM, "0xd42"): "Cortex-A78AE", (ARM, "0xd44"): "Cortex-X1", (ARM, "0xd46"): "Cortex-A510",
    (ARM, "0xd47"): "Cortex-A710", (ARM, "0xd49"): "Neoverse-N2", (ARM, "0xd4f"): "Neoverse-V2",
    (ARM, "0xd83"): "Neoverse-V3AE", (ARM, "0xd84"): "Neoverse-V3", (ARM, "0xc07"): "Cortex-A7",
    (NVIDIA, "0x003"): "Denver 2", (NVIDIA, "0x004"): "Carmel",
}  # fmt: skip
"""By implementer and part; Linux, arch/arm64/include/asm/cputype.h."""


def of(env: Env) -> dict[str, Any]:
    """hostname, os, kernel, arch, cpu_model, cpu_count, memory_bytes and boot_id; None where no file says it."""
    files = env.files
    info = cpuinfo(env)
    found = {
        "hostname": files.text("/proc/sys/kernel/hostname", "") or files.text("/etc/hostname", ""),
        "os": os_release(env),
        "kernel": _kernel(env),
        "arch": files.text("/proc/sys/kernel/arch", "") or machine(env) or arch_of(info),
        "cpu_model": cpu_model(info),
        "cpu_count": _cpu_count(env, info),
        "memory_bytes": _memory_bytes(files.text("/proc/meminfo", "")),
        "boot_id": files.text("/proc/sys/kernel/random/boot_id", ""),
    }
    return {name: value or None for name, value in found.items()}


def os_release(env: Env) -> str:
    """The pretty name of the system; empty where it says none."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in env.files.text(path, "").splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.split("=", 1)[1].strip("\"'")
    return ""


def cpuinfo(env: Env) -> str:
    """All of /proc/cpuinfo; empty where it cannot be read."""
    with contextlib.suppress(OSError):
        return env.files.read("/proc/cpuinfo", CPUINFO_BYTES).decode(errors="replace")
    return ""


def cpu_model(info: str) -> str:
    """The name of the processor; ARM kernels say numbers of its cores instead, and in `Hardware` what does not hold."""
    found = re.search(r"^(?:model name|cpu model)\s*:\s*(.+)", info, re.MULTILINE)
    if found and "rev " not in found[1]:  # "ARMv7 Processor rev 4 (v7l)" is no name
        return found[1].strip()
    makers = re.findall(r"^CPU implementer\s*:\s*(\S+)", info, re.MULTILINE)
    parts = re.findall(r"^CPU part\s*:\s*(\S+)", info, re.MULTILINE)
    cores = Counter(CORES.get((maker, part), f"{maker}/{part}") for maker, part in zip(makers, parts, strict=False))
    if len(cores) == 1:
        return next(iter(cores))
    return " + ".join(f"{count} x {core}" for core, count in cores.items())


def machine(env: Env) -> str:
    """For what processor the programs of this system are (uname -m): from the ELF header of one of them."""
    for path in PROGRAMS:
        with contextlib.suppress(OSError, struct.error):
            head = env.files.read(path, 20)
            if head[:4] == b"\x7fELF":
                (code,) = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])
                return ELF_MACHINES.get(code, "")
    return ""


def _kernel(env: Env) -> str:
    release = env.files.text("/proc/sys/kernel/osrelease", "")
    if release:
        return release
    found = re.match(r"Linux version (\S+)", env.files.text("/proc/version", ""))
    return found[1] if found else ""


def arch_of(info: str) -> str:
    """Of what processor /proc/cpuinfo speaks, by the fields that x86, ARM and RISC-V have."""
    if re.search(r"^vendor_id\s*:", info, re.MULTILINE):
        return "x86_64" if re.search(r"^flags\s*:.*\blm\b", info, re.MULTILINE) else "i686"
    if re.search(r"^isa\s*:\s*rv64", info, re.MULTILINE):
        return "riscv64"
    found = re.search(r"^CPU architecture\s*:\s*(\S+)", info, re.MULTILINE)
    return {"8": "aarch64", "AArch64": "aarch64", "7": "armv7l"}.get(found[1], "") if found else ""


def _cpu_count(env: Env, info: str) -> int:
    for name in ("online", "present", "possible"):
        with contextlib.suppress(OSError, ValueError):
            return _listed(env.files.text(f"/sys/devices/system/cpu/{name}"))
    return len(re.findall(r"^processor\s*:\s*\d+", info, re.MULTILINE))


def _listed(ranges: str) -> int:
    """Of "0-3,6": five."""
    count = 0
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def _memory_bytes(meminfo: str) -> int:
    found = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
