"""The MLPerf detail log: what LoadGen writes is read, and what we write in its form says that it is not LoadGen's."""

from __future__ import annotations

import json

import pytest

from benchfleet.agent.measure import mllog
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

MODEL = ModelRef(name="m:1", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))
READ_BY_CHECKER = (
    "effective_scenario", "effective_performance_sample_count", "effective_qsl_rng_seed",
    "effective_sample_index_rng_seed", "effective_schedule_rng_seed", "early_stopping_met", "early_stopping_result",
    "effective_target_latency_ns", "result_99.00_percentile_latency_ns", "effective_min_query_count",
    "effective_samples_per_query", "effective_min_duration_ms", "effective_sample_concatenate_permutation",
    "sut_name", "result_validity",
)  # fmt: skip
"""By tools/submission/submission_checker of mlcommons/inference: checks/performance_check.py."""


def spec(scenario="single_stream", **params):
    return RunSpec(model=MODEL, runtime="null", scenario=scenario, scenario_params=params, seed=7)


def written(tmp_path, made, wall_ns=tuple(range(1, 1001)), samples=1000):
    path = tmp_path / mllog.DETAIL
    mllog.write(path, made, wall_ns, span_ns=2_000_000_000, samples=samples, started_utc="2026-01-01T00:00:00+00:00")
    return path


@pytest.mark.parametrize("scenario", mllog.SCENARIOS)
def test_a_log_of_ours_has_what_the_checker_reads_and_says_what_it_is(tmp_path, scenario):
    path = written(tmp_path, spec(scenario, **({"qps": 5} if scenario == "server" else {})))
    first = path.read_text().splitlines()[0]
    assert first.startswith(mllog.MARKER)
    assert json.loads(first[len(mllog.MARKER) :])["value"] == "benchfleet-compatible, not for submission"
    told = mllog.read(path)
    assert told["loadgen"] == told["loadgen_version"] == "benchfleet-compatible, not for submission"
    assert set(READ_BY_CHECKER) <= set(told)
    assert told["effective_scenario"] == mllog.SCENARIOS[scenario]


def test_every_line_has_the_metadata_that_a_parser_counts_errors_by(tmp_path):
    for line in written(tmp_path, spec()).read_text().splitlines():
        told = json.loads(line[len(mllog.MARKER) :])
        assert told["metadata"]["is_error"] is False
        assert told["namespace"] == "mlperf::logging"


def test_the_numbers_are_those_of_the_series(tmp_path):
    told = mllog.read(written(tmp_path, spec()))
    assert told["result_query_count"] == 1000
    assert told["result_90.00_percentile_latency_ns"] == 900
    assert told["result_completed_samples_per_sec"] == 500
    assert told["effective_min_duration_ms"] == 2000
    assert told["early_stopping_met"]
    assert told["early_stopping_latency_ss"] > 900


def test_too_few_queries_and_a_bound_that_is_not_kept_are_not_valid(tmp_path):
    assert mllog.read(written(tmp_path, spec(), wall_ns=range(1, 60)))["result_validity"] == "INVALID"
    kept = mllog.read(written(tmp_path, spec("server", qps=5, latency_bound_s=2e-6)))
    lost = mllog.read(written(tmp_path, spec("server", qps=5, latency_bound_s=5e-7)))
    assert (kept["result_validity"], lost["result_validity"]) == ("VALID", "INVALID")


@pytest.mark.parametrize("line", ["{", "[]", '{"value": 1}', "7"])
def test_a_line_that_is_none_is_named_by_its_number(tmp_path, line):
    path = tmp_path / "x"
    path.write_text(f"noise\n{mllog.MARKER} {line}\n")
    with pytest.raises(ValueError, match="x:2: not a line"):
        mllog.read(path)
