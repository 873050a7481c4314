"""Run the agent: measure what the controller asks for.

benchfleet-agent run --label rack=3 --max-threads 2
benchfleet-agent run --simulate raspberry-pi-5 --time-factor 60
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import click

from benchfleet.agent.cli._device import chosen, meter_option
from benchfleet.agent.cli._power import power_permission
from benchfleet.agent.cli._simulated import simulation, simulation_options
from benchfleet.core.errors import DocumentError

_SIZE = re.compile(r"(\d+)\s*(MiB|GiB|MB|GB)")
_UNITS = {"MiB": 1024**2, "GiB": 1024**3, "MB": 10**6, "GB": 10**9}


@click.command(name="run")
@click.option("--state", type=click.Path(path_type=Path), help="State folder. [env: BENCHFLEET_AGENT_STATE]")
@click.option("--controller", metavar="HOST:PORT", help="Dial this instead of the address joined with.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of this device; repeatable.")
@click.option("--max-threads", type=click.IntRange(1, 4096), help="Most threads a model may use here.")
@click.option("--cache-limit", default="4 GiB", show_default=True, help="Size of the artifact cache.")
@click.option("--battery-wh", type=click.FloatRange(0, min_open=True), help="Watt hours of this device's battery.")
@click.option("--simulate-power", type=click.Path(path_type=Path), help="File that declares fake power sensors.")
@click.option(
    "--temperature-limit",
    "temperature_limit_c",
    type=click.FloatRange(20, 150),
    metavar="DEGC",
    help="Stop a measurement at this chip temperature; by default 3 below what the chip calls critical.",
)
@simulation_options
@meter_option
@click.option("--path.procfs", "procfs", metavar="DIR", help="Where /proc is, if elsewhere: /host/proc.")
@click.option("--path.sysfs", "sysfs", metavar="DIR", help="Where /sys is, if elsewhere: /host/sys.")
@power_permission
@click.option("--verbose", is_flag=True, help="Say more on stderr.")
def command(
    state: Path | None,
    controller: str | None,
    labels: tuple[str, ...],
    max_threads: int | None,
    cache_limit: str,
    battery_wh: float | None,
    simulate_power: Path | None,
    temperature_limit_c: float | None,
    simulate: str | None,
    time_factor: float,
    meters: tuple[str, ...],
    procfs: str | None,
    sysfs: str | None,
    allow_power_modes: bool,
    verbose: bool,
) -> None:
    """Keep a session with the controller until SIGTERM or Ctrl-C."""
    import asyncio
    import contextlib

    from benchfleet.agent import identity, probe
    from benchfleet.agent.daemon import Daemon, Settings

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    env = chosen(None, sysfs, procfs, None, False, meters)
    folder = state or identity.default_state()
    identity.load(folder)  # says at once when the device has not joined
    board = simulation(simulate, time_factor, meters=meters, sysfs=sysfs, procfs=procfs)
    found = probe.inventory(labels=with_battery(map(_pair, labels), battery_wh), threads_max=max_threads)
    settings = Settings(
        state=folder,
        inventory=board.inventory(found) if board else found,
        controller=controller,
        cache_limit_bytes=_size(cache_limit),
        simulate_power=simulate_power,
        temperature_limit_c=temperature_limit_c,
        simulation=board,
        env=env,
        allow_power_modes=allow_power_modes,
    )

    async def serve() -> None:
        import signal

        daemon = Daemon(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, daemon.stop)
        await daemon.run()

    with board or contextlib.nullcontext():
        asyncio.run(serve())


def with_battery(labels: Iterable[tuple[str, str]], capacity_wh: float | None) -> dict[str, str]:
    """Labels of this device, that of its battery among them; DocumentError for a capacity that is none."""
    from benchfleet.agent.measure.battery import LABEL, battery_wh

    found = dict(labels)
    if capacity_wh is not None:
        found[LABEL] = f"{capacity_wh:g}"
    if LABEL in found and battery_wh(found) is None:
        raise DocumentError(f"label {LABEL}={found[LABEL]!r}: expected the watt hours of the battery, like 50")
    return found


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise DocumentError(f"label {text!r}: expected KEY=VALUE")
    return key, value


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise DocumentError(f"--cache-limit {text!r}: expected a number with a unit, like 4 GiB")
    return int(found[1]) * _UNITS[found[2]]
