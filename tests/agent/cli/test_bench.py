"""`bench` and `probe` as a user runs them: real processes, exit codes, one line for a mistake, nothing left behind."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from benchfleet.core import results

_spec = importlib.util.spec_from_file_location("bad_models", Path(__file__).parents[2] / "fixtures" / "bad_models.py")
bad_models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bad_models)

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"
FP32 = str(DATA / "digits-fp32.onnx")


MEASURED = (0, 3)
"""A busy host makes the verdict invalid, and says so: that is no fault of what is tested here."""


@pytest.fixture
def agent(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", "from benchfleet.agent.cli.main import main; main()", *arguments],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "TMPDIR": str(scratch),
                "BENCHFLEET_HOST_LOCK": str(tmp_path / "lock"),
                "XDG_STATE_HOME": str(tmp_path / "xdg"),
            },
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert not list(scratch.iterdir()), "nothing is left behind"
        return done

    return run


def test_a_measured_model_is_a_result_in_the_schema(agent, tmp_path):
    kept = tmp_path / "series.zip"
    done = agent("bench", FP32, "--data", str(DATA / "digits-test.npz"), "--series", str(kept), "--json")
    assert done.returncode in MEASURED, done.stderr
    result = results.loads(done.stdout.encode())
    assert result.metrics["accuracy_top1"].value > 0.97
    assert result.metrics["harness_overhead_us"].value > 0
    assert result.metrics["sampler_cpu_ratio"].value < 0.05
    assert len(result.provenance["latency_ms_quantiles"]) == 101
    assert kept.stat().st_size > 0


def test_the_table_ends_with_the_verdict_and_says_what_was_not_measured(agent):
    done = agent("bench", FP32, "--runtime", "null", "--option", "latency_us=300")
    assert done.returncode in MEASURED
    lines = done.stdout.splitlines()
    assert lines[0].startswith("latency_ms_p50")
    assert any(line.startswith("not measured") for line in lines)
    assert "  simulated (degraded)" in done.stdout


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (bad_models.empty, 2),
        (bad_models.pickled, 2),
        (bad_models.random_bytes, 2),
        (bad_models.nan_output, 3),
        (bad_models.nan_weights, 3),
        (bad_models.truncated, 2),
        (bad_models.unknown_operator, 2),
        (bad_models.external_data_escaping, 2),
        (bad_models.dynamic_shape, 2),
    ],
)
def test_a_bad_model_has_its_exit_code(agent, tmp_path, make, code):
    path = tmp_path / "bad.onnx"
    make(path)
    done = agent("bench", str(path))
    assert done.returncode == code, done.stderr
    if code != 3:
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("bench", "/nowhere/model.onnx"),
        ("bench", "/tmp"),
        ("bench", "/dev/zero"),
        ("bench", FP32, "--series", "/nowhere/series.zip"),
        ("bench", FP32, "--runtime", "nonsense"),
        ("bench", FP32, "--scenario", "nonsense"),
        ("bench", FP32, "--profile", "nonsense"),
        ("bench", FP32, "--batch", "8", "--scenario", "single_stream"),
        ("bench", FP32, "--batch", "0"),
        ("bench", FP32, "--timeout", "nan"),
        ("bench", FP32, "--shape", "x=1x0"),
        ("bench", FP32, "--shape", "x"),
        ("bench", FP32, "--baseline", str(DATA / "digits-fp32.tflite")),
        ("bench", FP32, "--runtime", "litert"),
        ("bench", FP32, "--option", "nonsense"),
        ("bench", FP32, "--data", "/nowhere.npz"),
    ],
)
def test_a_mistake_is_a_usage_error(agent, arguments):
    done = agent(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--shape", "y=1x3"), "unsupported_option"),
        (("--shape", "x=1x3"), "dynamic_shape"),
        (("--option", "provider=x"), "unsupported_option"),
        (("--data", FP32), "dataset_mismatch"),
        (("--option", "providers=CPUExecutionProvider"), "unsupported_option"),
        (("--runtime", "fake", "--option", "latency_us=nan"), "unsupported_option"),
        (("--runtime", "fake", "--option", "latency_us=-5"), "unsupported_option"),
        (("--runtime", "fake", "--option", "latency_us=fast"), "unsupported_option"),
        (("--runtime", "fake", "--option", "trace=bimodal", "--option", "every_s=0"), "unsupported_option"),
    ],
)
def test_a_mistake_that_the_runner_finds_is_a_usage_error_too(agent, arguments, reason):
    done = agent("bench", FP32, *arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert f"FAILED({reason})" in done.stderr


def test_an_option_that_is_no_truth_value_measures_no_other_setting(agent):
    done = agent("bench", str(DATA / "digits-fp32.tflite"), "--option", "xnnpack=False")
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "xnnpack is true or false, not 'False'" in done.stderr


def test_a_provider_that_is_not_there_fails_before_measuring(agent):
    done = agent("bench", FP32, "--provider", "CUDAExecutionProvider")
    assert done.returncode == 5
    assert "FAILED(placement)" in done.stderr
    assert "CUDAExecutionProvider" in done.stderr


def test_probe_tells_facts_runtimes_and_sensors(agent):
    found = json.loads(agent("probe", "--json").stdout)
    assert {r["name"] for r in found["runtimes"]} >= {"null", "onnxruntime", "litert"}
    assert found["inventory"]["cpu_count"] >= 1
    load = next(s for s in found["sensors"] if s["id"] == "procfs/load_1min")
    assert load["value"] >= 0
    assert found["totals"]["power_w"] is None or found["totals"]["power_w"]["formula"]


def test_a_power_mode_is_set_with_permission_alone_and_the_result_names_it(agent, tmp_path):
    asked = ("bench", FP32, "--runtime", "null", "--simulate", "jetson-orin-nano", "--time-factor", "60", "--json")
    refused = agent(*asked, "--power-mode", "7W")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "--allow-power-modes" in refused.stderr
    strange = agent(*asked, "--power-mode", "8W", "--allow-power-modes")
    assert strange.returncode == 2
    assert "no power mode '8W' (it has: 15W, 7W)" in strange.stderr
    done = agent(*asked, "--power-mode", "7W", "--allow-power-modes")
    assert done.returncode in MEASURED, done.stderr
    result = results.loads(done.stdout.encode())
    assert (result.provenance["power_mode"], result.provenance["power_mode_id"]) == ("7W", "1")
    assert result.cell["power_mode"] == "7W"
    assert not (tmp_path / "xdg/benchfleet/power_modes").exists(), "a journal of a board that is not there"
