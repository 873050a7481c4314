"""The options that say which device a command looks at: this machine, files elsewhere, or a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from benchfleet.core.errors import DocumentError

if TYPE_CHECKING:
    from benchfleet.agent.env import Env

F = TypeVar("F", bound=Callable[..., Any])


def meter_option(command: F) -> F:
    """--meter; `checked_meters` makes addresses of what it gives."""
    return click.option(
        "--meter",
        "meters",
        multiple=True,
        metavar="URL",
        envvar="BENCHFLEET_AGENT_METERS",
        help="Meter beside this device, http://HOST#name=desk or ptdaemon://HOST:PORT; repeatable. "
        "[env: BENCHFLEET_AGENT_METERS]",
    )(command)


def checked_meters(texts: Sequence[str]) -> tuple[str, ...]:
    """Addresses of meters; DocumentError for one that is none."""
    from benchfleet.agent.sensors._meter import checked_addresses

    return checked_addresses(texts) if texts else ()


def device_options(command: F) -> F:
    """Those of paths, --replay, --unprivileged and --meter; `chosen` makes an Env of what they give."""
    command = meter_option(command)
    for option in (
        click.option("--unprivileged", is_flag=True, help="With --replay: as a user who is not root would read it."),
        click.option("--replay", metavar="CAPTURE", help="Read a recorded device: a folder that `capture` wrote."),
        click.option("--path.procfs", "procfs", metavar="DIR", help="Where /proc is, if elsewhere: /host/proc."),
        click.option("--path.sysfs", "sysfs", metavar="DIR", help="Where /sys is, if elsewhere: /host/sys."),
        click.option("--path.rootfs", "rootfs", metavar="DIR", help="Read the files under another root, and no more."),
    ):
        command = option(command)
    return command


def chosen(
    rootfs: str | None,
    sysfs: str | None,
    procfs: str | None,
    replay: str | None,
    unprivileged: bool,
    meters: tuple[str, ...] = (),
) -> Env:
    """The device that the options name; DocumentError for a folder that is none."""
    from benchfleet.agent.env import live
    from benchfleet.agent.env.replay import capture

    paths = {"--path.rootfs": rootfs, "--path.sysfs": sysfs, "--path.procfs": procfs}
    given = [name for name, path in paths.items() if path is not None]
    if replay is not None and given:
        raise click.UsageError(f"--replay reads a recording, {given[0]} files elsewhere: give one of the two")
    if unprivileged and replay is None:
        raise click.UsageError("--unprivileged goes with --replay: a live device is read with the rights you have")
    for name, path in {**paths, "--replay": replay}.items():
        if path is not None and not Path(path).is_dir():
            raise DocumentError(f"{name} {path}: is no folder")
    if replay is not None:
        context = click.get_current_context(silent=True)
        if context is not None and context.get_parameter_source("meters") is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                "--replay reads a recording, --meter a meter beside this machine: give one of the two"
            )
        return capture(Path(replay), privileged=not unprivileged)
    return live(_absolute(rootfs) or Path("/"), _absolute(sysfs), _absolute(procfs), checked_meters(meters))


def _absolute(path: str | None) -> Path | None:
    return None if path is None else Path(path).resolve()
