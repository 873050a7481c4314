"""A recorded tree is a world of its own: no link and no `..` leads out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchfleet.agent.env.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/secret").write_text("outside")
    inside = tmp_path / "root"
    (inside / "sys/devices/platform/chip").mkdir(parents=True)
    (inside / "sys/devices/platform/chip/name").write_text("ina3221\n")
    (inside / "sys/class/hwmon").mkdir(parents=True)
    (inside / "sys/class/hwmon/hwmon10").symlink_to("/sys/devices/platform/chip")
    (inside / "sys/class/hwmon/hwmon2").symlink_to("../../devices/platform/chip")
    (inside / "etc").mkdir()
    (inside / "etc/up").symlink_to("../../../../../../etc/secret")
    (inside / "etc/round").symlink_to("/etc/round")
    return inside


def test_links_are_resolved_inside(root: Path) -> None:
    tree = Tree(root)
    assert [tree.text(f"{at}/name") for at in tree.glob("/sys/class/hwmon/hwmon*")] == ["ina3221"] * 2
    assert tree.glob("/sys/class/hwmon/hwmon*") == ["/sys/class/hwmon/hwmon2", "/sys/class/hwmon/hwmon10"]
    assert tree.link("/sys/class/hwmon/hwmon10/name") == "/sys/devices/platform/chip/name"


def test_a_file_that_holds_the_target_of_a_lost_link_is_followed(root: Path) -> None:
    (root / "sys/class/hwmon/hwmon3").write_text("../../devices/platform/chip/\n")
    (root / "sys/class/hwmon/hwmon4").write_text("../../devices/platform/absent\n")
    tree = Tree(root)
    assert tree.text("/sys/class/hwmon/hwmon3/name") == "ina3221"
    assert tree.link("/sys/class/hwmon/hwmon3") == "/sys/devices/platform/chip"
    assert not tree.exists("/sys/class/hwmon/hwmon4/name")


def test_no_link_leads_out(root: Path) -> None:
    tree = Tree(root)
    assert not tree.exists("/etc/up")
    assert not tree.exists("/../etc/secret")
    (root / "etc/written").write_text("../../../../etc/secret")
    assert "outside" not in tree.text("/etc/written")
    with pytest.raises(OSError, match="secret"):
        tree.read("/etc/up")


def test_a_link_to_itself_is_an_error_and_no_end(root: Path) -> None:
    with pytest.raises(OSError, match="symbolic links"):
        Tree(root).read("/etc/round")


def test_links_in_a_circle_are_not_there_and_hide_nothing_beside_them(root: Path) -> None:
    for name, target in (("hwmon3", "hwmon3"), ("hwmon4", "hwmon5"), ("hwmon5", "hwmon4")):
        (root / "sys/class/hwmon" / name).symlink_to(target)
    tree = Tree(root)
    assert tree.glob("/sys/class/hwmon/hwmon*") == ["/sys/class/hwmon/hwmon2", "/sys/class/hwmon/hwmon10"]
    assert not tree.exists("/sys/class/hwmon/hwmon4")
    assert tree.link("/sys/class/hwmon/hwmon3") == "/sys/class/hwmon/hwmon3"


def test_what_may_not_be_read_says_so_and_is_there(root: Path) -> None:
    tree = Tree(root, errors={"/sys/devices/platform/*/name": "EAGAIN"})
    assert tree.exists("/sys/class/hwmon/hwmon2/name")
    with pytest.raises(BlockingIOError):
        tree.read("/sys/class/hwmon/hwmon2/name")


def test_a_folder_may_be_mounted_elsewhere(root: Path, tmp_path: Path) -> None:
    host = tmp_path / "host-sys"
    (host / "class").mkdir(parents=True)
    (host / "class/one").write_text("1")
    assert Tree(root, {"/sys": host, "/proc": None}).text("/sys/class/one") == "1"
    assert Tree(root, {"/sys": host}).names("/etc") == ["round", "up"]


def test_a_pipe_in_place_of_a_file_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "etc/pipe")
    assert Tree(root).read("/etc/pipe") == b""
