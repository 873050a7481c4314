"""Say whether the models of a campaign keep to a policy: pass, fail or no evidence.

benchfleet gate latest --policy policy.yaml
benchfleet gate latest --policy policy.yaml --junit gate.xml --json
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.costs.document import Prices


@click.command(name="gate")
@click.argument("campaign", metavar="ID")
@click.option("--policy", "policy_file", required=True, type=click.Path(path_type=Path), help="The policy document.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write the outcome as JUnit XML for a CI system.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome with every check as JSON.")
@prices_option
@fleet_options
@click.pass_context
def command(
    ctx: click.Context,
    fleet: FleetOptions,
    campaign: str,
    policy_file: Path,
    junit: Path | None,
    as_json: bool,
    prices: Prices | None,
) -> None:
    """Check campaign ID (an id, its beginning, latest, or a JSON export) against a policy.

    Exits 0 when every hard constraint holds, 1 when one does not, 3 when the measurements cannot tell.
    """
    from benchfleet.controller.cli._decide import decide
    from benchfleet.controller.cli._source import campaign_of
    from benchfleet.controller.policies.load import load_policy

    policy = load_policy(policy_file)
    ctx.exit(decide(policy, campaign_of(fleet, campaign, prices), junit=junit, as_json=as_json))
