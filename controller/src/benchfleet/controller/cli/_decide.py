"""The end of `gate` and `validate`: evaluate, show, write JUnit, and say the exit code."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.cli._output import write_atomically
from benchfleet.controller.policies.document import Policy
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.policies.junit import junit_xml
from benchfleet.controller.policies.plain import decision_json, render_decision
from benchfleet.controller.screen import stdout_console


def decide(policy: Policy, campaign: CampaignRecord, *, junit: Path | None, as_json: bool) -> int:
    """The exit code of the gate, which a reader that has gone away does not change."""
    decision = evaluate(policy, campaign)
    if junit is not None:
        write_atomically(junit, junit_xml(decision))
    if as_json:
        text = json.dumps(decision_json(decision), indent=2, allow_nan=False) + "\n"
    else:
        console = stdout_console()
        with console.capture() as captured:
            render_decision(decision, console)
        text = captured.get()
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return decision.exit_code
