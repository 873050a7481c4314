"""Join a fleet with a token from `benchfleet token create`.

benchfleet-agent join bf1... --controller 192.168.1.10:7443
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="join")
@click.argument("token")
@click.option("--controller", required=True, metavar="HOST[:PORT]", help="The controller's fleet port.")
@click.option("--enroll", metavar="HOST:PORT", help="The enrolment port, when it is not where the token says.")
@click.option("--state", type=click.Path(path_type=Path), help="State folder. [env: BENCHFLEET_AGENT_STATE]")
def command(token: str, controller: str, enroll: str | None, state: Path | None) -> None:
    """Get this device's identity with TOKEN, which works once."""
    from benchfleet.agent import identity
    from benchfleet.agent.join import join

    made = join(token, controller, state or identity.default_state(), enroll)
    click.echo(f"joined as {made.device}; now: benchfleet-agent run", err=True)
