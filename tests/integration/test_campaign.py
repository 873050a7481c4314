"""A campaign over a real fleet, from its document to results, and what a bad model does to it."""

from __future__ import annotations

import grpc
import pytest

from benchfleet.controller.comparison.ratio import latency_ratio
from benchfleet.controller.exporters import json as export
from benchfleet.v1 import campaign_pb2
from tests.fixtures import bad_models
from tests.support.documents import campaign

CAMPAIGN_S = 400.0
"""Of a host that others fill: alone it takes a tenth of it."""
SUCCEEDED = campaign_pb2.RUN_STATE_SUCCEEDED
pytestmark = pytest.mark.timeout(600)
FAILED = campaign_pb2.RUN_STATE_FAILED


def test_every_cell_on_every_device_has_one_result_with_its_numbers(pair, pair_operator):
    made = pair_operator.create(campaign(baseline={"model": "digits:fp32"}))
    runs = pair_operator.wait_ended(made, CAMPAIGN_S)
    results = pair_operator.results(made)
    assert {(r.cell.model, r.cell.device) for r in runs.values()} == {
        (model, device) for model in ("digits:fp32", "digits:int8") for device in ("one", "two")
    }
    blocks: dict[str, set[str]] = {}
    for run in runs.values():
        assert run.state == SUCCEEDED, run
        (result,) = results[run.id]
        blocks.setdefault(run.cell.device, set()).add(result.provenance["block"]["id"])
        assert result.outcome == "ok"
        assert result.metrics["latency_ms_p50"].value > 0
        assert result.metrics["accuracy_top1"].value > 0.9
        assert result.metrics["macs"].value == 1_762_496
        achieved = 2 * 1_762_496 * result.metrics["throughput_per_s"].value / 1e12
        assert result.metrics["achieved_tops"].value == pytest.approx(achieved)
        assert result.cell["model"]["name"] == run.cell.model
    assert [len(ids) for ids in blocks.values()] == [1, 1], "the cells of a device were not measured together"


def test_cells_of_one_block_are_compared_round_by_round_and_cells_of_two_are_not(pair, pair_operator, tmp_path):
    one = campaign(devices={"selector": "role=first"}, dataset=None, measure={"profile": "quick", "seed": 7})
    records = []
    for name in ("first", "again"):
        made = pair_operator.create(one)
        pair_operator.wait_ended(made, CAMPAIGN_S)
        pair.commands.show("export", made, "-o", str(tmp_path / f"{name}.json"))
        records.append(export.read((tmp_path / f"{name}.json").read_bytes()))
    fp32, int8 = sorted(records[0].runs, key=lambda run: run.model)
    beside = latency_ratio(int8, fp32)
    assert beside.paired
    assert beside.n is not None
    assert beside.n >= 10  # the rounds of the quick profile
    rounds = [len(run.result.provenance["rounds"]["model"]) for run in (fp32, int8)]
    assert beside.n <= min(rounds)
    apart = latency_ratio(next(run for run in records[1].runs if run.model == "digits:int8"), fp32)
    assert not apart.paired
    assert "apart" in apart.method


def test_scenarios_with_parameters_reach_the_device_and_their_numbers_come_back(pair, pair_operator):
    wanted = [{"realtime": {"fps": 100}}, {"server": {"qps": [100, 150], "latency_bound": "90 ms"}}]
    made = pair_operator.create(
        campaign(models=["digits:int8"], devices={"selector": "role=first"}, dataset=None, scenarios=wanted)
    )
    runs = pair_operator.wait_ended(made, CAMPAIGN_S)
    results = pair_operator.results(made)
    told = {}
    for run in runs.values():
        assert run.state == SUCCEEDED, run
        (result,) = results[run.id]
        told[run.cell.cell_key.partition(" b1 ")[2]] = result.metrics
    realtime, slow, fast = sorted(told)
    assert [realtime, slow, fast] == [
        'realtime {"fps":100}',
        'server {"latency_bound_s":0.09,"qps":100}',
        'server {"latency_bound_s":0.09,"qps":150}',
    ]
    assert told[realtime]["deadline_miss_ratio"].value is not None
    assert told[slow]["queries"].value < told[fast]["queries"].value
    assert told[slow]["latency_bound_met"].value is not None


def test_a_device_gets_no_cell_beyond_its_threads(pair, pair_operator):
    made = pair_operator.create(campaign(models=["digits:int8"], matrix={"runtime": ["onnxruntime"], "threads": [2]}))
    runs = pair_operator.wait_ended(made, CAMPAIGN_S)
    assert [r.cell.device for r in runs.values() if r.state == SUCCEEDED] == ["one"]


def test_a_model_that_gives_nan_is_never_plainly_valid(pair, pair_operator, tmp_path):
    pair.commands.show("models", "push", str(bad_models.nan_output(tmp_path / "nan.onnx")), "--name", "bad:nan")
    made = pair_operator.create(campaign(models=["bad:nan"], devices={"selector": "role=first"}, dataset=None))
    (run,) = pair_operator.wait_ended(made, CAMPAIGN_S).values()
    (result,) = pair_operator.results(made)[run.id]
    assert run.state == FAILED or result.verdict == "invalid"


def test_a_request_for_cuda_is_refused_where_no_device_has_it_and_never_runs_elsewhere(pair, pair_operator):
    document = campaign(
        models=["digits:int8"],
        devices={"selector": "role=first"},
        runtime_options={"onnxruntime": {"providers": ["CUDAExecutionProvider"]}},
    )
    with pytest.raises(grpc.RpcError, match="has no CUDAExecutionProvider") as refused:
        pair_operator.create(document)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("phase", ["queued", "leased"])
def test_cancel_ends_every_run_and_frees_the_device(pair, pair_operator, phase):
    made = pair_operator.create(
        campaign(matrix={"runtime": ["onnxruntime"], "threads": [1], "batch": [1, 2, 4]}, scenarios=["offline"])
    )
    if phase == "leased":
        leased = campaign_pb2.RUN_STATE_LEASED
        pair_operator.wait_runs(made, lambda runs: any(r.state == leased for r in runs.values()), 60)
    pair_operator.cancel(made)
    runs = pair_operator.wait_ended(made, 60)
    assert any(r.state == campaign_pb2.RUN_STATE_CANCELLED for r in runs.values())
    after = pair_operator.create(campaign(models=["digits:int8"]))
    assert all(r.state == SUCCEEDED for r in pair_operator.wait_ended(after, CAMPAIGN_S).values())
