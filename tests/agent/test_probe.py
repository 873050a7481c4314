"""A device says what it is: boards by the names that selectors use, runtimes by asking them in a child."""

from __future__ import annotations

import os

import pytest

from benchfleet.agent import probe
from benchfleet.core import wire
from benchfleet.core.inventory import RuntimeFacts
from benchfleet.core.text import REPLACEMENT


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "probe failed"),
        ("kill -SEGV $$", "probe failed"),
        ("echo no json", "did not answer in JSON"),
    ],
)
def test_a_runtime_whose_probe_breaks_is_not_available_and_says_why(tmp_path, monkeypatch, script, says):
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setenv("BENCHFLEET_PYTHON_LITERT", str(broken))
    found = next(r for r in probe.runtimes() if r.name == "litert")
    assert not found.available
    assert says in found.reason


def test_an_interpreter_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("BENCHFLEET_PYTHON_NULL", "/nowhere/python")
    found = next(r for r in probe.runtimes() if r.name == "null")
    assert "/nowhere/python" in found.reason


def test_a_host_name_that_is_no_utf8_reaches_the_wire_as_text(monkeypatch):
    monkeypatch.setattr(probe.platform, "node", lambda: b"h\xed\xa0\x80".decode("utf-8", "surrogateescape"))
    monkeypatch.setattr(probe, "runtimes", lambda: (RuntimeFacts(name="x", available=False, reason="no \udcff"),))
    found = probe.inventory(labels={"rack\udcff": "\udcff3"})
    assert found.hostname == "h" + 3 * REPLACEMENT
    sent = wire.inventory_to_wire(found)
    assert sent.runtimes[0].reason == f"no {REPLACEMENT}"
    assert wire.inventory_from_wire(type(sent).FromString(sent.SerializeToString())) == found


def test_a_probe_needs_none_of_our_packages(tmp_path, monkeypatch):
    import sys

    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    for name in ("NULL", "ONNXRUNTIME"):
        monkeypatch.setenv(f"BENCHFLEET_PYTHON_{name}", str(bare))
    found = {r.name: r for r in probe.runtimes()}
    assert found["null"].available
    assert "install" in found["onnxruntime"].reason


@pytest.mark.parametrize(("limit", "told"), [(64 << 20, 64 << 20), (None, None), (1 << 59, None)])
def test_an_agent_in_a_container_has_the_memory_of_its_container(monkeypatch, limit, told):
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    monkeypatch.setattr(probe, "runtimes", lambda: ())
    monkeypatch.setattr(probe.cgroup, "memory_limit_bytes", lambda env: limit)
    assert probe.inventory().memory_bytes == (told or installed)


def test_an_agent_tells_its_scenarios_its_tasks_and_the_options_of_its_runtimes():
    found = probe.inventory()
    assert {"single_stream", "server"} <= set(found.scenarios)
    assert "classification" in found.tasks
    assert set(found.runtime("onnxruntime").options) == {"providers", "graph_optimization", "require_placement"}
    assert wire.inventory_from_wire(wire.inventory_to_wire(found)) == found
