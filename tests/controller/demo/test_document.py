"""The demo's one campaign fills every picture of its report."""

from __future__ import annotations

import itertools
from importlib.resources import files

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.controller.reports import report_html
from tests.support.campaigns import campaign, result, run

FORMATS = {"onnxruntime": "onnx", "litert": "tflite"}


def test_its_report_shows_throughput_against_latency():
    document = parse_campaign(files("benchfleet.controller.demo").joinpath("campaign.yaml").read_text())
    axes = (document.models, document.matrix.runtime, document.matrix.batch, document.scenario_list)
    runs = [
        run(f"r{i}", model=model, runtime=runtime, format=FORMATS[runtime], batch=batch, scenario=scenario,
            measured=result(p50=1.0 + 0.1 * i, batch=batch))
        for i, (model, runtime, batch, (scenario, _)) in enumerate(itertools.product(*axes))
    ]  # fmt: skip
    page = report_html(campaign(*runs))
    for picture in ("Throughput against latency of", "Size against accuracy"):
        assert picture in page
    assert "fills this picture" not in page
