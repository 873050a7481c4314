"""What a simulated board is declared by: one JSON file, of ours (boards/*.json) or of the user (docs/simulated.md).

{"extends": "raspberry-pi-5", "faults": [{"does": "vanish", "path": "/sys/class/thermal/thermal_zone0/temp",
                                          "after_s": 5}]}
"""

from __future__ import annotations

import difflib
import errno
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from benchfleet.agent.simulate.heat import Node
from benchfleet.agent.simulate.template import names
from benchfleet.core.errors import DocumentError

SHIPPED = Path(__file__).parent / "boards"
FILE_BYTES_MAX = 256 * 1024
"""The largest of ours has 12 KB."""
FILES_MAX, FAULTS_MAX, STEPS_MAX = 400, 50, 64
"""Of a board: more are no board but a mistake, and each costs at every update."""

FAULTS_OF_READING = ("vanish", "hang", "freeze", "garbage", "refuse", "lie")
FAULTS_OF_RUNNER = ("crash_runner", "hang_runner", "nan_outputs")
FAULTS_OF_BOARD = ("runaway", "under_voltage")
FAULTS = (*FAULTS_OF_READING, *FAULTS_OF_RUNNER, *FAULTS_OF_BOARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A call takes `times` what it takes on this host, give or take `jitter`; `clock_share` of it goes with the clock.

    `full_load_threads` threads keep the board fully busy: 1 for an accelerator that one call fills.
    """

    times: float
    jitter: float = 0.005
    clock_share: float = 1.0
    full_load_threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Watts: idle + dynamic x utilisation x (clock / highest clock) ^ exponent."""

    idle_w: float
    dynamic_w: float
    exponent: float = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """At `trip_c` of the first node the clock goes one step down, each `every_s`; below less `hysteresis_c` one up."""

    trip_c: float
    hysteresis_c: float = 5.0
    every_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A power mode: the highest clock that it allows."""

    name: str
    id: int
    clock_max_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """A measured supply: its voltage and its shares of idle and dynamic power; currents are shown in steps."""

    name: str
    voltage_v: float
    of_idle: float
    of_dynamic: float
    step_a: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a program of the board answers; one that `sets_mode` takes the mode's id as its last argument."""

    argv: tuple[str, ...]
    stdout: str = ""
    sets_mode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, `after_s` seconds from the first call (0: from the start), or at the runner's `after_calls`.

    vanish, hang, freeze, garbage, refuse (with `error`, as EAGAIN) and lie (`times` the truth) befall the reading of
    `path`: a file, or the words of a command. runaway: resistances to the air become `times` as large.
    """

    does: str
    path: str = ""
    after_s: float = 0.0
    for_s: float = math.inf
    after_calls: int = 0
    times: float = 1.0
    error: str = "EIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One simulated board; `sources` say where its numbers are from, its facts are in its files as on a real one."""

    name: str
    title: str
    sources: tuple[str, ...]
    latency: Latency
    power: Power
    ambient_c: float
    nodes: tuple[Node, ...]
    throttle: Throttle
    clock_steps_hz: tuple[float, ...]
    modes: tuple[Mode, ...] = ()
    rails: tuple[Rail, ...] = ()
    files: Mapping[str, str]
    links: Mapping[str, str]
    commands: tuple[Command, ...] = ()
    faults: tuple[Fault, ...] = ()
    runtimes: tuple[str, ...] = ()
    """That the board has, of those this host has; empty: all."""


def known() -> list[str]:
    """The boards that are shipped."""
    return sorted(path.stem for path in SHIPPED.glob("*.json"))


def load(wanted: str) -> Board:
    """A shipped board by name, or one of a file; DocumentError says what is wrong with it and where."""
    file = Path(wanted) if "/" in wanted or wanted.endswith(".json") else SHIPPED / f"{wanted}.json"
    if file.parent == SHIPPED and not file.exists():
        near = difflib.get_close_matches(wanted, known(), 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise DocumentError(
            f"simulate {wanted}: no such board{hint} It is one of {', '.join(known())}, or a file (./board.json)"
        )
    try:
        return _board(_read(file))
    except ValueError as error:
        raise DocumentError(f"simulate {file}: {error}") from error


def _read(file: Path) -> dict[str, Any]:
    """The object of a file, laid over the board it extends."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise DocumentError(f"simulate {file}: cannot be read ({error.strerror})") from error
    if len(text) > FILE_BYTES_MAX:
        raise ValueError(f"has {len(text)} bytes; at most {FILE_BYTES_MAX} are read")
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("is no JSON object")
    base = data.pop("extends", None)
    if base is None:
        return data
    if base not in known():
        raise ValueError(f"extends {base!r}; it can extend one of {', '.join(known())}")
    under = json.loads((SHIPPED / f"{base}.json").read_bytes())
    return {**under, **{k: {**under[k], **v} if _both(under.get(k), v) else v for k, v in data.items()}}


def _both(a: Any, b: Any) -> bool:
    return isinstance(a, dict) and isinstance(b, dict)


KEYS = (
    "board", "title", "sources", "latency", "power", "heat", "throttle", "clock_steps_hz", "modes", "rails",
    "files", "links", "commands", "faults", "runtimes",
)  # fmt: skip


def _board(data: dict[str, Any]) -> Board:
    _refuse_strange("the file", data, KEYS)
    for key in ("board", "latency", "power", "heat", "throttle", "clock_steps_hz", "files"):
        if key not in data:
            raise ValueError(f"has no {key!r}")
    heat = _object("heat", data["heat"])
    _refuse_strange("heat", heat, ("ambient_c", "nodes"))
    steps = data["clock_steps_hz"]
    if not isinstance(steps, list) or not 0 < len(steps) <= STEPS_MAX or not all(map(_above_zero, steps)):
        raise ValueError(f"clock_steps_hz is a list of 1 to {STEPS_MAX} numbers above 0, the highest first")
    board = Board(
        name=_word(data["board"]),
        title=str(data.get("title", data["board"])),
        sources=tuple(map(str, data.get("sources", ()))),
        latency=_made(Latency, "latency", data["latency"]),
        power=_made(Power, "power", data["power"]),
        ambient_c=float(heat.get("ambient_c", 25.0)),
        nodes=_each(Node, "heat.nodes", heat.get("nodes")),
        throttle=_made(Throttle, "throttle", data["throttle"]),
        clock_steps_hz=tuple(sorted(map(float, steps), reverse=True)),
        modes=_each(Mode, "modes", data.get("modes", [])),
        rails=_each(Rail, "rails", data.get("rails", [])),
        files=_texts("files", data["files"]),
        links=_texts("links", data.get("links", {})),
        commands=_each(Command, "commands", data.get("commands", [])),
        faults=_each(Fault, "faults", data.get("faults", [])),
        runtimes=_words("runtimes", data.get("runtimes", [])),
    )
    _check(board)
    return board


def _check(board: Board) -> None:
    """ValueError for what is well formed and cannot be."""
    if len(board.nodes) not in (1, 2):
        raise ValueError("heat.nodes are one or two, what makes the heat first")
    if not all(n.r_c_per_w > 0 and n.c_j_per_c > 0 for n in board.nodes):
        raise ValueError("r_c_per_w and c_j_per_c of a node are above 0")
    latency = board.latency
    if not (latency.times >= 1 and 0 <= latency.jitter < 0.5 and 0 <= latency.clock_share <= 1):
        raise ValueError("latency: times is at least 1 (this host computes), jitter below 0.5, clock_share up to 1")
    if latency.full_load_threads < 1 or board.throttle.every_s <= 0 or board.throttle.hysteresis_c < 0:
        raise ValueError("full_load_threads is at least 1, throttle.every_s above 0, hysteresis_c not below 0")
    if not all(0 <= n < 1e6 for n in (board.power.idle_w, board.power.dynamic_w, board.power.exponent)):
        raise ValueError("power: watts and exponent are not below 0")
    if any(path in board.links or not path.startswith("/") or ".." in path.split("/") for path in board.files):
        raise ValueError("files: each path begins with / and has no ..")
    if len(board.files) > FILES_MAX or len(board.faults) > FAULTS_MAX:
        raise ValueError(f"has more than {FILES_MAX} files or {FAULTS_MAX} faults")
    for what, text in (*board.files.items(), *((" ".join(c.argv), c.stdout) for c in board.commands)):
        _check_names(what, text, board)
    for fault in board.faults:
        _check_fault(fault, board)


def _check_names(what: str, text: str, board: Board) -> None:
    from benchfleet.agent.simulate.device import Device

    there = Device(board).values()
    for name in names(text):
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            hint = f"; did you mean {{{near[0]}}}?" if near else f"; there are {', '.join(sorted(there))}"
            raise ValueError(f"{what}: {{{name}}} is not known{hint}")


def _check_fault(fault: Fault, board: Board) -> None:
    if fault.does not in FAULTS:
        raise ValueError(f"a fault does one of {', '.join(FAULTS)}, not {fault.does!r}")
    there = {*board.files, *(" ".join(c.argv) for c in board.commands)}
    if fault.does in FAULTS_OF_READING and fault.path not in there:
        near = difflib.get_close_matches(fault.path, there, 1, 0.4)
        raise ValueError(f"fault {fault.does}: no file or command {fault.path!r}" + (f"; {near[0]}?" if near else ""))
    if not hasattr(errno, fault.error):
        raise ValueError(f"fault {fault.does}: {fault.error!r} is no name of an errno, such as EAGAIN")
    if fault.does in FAULTS_OF_RUNNER and fault.after_calls < 1:
        raise ValueError(f"fault {fault.does}: needs after_calls, from 1")
    if fault.after_s < 0 or fault.for_s <= 0 or fault.times <= 0:
        raise ValueError(f"fault {fault.does}: after_s is not below 0, for_s and times are above 0")


T = TypeVar("T")


def _made(kind: type[T], what: str, data: Any) -> T:
    """A declared object as its dataclass; ValueError for a strange key, a missing one, or a value of another type."""
    held = _object(what, data)
    declared = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]
    _refuse_strange(what, held, tuple(declared))
    made = {}
    for name, value in held.items():
        expected = declared[name]
        if expected == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
            made[name] = float(value)
        elif expected == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(v, str) for v in value):
            made[name] = tuple(value)  # type: ignore[assignment]
        elif type(value).__name__ == expected:
            made[name] = value
        else:
            raise ValueError(f"{what}.{name} is {value!r}; expected {expected.replace('tuple[str, ...]', 'words')}")
    try:
        return kind(**made)
    except TypeError as error:
        missing = str(error).partition("argument")[2].lstrip("s: ")
        raise ValueError(f"{what} has no {missing}") from None


def _each(kind: type[T], what: str, data: Any) -> tuple[T, ...]:
    if not isinstance(data, list):
        raise ValueError(f"{what} is no list")
    return tuple(_made(kind, f"{what}[{i}]", each) for i, each in enumerate(data))


def _object(what: str, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{what} is no object")
    return data


def _texts(what: str, data: Any) -> dict[str, str]:
    held = _object(what, data)
    if not all(isinstance(text, str) for text in held.values()):
        raise ValueError(f"{what}: every value is text")
    return held


def _words(what: str, data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(word, str) for word in data):
        raise ValueError(f"{what} is no list of words")
    return tuple(data)


def _word(text: Any) -> str:
    if not isinstance(text, str) or not text.replace("-", "").isalnum() or not text.islower():
        raise ValueError(f"board is {text!r}; expected small letters, digits and hyphens")
    return text


def _above_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _refuse_strange(what: str, data: Mapping[str, Any], there: tuple[str, ...]) -> None:
    for key in data:
        if key not in there:
            near = difflib.get_close_matches(key, there, 1)
            raise ValueError(f"{what}: {key!r} is not known" + (f"; did you mean {near[0]!r}?" if near else ""))
