"""NVIDIA Jetson: the SoC by `compatible`, the board by its module, and the release of its Linux (L4T) with its JetPack.

The model string is that of the carrier board, and a maker writes his own there: it is asked where no property names the
module, and believed where it goes with the SoC. What is found but not known by name keeps its model and its SoC.
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/IN/QuickStart.html (modules and carriers, by part number),
https://developer.nvidia.com/embedded/jetpack-archive
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchfleet.agent.boards import Board
from benchfleet.agent.boards._devicetree import slug, text, texts
from benchfleet.agent.boards._l4t import release
from benchfleet.agent.env import Env

RANK = 10
SOCS = ("tegra210", "tegra186", "tegra194", "tegra234", "tegra264")
MODULES = {
    "p2180": "jetson-tx1",
    "p2888": "jetson-agx-xavier",
    "p3310": "jetson-tx2",
    "p3448": "jetson-nano",
    "p3489": "jetson-tx2",
    "p3636": "jetson-tx2-nx",
    "p3668": "jetson-xavier-nx",
    "p3701": "jetson-agx-orin",
    "p3767-0000": "jetson-orin-nx",
    "p3767-0001": "jetson-orin-nx",
    "p3767-0002": "jetson-orin-nx",
    "p3767-0003": "jetson-orin-nano",
    "p3767-0004": "jetson-orin-nano",
    "p3767-0005": "jetson-orin-nano",
    "p3834": "jetson-agx-thor",
}
"""By part number; with its variant where two products share one."""
MODELS = (
    (r"agx orin|orin jetson-small", "jetson-agx-orin", "tegra234"),
    (r"orin nx", "jetson-orin-nx", "tegra234"),
    (r"orin nano", "jetson-orin-nano", "tegra234"),
    (r"jetson.*thor|agx thor", "jetson-agx-thor", "tegra264"),
    (r"xavier nx", "jetson-xavier-nx", "tegra194"),
    (r"agx xavier|jetson-agx\b|jetson-xavier\b", "jetson-agx-xavier", "tegra194"),
    (r"tx2 nx", "jetson-tx2-nx", "tegra186"),
    (r"\btx2|\bquill\b", "jetson-tx2", "tegra186"),
    (r"jetson nano|jetson-nano", "jetson-nano", "tegra210"),
    (r"\btx1\b", "jetson-tx1", "tegra210"),
)
"""What NVIDIA's own device trees say, with the SoC it goes with."""
PART = re.compile(r"p?(\d{4})-(\d{4})")
NAMING = ("compatible", "nvidia,boardids", "nvidia,dtsfilename")
"""Properties that may name the module."""


def detect(env: Env) -> Board | None:
    """None where neither `compatible`, the model nor L4T says Tegra."""
    model, compatible = text(env, "model"), texts(env, "compatible")
    soc = next((s for s in SOCS for each in compatible if each == f"nvidia,{s}"), "")
    by_model = next(((name, of) for pattern, name, of in MODELS if re.search(pattern, model.lower())), None)
    if not soc and by_model is None and not env.files.exists("/etc/nv_tegra_release"):
        return None
    known = {"model": model, "release": release(env)}
    for module, at in _modules(env):
        name = MODULES.get(module) or MODULES.get(module[:5])
        if name:
            return Board(slug=name, module=module, soc=soc or _soc_of(name), evidence=f"{module} of {at}", **known)
    if by_model is not None and soc in ("", by_model[1]):
        return Board(slug=by_model[0], soc=by_model[1], evidence=f"model {model!r} of the device tree", **known)
    evidence = f"SoC {soc} of compatible; no property names a module that is known" if soc else "/etc/nv_tegra_release"
    return Board(slug=slug(model) or f"jetson-{soc or 'unknown'}", soc=soc, evidence=evidence, **known)


def _modules(env: Env) -> Iterator[tuple[str, str]]:
    """Part numbers with their variants, and the property each is of."""
    for name in NAMING:
        for value in texts(env, name):
            for number, variant in PART.findall(value):
                yield f"p{number}-{variant}", name


def _soc_of(name: str) -> str:
    return next((soc for _, known, soc in MODELS if known == name), "")
