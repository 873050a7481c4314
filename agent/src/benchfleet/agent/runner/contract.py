"""What a runtime plug-in is.

A runtime file holds `FORMATS`, `probe()` and `load(path, options)`. Its vendor library is imported inside those two, so
that importing the file needs nothing. A session has at most five methods:

    inputs            list of TensorSpec, before any feed
    prepare(feed)     binds one Tensor per input and allocates outputs; shapes as in the feed
    run()             one inference, nothing else: this is the timed call
    outputs()         list of Tensor of the last run
    close()

Optional, of the file: `OPTIONS`, the names of the options it knows (another is refused); `vet(path)`, which refuses a
model before anything is timed; `smallest(options)`, a loaded and fed session of its smallest possible model, whose call
is what the harness itself costs; `profile(path, options)`, a session as from `load` that also has `operators()`, the
list of Operator of all its runs but the first; `build(path, options, folder)`, which makes an engine for this device in
the folder and gives a Built, to be loaded instead of the model.

Optional, of the session: `engine_ns()`, how long the last run took by the engine's own clock; `device_memory_bytes()`,
the most it has taken of an accelerator's memory.

`facts` is a dict of what the session found (threads, versions, precision); `facts["placement"]` is placement(...).
"""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union


class Available(NamedTuple):
    """A runtime that can be used here."""

    version: str
    formats: Tuple[str, ...]
    providers: Tuple[str, ...]


class Unavailable(NamedTuple):
    """A runtime that cannot, and what to install."""

    why: str


Availability = Union[Available, Unavailable]


class TensorSpec(NamedTuple):
    """An input: `shape` holds None where the model leaves a size open; scale and zero_point when quantised.

    `batched` is false where the model names its open first axis for something else: a sequence, time, points.
    `expects` is the range of numbers that the file itself says it is fed (declared.py), if it does.
    """

    name: str
    dtype: str
    shape: Tuple[Optional[int], ...]
    scale: Optional[float] = None
    zero_point: int = 0
    batched: bool = True
    expects: Optional[Tuple[float, float]] = None


class Tensor(NamedTuple):
    """Values as raw little-endian bytes."""

    name: str
    dtype: str
    shape: Tuple[int, ...]
    data: bytes
    scale: Optional[float] = None
    zero_point: int = 0


class Options(NamedTuple):
    """What every runtime is told; `extra` is the campaign's runtime_options.

    `samples` are the shapes of one sample of each array of the data set: what an input without a batch axis may be.
    """

    threads: int
    batch: int
    extra: Dict[str, Any]
    samples: Tuple[Tuple[int, ...], ...] = ()


class Operator(NamedTuple):
    """One operator as the engine ran it; `provider` is what it ran on, `spent_us` each of its executions."""

    name: str
    kind: str
    provider: str
    spent_us: List[float]


class Built(NamedTuple):
    """An engine made on the device: the file, and whether it was there already."""

    path: str
    reused: bool
    facts: Dict[str, Any]


class RuntimeFault(Exception):
    """A model or option that this runtime refuses: a stable reason and one line of what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def placement(asked: str, counts: Optional[Dict[str, int]], reason: str = "") -> Dict[str, Any]:
    """Shares of the model's nodes by what they run on, beside what was asked for; None with the reason if unknown."""
    total = sum((counts or {}).values())
    if not counts or not total:
        return {"asked": asked, "nodes": None, "reason": reason or "the library does not tell"}
    return {"asked": asked, "nodes": {k: n / total for k, n in sorted(counts.items())}, "reason": ""}


Feed = List[Tensor]
