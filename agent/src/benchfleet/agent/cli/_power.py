"""The permission to set power modes, which nobody has by default."""

from __future__ import annotations

import click

power_permission = click.option(
    "--allow-power-modes",
    is_flag=True,
    envvar="BENCHFLEET_AGENT_ALLOW_POWER_MODES",
    help="Let runs set power modes, clocks and governors. [env: BENCHFLEET_AGENT_ALLOW_POWER_MODES]",
)
