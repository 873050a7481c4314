"""Say what keeps this device from being measured, and the command that mends it.

benchfleet-agent doctor
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import click

from benchfleet.agent.cli._device import chosen, device_options
from benchfleet.core.errors import EXIT_NO_EVIDENCE, one_line


@click.command(name="doctor")
@device_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool, **where: Any) -> None:
    """Say what of a device cannot be read or used, and how to mend it. Nothing is changed.

    Exit code 0 when there is no problem (there may be notes), 3 when there is one.
    """
    from benchfleet.agent import checks, probe, totals
    from benchfleet.agent.cli import _table
    from benchfleet.agent.cli.probe import look
    from benchfleet.agent.sampler import Sampler

    env = chosen(**where)
    inventory = probe.inventory() if env.here else probe.elsewhere(env)
    sampler = Sampler(env)
    look(env, sampler)
    readings = sampler.latest()
    seen = checks.Seen(
        env=env,
        inventory=inventory,
        readings=readings,
        total=totals.power(readings),
        absent=sampler.absent,
        may_use=lambda path: os.access(env.files.real(path), os.R_OK | os.W_OK),
    )
    findings = checks.run(seen)
    problems = sum(finding.level == checks.PROBLEM for finding in findings)
    if as_json:
        listed = [{**asdict(finding), "on": list(finding.on)} for finding in findings]
        click.echo(json.dumps({"board": inventory.board, "problems": problems, "findings": listed}, indent=2))
    else:
        for finding in findings:
            for line in _table.finding_lines(finding.level, finding.check, finding.on, finding.why, finding.fix):
                click.echo(line)
        read = sum(reading.value is not None for _, reading in readings)
        click.echo(one_line(f"{read} of {len(readings)} sensors were read; {problems} problems"))
    if problems:
        raise SystemExit(EXIT_NO_EVIDENCE)
