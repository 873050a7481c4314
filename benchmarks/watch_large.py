"""What a watcher of a large campaign costs the controller at each change: one run read, against the whole again.

Both through the query that WatchCampaign uses, alternating in one process, on a campaign of 10,000 runs of which half
have an attempt.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection, insert

from benchfleet.controller.servicers.campaign import read
from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t
from benchfleet.v1 import campaign_pb2 as pb

RUNS = 10_000
ROUNDS = 15


def fill(connection: Connection) -> None:
    """One campaign of RUNS runs on 50 devices."""
    devices = [{"name": f"d{i}", "enrolled_utc_s": 0.0} for i in range(50)]
    connection.execute(insert(t.device), devices)
    made = {"id": "c-1", "name": "large", "state": "running", "spec_digest": "", "idempotency_key": "k"}
    connection.execute(insert(t.campaign).values(document_yaml="", created_by="", created_utc_s=0.0, **made))
    cells = [pb.PlannedCell(cell_key=f"m/{i}", model="m:1", device=f"d{i % 50}", threads=1) for i in range(RUNS)]
    rows = [
        {
            "id": f"r-{i:05}",
            "campaign": "c-1",
            "ordinal": i,
            "device": cell.device,
            "cell_key": cell.cell_key,
            "spec": b"",
            "cell": cell.SerializeToString(),
            "state": "succeeded" if i % 2 else "queued",
            "epoch": i % 2,
            "max_attempts": 3,
        }
        for i, cell in enumerate(cells)
    ]
    connection.execute(insert(t.run), rows)
    about = {"epoch": 1, "token": 1, "incarnation": 1, "state": "done", "holds_device": False, "lease_deadline_s": 0.0}
    connection.execute(
        insert(t.attempt), [{"run": r["id"], "device": r["device"], **about} for r in rows if r["epoch"]]
    )


async def measure() -> tuple[list[float], list[float]]:
    """Milliseconds of the whole and of one run, round by round."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        await store.write(fill)
        whole, narrow = [], []
        for index in range(ROUNDS + 1):
            only = {f"r-{index:05}"}
            for taken, wanted in ((whole, None), (narrow, only)):
                start = time.perf_counter()
                await store.read(lambda c, wanted=wanted: read(c, "c-1", wanted))  # type: ignore[misc]
                taken.append((time.perf_counter() - start) * 1e3)
        store.close()
    return whole[1:], narrow[1:]


def main() -> None:
    """Measure and print one line."""
    whole, narrow = asyncio.run(measure())
    ratios = sorted(a / b for a, b in zip(whole, narrow, strict=True))
    print(
        f"watch_large: a change in a campaign of {RUNS} runs costs {statistics.median(narrow):.1f} ms, "
        f"reading all of it {statistics.median(whole):.0f} ms, "
        f"ratio {statistics.median(ratios):.0f} [{ratios[0]:.0f}, {ratios[-1]:.0f}] (n={ROUNDS}, alternating)"
    )


if __name__ == "__main__":
    main()
