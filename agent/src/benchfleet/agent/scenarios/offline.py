"""All samples are there from the start: batches back to back, judged by samples per second (MLPerf Offline)."""

from typing import Optional

from benchfleet.agent.runner.loop import closed_loop

drive = closed_loop


def refuse(batch: int) -> Optional[str]:
    """Any batch goes."""
    return None
