"""Raspberry Pi, by the foundation's `compatible` and the model that its firmware writes; with Raspberry Pi OS.

Models of one size are one board: 3 Model B and B Plus are raspberry-pi-3, and what early firmware calls Zero 2 is the
Zero 2 W. https://www.raspberrypi.com/documentation/computers/raspberry-pi.html (revision codes),
https://github.com/RPi-Distro/pi-gen (/etc/rpi-issue)
"""

from __future__ import annotations

import re

from benchfleet.agent.boards import Board
from benchfleet.agent.boards._devicetree import slug, text, texts
from benchfleet.agent.env import Env

RANK = 10
SOCS = ("bcm2835", "bcm2836", "bcm2837", "bcm2711", "bcm2712")
SOC_OF = {"1": "bcm2835", "2": "bcm2836", "3": "bcm2837", "4": "bcm2711", "5": "bcm2712"}
"""By generation, where `compatible` is not there."""


def detect(env: Env) -> Board | None:
    """None for a board of another maker, and for another board with a Broadcom SoC."""
    model, compatible = text(env, "model"), texts(env, "compatible")
    ours = next((each for each in compatible if each.startswith("raspberrypi,")), "")
    if not ours and not model.startswith("Raspberry Pi"):
        return None
    name = _name(model) or _name(f"raspberry pi {ours.partition(',')[2].replace('-', ' ')}")
    generation = re.search(r"-(\d)(?:00)?(?:-|$)", name)
    soc = next((s for s in SOCS if f"brcm,{s}" in compatible), "")
    return Board(
        slug=name,
        model=model,
        soc=soc or (SOC_OF.get(generation[1], "") if generation and "zero" not in name else ""),
        release=env.files.text("/etc/rpi-issue", "").partition("\n")[0],
        evidence=f"compatible {ours!r}" if ours else f"model {model!r} of the device tree",
    )


def _name(model: str) -> str:
    words = model.lower().split()
    if words[:2] != ["raspberry", "pi"]:
        return ""
    if "module" in words:  # "Compute Module 4", "Compute Module 3 Plus"
        number = next((word for word in words if word[:1].isdigit()), "")
        return f"raspberry-pi-compute-module-{number}".rstrip("-")
    if words[2:4] == ["model", "zero"]:  # as compatible has it: model-zero-2-w
        words.pop(2)
    name = slug(" ".join(words))
    return "raspberry-pi-zero-2-w" if name == "raspberry-pi-zero-2" else name
