"""/metrics: the fleet, the queue, live readings, and the newest result of each cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchfleet.controller.fleet.readings import Gauge, Readings
from benchfleet.controller.http.exposition import Family
from benchfleet.controller.http.queries import DeviceFacts
from benchfleet.core.results import Result, Value

LIVE: dict[str, tuple[str, float, str]] = {
    "power_w": ("benchfleet_power_watts", 1.0, "Power, as the sensor's scope says; scopes are not to be summed."),
    "energy_j": ("benchfleet_energy_joules_total", 1.0, "Energy since the sensor's own start."),
    "temperature_c": ("benchfleet_temperature_celsius", 1.0, "Temperature."),
    "clock_hz": ("benchfleet_clock_hertz", 1.0, "Clock."),
    "frequency_hz": ("benchfleet_clock_hertz", 1.0, "Clock."),
    "clock_mhz": ("benchfleet_clock_hertz", 1e6, "Clock."),
    "utilization_ratio": ("benchfleet_cpu_utilization_ratio", 1.0, "Utilization, 0 to 1."),
    "memory_bytes": ("benchfleet_memory_bytes", 1.0, "Memory in use."),
    "throttle_events": ("benchfleet_throttle_events_total", 1.0, "Times that the device throttled."),
}
"""Metric, factor and help by kind of sensor; a kind that is not here has only benchfleet_sensor_up."""

EXTREMES = {
    "min": "Least of the last one to two minutes, while something is measured.",
    "max": "Greatest of the last one to two minutes, while something is measured.",
}

GAUGES_MAX = 64
"""Of one device in a scrape."""

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
        up.add(float(device.name in online), {"device": device.name})
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


def live(gauges: Mapping[str, list[Gauge]]) -> list[Family]:
    """The newest reading of each sensor of each connected device."""
    families: dict[str, Family] = {}
    up = Family(name="benchfleet_sensor_up", help="1 when the sensor's newest reading is good.")
    for device, readings in sorted(gauges.items()):
        for gauge in readings[:GAUGES_MAX]:
            labels = {"device": device, "sensor": gauge.sensor, "scope": gauge.scope}
            up.add(float(gauge.value is not None and gauge.quality in ("", "ok")), labels)
            known = LIVE.get(gauge.kind)
            if known is None or gauge.value is None:
                continue
            name, factor, text = known
            counts = name.endswith("_total")
            family = families.setdefault(name, Family(name=name, help=text, kind="counter" if counts else "gauge"))
            family.add(gauge.value * factor, labels)
            for which, extreme in () if counts else (("min", gauge.low), ("max", gauge.high)):
                if extreme is not None:
                    said = f"{text} {EXTREMES[which]}"
                    one = families.setdefault(f"{name}_{which}", Family(name=f"{name}_{which}", help=said))
                    one.add(extreme * factor, labels)
    return [*families.values(), up]


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
        labels = {"device": device, **_cell(result.cell)}
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


def _cell(cell: Mapping[str, Any]) -> dict[str, str]:
    model = cell.get("model")
    model = model if isinstance(model, Mapping) else {}
    named = {"model": model.get("name", ""), "format": model.get("format", "")}
    rest = {name: cell.get(name, "") for name in ("runtime", "threads", "batch", "scenario")}
    return {name: str(text) for name, text in {**named, **rest}.items()}


def _scaled(result: Result, name: str, factor: float) -> float | None:
    value: Value | None = result.metrics.get(name)
    return None if value is None or value.value is None else value.value * factor
