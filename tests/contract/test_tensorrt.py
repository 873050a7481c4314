"""The TensorRT adapter against a stand-in for the vendor's library: build, engine cache, events, memory, faults."""

import os
import sys
from pathlib import Path

import pytest

from benchfleet.agent import probe
from benchfleet.agent.measure import build
from benchfleet.agent.measure.lane import LaneFault
from benchfleet.agent.runtimes import tensorrt
from benchfleet.core import plugins
from tests.support.attempts import DATA, attempt

STUB = Path(__file__).parents[1] / "fixtures/vendor/tensorrt_stub"
MODEL = DATA / "digits-fp32.onnx"


@pytest.fixture
def vendor(tmp_path, monkeypatch):
    """The stand-in for processes that the agent starts; builds() counts how often an engine was built."""
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    monkeypatch.setenv("STUB_BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("BENCHFLEET_ENGINES", str(tmp_path / "engines"))
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))
    (tmp_path / "builds").touch()
    return lambda: len((tmp_path / "builds").read_text().splitlines())


async def measured(tmp_path, name="a", **options):
    return (await attempt(tmp_path / name, MODEL, runtime="tensorrt", runtime_options=options)).result


def test_without_library_or_gpu_it_says_what_to_install(vendor, monkeypatch):
    assert "pip install 'benchfleet-agent[tensorrt]'" in tensorrt.probe().why
    monkeypatch.setenv("STUB_FAIL", "driver")
    found = {r.name: r for r in probe.runtimes()}["tensorrt"]
    assert not found.available
    assert "CUDA error 100" in found.reason


@pytest.mark.parametrize(
    ("fail", "reason", "phase", "says"),
    [
        ("parse", "unsupported_model", "build", "unsupported operator Stub"),
        ("build", "unsupported_model", "build", "within 1024 MiB"),
        ("run", "device_lost", "load", "CUDA error 700"),
    ],
)
async def test_a_fault_of_the_vendor_is_an_outcome_with_its_stage(
    tmp_path, vendor, monkeypatch, fail, reason, phase, says
):
    monkeypatch.setenv("STUB_FAIL", fail)
    failure = (await measured(tmp_path)).failure
    assert (failure.reason, failure.phase) == (reason, phase)
    assert says in failure.detail


async def test_a_build_that_takes_too_long_is_ended(tmp_path, vendor, monkeypatch):
    monkeypatch.setenv("STUB_FAIL", "hang")
    monkeypatch.setattr(build, "BUILD_S_MAX", 1.0)
    failure = (await measured(tmp_path)).failure
    assert (failure.reason, failure.phase) == ("timeout", "build")


async def test_a_build_that_takes_too_much_memory_is_ended(tmp_path, vendor, monkeypatch):
    monkeypatch.setenv("STUB_FAIL", "hang")
    monkeypatch.setattr(build, "MEMORY_SHARE_MAX", 0.0)
    failure = (await measured(tmp_path)).failure
    assert (failure.reason, failure.phase) == ("oom", "build")


async def test_building_is_a_stage_of_its_own_and_an_engine_is_used_again(tmp_path, vendor):
    first = await measured(tmp_path, "a")
    assert first.outcome == "ok", first.failure
    assert vendor() == 1
    assert first.metrics["build_ms"].value > 0
    second = await measured(tmp_path, "b")
    assert vendor() == 1
    assert second.metrics["build_ms"].value is None
    assert second.provenance["runtime"]["engine_reused"]


async def test_its_own_clock_its_memory_and_its_placement_are_in_the_result(tmp_path, vendor):
    result = await measured(tmp_path)
    assert 0 < result.metrics["engine_share_of_wall"].value < 1
    assert result.metrics["device_memory_peak_bytes"].value == 2 * 4 * 4  # x and y, one row of four floats
    assert result.metrics["placement_share"].value == 1
    assert result.metrics["placement_share"].scope == "GPU"
    assert result.provenance["runtime"]["gpu"] == "Stub GPU"


@pytest.mark.parametrize("change", ["model", "driver", "precision", "workspace"])
async def test_what_an_engine_depends_on_makes_another_engine(tmp_path, vendor, monkeypatch, change):
    await measured(tmp_path, "a")
    if change == "driver":
        monkeypatch.setenv("STUB_DRIVER", "12070")
    if change == "model":
        await attempt(tmp_path / "b", DATA / "digits-int8.onnx", runtime="tensorrt")
    else:
        options = {"precision": {"precision": "fp16"}, "workspace": {"workspace_mib": 64}}.get(change, {})
        await measured(tmp_path, "b", **options)
    assert vendor() == 2


async def test_an_engine_that_was_changed_on_disk_is_built_again_and_never_loaded(tmp_path, vendor):
    await measured(tmp_path, "a")
    (plan,) = (tmp_path / "engines").glob("*.plan")
    plan.write_bytes(b"ftrt not what was built")
    result = await measured(tmp_path, "b")
    assert vendor() == 2
    assert result.outcome == "ok"


async def test_a_folder_that_others_can_write_is_refused(tmp_path, vendor):
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines").chmod(0o777)
    failure = (await measured(tmp_path)).failure
    assert failure.phase == "build"
    assert "chmod 700" in failure.detail


async def test_engines_are_bounded_and_the_one_in_use_stays(tmp_path, vendor, monkeypatch):
    await measured(tmp_path, "a")
    monkeypatch.setattr(build, "ENGINES_BYTES_MAX", 1)
    await measured(tmp_path, "b", precision="fp16")
    assert len(list((tmp_path / "engines").glob("*.plan"))) == 1
    assert (await measured(tmp_path, "c", precision="fp16")).outcome == "ok"
    assert vendor() == 2


@pytest.mark.parametrize(
    "options", [{"precision": "int4"}, {"workspace_mib": 0}, {"workspace_mib": "1"}, {"device": 1}]
)
async def test_an_option_it_does_not_take_is_refused_before_building(tmp_path, vendor, options):
    failure = (await measured(tmp_path, **options)).failure
    assert failure.reason == "unsupported_option"
    assert vendor() == 0


def test_a_file_that_is_no_engine_of_ours_is_not_given_to_the_library(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    from benchfleet.agent.runner.contract import Options, RuntimeFault

    (tmp_path / "evil.plan").write_bytes(b"ftrt{}")
    with pytest.raises(RuntimeFault, match="no engine that this agent built"):
        tensorrt.load(str(tmp_path / "evil.plan"), Options(1, 1, {}))
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)


def test_the_power_mode_of_a_jetson_is_read_and_absent_elsewhere(tmp_path):
    assert tensorrt.power_mode(str(tmp_path)) is None
    (tmp_path / "var/lib/nvpmodel").mkdir(parents=True)
    (tmp_path / "var/lib/nvpmodel/status").write_text("pmode:0002\n")
    assert tensorrt.power_mode(str(tmp_path)) == "0002"


def test_only_runtimes_that_build_have_the_stage():
    assert [n for n in plugins.names(probe.RUNTIMES, probe.GROUP) if probe.builds(n)] == ["tensorrt"]


async def test_an_engine_outside_the_folder_is_refused(tmp_path, vendor):
    class Elsewhere:
        pid = os.getpid()

        async def start(self, alarm_s):
            pass

        async def command(self, *args, **more):
            return {"path": "/tmp/engine.plan", "reused": False, "facts": {}, "spent_ns": 1}

        async def stop(self):
            pass

        kill = stop

    with pytest.raises(LaneFault, match="elsewhere"):
        await build.engine(Elsewhere(), lambda limit_s: limit_s)
