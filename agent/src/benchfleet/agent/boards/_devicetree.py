"""Properties of the device tree's root: lists of texts that end in NUL.

/proc/device-tree is a link to /sys/firmware/devicetree/base; a container or a recording may have one of the two.
https://docs.kernel.org/devicetree/usage-model.html, https://www.devicetree.org/specifications/ (2.2.4, <stringlist>)
"""

from __future__ import annotations

import contextlib
import re

from benchfleet.agent.env import Env

PLACES = ("/proc/device-tree", "/sys/firmware/devicetree/base")


def texts(env: Env, name: str) -> list[str]:
    """The texts of a property, in the tree's order; empty where it is not there."""
    for place in PLACES:
        with contextlib.suppress(OSError):
            parts = env.files.read(f"{place}/{name}").decode(errors="replace").split("\0")
            found = [part.strip() for part in parts if part.strip()]
            if found:
                return found
    return []


def text(env: Env, name: str) -> str:
    """The first text of a property."""
    return next(iter(texts(env, name)), "")


def slug(model: str) -> str:
    """A model as labels and selectors write it: raspberry-pi-5 of "Raspberry Pi 5 Model B Rev 1.0"."""
    name = re.sub(r"^(nvidia|radxa|hardkernel|xunlong)\s+", "", model.lower())
    name = re.split(r"\s+(?:model\b|rev\b|developer kit|engineering reference|module\b)", name)[0]
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")
