"""A fixed piece of work, the same on every device and in every campaign: what tells a slow host from a slow model.

It is no model and reads no file. One call multiplies two integers of 12,000 digits (arithmetic in the cache), copies
2 MiB (memory) and sums them with CRC-32: about a millisecond of one core, by the C code of the interpreter alone, so
that it needs no vendor library. Its time depends on the interpreter; `facts` name the version, and times of different
ones are never compared.
"""

import platform
import zlib
from typing import Any, Dict, List

from benchfleet.agent.runner.contract import Availability, Available, Options, RuntimeFault, Tensor, TensorSpec

FORMATS = ("reference",)
WORK = 1
"""Raise it when the work changes: times of different work are never compared."""

_COPY_BYTES = 2 * 1024**2


def probe() -> Availability:
    """Always there."""
    return Available(str(WORK), FORMATS, ("cpu",))


def load(path: str, options: Options) -> "Session":
    """The path is not read."""
    if options.threads != 1 or options.batch != 1:
        raise RuntimeFault("unsupported_option", "the reference work has one thread and a batch of 1")
    return Session()


class Session:
    """No input; one output, the check sum of the work."""

    def __init__(self) -> None:
        self.inputs: List[TensorSpec] = []
        self.facts: Dict[str, Any] = {
            "work": "%d/%s-%s" % (WORK, platform.python_implementation(), platform.python_version()),
            "providers": ["cpu"],
        }
        self._a, self._b = int("7" * 4000) ** 3, int("3" * 4000) ** 3
        self._product = 0
        self._data = bytes(_COPY_BYTES)
        self._sum = 0

    def prepare(self, feed: List[Tensor]) -> None:
        """Nothing to bind."""

    def run(self) -> None:
        """The work."""
        self._product = self._a * self._b
        self._sum = zlib.crc32(bytearray(self._data))

    def outputs(self) -> List[Tensor]:
        """The check sum: equal after every call."""
        return [Tensor("sum", "uint32", (1, 1), self._sum.to_bytes(4, "little"))]

    def close(self) -> None:
        """Nothing to release."""
