"""Which inputs carry the batch: those whose first axis is open or equal to it.

An input whose first axis the file fixes at something else is a state, a table, or one sample's own axis. It keeps its
size: cut to the batch, the model would do less work than it does in use, and its latency would be of another model.
"""

from typing import Optional, Sequence, Tuple

from benchfleet.agent.runner.contract import RuntimeFault

ONE_SAMPLE = "; where that is one sample, a data set whose samples have this shape says so"

Shape = Tuple[Optional[int], ...]


def check(shapes: Sequence[Shape], batch: int, samples: Sequence[Shape] = ()) -> None:
    """RuntimeFault where these inputs cannot be called with this batch; None is an open size.

    One sample a call leaves room for inputs that have no batch axis; of several samples every input must hold as many.
    [98, 40] may be a batch of 98 or one sample of speech: it is one where `samples`, the shapes of one sample in the
    data set, say so.
    """
    if batch == 1:
        shapes = [shape for shape in shapes if shape not in samples]
    fixed = [shape[0] for shape in shapes if shape and shape[0] not in (None, batch)]
    if not fixed:
        return
    carried = any(shape and shape[0] in (None, 1) for shape in shapes)
    bare = all(len(shape) <= 1 for shape in shapes)  # a waveform: its only axis is no batch
    if batch == 1 and (carried or bare):
        return
    raise RuntimeFault(
        "unsupported_option",
        "the model has a fixed batch of %d; measure it with that batch, or export it with a free batch axis to use %d"
        "%s" % (fixed[0], batch, ONE_SAMPLE if batch == 1 else ""),
    )


def first_axis(shape: Shape, batch: int) -> Optional[int]:
    """The size of an input's first axis in a call; None for a scalar."""
    if not shape:
        return None
    return batch if shape[0] is None else shape[0]
