"""Boards with a Rockchip SoC: named by their model, the SoC by `compatible`, the image by what its maker wrote.

https://www.kernel.org/doc/Documentation/devicetree/bindings/arm/rockchip.yaml
"""

from __future__ import annotations

import re

from benchfleet.agent.boards import Board
from benchfleet.agent.boards._devicetree import slug, text, texts
from benchfleet.agent.env import Env

RANK = 20
RELEASES = {"/etc/armbian-release": ("Armbian", "VERSION"), "/etc/orangepi-release": ("Orange Pi", "VERSION")}


def detect(env: Env) -> Board | None:
    """None without a SoC of Rockchip."""
    model, compatible = text(env, "model"), texts(env, "compatible")
    at = next((each for each in compatible if re.fullmatch(r"rockchip,r[kv]\d{4}\w*", each)), "")
    if not at:
        return None
    soc = at.partition(",")[2]
    name = slug(model) or slug(compatible[0].partition(",")[2]) or soc
    return Board(slug=name, model=model, soc=soc, release=_release(env), evidence=f"compatible {at!r}")


def _release(env: Env) -> str:
    for path, (maker, field) in RELEASES.items():
        for line in env.files.text(path, "").splitlines():
            if line.startswith(f"{field}="):
                return f"{maker} {line.partition('=')[2].strip(chr(34))}"
    return ""
