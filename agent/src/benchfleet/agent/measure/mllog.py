"""The detail log of MLPerf, read and written: lines of `:::MLLOG {json}`.

https://github.com/mlcommons/logging. LoadGen writes it; where its wheel does not exist (aarch64), the same fields are
written from our own measurement, so that tools that read such logs read it. That is no submission: the rules want logs
of LoadGen itself, so every such log begins by saying what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchfleet.core import early_stopping, statistics
from benchfleet.core.runspec import RunSpec

MARKER = ":::MLLOG"
NOT_LOADGEN = "benchfleet-compatible, not for submission"
DETAIL = "mlperf_log_detail.txt"
SCENARIOS = {
    "single_stream": "SingleStream", "multi_stream": "MultiStream", "offline": "Offline", "server": "Server",
}  # fmt: skip
TARGET_PERCENTILE = {"single_stream": 0.9, "multi_stream": 0.99, "server": 0.99, "offline": 0.9}
PERCENTILES = (0.5, 0.9, 0.95, 0.97, 0.99, 0.999)


def read(path: Path) -> dict[str, Any]:
    """The first value of every key; ValueError names a line that is none."""
    found: dict[str, Any] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.startswith(MARKER):
                continue
            try:
                told = json.loads(line[len(MARKER) :])
                found.setdefault(told["key"], told["value"])
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path}:{number}: not a line of an MLPerf detail log") from None
    return found


def write(path: Path, spec: RunSpec, wall_ns: Sequence[int], *, span_ns: int, samples: int, started_utc: str) -> None:
    """The log of our own measurement; `wall_ns` are its latency samples, one a query."""
    lines = []
    for key, value in fields(spec, wall_ns, span_ns=span_ns, samples=samples, started_utc=started_utc):
        told = {
            "key": key,
            "value": value,
            "time_ms": round(span_ns * 1e-6, 6) if key.startswith(("result_", "early_")) else 0.0,
            "namespace": "mlperf::logging",
            "event_type": "POINT_IN_TIME",
            "metadata": {"is_error": False, "is_warning": key == "loadgen", "file": "mllog.py", "line_no": 0},
        }
        lines.append(f"{MARKER} {json.dumps(told)}\n")
    path.write_text("".join(lines), encoding="utf-8")


def fields(
    spec: RunSpec, wall_ns: Sequence[int], *, span_ns: int, samples: int, started_utc: str
) -> Iterator[tuple[str, Any]]:
    """The keys that log parsers and checkers read, with our values; what we do not do has LoadGen's neutral value."""
    ordered = sorted(wall_ns)
    params = spec.scenario_params
    q = TARGET_PERCENTILE[spec.scenario]
    bound_ns = int(params.get("latency_bound_s", 0) * 1e9)
    yield "loadgen", NOT_LOADGEN
    yield "loadgen_version", NOT_LOADGEN
    yield "test_datetime", started_utc
    yield "sut_name", f"benchfleet {spec.model.name} {spec.runtime}"
    yield "qsl_reported_performance_count", samples
    for which in ("requested", "effective"):
        yield f"{which}_scenario", SCENARIOS[spec.scenario]
        yield f"{which}_test_mode", "PerformanceOnly"
        yield f"{which}_min_duration_ms", int(span_ns / 1e6)
        yield f"{which}_max_duration_ms", 0
        yield f"{which}_min_query_count", len(ordered)
        yield f"{which}_max_query_count", 0
        for seed in ("qsl", "sample_index", "schedule"):
            yield f"{which}_{seed}_rng_seed", spec.seed
    yield "effective_samples_per_query", samples // max(1, len(ordered))
    yield "effective_target_qps", params.get("qps", 0)
    yield "effective_target_latency_ns", bound_ns
    yield "effective_target_latency_percentile", q
    yield "effective_performance_sample_count", samples
    yield "effective_sample_concatenate_permutation", False
    estimate = early_stopping.estimate(ordered, q)
    met = estimate is not None and (not bound_ns or estimate <= bound_ns)
    yield "result_validity", "VALID" if met else "INVALID"
    yield "result_min_duration_met", True
    yield "result_min_queries_met", True
    yield "early_stopping_met", met
    yield "early_stopping_result", f"early stopping {q:.2%} estimate: {estimate}"
    yield "result_query_count", len(ordered)
    yield (
        "result_samples_per_second" if spec.scenario == "offline" else "result_completed_samples_per_sec",
        (samples / span_ns * 1e9),
    )
    yield "early_stopping_latency_ss", (estimate or 0) if spec.scenario == "single_stream" else 0
    yield "early_stopping_latency_ms", (estimate or 0) if spec.scenario == "multi_stream" else 0
    yield "result_min_latency_ns", ordered[0]
    yield "result_max_latency_ns", ordered[-1]
    yield "result_mean_latency_ns", sum(ordered) // len(ordered)
    for percentile in PERCENTILES:
        name = f"result_{100 * percentile:.2f}_percentile_latency_ns"
        yield name, int(statistics.quantile(ordered, percentile))
    yield "num_errors", 0
