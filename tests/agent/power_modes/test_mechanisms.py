"""Each mechanism on trees and commands of its own: what it offers, says and sets, and why it cannot."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.agent.env import Answer, Tree
from benchfleet.agent.power_modes import Mode, SwitchError, cpu_clock, cpufreq, jetson_clocks, nvpmodel
from tests.support.power import Jetson, cpufreq_tree, env_of, governors


def names(modes: list[Mode]) -> list[str]:
    return [mode.name for mode in modes]


def test_nvpmodel_offers_the_models_of_the_configuration(tmp_path: Path) -> None:
    modes = nvpmodel.probe(Jetson(tmp_path).env)
    assert [(m.name, m.id) for m in modes] == [("15W", "0"), ("25W", "1"), ("MAXN_SUPER", "2"), ("REBOOT_ONLY", "3")]


def test_errors_of_nvpmodel_without_root_do_not_hide_its_first_lines(tmp_path: Path) -> None:
    board = Jetson(tmp_path, noise="NVPM ERROR: optMask is 1, no request for power mode\nNVPM ERROR: failed\n")
    assert nvpmodel.current(board.env) == Mode(name="25W", id="1")


def test_a_mode_that_needs_a_reboot_is_said_so_and_never_confirmed(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    with pytest.raises(SwitchError, match=r"REBOOT_ONLY \(id 3\) only with a reboot"):
        nvpmodel.apply(board.env, Mode(name="REBOOT_ONLY", id="3"), str(tmp_path))
    assert board.mode == "1"


@pytest.mark.parametrize(
    "said", ["", "NVPM ERROR: Error opening /var/lib/nvpmodel/status: 2\n", "NV Power Mode: 15W\n"]
)
def test_an_answer_without_a_mode_is_no_mode(tmp_path: Path, said: str) -> None:
    class Silent:
        def run(self, argv: object, timeout_s: float = 0.0) -> Answer:
            return Answer(stdout=said)

    with pytest.raises(SwitchError, match="does not tell the mode"):
        nvpmodel.current(env_of(tmp_path, Silent()))


def test_a_hanging_nvpmodel_is_no_mode_and_no_offer(tmp_path: Path) -> None:
    class Hanging:
        def run(self, argv: object, timeout_s: float = 0.0) -> Answer:
            raise TimeoutError("nvpmodel did not end within 10 s")

    Jetson(tmp_path)
    assert nvpmodel.probe(env_of(tmp_path, Hanging())) == []


def test_jetson_clocks_is_read_from_the_clocks_and_finds_its_way_back(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / jetson_clocks.STORED).write_text("of an earlier run")
    assert jetson_clocks.current(board.env) == jetson_clocks.OFF
    jetson_clocks.apply(board.env, jetson_clocks.ON, str(kept))
    assert board.clocks_held
    assert jetson_clocks.current(board.env) == jetson_clocks.ON
    jetson_clocks.apply(board.env, jetson_clocks.OFF, str(kept))
    assert jetson_clocks.current(board.env) == jetson_clocks.OFF


def test_clocks_that_somebody_else_held_are_not_let_go(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    board.run(["jetson_clocks"])
    with pytest.raises(SwitchError, match="only a reboot turns it off"):
        jetson_clocks.apply(board.env, jetson_clocks.OFF, str(tmp_path))


def test_a_governor_is_set_on_every_policy(tmp_path: Path) -> None:
    env = env_of(cpufreq_tree(tmp_path))
    assert names(cpufreq.probe(env)) == ["performance", "powersave", "schedutil"]
    cpufreq.apply(env, Mode(name="performance", id="performance"), "")
    assert governors(tmp_path) == ["performance", "performance"]
    assert cpufreq.current(env) == Mode(name="performance", id="performance")


def test_unlike_governors_are_mixed_and_come_back_as_they_were(tmp_path: Path) -> None:
    env = env_of(cpufreq_tree(tmp_path, ("schedutil", "powersave")))
    before = cpufreq.current(env)
    assert (before.name, before.id) == ("mixed", "policy0=schedutil,policy4=powersave")
    cpufreq.apply(env, Mode(name="performance", id="performance"), "")
    cpufreq.apply(env, before, "")
    assert governors(tmp_path) == ["schedutil", "powersave"]


def test_a_governor_that_one_policy_lacks_is_not_offered(tmp_path: Path) -> None:
    policy = cpufreq_tree(tmp_path) / "sys/devices/system/cpu/cpufreq/policy4"
    (policy / "scaling_available_governors").write_text("powersave schedutil\n")
    assert names(cpufreq.probe(env_of(tmp_path))) == ["powersave", "schedutil"]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [("EACCES", "run the agent as root"), ("EROFS", "--path.sysfs"), ("EINVAL", "cannot be set to")],
)
def test_a_write_that_fails_says_what_to_do(tmp_path: Path, error: str, remedy: str) -> None:
    cpufreq_tree(tmp_path)
    path = "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor"

    class Refusing(Tree):
        def write(self, path: str, text: str) -> None:
            code = getattr(errno, error)
            raise OSError(code, os.strerror(code), path)

    env = replace(env_of(tmp_path), files=Refusing(tmp_path))
    with pytest.raises(SwitchError, match=remedy) as caught:
        cpufreq.apply(env, Mode(name="performance", id="performance"), "")
    assert path in str(caught.value)


def test_a_tree_that_is_only_looked_at_is_not_written(tmp_path: Path) -> None:
    env = env_of(cpufreq_tree(tmp_path), writable=False)
    with pytest.raises(SwitchError, match="read-only"):
        cpufreq.apply(env, Mode(name="performance", id="performance"), "")
    assert governors(tmp_path) == ["schedutil", "schedutil"]


def test_a_cap_of_the_clock_is_set_and_put_back(tmp_path: Path) -> None:
    env = env_of(cpufreq_tree(tmp_path))
    assert names(cpu_clock.probe(env)) == ["600MHz", "1200MHz", "1800MHz"]
    before = cpu_clock.current(env)
    cpu_clock.apply(env, Mode(name="1200MHz", id="1200000"), "")
    assert cpu_clock.current(env) == Mode(name="1200MHz", id="1200000")
    cpu_clock.apply(env, before, "")
    assert cpu_clock.current(env).id == "1800000"
