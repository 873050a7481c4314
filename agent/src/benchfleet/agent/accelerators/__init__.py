"""What can run a model beside the CPU, one file per family; present and unusable is a state, not absence.

An accelerator file holds `probe(env) -> list[AcceleratorFacts]`; its name is the family that selectors write
(`accelerator/edge_tpu`). It reads the device through the Env alone, and loads no vendor library that may crash.
`bus` is where the thing is plugged, since numbers of devices change at each boot.
"""

from __future__ import annotations

import logging

from benchfleet.agent.env import Env
from benchfleet.agent.sensors._deadline import PROBE_S, Gone, within
from benchfleet.core import plugins
from benchfleet.core.inventory import AcceleratorFacts

log = logging.getLogger(__name__)

PACKAGE = "benchfleet.agent.accelerators"
GROUP = "benchfleet.accelerators"


def listed(env: Env) -> tuple[AcceleratorFacts, ...]:
    """All that are there, by family and then by where they are plugged; a family that fails or hangs hides no other."""
    found: list[AcceleratorFacts] = []
    for name, family in plugins.load_all(PACKAGE, GROUP).items():
        try:
            found += within(lambda family=family: family.probe(env), PROBE_S)  # type: ignore[misc]
        except Gone:
            log.warning("accelerators event=probe_hangs family=%s", name)
        except Exception as error:  # a file of a third party, or hardware nobody has seen
            log.warning("accelerators event=probe_failed family=%s error=%s", name, error)
    return tuple(sorted(found, key=lambda each: (each.family, each.bus)))
