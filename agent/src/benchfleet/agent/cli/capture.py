"""Write a recording of this device that others can replay, without what tells whose it is.

benchfleet-agent capture my-board && tar czf my-board.tgz my-board
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchfleet.agent.cli._device import chosen, device_options
from benchfleet.core.errors import DocumentError


@click.command(name="capture")
@click.argument("folder", metavar="DIR")
@device_options
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(folder: str, as_json: bool, **where: Any) -> None:
    """Write a recording of a device to DIR, which `probe --replay DIR` reads.

    It holds what the drivers read and a list of files of /sys and /proc; serial numbers, UUIDs, MAC and IP addresses,
    and the host's name are left out. Nothing is written but DIR. Some files are for root alone: run it as root for
    those, too.
    """
    from benchfleet.agent import probe
    from benchfleet.agent.capture.recording import record
    from benchfleet.core.clock import SystemClock

    at = Path(folder)
    _empty(at)
    env = chosen(**where)
    try:
        found = record(env, at, made=SystemClock().utc(), by=f"benchfleet-agent capture {probe.version()}")
    except OSError as error:
        raise DocumentError(f"capture {at}: cannot be written ({error.strerror})") from error
    if as_json:
        click.echo(json.dumps({"folder": str(at), **asdict(found)}, indent=2))
        return
    click.echo(f"{at}: {found.board}; {found.sensors} sensors, {found.files} files, {found.commands} commands")
    if found.unreadable:
        root = "" if os.geteuid() == 0 else "; root may read more"
        click.echo(f"{found.unreadable} files could not be read, which is recorded (errors.json){root}")
    for why, count in sorted(found.left_out.items()):
        click.echo(f"left out: {count} x {why}")
    click.echo(f"look through it before you send it; it is read by: benchfleet-agent probe --replay {at}", err=True)


def _empty(at: Path) -> None:
    if at.is_symlink() or (at.exists() and not at.is_dir()):
        raise DocumentError(f"capture {at}: is there and no folder; name a new one")
    if at.is_dir() and any(at.iterdir()):
        raise DocumentError(f"capture {at}: is not empty; name a new folder, or empty it")
