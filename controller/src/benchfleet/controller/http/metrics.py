"""/metrics: the fleet, the queue, live readings, and the newest result of each cell."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from benchfleet.controller.fleet.readings import Gauge, Readings
from benchfleet.controller.http.exposition import Family
from benchfleet.controller.http.queries import DeviceFacts
from benchfleet.core.results import Result, Value

UNITS: dict[str, tuple[str, float]] = {
    "w": ("watts", 1.0),
    "j": ("joules_total", 1.0),
    "c": ("celsius", 1.0),
    "hz": ("hertz", 1.0),
    "mhz": ("hertz", 1e6),
    "v": ("volts", 1.0),
    "a": ("amperes", 1.0),
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "events": ("events_total", 1.0),
}
"""Base unit and factor by the last word of a sensor's kind; any other word (bytes, ratio, rpm) is a unit by itself."""

CALLED = {"frequency_hz": "clock_hertz", "throttle_count": "throttle_events_total"}
"""Names that say more than what would be made of the kind."""

_KIND = re.compile(r"[a-z][a-z0-9_]{0,60}")
FAMILIES_MAX = 200
"""Kinds in a scrape: agents make them up, and a Prometheus keeps each name for ever."""

EXTREMES = {
    "min": "Least of the last one to two minutes, while something is measured.",
    "max": "Greatest of the last one to two minutes, while something is measured.",
}

GAUGES_MAX = 256
"""Of one device in a scrape: a board of three chips, a dozen rails and as many thermal zones has a hundred."""

QUANTILES = {"latency_ms_p50": "0.5", "latency_ms_p90": "0.9", "latency_ms_p95": "0.95", "latency_ms_p99": "0.99"}
RUN_STATES = ("queued", "leased", "succeeded", "failed", "cancelled", "unschedulable")
VERDICTS = ("valid", "degraded", "invalid")


def fleet(devices: Iterable[DeviceFacts], online: set[str], busy: set[str]) -> list[Family]:
    """Devices by state and admission, and one series for each device."""
    counted = Family(name="benchfleet_devices", help="Enrolled devices by state and admission.")
    up = Family(name="benchfleet_device_up", help="1 while the device has a session.")
    numbers: dict[tuple[str, str], int] = {}
    for device in devices:
        state = "offline" if device.name not in online else "busy" if device.name in busy else "idle"
        numbers[state, device.admission] = numbers.get((state, device.admission), 0) + 1
        up.add(float(device.name in online), {"device": device.name, **_marked(device.simulated)})
    for (state, admission), number in sorted(numbers.items()):
        counted.add(float(number), {"state": state, "admission": admission})
    return [counted, up]


def work(counts: Mapping[str, Mapping[str, int]]) -> list[Family]:
    """Runs, campaigns and results by state. Counts are real zeros here."""
    runs = Family(name="benchfleet_runs", help="Runs by state.")
    for state in RUN_STATES:
        runs.add(float(counts["run"].get(state, 0)), {"state": state})
    campaigns = Family(name="benchfleet_campaigns", help="Campaigns by state.")
    for state, number in sorted(counts["campaign"].items()):
        campaigns.add(float(number), {"state": state})
    verdicts = Family(name="benchfleet_results", help="Results by verdict, superseded ones too.")
    for verdict in VERDICTS:
        verdicts.add(float(counts["result"].get(verdict, 0)), {"verdict": verdict})
    depth = Family(name="benchfleet_queue_depth", help="Runs that wait for a device.")
    depth.add(float(counts["run"].get("queued", 0)))
    return [runs, campaigns, verdicts, depth]


def live(gauges: Mapping[str, list[Gauge]], simulated: Collection[str] = ()) -> list[Family]:
    """The newest reading of each sensor of each connected device; of `simulated` ones each series says so."""
    families: dict[str, Family] = {}
    up = Family(name="benchfleet_sensor_up", help="1 when the sensor's newest reading is good.")
    for device, readings in sorted(gauges.items()):
        marks = _marked(device in simulated)
        for gauge in readings[:GAUGES_MAX]:
            labels = {"device": device, "sensor": gauge.sensor, "scope": gauge.scope, **marks}
            up.add(float(gauge.value is not None and gauge.quality in ("", "ok")), labels)
            known = series_of(gauge.kind)
            if known is None or gauge.value is None or (known[0] not in families and len(families) >= FAMILIES_MAX):
                continue
            name, factor = known
            text = f"{gauge.kind} of sensors; unlike scopes are not to be summed."
            counts = name.endswith("_total")
            family = families.setdefault(name, Family(name=name, help=text, kind="counter" if counts else "gauge"))
            family.add(gauge.value * factor, labels)
            for which, extreme in () if counts else (("min", gauge.low), ("max", gauge.high)):
                if extreme is not None:
                    said = f"{text} {EXTREMES[which]}"
                    one = families.setdefault(f"{name}_{which}", Family(name=f"{name}_{which}", help=said))
                    one.add(extreme * factor, labels)
    return [*families.values(), up]


def series_of(kind: str) -> tuple[str, float] | None:
    """Name and factor of the series of a kind: `power_w` is benchfleet_power_watts. None: the kind names nothing."""
    if _KIND.fullmatch(kind) is None:
        return None
    head, _, unit = kind.rpartition("_")
    base, factor = UNITS.get(unit, (unit, 1.0)) if head else (kind, 1.0)
    return f"benchfleet_{CALLED.get(kind) or '_'.join(filter(None, (head, base)))}", factor


def telemetry(readings: Mapping[str, Readings]) -> list[Family]:
    """What was left out of the live telemetry of each connected device."""
    dropped = Family(
        name="benchfleet_telemetry_dropped_samples_total",
        help="Readings of all sensors that the agent could not send in this session.",
        kind="counter",
    )
    refused = Family(
        name="benchfleet_telemetry_refused_total",
        help="Batches, series and names of this session that were not what they should be.",
        kind="counter",
    )
    for device, held in sorted(readings.items()):
        dropped.add(float(held.dropped_samples), {"device": device})
        refused.add(float(held.refused), {"device": device})
    return [dropped, refused]


def measured(latest: Mapping[tuple[str, str], Result]) -> list[Family]:
    """The newest accepted result of each device and cell; what it lacks is absent here too."""
    latency = Family(name="benchfleet_result_latency_seconds", help="Latency of the newest result, by quantile.")
    throughput = Family(name="benchfleet_result_throughput_per_second", help="Samples per second.")
    accuracy = Family(name="benchfleet_result_accuracy_ratio", help="Accuracy on the campaign's data set.")
    memory = Family(name="benchfleet_result_memory_peak_bytes", help="Peak memory of the runner.")
    energy = Family(
        name="benchfleet_result_energy_joules",
        help="Gross energy of one sample, as source and scope say; unlike ones are not to be compared.",
    )
    power = Family(name="benchfleet_result_power_watts", help="Mean power while measuring, as source and scope say.")
    verdict = Family(name="benchfleet_result_info", help="The verdict of the newest result; always 1.")
    for (device, _), result in latest.items():
        labels = {"device": device, **_cell(result.cell), **_marked(bool(result.provenance.get("simulated")))}
        for name, quantile in QUANTILES.items():
            latency.add(_scaled(result, name, 1e-3), {**labels, "quantile": quantile})
        throughput.add(_scaled(result, "throughput_per_s", 1.0), labels)
        accuracy.add(_scaled(result, "accuracy_top1", 1.0), labels)
        memory.add(_scaled(result, "memory_peak_bytes", 1.0), labels)
        for family, name, factor in ((energy, "energy_mj_per_inference", 1e-3), (power, "power_w_mean", 1.0)):
            value = result.metrics.get(name)
            if value is not None and value.value is not None:
                of = {"source": value.source or "", "scope": value.scope or ""}
                family.add(value.value * factor, {**labels, **of})
        verdict.add(1.0, {**labels, "verdict": result.verdict, "outcome": result.outcome})
    return [latency, throughput, accuracy, memory, energy, power, verdict]


def _marked(simulated: bool) -> dict[str, str]:
    """A label that only what is simulated has: no query sums it with what was measured without asking for it."""
    return {"simulated": "true"} if simulated else {}


def _cell(cell: Mapping[str, Any]) -> dict[str, str]:
    model = cell.get("model")
    model = model if isinstance(model, Mapping) else {}
    named = {"model": model.get("name", ""), "format": model.get("format", "")}
    rest = {name: cell.get(name, "") for name in ("runtime", "threads", "batch", "scenario")}
    more = {"params": cell.get("scenario_params"), "options": cell.get("runtime_options")}
    mode = {"power_mode": cell["power_mode"]} if cell.get("power_mode") else {}
    told = {name: json.dumps(held, sort_keys=True, separators=(",", ":")) for name, held in more.items() if held}
    return {name: str(text) for name, text in {**named, **rest, **mode, **told}.items()}


def _scaled(result: Result, name: str, factor: float) -> float | None:
    value: Value | None = result.metrics.get(name)
    return None if value is None or value.value is None else value.value * factor
