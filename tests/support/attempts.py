"""One quick attempt on files, as tests of the measurement make it."""

from __future__ import annotations

import asyncio
import hashlib
from importlib import resources
from pathlib import Path

from benchfleet.agent.measure.attempt import Around, Files, measure
from benchfleet.core.clock import SystemClock
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"
INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0",
)  # fmt: skip


def ref(path):
    data = path.read_bytes()
    artifact = Artifact(digest=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    return ModelRef(name=f"{path.stem}:file", format=path.suffix[1:], precision=None, artifact=artifact)


async def attempt(tmp_path, path, *, runtime="onnxruntime", baseline=None, dataset=None, stop=None, **more):
    spec = RunSpec(
        model=ref(path), runtime=runtime, profile="quick", baseline=ref(baseline) if baseline else None,
        dataset=Artifact(digest="0" * 64, size_bytes=1) if dataset else None, **more,
    )  # fmt: skip
    files = Files(model=path, baseline=baseline, dataset=dataset)
    around = Around(workspace=tmp_path / "work", inventory=INVENTORY, clock=SystemClock(), stop=stop or asyncio.Event())
    return await measure(spec, files, around)
