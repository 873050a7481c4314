"""Make credentials for people and programs, on the controller's host.

    benchfleet credentials create ana --role operator -o ana.json
    benchfleet credentials create ci --role operator --days 30 --controller bench.example.org:7443 -o ci.json

Works from the state folder, whether or not the controller runs.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchfleet.controller.cli._tables import print_json
from benchfleet.core.errors import ConflictError, StateError


@click.group(name="credentials")
def command() -> None:
    """Make credentials for people and programs."""


@command.command(name="create")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(["viewer", "operator", "admin"]), help="What they may do.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--days", type=click.IntRange(1, 825), default=90, show_default=True, help="Until they expire.")
@click.option("--state", type=click.Path(path_type=Path), help="State folder. [env: BENCHFLEET_STATE]")
@click.option("--controller", metavar="HOST:PORT", help="Address to put in. [default: that of admin.json]")
@click.option("--json", "as_json", is_flag=True, help="Print what was written, without the key, as JSON.")
def create(
    name: str, role: str, output: Path, days: int, state: Path | None, controller: str | None, as_json: bool
) -> None:
    """Write a credentials file for NAME. Keep it as you keep a password."""
    from datetime import timedelta

    from benchfleet.controller.client.credentials import (
        ADMIN_FILE,
        check_address,
        default_state_dir,
        read_credentials,
        write_credentials,
    )
    from benchfleet.controller.enrollment.admin import user_credentials
    from benchfleet.controller.pki import Authority

    folder = state or default_state_dir()
    if not (folder / "pki" / "ca.key").exists():
        raise StateError(f"state {folder}: no fleet here; run `benchfleet serve` first, or name another by --state")
    if output.exists():
        raise ConflictError(f"{output}: exists already; choose another file")
    address = check_address(controller) if controller else read_credentials(folder / ADMIN_FILE).controller
    credentials = user_credentials(Authority.open(folder), name, role, address, timedelta(days=days))
    write_credentials(output, credentials)
    if as_json:
        print_json({"file": str(output), "name": name, "role": role, "days": days, "controller": address})
    else:
        click.echo(f"{output}: {role} {name}, for {days} days", err=True)
