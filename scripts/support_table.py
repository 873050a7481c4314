"""SUPPORT.md: for each board and reading what the evidence is, from the recordings that the tests replay.

A reading counts where expected.json of a recording says what it must be, a value or why there is none.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchfleet.agent.env.replay import capture
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Sensor

DEVICES = Path(__file__).parents[1] / "tests" / "fixtures" / "devices"
EVIDENCE = ("hardware", "recorded", "reconstructed", "document", "synthetic")
"""From the strongest."""
LIVE = ("cpu_time", "procfs", "psi")
"""Drivers whose files every Linux host has, so that the tests read them on the machine they run on."""
ASKED = {
    "power, energy": ("power (", "energy"),
    "temperature": ("temperature (",),
    "clocks": ("clock (",),
    "throttling": ("throttle", "event count"),
    "load": ("utilization",),
}
"""Columns of the summary, with the beginnings of readings that belong there."""
HEAD = """<!-- Made by `make docs`; do not edit. -->
# What the evidence is for each board

**Nobody who wrote this has seen the boards below.** Their drivers were written from documents and from what others
published, and are tested on file trees that are replayed (`tests/fixtures/devices`, each with a `SOURCE.txt`). On real
hardware, plain x86-64 hosts and virtual machines, only {live} were read. A board that you have is worth more than all
of this: [send us its recording](docs/devices.md#send-us-your-board).

| evidence | means |
|---|---|
| hardware | read by these drivers on the device itself |
| recorded | values and files as a device showed them, copied from what its owner published or sent |
| reconstructed | values of a real device; files around them rebuilt from a text, with its rounding |
| document | values and files from a document of the maker or from a driver's source |
| synthetic | a tree made by hand: it shows what the driver does with it, and nothing of the device |

*Values* are checked against numbers worked out by hand, *missing* readings against the reason they must have.
{boards} boards and devices, {recordings} recordings, {values} values and {missing} missing readings.
"""


@dataclass(slots=True)
class _Row:
    values: int = 0
    missing: int = 0
    evidence: set[str] = field(default_factory=set)
    recordings: set[str] = field(default_factory=set)


def support_table() -> str:
    """The page."""
    tables: dict[str, dict[tuple[str, str], _Row]] = defaultdict(lambda: defaultdict(_Row))
    folders = sorted(folder for folder in DEVICES.iterdir() if (folder / "expected.json").is_file())
    for folder in folders:
        _add(tables, folder)
    rows = [row for table in tables.values() for row in table.values()]
    head = HEAD.format(
        live=" and ".join((", ".join(f"`{name}`" for name in LIVE[:-1]), f"`{LIVE[-1]}`")),
        boards=len(tables),
        recordings=len(folders),
        values=sum(row.values for row in rows),
        missing=sum(row.missing for row in rows),
    )
    return (
        head
        + _summary(tables)
        + "".join(_table(board, table) for board, table in sorted(tables.items(), key=lambda t: t[0].lower()))
    )


def _summary(tables: dict[str, dict[tuple[str, str], _Row]]) -> str:
    """The strongest evidence of each board for what is asked most."""
    lines = [f"\n| board | {' | '.join(ASKED)} |", "|---" * (len(ASKED) + 1) + "|"]
    for board, table in sorted(tables.items(), key=lambda each: each[0].lower()):
        cells = []
        for words in ASKED.values():
            found = {e for (_, reading), row in table.items() if reading.startswith(words) for e in row.evidence}
            cells.append(min(found, key=EVIDENCE.index, default="-"))
        lines.append(f"| {board} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _add(tables: dict[str, dict[tuple[str, str], _Row]], folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    source = dict(line.split(": ", 1) for line in (folder / "SOURCE.txt").read_text().splitlines() if ": " in line)
    slug = expected["board"]
    table = tables[slug if slug and slug != "host" else source["board"]]
    for privileged, name in ((True, "sensors"), (False, "unprivileged")):
        wanted = expected.get(name, {})
        sensors = _sensors(folder, privileged=privileged) if wanted else {}
        for sensor_id, value in wanted.items():
            sensor = sensors[sensor_id]
            row = table[(sensor_id.partition("/")[0], f"{_words(sensor)} ({sensor.scope})")]
            missing = isinstance(value, dict) and value.get("value") is None
            row.values, row.missing = row.values + (not missing), row.missing + missing
            row.evidence.add(source["evidence"])
            row.recordings.add(folder.name)
    if not table:
        table[("-", "nothing, and it must not be there")].evidence.add(source["evidence"])
        table[("-", "nothing, and it must not be there")].recordings.add(folder.name)


def _sensors(folder: Path, *, privileged: bool) -> dict[str, Sensor]:
    sampler = Sampler(capture(folder, privileged=privileged))
    try:
        return dict(sampler.sensors)
    finally:
        sampler.stop()


def _words(sensor: Sensor) -> str:
    return (
        sensor.kind.rsplit("_", 1)[0].replace("_", " ")
        if sensor.unit not in ("", "1")
        else sensor.kind.replace("_", " ")
    )


def _table(board: str, table: dict[tuple[str, str], _Row]) -> str:
    lines = [
        f"\n## {board}\n",
        "| driver | reading | evidence | values | missing | recordings |",
        "|---|---|---|---|---|---|",
    ]
    for (driver, reading), row in sorted(table.items()):
        best = ", ".join(sorted(row.evidence, key=EVIDENCE.index))
        names = ", ".join(f"`{name}`" for name in sorted(row.recordings))
        shown = f"`{driver}`" if driver != "-" else "-"
        lines.append(f"| {shown} | {reading} | {best} | {row.values or '-'} | {row.missing or '-'} | {names} |")
    return "\n".join(lines) + "\n"
