"""The group of this process: the limit that holds, wherever above it was set; nothing outside of one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchfleet.agent.env import replay
from benchfleet.agent.sensors import Reading, cgroup

CONTAINER = Path(__file__).parents[2] / "fixtures/devices/synthetic-container-cgroup"
SCOPE = "root/sys/fs/cgroup/system.slice/docker-0123.scope"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONTAINER, tmp_path / "copy"))


def read(folder: Path) -> dict[str, Reading]:
    env = replay.capture(folder)
    reader = cgroup.reader(env, cgroup.probe(env))
    try:
        return {r.sensor_id: r for r in reader.read()}
    finally:
        reader.close()


@pytest.mark.parametrize("text", ["0::/\n", "", "3:cpu:/docker\n2:memory:/docker\n"])
def test_outside_of_a_group_there_is_nothing(copy: Path, text: str) -> None:
    (copy / "root/proc/self/cgroup").write_text(text)
    assert read(copy) == {}


@pytest.mark.parametrize("path", ["/../../elsewhere", "/not/mounted/here"])
def test_a_path_of_another_namespace_is_that_of_the_mount(copy: Path, path: str) -> None:
    (copy / "root/proc/self/cgroup").write_text(f"0::{path}\n")
    (copy / "root/sys/fs/cgroup/cpu.max").write_text("50000 100000\n")
    (copy / "root/sys/fs/cgroup/cpu.stat").write_text("usage_usec 5\nnr_throttled 3\nthrottled_usec 1000000\n")
    found = read(copy)
    assert found["cgroup/cpu/limit"].value == 0.5
    assert found["cgroup/cpu/throttled_count"].value == 3


def test_the_smallest_limit_of_all_above_holds(copy: Path) -> None:
    (copy / "root/sys/fs/cgroup/system.slice/cpu.max").write_text("100000 100000\n")
    assert read(copy)["cgroup/cpu/limit"].value == 1.0
    assert read(copy)["cgroup/memory/limit"].value == 6442450944  # the group's own says max


def test_throttling_is_counted_where_the_limit_is(copy: Path) -> None:
    (copy / SCOPE / "cpu.max").write_text("max 100000\n")
    slice_ = copy / "root/sys/fs/cgroup/system.slice"
    (slice_ / "cpu.max").write_text("100000 100000\n")
    (slice_ / "cpu.stat").write_text("usage_usec 5\nnr_periods 9\nnr_throttled 9\nthrottled_usec 2000000\n")
    assert read(copy)["cgroup/cpu/throttled"].value == 2.0


def test_a_limit_that_was_lifted_is_none_and_no_number(copy: Path) -> None:
    env = replay.capture(copy)
    reader = cgroup.reader(env, cgroup.probe(env))
    reader.read()
    (copy / SCOPE / "cpu.max").write_text("max 100000\n")
    limit = {r.sensor_id: r for r in reader.read()}["cgroup/cpu/limit"]
    assert (limit.value, limit.quality) == (None, "unsupported")
    reader.close()


def test_a_group_that_is_gone_is_lost(copy: Path) -> None:
    env = replay.capture(copy)
    reader = cgroup.reader(env, cgroup.probe(env))
    shutil.rmtree(copy / SCOPE)
    assert {r.quality for r in reader.read()} == {"lost"}


@pytest.mark.parametrize(
    ("group", "files", "limit"),
    [
        ("0::/system.slice/docker-0123.scope\n", {}, 6442450944),
        ("0::/system.slice/docker-0123.scope\n", {"system.slice/memory.max": "4096\n"}, 4096),
        ("4:memory:/docker/x\n0::/\n", {"memory/docker/x/memory.limit_in_bytes": "8192\n"}, 8192),
        ("4:memory:/docker/x\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("4:memory,cpu:/docker/x\n", {"memory/memory.limit_in_bytes": "16384\n"}, 16384),
        ("4:memory:/../x\n", {"x/memory.limit_in_bytes": "1\n"}, None),
        ("", {}, None),
    ],
)
def test_a_container_has_the_least_memory_that_anything_around_it_allows(
    copy: Path, group: str, files: dict[str, str], limit: int | None
) -> None:
    (copy / "root/proc/self/cgroup").write_text(group)
    for name, text in files.items():
        path = copy / "root/sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert cgroup.memory_limit_bytes(replay.capture(copy)) == limit
