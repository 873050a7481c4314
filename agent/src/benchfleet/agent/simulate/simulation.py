"""A simulated board that lives: a thread advances it, writes what its sensors show, and tells runners its clock.

    simulation = Simulation(board.load("jetson-orin-nano"), time_factor=60)
    simulation.start()
    sampler = Sampler(simulation.env)
    ...
    simulation.stop()

The folder, on tmpfs where there is one, holds the tree of the board, its clock, and what runners say of their work.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import shutil
import struct
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchfleet.agent import probe
from benchfleet.agent.env import Env
from benchfleet.agent.env.libraries import NoLibraries
from benchfleet.agent.runner import simulated as shared
from benchfleet.agent.simulate.board import FAULTS_OF_READING, FAULTS_OF_RUNNER, Board, Fault
from benchfleet.agent.simulate.device import Device
from benchfleet.agent.simulate.virtual import Files, NoNetwork, SimulatedCommands, SimulatedTree
from benchfleet.core.inventory import Inventory, RuntimeFacts

log = logging.getLogger(__name__)

UPDATE_S = 0.05
"""Twice as often as sensors are read; as long as a fast power monitor averages."""
SESSIONS_MAX = 256
"""Of runners at a time: a block has eight lanes, and a lane as many sessions as streams."""
PAGE_BYTES = 64
"""Of what a session says; it has 40."""
EVERYWHERE = ("reference", "null", "fake")
PREFIX = "benchfleet-simulated-"
TMPFS = Path("/dev/shm")


class Simulation:
    """`env` is the board as drivers see it, `told()` what its runners need to know."""

    def __init__(self, board: Board, time_factor: float = 1.0, seed: int = 0) -> None:
        self.board, self._seed = board, seed
        self.device = Device(board, time_factor)
        within = TMPFS if TMPFS.is_dir() and os.access(TMPFS, os.W_OK) else None
        sweep(within or Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=within))
        self._lock = threading.Lock()
        self._tree = SimulatedTree(self.folder / "root")
        self._commands = SimulatedCommands(board, self.device, self._lock)
        self._files = Files(board, self.folder / "root")
        self._files.write_all(self.device.values())
        (self.folder / shared.BUSY_FOLDER).mkdir()
        self._clock = (self.folder / shared.CLOCK_FILE).open("w+b")
        fcntl.flock(self._clock, fcntl.LOCK_EX)
        self._clock.truncate(mmap.PAGESIZE)
        self._page = mmap.mmap(self._clock.fileno(), mmap.PAGESIZE)
        self._sessions: dict[str, _Session] = {}
        self.begun_ns = self._last_ns = time.monotonic_ns()
        self._first_call_ns: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self.env = Env(
            files=self._tree,
            commands=self._commands,
            web=NoNetwork(),
            libraries=NoLibraries(f"{board.name} is simulated"),
            simulated=board.name,
        )
        self._show(self._active(self._last_ns))

    def start(self) -> None:
        """Lives from now on."""
        self._last_ns = time.monotonic_ns()
        self._thread.start()

    def stop(self) -> None:
        """Ends it and removes its folder."""
        self._over.set()
        self._tree.end()
        self._commands.end()
        if self._thread.ident is not None:
            self._thread.join()
        for session in self._sessions.values():
            session.close()
        self._files.close()
        self._page.close()
        self._clock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def told(self) -> dict[str, Any]:
        """For the runner's spec (runner/simulated.py, Told)."""
        latency = self.board.latency
        return {
            "folder": str(self.folder),
            "board": self.board.name,
            "times": latency.times,
            "jitter": latency.jitter,
            "clock_share": latency.clock_share,
            "full_load_threads": latency.full_load_threads,
            "time_factor": self.device.time_factor,
            "seed": self._seed,
            "faults": [
                {"does": fault.does, "after_calls": fault.after_calls}
                for fault in self.board.faults
                if fault.does in FAULTS_OF_RUNNER
            ],
        }

    def inventory(self, host: Inventory) -> Inventory:
        """The facts of the board, from its files; runtimes and interpreter are this host's, since they do run."""
        found = probe.elsewhere(self.env)
        return replace(
            found,
            hostname=f"simulated-{self.board.name}",
            board=self.board.name,
            cpu_model=f"{found.cpu_model or 'unknown'} (simulated)",
            cpu_count=min(host.cpu_count, found.cpu_count or host.cpu_count),
            python=host.python,
            runtimes=tuple(self._has(runtime) for runtime in host.runtimes),
            labels=host.labels,
            simulated=True,
            facts={
                **found.facts,
                "simulated": f"{self.board.title} on {host.cpu_model}",
                "simulated_time_factor": f"{self.device.time_factor:g}",
            },
        )

    def _has(self, runtime: RuntimeFacts) -> RuntimeFacts:
        """A runtime as the board has it: ours that measure no model are everywhere."""
        if not self.board.runtimes or runtime.name in (*self.board.runtimes, *EVERYWHERE):
            return runtime
        return replace(runtime, available=False, reason=f"the simulated {self.board.name} has none")

    def __enter__(self) -> Simulation:
        """Lives until the end of the block."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def step(self, now_ns: int) -> None:
        """Until `now_ns`: what was computed meanwhile heats the board, and its files show what came of it."""
        span_s, busy_s = (now_ns - self._last_ns) / 1e9, self._busy_s(now_ns)
        self._last_ns = now_ns
        if busy_s > 0 and self._first_call_ns is None:
            self._first_call_ns = now_ns
        active = self._active(now_ns)
        with self._lock:
            self.device.faults(active)
            self.device.advance(span_s, busy_s)
        self._show(active)

    def _show(self, active: tuple[Fault, ...]) -> None:
        with self._lock:
            values, speed = self.device.values(), self.device.speed
        struct.pack_into("=d", self._page, 0, speed)
        reading = [fault for fault in active if fault.does in FAULTS_OF_READING]
        self._commands.befall(reading)
        self._tree.befall(
            frozenset(fault.path for fault in reading if fault.does == "hang"),
            {fault.path: fault.error for fault in reading if fault.does == "refuse"},
        )
        self._files.update(values, reading)

    def _active(self, now_ns: int) -> tuple[Fault, ...]:
        since_s = 0.0 if self._first_call_ns is None else (now_ns - self._first_call_ns) / 1e9
        return tuple(
            fault
            for fault in self.board.faults
            if fault.after_s <= since_s < fault.after_s + fault.for_s
            and (self._first_call_ns is not None or fault.after_s == 0)
        )

    def _busy_s(self, now_ns: int) -> float:
        """Seconds that sessions computed since the last step."""
        folder = self.folder / shared.BUSY_FOLDER
        for name in sorted(os.listdir(folder))[:SESSIONS_MAX]:
            if name.endswith(".bin") and name not in self._sessions:
                self._sessions[name] = _Session(folder / name)
        total_ns = 0.0
        for name, session in list(self._sessions.items()):
            total_ns += session.since_last_ns(now_ns)
            if session.dead():
                session.close()
                del self._sessions[name]
                (folder / name).unlink(missing_ok=True)
        return total_ns / 1e9

    def _run(self) -> None:
        while not self._over.wait(UPDATE_S):
            try:
                self.step(time.monotonic_ns())
            except OSError as error:  # a full tmpfs: the board stands still, the agent does not
                log.warning("simulate event=step_failed error=%s", error)


def sweep(folder: Path) -> None:
    """Removes what simulations that were killed left here: the lock on their clock ended with them."""
    for clock in folder.glob(f"{PREFIX}*/{shared.CLOCK_FILE}"):
        try:
            with clock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(clock.parent, ignore_errors=True)
        except OSError:
            continue  # it lives, or is somebody else's


class _Session:
    """What one runner says of its work."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._seen_ns = 0.0

    def since_last_ns(self, now_ns: int) -> float:
        """Nanoseconds of work since the last time it was asked; what is being written comes the next time."""
        page, again = os.pread(self._handle, PAGE_BYTES, 0), os.pread(self._handle, PAGE_BYTES, 0)
        busy_ns = shared.busy_ns(page, now_ns) if page == again else None
        if busy_ns is None:
            return 0.0
        found, self._seen_ns = max(0.0, busy_ns - self._seen_ns), max(busy_ns, self._seen_ns)
        return found

    def dead(self) -> bool:
        """Whether the process that held the lock is gone."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Lets go of it."""
        os.close(self._handle)
