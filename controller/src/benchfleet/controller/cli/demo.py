"""Run a whole fleet on this machine: controller, agents, real models, comparison, gate, report.

    benchfleet demo
    benchfleet demo --keep --output DIR

Four agents join a controller over mutual TLS and measure the shipped models: two of this host, and two that stand for
boards which are not there, whose results say that they are simulated. Exit code 0 says that the demo did its work; what
the gate said of this host is printed and in gate.xml.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchfleet.core.errors import DocumentError


@click.command(name="demo")
@click.option("--alone", is_flag=True, help="No controller and no agents: measure here, then compare, gate, report.")
@click.option("--keep", is_flag=True, help="Leave the fleet up until Ctrl-C, to look around.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for report.html, gate.xml and results.json.",
)
def command(alone: bool, keep: bool, output: Path) -> None:
    """Run a whole fleet on this machine and show what it says: two to three minutes on two cores."""
    if alone:
        from benchfleet.controller.demo import alone as without

        if keep:
            raise DocumentError("demo: --alone starts no fleet that --keep could leave up; give one of the two")
        without.run(output)
        return
    from benchfleet.controller.demo import story

    story.run(output, keep=keep)
