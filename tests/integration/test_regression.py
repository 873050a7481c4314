"""A model that becomes slower on a real fleet: suspected, measured again, and only then called a regression.

The engine's time comes from a file that the test rewrites between campaigns: what is measured does not depend on the
host, and nothing in the specs differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchfleet.controller.demo.fleet import LocalFleet, environment
from tests.support.documents import campaign
from tests.support.operator import Operator

PROGRAM = [sys.executable, "-c", "from benchfleet.controller.cli.main import main; main()"]
USUAL_US, SLOW_US = 8_000, 16_000
LEARNED = 5


def history(fleet: LocalFleet, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `history --check` and the one track there is."""
    asked = ("history", "--model", "digits:int8", "--device", "one", "--check", "--json", *options)
    command = [*PROGRAM, *asked, "--credentials", str(fleet.credentials)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment(), check=False)
    assert done.stdout, done.stderr
    (track,) = json.loads(done.stdout)["tracks"]
    return done.returncode, track


def devices(fleet: LocalFleet) -> list[dict[str, Any]]:
    """As `devices ls --json` says."""
    return list(fleet.commands.data("devices", "ls", "--json"))


def marks(track: dict[str, Any]) -> list[str]:
    return [point["mark"] for point in track["points"]]


@pytest.mark.timeout(600)
def test_a_slow_model_is_called_a_regression_by_its_second_campaign_and_an_odd_one_never(
    fleet: LocalFleet, operator: Operator, tmp_path: Path
) -> None:
    latencies = tmp_path / "latencies_us"
    engine = {"fake": {"trace": "file", "file": str(latencies), "wait": "sleep"}}
    document = campaign(models=["digits:int8"], dataset=None, matrix={"runtime": ["fake"]}, runtime_options=engine)

    def measure(us: int) -> None:
        latencies.write_text(f"{us}\n")
        operator.wait_ended(operator.create(document), 120)

    for _ in range(LEARNED):
        measure(USUAL_US)
    measure(SLOW_US)
    code, odd = history(fleet)
    assert (code, odd["verdict"]) == (3, "suspected"), odd
    assert odd["change"] > 0.5
    assert odd["confirm_run"] == odd["points"][-1]["run"]

    latencies.write_text(f"{USUAL_US}\n")
    code, cleared = history(fleet, "--confirm")
    assert (code, cleared["verdict"]) == (0, "none"), cleared
    assert marks(cleared) == ["learning"] * LEARNED + ["worse", "usual"]
    assert cleared["points"][-1]["campaign_name"] == f"replay-{odd['confirm_run']}"

    measure(SLOW_US)
    assert history(fleet)[1]["verdict"] == "suspected", "one campaign was enough"
    fleet.services.kill("one")
    fleet.services.wait_until(lambda: not any(d["online"] for d in devices(fleet)), "the loss of the device", 60)
    code, still = history(fleet, "--confirm")
    assert (code, still["verdict"]) == (3, "suspected"), "a device that is gone confirms nothing"
    fleet.start_agent("one")
    fleet.wait_online()
    code, regression = history(fleet, "--confirm")
    assert (code, regression["verdict"]) == (1, "confirmed"), regression
    assert marks(regression)[-3:] == ["usual", "worse", "worse"]
    assert "2 campaigns in a row" in regression["why"]
