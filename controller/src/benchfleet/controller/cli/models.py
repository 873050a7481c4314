"""Push models and list them.

benchfleet models push digits-int8.onnx --name digits:int8 --parent digits:fp32
benchfleet models ls
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from benchfleet.controller.cli._tables import print_json, print_table, size_text, utc
from benchfleet.controller.client import FleetOptions, fleet_options
from benchfleet.controller.operator.names import check_model


@click.group(name="models")
def command() -> None:
    """Push models and list them."""


@command.command(name="push")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, metavar="NAME:TAG", help="A second format under one name is added to it.")
@click.option("--parent", metavar="NAME:TAG", help="What it was quantised or pruned from.")
@click.option(
    "--shape", "shapes", multiple=True, metavar="INPUT=SIZES", help="Count it with these sizes of an open input."
)
@click.option("--json", "as_json", is_flag=True, help="Print the model as JSON.")
@fleet_options
def push(
    fleet: FleetOptions, file: Path, name: str, parent: str | None, shapes: tuple[str, ...], as_json: bool
) -> None:
    """Inspect FILE, upload it, and register it as one format of a model."""
    check_model(name)
    if parent is not None:
        check_model(parent)

    from benchfleet.controller.inspection import parse_shapes
    from benchfleet.controller.operator.push import push_model

    sizes = parse_shapes(shapes)
    with fleet.connect() as session:
        model = _plain(push_model(session, file, name, parent, sizes))
    if as_json:
        print_json(model)
    else:
        click.echo(f"{model['name']}: {', '.join(f['format'] for f in model['files'])}, {model['precision']}")


@command.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="Print the models as JSON.")
@fleet_options
def ls(fleet: FleetOptions, as_json: bool) -> None:
    """List the models."""
    from benchfleet.controller.operator.pages import every
    from benchfleet.v1.artifact_pb2 import ListModelsRequest
    from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub

    with fleet.connect() as session:
        stub = ArtifactServiceStub(session.channel)
        models = [_plain(model) for model in every(stub.ListModels, ListModelsRequest, "models")]
    if as_json:
        print_json(models)
        return
    rows = (
        (m["name"], m["precision"], f["format"], size_text(f["size_bytes"]), f["digest"][:12], m["parent"])
        for m in models
        for f in m["files"]
    )
    columns = ("model", "precision", "format", "size", "sha256", "parent")
    print_table(columns, rows, empty="no models yet: benchfleet models push FILE --name NAME:TAG")


def _plain(model: Any) -> dict[str, Any]:
    files = [
        {
            "format": f.format,
            "digest": f.artifact.digest,
            "size_bytes": f.artifact.size_bytes,
            "facts": json.loads(f.facts_json or "{}"),
        }
        for f in model.files
    ]
    return {
        "name": model.name,
        "parent": model.parent or None,
        "precision": model.precision or None,
        "files": files,
        "created_utc": utc(model.create_time),
    }
