"""What the machinery of a fleet adds over one call: from CreateCampaign until the operator sees the run begun.

A controller and an agent are started as processes on loopback. Each round times, in the same two processes,

- bare: a unary gRPC call with mutual TLS to that controller (the standard health check, which reads no data base), and
- dispatch: CreateCampaign of one cell, its plan and two commits, the lease, Assign on the agent's session stream, the
  agent's first Progress, and the news of it on WatchCampaign.

The run is then cancelled, and the next round begins when its device is idle. Prints the median of the ratios of the
rounds with its 95 % interval by order statistics, and both medians.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from pathlib import Path

from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from benchfleet.controller.client.connection import Session, connect
from benchfleet.controller.client.credentials import read_credentials
from benchfleet.controller.demo.fleet import AgentPlan, environment, start
from benchfleet.controller.demo.processes import Services
from benchfleet.v1 import campaign_pb2, fleet_pb2
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub
from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

DATA = Path(__file__).parents[1] / "controller/src/benchfleet/controller/demo/data"
ROUNDS = 40
CALLS = 15
"""Of the bare call in each round; their median is the round's."""
TIMEOUT_S = 30.0
DOCUMENT = """
apiVersion: benchfleet/v1
kind: Campaign
name: dispatch
models: ["digits:fp32"]
devices: {selector: "fleet=bench"}
matrix: {runtime: [onnxruntime]}
measure: {profile: quick}
"""


def bare_ms(session: Session) -> float:
    """Median of a few calls that do nothing."""
    health, request, taken_ms = HealthStub(session.channel), HealthCheckRequest(), []
    for _ in range(CALLS):
        start_ns = time.perf_counter_ns()
        health.Check(request, timeout=TIMEOUT_S)
        taken_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return statistics.median(taken_ms)


def dispatch_ms(session: Session, key: str) -> float:
    """One campaign of one run, until its first phase is seen; it is cancelled behind the clock."""
    stub = CampaignServiceStub(session.channel)
    request = campaign_pb2.CreateCampaignRequest(document_yaml=DOCUMENT, idempotency_key=key)
    start_ns = time.perf_counter_ns()
    campaign = stub.CreateCampaign(request, timeout=TIMEOUT_S).campaign.id
    watched = campaign_pb2.WatchCampaignRequest(campaign_id=campaign)
    news = stub.WatchCampaign(watched, timeout=TIMEOUT_S)
    begun = any(run.phase for change in news for run in change.runs)
    taken_ms = (time.perf_counter_ns() - start_ns) / 1e6
    news.cancel()
    assert begun
    cancel = campaign_pb2.CancelCampaignRequest(campaign_id=campaign, reason="measured")
    stub.CancelCampaign(cancel, timeout=TIMEOUT_S)
    return taken_ms


def wait_idle(session: Session) -> None:
    """Until the device has let go of the cancelled run."""
    stub, deadline = FleetServiceStub(session.channel), time.monotonic() + TIMEOUT_S
    while stub.GetDevice(fleet_pb2.GetDeviceRequest(device="one")).device.state != fleet_pb2.DEVICE_STATE_IDLE:
        assert time.monotonic() < deadline, "the device did not become idle"
        time.sleep(0.05)


def interval(sorted_values: list[float]) -> tuple[float, float]:
    """95 % of the median by ranks, which asks nothing of the distribution."""
    n = len(sorted_values)
    low = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2) - 1)
    return sorted_values[low], sorted_values[n - 1 - low]


def main() -> None:
    """Measure and print one line."""
    with tempfile.TemporaryDirectory() as root, Services(Path(root), environment()) as services:
        fleet = start(Path(root), services, environment())
        fleet.add_agent(AgentPlan(name="one", labels={"fleet": "bench"}))
        fleet.wait_online()
        fleet.commands.data("models", "push", str(DATA / "digits-fp32.onnx"), "--name", "digits:fp32", "--json")
        with connect(read_credentials(fleet.credentials)) as session:
            rounds = []
            for index in range(ROUNDS + 1):
                wait_idle(session)
                rounds.append((bare_ms(session), dispatch_ms(session, f"round-{index}")))
            wait_idle(session)
    bare, dispatch = zip(*rounds[1:], strict=True)  # the first connects and fetches the model
    ratios = sorted(d / b for b, d in rounds[1:])
    low, high = interval(ratios)
    print(
        f"dispatch: {statistics.median(dispatch):.1f} ms from CreateCampaign to the run's first phase, "
        f"bare mTLS call {statistics.median(bare):.2f} ms, "
        f"ratio {statistics.median(ratios):.1f} [{low:.1f}, {high:.1f}] (n={ROUNDS}, interleaved)"
    )


if __name__ == "__main__":
    main()
