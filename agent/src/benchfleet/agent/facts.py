"""The facts of the system a device runs, from its files alone, so that a recording or another root tells of itself.

Nothing of the machine that reads comes in: what its files do not say is None.
https://docs.kernel.org/admin-guide/sysctl/kernel.html (arch, hostname, osrelease),
https://www.freedesktop.org/software/systemd/man/os-release.html, https://refspecs.linuxfoundation.org/elf/elf.pdf
"""

from __future__ import annotations

import contextlib
import re
import struct
from typing import Any

from benchfleet.agent.env import Env

CPUINFO_BYTES = 1024 * 1024
"""A server of 256 CPUs has 400 kB of it."""
PROGRAMS = ("/bin/sh", "/usr/bin/sh", "/bin/busybox", "/sbin/init", "/lib/systemd/systemd")
"""Some program of the system, whose header says for what processor it is."""
ELF_MACHINES = {0x03: "i686", 0x28: "armv7l", 0x3E: "x86_64", 0xB7: "aarch64", 0xF3: "riscv64"}


def of(env: Env) -> dict[str, Any]:
    """hostname, os, kernel, arch, cpu_model, cpu_count, memory_bytes and boot_id; None where no file says it."""
    files = env.files
    info = cpuinfo(env)
    found = {
        "hostname": files.text("/proc/sys/kernel/hostname", "") or files.text("/etc/hostname", ""),
        "os": os_release(env),
        "kernel": _kernel(env),
        "arch": files.text("/proc/sys/kernel/arch", "") or machine(env) or _arch_of(info),
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
    """The name of the processor, as x86 and some ARM kernels say it."""
    for line in info.splitlines():
        if re.match(r"(model name|Model|Hardware|cpu model)\s*:", line):
            return line.split(":", 1)[1].strip()
    return ""


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


def _arch_of(info: str) -> str:
    if re.search(r"^vendor_id\s*:", info, re.MULTILINE):
        return "x86_64" if re.search(r"^flags\s*:.*\blm\b", info, re.MULTILINE) else "i686"
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
