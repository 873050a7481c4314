"""Push data sets and list them.

benchfleet datasets push digits-test.npz --name digits-test
benchfleet datasets ls
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchfleet.controller.cli._tables import print_json, print_table, size_text, utc
from benchfleet.controller.client import FleetOptions, fleet_options
from benchfleet.controller.operator.names import check_name
from benchfleet.core.errors import DocumentError, one_line

if TYPE_CHECKING:
    from benchfleet.core.datasets.validation import Facts


@click.group(name="datasets")
def command() -> None:
    """Push data sets and list them."""


@command.command(name="push")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What campaigns call it.")
@click.option("--json", "as_json", is_flag=True, help="Print the data set as JSON.")
@fleet_options
def push(fleet: FleetOptions, file: Path, name: str, as_json: bool) -> None:
    """Check FILE (an .npz, or a folder of its members: docs/datasets.md), upload it, and register it."""
    check_name(name, "data set")

    from benchfleet.controller.operator.dataset_file import packed
    from benchfleet.controller.operator.push import push_checked

    with packed(file) as ready:
        facts = _looked_through(ready, file)
        with fleet.connect() as session:
            dataset = _plain(push_checked(session, ready, facts, name))
    if as_json:
        print_json(dataset)
    else:
        click.echo(f"{dataset['name']}: {dataset['sample_count']} samples, {dataset['task']}")


def _looked_through(ready: Path, file: Path) -> Facts:
    """What a data set holds, once it is one file; every fault is a line, before any controller is asked for."""
    from benchfleet.controller.operator.dataset_file import read_dataset
    from benchfleet.core.datasets.validation import HOW, DatasetError

    try:
        return read_dataset(ready, file)
    except DatasetError as error:
        if len(error.lines) == 1:
            raise
        for line in error.lines:
            click.echo(one_line(line), err=True)
        raise DocumentError(f"data set {file}: {len(error.lines)} faults; {HOW}") from error


@command.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="Print the data sets as JSON.")
@fleet_options
def ls(fleet: FleetOptions, as_json: bool) -> None:
    """List the data sets."""
    from benchfleet.controller.operator.pages import every
    from benchfleet.v1.artifact_pb2 import ListDatasetsRequest
    from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub

    with fleet.connect() as session:
        stub = ArtifactServiceStub(session.channel)
        datasets = [_plain(d) for d in every(stub.ListDatasets, ListDatasetsRequest, "datasets")]
    if as_json:
        print_json(datasets)
        return
    rows = ((d["name"], d["task"], d["sample_count"], size_text(d["size_bytes"]), d["digest"][:12]) for d in datasets)
    empty = "no data sets yet: benchfleet datasets push FILE --name NAME"
    print_table(("data set", "task", "samples", "size", "sha256"), rows, empty=empty)


def _plain(dataset: Any) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "task": dataset.task,
        "sample_count": dataset.sample_count,
        "digest": dataset.artifact.digest,
        "size_bytes": dataset.artifact.size_bytes,
        "created_utc": utc(dataset.create_time),
    }
