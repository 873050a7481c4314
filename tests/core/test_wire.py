"""Domain values survive the wire, and what is not usable is refused in one line."""

import json

import pytest

from benchfleet.core import wire
from benchfleet.core.errors import DocumentError
from benchfleet.core.inventory import AcceleratorFacts, Inventory, RuntimeFacts, SensorFacts
from benchfleet.core.power_modes import OfferedMode
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

MODEL = ModelRef(name="digits:fp32", format="onnx", precision="fp32", artifact=Artifact(digest="a" * 64, size_bytes=3))


def test_run_spec_survives_the_wire():
    spec = RunSpec(
        model=MODEL,
        runtime="onnxruntime",
        threads=2,
        batch=8,
        scenario="offline",
        scenario_params={"streams": 1},
        seed=7,
        baseline=MODEL,
        dataset=Artifact(digest="b" * 64, size_bytes=9),
        dataset_name="digits-test",
        runtime_options={"providers": ["CPUExecutionProvider"]},
        shapes={"x": (1, 3, 224, 224)},
        timeout_s=12.5,
    )
    assert wire.runspec_from_wire(wire.runspec_to_wire(spec)) == spec


@pytest.mark.parametrize("digest", ["", "A" * 64, "../" + "a" * 61, "a" * 63, "a" * 64 + "\n"])
def test_what_is_not_a_digest_is_refused(digest):
    message = wire.runspec_to_wire(RunSpec(model=MODEL, runtime="null"))
    message.model.artifact.digest = digest
    with pytest.raises(DocumentError, match="digest"):
        wire.runspec_from_wire(message)


def test_a_power_mode_survives_the_wire_and_one_that_is_none_is_refused():
    spec = RunSpec(model=MODEL, runtime="null", power_mode="MAXN+jetson_clocks")
    message = wire.runspec_to_wire(spec)
    assert wire.runspec_from_wire(message) == spec
    message.power_mode = "15 W"
    with pytest.raises(DocumentError, match="power mode"):
        wire.runspec_from_wire(message)


def test_a_shape_that_is_no_shape_is_refused():
    message = wire.runspec_to_wire(RunSpec(model=MODEL, runtime="null"))
    message.shapes["x"] = "1x-3"
    with pytest.raises(DocumentError, match="shape"):
        wire.runspec_from_wire(message)


def inventory_of_today() -> Inventory:
    return Inventory(
        hostname="h",
        board="host",
        os="Debian 12",
        kernel="6.1",
        arch="x86_64",
        cpu_model="c",
        cpu_count=2,
        memory_bytes=5,
        python="3.11",
        agent_version="0.1",
        runtimes=(RuntimeFacts(name="onnxruntime", available=True, formats=("onnx",), interpreter="/usr/bin/python3"),),
        labels={"lab": "berlin"},
        facts={"governor": "performance"},
        accelerators=(
            AcceleratorFacts(
                name="Coral",
                family="edge_tpu",
                kind="tpu",
                bus="usb:2-1",
                state="no firmware",
                driver="usbfs",
                library="16.0",
                firmware="1",
                detail="load a model",
            ),
        ),
        sensors=(SensorFacts(id="thermal_zone/cpu", kind="temperature_c", scope="component"),),
        power_modes=(OfferedMode(mechanism="nvpmodel", name="15W", id="2"),),
        power_modes_allowed=True,
    )


def test_inventory_survives_the_wire_and_json():
    inventory = inventory_of_today()
    assert wire.inventory_from_wire(wire.inventory_to_wire(inventory)) == inventory
    assert Inventory.from_json(json.loads(json.dumps(inventory.to_json()))) == inventory


def test_an_inventory_that_an_older_agent_wrote_is_read():
    older = inventory_of_today().to_json()
    for newer in ("accelerators", "sensors", "power_modes", "power_modes_allowed"):
        older.pop(newer)
    older["runtimes"] = [{k: v for k, v in r.items() if k != "interpreter"} for r in older["runtimes"]]
    found = Inventory.from_json(older)
    assert (found.accelerators, found.sensors, found.runtimes[0].interpreter) == ((), (), "")
    assert (found.power_modes, found.power_modes_allowed) == ((), False)
