"""Heat between and during blocks: each block begins as cool as the first, and none runs a device into its own limit.

A device that ends itself at its critical temperature loses the run, and often the next ones too. The agent stops its
runners before that: some degrees below what the sensor's chip calls critical, or at a limit the operator gave.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core.samples import SensorSeries, of_the_chip

MARGIN_C = 3.0
"""Below critical: hot chips gain a degree in a second under full load, and are looked at once in that time."""

LIMIT_C = 105.0
"""Of a chip whose critical temperature is not known; those of boards are from 95 to 110."""

LOOK_S = 1.0
REST_HOLDS_S = 3600.0
"""How long a start temperature is one to come back to: rooms warm up over a day."""


@dataclass(slots=True)
class Rest:
    """What blocks of one agent cool down to: the coolest start of this hour, or what cooling came down to."""

    start_c: float | None = None
    seen_s: float = 0.0

    def target_c(self, now_s: float) -> float | None:
        """To cool down to before the next block; None when there is nothing to go by."""
        return self.start_c if now_s - self.seen_s < REST_HOLDS_S else None

    def began(self, temperature_c: float | None, now_s: float) -> None:
        """A block begins at this temperature, after whatever cooling its limit allowed."""
        if temperature_c is None:
            return
        known = self.target_c(now_s)
        gave_up = known is not None and temperature_c > known + MARGIN_C
        if known is None or temperature_c < known or gave_up:
            self.start_c = temperature_c
        self.seen_s = now_s


def too_hot(telemetry: Telemetry | None, now_ns: int, limit_c: float | None = None) -> str:
    """Which sensor of what computes has reached its limit, in words; empty while none has.

    `limit_c` is the operator's; a chip's own counts beside it.
    """
    if telemetry is None:
        return ""
    for series in of_the_chip(telemetry.series(now_ns - round(3 * LOOK_S * 1e9), now_ns)):
        known = [v for v in series.values if v is not None]
        limits = _limits(series, limit_c)
        if known and limits and known[-1] >= (reached := min(limits)):
            own = f"; it ends itself at {series.critical:g}" if series.critical is not None else ""
            return f"{series.sensor} is at {known[-1]:.1f} degC, and the limit is {reached:g}{own}"
    return ""


def _limits(series: SensorSeries, limit_c: float | None) -> list[float]:
    own = LIMIT_C if series.critical is None else series.critical - MARGIN_C
    return [own] if limit_c is None else [own, limit_c]
