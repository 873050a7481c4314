"""Histories as plain data and as lines: `history --json`, and a sparkline that a terminal can show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from benchfleet.controller.comparison.past import Point, Track

SCHEMA = 1
BARS = "▁▂▃▄▅▆▇█"
SPARK_POINTS = 24
FLAT = 0.02
"""A history that moves by less is drawn flat: a sparkline that fills its height makes noise look like news."""


def history_json(tracks: Sequence[Track], metric: str) -> dict[str, Any]:
    """Every track with every point."""
    return {"schema": SCHEMA, "metric": metric, "tracks": [_track(track) for track in tracks]}


def _track(track: Track) -> dict[str, Any]:
    newest = track.used[-1] if track.used else None
    judged = newest.judged if newest is not None else None
    return {
        "device": track.device,
        "cell": track.cell_key,
        "unit": track.unit,
        "verdict": track.verdict,
        "why": track.why or None,
        "confirm_run": track.confirm,
        "newest": newest.value.value if newest is not None else None,
        "usual": judged.usual if judged is not None else None,
        "band95": list(judged.band) if judged is not None and judged.band is not None else None,
        "change": change(track),
        "trend_per_campaign": None if track.trend is None else track.trend.per_campaign,
        "trend_ci95": None if track.trend is None else list(track.trend.ci95),
        "points": [_point(point) for point in track.points],
    }


def _point(point: Point) -> dict[str, Any]:
    judged = point.judged
    return {
        "run": point.past.run.run_id,
        "campaign": point.past.run.campaign_id,
        "campaign_name": point.past.campaign_name,
        "received_utc": stamp(point.past.received_utc_s),
        "value": point.value.value,
        "ci95": list(point.value.ci95) if point.value.ci95 is not None else None,
        "mark": judged.mark if judged is not None else "left out",
        "why": point.why or None,
        "host_factor": judged.host_factor if judged is not None else None,
        "changed": list(point.changed),
    }


def change(track: Track) -> float | None:
    """The newest over what is usual, minus 1; None while that is being learned."""
    if not track.used:
        return None
    newest = track.used[-1]
    if newest.judged is None or newest.judged.usual is None or newest.value.value is None:
        return None
    return newest.value.value / newest.judged.usual - 1


def stamp(utc_s: float) -> str:
    """ISO text of seconds UTC."""
    return datetime.fromtimestamp(utc_s, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def spark(values: Sequence[float]) -> str:
    """The last values as bars, over at least `FLAT` of their middle."""
    shown = list(values)[-SPARK_POINTS:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = max(high - low, FLAT * (high + low) / 2)
    floor = (high + low - span) / 2
    return "".join(BARS[min(len(BARS) - 1, int((v - floor) / span * len(BARS)))] if span else BARS[0] for v in shown)
