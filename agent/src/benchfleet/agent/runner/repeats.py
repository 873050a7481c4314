"""Outputs of one and the same input, copied between timed calls: a model that goes wrong at its k-th call is caught.

Copies are made after the last call of each round and, of models of at least 0.2 ms whose outputs are small, after a few
calls within it; never within the timed region. Equal copies are counted and dropped, so a sound model costs one hash a
copy; copies that differ are looked through and a bounded number of them is kept.
"""

import hashlib
import math
from typing import Any, Callable, Dict, List, Optional, Sequence

from benchfleet.agent.runner.contract import Tensor
from benchfleet.agent.runner.outputs import numbers, odd

WITHIN = frozenset((4, 16, 64, 256, 1024))
"""Calls of a round after which outputs are copied: few, and early as well as late."""
WITHIN_BYTES_MAX = 64 * 1024
"""Larger outputs would cool the caches of the next call: they are copied at the end of a round alone."""
DISTINCT_MAX = 64
ELEMENTS_MAX = 4096
"""Of the first output: what is kept of one that differs."""


class Repeats:
    """What was copied, by content."""

    def __init__(self, sessions: Sequence[Any], first: List[Tensor]) -> None:
        """`sessions` are those of the scenario, each with its batch and fed alike; `first` what the first gave."""
        self._sessions = sessions
        self._small = sum(len(t.data) for t in first) <= WITHIN_BYTES_MAX
        self._pending: List[List[Tensor]] = []
        self._counts: Dict[bytes, int] = {}
        self._kept: Dict[bytes, List[float]] = {}
        self.nan = self.inf = self.taken = 0

    def between(self, note: Optional[Callable[[int], None]]) -> Optional[Callable[[int], None]]:
        """What to call after each timed call: `note`, and now and then a copy. Without `note` calls are too short."""
        if note is None or not self._small:
            return note
        outputs, pending = self._sessions[0].session.outputs, self._pending

        def both(i: int) -> None:
            note(i)
            if i in WITHIN:
                pending.append(outputs())

        return both

    def end_round(self) -> None:
        """Copies the last outputs of every session and looks at all that were copied."""
        batch = self._sessions[0].batch
        for held in self._sessions:
            if held.batch == batch:
                self._pending.append(held.session.outputs())
            else:  # another batch is no repeat, but may hold NaN all the same
                self._count(held.session.outputs())
        for found in self._pending:
            self._look(found)
        self._pending.clear()

    def _count(self, found: List[Tensor]) -> None:
        for tensor in found:
            if tensor.dtype.startswith("float"):
                nan, inf = odd(numbers(tensor))
                self.nan += nan
                self.inf += inf

    def _look(self, found: List[Tensor]) -> None:
        self.taken += 1
        held = hashlib.sha256()
        for tensor in found:
            held.update(tensor.data)
        digest = held.digest()
        if digest not in self._counts:
            self._count(found)
            if len(self._kept) >= DISTINCT_MAX:
                return
            self._kept[digest] = [float(v) for v in numbers(found[0])[:ELEMENTS_MAX]] if found else []
        self._counts[digest] = self._counts.get(digest, 0) + 1

    def summary(self) -> Dict[str, Any]:
        """As the agent reads it."""
        return {
            "repeats": self.taken,
            "timed_nan_count": self.nan,
            "timed_inf_count": self.inf,
            "distinct": len(self._counts),
            "output_std": self._std(),
        }

    def _std(self) -> Optional[float]:
        """The largest standard deviation of an element; None for fewer than two copies, other sizes or NaN."""
        kept, counts = list(self._kept.values()), list(self._counts.values())
        total = sum(counts)
        if total < 2 or len({len(row) for row in kept}) != 1:
            return None
        if len(kept) == 1:
            return 0.0 if all(map(math.isfinite, kept[0])) else None
        worst = 0.0
        for column in zip(*kept):
            if not all(map(math.isfinite, column)):
                return None
            mean = math.fsum(v * n for v, n in zip(column, counts)) / total
            worst = max(worst, math.fsum(n * (v - mean) ** 2 for v, n in zip(column, counts)) / total)
        return math.sqrt(worst)
