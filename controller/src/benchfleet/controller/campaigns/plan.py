"""From a document to cells on devices: what will be measured, what is pruned and why, and how long it takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchfleet.controller.campaigns import fitting
from benchfleet.controller.campaigns.counts import counts_of
from benchfleet.controller.campaigns.document import CELLS_MAX, CampaignDocument
from benchfleet.controller.campaigns.selector import select_devices
from benchfleet.controller.catalog import Dataset, Device, Model, ModelFile
from benchfleet.core import scenario as scenarios
from benchfleet.core.errors import DocumentError
from benchfleet.core.runspec import ModelRef, RunSpec, cell_key, parse_shape
from benchfleet.core.wire import BLOCK_MAX

LANE_S = {"quick": 2.5, "standard": 45.0, "gate": 75.0}
"""Of one lane of one run, with the start of its processes; measured with the digits models."""

OVERHEAD_S = 1.5
LAUNCH_S = 2.0
"""Of one launch of a scenario that says how long its load takes: processes, loading, warm-up, checks."""
SLACK = 2.0
"""A timeout that nobody gave leaves so many times the estimate."""
OPERATORS_S = 2.0
"""The profile pass: one more process and a second of calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell on one device; `spec` is None when it is pruned."""

    device: str
    spec: RunSpec | None
    model: str
    format: str
    runtime: str
    threads: int
    batch: int
    scenario: str
    power_mode: str | None
    cell_key: str
    pruned_reason: str
    estimated_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All cells; `estimated_s` is of the busiest device, since devices work side by side."""

    name: str
    cells: tuple[Cell, ...]
    estimated_s: float
    baseline_model: str | None
    warnings: tuple[str, ...] = ()


def plan(
    document: CampaignDocument,
    *,
    models: Mapping[str, Model],
    datasets: Mapping[str, Dataset],
    devices: Sequence[Device],
) -> Plan:
    """The cells of a document; DocumentError for names that nothing answers to and for a plan that measures nothing."""
    wanted = [_model(models, name) for name in document.models]
    baseline = _model(models, document.baseline.model) if document.baseline else None
    dataset = _dataset(datasets, document.dataset) if document.dataset else None
    chosen = select_devices(document.devices.selector, [d for d in devices if d.admission == "open"])
    count = document.cell_count * len(chosen)
    if count > CELLS_MAX:
        raise DocumentError(f"the plan has {count:,} cells on {len(chosen)} devices; at most {CELLS_MAX:,} are planned")
    cells = [
        cell
        for device in chosen
        for mode in document.matrix.power_modes  # all cells of a mode in a row: a switch costs seconds and a restore
        for model in wanted
        for cell in _cells(document, device, mode, model, baseline or _parent(models, model, dataset), dataset)
    ]
    if all(cell.spec is None for cell in cells):
        raise DocumentError(f"nothing to measure: every cell is pruned ({cells[0].pruned_reason})")
    cells = _estimated(cells)
    spent: dict[str, float] = {}
    for cell in cells:
        spent[cell.device] = spent.get(cell.device, 0.0) + cell.estimated_s
    return Plan(
        name=document.name,
        cells=tuple(cells),
        estimated_s=max(spent.values()),
        baseline_model=baseline.name if baseline else None,
    )


def _model(models: Mapping[str, Model], name: str) -> Model:
    if name not in models:
        known = ", ".join(sorted(models)[:20]) or "none yet; push one with `benchfleet models push`"
        raise DocumentError(f"model {name!r} is not here; models: {known}")
    return models[name]


def _dataset(datasets: Mapping[str, Dataset], name: str) -> Dataset:
    if name not in datasets:
        known = ", ".join(sorted(datasets)) or "none yet; push one with `benchfleet datasets push`"
        raise DocumentError(f"data set {name!r} is not here; data sets: {known}")
    return datasets[name]


def _cells(
    document: CampaignDocument,
    device: Device,
    mode: str | None,
    model: Model,
    baseline: Model | None,
    dataset: Dataset | None,
) -> Iterator[Cell]:
    matrix = document.matrix
    axes = (matrix.runtime, matrix.threads, matrix.batch, matrix.providers, document.scenario_list)
    for runtime, threads, batch, providers, (scenario, params) in itertools.product(*axes):
        file, refused = _file(device, model, runtime)
        options = {**document.runtime_options.get(runtime, {}), **({"providers": providers} if providers else {})}
        kind = file.format if file else "-"
        most = scenarios.batch_max(scenario, params, batch)
        key = cell_key(
            model=model.name, format=kind, runtime=runtime, threads=threads, batch=batch,
            scenario=scenario, params=params, options=options, power_mode=mode,
        )  # fmt: skip
        why = refused or fitting.unset(mode, device.inventory, device.name)
        why = why or _refusal(device, file, threads, batch, scenario, params, document)
        why = why or fitting.unknown(scenario, dataset.task if dataset else None, device.inventory, device.name)
        why = why or _unfit(document, device, file, runtime, options, batch, providers)
        spec = None
        if file is not None and not why:
            spec = RunSpec(
                model=_ref(model, file),
                runtime=runtime,
                threads=threads,
                batch=batch,
                scenario=scenario,
                scenario_params=params,
                profile=document.measure.profile,
                seed=document.measure.seed,
                baseline=None if scenarios.is_alone(scenario) else _baseline(baseline, model, file, most),
                dataset=dataset.artifact if dataset else None,
                dataset_name=dataset.name if dataset else None,
                runtime_options=options,
                shapes={name: parse_shape(text) for name, text in document.shapes.items()},
                timeout_s=document.measure.timeout,
                operators=document.measure.operators,
                power_mode=mode,
            )
            spec = _in_time(document, spec)
        yield Cell(
            device=device.name,
            spec=spec,
            model=model.name,
            format=kind,
            runtime=runtime,
            threads=threads,
            batch=batch,
            scenario=scenario,
            power_mode=mode,
            cell_key=key,
            pruned_reason=why,
            estimated_s=0.0,
        )


def _file(device: Device, model: Model, runtime: str) -> tuple[ModelFile | None, str]:
    """The file of a model that a runtime of a device loads; else why there is none."""
    facts = device.inventory.runtime(runtime)
    if facts is None:
        known = ", ".join(r.name for r in device.inventory.runtimes) or "none"
        return None, f"{device.name} has no runtime {runtime!r} (it has: {known})"
    if not facts.available:
        return None, f"{runtime} is not available on {device.name}: {facts.reason}"
    for kind in facts.formats:
        if kind in model.files:
            return model.files[kind], ""
    return None, f"{model.name} has no file that {runtime} loads (it has: {', '.join(sorted(model.files)) or 'none'})"


def _refusal(
    device: Device,
    file: ModelFile | None,
    threads: int,
    batch: int,
    scenario: str,
    params: dict[str, Any],
    document: CampaignDocument,
) -> str:
    """Why a cell cannot be measured; empty when it can."""
    cpus = device.inventory.cpu_count
    if threads > cpus:
        return f"{threads} threads, but {device.name} offers {cpus}"
    refused = scenarios.refusal(scenario, params, batch=batch, threads=threads, cpu_count=cpus)
    if refused:
        return refused
    most = scenarios.batch_max(scenario, params, batch)
    if file is not None and not _takes(file, most):
        return f"the model has a fixed batch; export it with a free batch axis to use {most}"
    least_s = scenarios.span_s(scenario, params, document.measure.profile)
    if least_s is not None and _timeout_given(document) and least_s > document.measure.timeout:
        return (
            f"{scenario} takes at least {least_s:.0f} s, measure.timeout is {document.measure.timeout:.0f} s; raise it"
        )
    return ""


def _unfit(
    document: CampaignDocument,
    device: Device,
    file: ModelFile | None,
    runtime: str,
    options: Mapping[str, Any],
    batch: int,
    providers: Sequence[str],
) -> str:
    """What the device's inventory and the facts of the file have against it; empty when nothing."""
    facts = device.inventory.runtime(runtime)
    assert facts is not None
    assert file is not None
    shapes = {name: parse_shape(text) for name, text in document.shapes.items()}
    return (
        fitting.untaken(options, providers, facts)
        or fitting.unplaced(options, facts, device.name)
        or fitting.unfed(file.facts, batch, shapes)
    )


def _timeout_given(document: CampaignDocument) -> bool:
    return "timeout" in document.measure.model_fields_set


def _in_time(document: CampaignDocument, spec: RunSpec) -> RunSpec:
    """The spec with a timeout that its scenario can keep, where the document gives none."""
    if _timeout_given(document):
        return spec
    return replace(spec, timeout_s=max(spec.timeout_s, SLACK * _estimate(spec, len(spec.lanes))))


def _takes(file: ModelFile, batch: int) -> bool:
    """TFLite files are resized by the runtime; a fixed batch of any other format cannot be."""
    return batch == 1 or file.format == "tflite" or file.facts.get("dynamic_batch") is not False


def _ref(model: Model, file: ModelFile) -> ModelRef:
    return ModelRef(
        name=model.name,
        format=file.format,
        precision=model.precision,
        artifact=file.artifact,
        counts=counts_of(file.facts),
    )


def _parent(models: Mapping[str, Model], model: Model, dataset: Dataset | None) -> Model | None:
    """What a model was made from, which stands in for a baseline where there are samples to lose accuracy on."""
    return models.get(model.parent) if dataset is not None and model.parent is not None else None


def _baseline(baseline: Model | None, model: Model, file: ModelFile, batch: int) -> ModelRef | None:
    """The baseline in the same format; none for the baseline itself, nor where its file cannot take the batch."""
    if baseline is None or baseline.name == model.name or file.format not in baseline.files:
        return None
    if not _takes(baseline.files[file.format], batch):
        return None
    return _ref(baseline, baseline.files[file.format])


def _estimated(cells: Sequence[Cell]) -> list[Cell]:
    """The cells with what each adds to its block: a lane that an earlier one has brought is free."""
    blocks: dict[tuple[str, ...], tuple[int, frozenset[str]]] = {}
    found = []
    for cell in cells:
        if cell.spec is None:
            found.append(cell)
            continue
        key = (cell.device, *cell.spec.pace)
        members, lanes = blocks.get(key, (0, frozenset()))
        if members >= BLOCK_MAX or scenarios.is_alone(cell.scenario):
            members, lanes = 0, frozenset()
        more = frozenset(cell.spec.lanes) - lanes
        blocks[key] = (members + 1, lanes | more)
        found.append(replace(cell, estimated_s=_estimate(cell.spec, len(more))))
    return found


def _estimate(spec: RunSpec, lanes: int) -> float:
    fixed_s = OVERHEAD_S + (OPERATORS_S if spec.operators else 0.0)
    told_s = scenarios.span_s(spec.scenario, spec.scenario_params, spec.profile)
    if told_s is None:
        streams = scenarios.stream_count(spec.scenario, spec.scenario_params)
        return fixed_s + LANE_S[spec.profile] * lanes + LAUNCH_S * (streams > 1)
    launches = int(scenarios.pace(spec.scenario, spec.scenario_params, spec.profile)["launches"])
    return fixed_s + (told_s + LAUNCH_S * launches) * lanes
