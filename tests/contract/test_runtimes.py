"""Every runtime plug-in keeps the contract; a new file is walked without being listed anywhere."""

import ast
from pathlib import Path

import pytest

from benchfleet.agent import probe
from benchfleet.agent.runner.contract import Available, Unavailable
from benchfleet.core import plugins

RUNTIMES = plugins.load_all(probe.RUNTIMES, probe.GROUP)
SCENARIOS = plugins.load_all("benchfleet.agent.scenarios", "benchfleet.scenarios")


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_says_whether_it_is_there_and_what_it_loads(name):
    module = RUNTIMES[name]
    found = module.probe()
    assert isinstance(found, (Available, Unavailable))
    assert module.FORMATS
    assert callable(module.load)
    if isinstance(found, Unavailable):
        assert "install" in found.why


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_file_imports_its_vendor_only_inside_its_functions(name):
    tree = ast.parse(Path(RUNTIMES[name].__file__).read_text())
    tops = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    tops |= {n.module.split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert not tops & {"numpy", "onnxruntime", "ai_edge_litert", "tflite_runtime"}


def test_every_runtime_is_in_the_inventory():
    assert {r.name for r in probe.runtimes()} == set(RUNTIMES)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_drives_calls_until_both_bounds_are_met(name):
    from array import array

    out = array("q", bytes(8 * 1000))
    calls = []
    n, start, end = SCENARIOS[name].drive(lambda: calls.append(1), out, 50, 0, 10**9)
    assert n == len(calls) == 50
    assert end > start
    assert all(out[:n])
    assert SCENARIOS[name].refuse(1) is None
