"""List devices, show one, and say what the scheduler may do with it.

benchfleet devices ls --on "lab=berlin"
benchfleet devices show pi5-lab
benchfleet devices drain pi5-lab --reason "new fan"
"""

from __future__ import annotations

import math
from typing import Any

import click

from benchfleet.controller.cli._tables import print_json, print_table, state_name, utc
from benchfleet.controller.client import FleetOptions, fleet_options

APART = ("runtimes", "labels", "facts", "accelerators", "sensors", "power_modes")
"""Of an inventory: shown in rows of their own, or with their readings."""


@click.group(name="devices")
def command() -> None:
    """List devices, show one, and say what the scheduler may do with it."""


@command.command(name="ls")
@click.option("--on", "selector", default="", metavar="SELECTOR", help="Only those that match, as in a campaign.")
@click.option("--json", "as_json", is_flag=True, help="Print the devices as JSON.")
@fleet_options
def ls(fleet: FleetOptions, selector: str, as_json: bool) -> None:
    """List the devices."""
    from benchfleet.controller.operator.pages import every
    from benchfleet.v1.fleet_pb2 import ListDevicesRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        stub = FleetServiceStub(session.channel)
        devices = [_plain(d) for d in every(stub.ListDevices, ListDevicesRequest, "devices", selector=selector)]
    if as_json:
        print_json(devices)
        return
    rows = (
        (
            d["name"],
            d["state"],
            d["admission"],
            d["inventory"]["board"] + (" (simulated)" if d["inventory"]["simulated"] else ""),
            f"{d['inventory']['arch']} x{d['inventory']['cpu_count']}",
            ", ".join(r["name"] for r in d["inventory"]["runtimes"] if r["available"]),
            ", ".join(f"{k}={v}" for k, v in sorted(d["labels"].items())),
        )
        for d in devices
    )
    columns = ("device", "state", "admission", "board", "cpu", "runtimes", "labels")
    empty = "no device matches the selector" if selector else "no devices: benchfleet token create --name NAME"
    print_table(columns, rows, empty=empty)


@command.command(name="show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the device with its readings as JSON.")
@fleet_options
def show(fleet: FleetOptions, name: str, as_json: bool) -> None:
    """Show device NAME with its runtimes and its newest readings."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.fleet_pb2 import GetDeviceRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        reply = FleetServiceStub(session.channel).GetDevice(GetDeviceRequest(device=name), timeout=CALL_TIMEOUT_S)
    device = _plain(reply.device)
    gauges = [_gauge(gauge) for gauge in reply.gauges]
    if as_json:
        print_json({**device, "gauges": gauges})
        return
    inventory = device["inventory"]
    facts = [(k, v) for k, v in device.items() if k not in ("inventory", "labels")]
    facts += [(k, v) for k, v in inventory.items() if k not in APART]
    facts += [("power modes", ", ".join(m["name"] for m in inventory["power_modes"]))]
    facts += sorted(inventory["facts"].items())
    facts += [(f"label {k}", v) for k, v in sorted(device["labels"].items())]
    facts += [(f"runtime {r['name']}", r["version"] if r["available"] else r["reason"]) for r in inventory["runtimes"]]
    facts += [(f"accelerator {a['bus']}", _accelerator(a)) for a in inventory["accelerators"]]
    print_table(("fact", "value"), facts, empty="")
    if not gauges and inventory["sensors"]:
        print_table(("sensor", "kind", "scope"), (s.values() for s in inventory["sensors"]), empty="")
    readings = ((g["sensor"], g["value"], g["kind"], g["scope"], g["quality"]) for g in gauges)
    print_table(("sensor", "value", "kind", "scope", "quality"), readings, empty="no readings: it is not connected")


@command.command(name="drain")
@click.argument("name")
@click.option("--reason", default="", help="For the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print the device as JSON.")
@fleet_options
def drain(fleet: FleetOptions, name: str, reason: str, as_json: bool) -> None:
    """Let NAME finish what it has and give it nothing new."""
    _admit(fleet, name, "DRAINING", reason, as_json=as_json)


@command.command(name="resume")
@click.argument("name")
@click.option("--reason", default="", help="For the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print the device as JSON.")
@fleet_options
def resume(fleet: FleetOptions, name: str, reason: str, as_json: bool) -> None:
    """Give NAME work again."""
    _admit(fleet, name, "OPEN", reason, as_json=as_json)


@command.command(name="quarantine")
@click.argument("name")
@click.option("--reason", required=True, help="Why; for whoever lifts it.")
@click.option("--json", "as_json", is_flag=True, help="Print the device as JSON.")
@fleet_options
def quarantine(fleet: FleetOptions, name: str, reason: str, as_json: bool) -> None:
    """Keep NAME from work until it is resumed."""
    _admit(fleet, name, "QUARANTINED", reason, as_json=as_json)


@command.command(name="revoke")
@click.argument("name")
@click.option("--reason", required=True, help="For the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print the device as JSON.")
@fleet_options
def revoke(fleet: FleetOptions, name: str, reason: str, as_json: bool) -> None:
    """Deny the certificate of NAME from now on."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.fleet_pb2 import GetDeviceRequest, RevokeDeviceRequest
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        stub = FleetServiceStub(session.channel)
        stub.RevokeDevice(RevokeDeviceRequest(device=name, reason=reason), timeout=CALL_TIMEOUT_S)
        device = stub.GetDevice(GetDeviceRequest(device=name), timeout=CALL_TIMEOUT_S).device
    if as_json:
        print_json(_plain(device))
    else:
        click.echo(f"{name} is revoked", err=True)


def _admit(fleet: FleetOptions, name: str, admission: str, reason: str, *, as_json: bool) -> None:
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1 import fleet_pb2
    from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

    with fleet.connect() as session:
        request = fleet_pb2.SetDeviceAdmissionRequest(
            device=name, admission=f"DEVICE_ADMISSION_{admission}", reason=reason
        )
        reply = FleetServiceStub(session.channel).SetDeviceAdmission(request, timeout=CALL_TIMEOUT_S)
    if as_json:
        print_json(_plain(reply.device))
    else:
        click.echo(f"{name} is {admission.lower()}", err=True)


def _plain(device: Any) -> dict[str, Any]:
    from benchfleet.core.wire import inventory_from_wire
    from benchfleet.v1 import fleet_pb2

    state = state_name(fleet_pb2.DeviceState, device.state, "DEVICE_STATE_")
    return {
        "name": device.name,
        "state": state,
        "online": state in ("idle", "busy"),
        "admission": state_name(fleet_pb2.DeviceAdmission, device.admission, "DEVICE_ADMISSION_"),
        "admission_reason": device.admission_reason or None,
        "run_id": device.attempt.run_id or None,
        "last_seen_utc": utc(device.last_seen_time),
        "labels": dict(device.labels),
        "inventory": inventory_from_wire(device.inventory).to_json(),
    }


def _accelerator(found: dict[str, Any]) -> str:
    known = (f"{name} {found[name]}" for name in ("driver", "library", "firmware") if found[name])
    detail = f" ({found['detail']})" if found["detail"] else ""
    return f"{', '.join([found['name'], found['kind'], found['state'], *known])}{detail}"


def _gauge(gauge: Any) -> dict[str, Any]:
    known = gauge.HasField("value") and math.isfinite(gauge.value)
    value = gauge.value if known else None
    return {
        "sensor": gauge.sensor,
        "kind": gauge.kind,
        "scope": gauge.scope,
        "value": value,
        "quality": gauge.quality,
    }
