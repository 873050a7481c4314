"""Sets the power mode of a run and puts back what was there, whatever happens meanwhile.

    async with switch.during("15W", alone=True) as held:
        ...                                  # the device is in that mode, read back
    held.changed                             # what somebody else changed meanwhile

Nothing is set without permission (`--allow-power-modes`), nor without the turn of the host. What was found is on disk
before the first change (power_journal). It is put back after the run, however that ends; at the next start after a
kill; and after a reboot, over which some boards keep a mode. docs/decisions/0013-power-modes.md says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from benchfleet.agent import env as environments
from benchfleet.agent import power_modes
from benchfleet.agent.env import Env
from benchfleet.agent.power_journal import Change, Journal
from benchfleet.agent.power_modes import Mode, SwitchError
from benchfleet.core.inventory import Inventory
from benchfleet.core.power_modes import OfferedMode, chosen

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDER = "power_modes"
"""In the state of an agent."""
PROBLEM = "power_mode_problem"
"""The fact of an inventory that a power mode could not be put back."""
OFFERED_MAX = 200
"""What a device offers: a CPU with a hundred clocks is none that we know."""
BOOT_ID = "/proc/sys/kernel/random/boot_id"
FORBIDDEN = "this agent may not set power modes; start it with --allow-power-modes"
CPUS_ONLINE = "/sys/devices/system/cpu/online"


@dataclass(slots=True, kw_only=True)
class Held:
    """How a device was set while something was measured: `start` and `end` are what each mechanism said then.

    `left` says what an earlier run changed and could not put back, `problem` the same of this one.
    """

    asked: str | None = None
    requested: tuple[OfferedMode, ...] = ()
    start: dict[str, Mode] = field(default_factory=dict)
    end: dict[str, Mode] | None = None
    named: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    cpus_online: int | None = None
    left: str = ""
    problem: str = ""

    @property
    def changed(self) -> list[str]:
        """What is not as it was at the start, though nobody here changed it."""
        return [
            f"{name} was {self.start[name].name} and is {self.end[name].name}"
            for name in (self.watched if self.end is not None else ())
            if self.end is not None and name in self.start and name in self.end
            if self.start[name].id != self.end[name].id
        ]

    def crowded(self, threads: int) -> str:
        """Why so many threads are too many in this mode: power models take cores off. Empty when they are not."""
        if self.asked is None or self.cpus_online is None or threads <= self.cpus_online:
            return ""
        return f"{threads} threads asked, power mode {self.asked} leaves {self.cpus_online} CPUs on"

    def facts(self) -> dict[str, Any]:
        """What speaks against the numbers, for the flags."""
        found: dict[str, Any] = {"power_mode_changed": self.changed, "power_mode_left": self.left}
        return {name: said for name, said in found.items() if said}

    def provenance(self) -> dict[str, Any]:
        """How the device was set, for a result: names as read back, and what was asked."""
        names = [self.start[name] for name in self.named if name in self.start]
        found: dict[str, Any] = {}
        if names:
            found = {"power_mode": "+".join(m.name for m in names), "power_mode_id": "+".join(m.id for m in names)}
        if "cpufreq" in self.start:
            found["governor"] = self.start["cpufreq"].id
        if self.start:
            found["power"] = {
                "asked": self.asked,
                "requested": {m.mechanism: {"name": m.name, "id": m.id} for m in self.requested},
                "read_back": {name: {"name": m.name, "id": m.id} for name, m in self.start.items()},
                "cpus_online": self.cpus_online,
                "not_restored": self.problem or self.left or None,
            }
        return found


class Switch:
    """The power modes of one device, and the folder where the journal of a change lies."""

    def __init__(self, env: Env | None = None, folder: Path | None = None, *, allowed: bool = False) -> None:
        self._env = env or environments.live()
        self._folder = folder
        self._journal = Journal(folder) if folder is not None else None
        self._mechanisms = power_modes.mechanisms()
        self._there: dict[str, ModuleType] = {}
        self.allowed = allowed and folder is not None
        self.offered: tuple[OfferedMode, ...] = ()
        self.problem = ""
        self.look()

    def look(self) -> None:
        """Finds what can be set here."""
        found: list[OfferedMode] = []
        for name, module in self._mechanisms.items():
            with contextlib.suppress(SwitchError):
                modes = _asking(name, module.probe, self._env)
                found += [OfferedMode(mechanism=name, name=m.name, id=m.id) for m in modes]
                if modes:
                    self._there[name] = module
        self.offered = tuple(found[:OFFERED_MAX])

    def told(self, inventory: Inventory) -> Inventory:
        """An inventory with what can be set here, whether it may be, and what is wrong with it."""
        facts = {name: text for name, text in inventory.facts.items() if name != PROBLEM}
        if self.problem:
            facts[PROBLEM] = self.problem
        return replace(inventory, power_modes=self.offered, power_modes_allowed=self.allowed, facts=facts)

    def refusal(self, wanted: str | None) -> str | None:
        """Why a mode cannot be asked for here; None when it can, or when none is."""
        if wanted is None:
            return None
        try:
            self._chosen(wanted)
        except SwitchError as error:
            return str(error)
        return None

    def put_back(self, *, expected: bool = False) -> str:
        """What a run changed is set as it was; says why where it cannot. The caller holds the turn.

        Not `expected`: an earlier run left it, which is worth a warning.
        """
        if self._journal is None:
            return ""
        change, self.problem = self._journal.read()
        if change is None:
            return self.problem
        rebooted = bool(change.boot_id) and change.boot_id != self._boot_id()
        wrong = self._restore(change.found)
        if wrong:
            self.problem = (
                f"the power mode set for a run ({change.wanted}) could not be put back: {'; '.join(wrong)}; set it by "
                f"hand, then remove {self._journal.path}"
            )
            log.error("power_mode event=not_restored rebooted=%s error=%s", rebooted, self.problem)
            with contextlib.suppress(OSError):
                self._journal.write(replace(change, failed="; ".join(wrong)))
            return self.problem
        shown = "+".join(mode.name for mode in change.found.values())
        level = logging.INFO if expected else logging.WARNING
        log.log(level, "power_mode event=restored from=%s to=%s rebooted=%s", change.wanted, shown, rebooted)
        try:
            self._journal.remove()
        except OSError as error:
            self.problem = f"{self._journal.path} cannot be removed ({error.strerror})"
        return self.problem

    @contextlib.asynccontextmanager
    async def during(self, wanted: str | None, *, alone: bool) -> AsyncIterator[Held]:
        """The device in a mode, or as it is found for None; SwitchError says why it cannot be. Hold the turn."""
        held = Held(asked=wanted)
        try:
            await _to_its_end(lambda: self._enter(held, alone))
            yield held
        finally:
            await _to_its_end(lambda: self._leave(held))

    def _enter(self, held: Held, alone: bool) -> None:
        held.left = self.put_back()
        if held.asked is not None:
            if held.left:
                raise SwitchError(held.left)
            if not alone:
                raise SwitchError("power modes are set by one agent at a time, and this host has no lock for its turn")
            held.requested = self._chosen(held.asked)
            self._set(held.asked, held.requested)
        held.start = self._read(self._there)
        asked = [mode.mechanism for mode in held.requested]
        held.named = tuple(n for n, m in held.start.items() if n in asked or _speaks(self._there[n], m))
        held.watched = tuple(n for n in held.start if n in asked or self._there[n].WATCHED)
        held.cpus_online = _count(self._env.files.text(CPUS_ONLINE, ""))

    def _leave(self, held: Held) -> None:
        if held.start:
            held.end = self._read(held.start)
        if held.requested:
            held.problem = self.put_back(expected=True)

    def _chosen(self, wanted: str) -> tuple[OfferedMode, ...]:
        if not self.allowed:
            raise SwitchError(FORBIDDEN)
        try:
            return chosen(wanted, self.offered)
        except ValueError as error:
            raise SwitchError(str(error)) from error

    def _set(self, wanted: str, modes: Iterable[OfferedMode]) -> None:
        """Coarse before fine, then all read back: a fine one may have been reset by a coarse one."""
        assert self._journal is not None
        modes = sorted(modes, key=lambda mode: list(self._there).index(mode.mechanism))
        found = {name: self._current(name) for name in self._touched(mode.mechanism for mode in modes)}
        if all(found[mode.mechanism].id == mode.id for mode in modes):
            return
        try:
            self._journal.write(Change(wanted=wanted, boot_id=self._boot_id(), found=found))
        except OSError as error:
            raise SwitchError(f"{self._journal.path} cannot be written ({error.strerror}); nothing was set") from error
        for mode in modes:
            if self._current(mode.mechanism).id != mode.id:
                self._apply(mode.mechanism, Mode(name=mode.name, id=mode.id))
        for mode in modes:
            now = self._current(mode.mechanism)
            if now.id != mode.id:
                raise SwitchError(
                    f"{mode.mechanism} was told {mode.name} (id {mode.id}) and reported no error, but is at {now.name} "
                    f"(id {now.id}); some modes need a reboot: set it by hand, reboot, and measure without power_mode"
                )

    def _touched(self, mechanisms: Iterable[str]) -> list[str]:
        """These and what changes with them, coarse ones first."""
        names = set(mechanisms)
        names |= {other for name in names for other in self._there[name].DISTURBS}
        return [name for name in self._there if name in names]

    def _restore(self, found: Mapping[str, Mode]) -> list[str]:
        """What is still wrong in the end.

        Backwards as it was set, so that held clocks are let go before the caps that they were held at change; then
        forwards, because a coarse mode put back resets the finer ones.
        """
        known = [name for name in self._mechanisms if name in found]
        failed: dict[str, str] = {}
        for name in (*reversed(known), *known):
            try:
                if self._current(name).id != found[name].id:
                    self._apply(name, found[name])
                failed.pop(name, None)
            except SwitchError as error:
                failed[name] = str(error)
        return [why for name in found if (why := self._wrong(name, found[name], failed.get(name, "")))]

    def _wrong(self, name: str, mode: Mode, failed: str) -> str:
        try:
            now = self._current(name)
        except SwitchError as error:
            return f"{name} to {mode.name} (id {mode.id}): {error}"
        if now.id == mode.id:
            return ""
        return f"{name} to {mode.name} (id {mode.id}): {failed or f'it stays at {now.name}'}"

    def _current(self, name: str) -> Mode:
        found: Mode = _asking(name, self._module(name).current, self._env)
        return found

    def _apply(self, name: str, mode: Mode) -> None:
        log.info("power_mode event=set mechanism=%s mode=%s id=%s", name, mode.name, mode.id)
        _asking(name, self._module(name).apply, self._env, mode, str(self._folder))

    def _module(self, name: str) -> ModuleType:
        if name not in self._mechanisms:
            raise SwitchError(f"this agent has no mechanism {name}")
        return self._mechanisms[name]

    def _read(self, names: Iterable[str]) -> dict[str, Mode]:
        """What each says; one that cannot tell is left out."""
        found = {}
        for name in names:
            with contextlib.suppress(SwitchError):
                found[name] = self._current(name)
        return found

    def _boot_id(self) -> str:
        return self._env.files.text(BOOT_ID, "")


def problems(folder: Path) -> list[tuple[str, str]]:
    """What a person has to see to, and how; touches nothing."""
    journal = Journal(folder)
    change, why = journal.peek()
    by_hand = "set the device as you want it, then remove"
    found = []
    if why:
        found.append((why, f"{by_hand} it"))
    if journal.lost():
        found.append(
            ("a journal of power modes was damaged: what was set before is not known", f"{by_hand} {journal.aside}")
        )
    if change is not None:
        was = ", ".join(f"{name} {mode.name}" for name, mode in change.found.items())
        state = f"could not be put back ({change.failed})" if change.failed else "is not put back yet"
        found.append(
            (
                f"the power mode set for a run ({change.wanted}) {state}; before it was {was}",
                f"start the agent (or `bench`) again as the same user, or set it by hand and remove {journal.path}",
            )
        )
    return found


def _speaks(module: ModuleType, mode: Mode) -> bool:
    """Whether a mode that nobody asked for is named all the same."""
    return bool(hasattr(module, "speaks") and module.speaks(mode))


def _asking(name: str, work: Callable[..., Any], *args: Any) -> Any:
    """What a mechanism answers; whatever it raises is a SwitchError, since it may be a third party's."""
    try:
        return work(*args)
    except SwitchError:
        raise
    except Exception as error:
        raise SwitchError(f"{name} failed: {type(error).__name__}: {error}") from error


async def _to_its_end(work: Callable[[], T]) -> T:
    """In a thread, and not left before it has ended: a change that was begun is known when this returns."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _count(ranges: str) -> int | None:
    """CPUs of `0-3,6`; None for what is none."""
    try:
        ends = [[int(end) for end in part.split("-")] for part in ranges.split(",")]
        return sum(part[-1] - part[0] + 1 for part in ends)
    except ValueError:
        return None
