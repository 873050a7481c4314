"""The load of an NPU: two forms of one file, numbers that no load can be, and a file that is root's."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.sensors import Reading, rockchip


def npu(root: Path, load: str | None, compatible: bytes = b"radxa,rock-5b\0rockchip,rk3588\0") -> None:
    files = {"proc/device-tree/compatible": compatible, "sys/class/devfreq/fdab0000.npu/cur_freq": b"1000000000\n"}
    if load is not None:
        files["sys/kernel/debug/rknpu/load"] = load.encode()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def read(root: Path) -> dict[str, Reading]:
    env = live(root)
    reader = rockchip.reader(env, rockchip.probe(env))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("NPU load:  Core0: 63%, Core1: 65%,\n", {"core0/load": 0.63, "core1/load": 0.65}),
        ("NPU load:  Core0:  0%, Core1:100%,\n", {"core0/load": 0.0, "core1/load": 1.0}),
        ("NPU load:  48%\n", {"load": 0.48}),
        ("NPU load: Core0: 429496%, Core1: 5%,\n", {"core0/load": None, "core1/load": 0.05}),
        ("NPU load: Core0: -1%, Core1: 5%,\n", {"core0/load": None, "core1/load": 0.05}),
        ("101 percent\n", {"core0/load": None, "core1/load": None, "core2/load": None}),
    ],
)
def test_each_core_has_its_load_and_a_mad_one_hides_no_other(
    tmp_path: Path, text: str, values: dict[str, float | None]
) -> None:
    npu(tmp_path, text)
    found = {i.removeprefix("rockchip/npu/"): r.value for i, r in read(tmp_path).items() if "/npu/" in i}
    assert found == values


def test_debugfs_that_shows_nothing_to_a_user_is_told_as_missing(tmp_path: Path) -> None:
    npu(tmp_path, None)
    found = read(tmp_path)
    assert {i for i, r in found.items() if r.value is None} == {f"rockchip/npu/core{n}/load" for n in range(3)}
    assert found["rockchip/fdab0000.npu/clock"].value == 1e9


def test_a_core_that_is_no_longer_listed_is_lost(tmp_path: Path) -> None:
    npu(tmp_path, "NPU load: Core0: 1%, Core1: 2%,\n")
    env = live(tmp_path)
    reader = rockchip.reader(env, rockchip.probe(env))
    reader.read()
    npu(tmp_path, "NPU load: Core0: 1%,\n")
    found = {r.sensor_id: r for r in reader.read()}
    reader.close()
    assert found["rockchip/npu/core1/load"].quality == "lost"
    assert found["rockchip/npu/core0/load"].value == 0.01


def test_an_npu_of_another_maker_is_not_read_as_one_of_rockchip(tmp_path: Path) -> None:
    npu(tmp_path, None, b"other,board\0other,soc\0")
    node = tmp_path / "sys/class/devfreq/fdab0000.npu/device/of_node"
    node.mkdir(parents=True)
    (node / "compatible").write_bytes(b"other,npu\0")
    assert read(tmp_path) == {}
