"""A device that notes what is asked of it: files that are opened or looked for, commands, meters, libraries."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from benchfleet.agent.env import Answer, Env
from benchfleet.agent.env.recorded import CODES, HANDLE
from benchfleet.agent.env.tree import TEXT_BYTES, Tree
from benchfleet.agent.sensors._vcio import PROGRAM, Mailbox

TIMED_OUT = "timeout"
SECRET = ("user=", "password=")
"""Parts of a query, as Tasmota takes them."""


class Watched:
    """`env` is to be looked at in place of the device; then the rest of this says what was asked."""

    def __init__(self, env: Env) -> None:
        self.files = WatchedTree(env.files)
        self.commands: dict[tuple[str, ...], Answer | str] = {}
        self.bodies: dict[str, bytes] = {}
        self.libraries: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[str]] = {}
        self._env = env
        self.env = replace(
            env,
            files=self.files,
            commands=self,
            web=self,
            libraries=_Libraries(self),
            lines=self,
            ioctl=None,
            remembered={},
        )

    def run(self, argv: Sequence[str], timeout_s: float = 2.0) -> Answer:
        """A command; the firmware of a Raspberry Pi is asked without its program where that is not installed."""
        try:
            answer = self._run(argv, timeout_s)
        except TimeoutError:
            self.commands[tuple(argv)] = TIMED_OUT
            raise
        self.commands[tuple(argv)] = answer
        return answer

    def get(self, url: str, timeout_s: float = 1.0) -> bytes:
        """An address; its host is not noted, nor a user and a password."""
        body = self._env.web.get(url, timeout_s)
        parts = urlsplit(url)
        query = "&".join(each for each in parts.query.split("&") if not each.startswith(SECRET))
        self.bodies[parts.path + (f"?{query}" if query else "")] = body
        return body

    def connect(self, host: str, port: int, timeout_s: float) -> _Conversation:
        """A conversation of lines; of each line that is sent the first answer is noted."""
        return _Conversation(self._env.lines.connect(host, port, timeout_s), self.lines)

    def load(self, name: str) -> Any:
        """A library, whose answers are noted."""
        return _Library(self._env.libraries.load(name), self.libraries.setdefault(name, {}))

    def _run(self, argv: Sequence[str], timeout_s: float) -> Answer:
        try:
            return self._env.commands.run(argv, timeout_s)
        except FileNotFoundError:
            if argv[0] != PROGRAM or self._env.ioctl is None:
                raise
            mailbox = Mailbox(self._env)
            with contextlib.closing(mailbox):
                return Answer(stdout=mailbox.ask(" ".join(argv[1:])))


class _Conversation:
    def __init__(self, held: Any, noted: dict[str, list[str]]) -> None:
        self._held, self._noted = held, noted
        self._answer: list[str] = []

    def send(self, line: str) -> None:
        self._answer = []
        if not self._noted.get(line):
            self._noted[line] = self._answer
        self._held.send(line)

    def receive(self, timeout_s: float) -> str:
        line: str = self._held.receive(timeout_s)
        self._answer.append(line)
        return line

    def close(self) -> None:
        self._held.close()


class _Libraries:
    def __init__(self, watched: Watched) -> None:
        self.load = watched.load


class WatchedTree(Tree):
    """`touched`: what was opened, was found, or was followed, in that order."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree.root, tree._mounts, tree._errors)
        self.touched: dict[str, None] = {}

    def open(self, path: str) -> int:
        """Noted where there is such a file, whether or not it can be read."""
        if super().exists(path):
            self.touched[path] = None
        return super().open(path)

    def read(self, path: str, limit: int = TEXT_BYTES) -> bytes:
        """As `open`."""
        return super().read(path, limit)

    def write(self, path: str, text: str) -> None:
        """Refused: a device that is recorded is left as it is."""
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def exists(self, path: str) -> bool:
        """Noted where it is there."""
        there = super().exists(path)
        if there:
            self.touched[path] = None
        return there

    def link(self, path: str) -> str:
        """Noted where it leads anywhere."""
        target = super().link(path)
        if target != path:
            self.touched[path] = None
        return target


class _Library:
    """Passes on what is asked, and notes the answers as `env/recorded.py` reads them."""

    def __init__(self, module: Any, answers: dict[str, Any]) -> None:
        self._module, self._answers = module, answers
        self._devices: dict[int, int] = {}
        self._kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, type) or not callable(found):
            if isinstance(found, int | float | str) and found != name:
                self._answers[name] = found
            return found

        def call(*arguments: Any) -> Any:
            try:
                answer = found(*arguments)
            except Exception as error:
                self._note(name, arguments, type(error).__name__)
                raise
            if HANDLE.fullmatch(name):
                self._handles(name, arguments, answer)
            else:
                self._note(name, arguments, answer)
            return answer

        return call

    def _handles(self, name: str, arguments: Sequence[Any], answer: Any) -> None:
        """One by its number, or all of them; kept, so that the id of none becomes another's."""
        listed = answer if isinstance(answer, list | tuple) else [answer]
        if not arguments:
            self._answers[name] = len(listed)
        self._kept += listed
        for number, handle in enumerate(listed, int(arguments[0]) if arguments else 0):
            self._devices[id(handle)] = number

    def _note(self, name: str, arguments: Sequence[Any], answer: Any) -> None:
        keys = [str(self._devices.get(id(a), a)) for a in arguments if not isinstance(a, list | tuple)]
        fields = arguments[-1] if arguments and isinstance(arguments[-1], list | tuple) else None
        said = _plain(answer) if fields is None else _fields(fields, answer)
        if not keys:
            self._answers[name] = said
            return
        at = self._answers.setdefault(name, {})
        for key in keys[: None if fields is not None else -1]:
            at = at.setdefault(key, {}) if isinstance(at, dict) else {}
        if fields is not None and isinstance(said, dict):
            at.update(said)
        elif isinstance(at, dict):
            at[keys[-1]] = said


def _plain(answer: Any) -> Any:
    if answer is None:
        return "OK"
    if isinstance(answer, bytes):
        return answer.decode(errors="replace").rstrip("\0")
    if isinstance(answer, bool | int | float | str):
        return answer
    if isinstance(answer, dict):
        return {str(key): _plain(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [_plain(each) for each in answer]
    if hasattr(answer, "_fields_"):  # a structure of ctypes
        return {field[0]: _plain(getattr(answer, field[0])) for field in answer._fields_}
    return str(answer)


def _fields(wanted: Sequence[Any], answers: Any) -> Any:
    if not isinstance(answers, list | tuple):
        return answers
    said = {}
    names = {code: name for name, code in CODES.items()}
    for (number, scope), answer in zip(((w, 0) if isinstance(w, int) else w for w in wanted), answers, strict=False):
        value = answer.value
        kinds = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
        good = getattr(value, kinds[answer.valueType]) if not answer.nvmlReturn else None
        error = f"NVMLError_{names.get(answer.nvmlReturn, 'Unknown')}"
        said[f"{number}:{scope}"] = error if good is None else good
    return said
