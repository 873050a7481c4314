"""Measure a past run again, to the same spec and digests.

benchfleet replay r-20260102-1a2b3c4d-0003
benchfleet replay r-20260102-1a2b3c4d-0003 --wait
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from benchfleet.controller.cli._tables import print_json
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.catalog import RunRecord
    from benchfleet.controller.client.connection import Session
    from benchfleet.controller.comparison.replayed import Replayed


@click.command(name="replay")
@click.argument("run", metavar="RUN")
@click.option("--wait", "waits", is_flag=True, help="Wait for the end and show old beside new.")
@click.option("--json", "as_json", is_flag=True, help="Print the id, or with --wait both results, as JSON.")
@fleet_options
@click.pass_context
def command(ctx: click.Context, fleet: FleetOptions, run: str, waits: bool, as_json: bool) -> None:
    """Make a campaign of RUN alone (an id or its beginning): same spec, seed and digests, on the same device.

    What changed on the device since is named. Exits 2 when an artifact or the runtime is not there any more, 4 when the
    device is gone. With --wait: 0 when both agree, 1 when they do not, 3 when nobody can tell, 5 when it did not run.
    """
    from benchfleet.controller.operator.submit import replay
    from benchfleet.core.errors import one_line

    with fleet.connect() as session:
        made = replay(session, run)
        click.echo(f"campaign {made.campaign.id} ({made.campaign.name})", err=True)
        for change in made.changes:
            click.echo(one_line(f"changed: {change.field}: then {change.before}, now {change.now}"), err=True)
        if waits:
            ctx.exit(_waited(session, run, made, as_json=as_json))
    if as_json:
        print_json({"id": made.campaign.id, "name": made.campaign.name, "changes": _changes(made)})
    else:
        click.echo(made.campaign.id)


def _changes(made: Any) -> list[dict[str, str]]:
    return [{"field": c.field, "before": c.before, "now": c.now} for c in made.changes]


def _waited(session: Session, run: str, made: Any, *, as_json: bool) -> int:
    """The exit code of the wait, or of the agreement when the replay was measured."""
    from benchfleet.controller.cli._progress import follow_to_end
    from benchfleet.controller.cli._records import fetch
    from benchfleet.controller.comparison.replayed import replayed
    from benchfleet.core.errors import EXIT_GATE_FAILED, EXIT_NO_EVIDENCE, EXIT_OK

    ended = follow_to_end(session, made.campaign.id)
    if ended is not None:
        return ended
    new = fetch(session, made.campaign.id).runs[0]
    old = _old(session, made.campaign.name.removeprefix("replay-"))
    found = replayed(old, new)
    if as_json:
        print_json({"id": made.campaign.id, "run": new.run_id, "changes": _changes(made), **_plain(old, new, found)})
    else:
        _show(old, new, found)
    return {"agree": EXIT_OK, "disagree": EXIT_GATE_FAILED}.get(found.outcome, EXIT_NO_EVIDENCE)


def _old(session: Session, run_id: str) -> RunRecord:
    """The replayed run: its campaign's id is the middle of its own."""
    from benchfleet.controller.cli._records import fetch

    campaign = fetch(session, f"c-{run_id.removeprefix('r-').rpartition('-')[0]}")
    return next(run for run in campaign.runs if run.run_id == run_id)


def _plain(old: RunRecord, new: RunRecord, found: Replayed) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "why": found.why,
        "old_run": old.run_id,
        "metrics": {
            line.metric: {
                "before": line.before.value,
                "now": line.now.value,
                "ratio": line.ratio.value,
                "ci95": line.ratio.ci95,
                "finding": line.ratio.finding,
            }
            for line in found.lines
        },
    }


def _show(old: RunRecord, new: RunRecord, found: Replayed) -> None:
    from benchfleet.controller.cli._tables import print_table
    from benchfleet.controller.comparison import numbers
    from benchfleet.controller.comparison.compare import status_of
    from benchfleet.core.errors import one_line

    rows: list[tuple[str, str, str, str]] = [("verdict", status_of(old), status_of(new), "")]
    for line in found.lines:
        ratio = numbers.ratio(line.ratio, lower="lower", higher="higher", inverse=False)
        rows.append((line.metric, numbers.with_half_width(line.before), numbers.with_half_width(line.now), ratio))
    print_table(("metric", "then", "now", "now / then"), rows, empty="")
    click.echo(one_line(f"{found.outcome}: {found.why}"))
