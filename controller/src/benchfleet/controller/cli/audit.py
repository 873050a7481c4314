"""Show who changed what: tokens, devices, models, campaigns.

benchfleet audit
benchfleet audit --limit 20 --json
"""

from __future__ import annotations

import json

import click

from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="audit")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Entries, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON.")
@fleet_options
def command(fleet: FleetOptions, limit: int, as_json: bool) -> None:
    """Show who changed what, newest first."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.fleet_pb2 import ListAuditEntriesRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    entries: list[dict[str, str]] = []
    with fleet.connect() as session:
        stub, page = FleetServiceStub(session.channel), ""
        while len(entries) < limit:
            request = ListAuditEntriesRequest(page_size=min(1000, limit - len(entries)), page_token=page)
            reply = stub.ListAuditEntries(request, timeout=CALL_TIMEOUT_S)
            entries += [
                {
                    "time": e.create_time.ToDatetime().isoformat(timespec="seconds") + "Z",
                    "actor": e.actor,
                    "action": e.action,
                    "subject": e.subject,
                    "detail": e.detail,
                }
                for e in reply.entries
            ]
            page = reply.next_page_token
            if not page:
                break
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    _show(entries)


def _show(entries: list[dict[str, str]]) -> None:
    from benchfleet.controller.cli._tables import print_table

    columns = ("time", "actor", "action", "subject", "detail")
    print_table(columns, (list(entry.values()) for entry in entries), empty="nothing has been changed yet")
