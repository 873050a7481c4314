"""What the sensors said during an attempt, in its blob of raw series, and an energy figure made from that blob alone.

    telemetry/NUMBER/times_ns.i64  when a sensor was read, CLOCK_MONOTONIC as the rounds
    telemetry/NUMBER/values.f64    what it said, as it was read; NaN where it was lost

The manifest has all that is known of each sensor, in the order of the numbers, and beside the rounds what an energy
figure needs: `batch`, `round_samples` (of the model; null: calls x batch), `idle_span_ns`, `idle_after_span_ns`,
`battery_wh`.
"""

from __future__ import annotations

import json
import math
import sys
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchfleet.agent.measure import series
from benchfleet.core import evidence as ev
from benchfleet.core.errors import DocumentError
from benchfleet.core.metrics import energy, thermal
from benchfleet.core.results import Value
from benchfleet.core.samples import SensorSeries

READING_BYTES = 16
TELEMETRY_BYTES_MAX = 8 * 1024**2
"""Half a million readings, before packing: twenty sensors at 10 Hz for 43 minutes. What does not fit is named."""

FIRST = ("energy_j", "power_w", "temperature_c", "clock_hz")
"""Kinds that are kept before the others."""

_RAW = ("times_ns", "values")


def fitting(telemetry: Sequence[SensorSeries]) -> tuple[list[SensorSeries], list[str]]:
    """What is kept, in the order of its kinds, and the sensors that found no room."""
    kept, left_out, size_bytes = [], [], 0
    for one in sorted(telemetry, key=lambda s: FIRST.index(s.kind) if s.kind in FIRST else len(FIRST)):
        size_bytes += READING_BYTES * len(one.times_ns)
        if size_bytes > TELEMETRY_BYTES_MAX:
            left_out.append(one.sensor)
        elif one.times_ns:
            kept.append(one)
    return kept, left_out


def files(kept: Sequence[SensorSeries]) -> dict[str, bytes]:
    """The files of the sensors by name."""
    found = {}
    for number, one in enumerate(kept):
        values = array("d", (math.nan if v is None else v for v in one.values))
        found[f"telemetry/{number}/times_ns.i64"] = _little(array("q", one.times_ns))
        found[f"telemetry/{number}/values.f64"] = _little(values)
    return found


def described(kept: Sequence[SensorSeries]) -> list[dict[str, Any]]:
    """All that is known of the sensors but their readings."""
    names = [field.name for field in fields(SensorSeries) if field.name not in _RAW]
    return [{name: getattr(one, name) for name in names} for one in kept]


def read(path: Path) -> tuple[SensorSeries, ...]:
    """Every sensor's readings; none in a blob of schema 1."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for number, known in enumerate(_manifest(archive).get("telemetry", [])):
            times = _parsed("q", archive.read(f"telemetry/{number}/times_ns.i64"))
            values = _parsed("d", archive.read(f"telemetry/{number}/values.f64"))
            said = tuple(None if math.isnan(v) else v for v in values)
            found.append(SensorSeries(times_ns=tuple(times), values=said, **known))
    return tuple(found)


def figures(path: Path) -> Mapping[str, Value]:
    """Power, energy and temperature of an attempt, made again from its blob."""
    with zipfile.ZipFile(path) as archive:
        manifest = _manifest(archive)
    wall, rounds, start = series.unpack(path), [], 0
    listed = manifest["rounds"]["model"]
    samples = manifest.get("round_samples", [None] * len(listed))
    for (launch, index, calls, start_ns, end_ns), of_round in zip(listed, samples, strict=True):
        rounds.append(
            ev.Round(
                launch=launch,
                index=index,
                start_ns=start_ns,
                end_ns=end_ns,
                wall_ns=tuple(wall[start : start + calls]),
                cpu_ns=0,
                runq_wait_ns=None,
                samples=of_round,
            )
        )
        start += calls
    idle, after = manifest.get("idle_span_ns"), manifest.get("idle_after_span_ns")
    evidence = ev.Evidence(
        model=ev.Lane(rounds=tuple(rounds), launches=(), outputs=None),
        baseline=None,
        batch=manifest.get("batch", 1),
        model_size_bytes=0,
        telemetry=read(path),
        idle_span_ns=None if idle is None else (idle[0], idle[1]),
        idle_after_span_ns=None if after is None else (after[0], after[1]),
        battery_wh=manifest.get("battery_wh"),
    )
    return {metric.name: metric.compute(evidence) for metric in (*energy.METRICS, *thermal.METRICS)}


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(archive.read("manifest.json"))
    if not 1 <= found["schema"] <= series.SCHEMA:
        raise DocumentError(f"series: schema {found['schema']!r} is not known here; upgrade benchfleet")
    return found


def _little(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _parsed(kind: str, held: bytes) -> array[Any]:
    numbers = array(kind)
    numbers.frombytes(held)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
