"""What a plan says of each cell."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.controller.campaigns.plan import Plan, plan
from benchfleet.controller.campaigns.selector import labels_of, parse_selector
from benchfleet.controller.catalog import Dataset, Device, Model, ModelFile
from benchfleet.core.errors import DocumentError
from benchfleet.core.inventory import AcceleratorFacts, Inventory, RuntimeFacts
from benchfleet.core.power_modes import OfferedMode
from benchfleet.core.runspec import Artifact
from tests.support.documents import campaign

ORT = RuntimeFacts(name="onnxruntime", available=True, version="1.20", formats=("onnx",))
LITERT = RuntimeFacts(name="litert", available=False, reason="pip install ai-edge-litert")


def device(name: str = "pi5", **changes: Any) -> Device:
    inventory = Inventory(
        hostname=name,
        board="raspberry-pi-5",
        os="Debian 12",
        kernel="6.6",
        arch="aarch64",
        cpu_model="A76",
        cpu_count=4,
        memory_bytes=8 << 30,
        python="3.11",
        agent_version="0.1.0",
        runtimes=(ORT, LITERT),
    )
    return replace(
        Device(name=name, inventory=inventory, labels={"fleet": "test", "lab": "berlin"}, online=True), **changes
    )


def model(name: str, *formats: str, dynamic: bool = True) -> Model:
    digest = hashlib.sha256(name.encode()).hexdigest()
    files = {
        f: ModelFile(format=f, artifact=Artifact(digest=digest, size_bytes=9), facts={"dynamic_batch": dynamic})
        for f in formats or ("onnx",)
    }
    return Model(name=name, parent=None, precision="fp32", files=files)


MODELS = {m.name: m for m in (model("digits:fp32"), model("digits:int8"), model("fixed:fp32", dynamic=False))}
MODELS["lite:fp32"] = model("lite:fp32", "tflite")
DATASET = Dataset(
    name="digits-test", artifact=Artifact(digest="b" * 64, size_bytes=9), task="classification", sample_count=5
)


def planned(*devices: Device, **changes: Any) -> Plan:
    document = parse_campaign(campaign(**changes))
    return plan(document, models=MODELS, datasets={"digits-test": DATASET}, devices=devices or (device(),))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"devices": {"selector": "fleet=other"}}, ("fleet=other", "pi5", "lab=berlin")),
        ({"models": ["digits:fp64"]}, ("digits:fp64", "digits:fp32")),
        ({"baseline": {"model": "digits:fp64"}}, ("digits:fp64",)),
        ({"dataset": "letters"}, ("letters", "digits-test")),
        ({"matrix": {"runtime": ["litert"]}}, ("ai-edge-litert",)),
    ],
)
def test_a_name_that_nothing_answers_to_is_one_line_that_says_what_there_is(changes, words):
    with pytest.raises(DocumentError) as caught:
        planned(**changes)
    assert all(word in str(caught.value) for word in words)


MODES = tuple(OfferedMode(mechanism="nvpmodel", name=n, id=str(i)) for i, n in enumerate(("15W", "MAXN")))


def jetson(*, allowed: bool = True, modes: tuple[OfferedMode, ...] = MODES) -> Device:
    found = device("jetson")
    return replace(found, inventory=replace(found.inventory, power_modes=modes, power_modes_allowed=allowed))


def test_cells_of_a_power_mode_follow_each_other_so_that_switches_are_few():
    cells = planned(jetson(), matrix={"runtime": ["onnxruntime"], "threads": [1, 2], "power_mode": ["MAXN", 0]}).cells
    assert [(c.power_mode, c.spec.power_mode) for c in cells] == [("MAXN", "MAXN")] * 4 + [("0", "0")] * 4
    assert len({c.cell_key for c in cells}) == 8
    assert cells[0].cell_key.endswith(" power_mode=MAXN")


@pytest.mark.parametrize(
    ("board", "why"),
    [
        (jetson(allowed=False), "the agent of jetson may not set power modes; start it with --allow-power-modes"),
        (jetson(modes=MODES[:1]), "jetson: there is no power mode 'MAXN' (it has: 15W)"),
        (jetson(modes=()), "jetson has no power modes that its agent knows how to set"),
    ],
)
def test_a_power_mode_that_a_device_cannot_take_is_pruned_with_the_reason(board, why):
    ready = replace(jetson(), name="ready")
    cells = planned(board, ready, matrix={"runtime": ["onnxruntime"], "power_mode": ["MAXN"]}).cells
    assert [cell.pruned_reason for cell in cells if cell.device == "jetson"] == [why, why]
    assert all(cell.spec is not None for cell in cells if cell.device == "ready")


def test_without_power_modes_a_cell_is_what_it_was():
    (first, *_) = planned().cells
    assert (first.power_mode, first.spec.power_mode) == (None, None)
    assert "power_mode" not in first.cell_key


def test_the_bound_counts_devices_before_anything_is_expanded():
    axis = list(range(1, 71))
    fleet = [device(f"d{i}") for i in range(100)]
    with pytest.raises(DocumentError, match="980,000 cells on 100 devices"):
        planned(*fleet, matrix={"runtime": ["onnxruntime"], "threads": axis, "batch": axis})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"matrix": {"runtime": ["onnxruntime", "litert"]}}, "pip install ai-edge-litert"),
        ({"matrix": {"runtime": ["onnxruntime", "tensorrt"]}}, "no runtime 'tensorrt'"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": [1, 8]}}, "8 threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "batch": [1, 2]}}, "single_stream"),
        ({"models": ["digits:fp32", "lite:fp32"]}, "no file that onnxruntime loads"),
        (
            {
                "models": ["digits:fp32", "fixed:fp32"],
                "scenarios": ["offline"],
                "matrix": {"runtime": ["onnxruntime"], "batch": [8]},
            },
            "fixed batch",
        ),
        (
            {"models": ["digits:fp32", "fixed:fp32"], "scenarios": [{"dynamic_batching": {"qps": 9, "max_batch": 4}}]},
            "fixed batch; export it with a free batch axis to use 4",
        ),
        ({"scenarios": [{"offline": {"streams": [4, 5]}}]}, "5 streams of 1 threads need 5 CPUs, there are 4"),
        (
            {"scenarios": ["offline", {"server": {"qps": 9}}], "matrix": {"runtime": ["onnxruntime"], "batch": [2]}},
            "a query of server is one sample",
        ),
        (
            {"scenarios": ["offline", "multi_stream"], "matrix": {"runtime": ["onnxruntime"], "batch": [3]}},
            "choose a divisor",
        ),
        (
            {"scenarios": ["offline", {"sustained": {"duration": "10min"}}], "measure": {"timeout": "5min"}},
            "sustained takes at least 600 s, measure.timeout is 300 s; raise it",
        ),
    ],
)
def test_a_cell_that_cannot_work_is_pruned_with_its_reason(changes, reason):
    cells = planned(**changes).cells
    pruned = [cell for cell in cells if cell.spec is None]
    assert pruned
    assert all(reason in cell.pruned_reason for cell in pruned)
    assert any(cell.spec is not None for cell in cells)


def test_every_cell_but_the_baselines_own_is_measured_beside_it():
    for cell in planned(baseline={"model": "digits:fp32"}).cells:
        assert cell.spec is not None
        assert (cell.spec.baseline is None) == (cell.model == "digits:fp32")


def test_with_samples_and_no_baseline_a_model_is_measured_beside_its_parent(monkeypatch):
    monkeypatch.setitem(MODELS, "digits:int8", replace(MODELS["digits:int8"], parent="digits:fp32"))
    asked = {"models": ["digits:fp32", "digits:int8"], "dataset": "digits-test", "baseline": None}
    beside = {c.model: c.spec.baseline and c.spec.baseline.name for c in planned(**asked).cells if c.spec}
    assert beside == {"digits:fp32": None, "digits:int8": "digits:fp32"}
    named = planned(**{**asked, "baseline": {"model": "fixed:fp32"}}).cells
    assert {c.spec.baseline.name for c in named if c.spec} == {"fixed:fp32"}
    without = planned(**{**asked, "dataset": None}).cells
    assert not any(c.spec.baseline for c in without if c.spec)
    monkeypatch.setitem(MODELS, "digits:int8", replace(MODELS["digits:int8"], parent="gone:fp32"))
    assert not any(c.spec.baseline for c in planned(**asked).cells if c.spec)


def test_a_baseline_that_cannot_take_the_batch_has_no_lane():
    made = planned(
        models=["digits:int8"],
        baseline={"model": "fixed:fp32"},
        scenarios=["offline"],
        matrix={"runtime": ["onnxruntime"], "batch": [1, 8]},
    )
    assert {cell.batch: cell.spec.baseline is not None for cell in made.cells if cell.spec} == {1: True, 8: False}


def test_ten_minutes_of_load_have_the_time_and_no_other_model_in_between():
    (cell,) = planned(
        models=["digits:int8"],
        baseline={"model": "digits:fp32"},
        scenarios=[{"sustained": {"duration": "20min"}}],
        measure={"profile": "standard"},
    ).cells
    assert cell.spec.baseline is None
    assert cell.estimated_s > 1200
    assert cell.spec.timeout_s > cell.estimated_s
    assert cell.cell_key.endswith('sustained {"duration_s":1200}')


def test_what_a_scenario_takes_is_in_the_estimate():
    def taken(*scenarios):
        return planned(models=["digits:int8"], scenarios=list(scenarios), measure={"profile": "standard"}).estimated_s

    slow, quick = taken({"realtime": {"fps": 10}}), taken({"realtime": {"fps": 100}})
    assert slow > quick > 0
    assert taken("single_stream", "cold_start") > taken("single_stream")


def test_providers_become_options_of_the_runtime_and_part_of_the_key():
    made = planned(matrix={"runtime": ["onnxruntime"], "providers": [["A"], ["B"]]})
    assert {cell.spec.runtime_options["providers"][0] for cell in made.cells if cell.spec} == {"A", "B"}
    assert len({cell.cell_key for cell in made.cells}) == 4


def test_devices_work_side_by_side_in_the_estimate():
    assert planned(device("a"), device("b")).estimated_s == planned(device("a")).estimated_s


def test_a_baseline_that_a_block_shares_is_estimated_once_a_block():
    def taken(*models: str) -> float:
        return planned(models=list(models), baseline={"model": "digits:fp32"}).estimated_s

    with_baseline, alone = taken("digits:int8", "digits:fp32"), taken("digits:fp32")
    two_lanes = planned(models=["digits:int8", "digits:fp32"]).estimated_s
    assert with_baseline == pytest.approx(two_lanes), "the baseline is a cell of the block already"
    assert with_baseline > alone
    batches = {"matrix": {"runtime": ["onnxruntime"], "batch": list(range(1, 10))}, "scenarios": ["offline"]}
    one = planned(models=["digits:int8"], **batches)
    assert len({cell.estimated_s for cell in one.cells}) == 1
    beside = planned(models=["digits:int8"], baseline={"model": "digits:fp32"}, **batches)
    assert len({cell.estimated_s for cell in beside.cells}) == 1, "each batch has a baseline of its own"


def test_an_older_agent_gets_no_scenario_and_no_task_that_it_does_not_have():
    old = replace(device().inventory, agent_version="0.0.9", scenarios=("single_stream",), tasks=("text",))
    with pytest.raises(DocumentError, match=r"of pi5 \(0.0.9\) has no scenario cold_start; update it .*single_stream"):
        planned(device(inventory=old), scenarios=["cold_start"])
    with pytest.raises(DocumentError, match=r"has no task classification; update it \(it has: text\)"):
        planned(device(inventory=old))
    assert planned(device(inventory=old), dataset=None).cells[0].spec is not None
    assert planned(device(), scenarios=["cold_start"]).cells[0].spec is not None, "what is not told refuses nothing"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"matrix": {"runtime": ["plain"], "providers": [["X"]]}}, r"matrix.providers: plain takes none; add \[\] to"),
        ({"runtime_options": {"plain": {"providers": ["X"]}}}, r"plain has no option providers \(it has: xnn, req\)"),
        ({"runtime_options": {"plain": {"xmn": True}}}, r"plain has no option xmn \(it has: xnn, req\)"),
    ],
)
def test_an_option_that_a_runtime_does_not_take_is_pruned_with_the_way_out(changes, says):
    plain = replace(ORT, name="plain", options=("xnn", "req"))
    there = device(inventory=replace(device().inventory, runtimes=(plain,)))
    with pytest.raises(DocumentError, match=f"every cell is pruned .*{says}"):
        planned(there, **{"matrix": {"runtime": ["plain"]}, **changes})


def test_providers_go_to_the_runtime_that_takes_them_and_the_other_has_its_cell_without():
    plain = replace(ORT, name="plain", options=("xnn",))
    takes = replace(ORT, options=("providers",))
    there = device(inventory=replace(device().inventory, runtimes=(takes, plain)))
    made = planned(
        there, models=["digits:int8"], matrix={"runtime": ["onnxruntime", "plain"], "providers": [[], ["A"]]}
    )
    kept = [(cell.runtime, cell.spec.runtime_options) for cell in made.cells if cell.spec]
    assert kept == [("onnxruntime", {}), ("onnxruntime", {"providers": ["A"]}), ("plain", {})]


def test_a_device_that_is_not_open_gets_no_cells():
    made = planned(device("a"), device("b", admission="draining"))
    assert {cell.device for cell in made.cells} == {"a"}


@settings(max_examples=40, deadline=None)
@given(
    threads=st.lists(st.integers(1, 16), min_size=1, max_size=4, unique=True),
    batch=st.lists(st.integers(1, 16), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_plan_is_whole_distinct_and_the_same_again(threads, batch, seed):
    changes: dict[str, Any] = {
        "matrix": {"runtime": ["onnxruntime"], "threads": [*threads], "batch": [*batch]},
        "scenarios": ["offline"],
        "measure": {"profile": "quick", "seed": seed},
    }
    if min(threads) > 4:
        with pytest.raises(DocumentError, match="every cell is pruned"):
            planned(**changes)
        return
    made = planned(**changes)
    assert len(made.cells) == 2 * len(threads) * len(batch)
    assert len({(cell.device, cell.cell_key) for cell in made.cells}) == len(made.cells)
    assert all((cell.spec is None) == bool(cell.pruned_reason) for cell in made.cells)
    assert all(cell.spec is None or 0 <= cell.spec.seed < 2**64 for cell in made.cells)
    assert planned(**changes) == made


def fed(*inputs: tuple[str, str, list[Any]]) -> dict[str, Model]:
    """A model `m:1` with these inputs: name, type, shape."""
    facts = {"inputs": [{"name": name, "dtype": dtype, "shape": shape} for name, dtype, shape in inputs]}
    file = ModelFile(format="onnx", artifact=Artifact(digest="c" * 64, size_bytes=9), facts=facts)
    return {"m:1": Model(name="m:1", parent=None, precision="fp32", files={"onnx": file})}


IMAGE = ("x", "float32", ["batch", 3, 32, 32])
OPEN = ("x", "float32", ["batch", 3, "h", None])


@pytest.mark.parametrize(
    ("inputs", "changes", "says"),
    [
        ([("x", "string", [1])], {}, "input x has type string"),
        ([OPEN], {}, r"open sizes \(batchx3xhx\?\); say them with shapes: \{x: 1x3x\.\.\.x\.\.\.\}"),
        ([OPEN], {"shapes": {"x": "1x3x64"}}, "input x has 4 axes .* in the campaign has 3"),
        ([OPEN], {"shapes": {"x": "2x3x64x64"}}, "starts with 2, the batch is 1"),
        ([IMAGE], {"shapes": {"x": "1x4x32x32"}}, "fixed size of 3 at axis 1"),
        ([IMAGE], {"shapes": {"y": "1x4"}}, "has no input y; it has: x"),
        ([IMAGE], {"matrix": {"runtime": ["onnxruntime"], "providers": [["CUDAExecutionProvider"]]}},
         r"onnxruntime on pi5 has no CUDAExecutionProvider \(it has: CPUExecutionProvider\)"),
    ],
)  # fmt: skip
def test_what_inventory_and_model_tell_is_pruned_before_anything_is_sent(inputs, changes, says):
    document = parse_campaign(campaign(**{"models": ["m:1"], "dataset": None, **changes}))
    known = replace(ORT, providers=("CPUExecutionProvider",))
    pi5 = device(inventory=replace(device().inventory, runtimes=(known,)))
    with pytest.raises(DocumentError, match=f"every cell is pruned .*{says}"):
        plan(document, models=fed(*inputs), datasets={}, devices=[pi5])


@pytest.mark.parametrize(
    ("inputs", "changes"),
    [
        ([IMAGE], {}),
        ([OPEN], {"shapes": {"x": "1x3x64x64"}}),
        ([("x", "float32", [1, 3, 32, 32])], {"shapes": {"x": "1x3x32x32"}}),
        ([("scalar", "int64", [])], {}),
        ([], {"shapes": {"anything": "1x2"}}),
        ([IMAGE], {"matrix": {"runtime": ["onnxruntime"], "providers": [["CUDAExecutionProvider"]]}}),
    ],
)
def test_what_fits_or_is_not_known_is_planned(inputs, changes):
    document = parse_campaign(campaign(**{"models": ["m:1"], "dataset": None, **changes}))
    assert plan(document, models=fed(*inputs), datasets={}, devices=[device()]).cells[0].spec is not None


def test_devices_are_chosen_by_what_is_in_them_and_whether_it_works():
    coral = {"name": "Coral", "family": "edge_tpu", "kind": "tpu"}
    inventory = device().inventory
    dead = AcceleratorFacts(**coral, bus="pci:0000:01:00.0", state="no driver")
    good = AcceleratorFacts(**coral, bus="usb:2-1")
    both = labels_of(device(inventory=replace(inventory, accelerators=(good, dead), facts={"soc": "bcm2712"})))
    one = labels_of(device(inventory=replace(inventory, accelerators=(dead,))))
    assert parse_selector("accelerator/edge_tpu=ready, soc=bcm2712")(both)
    assert parse_selector("accelerator/edge_tpu=no-driver")(one)
    assert parse_selector("accelerator/edge_tpu")(one)
    assert not parse_selector("accelerator/edge_tpu")(labels_of(device()))
