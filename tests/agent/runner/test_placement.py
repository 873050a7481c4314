"""Where nodes run is told in shares, and a placement that is required is not met by silence."""

from pathlib import Path

import pytest

from benchfleet.agent.runner import house
from benchfleet.agent.runner.contract import Options, RuntimeFault, placement
from benchfleet.agent.runtimes import litert, onnxruntime

PARTLY = Path(__file__).parents[2] / "fixtures/models/partly-delegated.tflite"
DATA = Path(__file__).parents[3] / "controller/src/benchfleet/controller/demo/data"


def _options(**extra):
    return Options(1, 1, extra)


@pytest.mark.parametrize("required", [0, -1, 1.01, "all", None, [1]])
def test_a_required_share_that_is_none_is_refused(required):
    with pytest.raises(RuntimeFault, match="require_placement"):
        house.required_share(_options(require_placement=required))


def test_unknown_placement_does_not_meet_a_requirement():
    facts = {"placement": placement("NPU", None, "the driver is silent")}
    house.check_placement(_options(), facts)
    with pytest.raises(RuntimeFault, match="unknown: the driver is silent") as raised:
        house.check_placement(_options(require_placement=0.5), facts)
    assert raised.value.reason == "placement"
    with pytest.raises(RuntimeFault, match="unknown"):
        house.check_placement(_options(require_placement=True), {})


def test_too_few_nodes_where_they_were_asked_for_are_refused_with_the_share_and_the_rest():
    facts = {"placement": placement("CUDA", {"CUDA": 3, "CPU": 1})}
    house.check_placement(_options(require_placement=0.75), facts)
    with pytest.raises(RuntimeFault, match=r"75.0 % of the nodes run on CUDA, 76.0 % are required; the rest: CPU 25.0"):
        house.check_placement(_options(require_placement=0.76), facts)


def test_require_placement_is_an_option_of_every_runtime():
    house.check_options("litert", litert, _options(require_placement=True))


@pytest.mark.parametrize(
    ("path", "xnnpack", "wanted"),
    [
        (PARTLY, True, {"XNNPACK": 2 / 3, "builtin": 1 / 3}),
        (PARTLY, False, {"builtin": 1.0}),
        (DATA / "digits-int8.tflite", True, {"XNNPACK": 1.0}),
        (DATA / "digits-fp16.tflite", True, {"XNNPACK": 1.0}),
    ],
)
def test_litert_counts_the_nodes_that_its_delegate_took(path, xnnpack, wanted):
    session = litert.load(str(path), _options(xnnpack=xnnpack))
    assert session.facts["placement"]["nodes"] == pytest.approx(wanted)


def test_onnxruntime_tells_every_node_of_a_model_on_one_provider():
    session = onnxruntime.load(str(DATA / "digits-int8.onnx"), _options())
    assert session.facts["placement"] == placement("CPUExecutionProvider", {"CPUExecutionProvider": 1})
