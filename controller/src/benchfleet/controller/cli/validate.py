"""Push a model, measure it and gate it in one step, for CI.

benchfleet validate model.onnx --policy policy.yaml --on "board=raspberry-pi-5" --junit gate.xml
benchfleet validate digits:int8 --policy policy.yaml --on lab=berlin --dataset digits-test --baseline digits:fp32
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.costs.document import Prices


@click.command(name="validate")
@click.argument("model", metavar="MODEL")
@click.option("--policy", "policy_file", required=True, type=click.Path(path_type=Path), help="The policy document.")
@click.option("--on", "selector", required=True, metavar="SELECTOR", help="Which devices, as in a campaign.")
@click.option("--dataset", metavar="NAME|FILE", help="Labelled samples, for accuracies.")
@click.option("--baseline", metavar="NAME:TAG", help="The model to compare with, in the same rounds.")
@click.option("--profile", default="gate", show_default=True, help="quick, standard or gate.")
@click.option("--runtime", help="The runtime to measure with. [default: the one for the file's format]")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of the model.")
@click.option("--batch", type=click.IntRange(1, 65536), default=1, show_default=True, help="Samples in one call.")
@click.option(
    "--shape", "shapes", multiple=True, metavar="INPUT=SIZES", help="Sizes of an input that the file leaves open."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Also write the outcome as JUnit XML for a CI system.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome with every check as JSON.")
@prices_option
@fleet_options
@click.pass_context
def command(
    ctx: click.Context,
    fleet: FleetOptions,
    model: str,
    policy_file: Path,
    selector: str,
    dataset: str | None,
    baseline: str | None,
    profile: str,
    runtime: str | None,
    threads: int,
    batch: int,
    shapes: tuple[str, ...],
    junit: Path | None,
    as_json: bool,
    prices: Prices | None,
) -> None:
    """Push MODEL (a file, or NAME:TAG of one that was pushed), measure it on the devices and check the policy.

    Exits 0 when the policy holds, 1 when it does not, 3 when the measurements cannot tell, 5 when the model did not run
    on a device, 4 when no controller or device answers.
    """
    from benchfleet.controller.cli._decide import decide
    from benchfleet.controller.cli._validation import Request, measured, runs_failed
    from benchfleet.controller.inspection import parse_shapes
    from benchfleet.controller.policies.load import load_policy
    from benchfleet.core.errors import EXIT_RUN_FAILED

    policy = load_policy(policy_file)
    request = Request(
        model=model,
        selector=selector,
        dataset=dataset,
        baseline=baseline,
        profile=profile,
        runtime=runtime,
        threads=threads,
        batch=batch,
        shapes=parse_shapes(shapes),
    )
    with fleet.connect() as session:
        campaign = measured(session, request, say=lambda text: click.echo(text, err=True))
    if prices is not None:
        from benchfleet.controller.costs.apply import priced

        campaign = priced(campaign, prices)
    code = decide(policy, campaign, junit=junit, as_json=as_json)
    failed = runs_failed(campaign)
    for line in failed:
        click.echo(line, err=True)
    ctx.exit(EXIT_RUN_FAILED if failed else code)
