"""Domain values to and from benchfleet.v1 messages; no protobuf type goes further than here, sessions and servicers."""

from __future__ import annotations

import json
from typing import Any

from benchfleet.core import power_modes
from benchfleet.core.errors import DocumentError
from benchfleet.core.inventory import AcceleratorFacts, Inventory, RuntimeFacts, SensorFacts
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec, parse_shape
from benchfleet.v1 import device_pb2, run_pb2

PROTOCOL_VERSION = 1
"""Sent in Hello and Welcome. N and N-1 are accepted by both sides."""

OLDEST_PROTOCOL_VERSION = 1

BLOCK_MAX = 8
"""Attempts that are measured together: each is a process with its model loaded, and a round of all takes seconds."""

CHUNK_BYTES = 256 * 1024
"""Of artifact and series transfer: the fastest size for grpc with protobuf."""

MESSAGE_BYTES_MAX = 1024 * 1024
"""Cap of results and telemetry batches, well under the 4 MiB receive limit of grpc."""


def runspec_to_wire(spec: RunSpec) -> run_pb2.RunSpec:
    """A RunSpec as it travels in Assign."""
    message = run_pb2.RunSpec(
        cell_key=spec.cell_key,
        model=_model_to_wire(spec.model),
        runtime=spec.runtime,
        threads=spec.threads,
        batch=spec.batch,
        scenario=spec.scenario,
        scenario_params_json=json.dumps(spec.scenario_params, sort_keys=True),
        profile=spec.profile,
        seed=spec.seed,
        dataset_name=spec.dataset_name or "",
        runtime_options_json=json.dumps(spec.runtime_options, sort_keys=True),
        shapes={name: "x".join(map(str, sizes)) for name, sizes in spec.shapes.items()},
        timeout_ms=int(spec.timeout_s * 1000),
        operators=spec.operators,
        power_mode=spec.power_mode or "",
    )
    if spec.baseline is not None:
        message.baseline.CopyFrom(_model_to_wire(spec.baseline))
    if spec.dataset is not None:
        message.dataset.CopyFrom(artifact_to_wire(spec.dataset))
    return message


def runspec_from_wire(message: run_pb2.RunSpec) -> RunSpec:
    """The RunSpec of an Assign; DocumentError when it is not usable."""
    try:
        return RunSpec(
            model=_model_from_wire(message.model),
            runtime=message.runtime,
            threads=message.threads,
            batch=message.batch,
            scenario=message.scenario,
            scenario_params=_object(message.scenario_params_json),
            profile=message.profile,
            seed=message.seed,
            baseline=_model_from_wire(message.baseline) if message.HasField("baseline") else None,
            dataset=artifact_from_wire(message.dataset) if message.HasField("dataset") else None,
            dataset_name=message.dataset_name or None,
            runtime_options=_object(message.runtime_options_json),
            shapes={name: parse_shape(text) for name, text in message.shapes.items()},
            timeout_s=message.timeout_ms / 1000,
            operators=message.operators,
            power_mode=power_modes.check(message.power_mode) if message.power_mode else None,
        )
    except ValueError as error:
        raise DocumentError(f"run spec of {message.cell_key!r}: {error}") from error


def artifact_to_wire(artifact: Artifact) -> run_pb2.ArtifactRef:
    """A digest and its size."""
    return run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes)


def artifact_from_wire(message: run_pb2.ArtifactRef) -> Artifact:
    """A digest and its size; ValueError when the digest is not one."""
    return Artifact(digest=check_digest(message.digest), size_bytes=message.size_bytes)


def check_digest(text: str) -> str:
    """`text` when it is a sha256 in lower-case hex; ValueError otherwise: a digest becomes a file name."""
    if len(text) != 64 or any(c not in "0123456789abcdef" for c in text):
        raise ValueError(f"a digest is 64 lower-case hex digits, not {text[:80]!r}")
    return text


def inventory_to_wire(inventory: Inventory) -> device_pb2.Inventory:
    """An inventory as it travels in Hello."""
    data = inventory.to_json()
    runtimes = [device_pb2.Runtime(**r) for r in data.pop("runtimes")]
    accelerators = [device_pb2.Accelerator(**a) for a in data.pop("accelerators")]
    sensors = [device_pb2.SensorInfo(**s) for s in data.pop("sensors")]
    modes = [device_pb2.PowerMode(**m) for m in data.pop("power_modes")]
    return device_pb2.Inventory(
        runtimes=runtimes, accelerators=accelerators, sensors=sensors, power_modes=modes, **data
    )


def inventory_from_wire(message: device_pb2.Inventory) -> Inventory:
    """The inventory of a Hello."""
    return Inventory(
        hostname=message.hostname,
        board=message.board,
        os=message.os,
        kernel=message.kernel,
        arch=message.arch,
        cpu_model=message.cpu_model,
        cpu_count=message.cpu_count,
        memory_bytes=message.memory_bytes,
        python=message.python,
        agent_version=message.agent_version,
        runtimes=tuple(
            RuntimeFacts(
                name=r.name,
                available=r.available,
                version=r.version,
                reason=r.reason,
                formats=tuple(r.formats),
                providers=tuple(r.providers),
                interpreter=r.interpreter,
                options=tuple(r.options),
            )
            for r in message.runtimes
        ),
        labels=dict(message.labels),
        boot_id=message.boot_id,
        simulated=message.simulated,
        facts=dict(message.facts),
        accelerators=tuple(
            AcceleratorFacts(
                name=a.name,
                family=a.family,
                kind=a.kind,
                bus=a.bus,
                state=a.state,
                driver=a.driver,
                library=a.library,
                firmware=a.firmware,
                detail=a.detail,
            )
            for a in message.accelerators
        ),
        sensors=tuple(SensorFacts(id=s.id, kind=s.kind, scope=s.scope) for s in message.sensors),
        scenarios=tuple(message.scenarios),
        tasks=tuple(message.tasks),
        power_modes=tuple(
            power_modes.OfferedMode(mechanism=m.mechanism, name=m.name, id=m.id) for m in message.power_modes
        ),
        power_modes_allowed=message.power_modes_allowed,
    )


def _model_to_wire(model: ModelRef) -> run_pb2.ModelRef:
    return run_pb2.ModelRef(
        name=model.name,
        format=model.format,
        precision=model.precision or "",
        artifact=artifact_to_wire(model.artifact),
        counts_json=json.dumps(model.counts, sort_keys=True) if model.counts else "",
    )


def _model_from_wire(message: run_pb2.ModelRef) -> ModelRef:
    return ModelRef(
        name=message.name,
        format=message.format,
        precision=message.precision or None,
        artifact=artifact_from_wire(message.artifact),
        counts=_object(message.counts_json),
    )


def _object(text: str) -> dict[str, Any]:
    data = json.loads(text or "{}")
    if not isinstance(data, dict):
        raise ValueError(f"expected a JSON object, not {text[:80]!r}")
    return data
