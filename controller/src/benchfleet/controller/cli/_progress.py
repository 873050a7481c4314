"""A campaign while it runs: a board on a terminal, one line a change elsewhere; then its table and exit code."""

from __future__ import annotations

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.cli._live import Board, state_of, why
from benchfleet.controller.cli._records import fetch
from benchfleet.controller.client.connection import Session
from benchfleet.controller.operator.follow import follow
from benchfleet.core.errors import EXIT_NO_EVIDENCE, EXIT_OK, EXIT_RUN_FAILED, EXIT_UNREACHABLE, one_line

EXIT_INTERRUPTED = 130


def wait(session: Session, campaign_id: str, *, live: bool, as_json: bool = False) -> int:
    """Follows to the end, prints the comparison, and says the exit code. Ctrl-C leaves the campaign running."""
    if not _followed(session, campaign_id, live=live):
        return EXIT_INTERRUPTED
    record = fetch(session, campaign_id)
    show(record, as_json=as_json)
    _say_left(record)
    return exit_code(record)


def follow_to_end(session: Session, campaign_id: str) -> int | None:
    """Follows to the end and says nothing of the numbers; the exit code when there are none to speak of."""
    if not _followed(session, campaign_id, live=False):
        return EXIT_INTERRUPTED
    record = fetch(session, campaign_id)
    _say_left(record)
    code = exit_code(record)
    return code if code in (EXIT_RUN_FAILED, EXIT_UNREACHABLE) else None


def _followed(session: Session, campaign_id: str, *, live: bool) -> bool:
    """False when the user interrupted."""
    console = Console(stderr=True)
    try:
        if live and console.is_terminal and not console.is_dumb_terminal:
            _live(session, campaign_id, console)
        else:
            _plain(session, campaign_id)
    except KeyboardInterrupt:
        _talk(f"campaign {campaign_id} goes on: benchfleet watch {campaign_id}, or benchfleet cancel {campaign_id}")
        return False
    return True


def _say_left(record: CampaignRecord) -> None:
    left = [run for run in record.runs if run.state == "unschedulable"]
    if left:
        from benchfleet.controller.comparison.compare import why_of

        devices = ", ".join(sorted({run.device for run in left}))
        _talk(
            f"{len(left)} of {len(record.runs)} runs cannot be scheduled on {devices} ({why_of(left[0])}); "
            f"they go on when it is back, or end with: benchfleet cancel {record.id}"
        )


def show(record: CampaignRecord, *, as_json: bool) -> None:
    """The comparison with the declared baseline."""
    from benchfleet.controller.comparison.compare import compare
    from benchfleet.controller.comparison.plain import comparison_json
    from benchfleet.controller.comparison.table import render
    from benchfleet.controller.screen import stdout_console

    comparison = compare(record, None)
    if as_json:
        import json

        click.echo(json.dumps(comparison_json(comparison, frozenset()), indent=2, allow_nan=False))
    else:
        render(comparison, stdout_console(), frozenset())


def exit_code(record: CampaignRecord) -> int:
    """5 when a run did not succeed, 4 when its device is gone, 3 when a result is invalid or missing, 0 otherwise."""
    if any(run.state not in ("succeeded", "unschedulable") for run in record.runs):
        return EXIT_RUN_FAILED
    if any(run.state == "unschedulable" for run in record.runs):
        return EXIT_UNREACHABLE
    if not record.runs or any(run.result is None or run.result.verdict == "invalid" for run in record.runs):
        return EXIT_NO_EVIDENCE
    return EXIT_OK


def _talk(text: str) -> None:
    click.echo(one_line(text), err=True)


def _plain(session: Session, campaign_id: str) -> None:
    seen: dict[str, str] = {}
    for news in follow(session, campaign_id, say=_talk):
        for run in news.runs:
            state = state_of(run)
            if seen.get(run.id) != state and (run.id in seen or state != "queued"):
                _talk(f"{run.cell.device}  {run.cell.cell_key}  {state}  {why(run)}".rstrip())
            seen[run.id] = state


def _live(session: Session, campaign_id: str, console: Console) -> None:
    board = Board()
    with Live(board, console=console, refresh_per_second=4, transient=True) as display:

        def say(text: str) -> None:
            display.console.print(Text(one_line(text)))  # above the board; written past it, it would break it

        for news in follow(session, campaign_id, say=say):
            board.update(news)
