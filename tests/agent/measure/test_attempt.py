"""Whatever a model or a runner does is an outcome of the run, with the phase and the reason; the agent lives."""

import asyncio
import hashlib
import importlib.util
import json
import sys
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchfleet.agent.measure import lane, series
from benchfleet.agent.measure.attempt import Around, Files, measure
from benchfleet.core import results
from benchfleet.core.clock import SystemClock
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

_spec = importlib.util.spec_from_file_location("bad_models", Path(__file__).parents[2] / "fixtures" / "bad_models.py")
bad_models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bad_models)

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"
INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))


def ref(path):
    data = path.read_bytes()
    artifact = Artifact(digest=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    return ModelRef(name=f"{path.stem}:file", format=path.suffix[1:], precision=None, artifact=artifact)


async def attempt(tmp_path, path, *, runtime="onnxruntime", baseline=None, dataset=None, stop=None, **more):
    spec = RunSpec(
        model=ref(path), runtime=runtime, profile="quick", baseline=ref(baseline) if baseline else None,
        dataset=Artifact(digest="0" * 64, size_bytes=1) if dataset else None, **more,
    )  # fmt: skip
    files = Files(model=path, baseline=baseline, dataset=dataset)
    around = Around(workspace=tmp_path / "work", inventory=INVENTORY, clock=SystemClock(), stop=stop or asyncio.Event())
    return await measure(spec, files, around)


@pytest.mark.parametrize(("suffix", "runtime"), [("onnx", "onnxruntime"), ("tflite", "litert")])
async def test_a_model_is_measured_beside_its_baseline(tmp_path, suffix, runtime):
    measured = await attempt(
        tmp_path,
        DATA / f"digits-int8.{suffix}",
        runtime=runtime,
        baseline=DATA / f"digits-fp32.{suffix}",
        dataset=DATA / "digits-test.npz",
    )
    result = measured.result
    assert result.outcome == "ok", result.failure
    assert result.metrics["accuracy_top1"].value > 0.97
    assert result.metrics["agreement_with_reference"].value > 0.98
    assert result.metrics["latency_ratio_to_baseline"].n >= 10
    raw = series.unpack(measured.series)
    assert len(raw) == result.metrics["latency_ms_p50"].n
    assert sorted(raw)[-1] / 1e6 == pytest.approx(result.metrics["latency_ms_max"].value)
    assert results.loads(results.dumps(result)) == results.loads(results.dumps(results.loads(results.dumps(result))))


async def test_operators_are_profiled_after_the_rounds_and_stored_with_the_result(tmp_path):
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", operators=True)).result
    found = result.provenance["operators"]
    assert sum(row["share"] for row in found["top"]) == pytest.approx(1)
    assert {row["provider"] for row in found["top"]} == {"CPUExecutionProvider"}
    assert result.metrics["placement_time_share"].value == result.metrics["placement_share"].value == 1
    assert len(result.provenance["memory"]) == 1  # the pass is no launch


async def test_a_runtime_without_a_profiler_says_so_and_the_run_is_none_the_worse(tmp_path):
    result = (await attempt(tmp_path, DATA / "digits-fp32.tflite", runtime="litert", operators=True)).result
    assert result.outcome == "ok"
    assert result.provenance["operators"] == {"reason": "runtime litert tells no time by operator"}
    assert "litert" in result.metrics["placement_time_share"].reason


async def test_nodes_that_fell_back_are_flagged_and_a_required_placement_fails_the_run(tmp_path):
    partly = Path(__file__).parents[2] / "fixtures/models/partly-delegated.tflite"
    result = (await attempt(tmp_path, partly, runtime="litert")).result
    assert result.metrics["placement_share"].value == pytest.approx(2 / 3)
    assert "partial_placement" in {reason.flag for reason in result.reasons}
    allowed = (
        await attempt(tmp_path / "a", partly, runtime="litert", runtime_options={"require_placement": 0.6})
    ).result
    assert "partial_placement" not in {reason.flag for reason in allowed.reasons}
    refused = (
        await attempt(tmp_path / "b", partly, runtime="litert", runtime_options={"require_placement": 0.7})
    ).result
    assert refused.failure.reason == "placement"
    assert "builtin 33.3 %" in refused.failure.detail


async def test_a_model_without_a_batch_axis_is_measured_on_samples_of_its_shape_and_scored(tmp_path):
    value, weights = onnx.helper.make_tensor_value_info, np.eye(40, 4, dtype=np.float32)
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["frames"]),
        onnx.helper.make_node("ReduceMean", ["frames", "time"], ["y"], keepdims=0),
    ]
    graph = onnx.helper.make_graph(
        nodes, "speech", [value("x", onnx.TensorProto.FLOAT, [98, 40])], [value("y", onnx.TensorProto.FLOAT, [4])],
        [onnx.numpy_helper.from_array(weights, "w"), onnx.numpy_helper.from_array(np.array([0]), "time")],
    )  # fmt: skip
    path, labels = tmp_path / "speech.onnx", np.array([3, 0, 2, 1, 3])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8), path)
    samples = np.zeros((5, 98, 40), np.float32)
    samples[np.arange(5), :, labels] = 1
    np.savez(tmp_path / "speech.npz", x=samples, labels=labels)
    with zipfile.ZipFile(tmp_path / "speech.npz", "a") as archive:
        archive.writestr("dataset.json", '{"schema": 1, "name": "speech", "task": "classification"}')
    refused = await attempt(tmp_path / "a", path)
    assert refused.result.failure.reason == "unsupported_option"
    assert "a data set whose samples have this shape" in refused.result.failure.detail
    measured = await attempt(tmp_path / "b", path, dataset=tmp_path / "speech.npz")
    assert measured.result.outcome == "ok", measured.result.failure
    assert measured.result.metrics["accuracy_top1"].value == 1.0


async def test_throughput_is_samples_over_wall_time(tmp_path):
    measured = await attempt(tmp_path, DATA / "digits-fp32.onnx", batch=8, scenario="offline")
    with zipfile.ZipFile(measured.series) as archive:
        rounds = json.loads(archive.read("manifest.json"))["rounds"]["model"]
    calls, spent_s = sum(r[2] for r in rounds), sum(r[4] - r[3] for r in rounds) * 1e-9
    metrics = measured.result.metrics
    assert metrics["throughput_per_s"].value == pytest.approx(8 * calls / spent_s, rel=1e-9)
    assert metrics["throughput_per_s"].n == 8 * calls
    assert metrics["batch_size"].value == 8


@pytest.mark.parametrize(
    ("fail", "reason", "says"),
    [
        ("segfault", "runner_signal", "SIGSEGV"),
        ("abort", "runner_signal", "SIGABRT"),
        ("exit", "exit", "code 3"),
        ("exception", "exception", "made to fail"),
        ("oom", "oom", "memory"),
        ("killed", "runner_signal", "SIGKILL"),
        ("orphan", "exit", "code 4"),
        ("garbage", "exit", "not an answer"),
    ],
)
async def test_a_runner_that_dies_is_an_outcome(tmp_path, fail, reason, says):
    measured = await attempt(
        tmp_path, DATA / "digits-fp32.onnx", runtime="null", runtime_options={"fail": fail, "fail_after": 50}
    )
    failure = measured.result.failure
    assert measured.result.outcome == "failed"
    assert failure.reason == reason
    assert says in failure.detail
    assert failure.phase == "warm"


async def test_a_model_that_never_returns_is_stopped(tmp_path):
    path = bad_models.infinite_loop(tmp_path / "loop.onnx")
    failure = (await attempt(tmp_path, path, timeout_s=4.0)).result.failure
    assert (failure.reason, failure.phase) == ("timeout", "load")
    assert "the timeout of 4 s ran out in load" in failure.detail


async def test_a_library_without_memory_is_out_of_memory_and_no_broken_model(tmp_path):
    failure = (await attempt(tmp_path, bad_models.too_large(tmp_path / "huge.onnx"))).result.failure
    assert failure.reason == "oom"
    assert "\x1b" not in failure.detail + failure.stderr_tail


async def test_a_model_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(lane, "TERM_GRACE_S", 0.3)
    failure = (
        await attempt(
            tmp_path, DATA / "digits-fp32.onnx", runtime="null", timeout_s=3.0, runtime_options={"fail": "stubborn"}
        )
    ).result.failure
    assert (failure.reason, failure.phase) == ("timeout", "warm")


async def test_a_baseline_that_fails_costs_the_comparison_and_not_the_measurement(tmp_path):
    bad = bad_models.unknown_operator(tmp_path / "bad.onnx")
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", baseline=bad)).result
    assert result.metrics["latency_ms_p50"].value > 0
    assert result.metrics["latency_ratio_to_baseline"].value is None
    (flag,) = (r for r in result.reasons if r.flag == "baseline_failed")
    assert "baseline bad:file" in flag.detail


async def test_a_slow_model_has_fewer_calls_in_a_round_and_still_a_result(tmp_path):
    slow = {"latency_us": 120_000}
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null", runtime_options=slow)).result
    assert result.outcome == "ok"
    assert 30 <= result.metrics["latency_ms_p50"].n < 200
    assert result.metrics["latency_ms_p99"].value is None


async def test_a_lost_lease_ends_the_attempt(tmp_path):
    path = DATA / "digits-fp32.onnx"
    spec = RunSpec(model=ref(path), runtime="null", profile="quick")
    around = Around(workspace=tmp_path, inventory=INVENTORY, clock=SystemClock(), lease_deadline_s=lambda: 0)
    measured = await measure(spec, Files(model=path), around)
    assert measured.result.failure.reason == "deadline"


async def test_a_full_disk_is_an_outcome(tmp_path):
    (tmp_path / "work").write_text("a file where the folder should be")
    measured = await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")
    assert measured.result.outcome == "failed"


async def test_a_host_without_a_lock_file_is_measured_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "no" / "such" / "folder"))
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")).result
    assert result.provenance["host"]["turn_taken"] is False


async def test_a_runtime_may_name_an_interpreter_that_has_none_of_our_packages(tmp_path, monkeypatch):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv("BENCHFLEET_PYTHON_NULL", str(bare))
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")).result
    assert result.outcome == "ok", result.failure
    monkeypatch.setenv("BENCHFLEET_PYTHON_NULL", str(tmp_path / "none"))
    assert (await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")).result.failure.phase == "start"


@pytest.mark.parametrize(
    ("more", "reason", "says"),
    [
        ({"runtime_options": {"provider": ["x"]}}, "unsupported_option", "it has: providers"),
        ({"shapes": {"y": (1, 4)}}, "unsupported_option", "no input y"),
        ({"shapes": {"x": (2, 4)}}, "dynamic_shape", "fixed size of 1"),
        ({"shapes": {"x": (1, 4, 1)}}, "dynamic_shape", "2 axes"),
        ({"batch": 4, "scenario": "offline"}, "unsupported_option", "fixed batch of 1"),
    ],
)
async def test_an_option_that_cannot_be_kept_is_refused(tmp_path, more, reason, says):
    failure = (await attempt(tmp_path, bad_models.good(tmp_path / "good.onnx"), **more)).result.failure
    assert failure.reason == reason
    assert says in failure.detail


async def test_a_flood_on_stderr_neither_blocks_nor_fills_memory(tmp_path):
    measured = await attempt(
        tmp_path,
        DATA / "digits-fp32.onnx",
        runtime="null",
        runtime_options={"fail": "flood", "fail_after": 1, "latency_us": 2000},
    )
    assert measured.result.outcome == "ok"


async def test_nan_makes_a_result_invalid(tmp_path):
    result = (await attempt(tmp_path, bad_models.nan_output(tmp_path / "nan.onnx"))).result
    assert result.verdict == "invalid"
    assert "nan_inf" in {r.flag for r in result.reasons if r.severity == "invalid"}  # a busy host flags itself too
    assert result.metrics["nan_count"].value > 0


async def test_null_results_say_that_they_are_not_real(tmp_path):
    result = (await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")).result
    assert "simulated" in {r.flag for r in result.reasons}
    assert result.provenance["simulated"] is True


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (bad_models.random_bytes, "unsupported_model"),
        (bad_models.truncated, "unsupported_model"),
        (bad_models.unknown_operator, "unsupported_model"),
        (bad_models.external_data_escaping, "unsupported_model"),
        (bad_models.dynamic_shape, "dynamic_shape"),
    ],
)
async def test_what_a_runtime_refuses_is_an_outcome(tmp_path, make, reason):
    failure = (await attempt(tmp_path, make(tmp_path / "bad.onnx"))).result.failure
    assert failure.reason == reason


async def test_an_open_shape_is_measured_once_it_is_said(tmp_path):
    path = bad_models.dynamic_shape(tmp_path / "dynamic.onnx")
    assert (await attempt(tmp_path, path, shapes={"x": (1, 3, 8, 8)})).result.outcome == "ok"


async def test_cuda_without_cuda_is_refused_and_not_run_on_the_cpu(tmp_path):
    failure = (
        await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime_options={"providers": ["CUDAExecutionProvider"]})
    ).result.failure
    assert failure.reason == "placement"
    assert "CPUExecutionProvider" in failure.detail


async def test_a_data_set_that_does_not_fit_is_refused(tmp_path):
    path = bad_models.good(tmp_path / "good.onnx")
    failure = (await attempt(tmp_path, path, dataset=DATA / "digits-test.npz")).result.failure
    assert failure.reason == "dataset_mismatch"


async def test_a_stopped_attempt_ends_at_once_and_says_so(tmp_path):
    stop = asyncio.Event()
    options = {"fail": "hang", "fail_after": 30}
    running = attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null", stop=stop, runtime_options=options)
    asyncio.get_running_loop().call_later(1.0, stop.set)
    assert (await asyncio.wait_for(running, 15)).result.outcome == "stopped"


@pytest.mark.parametrize(
    ("scenario", "params", "expects"),
    [
        ("server", {"qps": 400}, {"queries", "dispatch_lag_us_p50", "busy_ratio", "service_ms_p50"}),
        ("realtime", {"fps": 200}, {"deadline_miss_ratio", "idle_wake_ratio"}),
        ("dynamic_batching", {"qps": 400, "max_batch": 3}, {"gathered_batch_mean"}),
        ("cold_start", {"launches": 2}, {"cold_start_ms_max"}),
        ("offline", {"streams": 2}, {"throughput_per_s"}),
    ],
)
async def test_a_scenario_goes_from_the_cell_to_its_metrics_and_raw_series(tmp_path, scenario, params, expects):
    measured = await attempt(
        tmp_path, DATA / "digits-fp32.onnx", scenario=scenario, scenario_params=params, baseline=None
    )
    result = measured.result
    assert result.outcome == "ok", result.failure
    assert all(result.metrics[name].value is not None for name in expects), result.metrics
    assert result.provenance["scenario"]["params"].items() >= params.items()
    wall = series.unpack(measured.series)
    assert len(wall) == result.metrics["latency_ms_min"].n
    if "queries" in expects:
        lag, service = (series.unpack(measured.series, name=name) for name in ("lag_ns", "service_ns"))
        assert len(lag) == len(service) == len(wall) == result.metrics["queries"].value
        assert all(w >= s for w, s in zip(wall, service, strict=True))
        assert sorted(lag)[(len(lag) + 1) // 2 - 1] / 1e3 == pytest.approx(result.metrics["dispatch_lag_us_p50"].value)
