"""Memory of the measuring process by VmHWM (reset after imports), and the size of the model file.

https://docs.kernel.org/filesystems/proc.html: VmHWM is the peak of the resident set; writing 5 to clear_refs resets it.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _peak(evidence: Evidence) -> Value:
    peaks = [x.memory_peak_bytes for x in evidence.model.launches if x.memory_peak_bytes is not None]
    if not peaks:
        return missing("the kernel does not tell VmHWM of the runner")
    return Value(value=float(max(peaks)), n=len(peaks), method="VmHWM, maximum over launches", source="procfs")


def _delta(evidence: Evidence) -> Value:
    deltas = [
        x.memory_peak_bytes - x.memory_base_bytes
        for x in evidence.model.launches
        if x.memory_peak_bytes is not None and x.memory_base_bytes is not None
    ]
    if not deltas:
        return missing("the kernel does not tell VmHWM of the runner")
    return Value(value=float(max(deltas)), n=len(deltas), method="VmHWM - VmRSS after imports", source="procfs")


def _marked(pick: str, method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        found = [getattr(x, pick) for x in evidence.model.launches]
        known = [x for x in found if x is not None]
        if not known:
            return missing("the kernel does not tell VmRSS of the runner")
        return Value(value=float(median(known)), n=len(known), method=method, source="procfs")

    return compute


def _device(evidence: Evidence) -> Value:
    found = [
        x.facts["device_memory_peak_bytes"] for x in evidence.model.launches if "device_memory_peak_bytes" in x.facts
    ]
    known = [x for x in found if x is not None]
    if not known:
        return missing("this runtime computes in the host's memory, or does not tell what it takes of a device's")
    return Value(
        value=float(max(known)), n=len(known), method="told by the runtime, maximum over launches", source="runtime"
    )


def _size(evidence: Evidence) -> Value:
    return Value(value=float(evidence.model_size_bytes), method="file size", source="file")


METRICS = (
    Metric(
        name="memory_peak_bytes", unit="bytes", better="lower", help="peak resident memory of the runner", how="VmHWM",
        compute=_peak,
    ),
    Metric(
        name="memory_delta_bytes", unit="bytes", better="lower", help="what loading and running added",
        how="VmHWM minus the resident set with the runtime imported", compute=_delta, low=-(2**60),
    ),
    Metric(
        name="memory_base_bytes", unit="bytes", better="lower", help="resident memory with the runtime imported",
        how="VmRSS before loading", compute=_marked("memory_base_bytes", "VmRSS after imports, median over launches"),
    ),
    Metric(
        name="memory_loaded_bytes", unit="bytes", better="lower", help="resident memory with the model loaded",
        how="VmRSS after loading", compute=_marked("memory_loaded_bytes", "VmRSS after loading, median over launches"),
    ),
    Metric(
        name="device_memory_peak_bytes", unit="bytes", better="lower", help="most memory taken of an accelerator",
        how="told by the runtime", compute=_device,
    ),
    Metric(
        name="model_size_bytes", unit="bytes", better="lower", help="size of the model file", how="stat",
        compute=_size, family="file",
    ),
)  # fmt: skip
