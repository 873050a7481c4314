"""A model that is wrong is caught on the device: bad calibration, NaN weights, wrong numbers fed, wrong outputs."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchfleet.agent.measure import quality
from tests.support.attempts import DATA, attempt

FP32 = DATA / "digits-fp32.onnx"


@pytest.fixture(autouse=True)
def _own_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))


def flags(result):
    assert result.outcome == "ok", result.failure
    return {reason.flag: (reason.severity, reason.detail) for reason in result.reasons}


def changed(source, target, change):
    model = onnx.load(str(source))
    change(model.graph)
    onnx.save(model, str(target))
    return target


def badly_calibrated(graph):
    """Scales of activations a fifth of what they should be: all that is large saturates."""
    held = {i.name: i for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] not in held:
            scale = held[node.input[1]]
            scale.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(scale) / 5).astype(np.float32), scale.name))


def nan_weights(graph):
    biggest = max((i for i in graph.initializer if i.data_type == TensorProto.FLOAT), key=lambda i: np.prod(i.dims))
    array = numpy_helper.to_array(biggest).copy()
    array[0] = np.nan
    biggest.CopyFrom(numpy_helper.from_array(array, biggest.name))


def dataset(path, *, about=None, change=lambda x: x, **arrays):
    """The shipped digits with other declarations, other numbers, or more members."""
    with np.load(DATA / "digits-test.npz") as held:
        x, labels = held["x"], held["labels"]
    np.savez(path, x=change(x), labels=labels, **arrays)
    with zipfile.ZipFile(DATA / "digits-test.npz") as source, zipfile.ZipFile(path, "a") as target:
        declared = json.loads(source.read("dataset.json"))
        target.writestr("dataset.json", json.dumps({**declared, **(about or {})}))
    return path


async def test_a_badly_calibrated_model_loses_accuracy_to_its_baseline_and_its_interval_excludes_none(tmp_path):
    bad = changed(DATA / "digits-int8.onnx", tmp_path / "bad.onnx", badly_calibrated)
    result = (await attempt(tmp_path, bad, baseline=FP32, dataset=DATA / "digits-test.npz")).result
    lost = result.metrics["accuracy_drop_pp"]
    assert lost.value > 5
    assert lost.ci95[0] > 1
    assert "Bonett" in lost.method
    assert result.metrics["agreement_with_reference"].value < 0.95
    assert result.metrics["output_cosine"].value < 0.99


async def test_a_sound_model_loses_nothing_and_the_interval_is_narrower_than_two_unpaired(tmp_path):
    result = (await attempt(tmp_path, FP32, baseline=FP32, dataset=DATA / "digits-test.npz")).result
    lost = result.metrics["accuracy_drop_pp"]
    assert lost.value == 0
    assert lost.ci95[1] < 1
    assert (result.metrics["output_max_abs_diff"].value, result.metrics["output_cosine"].value) == (0, pytest.approx(1))
    assert (result.metrics["output_std"].value, result.metrics["error_ratio"].value) == (0, 0)
    assert not {"feed_implausible", "accuracy_near_chance", "output_mismatch", "output_unstable"} & set(flags(result))
    assert "x: fed 0 to 1, declared 0 to 1" in result.provenance["feed"]


async def test_nan_weights_make_the_run_invalid_and_predict_nothing(tmp_path):
    bad = changed(FP32, tmp_path / "nan.onnx", nan_weights)
    result = (await attempt(tmp_path, bad, baseline=FP32, dataset=DATA / "digits-test.npz")).result
    assert flags(result)["nan_inf"][0] == "invalid"
    assert result.verdict == "invalid"
    assert result.metrics["accuracy_top1"].value == 0
    assert result.metrics["output_max_abs_diff"].value is None


async def test_a_model_that_goes_nan_while_it_is_timed_is_caught_between_the_calls(tmp_path):
    options = {"fail": "nan", "fail_after": 300, "latency_us": 300}
    found = flags((await attempt(tmp_path, FP32, runtime="null", runtime_options=options)).result)
    assert found["nan_inf"][0] == "invalid"
    assert "between timed calls" in found["nan_inf"][1]


async def test_a_scale_of_255_is_visible_though_both_models_agree(tmp_path):
    data = dataset(tmp_path / "d.npz", about={"stored": {"layout": "NCHW"}, "wants": {"scale": 255, "range": [0, 1]}})
    result = (await attempt(tmp_path, DATA / "digits-fp16.onnx", baseline=FP32, dataset=data)).result
    found = flags(result)["feed_implausible"]
    assert "0 to 255, the model wants 0 to 1" in found[1]
    assert "x: scale x 255" in result.provenance["feed"]
    assert "x: fed 0 to 255, declared 0 to 1" in result.provenance["feed"]


@pytest.mark.parametrize(("mean", "std", "raised"), [(0.5, 0.5, False), (0.0, 1 / 255, True), (0.485, 0.225, True)])
async def test_a_mean_and_std_that_the_model_s_own_file_does_not_expect_is_visible(tmp_path, mean, std, raised):
    model, path = onnx.load(str(FP32)), tmp_path / "told.onnx"
    model.metadata_props.add(key="Image.NominalPixelRange", value="Normalized_1_1")
    onnx.save(model, str(path))
    about = {"stored": {"layout": "NCHW"}, "wants": {"mean": mean, "std": std}}
    result = (await attempt(tmp_path, path, dataset=dataset(tmp_path / "d.npz", about=about))).result
    found = flags(result)
    assert ("feed_implausible" in found) == raised
    assert not raised or "the model's own file wants -1 to 1: check scale, mean and std" in found["feed_implausible"][1]
    assert any("the model's file says -1 to 1" in line for line in result.provenance["feed"])


async def test_samples_that_mean_nothing_to_both_models_are_near_chance(tmp_path):
    data = dataset(tmp_path / "d.npz", change=lambda x: np.zeros_like(x))
    result = (await attempt(tmp_path, DATA / "digits-fp16.onnx", baseline=FP32, dataset=data)).result
    assert "what both are fed is wrong" in flags(result)["accuracy_near_chance"][1]
    assert "sliver" in flags(result)["feed_implausible"][1]


@pytest.mark.parametrize(("off", "raised"), [(0.0, False), (0.5, True)])
async def test_outputs_are_held_against_those_stored_in_the_data_set(tmp_path, off, raised):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(FP32), providers=["CPUExecutionProvider"])
    with np.load(DATA / "digits-test.npz") as held:
        right = np.concatenate([session.run(None, {session.get_inputs()[0].name: x[None]})[0] for x in held["x"]])
    name = session.get_outputs()[0].name
    right[7, 3] += off
    about = {"reference_outputs": {name: "expected"}, "tolerance": {"max_abs_diff": 0.01}}
    result = (await attempt(tmp_path, FP32, dataset=dataset(tmp_path / "d.npz", about=about, expected=right))).result
    assert result.metrics["stored_output_max_abs_diff"].value == pytest.approx(off, abs=1e-4)
    assert result.metrics["stored_output_max_abs_diff"].n == 500
    assert ("output_mismatch" in flags(result)) is raised
    if raised:
        assert flags(result)["output_mismatch"][0] == "invalid"


def detector(path):
    """Two boxes whatever the image: one where the truth is, one beside it."""
    boxes = numpy_helper.from_array(np.array([[[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]]], np.float32), "b0")
    rest = [
        numpy_helper.from_array(np.array([[0.9, 0.3]], np.float32), "s0"),
        numpy_helper.from_array(np.array([[0, 1]], np.int64), "c0"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=1),
        helper.make_node("Sub", ["m", "m"], ["zero4"]),
        helper.make_node("Reshape", ["zero4", "one"], ["zero"]),
        helper.make_node("Add", ["b0", "zero"], ["boxes"]),
        helper.make_node("Add", ["s0", "zero"], ["scores"]),
        helper.make_node("Identity", ["c0"], ["classes"]),
    ]
    ends = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 2, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2]),
        helper.make_tensor_value_info("classes", TensorProto.INT64, [1, 2]),
    ]
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph(nodes, "detector", [given], ends, [boxes, *rest, one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def images(path, about, members, samples=3, dtype=np.float32, shape=(3, 8, 8)):
    np.savez(path, x=np.random.default_rng(0).integers(0, 4, (samples, *shape)).astype(dtype))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("dataset.json", json.dumps({"schema": 1, **about}))
        for name, held in members.items():
            file.writestr(name, json.dumps(held))
    return path


async def test_a_detector_is_scored_by_coco_s_own_library_on_the_device(tmp_path):
    truth = {
        "images": [{"id": i, "width": 100, "height": 50} for i in (4, 5, 6)],
        "categories": [{"id": 10, "name": "a"}, {"id": 20, "name": "b"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 10, "bbox": [10, 5, 40, 20], "area": 800, "iscrowd": 0}
            for i in (5, 6)
        ],
    }
    post = {"boxes": "boxes", "scores": "scores", "classes": "classes", "box_format": "xyxy", "normalised": True}
    data = images(tmp_path / "d.npz", {"task": "detection", "postprocess": post}, {"annotations.json": truth})
    path = detector(tmp_path / "detector.onnx")
    result = (await attempt(tmp_path, path, dataset=data, baseline=path)).result
    assert result.metrics["map_50_95"].value == pytest.approx(2 / 3, abs=0.01)  # a false alarm ranks first of three
    assert result.metrics["map_50_95"].source.startswith("pycocotools")
    assert result.metrics["accuracy_drop_pp"].value == 0
    assert result.metrics["accuracy_drop_pp"].ci95 == (0, 0)
    assert result.metrics["accuracy_top1"].value is None


async def test_a_text_model_is_scored_through_its_vocabulary(tmp_path):
    given = helper.make_tensor_value_info("x", TensorProto.INT64, [1, 6])
    made = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 6])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["ids"])], "echo", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    (tmp_path / "echo.onnx").write_bytes(model.SerializeToString())
    words = ["one", "two", "three", "four"]
    data = tmp_path / "t.npz"
    ids = np.array([[0, 1, 2, 3, 1, 0], [3, 3, 2, 2, 1, 1]], np.int64)
    np.savez(data, x=ids)
    members = {
        "vocabulary.json": words,
        "references.json": [[" ".join(words[i] for i in row), "nothing alike"] for row in ids],
    }
    with zipfile.ZipFile(data, "a") as file:
        file.writestr("dataset.json", json.dumps({"schema": 1, "task": "text", "postprocess": {"output": "ids"}}))
        for name, held in members.items():
            file.writestr(name, json.dumps(held))
    result = (await attempt(tmp_path, tmp_path / "echo.onnx", dataset=data)).result
    assert result.metrics["bleu"].value == pytest.approx(100)
    assert result.metrics["rouge_l"].value == pytest.approx(1)


async def test_a_task_that_cannot_be_scored_is_a_missing_number_with_its_reason(tmp_path):
    post = {"boxes": "nowhere", "scores": 1, "classes": 2, "box_format": "xyxy"}
    truth = {"images": [{"id": i} for i in range(3)], "categories": [], "annotations": []}
    data = images(tmp_path / "d.npz", {"task": "detection", "postprocess": post}, {"annotations.json": truth})
    result = (await attempt(tmp_path, detector(tmp_path / "detector.onnx"), dataset=data)).result
    assert result.outcome == "ok"
    assert "no output 'nowhere'" in result.metrics["map_50"].reason


async def test_a_scorer_that_hangs_or_dies_is_an_answer(tmp_path):
    job = {"task": "text", "truth": ["/dev/zero"], "predictions": ["x"]}
    assert "error" in await quality.run_scorer({"task": "nonsense", "truth": []}, tmp_path, 30)
    found = await quality.run_scorer({**job, "truth": [str(tmp_path / "none")]}, tmp_path, 30)
    assert "cannot be read" in found["error"]
    assert "longer than" in (await quality.run_scorer(job, tmp_path, 0.01))["error"]
