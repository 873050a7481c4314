"""What every check of the doctor promises: nothing is wrong with nothing, a finding says why and what to do, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from benchfleet.agent import checks, probe, totals
from benchfleet.agent.checks import Seen
from benchfleet.agent.env import live
from benchfleet.agent.env.replay import capture
from benchfleet.agent.power_journal import Change, Journal
from benchfleet.agent.power_modes import Mode
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.agent.totals import Total
from benchfleet.core import plugins
from benchfleet.core.inventory import AcceleratorFacts, RuntimeFacts

DEVICES = Path(__file__).parents[1] / "fixtures" / "devices"
CHECKS = plugins.load_all(checks.PACKAGE, checks.GROUP)
every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))


def seen(folder: Path, *, privileged: bool = True, **changes: Any) -> Seen:
    env = capture(folder, privileged=privileged)
    sampler = Sampler(env)
    sampler.snapshot()
    readings = sampler.latest()
    sampler.stop()
    whole = Seen(
        env=env, inventory=probe.elsewhere(env), readings=readings, total=totals.power(readings), absent=sampler.absent
    )
    return replace(whole, **changes)


def fine(tmp_path: Path) -> Seen:
    power = Sensor(id="x/power", kind="power_w", scope="board", source="x", paths=())
    reading = Reading(sensor_id="x/power", value=3.0)
    env = live(tmp_path)
    return Seen(
        env=env, inventory=probe.elsewhere(env), readings=[(power, reading)], total=Total(value=3.0, sensor=power)
    )


def reading(name: str, quality: str, detail: str, *paths: str) -> tuple[Sensor, Reading]:
    sensor = Sensor(id=name, kind="clock_hz", scope="component", source="x", paths=paths)
    return sensor, Reading(sensor_id=name, value=None, quality=quality, detail=detail)


@every_check
def test_with_a_device_that_lacks_nothing_nothing_is_wrong(check: ModuleType, tmp_path: Path) -> None:
    assert list(check.find(fine(tmp_path))) == []


def test_a_power_mode_that_was_not_put_back_is_a_problem_of_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHFLEET_AGENT_STATE", str(tmp_path / "agent"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    found = {"cpufreq": Mode(name="schedutil", id="schedutil")}
    Journal(tmp_path / "agent/power_modes").write(Change(wanted="performance", boot_id="b", found=found))
    (tmp_path / "xdg/benchfleet/power_modes").mkdir(parents=True)
    (tmp_path / "xdg/benchfleet/power_modes/unreadable.json").write_text("{")
    elsewhere = fine(tmp_path)
    assert list(CHECKS["power_modes"].find(elsewhere)) == []
    open_one, damaged = CHECKS["power_modes"].find(replace(elsewhere, env=live()))
    assert "run (performance) is not put back yet; before it was cpufreq schedutil" in open_one.why
    assert "unreadable.json" in damaged.fix
    assert {open_one.level, damaged.level} == {checks.PROBLEM}


@pytest.mark.parametrize("privileged", [True, False], ids=["root", "user"])
@pytest.mark.parametrize("folder", sorted(DEVICES.iterdir()), ids=lambda folder: folder.name)
def test_each_finding_of_a_recorded_board_says_why_and_what_to_do_once(folder: Path, privileged: bool) -> None:
    found = checks.run(seen(folder, privileged=privileged))
    for finding in found:
        assert finding.level in (checks.PROBLEM, checks.NOTE)
        assert finding.why
        assert finding.fix
    assert len({(f.check, f.why) for f in found}) == len(found)
    assert [f.level for f in found] == sorted((f.level for f in found), key=lambda level: level != checks.PROBLEM)


@pytest.mark.parametrize(
    ("board", "check", "fix"),
    [
        ("intel-haswell-powercap", "reading denied", "energy_uj 0444"),
        ("raspberry-pi-4-forbidden-synthetic", "reading denied", "usermod -aG video"),
        ("rockchip-rk3566-single-core-synthetic", "reading denied", "chmod a+rx /sys/kernel/debug"),
        ("jetson-agx-thor-over-current", "reading denied", "cpuinfo_cur_freq"),
        ("coral-m2-dead", "accelerator lost", "take its power away"),
        ("coral-m2-driverless-synthetic", "accelerator no driver", "gasket-dkms"),
    ],
)
def test_what_a_user_may_not_read_or_use_comes_with_the_command_that_mends_it(board: str, check: str, fix: str) -> None:
    problems = [f for f in checks.run(seen(DEVICES / board, privileged=False)) if f.level == checks.PROBLEM]
    assert [f.fix for f in problems if f.check == check and fix in f.fix]


def test_as_root_the_same_board_has_no_such_problem() -> None:
    assert not [f for f in checks.run(seen(DEVICES / "intel-haswell-powercap")) if f.level == checks.PROBLEM]


def test_sensors_of_one_cause_are_one_finding(tmp_path: Path) -> None:
    folder = "/sys/kernel/debug"
    denied = [reading(n, "denied", f"EACCES Permission denied {folder}/{n}", f"{folder}/{n}") for n in ("emc", "mc")]
    (one,) = CHECKS["readings"].find(replace(fine(tmp_path), readings=denied))
    assert one.on == ("emc", "mc")


def test_what_a_device_does_not_have_is_no_problem(tmp_path: Path) -> None:
    without = [reading("a", "unsupported", "it has none"), reading("b", "gated", "it sleeps")]
    assert list(CHECKS["readings"].find(replace(fine(tmp_path), readings=without))) == []


def test_a_driver_that_failed_is_told(tmp_path: Path) -> None:
    (one,) = CHECKS["drivers"].find(replace(fine(tmp_path), absent={"nvml": "its probe hangs"}))
    assert (one.level, one.on, one.why) == (checks.PROBLEM, ("nvml",), "its probe hangs")


def test_without_any_engine_no_model_can_be_measured(tmp_path: Path) -> None:
    whole = fine(tmp_path)
    why = "No module named 'x'; install it with: pip install 'benchfleet-agent[x]'"
    runtimes = (RuntimeFacts(name="null", available=True), RuntimeFacts(name="x", available=False, reason=why))
    found = list(CHECKS["runtimes"].find(replace(whole, inventory=replace(whole.inventory, runtimes=runtimes))))
    assert [(f.level, f.fix) for f in found] == [
        (checks.PROBLEM, "pip install 'benchfleet-agent[onnxruntime]'"),
        (checks.NOTE, "pip install 'benchfleet-agent[x]'"),
    ]


def here_with(found: AcceleratorFacts, *, may_use: bool = True, library: bool = True) -> list[checks.Finding]:
    def load(name: str) -> object:
        if not library:
            raise ImportError(name)
        return SimpleNamespace()

    env = replace(live(), libraries=SimpleNamespace(load=load), files=SimpleNamespace(here=True, glob=lambda p: [p]))
    inventory = replace(probe.elsewhere(live(Path("/nowhere"))), accelerators=(found,))
    whole = Seen(env=env, inventory=inventory, readings=[], total=Total(), may_use=lambda path: may_use)
    return list(CHECKS["accelerators"].find(whole))


def test_a_node_that_may_not_be_opened_names_its_group() -> None:
    npu = AcceleratorFacts(name="Intel NPU", family="intel", kind="npu", bus="pci:0000:00:0b.0")
    assert here_with(npu) == []
    (one,) = here_with(npu, may_use=False)
    assert "usermod -aG render" in one.fix


def test_a_card_without_the_library_of_its_sensors_says_which_extra_to_install() -> None:
    card = AcceleratorFacts(name="H100", family="nvidia", kind="gpu", bus="pci:0000:01:00.0")
    assert here_with(card) == []
    (one,) = here_with(card, library=False)
    assert one.fix == "pip install 'benchfleet-agent[nvml]'"


def test_a_supply_that_sags_now_is_a_problem_and_one_that_did_is_none(tmp_path: Path) -> None:
    def flag(name: str) -> tuple[Sensor, Reading]:
        sensor = Sensor(id=name, kind="throttle_state", scope="board", source="x", paths=())
        return sensor, Reading(sensor_id=name, value=1.0)

    whole = fine(tmp_path)
    now = replace(whole, readings=[flag("raspberry_pi/throttled/under_voltage")])
    once = replace(whole, readings=[flag("raspberry_pi/throttled/under_voltage_since_boot")])
    assert [f.check for f in CHECKS["power"].find(now)] == ["supply"]
    assert list(CHECKS["power"].find(once)) == []
