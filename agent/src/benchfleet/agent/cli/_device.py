"""The options that say which device a command looks at: this machine, files elsewhere, or a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from benchfleet.core.errors import DocumentError

if TYPE_CHECKING:
    from benchfleet.agent.env import Env

F = TypeVar("F", bound=Callable[..., Any])


def device_options(command: F) -> F:
    """--path.rootfs, --path.sysfs, --path.procfs, --replay and --unprivileged; `chosen` makes an Env of them."""
    for option in (
        click.option("--unprivileged", is_flag=True, help="With --replay: as a user who is not root would read it."),
        click.option("--replay", metavar="CAPTURE", help="Read a recorded device: a folder that `capture` wrote."),
        click.option("--path.procfs", "procfs", metavar="DIR", help="Where /proc is, if elsewhere: /host/proc."),
        click.option("--path.sysfs", "sysfs", metavar="DIR", help="Where /sys is, if elsewhere: /host/sys."),
        click.option("--path.rootfs", "rootfs", metavar="DIR", help="Read the files under another root, and no more."),
    ):
        command = option(command)
    return command


def chosen(rootfs: str | None, sysfs: str | None, procfs: str | None, replay: str | None, unprivileged: bool) -> Env:
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
        return capture(Path(replay), privileged=not unprivileged)
    return live(_absolute(rootfs) or Path("/"), _absolute(sysfs), _absolute(procfs))


def _absolute(path: str | None) -> Path | None:
    return None if path is None else Path(path).resolve()
