"""What an engine says of itself: its own time of a call, without our call around it, and how long it took to build.

OpenVINO tells InferRequest.latency, TensorRT the time between two CUDA events. The headline stays the wall clock's,
which is what a program sees; both clocks time the same calls, after the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _told(fact: str, why: str, method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        found = [launch.facts.get(fact) for launch in evidence.model.launches]
        known = [float(value) for value in found if value is not None]
        if not known:
            return missing(why)
        return Value(value=median(known), n=len(known), method=method, source="runtime")

    return compute


_SILENT = "this runtime has no clock of its own"

METRICS = (
    Metric(
        name="engine_latency_ms_p50", unit="ms", better="lower", help="median latency by the engine's own clock",
        how="same calls as the wall clock beside it, after the rounds",
        compute=_told("engine_latency_ms_p50", _SILENT, "median over launches of the median call"),
    ),
    Metric(
        name="engine_share_of_wall", unit="ratio", better="neither", help="engine's own time over the wall clock's",
        how="median over the same calls",
        compute=_told("engine_share_of_wall", _SILENT, "median over launches of the median ratio"),
    ),
    Metric(
        name="build_ms", unit="ms", better="lower", help="building the engine on the device, a stage of its own",
        how="wall clock of the stage; null when the engine was there already",
        compute=_told("build_ms", "this runtime loads the model as it is, or the engine was there", "as it was"),
    ),
)  # fmt: skip
