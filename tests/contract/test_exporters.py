"""What every exporter keeps to, whoever wrote it."""

from __future__ import annotations

import io

import pytest

from benchfleet.controller.exporters import GROUP, PACKAGE
from benchfleet.core import plugins
from tests.support.campaigns import campaign, fleet, run

EXPORTERS = sorted(plugins.load_all(PACKAGE, GROUP).items())


def written(module, record):
    stream = io.BytesIO()
    module.write(record, stream)
    return stream.getvalue()


@pytest.mark.parametrize(("name", "module"), EXPORTERS)
class TestExporter:
    def test_says_its_media_type(self, name, module):
        assert "/" in module.MEDIA_TYPE

    def test_writes_every_run(self, name, module):
        text = written(module, fleet(12)).decode("utf-8")
        assert all(f"run-{i:03}" in text for i in range(12))

    def test_is_repeatable(self, name, module):
        assert written(module, fleet(12)) == written(module, fleet(12))

    def test_survives_a_campaign_without_runs_and_runs_without_results(self, name, module):
        assert written(module, campaign())
        assert b"agent_lost" in written(module, campaign(run("r", state="failed", reason="agent_lost")))

    def test_leaves_the_stream_open(self, name, module):
        stream = io.BytesIO()
        module.write(fleet(3), stream)
        assert not stream.closed
