"""Coral Dev Board and Dev Board Mini: Google's boards whose device trees know them by code names.

https://coral.googlesource.com/linux-imx (freescale/fsl-imx8mq-phanbell.dts), https://coral.ai/docs/dev-board-mini
"""

from __future__ import annotations

from benchfleet.agent.boards import Board
from benchfleet.agent.boards._devicetree import text, texts
from benchfleet.agent.env import Env

RANK = 10
CODE_NAMES = {"phanbell": ("coral-dev-board", "imx8mq"), "excelsior": ("coral-dev-board-mini", "mt8167")}


def detect(env: Env) -> Board | None:
    """By the code name in `compatible`, or in the model where that is all there is."""
    model, compatible = text(env, "model"), texts(env, "compatible")
    for code, (name, soc) in CODE_NAMES.items():
        at = next((each for each in compatible if code in each.lower()), "")
        if at or code in model.lower():
            evidence = f"compatible {at!r}" if at else f"model {model!r} of the device tree"
            return Board(slug=name, model=model, soc=soc, evidence=evidence)
    return None
