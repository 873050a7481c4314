"""Measure one model on this machine, without any controller.

    benchfleet-agent bench digits-int8.onnx --data digits-test.npz --baseline digits-fp32.onnx --json
    benchfleet-agent bench digits-int8.onnx --simulate raspberry-pi-5 --time-factor 60

Exit codes: 0 measured (valid or degraded), 2 usage or a file that its runtime does not take, 3 invalid measurement,
5 the model or its runtime failed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.agent.cli._device import checked_meters, meter_option
from benchfleet.agent.cli._power import power_permission
from benchfleet.agent.cli._simulated import simulation, simulation_options
from benchfleet.core.errors import EXIT_NO_EVIDENCE, EXIT_RUN_FAILED, EXIT_USAGE, DocumentError, one_line

if TYPE_CHECKING:
    from benchfleet.agent.power_switch import Switch
    from benchfleet.agent.simulate.simulation import Simulation
    from benchfleet.core.results import Result
    from benchfleet.core.runspec import ModelRef, RunSpec


USAGE_REASONS = ("unsupported_option", "dynamic_shape", "dataset_mismatch", "unsupported_model")
"""Failures of the command line or of the files it names, found before anything was measured."""

CHUNK_BYTES = 1024 * 1024
"""Of a file whose digest is taken: a model of gigabytes needs none of them at once."""

REFUSED_ADVICE = "check that the file is whole, with: benchfleet inspect"


@click.command(name="bench")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--runtime", help="Runtime plug-in; by default the one for the model's format.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Intra-op threads.")
@click.option("--batch", type=click.IntRange(1, 65536), default=1, show_default=True, help="Samples in one call.")
@click.option("--scenario", help="How load arrives; by default single_stream, or offline for a batch.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Parameter of the scenario, like fps=30.")
@click.option("--profile", default="quick", show_default=True, help="quick, standard or gate.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled samples (npz).")
@click.option("--baseline", type=click.Path(path_type=Path), help="A model of the same format to compare with.")
@click.option("--shape", "shapes", multiple=True, metavar="NAME=1x3x224x224", help="Size of a dynamic input.")
@click.option("--provider", "providers", multiple=True, help="Required execution provider, in order.")
@click.option("--option", "options", multiple=True, metavar="K=JSON", help="Further option of the runtime.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--timeout", "timeout_s", type=click.IntRange(1, 86_400), default=900, show_default=True, help="Seconds.")
@click.option("--battery-wh", type=click.FloatRange(0, min_open=True), help="Watt hours of this device's battery.")
@click.option("--simulate-power", type=click.Path(path_type=Path), help="File that declares fake power sensors.")
@click.option(
    "--temperature-limit",
    "temperature_limit_c",
    type=click.FloatRange(20, 150),
    metavar="DEGC",
    help="Stop at this chip temperature; by default 3 below what the chip calls critical.",
)
@simulation_options
@meter_option
@click.option("--power-mode", metavar="NAME", help="Set this power mode for the run: 15W, MAXN+jetson_clocks.")
@power_permission
@click.option("--profile-operators", "operators", is_flag=True, help="Time by operator, in a pass after the rounds.")
@click.option("--series", type=click.Path(path_type=Path), help="Keep the raw series in this file (zip).")
@click.option("--loadgen", type=click.Path(path_type=Path), help="Let MLCommons LoadGen drive; its logs go here.")
@click.option("--loadgen-seconds", type=click.IntRange(1, 86_400), default=60, show_default=True, help="At least.")
@click.option("--json", "as_json", is_flag=True, help="Print the result in the result schema.")
def command(
    model: Path,
    runtime: str | None,
    threads: int,
    batch: int,
    scenario: str | None,
    params: tuple[str, ...],
    profile: str,
    data: Path | None,
    baseline: Path | None,
    shapes: tuple[str, ...],
    providers: tuple[str, ...],
    options: tuple[str, ...],
    seed: int,
    timeout_s: int,
    battery_wh: float | None,
    simulate_power: Path | None,
    temperature_limit_c: float | None,
    simulate: str | None,
    time_factor: float,
    meters: tuple[str, ...],
    power_mode: str | None,
    allow_power_modes: bool,
    operators: bool,
    series: Path | None,
    loadgen: Path | None,
    loadgen_seconds: int,
    as_json: bool,
) -> None:
    """Measure MODEL on this machine: latency, throughput, memory, outputs, and how far the numbers can be trusted."""
    from benchfleet.agent.measure.attempt import Files
    from benchfleet.agent.measure.profiles import profile as checked
    from benchfleet.core.formats import FORMATS
    from benchfleet.core.runspec import RunSpec

    checked(profile)
    meters = checked_meters(meters)
    reference = model_ref(model)
    other = model_ref(baseline) if baseline else None
    if other is not None and other.format != reference.format:
        raise DocumentError(
            f"bench: the baseline is {other.format}, the model {reference.format}; give one of its format"
        )
    dataset = _dataset(data) if data else None
    name = scenario or ("single_stream" if batch == 1 else "offline")
    spec = RunSpec(
        model=reference,
        runtime=_runtime(runtime or FORMATS[reference.format].runtime, reference.format),
        threads=threads,
        batch=batch,
        scenario=name,
        scenario_params=_parameters(name, params, batch=batch, threads=threads, compared=other is not None),
        profile=profile,
        seed=seed,
        baseline=other,
        dataset=dataset,
        dataset_name=data.name if data else None,
        runtime_options=_options(providers, options),
        shapes=_shapes(shapes),
        timeout_s=timeout_s,
        operators=operators,
        power_mode=power_mode,
    )
    _check_time(spec)
    _check_writable(series)
    if power_mode is not None and loadgen is not None:
        raise DocumentError("bench: --power-mode is not set for a run that LoadGen drives; give one of the two")
    files = Files(model=model, baseline=baseline, dataset=data)
    if loadgen is not None:
        from benchfleet.agent.cli import _loadgen

        if _loadgen.driven(spec, files, loadgen, loadgen_seconds, as_json=as_json, mistakes=USAGE_REASONS):
            return
        series = series or loadgen / "series.zip"
    board = simulation(simulate, time_factor, meters=meters)
    result = _measure(
        spec, files, series, battery_wh, simulate_power, temperature_limit_c, board, meters, allow_power_modes
    )
    if loadgen is not None and series is not None and series.exists() and result.outcome == "ok":
        _loadgen.keep_log(spec, result, series, loadgen)
    _print(result, as_json)


def model_ref(path: Path) -> ModelRef:
    """A model file by its content; DocumentError when it is none that is known."""
    from benchfleet.core.formats import HEAD_BYTES, format_of, refusal
    from benchfleet.core.runspec import ModelRef

    artifact = _artifact(path)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = format_of(head)
    if kind is None:
        raise DocumentError(f"bench {path}: {refusal(head)}")
    weights = path.with_suffix(".bin")
    if kind == "openvino_ir" and head[:2] != b"PK" and weights.exists():
        artifact = _artifact(path, weights)  # without its weights a model has no size, and one graph may have many
    return ModelRef(name=f"{path.stem.lower()}:file", format=kind, precision=None, artifact=artifact)


def _artifact(*paths: Path):  # type: ignore[no-untyped-def]
    """Digest and size of one file, or of one after the other."""
    import hashlib

    from benchfleet.core.runspec import Artifact

    held, size_bytes = hashlib.sha256(), 0
    for path in paths:
        try:
            if path.exists() and not path.is_dir() and not path.is_file():
                raise DocumentError(f"bench {path}: is no regular file; check the path")
            before_bytes = size_bytes
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    held.update(chunk)
                    size_bytes += len(chunk)
        except OSError as error:
            raise DocumentError(f"bench {path}: cannot be read ({error.strerror}); check the path") from error
        if size_bytes == before_bytes:
            raise DocumentError(f"bench {path}: the file is empty")
    return Artifact(digest=held.hexdigest(), size_bytes=size_bytes)


def _dataset(path: Path):  # type: ignore[no-untyped-def]
    """A data set whose declarations are right; a bare .npz without any is fed as it is."""
    import zipfile

    from benchfleet.core.datasets.validation import checked

    artifact = _artifact(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "dataset.json" in archive.namelist():
                checked(path, samples=False)
    return artifact


def _runtime(name: str, kind: str) -> str:
    from benchfleet.agent import probe
    from benchfleet.core import plugins

    loads = plugins.load(probe.RUNTIMES, probe.GROUP, name).FORMATS
    if kind not in loads:
        raise DocumentError(f"bench: runtime {name} loads {', '.join(loads)}, the model is {kind}; choose another")
    return name


def _parameters(name: str, texts: tuple[str, ...], *, batch: int, threads: int, compared: bool) -> dict[str, object]:
    """The parameters of a scenario from the command line; DocumentError for what it does not take."""
    import os

    from benchfleet.core import scenario

    given: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise DocumentError(f"bench --param {text}: expected NAME=VALUE")
        given[key] = _number(value)
    try:
        (params,) = scenario.expand(name, given)
    except scenario.ParameterError as error:
        raise DocumentError(f"bench: {error}") from error
    cpus = len(os.sched_getaffinity(0))
    refused = scenario.refusal(name, params, batch=batch, threads=threads, cpu_count=cpus)
    if refused:
        raise DocumentError(f"bench: {refused}")
    if compared and scenario.is_alone(name):
        raise DocumentError(f"bench: {name} takes no --baseline: its rounds in between would let the device cool")
    return params


def _power(wanted: str | None, board: Simulation | None, allowed: bool) -> Switch:
    """What sets the power mode; DocumentError where this one cannot be set."""
    from benchfleet.agent.measure.reference import state_file
    from benchfleet.agent.power_switch import FOLDER, Switch

    folder = board.folder if board else state_file().parent
    switch = Switch(board.env if board else None, folder / FOLDER, allowed=allowed)
    if (refused := switch.refusal(wanted)) is not None:
        raise DocumentError(f"bench --power-mode {wanted}: {refused}")
    return switch


def _check_time(spec: RunSpec) -> None:
    """DocumentError when the timeout would end the measurement for certain."""
    from benchfleet.core import scenario

    least_s = scenario.span_s(spec.scenario, spec.scenario_params, spec.profile)
    if least_s is not None and least_s > spec.timeout_s:
        raise DocumentError(
            f"bench: {spec.scenario} takes at least {least_s:.0f} s, --timeout is {spec.timeout_s:.0f}; raise it"
        )


def _check_writable(series: Path | None) -> None:
    """DocumentError before minutes are spent on what cannot be kept."""
    if series is None:
        return
    try:
        there = series.exists()
        with series.open("ab"):
            pass
        if not there:
            series.unlink()
    except OSError as error:
        raise DocumentError(f"bench --series {series}: cannot be written ({error.strerror})") from error


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _options(providers: tuple[str, ...], options: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {"providers": list(providers)} if providers else {}
    for text in options:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise DocumentError(f"bench --option {text}: expected NAME=VALUE")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def _shapes(texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    from benchfleet.core.runspec import parse_shape

    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            found[name] = parse_shape(sizes)
        except ValueError as error:
            raise DocumentError(f"bench --shape {text}: {error}") from error
    return found


def _measure(  # type: ignore[no-untyped-def]
    spec: RunSpec,
    files,
    series: Path | None,
    battery_wh: float | None,
    simulate_power: Path | None,
    temperature_limit_c: float | None,
    board: Simulation | None,
    meters: tuple[str, ...],
    allow_power_modes: bool,
) -> Result:
    import asyncio
    import contextlib
    import shutil

    from benchfleet.agent import probe
    from benchfleet.agent.cli.run import with_battery
    from benchfleet.agent.env import live
    from benchfleet.agent.measure import host
    from benchfleet.agent.measure.attempt import Around, measure
    from benchfleet.agent.measure.reference import Reference, state_file
    from benchfleet.agent.sampler import Sampler
    from benchfleet.core.clock import SystemClock

    found = probe.inventory(labels=with_battery([], battery_wh))
    with board or contextlib.nullcontext(), tempfile.TemporaryDirectory(prefix="benchfleet-bench-") as folder:
        power = _power(spec.power_mode, board, allow_power_modes)
        sampler = Sampler(board.env if board else live(meters=meters), simulate=simulate_power)
        sampler.active(True)
        sampler.start()
        try:
            around = Around(
                workspace=Path(folder),
                inventory=board.inventory(found) if board else found,
                clock=SystemClock(),
                telemetry=sampler,
                simulated=board.told() if board else None,
                temperature_limit_c=temperature_limit_c,
                reference=Reference(file=None if board else state_file(), under=spec.power_mode or ""),
                power=power,
            )
            if host.taken():
                click.echo("another measurement runs on this host: waiting for its end", err=True)
            measured = asyncio.run(measure(spec, files, around))
        finally:
            sampler.stop()
        if series is not None and measured.series is not None:
            try:
                shutil.copyfile(measured.series, series)
            except OSError as error:
                raise DocumentError(f"bench --series {series}: cannot be written ({error.strerror})") from error
    return measured.result


def _print(result: Result, as_json: bool) -> None:
    from benchfleet.core import results

    if as_json:
        click.echo(json.dumps(results.to_json(result), indent=2))
    elif result.failure is not None:
        failure = result.failure
        advice = f"; {REFUSED_ADVICE}" if failure.reason == "unsupported_model" else ""
        click.echo(
            f"FAILED({failure.reason}) in {failure.phase}: {one_line(failure.detail).rstrip('.')}{advice}", err=True
        )
        for line in failure.stderr_tail.splitlines()[-5:]:
            click.echo(f"  {one_line(line)}", err=True)
    else:
        _table(result)
    if result.outcome == "failed":
        mistaken = result.failure is not None and result.failure.reason in USAGE_REASONS
        raise SystemExit(EXIT_USAGE if mistaken else EXIT_RUN_FAILED)
    if result.verdict == "invalid":
        raise SystemExit(EXIT_NO_EVIDENCE)


def _table(result: Result) -> None:
    """What was measured, then what was not and why (once a reason), then the verdict."""
    from benchfleet.core.metric import catalogue
    from benchfleet.core.operators import operator_lines

    units = {name: metric.unit if metric.unit != "1" else "" for name, metric in catalogue().items()}
    absent: dict[str, list[str]] = {}
    for name, value in sorted(result.metrics.items(), key=lambda item: not item[0].startswith("latency")):
        if value.value is None:
            absent.setdefault(one_line(value.reason or ""), []).append(name)
            continue
        number = f"{value.value:.0f}" if units.get(name) == "bytes" else f"{value.value:.6g}"
        interval = "" if value.ci95 is None else f"  [{value.ci95[0]:.4g}, {value.ci95[1]:.4g}]"
        click.echo(f"{name:26} {number} {units.get(name, '')}{interval}".rstrip())
    for reason, names in absent.items():
        click.echo(f"{'not measured':26} {', '.join(names)}: {reason}")
    for line in operator_lines(result.provenance.get("operators")):
        click.echo(line)
    click.echo(f"{'verdict':26} {result.verdict}")
    for flag in result.reasons:
        click.echo(f"  {flag.flag} ({flag.severity}): {one_line(flag.detail)}")
