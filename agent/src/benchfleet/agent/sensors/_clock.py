"""How far the clock of a meter is ahead of ours, from what it showed between two times of ours.

Who asks at s and has the answer at r knows: a clock that shows c, in steps of t, stood between c and c + t at some time
from s to r. So it is ahead by at least c - r and by at most c + t - s. Every answer narrows that down, since those of
the shortest round trip and those at the edge of a step say most; a clock of whole seconds that is asked a hundred times
is known to some hundredths. Only the newest answers count, so that a clock that drifts is followed. Where they
contradict each other the clock has been set, and it begins anew.

Times of ours are CLOCK_MONOTONIC: setting this machine's clock moves nothing.
"""

from __future__ import annotations

from collections import deque

HELD_MAX = 64
"""Answers that count: a minute at one a second, in which a crystal that is off by 100 ppm goes wrong by 6 ms."""


class Offset:
    """Of one meter, in nanoseconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=HELD_MAX)

    def saw(self, sent_ns: int, received_ns: int, clock_ns: int, step_ns: int = 0) -> None:
        """What its clock showed in the answer to a question."""
        low, high = clock_ns - received_ns, clock_ns + step_ns - sent_ns
        if self._seen and not (low <= self._bounds()[1] and high >= self._bounds()[0]):
            self._seen.clear()
        self._seen.append((low, high))

    @property
    def known(self) -> bool:
        """Whether it showed anything yet."""
        return bool(self._seen)

    @property
    def ns(self) -> int:
        """Its time less ours; the middle of what is possible."""
        low, high = self._bounds()
        return (low + high) // 2

    @property
    def half_width_ns(self) -> int:
        """By how much that may be wrong."""
        low, high = self._bounds()
        return (high - low) // 2

    def _bounds(self) -> tuple[int, int]:
        return max(low for low, _ in self._seen), min(high for _, high in self._seen)
