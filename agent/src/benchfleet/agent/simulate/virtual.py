"""The files and commands of a simulated board, as the drivers of the real one look at them.

The tree is real files in a folder, rewritten in place as often as the board changes: a driver that holds one open reads
the newest text, as of sysfs. A rewritten text is never shorter than the one before (blanks fill it), so that no reader
meets a file cut in half.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from benchfleet.agent.env import Answer, Tree
from benchfleet.agent.simulate.board import Board, Fault
from benchfleet.agent.simulate.device import Device
from benchfleet.agent.simulate.template import filled, names

GARBAGE = "\x01\x02 nonsense"


class SimulatedTree(Tree):
    """A tree whose reads hang or fail where a fault says so."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._ended = threading.Event()
        self._hang: frozenset[str] = frozenset()
        self._refuse: dict[str, str] = {}

    def befall(self, hang: frozenset[str], refuse: dict[str, str]) -> None:
        """Paths that hang and paths that fail, from now on."""
        self._hang, self._refuse = hang, refuse

    def open(self, path: str) -> int:
        """A descriptor; whoever opens what hangs does not come back before the end."""
        if self._hang or self._refuse:
            at = self.link(path)
            if at in self._hang:
                self._ended.wait()
                raise TimeoutError(errno.ETIMEDOUT, "the simulated board has ended", path)
            if at in self._refuse:
                code = getattr(errno, self._refuse[at])
                raise OSError(code, os.strerror(code), path)
        return super().open(path)

    def end(self) -> None:
        """Lets go of everybody who hangs."""
        self._ended.set()


class Files:
    """Writes the board's files; those without a field once."""

    def __init__(self, board: Board, root: Path) -> None:
        self._root, self._board = root, board
        self._lengths: dict[str, int] = {}
        self._handles: dict[str, int] = {}
        self._changing = [path for path, text in board.files.items() if names(text)]
        self._stopped: dict[str, str] = {}

    def write_all(self, values: Mapping[str, str]) -> None:
        """Everything, links included."""
        for path, text in self._board.files.items():
            self._put(path, filled(text, values))
        for path, target in self._board.links.items():
            at = self._at(path)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(target)

    def update(self, values: Mapping[str, str], faults: Sequence[Fault]) -> None:
        """What changes, with what befalls it: `freeze` leaves a file as it is."""
        befallen = {fault.path: fault for fault in faults if fault.path in self._board.files}
        for path, does in list(self._stopped.items()):
            fault = befallen.get(path)
            if fault is None or fault.does != does:
                del self._stopped[path]
                self._put(path, filled(self._board.files[path], values))
        for path, fault in befallen.items():
            if fault.does in ("vanish", "hang", "refuse", "garbage") and path not in self._stopped:
                self._stopped[path] = fault.does
                self._break(path, fault.does)
        for path in self._changing:
            fault = befallen.get(path)
            if fault is None:
                self._put(path, filled(self._board.files[path], values))
            elif fault.does == "lie":
                self._put(path, lied(filled(self._board.files[path], values), fault.times))

    def close(self) -> None:
        """Closes what is open; the folder is its owner's."""
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def _break(self, path: str, does: str) -> None:
        """A file that is cut to nothing is opened anew by whoever holds it, and meets what befell it there."""
        if does == "garbage":
            self._put(path, GARBAGE)
            return
        handle = self._handles.pop(path, None)
        if handle is not None:
            os.ftruncate(handle, 0)
            os.close(handle)
        if does == "vanish":
            self._at(path).unlink(missing_ok=True)

    def _put(self, path: str, text: str) -> None:
        if path not in self._handles:
            at = self._at(path)
            at.parent.mkdir(parents=True, exist_ok=True)
            self._handles[path] = os.open(at, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._lengths[path] = 0
        body = text.rstrip("\n")
        end = text[len(body) :]
        data = (body.ljust(self._lengths[path] - len(end)) + end).encode()
        self._lengths[path] = max(self._lengths[path], len(data))
        os.pwrite(self._handles[path], data, 0)

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")


class SimulatedCommands:
    """Programs of the board: what they print follows its state, and one may set its power mode."""

    def __init__(self, board: Board, device: Device, lock: threading.Lock) -> None:
        self._board, self._device, self._lock = board, device, lock
        self._ended = threading.Event()
        self._faults: dict[str, Fault] = {}
        self._frozen: dict[str, str] = {}

    def befall(self, faults: Sequence[Fault]) -> None:
        """What befalls commands from now on."""
        self._faults = {fault.path: fault for fault in faults}

    def run(self, argv: Sequence[str], timeout_s: float = 2.0) -> Answer:
        """Its output; FileNotFoundError for a program the board does not have."""
        words = " ".join(argv)
        found = next((c for c in self._board.commands if _matches(c.argv, argv, c.sets_mode)), None)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "the simulated board has no such program", argv[0])
        fault = self._faults.get(words)
        if fault is not None:
            self._strike(fault, argv, timeout_s)
        with self._lock:
            if found.sets_mode and not (argv[-1].isdigit() and self._device.set_mode(int(argv[-1]))):
                return Answer(stdout=f"no power mode {argv[-1]}\n", code=1)
            text = filled(found.stdout, self._device.values())
        if fault is not None and fault.does == "freeze":
            text = self._frozen.setdefault(words, text)
        elif fault is not None and fault.does == "garbage":
            text = GARBAGE
        elif fault is not None and fault.does == "lie":
            text = lied(text, fault.times)
        return Answer(stdout=text)

    def _strike(self, fault: Fault, argv: Sequence[str], timeout_s: float) -> None:
        if fault.does == "vanish":
            raise FileNotFoundError(errno.ENOENT, "it has gone", argv[0])
        if fault.does == "hang":
            self._ended.wait(timeout_s)
            raise TimeoutError(f"{argv[0]} did not end within {timeout_s:g} s")
        if fault.does == "refuse":
            code = getattr(errno, fault.error)
            raise OSError(code, os.strerror(code), argv[0])

    def end(self) -> None:
        """Lets go of everybody who hangs."""
        self._ended.set()


class NoNetwork:
    """No meter stands beside a board that is not there."""

    def get(self, url: str, timeout_s: float = 0.0) -> NoReturn:
        """OSError."""
        raise OSError(f"{url}: a simulated board has no network")


def lied(text: str, times: float) -> str:
    """The text with its first number so many times as large."""
    for word in text.replace("=", " ").split():
        digits = word.rstrip("AVmW'C")
        try:
            value = float(digits)
        except ValueError:
            continue
        shown = f"{value * times:.0f}" if digits.lstrip("-").isdigit() else f"{value * times:.6f}"
        return text.replace(digits, shown, 1)
    return text


def _matches(wanted: Sequence[str], argv: Sequence[str], sets_mode: bool) -> bool:
    if sets_mode:
        return len(argv) == len(wanted) + 1 and list(argv[:-1]) == list(wanted)
    return list(argv) == list(wanted)
