"""The end of `gate` and `validate`: evaluate, show, write JUnit, and say the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.cli._output import write_atomically
from benchfleet.controller.policies.document import Policy
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.policies.junit import junit_xml
from benchfleet.controller.policies.plain import decision_json, render_decision


def decide(policy: Policy, campaign: CampaignRecord, *, junit: Path | None, as_json: bool) -> int:
    """The exit code of the gate; JUnit is written before anything is printed, so a closed pipe cannot lose it."""
    decision = evaluate(policy, campaign)
    if junit is not None:
        write_atomically(junit, junit_xml(decision))
    if as_json:
        click.echo(json.dumps(decision_json(decision), indent=2, allow_nan=False))
    else:
        render_decision(decision, Console())
    return decision.exit_code
