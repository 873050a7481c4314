"""What a measurement leaves behind before it becomes numbers: the input of every metric.

One lane is one model (the cell's, or its baseline); rounds of two lanes with the same index were run side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchfleet.core.samples import SensorSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One timed block; `wall_ns` per inference in order; `runq_wait_ns` of the measuring thread over the block.

    `runq_waits_ns` is the same per inference, or empty where inferences are too short to read it after each.
    `samples` went through the model: None where each call was one batch, 0 where the scenario has no stream of samples.
    `unserved` arrivals were given up. `extra` holds what else the scenario noted, by name (docs/scenarios.md).
    `tasks_wait_ns` is that of all threads of the process, summed (a diagnostic). `stops` says how often it was stopped.
    """

    launch: int
    index: int
    start_ns: int
    end_ns: int
    wall_ns: Sequence[int]
    cpu_ns: int
    runq_wait_ns: int | None
    samples: int | None = None
    unserved: int = 0
    runq_waits_ns: Sequence[int] = ()
    extra: dict[str, Sequence[int]] = field(default_factory=dict)
    tasks_wait_ns: int | None = None
    stops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process of one lane, from its own reports."""

    load_ns: int
    first_inference_ns: int
    warmup_converged: bool
    memory_base_bytes: int | None
    memory_loaded_bytes: int | None
    memory_peak_bytes: int | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What predictions are worth by one metric; `value` None means not scored, and `reason` says why.

    `per_sample` is there when the value is the mean of scores of single samples; `replicates` when it is a statistic of
    the whole set that was resampled, alike for every model. Both let two models be compared on the same samples.
    `chance` is what guessing would reach, where that is known.
    """

    value: float | None
    n: int = 0
    ci95: tuple[float, float] | None = None
    method: str = ""
    source: str = ""
    reason: str = ""
    chance: float | None = None
    per_sample: tuple[float, ...] = ()
    replicates: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Outputs held against others of the same samples: those stored in the data set, or the baseline's."""

    samples: int
    max_abs_diff: float | None
    cosine_mean: float | None
    cosine_min: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FedRange:
    """What one input was really fed, before quantisation, and what it was declared to be fed.

    `declared` is by the data set, `by_file` by the model's own metadata. `held` is what a quantised input can
    represent; `outside_ratio` the share of values beyond it.
    """

    name: str
    low: float
    high: float
    declared: tuple[float, float] | None = None
    held: tuple[float, float] | None = None
    outside_ratio: float = 0.0
    by_file: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCheck:
    """What the outputs said, outside the timed region. `predictions` is the arg max of the first output per sample.

    `repeats` outputs of one and the same input were taken between timed calls and hold `timed_nan_count` NaN or
    infinities; `output_std` is the largest standard deviation of one of their elements. `errors` of `calls` made on the
    data set raised. `scores` are by metric; `primary` is the one that a drop is taken of, in `points` a unit.
    """

    samples: int
    nan_count: int
    inf_count: int
    predictions: tuple[int, ...]
    stable: bool
    reason: str = ""
    calls: int = 0
    errors: int = 0
    error_detail: str = ""
    repeats: int = 0
    timed_nan_count: int = 0
    output_std: float | None = None
    task: str | None = None
    scores: dict[str, Score] = field(default_factory=dict)
    primary: str | None = None
    points: float = 100.0
    stored: Likeness | None = None
    baseline: Likeness | None = None
    tolerance: dict[str, float] = field(default_factory=dict)
    fed: tuple[FedRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """All launches and rounds of one model; `operators` is the profile pass (runner/operators.py), or its `reason`."""

    rounds: tuple[Round, ...]
    launches: tuple[Launch, ...]
    outputs: OutputCheck | None
    operators: dict[str, Any] | None = None

    @property
    def launch_is_sample(self) -> bool:
        """Whether each launch was measured as a whole: how they differ is then the answer, and no fault."""
        return bool(self.rounds) and all(r.samples == 0 for r in self.rounds)

    def launch_medians_ns(self) -> list[float]:
        """The median latency of every launch that has rounds."""
        series: dict[int, list[int]] = {}
        for r in self.rounds:
            series.setdefault(r.launch, []).extend(r.wall_ns)
        return [float(median(x)) for x in series.values() if x]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was seen of one cell; telemetry is on CLOCK_MONOTONIC, as the rounds are.

    `reference` is the fixed work that every block runs, `reference_baseline_ns` what it took on this device before.
    `baseline_fault` says why a baseline that was asked for is not there.
    `idle_span_ns`: when the device was left alone before the rounds, with the sampler on; it lies within the telemetry.
    `idle_after_span_ns`: the same after them.
    `monitor_pairs_ns`: medians of neighbouring rounds, with the sampler on and with it off, of `monitor_of`: the model,
    or the reference work of its block.
    """

    model: Lane
    baseline: Lane | None
    batch: int
    model_size_bytes: int
    threads: int = 1
    scenario: str = "single_stream"
    scenario_params: dict[str, Any] = field(default_factory=dict)
    baseline_fault: str = ""
    reference: Lane | None = None
    reference_baseline_ns: float | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    telemetry: tuple[SensorSeries, ...] = ()
    sampler_cpu_ratio: float | None = None
    sampler_late_ratio: float | None = None
    idle_span_ns: tuple[int, int] | None = None
    idle_after_span_ns: tuple[int, int] | None = None
    battery_wh: float | None = None
    monitor_pairs_ns: tuple[tuple[float, float], ...] = ()
    monitor_of: str = "model"
