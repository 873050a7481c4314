"""Power modes: what sets how fast a board may be and what it may draw, one file per mechanism, found by its name.

A mechanism is a module with

    ORDER = 10                              # coarse before fine: a power model before the governor that it resets
    DISTURBS = ("cpufreq",)                 # mechanisms whose setting changes with it, and must be put back, too
    WATCHED = True                          # whether a change during a run is somebody's doing; of a clock, heat may be

    def probe(env) -> list[Mode]            # the modes it can set; empty where it is not there
    def current(env) -> Mode                # what is set now; SwitchError when it cannot be told
    def apply(env, mode, folder) -> None    # sets it; SwitchError says why not and what to do

    def speaks(mode) -> bool                # optional: whether it names the power mode of runs that asked for none

The id of a mode is all that `apply` needs to get there: that of `current` may describe a state that has no name among
those of `probe`, such as unlike governors. `apply` does not say whether it worked: whoever calls it reads back, since
some switches fail without a word. `folder` is the agent's own, for what a mechanism must keep to find its way back.
Everything goes through the Env. Third parties add modules under the entry-point group `benchfleet.power_modes`.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from types import ModuleType

from benchfleet.agent.env import Env
from benchfleet.core import plugins
from benchfleet.core.power_modes import OfferedMode

PACKAGE = "benchfleet.agent.power_modes"
GROUP = "benchfleet.power_modes"

SET_TIMEOUT_S = 60.0
"""A power model takes cores off and brings them back, which takes seconds on a busy board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A setting of one mechanism, by its name for people and by what the mechanism calls it."""

    name: str
    id: str


class SwitchError(Exception):
    """Why a mode could not be read or set, in one line that says what to do."""


def mechanisms() -> dict[str, ModuleType]:
    """Every mechanism by name, coarse ones first."""
    found = plugins.load_all(PACKAGE, GROUP)
    return dict(sorted(found.items(), key=lambda item: (item[1].ORDER, item[0])))


def offered(env: Env) -> tuple[OfferedMode, ...]:
    """What can be set on a device, whether or not anybody may."""
    return tuple(
        OfferedMode(mechanism=name, name=mode.name, id=mode.id)
        for name, module in mechanisms().items()
        for mode in module.probe(env)
    )


def write(env: Env, path: str, text: str) -> None:
    """Writes a file of the device; SwitchError says why it could not."""
    try:
        env.files.write(path, text)
    except OSError as error:
        raise SwitchError(f"{path} cannot be set to {text} ({error.strerror}){_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "; it needs root: run the agent as root, or let its group write the file"
    if error.errno == errno.EROFS:
        return "; /sys is mounted read-only, as in a container: give the agent a writable one (--path.sysfs)"
    return ""


def run(env: Env, *argv: str) -> str:
    """What a command that sets something said; SwitchError where it is not there, hangs or fails."""
    try:
        answer = env.commands.run(list(argv), timeout_s=SET_TIMEOUT_S)
    except FileNotFoundError as error:
        raise SwitchError(f"{argv[0]} is not installed here") from error
    except TimeoutError as error:
        raise SwitchError(str(error)) from error
    except OSError as error:
        raise SwitchError(f"{argv[0]} cannot be started ({error.strerror})") from error
    if answer.code != 0:
        lines = [line.strip() for line in answer.stdout.splitlines() if line.strip()]
        raise SwitchError(f"{' '.join(argv)} ended with {answer.code} ({lines[-1] if lines else 'it said nothing'})")
    return answer.stdout
