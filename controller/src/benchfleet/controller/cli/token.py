"""Make join tokens for devices.

    benchfleet token create --name pi5-lab --label rack=3
    benchfleet token create --name pi5-lab --ttl 60 --json
    benchfleet token create --name pi5-lab --replace

A token is single use, bound to the name, and shown once. Who joins with it is that device from then on; one that had
the name before is sent away, which is what --replace allows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from benchfleet.controller.client import FleetOptions, fleet_options
from benchfleet.core.errors import ConflictError, DocumentError

if TYPE_CHECKING:
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub


@click.group(name="token")
def command() -> None:
    """Make join tokens for devices."""


@command.command(name="create")
@click.option("--name", required=True, help="Name of the device that may join with it.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the device; repeatable.")
@click.option("--ttl", "ttl_s", type=click.IntRange(10, 7 * 86400), default=900, show_default=True, help="Seconds.")
@click.option("--replace", is_flag=True, help="Allow it for a device that has joined and will be replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print the token as JSON.")
@fleet_options
def create(fleet: FleetOptions, name: str, labels: tuple[str, ...], ttl_s: int, replace: bool, as_json: bool) -> None:
    """Make a single-use token and print it with the line to run on the device."""
    pairs = dict(_pair(text) for text in labels)

    from google.protobuf.duration_pb2 import Duration

    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.fleet_pb2 import CreateJoinTokenRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        fleet_service = FleetServiceStub(session.channel)
        if not replace and _has_joined(fleet_service, name):
            raise ConflictError(
                f"{name} has joined already, and a device that joins with a new token replaces it; "
                "add --replace if that is meant, or take another --name"
            )
        request = CreateJoinTokenRequest(device=name, labels=pairs, ttl=Duration(seconds=ttl_s))
        reply = fleet_service.CreateJoinToken(request, timeout=CALL_TIMEOUT_S)
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


def _has_joined(fleet: FleetServiceStub, name: str) -> bool:
    """Whether a device of that name is of the fleet now: a revoked one is not."""
    import grpc

    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1 import fleet_pb2

    try:
        found = fleet.GetDevice(fleet_pb2.GetDeviceRequest(device=name), timeout=CALL_TIMEOUT_S).device
    except grpc.RpcError as error:
        if isinstance(error, grpc.Call) and error.code() == grpc.StatusCode.NOT_FOUND:
            return False
        raise
    return bool(found.admission != fleet_pb2.DEVICE_ADMISSION_REVOKED)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise DocumentError(f"label {text!r}: expected KEY=VALUE")
    return key, value
