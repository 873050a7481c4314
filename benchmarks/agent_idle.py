"""What a waiting agent costs its device: memory and CPU, beside a process that only imports the transport.

A real controller and a real agent on loopback. The agent waits for a minute, measures one small campaign, and waits for
another; its share of a core is its CPU time over that minute. PSS is memory with shared pages divided among those who
share them; here the agent shares its libraries with the controller and the bare process beside it, so its own pages
alone (USS) and RSS are shown too: a device where nothing else runs Python has a PSS between PSS here and RSS.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchfleet.controller.demo.fleet import AgentPlan, environment, start
from benchfleet.controller.demo.processes import Services

IDLE_S = 60.0
SETTLE_S = 5.0
"""After a start or a campaign, before the minute begins."""
GOAL_PSS_MB = 32.0
DATA = Path(__file__).parents[1] / "controller/src/benchfleet/controller/demo/data"
BARE = "import grpc.aio, sys; print('ready', flush=True); sys.stdin.read()"
CAMPAIGN = """\
apiVersion: benchfleet/v1
kind: Campaign
name: idle-cost
models: [digits:int8]
devices: {selector: "fleet=idle"}
matrix: {runtime: [onnxruntime], threads: [1]}
scenarios: [single_stream]
measure: {profile: quick}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of one process, in MB (10^6 bytes)."""

    pss_mb: float
    rss_mb: float
    own_mb: float


def memory(pid: int) -> Memory:
    """From the kernel's own sum over all mappings."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(
        pss_mb=kib["Pss"] * 1024e-6,
        rss_mb=kib["Rss"] * 1024e-6,
        own_mb=(kib["Private_Clean"] + kib["Private_Dirty"]) * 1024e-6,
    )


def cpu_s(pid: int) -> float:
    """CPU time of a process and all its threads since it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waiting(when: str, agent: int, bare: int) -> None:
    """Watches a minute in which nothing is asked of the agent, and prints it."""
    time.sleep(SETTLE_S)
    before_s, start_s = cpu_s(agent), time.monotonic()
    time.sleep(IDLE_S)
    share = (cpu_s(agent) - before_s) / (time.monotonic() - start_s)
    held, least = memory(agent), memory(bare)
    verdict = "within" if held.pss_mb <= GOAL_PSS_MB else "ABOVE"
    print(
        f"agent_idle, {when}: PSS {held.pss_mb:.1f} MB ({verdict} the goal of {GOAL_PSS_MB:.0f}), own pages "
        f"{held.own_mb:.1f} MB, RSS {held.rss_mb:.1f} MB, {share:.2%} of a core over {IDLE_S:.0f} s; bare grpc.aio PSS "
        f"{least.pss_mb:.1f} MB, own {least.own_mb:.1f}, RSS {least.rss_mb:.1f}; agent/bare PSS "
        f"{held.pss_mb / least.pss_mb:.2f}, RSS {held.rss_mb / least.rss_mb:.2f} (n=1)",
        flush=True,
    )


def main() -> None:
    """Start, watch, measure, watch again."""
    with (
        tempfile.TemporaryDirectory(prefix="benchfleet-idle-", ignore_cleanup_errors=True) as root,
        Services(Path(root), environment()) as services,
        subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare,
    ):
        assert bare.stdout is not None
        bare.stdout.readline()
        fleet = start(Path(root), services, environment())
        fleet.add_agent(AgentPlan(name="idle", labels={"fleet": "idle"}))
        fleet.wait_online()
        agent = services.named("idle").process.pid
        waiting("after its start", agent, bare.pid)
        fleet.commands.show("models", "push", str(DATA / "digits-int8.onnx"), "--name", "digits:int8")
        document = Path(root) / "campaign.yaml"
        document.write_text(CAMPAIGN)
        fleet.commands.show("run", str(document), "--wait", allowed=(0, 3))  # invalid on a busy host: no matter
        waiting("after a campaign", agent, bare.pid)


if __name__ == "__main__":
    main()
