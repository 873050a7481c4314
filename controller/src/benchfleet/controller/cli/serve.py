"""Run the controller: gRPC for agents and operators, an enrolment port, and /metrics.

    benchfleet serve
    benchfleet serve --state /var/lib/benchfleet --grpc 0.0.0.0:7443 --advertise bench.example.org

Everything it knows is in the state folder. SIGTERM or Ctrl-C stops it cleanly; agents come back by themselves.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.core.errors import DocumentError, StateError

if TYPE_CHECKING:
    from benchfleet.controller.app import Addresses, Settings

HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.:-]*[A-Za-z0-9_])?")
HOST_CHARACTERS_MAX = 253
"""Of a name in the DNS."""


@click.command(name="serve")
@click.option("--state", type=click.Path(path_type=Path), help="State folder. [env: BENCHFLEET_STATE]")
@click.option("--grpc", "grpc_address", default="127.0.0.1:7443", show_default=True, help="For agents and operators.")
@click.option("--enroll", "enroll_address", help="For devices that join. [default: host of --grpc, its port + 1]")
@click.option("--http", "http_address", default="127.0.0.1:7480", show_default=True, help="For /metrics.")
@click.option("--advertise", multiple=True, metavar="NAME", help="Further name for the certificate; repeatable.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="JSON with the real addresses, once it serves.")
def command(
    state: Path | None,
    grpc_address: str,
    enroll_address: str | None,
    http_address: str,
    advertise: tuple[str, ...],
    ready_file: Path | None,
) -> None:
    """Run the controller until SIGTERM or Ctrl-C."""
    import asyncio

    from benchfleet.controller.app import Settings
    from benchfleet.controller.client.credentials import default_state_dir

    for name in advertise:
        if len(name) > HOST_CHARACTERS_MAX or not HOST.fullmatch(name):
            raise DocumentError(f"--advertise {name[:80]!r}: is no host name and no address")
    settings = Settings(
        state=(state or default_state_dir()).absolute(),
        grpc=grpc_address,
        enroll=enroll_address,
        http=http_address,
        advertise=advertise,
    )
    asyncio.run(_serve(settings, ready_file))


async def _serve(settings: Settings, ready_file: Path | None) -> None:
    import asyncio
    import signal

    from benchfleet.controller import server
    from benchfleet.controller.app import Controller

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server.raise_open_files()
    controller = Controller(settings)
    await controller.start()
    try:
        if ready_file is not None:
            _write_ready(ready_file, controller.addresses, settings.state)
        _say(controller.addresses, settings.state)
        await stop.wait()
        click.echo("stopping", err=True)
    finally:
        await controller.stop()
        await asyncio.to_thread(_forget_ready, ready_file)


def _say(addresses: Addresses, state: Path) -> None:
    click.echo(
        f"serving: gRPC {addresses.grpc}, enrolment {addresses.enroll}, http://{addresses.http}/metrics", err=True
    )
    click.echo(f"state and admin credentials: {state}", err=True)
    click.echo("next, to add a device:", err=True)
    click.echo(f"  benchfleet token create --name DEVICE --credentials {state / 'admin.json'}", err=True)
    click.echo(f"  benchfleet-agent join TOKEN --controller {addresses.grpc}    (on the device)", err=True)


def _write_ready(path: Path, addresses: Addresses, state: Path) -> None:
    from dataclasses import asdict

    staged = path.with_name(f".{path.name}.new")
    try:
        staged.write_text(json.dumps({**asdict(addresses), "credentials": str(state / "admin.json")}))
        staged.replace(path)
    except OSError as error:
        raise StateError(f"--ready-file {path}: cannot be written ({error.strerror})") from error


def _forget_ready(path: Path | None) -> None:
    if path is not None:
        with suppress(OSError):
            path.unlink()
