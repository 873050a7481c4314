"""jtop: only where it is asked for, only in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchfleet.agent.env import Env
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.env.libraries import NoLibraries
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.env.web import Http
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import jtop

STANDS_IN = '''
class jtop:
    """Says what the documented properties of jtop say."""
    power = {"rail": {"VDD_SOC": {"power": 1353}}, "tot": {"power": 5336, "avg": 1, "name": "VDD_IN"}}
    temperature = {"tj": {"temp": 47.25, "online": True}}
    def __enter__(self):
        return self
    def __exit__(self, *error):
        return None
    def ok(self):
        import time
        time.sleep(0.01)
        return True
'''


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env(files=Tree(tmp_path), commands=Installed(), web=Http(), libraries=NoLibraries("none"))


def test_nothing_is_asked_unless_it_is_asked_for(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(jtop.PYTHON, raising=False)
    assert jtop.probe(env) == []


def test_another_interpreter_imports_it_and_ours_does_not(
    env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jtop.py").write_text(STANDS_IN)
    monkeypatch.setenv(jtop.PYTHON, sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reader = jtop.reader(env, jtop.probe(env))
    found = {reading.sensor_id: reading.value for reading in reader.read()}
    reader.close()
    assert found == {
        "jtop/VDD_SOC/power": 1.353,
        "jtop/VDD_IN/power": 5.336,
        "jtop/tj/temperature": 47.25,
    }
    assert "jtop" not in sys.modules


@pytest.mark.parametrize("python", [sys.executable, "/nowhere/python3"])
def test_an_interpreter_that_cannot_do_it_is_told(env: Env, monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setenv(jtop.PYTHON, python)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    sampler = Sampler(env, drivers={"jtop": jtop})
    assert sampler.sensors == {}
    assert python in sampler.absent["jtop"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"power_mw": 1}', '{"power_mw": {}}', '{"power_mw": {}, "temperature_c": [1]}']
)
def test_what_is_no_line_of_it_says_nothing(text: str) -> None:
    assert jtop.parsed(text) == {}
