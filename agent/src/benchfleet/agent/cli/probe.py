"""Show what this device is and which runtimes it can run.

benchfleet-agent probe --json
"""

from __future__ import annotations

import json

import click

from benchfleet.core.errors import one_line


@click.command(name="probe")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(as_json: bool) -> None:
    """Show the facts of this device, its runtimes, and its sensors with their readings."""
    from benchfleet.agent import probe

    found = probe.inventory()
    data = found.to_json()
    if as_json:
        listed = data.pop("runtimes")
        shape = {
            "board": found.board,
            "inventory": data,
            "runtimes": listed,
            "sensors": [],
            "totals": {"power_w": None},
        }
        click.echo(json.dumps(shape, indent=2))
        return
    for name in ("hostname", "board", "os", "kernel", "arch", "cpu_model", "cpu_count", "memory_bytes", "python"):
        click.echo(f"{name:14} {one_line(str(data[name]))}")
    for runtime in found.runtimes:
        shown = f"{runtime.version}  {', '.join(runtime.providers)}" if runtime.available else f"no: {runtime.reason}"
        click.echo(f"{runtime.name:14} {one_line(shown)}")
