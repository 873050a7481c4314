"""Make join tokens for devices.

    benchfleet token create --name pi5-lab --label rack=3
    benchfleet token create --name pi5-lab --ttl 60 --json

A token is single use, bound to the name, and shown once.
"""

from __future__ import annotations

import json

import click

from benchfleet.controller.client import FleetOptions, fleet_options
from benchfleet.core.errors import DocumentError


@click.group(name="token")
def command() -> None:
    """Make join tokens for devices."""


@command.command(name="create")
@click.option("--name", required=True, help="Name of the device that may join with it.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the device; repeatable.")
@click.option("--ttl", "ttl_s", type=click.IntRange(10, 7 * 86400), default=900, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the token as JSON.")
@fleet_options
def create(fleet: FleetOptions, name: str, labels: tuple[str, ...], ttl_s: int, as_json: bool) -> None:
    """Make a single-use token and print it with the line to run on the device."""
    pairs = dict(_pair(text) for text in labels)

    from google.protobuf.duration_pb2 import Duration

    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.fleet_pb2 import CreateJoinTokenRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        request = CreateJoinTokenRequest(device=name, labels=pairs, ttl=Duration(seconds=ttl_s))
        reply = FleetServiceStub(session.channel).CreateJoinToken(request, timeout=CALL_TIMEOUT_S)
        controller = session.controller
    expires = reply.expire_time.ToDatetime().isoformat(timespec="seconds") + "Z"
    if as_json:
        said = {"token": reply.token, "device": name, "expires_utc": expires, "controller": controller}
        click.echo(json.dumps(said, indent=2))
        return
    click.echo(reply.token)
    click.echo(f"On the device, before {expires}:", err=True)
    click.echo(f"  benchfleet-agent join {reply.token} --controller {controller}", err=True)
    click.echo("  benchfleet-agent run", err=True)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise DocumentError(f"label {text!r}: expected KEY=VALUE")
    return key, value
