"""Debian's Prometheus scrapes a controller with real agents and answers the queries that compare devices."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchfleet.controller.demo.fleet import environment
from benchfleet.controller.demo.processes import Services
from tests.support.documents import campaign

pytestmark = pytest.mark.debian
SCRAPE_S = 60.0
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: benchfleet
    static_configs: [{{targets: ["{controller}"]}}]
"""


def free_address() -> str:
    """An address of loopback that was free a moment ago: Prometheus cannot tell which port it took."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def ask(address: str, path: str, **params: str) -> Any:
    """The `data` of Prometheus' answer."""
    url = f"http://{address}{path}?{urllib.parse.urlencode(params)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


@pytest.fixture
def prometheus(pair, tmp_path: Path) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """A query function of a Prometheus that scrapes `pair`."""
    binary = shutil.which("prometheus")
    assert binary, "prometheus is missing: make test-hosts installs it"
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(controller=pair.addresses.http))
    subprocess.run(["promtool", "check", "config", str(config)], check=True, capture_output=True)
    with Services(tmp_path, environment()) as services:
        address = free_address()
        store = ["--storage.tsdb.path", str(tmp_path / "tsdb"), "--web.listen-address", address]
        services.start("prometheus", [binary, "--config.file", str(config), *store])

        def up() -> bool:
            try:
                return bool(ask(address, "/api/v1/query", query="up == 1")["result"])
            except OSError:
                return False

        services.wait_until(up, "the first scrape", SCRAPE_S)
        yield lambda query: ask(address, "/api/v1/query", query=query)["result"]


def wait_series(query: Callable[[str], list[dict[str, Any]]], text: str, done: Callable[[list[dict[str, Any]]], bool]):
    """The series of a query once `done`; AssertionError with what there was after the timeout."""
    deadline = time.monotonic() + SCRAPE_S
    while not done(found := query(text)):
        assert time.monotonic() < deadline, f"{text}: {found}"
    return found


def test_queries_that_compare_devices_are_answered_from_a_campaign(pair, pair_operator, prometheus):
    made = pair_operator.create(campaign(models=["digits:int8"]))
    runs = pair_operator.wait_ended(made, 120)
    devices = {r.cell.device for r in runs.values()}

    def both(found: list[dict[str, Any]]) -> bool:
        return {s["metric"].get("device") for s in found} >= devices

    for text in (
        'max by (device) (benchfleet_result_latency_seconds{quantile="0.5"})',
        "max by (device) (benchfleet_result_throughput_per_second)",
        "max by (device) (benchfleet_device_up)",
    ):
        found = wait_series(prometheus, text, both)
        assert all(float(series["value"][1]) > 0 for series in found), text
