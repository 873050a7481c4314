"""Show what a cell measured over past campaigns, and whether the newest is worse than usual.

benchfleet history --model digits:int8 --device pi5
benchfleet history --model digits --metric throughput_per_s
benchfleet history --model digits:int8 --device pi5 --check
benchfleet history --model digits:int8 --device pi5 --confirm --check
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.comparison.past import Past, Track


@click.command(name="history")
@click.option("--model", metavar="NAME[:TAG]", help="A model, or all tags of a name.")
@click.option("--device", metavar="NAME", help="One device.")
@click.option("--metric", default="latency_ms_p50", show_default=True, metavar="METRIC", help="What to follow.")
@click.option("--since", metavar="ID", help="Begin with this campaign: what it measured is the new usual.")
@click.option("--confirm", is_flag=True, help="Measure again what is suspected, wait, and judge with that.")
@click.option("--check", is_flag=True, help="Exit 1 for a confirmed regression, 3 where nothing is certain.")
@click.option("--json", "as_json", is_flag=True, help="Print every point as JSON.")
@fleet_options
@click.pass_context
def command(
    ctx: click.Context,
    fleet: FleetOptions,
    model: str | None,
    device: str | None,
    metric: str,
    since: str | None,
    confirm: bool,
    check: bool,
    as_json: bool,
) -> None:
    """Show each cell's results over campaigns, oldest first, with trend and verdict of the newest.

    A result outside of what its predecessors let expect is suspected; it takes a second campaign that shows the same to
    confirm it. --confirm makes one of each suspect by a replay of its run. With --check: 0 no regression, 1 a confirmed
    one, 3 suspected, a slow host, or too few earlier campaigns.
    """
    from benchfleet.controller.cli._tables import print_json
    from benchfleet.controller.comparison.history_plain import history_json
    from benchfleet.controller.comparison.past import tracks
    from benchfleet.controller.operator.history import fetch
    from benchfleet.controller.policies.metrics import resolve
    from benchfleet.core.errors import EXIT_NO_EVIDENCE, DocumentError

    if not model and not device:
        raise DocumentError("history: name a --model, a --device, or both")
    followed = resolve(metric)
    if followed.better is None:
        raise DocumentError(f"--metric: {followed.name} is neither better low nor high; name another metric")
    with fleet.connect() as session:

        def look() -> tuple[Track, ...]:
            past = fetch(session, [followed.name], model=model or "", device=device or "")
            return tracks(_since(past, since), followed.name)

        found = look()
        if confirm:
            from benchfleet.controller.cli._confirm import measure_again

            found = look() if measure_again(session, found) else found
    if as_json:
        print_json(history_json(found, followed.name))
    else:
        _print(found)
    if not found:
        click.echo(f"no past results of {model or 'any model'} on {device or 'any device'}", err=True)
    if check:
        ctx.exit(exit_code(found) if found else EXIT_NO_EVIDENCE)


def exit_code(found: Sequence[Track]) -> int:
    """1 when any regression is confirmed, else 3 when any cell leaves a doubt, else 0."""
    from benchfleet.core.errors import EXIT_GATE_FAILED, EXIT_NO_EVIDENCE, EXIT_OK

    verdicts = {track.verdict for track in found}
    if "confirmed" in verdicts:
        return EXIT_GATE_FAILED
    return EXIT_OK if verdicts == {"none"} else EXIT_NO_EVIDENCE


def _since(past: Sequence[Past], campaign: str | None) -> list[Past]:
    from benchfleet.core.errors import NotFoundError

    if campaign is None:
        return list(past)
    starts = [p.received_utc_s for p in past if p.run.campaign_id.startswith(campaign)]
    if not campaign or not starts:
        raise NotFoundError(f"--since {campaign[:64]!r}: no past result here is of such a campaign")
    return [p for p in past if p.received_utc_s >= min(starts)]


def _print(found: Sequence[Track]) -> None:
    from benchfleet.controller.cli._tables import print_table
    from benchfleet.controller.comparison.history_plain import change, spark
    from benchfleet.controller.comparison.numbers import significant
    from benchfleet.core.errors import one_line

    def row(track: Track) -> tuple[object, ...]:
        values = [p.value.value for p in track.used if p.value.value is not None]
        judged = track.used[-1].judged if track.used else None
        usual = judged.usual if judged is not None else None
        off, slope = change(track), track.trend
        return (
            track.device,
            track.cell_key,
            f"{len(track.used)} of {len(track.points)}",
            spark(values),
            f"{significant(values[-1])} {track.unit}" if values else "",
            significant(usual) if usual is not None else "",
            f"{off:+.1%}" if off is not None else "",
            f"{slope.per_campaign:+.1%}" if slope is not None and slope.clear else "steady" if slope else "",
            track.verdict.replace("_", " "),
        )

    columns = ("device", "cell", "used", "history", "newest", "usual", "change", "a campaign", "regression")
    if found:
        print_table(columns, map(row, found), empty="")
    for track in found:
        if track.why:
            click.echo(one_line(f"{track.device} {track.cell_key}: {track.verdict.replace('_', ' ')}: {track.why}"))
        if track.confirm:
            click.echo(f"  to confirm or clear it: benchfleet replay {track.confirm} --wait")
