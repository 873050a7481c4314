"""Show what a model file says about itself: inputs, precision, parameters, MACs.

    benchfleet inspect digits-int8.onnx
    benchfleet inspect digits-int8.onnx --json
    benchfleet inspect detector.onnx --shape input=1x3x224x224

Works without a controller. The file is parsed in a child process with limits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchfleet.controller.inspection.facts import Count, ModelFacts


@click.command(name="inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--shape", "shapes", multiple=True, metavar="INPUT=SIZES", help="Sizes of an input that the file leaves open."
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def command(model: Path, shapes: tuple[str, ...], as_json: bool) -> None:
    """Show what MODEL says about itself: format, inputs, precision, size, parameters, MACs."""
    from benchfleet.controller.client.local_file import regular_file
    from benchfleet.controller.inspection import inspect_model, parse_shapes

    regular_file(model, "model")
    facts = inspect_model(model, parse_shapes(shapes))
    if as_json:
        click.echo(json.dumps(facts.to_json(), indent=2))
    else:
        _show(facts)


def _show(facts: ModelFacts) -> None:
    from rich.markup import escape
    from rich.table import Table

    from benchfleet.controller.screen import stdout_console
    from benchfleet.core.errors import one_line

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def row(name: str, text: str) -> None:
        table.add_row(name, escape(one_line(text)))

    row("file", facts.file)
    row("format", facts.format)
    row("sha256", facts.digest)
    row("size", f"{facts.size_bytes:,} bytes")
    shares = ", ".join(
        f"{name} {share:.1%} of bytes, {facts.precision_shares_by_count.get(name, share):.1%} of values"
        for name, share in facts.precision_shares.items()
    )
    row("precision", f"{facts.precision} ({shares})" if shares else facts.precision)
    row("parameters", _count(facts.parameters))
    row("weights", _count(facts.weight_bytes, " bytes"))
    row("MACs", _count(facts.macs))
    row("FLOPs", _count(facts.flops))
    row("peak activations", _count(facts.peak_activation_bytes, " bytes"))
    row("dynamic axes", ", ".join(facts.dynamic_axes) or "none")
    if facts.dynamic_axes and facts.counted_with:
        counted = (f"{name} = {_sizes(sizes)}" for name, sizes in facts.counted_with.items())
        row("counted with", ", ".join(counted))
    for name, tensors in (("input", facts.inputs), ("output", facts.outputs)):
        for tensor in tensors:
            quantised = f", scale {tensor.scale:g}, zero point {tensor.zero_point}" if tensor.scale is not None else ""
            row(name, f"{tensor.name}: {tensor.dtype} [{_sizes(tensor.shape)}]{quantised}")
    if facts.subgraphs != 1:
        row("subgraphs", str(facts.subgraphs))
    row("operators", ", ".join(f"{name} {count}" for name, count in facts.operators.items()))
    if facts.custom_operators:
        row("custom", ", ".join(facts.custom_operators))
    if facts.external_data:
        row("external data", ", ".join(facts.external_data))
    stdout_console().print(table)


def _sizes(shape: Iterable[int | str | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape)


def _count(count: Count, unit: str = "") -> str:
    return f"unknown: {count.reason}" if count.value is None else f"{count.value:,}{unit}"
