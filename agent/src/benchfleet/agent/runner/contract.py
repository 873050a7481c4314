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
is what the harness itself costs.

`facts` is a dict of what the session found (placement, threads, delegate, version).
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
    """An input: `shape` holds None where the model leaves a size open; scale and zero_point when quantised."""

    name: str
    dtype: str
    shape: Tuple[Optional[int], ...]
    scale: Optional[float] = None
    zero_point: int = 0


class Tensor(NamedTuple):
    """Values as raw little-endian bytes."""

    name: str
    dtype: str
    shape: Tuple[int, ...]
    data: bytes
    scale: Optional[float] = None
    zero_point: int = 0


class Options(NamedTuple):
    """What every runtime is told; `extra` is the campaign's runtime_options."""

    threads: int
    batch: int
    extra: Dict[str, Any]


class RuntimeFault(Exception):
    """A model or option that this runtime refuses: a stable reason and one line of what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


Feed = List[Tensor]
