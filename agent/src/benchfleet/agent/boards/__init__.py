"""What board a device is, one file per family; the file that is sure of most says it.

A board file holds `detect(env) -> Board | None` and RANK: of several that recognise a device, the lowest is believed
(a family knows more of its boards than the device tree in general does). A board is named by what is soldered on it:
the SoC and the module where the device tree says them, and the model string where nothing else is known, since whoever
makes a carrier board writes what he likes there. `evidence` says what it was decided by.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from benchfleet.agent.env import Env
from benchfleet.core import plugins

log = logging.getLogger(__name__)

PACKAGE = "benchfleet.agent.boards"
GROUP = "benchfleet.boards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """`slug` is the name that labels and selectors write; what is not known is empty.

    `model` is what the device says of itself, `module` the part on which the SoC is (p3767-0005), `release` the
    vendor's software (L4T 36.4.3 (JetPack 6.2)).
    """

    slug: str
    model: str = ""
    module: str = ""
    soc: str = ""
    release: str = ""
    evidence: str = ""

    def facts(self) -> dict[str, str]:
        """What is known beside the slug."""
        named = {"model": self.model, "module": self.module, "soc": self.soc, "release": self.release}
        return {name: value for name, value in named.items() if value} | {"board_evidence": self.evidence}


def detect(env: Env) -> Board | None:
    """The board, by the family that is sure of most; None where none recognises it."""
    families = plugins.load_all(PACKAGE, GROUP)
    for name, family in sorted(families.items(), key=lambda each: (each[1].RANK, each[0])):
        try:
            found: Board | None = family.detect(env)
        except Exception as error:  # a file of a third party, or a tree nobody has seen: the others are asked
            log.warning("boards event=detect_failed family=%s error=%s", name, error)
            continue
        if found is not None:
            return found
    return None
