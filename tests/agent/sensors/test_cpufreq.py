"""A clock that is asked for is not taken for one that runs, and settings are words."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent.env import live, replay
from benchfleet.agent.sensors import Reading, Sensor, cpufreq

POLICY = "sys/devices/system/cpu/cpufreq/policy0"


def write(root: Path, **files: object) -> Path:
    for name, text in files.items():
        path = root / POLICY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def found(root: Path) -> dict[str, tuple[Sensor, Reading]]:
    env = live(root)
    sensors = cpufreq.probe(env)
    return {s.id: (s, r) for s, r in zip(sensors, cpufreq.reader(env, sensors).read(), strict=True)}


def test_a_request_is_estimated_and_what_runs_is_beside_it(tmp_path: Path) -> None:
    seen = found(write(tmp_path, scaling_cur_freq=2601000, cpuinfo_cur_freq=649000))
    asked, given = seen["cpufreq/policy0"], seen["cpufreq/policy0/actual"]
    assert (asked[0].estimated, asked[1].value) == (True, 2.601e9)
    assert (given[0].estimated, given[1].value) == (False, 6.49e8)
    assert given[0].slow
    assert given[0].needs_root


def test_a_clock_that_only_root_may_read_says_so(tmp_path: Path) -> None:
    write(tmp_path / "root", scaling_cur_freq=2601000, cpuinfo_cur_freq=649000)
    (tmp_path / "modes.json").write_text('{"*/cpuinfo_cur_freq": "0400"}')
    env = replay.capture(tmp_path, privileged=False)
    sensors = cpufreq.probe(env)
    asked, given = cpufreq.reader(env, sensors).read()
    assert asked.value == 2.601e9
    assert (given.value, given.quality) == (None, "denied")
    assert "root" in given.detail


def test_the_average_of_newer_kernels_needs_no_root(tmp_path: Path) -> None:
    write(tmp_path, scaling_cur_freq=2601000, cpuinfo_cur_freq=1, cpuinfo_avg_freq=650000)
    sensor, reading = found(tmp_path)["cpufreq/policy0/actual"]
    assert reading.value == 6.5e8
    assert not sensor.needs_root


def test_with_aperf_and_mperf_the_kernel_measures(tmp_path: Path) -> None:
    write(tmp_path, scaling_cur_freq=3400012, cpuinfo_cur_freq=3400000)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu aperfmperf tsc\n")
    ((sensor, _),) = found(tmp_path).values()
    assert not sensor.estimated


@pytest.mark.parametrize("text", ["0", "-1", "nan", "", "<unknown>"])
def test_a_clock_of_nothing_is_none(tmp_path: Path, text: str) -> None:
    ((_, reading),) = found(write(tmp_path, scaling_cur_freq=text)).values()
    assert reading.value is None


def test_clocks_below_their_cpus_are_found_where_there_are_no_policies(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/system/cpu/cpu6/cpufreq"
    folder.mkdir(parents=True)
    (folder / "scaling_cur_freq").write_text("1200000\n")
    assert [(i, r.value) for i, (_, r) in found(tmp_path).items()] == [("cpufreq/policy6", 1.2e9)]


@pytest.mark.parametrize(("boost", "value"), [("1", "on"), ("0", "off"), ("yes", None)])
def test_turbo_is_on_or_off_or_not_known(tmp_path: Path, boost: str, value: str | None) -> None:
    write(tmp_path, scaling_cur_freq=1)
    (tmp_path / POLICY).with_name("boost").write_text(boost)
    assert found(tmp_path)["cpufreq/turbo"][1].value == value
