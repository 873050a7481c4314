"""Time is passed in: monotonic for durations, boot time where a suspend counts, UTC for stamps."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """What code may ask about time."""

    def monotonic_s(self) -> float:
        """Seconds for durations; stands still while the machine sleeps."""
        ...

    def boottime_s(self) -> float:
        """Seconds since boot, a suspend included: leases run on this."""
        ...

    def utc(self) -> datetime:
        """Now, aware, UTC: for stamps, never for durations."""
        ...


class SystemClock:
    """The clock of the machine."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def boottime_s(self) -> float:
        clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return time.clock_gettime(clock_id)

    def utc(self) -> datetime:
        return datetime.now(timezone.utc)


class ManualClock:
    """A clock that moves when told to: for tests and simulations."""

    def __init__(self, start_s: float = 1000.0, utc: datetime | None = None) -> None:
        self._now_s = start_s
        self._start_s = start_s
        self._utc = utc or datetime(2026, 1, 1, tzinfo=timezone.utc)

    def advance(self, seconds: float) -> None:
        """Moves all three clocks forward."""
        if seconds < 0:
            raise ValueError("a clock never goes back")
        self._now_s += seconds

    def monotonic_s(self) -> float:
        return self._now_s

    def boottime_s(self) -> float:
        return self._now_s

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self._utc.timestamp() + self._now_s - self._start_s, timezone.utc)
