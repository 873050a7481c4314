"""Which inputs carry the batch: those whose first axis is open or equal to it.

An input whose first axis the file fixes at something else is a state, a table, or one sample's own axis. It keeps its
size: cut to the batch, the model would do less work than it does in use, and its latency would be of another model.
"""

from typing import Optional, Sequence, Tuple

from benchfleet.agent.runner.contract import RuntimeFault

Shape = Tuple[Optional[int], ...]


def check(shapes: Sequence[Shape], batch: int) -> None:
    """RuntimeFault where these inputs cannot be called with this batch; None is an open size.

    One sample a call leaves room for inputs that have no batch axis; of several samples every input must hold as many.
    """
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
        % (fixed[0], batch),
    )


def first_axis(shape: Shape, batch: int) -> Optional[int]:
    """The size of an input's first axis in a call; None for a scalar."""
    if not shape:
        return None
    return batch if shape[0] is None else shape[0]
