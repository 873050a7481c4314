"""The second measurement of what is suspected: replays of the runs that a history names, waited for.

All are made before the first is waited for, so that devices work side by side. One that cannot be made leaves its cell
suspected and costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from benchfleet.controller.cli._progress import follow_to_end
from benchfleet.controller.client.connection import Session
from benchfleet.controller.comparison.past import Track
from benchfleet.controller.operator.submit import replay
from benchfleet.core.errors import BenchfleetError, one_line

DOUBTS = ("suspected", "host_slow")

AT_ONCE_MAX = 16
"""Of one command: a history of a whole fleet on a bad day must not queue a night of work unasked."""


def measure_again(session: Session, tracks: Sequence[Track]) -> int:
    """How many of the doubts were measured again."""
    doubts = [track for track in tracks if track.verdict in DOUBTS and track.confirm is not None]
    for left in doubts[AT_ONCE_MAX:]:
        _say(f"{left.device} {left.cell_key}: left for the next --confirm, which measures {AT_ONCE_MAX} at once")
    made = [campaign for track in doubts[:AT_ONCE_MAX] if (campaign := _replay(session, track)) is not None]
    return sum(follow_to_end(session, campaign) is None for campaign in made)


def _replay(session: Session, track: Track) -> str | None:
    assert track.confirm is not None
    _say(f"{track.device} {track.cell_key}: {track.verdict.replace('_', ' ')}: {track.why}")
    try:
        made = replay(session, track.confirm)
    except BenchfleetError as error:
        _say(f"  {track.confirm} cannot be measured again: {error}")
        return None
    _say(f"  measured again as campaign {made.campaign.id} ({made.campaign.name})")
    for change in made.changes:
        _say(f"  changed: {change.field}: then {change.before}, now {change.now}")
    return str(made.campaign.id)


def _say(text: str) -> None:
    click.echo(one_line(text) if not text.startswith("  ") else "  " + one_line(text.strip()), err=True)
