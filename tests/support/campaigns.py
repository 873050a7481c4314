"""Synthetic campaign records: a test says what matters to it, the rest is plausible."""

from __future__ import annotations

import math
from typing import Any

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.core.results import Failure, Outcome, Reason, Result, Value, missing, verdict_of
from benchfleet.core.runspec import cell_key


def quantiles(p50: float, spread: float = 0.08) -> list[float]:
    """101 points of a right-skewed latency distribution around `p50`."""
    return [p50 * (0.96 + spread * (q / 100) + 0.6 * spread * (q / 100) ** 24) for q in range(101)]


def value(number: float, half: float | None = None, n: int = 2000) -> Value:
    """A measured value with a symmetric interval."""
    return Value(value=number, ci95=None if half is None else (number - half, number + half), n=n, source="synthetic")


def metrics(p50: float = 10.0, *, size: float = 4e6, accuracy: float | None = 0.97, batch: int = 1) -> dict[str, Value]:
    """The metrics of a common run."""
    found = {
        "latency_ms_p50": value(p50, p50 * 0.01),
        "latency_ms_p90": value(p50 * 1.05, p50 * 0.02),
        "latency_ms_p99": value(p50 * 1.3, p50 * 0.05),
        "latency_ms_p999": missing("2000 samples are too few for p99.9 (3688 needed)"),
        "throughput_per_s": value(1000.0 * batch / p50, 10.0 * batch / p50),
        "model_size_bytes": Value(value=size),
        "memory_peak_bytes": Value(value=64e6),
        "power_w_mean": missing("no power sensor on this device"),
    }
    if accuracy is not None:
        found["accuracy_top1"] = value(accuracy, 0.01, n=360)
    return found


def result(
    *,
    p50: float = 10.0,
    reasons: tuple[Reason, ...] = (),
    outcome: Outcome = "ok",
    failure: Failure | None = None,
    ratio: tuple[float, float, float] | None = None,
    extra: dict[str, Value] | None = None,
    provenance: dict[str, Any] | None = None,
    cell: dict[str, Any] | None = None,
    **rest: Any,
) -> Result:
    """A result; `ratio` = (value, low, high) of the paired ratio to the baseline."""
    found = metrics(p50, **rest) if outcome == "ok" else {}
    if ratio is not None:
        found["latency_ratio_to_baseline"] = Value(value=ratio[0], ci95=ratio[1:], n=60, method="paired rounds")
    return Result(
        outcome=outcome,
        verdict=verdict_of(reasons) if outcome == "ok" else "invalid",
        reasons=reasons,
        metrics={**found, **(extra or {})},
        provenance={
            "agent_version": "0.1.0",
            "governor": "performance",
            "kernel": "6.1.0",
            "latency_ms_quantiles": quantiles(p50),
            **(provenance or {}),
        },
        cell={"profile": "standard", "dataset_name": "digits-test", **(cell or {})},
        failure=failure,
    )


def run(
    run_id: str,
    *,
    model: str = "digits:fp32",
    device: str = "pi5",
    runtime: str = "onnxruntime",
    format: str = "onnx",
    precision: str | None = None,
    threads: int = 1,
    batch: int = 1,
    scenario: str = "single_stream",
    state: str = "succeeded",
    measured: Result | None = None,
    **rest: Any,
) -> RunRecord:
    """A run record."""
    return RunRecord(
        run_id=run_id,
        campaign_id="c-1",
        device=device,
        model=model,
        format=format,
        precision=precision or model.partition(":")[2] or None,
        runtime=runtime,
        threads=threads,
        batch=batch,
        scenario=scenario,
        cell_key=cell_key(model=model, format=format, runtime=runtime, threads=threads, batch=batch, scenario=scenario),
        state=state,
        result=measured,
        **rest,
    )


def campaign(
    *runs: RunRecord, baseline: str | None = "digits:fp32", name: str = "digits", **rest: Any
) -> CampaignRecord:
    """A finished campaign of the given runs."""
    return CampaignRecord(
        id="c-1",
        name=name,
        state="finished",
        created_utc="2026-01-02T03:04:05Z",
        document_yaml="kind: Campaign\n",
        baseline_model=baseline,
        runs=runs,
        **rest,
    )


def paired(
    model: str, p50: float, ratio: tuple[float, float, float], *, run_id: str | None = None, **rest: Any
) -> RunRecord:
    """A candidate that was measured in interleaved rounds with digits:fp32."""
    against = {"baseline": {"name": "digits:fp32", "format": "onnx"}}
    keys = ("reasons", "extra", "provenance", "size", "accuracy")
    measured = result(p50=p50, ratio=ratio, cell=against, **{k: rest.pop(k) for k in keys if k in rest})
    return run(run_id or model, model=model, measured=measured, **rest)


def fleet(cells: int = 6) -> CampaignRecord:
    """`cells` runs over two devices with every kind of ending: valid, degraded, invalid, failed, lost."""
    runs: list[RunRecord] = []
    for index in range(cells):
        model = ("digits:fp32", "digits:fp16", "digits:int8")[index % 3]
        where = {"device": ("pi5", "orin-nano")[(index // 3) % 2], "batch": (1, 8)[(index // 6) % 2]}
        where["threads"] = (1, 2, 4, 8)[(index // 12) % 4]
        p50 = 8.0 * (1.0, 0.9, 0.55)[index % 3] * (1 + 0.07 * math.sin(index)) * where["batch"] ** 0.8
        rid = f"run-{index:03}"
        measured = result(
            p50=p50,
            size=(4e6, 2e6, 1.1e6)[index % 3],
            accuracy=(0.975, 0.975, 0.961)[index % 3],
            batch=where["batch"],
            ratio=None if index % 3 == 0 else ((0.9, 0.89, 0.91) if index % 3 == 1 else (0.55, 0.54, 0.56)),
            cell={"baseline": {"name": "digits:fp32"}} if index % 3 else {},
            reasons=_reasons(index),
        )
        runs.append(run(rid, model=model, measured=measured, **where))
    if cells > 4:
        crash = Failure(
            reason="runner_signal",
            phase="measuring",
            detail="runner died of SIGSEGV",
            stderr_tail="Segmentation fault\n",
        )
        runs[4] = run(
            "run-004",
            model="digits:fp16",
            device="orin-nano",
            state="failed",
            reason="runner_signal",
            measured=result(outcome="failed", failure=crash),
        )
    return campaign(*runs)


def _reasons(index: int) -> tuple[Reason, ...]:
    if index % 7 == 5:
        return (Reason(flag="background_load", severity="degraded", detail="run-queue share 4.1 % (limit 2 %)"),)
    if index % 11 == 8:
        return (Reason(flag="background_load", severity="invalid", detail="run-queue share 31 % (limit 10 %)"),)
    return ()
