"""LoadGen drives a model through our runner and keeps its logs; where it is not, a log of ours says so.

Needs the wheel mlcommons-loadgen (x86_64): a development requirement there.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from benchfleet.agent.measure import mllog
from benchfleet.agent.runner import loadgen
from tests.agent.measure.test_attempt import DATA

MODEL = DATA / "digits-fp32.onnx"


def bench(tmp_path, *arguments, **environment):

    run = [sys.executable, "-c", "from benchfleet.agent.cli.main import main; main()", "bench", str(MODEL), *arguments]
    return subprocess.run(
        run,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "BENCHFLEET_HOST_LOCK": str(tmp_path / "lock"), **environment},
    )


@pytest.fixture
def without_loadgen(tmp_path):
    """An environment whose runner finds a LoadGen that cannot be imported."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "mlperf_loadgen.py").write_text("raise ImportError('no LoadGen on this machine')")
    return {"PYTHONPATH": str(tmp_path / "shadow")}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the wheel is for x86_64")
@pytest.mark.parametrize(
    ("scenario", "more"),
    [("single_stream", []), ("multi_stream", []), ("offline", ["--batch", "4"]), ("server", ["--param", "qps=50"])],
)
def test_loadgen_drives_the_model_and_its_logs_are_kept(tmp_path, scenario, more):
    done = bench(tmp_path, "--scenario", scenario, *more, "--loadgen", "logs", "--loadgen-seconds", "1", "--json")
    assert done.returncode in (0, 3), done.stderr
    told = json.loads(done.stdout)["loadgen"]
    assert told["effective_scenario"] == mllog.SCENARIOS[scenario]
    assert (done.returncode == 0) == (told["result_validity"] == "VALID")
    assert "@" in told["loadgen_version"]
    assert told["num_errors"] == 0
    assert (tmp_path / "logs" / "mlperf_log_summary.txt").read_text().count("MLPerf Results Summary") == 1
    assert f"*.{mllog.SCENARIOS[scenario]}.min_duration = 1000" in (tmp_path / "logs" / "user.conf").read_text()
    assert set(mllog.read(tmp_path / "logs" / mllog.DETAIL)) >= set(told)


def test_without_loadgen_our_own_log_is_written_and_is_no_submission(tmp_path, without_loadgen):
    done = bench(tmp_path, "--loadgen", "logs", "--json", **without_loadgen)
    assert done.returncode in (0, 3), done.stderr
    assert "no LoadGen on this machine" in done.stderr
    assert "not for submission" in done.stderr
    result, told = json.loads(done.stdout), mllog.read(tmp_path / "logs" / mllog.DETAIL)
    assert told["loadgen"] == "benchfleet-compatible, not for submission"
    assert told["result_query_count"] == result["metrics"]["latency_ms_p50"]["n"]
    assert told["result_max_latency_ns"] / 1e6 == pytest.approx(result["metrics"]["latency_ms_max"]["value"])


def test_what_mlperf_does_not_have_is_one_line(tmp_path):
    done = bench(tmp_path, "--scenario", "realtime", "--param", "fps=30", "--loadgen", "logs")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "MLPerf has no realtime" in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the wheel is for x86_64")
@pytest.mark.parametrize("scenario", mllog.SCENARIOS)
def test_what_a_call_raises_ends_the_test_and_is_raised_by_us(tmp_path, scenario):
    def run():
        raise ValueError("made to fail")

    asked = {"duration_ms": 1, "queries_min": 5, "target_qps": 100, "target_latency": 1.0, "samples_per_query": 2}
    with pytest.raises(ValueError, match="made to fail"):
        loadgen.drive(run, 1, scenario, str(tmp_path), asked)


def test_a_model_that_fails_is_a_failed_run(tmp_path):
    fails = ["--option", "fail=exception", "--option", "fail_after=9"]
    done = bench(tmp_path, "--runtime", "null", *fails, "--loadgen", "logs", "--loadgen-seconds", "1")
    assert done.returncode == 5
    assert "made to fail" in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the wheel is for x86_64")
def test_with_a_data_set_loadgen_tests_the_accuracy_too_and_its_log_holds_each_answer(tmp_path):
    data = DATA / "digits-test.npz"
    done = bench(tmp_path, "--data", str(data), "--loadgen", "logs", "--loadgen-seconds", "1", "--json")
    assert done.returncode in (0, 3), done.stderr
    told = json.loads(done.stdout)["loadgen"]
    folder = tmp_path / "logs" / "accuracy"
    log = (folder / loadgen.ACCURACY_LOG).read_bytes()
    answers = json.loads(log)
    labels = np.load(data)["labels"]
    assert sorted(row["qsl_idx"] for row in answers) == list(range(len(labels)))
    good = sum(np.frombuffer(bytes.fromhex(row["data"]), "<f4")[0] == labels[row["qsl_idx"]] for row in answers)
    assert told["accuracy_top1"] == good / len(labels) > 0.9
    accuracy, hashed = (folder / "accuracy.txt").read_text().splitlines()
    assert accuracy == f"accuracy={100 * good / len(labels):.3f}%, good={good}, total={len(labels)}"
    assert hashed == f"hash={hashlib.sha256(log).hexdigest()}"
    said = mllog.read(folder / mllog.DETAIL)
    assert said["effective_test_mode"] == "AccuracyOnly"
    assert said["effective_qsl_rng_seed"] == mllog.read(tmp_path / "logs" / mllog.DETAIL)["effective_qsl_rng_seed"] != 0
    assert "No errors encountered" in (folder / "mlperf_log_summary.txt").read_text()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the wheel is for x86_64")
def test_an_accuracy_test_without_labels_is_refused_in_one_line(tmp_path):
    np.savez(tmp_path / "bare.npz", x=np.zeros((3, 1, 32, 32), np.float32))
    done = bench(tmp_path, "--data", "bare.npz", "--loadgen", "logs", "--loadgen-seconds", "1")
    assert done.returncode == 2
    assert "needs a data set with labels" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scenario", "realtme"], "did you mean 'realtime'"),
        (["--scenario", "realtime"], "needs fps"),
        (["--scenario", "realtime", "--param", "fps"], "NAME=VALUE"),
        (["--scenario", "realtime", "--param", "fps=nan"], "a number is needed"),
        (["--scenario", "sustained", "--param", "duration=20min", "--timeout", "60"], "at least 1200 s"),
        (["--scenario", "sustained", "--param", "duration=20 s", "--baseline", str(MODEL)], "no --baseline"),
        (["--scenario", "offline", "--param", "streams=200"], "CPUs"),
    ],
)
def test_a_scenario_that_cannot_be_is_one_line_before_anything_starts(tmp_path, arguments, says):
    done = bench(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
