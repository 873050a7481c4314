"""Every scenario keeps the contract: it stands alone, says what a sample is, and drives a load."""

from __future__ import annotations

import ast
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from benchfleet.agent.measure.pacing import plan_of
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.runner import process
from benchfleet.agent.runner.load import Held, Load
from benchfleet.core import plugins, scenario
from benchfleet.core.metric import catalogue
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

SCENARIOS = plugins.load_all(scenario.PACKAGE, scenario.GROUP)
EXAMPLES = {"count": 2, "rate": 200, "duration": "20 s"}
MODEL = ModelRef(name="m:1", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))


class Quick:
    """A session that counts its calls."""

    def __init__(self):
        self.calls = 0

    def run(self):
        self.calls += 1


def needed(name):
    """What has to be given, and nothing else."""
    given = {p.name: EXAMPLES[p.kind] for p in scenario.parameters(name).values() if p.needed}
    (params,) = scenario.expand(name, given)
    return params


def everything(name):
    """Every parameter at some value."""
    (params,) = scenario.expand(name, {p.name: EXAMPLES[p.kind] for p in scenario.parameters(name).values()})
    return params


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_file_imports_the_standard_library_alone(name):
    tree = ast.parse(Path(SCENARIOS[name].__file__).read_text(), feature_version=(3, 8))
    tops = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    tops |= {str(n.module).split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert tops <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_runner_loads_it_by_its_path_without_any_package_of_ours(name):
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('one', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print(module.SAMPLE)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, scenario.path(name)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == SCENARIOS[name].SAMPLE


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_says_what_it_takes_and_refuses_in_words(name):
    for parameter in scenario.parameters(name).values():
        assert parameter.kind in ("count", "rate", "duration")
        assert parameter.help
        assert parameter.most > parameter.least >= 0
    assert set(SCENARIOS[name].SHOWS) <= set(catalogue())
    full = scenario.complete(name, needed(name))
    for batch in (1, 3, 8):
        refused = SCENARIOS[name].refuse(batch, full)
        assert refused is None or len(refused) > 20
    assert SCENARIOS[name].refuse(1, full) is None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("given", [needed, everything])
def test_its_pace_is_a_profile_and_has_an_end(name, profile, given):
    spec = RunSpec(model=MODEL, runtime="null", scenario=name, scenario_params=given(name), profile=profile)
    plan = plan_of(spec)
    assert plan.launches >= 1
    assert 1 <= plan.rounds_min <= plan.rounds_max
    assert plan.launch_span_s / plan.rounds_min < 60, "a round is one command to the runner, which has a minute"
    told_s = scenario.span_s(name, spec.scenario_params, profile)
    assert told_s is None or told_s == plan.launches * plan.rounds_min * plan.round_span_s


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_drives_the_sessions_and_accounts_for_every_sample(name):
    params = scenario.complete(name, needed(name))
    sessions = [Held(1, Quick())]
    if hasattr(SCENARIOS[name], "batches"):
        sessions += [Held(size, Quick()) for size in SCENARIOS[name].batches(params)]
    spec = {"batch": 1, "seed": 7, "scenario_params": params}
    load = Load(spec, sessions, process.WaitMeter(1000), array("q", bytes(8 * 1000)))
    load.loaded_ns = (5, 105)
    load.begin(3, 50_000_000, 10**9, 0.0)
    done = SCENARIOS[name].drive(load)
    assert done.end_ns > done.start_ns
    assert next(iter(done.series)) == "wall_ns"
    assert len(done.series["wall_ns"]) >= 1
    assert all(wall > 0 for wall in done.series["wall_ns"])
    calls = sum(held.session.calls for held in sessions) - len(done.series.get("back_to_back_ns", ()))
    if "batch" in done.series:
        assert calls == pytest.approx(sum(1 / size for size in done.series["batch"]))
    elif done.samples:
        assert calls == done.samples


def test_streams_work_side_by_side_and_all_their_calls_are_counted():
    sessions = [Held(4, Quick()) for _ in range(3)]
    load = Load(
        {"batch": 4, "seed": 7, "scenario_params": {"streams": 3}},
        sessions,
        process.WaitMeter(10),
        array("q", bytes(8 * 50)),
    )
    load.begin(30, 1_000_000, 10**9, 0.0)
    done = SCENARIOS["offline"].drive(load)
    assert set(done.series["stream"]) == {0, 1, 2}
    assert done.samples == 4 * len(done.series["wall_ns"]) == 4 * sum(held.session.calls for held in sessions)
    assert list(done.series["begun_ns"]) == sorted(done.series["begun_ns"])


def test_what_a_stream_raises_is_raised_and_no_thread_is_left():
    class Bad:
        def run(self):
            raise ValueError("made to fail")

    spec = {"batch": 1, "seed": 7, "scenario_params": {"streams": 2}}
    load = Load(spec, [Held(1, Quick()), Held(1, Bad())], process.WaitMeter(10), array("q", bytes(8 * 50)))
    load.begin(30, 0, 10**9, 0.0)
    with pytest.raises(ValueError, match="made to fail"):
        SCENARIOS["offline"].drive(load)


def test_a_window_that_has_no_room_for_more_latencies_still_works_until_its_end():
    session = Quick()
    spec = {"batch": 1, "seed": 7, "scenario_params": {"duration_s": 10.0}}
    load = Load(spec, [Held(1, session)], process.WaitMeter(5), array("q", bytes(8 * 5)))
    load.begin(1, 5_000_000, 10**9, 0.0)
    done = SCENARIOS["sustained"].drive(load)
    assert len(done.series["wall_ns"]) == 5
    assert done.samples == session.calls > 5
    assert done.end_ns - done.start_ns >= 5_000_000
