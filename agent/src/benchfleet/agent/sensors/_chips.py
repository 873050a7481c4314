"""Which driver reads a chip of /sys/class/hwmon: one that knows it, by the chip's name, or else the generic one.

A chip that two drivers read would be two sensors of one current. So the generic driver leaves out every chip that has
an owner here, whether or not the owner found something to read in it.
"""

from __future__ import annotations

import fnmatch

OWNERS = {
    "ina3221": "ina3221",
    "ina3221x": "ina3221",
    "ina238": "ina238",
    "ina2*": "ina2xx",
    "soctherm_oc": "jetson",
    "rpi_volt": "raspberry_pi",
    "apex*": "coral",
    "amdgpu": "amd",
    "i915": "intel_gpu",
    "xe": "intel_gpu",
    "intel_vpu": "intel_gpu",
    "intel_npu": "intel_gpu",
}
"""Name of the chip, or a pattern of names, to the driver; the first that fits counts."""


def owner(chip: str) -> str:
    """The driver that reads a chip of this name; empty where it is the generic one's."""
    return next((driver for pattern, driver in OWNERS.items() if fnmatch.fnmatchcase(chip, pattern)), "")
