"""One sample after the other, the next as soon as the last is done (MLPerf SingleStream)."""

from typing import Optional

from benchfleet.agent.runner.loop import closed_loop

drive = closed_loop


def refuse(batch: int) -> Optional[str]:
    """Why a batch does not go with this scenario; None when it does."""
    return None if batch == 1 else "single_stream is one sample at a time; use offline for a batch of %d" % batch
