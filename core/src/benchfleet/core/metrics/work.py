"""What a model file is known to need, and what a device made of it: counts of the file, and operations per second.

The counts are made when a model is pushed (`benchfleet inspect` shows them) and travel with the run; the agent reads no
model files, so a bench without a controller has none. 1 TOPS is 10^12 operations a second; 1 MAC is 2 operations.
"""

from __future__ import annotations

from collections.abc import Callable

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.metrics import throughput
from benchfleet.core.results import Value, missing

_OPERATIONS_PER_MAC = 2
_RATES = ("fps", "qps")
"""Parameters of scenarios that ask for so many samples a second."""
_THROUGHPUT = next(m for m in throughput.METRICS if m.name == "throughput_per_s")


def _count(evidence: Evidence, name: str) -> Value:
    if not evidence.counts:
        return missing("the agent reads no model files; push the model, or see `benchfleet inspect`")
    count = evidence.counts.get(name)
    if not isinstance(count, dict):
        return missing(f"{name} was not counted when the model was pushed")
    if count.get("value") is None:
        return missing(str(count.get("reason") or "it is not in the file"))
    return Value(value=float(count["value"]), method="counted in the file", source="inspect")


def _of_inputs(evidence: Evidence, name: str) -> Value:
    """A count that depends on sizes of inputs, if they were the same here; a batch in front makes no difference."""
    counted = evidence.counts.get("counted_with") or {}
    for given, sizes in evidence.shapes.items():
        other = counted.get(given)
        if other is not None and tuple(other)[1:] != tuple(sizes)[1:]:
            return missing(f"counted with {given}={_text(other)}, measured with {_text(sizes)}; push it with --shape")
    return _count(evidence, name)


def _text(sizes: object) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes) if isinstance(sizes, (list, tuple)) else "?"


def _flops(evidence: Evidence) -> Value:
    macs = _of_inputs(evidence, "macs")
    if macs.value is None:
        return macs
    return Value(value=_OPERATIONS_PER_MAC * macs.value, method="2 x macs", source="inspect")


def _activations(evidence: Evidence) -> Value:
    found = _of_inputs(evidence, "peak_activation_bytes")
    if found.value is not None and evidence.batch != 1:
        return missing(f"counted for one sample in a call; here {evidence.batch} were")
    return found


def _tops(flops: Value, rate: Value, method: str) -> Value:
    """Operations of a sample times samples a second; a count has no interval of its own."""
    if flops.value is None or rate.value is None:
        return missing(flops.reason or rate.reason or "not measured")
    scale = flops.value * 1e-12
    interval = None if rate.ci95 is None else (rate.ci95[0] * scale, rate.ci95[1] * scale)
    return Value(value=rate.value * scale, ci95=interval, n=rate.n, method=method, source="inspect, wall clock")


def _achieved(evidence: Evidence) -> Value:
    return _tops(_flops(evidence), _THROUGHPUT.compute(evidence), "2 x macs x throughput_per_s / 10^12")


def _required(evidence: Evidence) -> Value:
    asked = next((evidence.scenario_params[name] for name in _RATES if evidence.scenario_params.get(name)), None)
    if asked is None:
        return missing(f"{evidence.scenario} asks for no rate")
    return _tops(_flops(evidence), Value(value=float(asked)), "2 x macs x the rate that was asked for / 10^12")


def _named(name: str) -> Callable[[Evidence], Value]:
    return lambda evidence: _count(evidence, name)


METRICS = (
    Metric(
        name="parameters", unit="1", better="lower", help="learned values of the model file", how="benchfleet inspect",
        compute=_named("parameters"), family="file",
    ),
    Metric(
        name="weight_bytes", unit="bytes", better="lower", help="what the learned values take in the file",
        how="benchfleet inspect", compute=_named("weight_bytes"), family="file",
    ),
    Metric(
        name="macs", unit="1", better="lower", help="multiply-accumulates of one sample", how="benchfleet inspect",
        compute=lambda evidence: _of_inputs(evidence, "macs"), family="file",
    ),
    Metric(
        name="flops", unit="1", better="lower", help="operations of one sample", how="2 x macs",
        compute=_flops, family="file",
    ),
    Metric(
        name="activation_bytes_peak", unit="bytes", better="lower",
        help="most bytes of activations alive at once, as the graph is written", how="benchfleet inspect",
        compute=_activations, family="file",
    ),
    Metric(
        name="achieved_tops", unit="1", better="higher", help="operations a second that were made, in 10^12",
        how="2 x macs x throughput_per_s / 10^12", compute=_achieved,
    ),
    Metric(
        name="required_tops", unit="1", better="neither",
        help="operations a second that the rate of the scenario asks for, in 10^12", how="2 x macs x rate / 10^12",
        compute=_required, family="file",
    ),
)  # fmt: skip
