"""Which libedgetpu a device has: the package of the reduced clock, that of the full one, or one that nobody packaged.

libedgetpu1-std and libedgetpu1-max install the same file, libedgetpu.so.1, and run a model at half and at full clock;
so a latency of an Edge TPU means little without it. They exclude each other.
https://coral.ai/docs/accelerator/get-started/#runtime-on-linux
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchfleet.agent.env import Env

PACKAGES = {"libedgetpu1-std": "std", "libedgetpu1-max": "max"}
CLOCKS = {"std": "reduced", "max": "full", "unknown": "unknown"}
LIBRARIES = ("/usr/lib/*/libedgetpu.so.1", "/usr/lib/libedgetpu.so.1", "/usr/local/lib/libedgetpu.so.1")
STATUS = "/var/lib/dpkg/status"
STATUS_BYTES = 32 * 1024 * 1024
"""A desktop with 5000 packages has 8 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """`variant` is std, max, or unknown for one of no package; `path` is empty where only the package is known."""

    variant: str
    version: str = ""
    package: str = ""
    path: str = ""

    @property
    def clock(self) -> str:
        """At which the package lets the TPU run: reduced, full or unknown."""
        return CLOCKS[self.variant]


def library(env: Env) -> Library | None:
    """The one that is installed; None where there is none."""
    path = next((found for pattern in LIBRARIES for found in env.files.glob(pattern)), "")
    for package, version in (_by_file(env) or _by_command(env)).items():
        return Library(variant=PACKAGES[package], version=version, package=package, path=path)
    return Library(variant="unknown", path=path) if path else None


def _by_file(env: Env) -> dict[str, str]:
    """{package: version} of those that dpkg's own list says are installed."""
    try:
        text = env.files.read(STATUS, STATUS_BYTES).decode(errors="replace")
    except OSError:
        return {}
    found = {}
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Package") in PACKAGES and _installed(fields.get("Status", "")):
            found[fields["Package"]] = fields.get("Version", "")
    return found


def _by_command(env: Env) -> dict[str, str]:
    """The same of `dpkg -s`, where the list cannot be read."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            answer = env.commands.run(["dpkg", "-s", package])
        except OSError:
            return found
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", answer.stdout, re.MULTILINE))
        if answer.code == 0 and _installed(fields.get("Status", "")):
            found[package] = fields.get("Version", "")
    return found


def _installed(status: str) -> bool:
    return status.split()[-1:] == ["installed"]
