"""The release of NVIDIA's Linux for Tegra, and the JetPack that it belongs to.

/etc/nv_tegra_release begins "# R36 (release), REVISION: 4.3, GCID: ..."; images without it have the Debian package.
https://developer.nvidia.com/embedded/jetson-linux-archive
"""

from __future__ import annotations

import contextlib
import re

from benchfleet.agent.env import Env

STATUS_BYTES = 16 * 1024 * 1024
"""Of the list of packages: 3000 of them have 4 MB."""
JETPACKS = {
    "32.4.3": "4.4", "32.4.4": "4.4.1", "32.5.0": "4.5", "32.5.1": "4.5.1", "32.6.1": "4.6", "32.7.1": "4.6.1",
    "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.4": "4.6.4", "32.7.5": "4.6.5", "32.7.6": "4.6.6",
    "34.1.0": "5.0", "34.1.1": "5.0.1", "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1", "35.4.1": "5.1.2",
    "35.5.0": "5.1.3", "35.6.0": "5.1.4", "36.2.0": "6.0", "36.3.0": "6.0", "36.4.0": "6.1", "36.4.3": "6.2",
    "36.4.4": "6.2.1", "36.4.7": "6.2.1", "36.5.0": "6.2.2", "36.5.2": "6.2.3", "38.2.0": "7.0", "38.2.1": "7.0",
    "38.4.0": "7.1", "39.0.0": "7.2", "39.2.0": "7.2", "39.2.1": "7.2.1", "39.2.2": "7.2.2",
}  # fmt: skip
MAJORS = {"32": "4.x", "34": "5.x", "35": "5.x", "36": "6.x", "38": "7.x", "39": "7.x"}
"""For a revision that is not listed."""


def release(env: Env) -> str:
    """As "L4T 36.4.3 (JetPack 6.2)"; empty where nothing says it."""
    found = re.match(r"# R(\d+) \(\w+\), REVISION: ([\d.]+)", env.files.text("/etc/nv_tegra_release", ""))
    version = f"{found[1]}.{found[2]}" if found else _packaged(env)
    if not version:
        return ""
    version += ".0" * max(0, 2 - version.count("."))
    jetpack = JETPACKS.get(version) or MAJORS.get(version.partition(".")[0])
    return f"L4T {version}" + (f" (JetPack {jetpack})" if jetpack else "")


def _packaged(env: Env) -> str:
    status = ""
    with contextlib.suppress(OSError):
        status = env.files.read("/var/lib/dpkg/status", STATUS_BYTES).decode(errors="replace")
    for block in status.split("\n\n"):
        if block.startswith("Package: nvidia-l4t-core\n"):
            found = re.search(r"^Version: ([\d.]+)", block, re.MULTILINE)
            return found[1] if found else ""
    with contextlib.suppress(OSError):
        answer = env.commands.run(["dpkg-query", "--show", "nvidia-l4t-core"])
        found = re.match(r"nvidia-l4t-core\s+([\d.]+)", answer.stdout)
        return found[1] if found else ""
    return ""
