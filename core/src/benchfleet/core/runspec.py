"""What one attempt has to measure: the domain form of benchfleet.v1.RunSpec.

The controller makes it from a campaign document, `benchfleet-agent bench` from its options; the agent's
measurement code sees nothing else. Its cell key is the identity of a cell: two specs with one key are the same cell.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Bytes by digest (sha256, hex)."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """One model file: `name` is NAME:TAG, `format` is onnx, tflite, ...

    `counts` says what the file needs (core/metrics/work.py); empty when nobody counted it.
    """

    name: str
    format: str
    precision: str | None
    artifact: Artifact
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """A cell on one device, complete; `operators` asks for the profile pass after the rounds, apart from them.

    `power_mode` is set on the device for the run (core/power_modes.py); None leaves the device as it is found.
    """

    model: ModelRef
    runtime: str
    threads: int = 1
    batch: int = 1
    scenario: str = "single_stream"
    scenario_params: dict[str, Any] = field(default_factory=dict)
    profile: str = "standard"
    seed: int = 0
    baseline: ModelRef | None = None
    dataset: Artifact | None = None
    dataset_name: str | None = None
    runtime_options: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    timeout_s: float = 900.0
    operators: bool = False
    power_mode: str | None = None

    @property
    def cell_key(self) -> str:
        """Canonical text of what distinguishes this cell from the others of its campaign."""
        return cell_key(
            model=self.model.name,
            format=self.model.format,
            runtime=self.runtime,
            threads=self.threads,
            batch=self.batch,
            scenario=self.scenario,
            params=self.scenario_params,
            options=self.runtime_options,
            power_mode=self.power_mode,
        )

    @property
    def pace(self) -> tuple[str, str, str, str]:
        """What cells that are measured together have in common: what sets how long rounds are and how many, and how
        the device is set meanwhile."""
        return self.profile, self.scenario, repr(sorted(self.scenario_params.items())), self.power_mode or ""

    @property
    def lane(self) -> str:
        """The lane of the model. Cells with one lane in common share its process: the same file, told the same."""
        return self._lane(self.model)

    @property
    def baseline_lane(self) -> str:
        """That of the baseline; empty without one. A model beside itself has two, which differ by noise alone."""
        if self.baseline is None:
            return ""
        key = self._lane(self.baseline)
        return key if key != self.lane else f"{key} again"

    @property
    def lanes(self) -> dict[str, ModelRef]:
        """What a block has to load for this cell, by lane."""
        found = {self.lane: self.model}
        if self.baseline is not None:
            found[self.baseline_lane] = self.baseline
        return found

    def _lane(self, model: ModelRef) -> str:
        return json.dumps(
            [
                model.artifact.digest,
                self.runtime,
                self.threads,
                self.batch,
                self.scenario,
                self.scenario_params,
                self.runtime_options,
                {name: list(sizes) for name, sizes in self.shapes.items()},
                self.dataset.digest if self.dataset else None,
                self.seed,
            ],
            sort_keys=True,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, for a runner's spec file and for provenance."""
        return asdict(self)


def cell_key(
    *,
    model: str,
    format: str,
    runtime: str,
    threads: int,
    batch: int,
    scenario: str,
    params: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    power_mode: str | None = None,
) -> str:
    """`digits:fp32/onnx onnxruntime t1 b1 single_stream`; behind it parameters as canonical JSON and the power mode."""
    key = f"{model}/{format} {runtime} t{threads} b{batch} {scenario}"
    for extra in (params, options):
        if extra:
            key += " " + json.dumps(extra, sort_keys=True, separators=(",", ":"))
    return f"{key} power_mode={power_mode}" if power_mode else key


def parse_shape(text: str) -> tuple[int, ...]:
    """`1x3x224x224` as numbers; ValueError for anything else."""
    sizes = tuple(int(part) for part in text.lower().split("x"))
    if not sizes or any(size < 1 for size in sizes):
        raise ValueError(f"a shape is positive sizes joined by x, like 1x3x224x224, not {text!r}")
    return sizes
