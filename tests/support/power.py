"""Boards whose power modes can be set: a tree of cpufreq, and a Jetson whose nvpmodel and jetson_clocks do as told."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchfleet.agent.env import Answer, Env
from benchfleet.agent.env.commands import NoCommands
from benchfleet.agent.env.libraries import NoLibraries
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.env.web import Http

GOVERNORS = "performance powersave userspace schedutil"
CONF = """\
# power model of a synthetic Orin Nano
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_0 /sys/devices/system/cpu/cpu0/online
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=1 NAME=25W >
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
< POWER_MODEL ID=3 NAME=REBOOT_ONLY >
< PM_CONFIG DEFAULT=1 >
"""


def cpufreq_tree(root: Path, governors: Sequence[str] = ("schedutil", "schedutil"), boot_id: str = "boot-1") -> Path:
    """A root with a cpufreq policy a governor, each with three clocks."""
    for i, governor in enumerate(governors):
        policy = root / f"sys/devices/system/cpu/cpufreq/policy{4 * i}"
        policy.mkdir(parents=True)
        texts = {
            "scaling_governor": governor, "scaling_available_governors": GOVERNORS, "scaling_min_freq": "600000",
            "scaling_max_freq": "1800000", "cpuinfo_min_freq": "600000", "cpuinfo_max_freq": "1800000",
            "scaling_available_frequencies": "600000 1200000 1800000",
        }  # fmt: skip
        for name, text in texts.items():
            (policy / name).write_text(f"{text}\n")
    (root / "sys/devices/system/cpu/online").write_text("0-5\n")
    boot(root, boot_id)
    return root


def boot(root: Path, boot_id: str) -> None:
    """The root as of another boot."""
    path = root / "proc/sys/kernel/random/boot_id"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{boot_id}\n")


def governors(root: Path) -> list[str]:
    """Of each policy."""
    policies = sorted((root / "sys/devices/system/cpu/cpufreq").iterdir())
    return [(policy / "scaling_governor").read_text().strip() for policy in policies]


def env_of(root: Path, commands: object | None = None, *, writable: bool = True, errors: dict[str, str] | None = None):
    """The board below a root."""
    tree = Tree(root, errors=errors, writable=writable)
    return Env(
        files=tree,
        commands=commands or NoCommands("no commands here"),  # type: ignore[arg-type]
        web=Http(),
        libraries=NoLibraries("no libraries here"),
    )


class Jetson:
    """nvpmodel and jetson_clocks of a board below `root`; what they were told is in `calls`.

    `silent`: ids that -m takes without a word and does not set. The mode lives in a file, as on a board.
    """

    def __init__(self, root: Path, mode: str = "1", silent: Sequence[str] = (), noise: str = "") -> None:
        cpufreq_tree(root)
        (root / "etc").mkdir()
        (root / "etc/nvpmodel.conf").write_text(CONF)
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/jetson_clocks").write_text("#!/bin/bash\n")
        self.root, self.silent, self.noise = root, silent, noise
        self.calls: list[list[str]] = []
        self.status = root / "status"
        self.status.write_text(mode)

    @property
    def env(self) -> Env:
        return env_of(self.root, self)

    @property
    def mode(self) -> str:
        return self.status.read_text()

    @property
    def clocks_held(self) -> bool:
        return all((p / "scaling_min_freq").read_text() == (p / "scaling_max_freq").read_text() for p in self._policies)

    @property
    def _policies(self) -> list[Path]:
        return sorted((self.root / "sys/devices/system/cpu/cpufreq").iterdir())

    def run(self, argv: Sequence[str], timeout_s: float = 0.0) -> Answer:
        self.calls.append(list(argv))
        match list(argv):
            case ["nvpmodel", "-q"]:
                names = dict(zip("0123", ("15W", "25W", "MAXN_SUPER", "REBOOT_ONLY"), strict=True))
                return Answer(stdout=f"NV Power Mode: {names[self.mode]}\n{self.mode}\n{self.noise}")
            case ["nvpmodel", "-m", "3"]:
                return Answer(stdout="NVPM WARN: Reboot required for changing to this power mode: 3\n")
            case ["nvpmodel", "-m", number]:
                if number not in self.silent:
                    self.status.write_text(number)
                    for policy in self._policies:  # as the real one does: caps of the model, and its governor
                        (policy / "scaling_governor").write_text("schedutil\n")
                return Answer(stdout="")
            case ["jetson_clocks", "--store", file]:
                if Path(file).exists():
                    return Answer(stdout="exists. Can I overwrite it? Y/N", code=1)
                Path(file).write_text((self._policies[0] / "scaling_min_freq").read_text())
            case ["jetson_clocks", "--restore", file]:
                for policy in self._policies:
                    shutil.copyfile(file, policy / "scaling_min_freq")
            case ["jetson_clocks"]:
                for policy in self._policies:
                    shutil.copyfile(policy / "scaling_max_freq", policy / "scaling_min_freq")
            case _:
                raise FileNotFoundError(argv[0])
        return Answer(stdout="")
