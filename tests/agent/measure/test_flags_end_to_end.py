"""Each flag that a runner or a model can cause, raised by the fake engine through a whole measurement.

That a clean series raises none is shown on made-up evidence (test_verdict.py): the host of these tests is never quiet.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path

import psutil
import pytest

from benchfleet.agent.measure import profiles
from benchfleet.agent.measure.attempt import Around, Files, measure
from benchfleet.core.clock import SystemClock
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

MODEL = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"
INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0",
)  # fmt: skip
TINY = replace(
    profiles.PROFILES["quick"], launches=3, rounds_min=6, rounds_max=6, round_span_s=0.05, round_calls_min=20,
    warm_span_s=0.05, warm_window_s=0.02, warm_cap_s=0.5,
)  # fmt: skip
"""Three launches in about two seconds: enough for every rule, too short for a number."""


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))
    monkeypatch.setitem(profiles.PROFILES, "tiny", TINY)


async def measured(tmp_path, *, profile="tiny", on_progress=lambda *_: None, timeout_s=60.0, options=None, **more):
    model = ModelRef(
        name="digits:fp32", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1)
    )
    spec = RunSpec(
        model=model, runtime="fake", profile=profile, runtime_options=options or {}, timeout_s=timeout_s, **more
    )
    around = Around(workspace=tmp_path / "work", inventory=INVENTORY, clock=SystemClock(), progress=on_progress)
    done = await measure(spec, Files(model=MODEL), around)
    return done.result


def flags(result):
    assert result.outcome == "ok", result.failure
    return {reason.flag: reason.severity for reason in result.reasons}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trace": "bimodal", "slow": 1.6, "every_s": 0.1}, {"unstable"}),
        ({"trace": "drift", "slow": 8, "every_s": 1.0}, {"unstable", "ci_target_not_met", "warmup_not_converged"}),
        ({"launch_noise": 0.3}, {"launch_spread", "simulated"}),
        ({"latency_us": 5000}, {"too_few_samples"}),
        ({"latency_us": 100, "unstable": True}, {"overhead_significant", "output_unstable"}),
        ({"nan_after": 100}, {"nan_inf"}),
    ],
)
async def test_what_the_engine_does_raises_its_flags(tmp_path, options, expected):
    found = flags(await measured(tmp_path, options=options))
    assert expected <= set(found)
    assert {flag for flag, severity in found.items() if severity == "invalid"} <= {"nan_inf", "background_load"}


async def test_an_engine_that_behaves_raises_none_of_what_it_could_cause(tmp_path):
    found = flags(await measured(tmp_path, options={"latency_us": 600}))
    assert not {"nan_inf", "output_unstable", "outputs_unchecked", "overhead_significant", "pause"} & set(found)


async def test_what_happened_on_the_host_meanwhile_is_in_every_result(tmp_path):
    told = (await measured(tmp_path)).provenance["host"]
    assert {"other_cpus", "steal_ratio", "suspended_s", "wall_clock_step_s", "clock_slew_ppm", "agent_gap_s"} <= set(
        told
    )


async def test_one_launch_is_told(tmp_path):
    assert "single_launch" in flags(await measured(tmp_path, profile="quick"))


async def test_a_stall_is_in_the_maximum_and_in_the_tail(tmp_path):
    result = await measured(tmp_path, options={"trace": "stall", "stall_ms": 60, "every_s": 0.1})
    assert result.metrics["latency_ms_max"].value >= 60
    assert result.metrics["latency_ms_p50"].value < 60


async def test_what_loading_takes_is_told_apart(tmp_path):
    result = await measured(tmp_path, options={"load_s": 0.2})
    assert result.metrics["load_ms"].value >= 200


async def test_an_engine_that_waits_for_something_else_has_no_corrected_latency(tmp_path):
    result = await measured(tmp_path, options={"wait": "sleep", "latency_us": 2000})
    assert "something else than a CPU" in result.metrics["contention_free_ms_p50"].reason


@pytest.mark.parametrize(
    ("options", "reason"), [({"crash_after": 30}, "runner_signal"), ({"hang_after": 30}, "timeout")]
)
async def test_a_crash_and_a_hang_are_outcomes(tmp_path, options, reason):
    result = await measured(tmp_path, options=options, timeout_s=4.0)
    assert (result.outcome, result.failure.reason) == ("failed", reason)


async def test_a_step_down_under_lasting_load_is_throttling(tmp_path):
    options = {"trace": "step", "slow": 1.5, "every_s": 5.0}
    result = await measured(
        tmp_path, options=options, scenario="sustained", scenario_params={"duration_s": 10.0}, profile="quick"
    )
    assert flags(result)["throttled"] == "degraded"
    assert "slower under lasting load" in next(r.detail for r in result.reasons if r.flag == "throttled")


async def test_busy_programs_beside_the_model_are_told(tmp_path):
    busy = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        found = flags(await measured(tmp_path))
    finally:
        for process in busy:
            process.kill()
            await process.wait()
    assert "background_load" in found


async def test_a_runner_that_was_stopped_within_a_call_is_told(tmp_path):
    begun = asyncio.Event()

    async def disturb():
        await begun.wait()
        while True:  # again and again: a stop between two rounds is none
            for runner in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    runner.send_signal(signal.SIGSTOP)
                    try:
                        await asyncio.sleep(0.2)
                    finally:
                        runner.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.3)

    def on_progress(phase, *_):
        if phase == "measuring":
            begun.set()

    disturbing = asyncio.create_task(disturb())
    try:
        result = await measured(tmp_path, on_progress=on_progress, options={"latency_us": 8000})
    finally:
        disturbing.cancel()
    assert flags(result)["pause"] == "degraded"
