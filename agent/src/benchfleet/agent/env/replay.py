"""A device as it was recorded: the folder that `benchfleet-agent capture` writes.

    root/...           files, path for path
    cmd/index.json     [{"argv": ["vcgencmd", "get_throttled"], "stdout": "00.txt", "rc": 0}]
    http/index.json    [{"get": "/status", "body": "00.json", "status": 200}]; the address of the host does not matter
    lines/index.json   [{"send": "Hello", "answer": "00.txt"}]: what was answered to a line over TCP
    meters.json        ["ptdaemon://recorded"]: which meters these are; by default, one that is asked by HTTP
    errors.json        {"/sys/...": "EAGAIN"}: what reading a path must raise
    modes.json         {"/sys/...": "0400"}: files that only root may read
    nvml.json          {"nvmlInit": "OK", "nvmlDeviceGetPowerUsage": "NVMLError_NotSupported"}: recorded.py has it all
    amdsmi.json        the same of another library

Readings of a recording are those of its moment: the same each time. A program that prints for ever was recorded with
the options of whoever stopped it: asked for without any, the first recording of the program answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from benchfleet.agent.env import Answer, Env
from benchfleet.agent.env.recorded import Recorded
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.env.web import HttpStatus
from benchfleet.core.errors import DocumentError

RECORDED_METER = "http://recorded"
"""Answers what the capture has of HTTP, whichever address it came from."""
LIBRARY_FILES = {"pynvml": "nvml.json", "amdsmi": "amdsmi.json"}


def capture(folder: Path, *, privileged: bool = True) -> Env:
    """The device of a capture; DocumentError where it is none. Not privileged: what only root may read is refused."""
    if not any((folder / name).exists() for name in ("root", "cmd", "http", "lines", *LIBRARY_FILES.values())):
        raise DocumentError(f"capture {folder}: has neither root, cmd, http, lines nor nvml.json; it is no capture")
    errors = {str(path): str(name) for path, name in _object(folder / "errors.json").items()}
    root_only = root_only_paths(folder)
    if not privileged:
        errors |= dict.fromkeys(root_only, "EACCES")
    return Env(
        files=Tree(folder / "root", errors=errors),
        commands=_Commands(folder / "cmd"),
        web=_Web(folder / "http"),
        libraries=_Libraries(folder),
        lines=_Lines(folder / "lines"),
        recorded=folder.name,
        meters=_meters(folder),
    )


def root_only_paths(folder: Path) -> list[str]:
    """Patterns of the files that only root may read."""
    return [str(path) for path in _object(folder / "modes.json")]


def _meters(folder: Path) -> tuple[str, ...]:
    said = _json(folder / "meters.json")
    if said is None:
        return (RECORDED_METER,) if (folder / "http").exists() else ()
    if not (isinstance(said, list) and all(isinstance(address, str) for address in said)):
        raise DocumentError(f"capture {folder / 'meters.json'}: is no list of addresses")
    return tuple(said)


class _Commands:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = {tuple(map(str, e.get("argv", ()))): e for e in _list(folder / "index.json")}

    def run(self, argv: Sequence[str], timeout_s: float = 0.0) -> Answer:
        entry = self._answers.get(tuple(argv)) or (self._of_program(argv[0]) if len(argv) == 1 else None)
        if entry is None:
            raise FileNotFoundError(f"{argv[0]}: not in the capture")
        if entry.get("rc") == "timeout":
            raise TimeoutError(f"{argv[0]} did not end, says the capture")
        text = _inside(self._folder, str(entry.get("stdout", ""))).read_text(errors="replace")
        return Answer(stdout=text, code=int(entry.get("rc", 0)))

    def _of_program(self, program: str) -> dict[str, Any] | None:
        """The first that was recorded of it, with whatever options, by sudo or not."""
        for argv, entry in self._answers.items():
            words = argv[1:] if argv[:1] == ("sudo",) else argv
            if words and words[0].rpartition("/")[2] == program:
                return entry
        return None


class _Web:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers = {unquote(str(e.get("get", ""))): e for e in _list(folder / "index.json")}

    def get(self, url: str, timeout_s: float = 0.0) -> bytes:
        parts = urlsplit(url)
        wanted = unquote(parts.path + (f"?{parts.query}" if parts.query else ""))
        entry = self._answers.get(wanted) or self._answers.get(unquote(url))
        if entry is None:
            raise HttpStatus(url, 404, "not in the capture")
        if int(entry.get("status", 200)) != 200:
            raise HttpStatus(url, int(entry["status"]))
        return _inside(self._folder, str(entry.get("body", ""))).read_bytes()


class _Lines:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def connect(self, host: str, port: int, timeout_s: float) -> _Said:
        if not self._folder.exists():
            raise ConnectionRefusedError("no conversation of lines is in the capture")
        return _Said(self._folder)


class _Said:
    """Answers each line as it was answered; what was not said then has no answer."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._waiting = folder, list[str]()
        self._answers = {str(e.get("send", "")): str(e.get("answer", "")) for e in _list(folder / "index.json")}

    def send(self, line: str) -> None:
        if line in self._answers:
            text = _inside(self._folder, self._answers[line]).read_text(errors="replace")
            self._waiting += text.splitlines()

    def receive(self, timeout_s: float) -> str:
        if not self._waiting:
            raise TimeoutError("no answer is in the capture")
        return self._waiting.pop(0)

    def close(self) -> None:
        self._waiting.clear()


class _Libraries:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, Recorded] = {}

    def load(self, name: str) -> Recorded:
        """The same one each time, as a module is."""
        file = self._folder / LIBRARY_FILES.get(name, f"{name}.json")
        if name not in self._loaded:
            if not file.exists():
                raise ImportError(f"{name}: not in the capture")
            self._loaded[name] = Recorded(_object(file))
        return self._loaded[name]


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DocumentError(f"capture {folder}: {name!r} is outside of it")
    return path


def _object(file: Path) -> dict[str, Any]:
    data = _json(file)
    if data is not None and not isinstance(data, dict):
        raise DocumentError(f"capture {file}: is no JSON object")
    return data or {}


def _list(file: Path) -> list[dict[str, Any]]:
    data = _json(file)
    if data is not None and not (isinstance(data, list) and all(isinstance(e, dict) for e in data)):
        raise DocumentError(f"capture {file}: is no list of objects")
    return data or []


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DocumentError(f"capture {file}: {error}") from error
