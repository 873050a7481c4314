"""What stands between a system and the hardware it seems to run on: an emulator, a hypervisor, a container.

Under qemu-user a program asks for its machine and is told of a processor that is not there, while /proc/cpuinfo is the
host's: what those two say apart gives it away. Then nothing that is measured is of the processor it names.
https://www.qemu.org/docs/master/user/main.html, https://docs.kernel.org/admin-guide/binfmt-misc.html,
https://docs.kernel.org/arch/x86/cpuinfo.html (flag hypervisor), https://www.freedesktop.org/software/systemd/man/systemd-detect-virt.html
"""

from __future__ import annotations

import contextlib
import platform
import re

from benchfleet.agent import facts
from benchfleet.agent.boards._devicetree import texts
from benchfleet.agent.env import Env

QEMU_NAMES = {"armv7l": "arm", "armv6l": "arm", "i686": "i386"}
"""How qemu calls a machine where it does not call it as uname does."""
X86 = ("x86_64", "i686", "i386")
ARM = ("aarch64", "armv7l", "armv6l", "armv8l")
BINFMT = "/proc/sys/fs/binfmt_misc"
HYPERVISORS = {
    "qemu": "QEMU", "vmware": "VMware", "innotek": "VirtualBox", "xen": "Xen", "amazon ec2": "Amazon EC2",
    "google compute engine": "Google Compute Engine", "virtual machine": "Hyper-V", "openstack": "OpenStack",
    "bochs": "Bochs", "parallels": "Parallels", "kvm": "KVM",
}  # fmt: skip
"""Parts of what DMI says of the machine."""
CONTAINERS = {
    "docker": "docker",
    "kubepods": "kubernetes",
    "libpod": "podman",
    "lxc": "lxc",
    "containerd": "containerd",
}


def of(env: Env) -> dict[str, str]:
    """emulated, virtual and container, each with what it was told by; what is not so is left out."""
    found = {"emulated": emulated(env), "virtual": virtual(env), "container": container(env)}
    return {name: how for name, how in found.items() if how}


def emulated(env: Env) -> str:
    """Why the processor is taken for an emulated one; empty where nothing says so."""
    info = facts.cpuinfo(env)
    says, is_of = machine(env), facts.arch_of(info)
    if says and is_of and _family(says) != _family(is_of):
        return f"yes: the system is for {says}, /proc/cpuinfo is that of {is_of}"
    kernel = env.files.text("/proc/sys/kernel/arch", "")
    if says and kernel and _family(says) != _family(kernel):
        return f"yes: the system is for {says}, its kernel for {kernel}"
    emulators = [f"qemu-{QEMU_NAMES.get(says, says)}", *(["rosetta"] if says in X86 else [])] if says else []
    for name in emulators:
        if env.files.text(f"{BINFMT}/{name}", "").startswith("enabled"):
            return f"yes: {BINFMT}/{name} runs programs of {says}, which the processor would run itself"
    if re.search(r"VirtualApple|QEMU (TCG|Virtual) CPU", info):
        return f"yes: /proc/cpuinfo names {facts.cpu_model(info) or 'VirtualApple'}"
    if env.here and re.search(r"/(qemu-\w+|rosetta)\b", env.files.text("/proc/self/maps", "")):
        return "yes: this process is run by an emulator, says /proc/self/maps"
    return ""


def machine(env: Env) -> str:
    """What uname -m says in this system; empty where a recording does not tell."""
    if env.here:
        return platform.machine()
    with contextlib.suppress(OSError):
        answer = env.commands.run(["uname", "-m"]).stdout.strip()
        if answer:
            return answer
    return env.files.text("/proc/sys/kernel/arch", "") or facts.machine(env)


def virtual(env: Env) -> str:
    """The hypervisor by its name, or by what gives one away; empty where nothing does."""
    dmi = " ".join(env.files.text(f"/sys/class/dmi/id/{name}", "") for name in ("sys_vendor", "product_name")).lower()
    for part, name in HYPERVISORS.items():
        if part in dmi:
            return f"{name} (DMI)"
    kind = env.files.text("/sys/hypervisor/type", "")
    if kind:
        return f"{kind} (/sys/hypervisor)"
    if any(each.startswith(("linux,dummy-virt", "qemu,")) for each in texts(env, "compatible")):
        return "QEMU (device tree)"
    if re.search(r"^flags\s*:.*\bhypervisor\b", facts.cpuinfo(env), re.MULTILINE):
        return "some hypervisor (flag of the CPU)"
    return ""


def container(env: Env) -> str:
    """The kind of container this system is in; empty where nothing says so."""
    files = env.files
    kind = files.text("/run/systemd/container", "")
    if kind:
        return kind
    if files.exists("/.dockerenv"):
        return "docker"
    if files.exists("/run/.containerenv"):
        return "podman"
    groups = files.text("/proc/1/cgroup", "")
    return next((name for part, name in CONTAINERS.items() if f"/{part}" in groups or f"{part}-" in groups), "")


def _family(arch: str) -> str:
    return "x86" if arch in X86 else "arm" if arch in ARM else arch
