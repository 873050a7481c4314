"""From a device to a folder: the drivers look while they are watched, then what they saw is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchfleet.agent import accelerators, boards, facts, power_modes, probe, sensors, surroundings
from benchfleet.agent.capture import allowed
from benchfleet.agent.capture.identities import Identities
from benchfleet.agent.capture.watched import TIMED_OUT, Watched
from benchfleet.agent.capture.writer import Writer
from benchfleet.agent.env import Env
from benchfleet.agent.env.replay import LIBRARY_FILES
from benchfleet.agent.sampler import Sampler
from benchfleet.core import plugins

PLUGINS = (
    (sensors.PACKAGE, sensors.GROUP),
    (boards.PACKAGE, boards.GROUP),
    (accelerators.PACKAGE, accelerators.GROUP),
    (power_modes.PACKAGE, power_modes.GROUP),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a recording holds, and what was left out of it with how often."""

    board: str
    files: int
    commands: int
    unreadable: int
    sensors: int
    left_out: dict[str, int]


def record(env: Env, folder: Path, *, made: datetime, by: str) -> Recorded:
    """Writes `folder`, which is empty or not there; nothing of the device is written to."""
    watched, identities = Watched(env), Identities(env)
    sampler = Sampler(watched.env)
    sampler.snapshot()
    board = boards.detect(watched.env)
    accelerators.listed(watched.env)
    surroundings.of(watched.env)
    facts.of(watched.env)
    probe.modes(watched.env)
    _ask(watched)
    writer = Writer(env.files, folder / "root", identities)
    (folder / "root").mkdir(parents=True)
    for path in list(watched.files.touched):
        writer.add(path, folders=True)
    for pattern in (*allowed.PATTERNS, *_named("CAPTURE")):
        for path in env.files.glob(pattern):
            writer.add(path, folders=False)
    _objects(folder, {"errors.json": writer.errors, "modes.json": writer.modes})
    _answers(folder, watched, identities)
    name = board.model or board.slug if board else "not recognised"
    found = Recorded(
        board=name,
        files=writer.count,
        commands=len(watched.commands),
        unreadable=len(writer.errors),
        sensors=len(sampler.sensors),
        left_out=dict(writer.left_out),
    )
    (folder / "SOURCE.txt").write_text(_source(found, made, by))
    return found


def _named(constant: str) -> list[Any]:
    modules = [module for package, group in PLUGINS for module in plugins.load_all(package, group).values()]
    return [each for module in modules for each in getattr(module, constant, ())]


def _ask(watched: Watched) -> None:
    for argv in (*allowed.COMMANDS, *_named("COMMANDS")):
        if tuple(argv) not in watched.commands:
            try:
                watched.run(list(argv))
            except OSError:  # not there, or it hangs: that is what is recorded
                continue


def _answers(folder: Path, watched: Watched, identities: Identities) -> None:
    listed = []
    for number, (argv, answer) in enumerate(watched.commands.items()):
        entry: dict[str, Any] = {"argv": list(argv), "stdout": f"{number:02}.txt"}
        text = "" if isinstance(answer, str) else answer.stdout
        listed.append({**entry, "rc": TIMED_OUT if isinstance(answer, str) else answer.code})
        _write(folder / "cmd" / f"{number:02}.txt", identities.out_of_answer(text).encode())
    if listed:
        _write(folder / "cmd" / "index.json", _json(listed))
    bodies = []
    for number, (path, body) in enumerate(watched.bodies.items()):
        bodies.append({"get": path, "body": f"{number:02}.json", "status": 200})
        _write(folder / "http" / f"{number:02}.json", identities.out_of_body(body))
    if bodies:
        _write(folder / "http" / "index.json", _json(bodies))
    _meters(folder, watched, identities)
    for name, said in watched.libraries.items():
        if said:
            _write(folder / LIBRARY_FILES.get(name, f"{name}.json"), _json(identities.out_of_data(said)))


def _meters(folder: Path, watched: Watched, identities: Identities) -> None:
    """Which there are, and what was said in conversations of lines."""
    listed = []
    for number, (line, answers) in enumerate(watched.lines.items()):
        listed.append({"send": line, "answer": f"{number:02}.txt"})
        _write(folder / "lines" / f"{number:02}.txt", identities.out_of_answer("\n".join(answers)).encode())
    if listed:
        _write(folder / "lines" / "index.json", _json(listed))
    if watched.env.meters:
        _write(folder / "meters.json", _json([_nameless(meter) for meter in watched.env.meters]))


def _nameless(meter: str) -> str:
    """Without its address: what kind it is, and what its owner calls it."""
    parts = urlsplit(meter)
    return f"{parts.scheme or 'http'}://recorded" + (f"#{parts.fragment}" if parts.fragment else "")


def _objects(folder: Path, files: dict[str, dict[str, str]]) -> None:
    for name, data in files.items():
        if data:
            _write(folder / name, _json(dict(sorted(data.items()))))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1).encode() + b"\n"


def _source(found: Recorded, made: datetime, by: str) -> str:
    lines = [
        f"board: {found.board}",
        "evidence: recorded",
        f"source: {by}, {made:%Y-%m-%d}; say here who you are, if you like, and what hangs on the board",
        "fidelity: verbatim, but for identities, which were left out or replaced by zeros",
        *(f"left out: {count} x {why}" for why, count in sorted(found.left_out.items())),
    ]
    return "\n".join(lines) + "\n"
