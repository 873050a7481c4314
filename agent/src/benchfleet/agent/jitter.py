"""When to read: once in each period, at a time in it that no load can follow.

A fixed rate never sees a load whose period divides it: the power of a model paced at 10 FPS, read at 10 Hz, is 72 % off
for as long as one measures. A random time in each period is right on average, and 3 % off after a minute. Here the
times of STRATA successive periods fall one into each of as many equal parts of the period, in random order: right on
average as well, and 1 % off for a load that keeps step with the sampler, which is the common one (10, 30, 60 FPS).
`make bench-energy` shows it.
"""

from __future__ import annotations

import random

STRATA = 32
"""Three seconds at 10 Hz: far shorter than any window."""


class Schedule:
    """Times of successive readings, on the clock of whoever asks."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._period_s = 0.0
        self._begin_s = 0.0
        self._strata: list[int] = []
        self.skipped = 0
        """Whole periods in which nobody asked, before the newest time: of a reader that was held up."""

    def next_s(self, now_s: float, period_s: float) -> float:
        """When the next reading is due, now at the earliest; after a change of period, or a sleep, it starts anew."""
        self._begin_s += self._period_s
        self.skipped = 0
        if period_s != self._period_s:
            self._period_s, self._begin_s = period_s, now_s
        elif now_s - self._begin_s > period_s:
            self.skipped = int((now_s - self._begin_s) / period_s)
            self._begin_s = now_s
        if not self._strata:
            self._strata = list(range(STRATA))
            self._random.shuffle(self._strata)
        share = (self._strata.pop() + self._random.random()) / STRATA
        return max(now_s, self._begin_s + share * period_s)
