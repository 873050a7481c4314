"""Where a device is looked at: its files, commands, network and vendor libraries, live or from a recording.

A driver reaches the device through an Env only. So the same driver reads this machine, a file system mounted elsewhere
(a container that has the host's /sys at /host/sys), and the capture of a board that a user sent.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchfleet.agent.env.commands import Answer, Installed, NoCommands
from benchfleet.agent.env.libraries import Importable, NoLibraries
from benchfleet.agent.env.lines import Tcp
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.env.web import Http

__all__ = ["Answer", "Commands", "Env", "Libraries", "Line", "Lines", "Tree", "Web", "live"]


class Commands(Protocol):
    """Programs of the device."""

    def run(self, argv: Sequence[str], timeout_s: float = ...) -> Answer:
        """Its output; FileNotFoundError where it is not installed, TimeoutError when it did not end."""
        ...


class Web(Protocol):
    """HTTP of devices beside this one, such as meters."""

    def get(self, url: str, timeout_s: float = ...) -> bytes:
        """The body; OSError where none came: TimeoutError when it took too long, HttpStatus for one that is not 200."""
        ...


class Line(Protocol):
    """A conversation with one of them, a line at a time."""

    def send(self, line: str) -> None:
        """OSError where it is gone."""
        ...

    def receive(self, timeout_s: float) -> str:
        """The next line; TimeoutError when none came, OSError where the other side has gone."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Lines(Protocol):
    """Those beside this device that talk in lines over TCP."""

    def connect(self, host: str, port: int, timeout_s: float) -> Line:
        """OSError where nobody listens; TimeoutError when it took too long."""
        ...


class Libraries(Protocol):
    """Vendor libraries."""

    def load(self, name: str) -> Any:
        """The module; ImportError where it is not installed or does not load."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """One device. `recorded` names the capture that stands for it, and is empty for what is live; so does `simulated`
    with a board that is not there, and whatever is read of it says so.

    `meters` are the addresses of meters that stand beside it: http://192.168.1.20, ptdaemon://10.0.0.5:8888. `ioctl`
    asks the device behind an open file, and writes its answer into the buffer; None where no device may be asked: a
    recording, or another root, whose /dev may be that of another machine.
    `remembered` is what drivers found out that stays so while the device is not in reach, by a key of their own.
    """

    files: Tree
    commands: Commands
    web: Web
    libraries: Libraries
    lines: Lines = field(default_factory=Tcp)
    recorded: str = ""
    simulated: str = ""
    meters: tuple[str, ...] = ()
    ioctl: Callable[[int, int, bytearray], int] | None = None
    remembered: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False)

    @property
    def here(self) -> bool:
        """Whether it is the machine this runs on, seen as it is: then its kernel may be asked beside its files."""
        return not self.recorded and self.files.here


def live(
    rootfs: Path = Path("/"), sysfs: Path | None = None, procfs: Path | None = None, meters: tuple[str, ...] = ()
) -> Env:
    """This machine; under another root its files alone, since commands and libraries would tell of this machine."""
    files = Tree(rootfs, {"/sys": sysfs, "/proc": procfs}, writable=rootfs == Path("/"))
    if rootfs == Path("/"):
        return Env(files=files, commands=Installed(), web=Http(), libraries=Importable(), meters=meters, ioctl=_ioctl)
    why = f"files under {rootfs} alone were to be read"
    return Env(files=files, commands=NoCommands(why), web=Http(), libraries=NoLibraries(why), meters=meters)


def _ioctl(handle: int, request: int, buffer: bytearray) -> int:
    answer: int = fcntl.ioctl(handle, request, buffer)
    return answer
