"""Boards are named by what is soldered on them; where nothing but a model string is there, by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent import boards
from benchfleet.agent.env import live


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def device_tree(root: Path, **properties: str) -> Path:
    return tree(root, {f"proc/device-tree/{name.replace('__', ',')}": text for name, text in properties.items()})


@pytest.mark.parametrize(
    ("model", "name", "soc"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0\0", "raspberry-pi-5", "bcm2712"),
        ("Raspberry Pi 4 Model B Rev 1.4\0", "raspberry-pi-4", "bcm2711"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3\0", "raspberry-pi-3", "bcm2837"),
        ("Raspberry Pi 400 Rev 1.0\0", "raspberry-pi-400", "bcm2711"),
        ("Raspberry Pi Zero 2 W Rev 1.0\0", "raspberry-pi-zero-2-w", None),
        ("Raspberry Pi Zero 2 Rev 1.0\0", "raspberry-pi-zero-2-w", None),
        ("Raspberry Pi Compute Module 4 Rev 1.1\0", "raspberry-pi-compute-module-4", "bcm2711"),
        ("NVIDIA Jetson Orin Nano Developer Kit\0", "jetson-orin-nano", "tegra234"),
        ("NVIDIA Orin Nano Developer Kit\0", "jetson-orin-nano", "tegra234"),
        ("NVIDIA Orin Jetson-Small Developer Kit\0", "jetson-agx-orin", "tegra234"),
        ("NVIDIA Jetson AGX Orin Developer Kit\0", "jetson-agx-orin", "tegra234"),
        ("NVIDIA Jetson Xavier NX Developer Kit (SD-card)\0", "jetson-xavier-nx", "tegra194"),
        ("Jetson-AGX\0", "jetson-agx-xavier", "tegra194"),
        ("NVIDIA Jetson Nano 2GB Developer Kit\0", "jetson-nano", "tegra210"),
        ("NVIDIA Jetson AGX Thor Developer Kit\0", "jetson-agx-thor", "tegra264"),
        ("Freescale i.MX8MQ Phanbell\0", "coral-dev-board", "imx8mq"),
        ("Radxa ROCK 5B\0", "rock-5b", None),
    ],
)
def test_a_board_of_which_the_model_alone_is_known_is_named_by_it(tmp_path, model, name, soc):
    found = boards.detect(live(device_tree(tmp_path, model=model)))
    assert found is not None
    assert (found.slug, found.soc or None) == (name, soc)
    assert "model" in found.evidence


@pytest.mark.parametrize("files", [{}, {"proc/device-tree/model": "\0"}, {"proc/device-tree/compatible": "\0\0"}])
def test_a_machine_that_says_nothing_is_no_board(tmp_path, files):
    assert boards.detect(live(tree(tmp_path, files))) is None


def test_a_virtual_machine_is_no_board(tmp_path):
    root = device_tree(tmp_path, model="linux,dummy-virt\0", compatible="linux,dummy-virt\0")
    assert boards.detect(live(root)) is None


@pytest.mark.parametrize(
    ("properties", "name", "module"),
    [
        ({"compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"},
         "jetson-orin-nano", "p3767-0005"),
        ({"compatible": "nvidia,p3768-0000+p3767-0000\0nvidia,p3767-0000\0nvidia,tegra234\0"},
         "jetson-orin-nx", "p3767-0000"),
        ({"compatible": "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0"}, "jetson-agx-orin", "p3701-0005"),
        ({"compatible": "nvidia,tegra234\0", "nvidia__boardids": "3767-0001-300 3768-0000-200\0"},
         "jetson-orin-nx", "p3767-0001"),
        ({"compatible": "nvidia,tegra234\0", "nvidia__dtsfilename": "/dvs/tegra234-p3767-0003-p3509-a02.dts\0"},
         "jetson-orin-nano", "p3767-0003"),
        ({"compatible": "nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,jetson-nano\0nvidia,tegra210\0"},
         "jetson-nano", "p3448-0000"),
        ({"compatible": "nvidia,p2972-0000+p2888-0006\0nvidia,tegra194\0"}, "jetson-agx-xavier", "p2888-0006"),
        ({"compatible": "nvidia,p4071-0000+p3834-0008\0nvidia,tegra264\0"}, "jetson-agx-thor", "p3834-0008"),
    ],
)  # fmt: skip
def test_the_module_names_a_jetson_whatever_its_carrier_says(tmp_path, properties, name, module):
    found = boards.detect(live(device_tree(tmp_path, model="AAEON BOXER-8654AI_RefKit\0", **properties)))
    assert found is not None
    assert (found.slug, found.module) == (name, module)
    assert found.model == "AAEON BOXER-8654AI_RefKit"


def test_a_jetson_whose_module_is_not_known_keeps_its_model_and_its_soc(tmp_path):
    root = device_tree(tmp_path, model="AAEON BOXER-8654AI_RefKit\0", compatible="aaeon,boxer\0nvidia,tegra234\0")
    found = boards.detect(live(root))
    assert found is not None
    assert (found.slug, found.soc) == ("aaeon-boxer-8654ai-refkit", "tegra234")


def test_a_model_that_does_not_go_with_the_soc_is_not_believed(tmp_path):
    found = boards.detect(live(device_tree(tmp_path, model="My Jetson Nano clone\0", compatible="nvidia,tegra234\0")))
    assert found is not None
    assert (found.slug, found.soc) == ("my-jetson-nano-clone", "tegra234")


@pytest.mark.parametrize(
    ("files", "release"),
    [
        ({"etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n"},
         "L4T 36.4.3 (JetPack 6.2)"),
        ({"etc/nv_tegra_release": "# R32 (release), REVISION: 7.1, GCID: 1\n"}, "L4T 32.7.1 (JetPack 4.6.1)"),
        ({"etc/nv_tegra_release": "# R39 (release), REVISION: 9.9, GCID: 1\n"}, "L4T 39.9.9 (JetPack 7.x)"),
        ({"var/lib/dpkg/status": "Package: nvidia-l4t-cor\nVersion: 1\n\nPackage: nvidia-l4t-core\nStatus: ok\n"
          "Version: 38.4.0-20251230160601\n\n"}, "L4T 38.4.0 (JetPack 7.1)"),
        ({"etc/nv_tegra_release": "garbage"}, ""),
    ],
)  # fmt: skip
def test_the_release_of_a_jetson_is_that_of_its_linux(tmp_path, files, release):
    found = boards.detect(live(tree(device_tree(tmp_path, compatible="nvidia,tegra234\0"), files)))
    assert found is not None
    assert found.release == release


def test_the_device_tree_is_found_under_sys_where_proc_has_no_link(tmp_path):
    root = tree(tmp_path, {"sys/firmware/devicetree/base/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0"})
    found = boards.detect(live(root))
    assert found is not None
    assert (found.slug, found.soc) == ("raspberry-pi-5", "bcm2712")


def test_the_link_to_the_device_tree_is_followed_inside_the_root(tmp_path):
    root = tree(tmp_path, {"sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.1\0"})
    (root / "proc").mkdir()
    (root / "proc/device-tree").symlink_to("/sys/firmware/devicetree/base")
    found = boards.detect(live(root))
    assert found is not None
    assert found.slug == "raspberry-pi-4"


def test_a_family_that_breaks_takes_no_other_with_it(tmp_path, monkeypatch):
    from benchfleet.agent.boards import jetson

    monkeypatch.setattr(jetson, "detect", lambda env: 1 / 0)
    found = boards.detect(live(device_tree(tmp_path, model="Raspberry Pi 5 Model B Rev 1.0\0")))
    assert found is not None
    assert found.slug == "raspberry-pi-5"


def test_a_rockchip_board_says_its_soc(tmp_path):
    root = device_tree(tmp_path, model="Orange Pi 5 Plus\0", compatible="xunlong,orangepi-5-plus\0rockchip,rk3588\0")
    found = boards.detect(live(tree(root, {"etc/orangepi-release": "BOARD=x\nVERSION=1.1.8\n"})))
    assert found is not None
    assert (found.slug, found.soc, found.release) == ("orange-pi-5-plus", "rk3588", "Orange Pi 1.1.8")


def test_a_server_is_a_host_whose_product_is_a_fact_and_whose_serial_number_is_none(tmp_path):
    dmi = {"sys_vendor": "Dell Inc.", "product_name": "PowerEdge R740", "board_name": "x", "product_serial": "SECRET7"}
    found = boards.detect(live(tree(tmp_path, {f"sys/class/dmi/id/{k}": v + "\n" for k, v in dmi.items()})))
    assert found is not None
    assert (found.slug, found.model) == ("host", "Dell Inc. PowerEdge R740")
    assert "SECRET7" not in str(found)


def test_what_a_maker_left_in_is_no_product(tmp_path):
    dmi = {"sys_vendor": "To Be Filled By O.E.M.", "product_name": "Default string", "board_name": "B550M"}
    found = boards.detect(live(tree(tmp_path, {f"sys/class/dmi/id/{k}": v for k, v in dmi.items()})))
    assert found is not None
    assert found.model == "B550M"
