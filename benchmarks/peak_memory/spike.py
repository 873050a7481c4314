"""A runtime that takes a known amount of memory for a known short time, once: 200 MiB for about 20 ms in call 30."""

from __future__ import annotations

import mmap
import time
from typing import Any

from benchfleet.agent.runner.contract import Availability, Available, Options, Tensor, TensorSpec

FORMATS = ("onnx",)
OPTIONS = ()
SPIKE_BYTES = 200 * 1024 * 1024
SPIKE_S = 0.02
SPIKE_CALL = 30


def probe() -> Availability:
    """Always there."""
    return Available("1", FORMATS, ("spike",))


def load(path: str, options: Options) -> Session:
    """The file is not read."""
    return Session()


class Session:
    """One input [1, 4], one output [1, 4]."""

    def __init__(self) -> None:
        self.inputs = [TensorSpec("x", "float32", (None, 4))]
        self.facts: dict[str, Any] = {"simulated": True}
        self._calls = 0

    def prepare(self, feed: list[Tensor]) -> None:
        """Nothing to bind."""

    def run(self) -> None:
        """Nothing, but in one call the spike: every page written, held, and given back at once."""
        self._calls += 1
        if self._calls != SPIKE_CALL:
            return
        until = time.perf_counter() + SPIKE_S
        with mmap.mmap(-1, SPIKE_BYTES) as held:
            for at in range(0, SPIKE_BYTES, mmap.PAGESIZE):
                held[at] = 1
            while time.perf_counter() < until:
                pass

    def outputs(self) -> list[Tensor]:
        """Zeros."""
        return [Tensor("y", "float32", (1, 4), bytes(16))]

    def close(self) -> None:
        """Nothing to release."""
