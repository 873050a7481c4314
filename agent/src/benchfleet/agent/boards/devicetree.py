"""Any board that has a device tree, by the model that it says of itself, and the SoC that stands last in `compatible`.

https://docs.kernel.org/devicetree/usage-model.html: from the board to the SoC, most specific first.
"""

from __future__ import annotations

from benchfleet.agent.boards import Board
from benchfleet.agent.boards._devicetree import slug, text, texts
from benchfleet.agent.env import Env

RANK = 90
"""Behind every family."""
VIRTUAL = ("linux,dummy-virt", "qemu,")
"""Trees that an emulator made: no board."""


def detect(env: Env) -> Board | None:
    """Named by its model; None for a machine without one, and for a virtual machine."""
    model, compatible = text(env, "model"), texts(env, "compatible")
    name = slug(model)
    if not name or any(each.startswith(VIRTUAL) for each in compatible):
        return None
    soc = compatible[-1].rpartition(",")[2] if len(compatible) > 1 else ""
    return Board(slug=name, model=model, soc=soc, evidence=f"model {model!r} of the device tree")
