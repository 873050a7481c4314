"""Output checks, outside the timed region: finite, right, stable, and some kept to compare with another model."""

import math
import time
from typing import Any, Dict, List, Optional, Sequence

from benchfleet.agent.runner.contract import Tensor
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.tensors import FORMATS, DataSet, product, values

SAMPLES_MAX = 10_000
SPAN_MAX_S = 60.0
"""Labelled samples are many for a slow model: the check ends after this, and n says how many were seen."""
FIRST_OUTPUTS_MAX = 4096


class Tally:
    """Counts over all outputs seen."""

    def __init__(self) -> None:
        self.samples = self.nan = self.inf = self.top1 = self.top5 = self.labelled = 0
        self.classes = 0
        self.predictions: List[int] = []
        self.first: List[float] = []
        self.reason = ""

    def add(self, outputs: List[Tensor], batch: int, labels: Optional[Sequence[int]], keep: int) -> None:
        """One call's outputs; of the batch only the first `keep` samples are new."""
        for k, tensor in enumerate(outputs):
            if tensor.dtype not in FORMATS:
                self.reason = "output %r has type %s, which is not checked" % (tensor.name, tensor.dtype)
                continue
            numbers = values(tensor)
            if tensor.dtype.startswith("float"):
                bad = [v for v in numbers if not math.isfinite(v)]
                nan = sum(v != v for v in bad)
                self.nan += nan
                self.inf += len(bad) - nan
            if k == 0:
                self._first(numbers, tensor.shape, batch, labels, keep)
        self.samples += keep

    def _first(
        self, numbers: Sequence[float], shape: Sequence[int], batch: int, labels: Optional[Sequence[int]], keep: int
    ) -> None:
        room = FIRST_OUTPUTS_MAX - len(self.first)
        if room > 0:
            self.first.extend(float(v) for v in numbers[:room])
        if not shape or shape[0] != batch or product(shape) % batch:
            self.reason = "the first output's first axis is not the batch"
            return
        size = product(shape) // batch
        self.classes = size
        for i in range(keep):
            row = numbers[i * size : (i + 1) * size]
            if any(v != v for v in row):
                self.predictions.append(-1)  # a NaN is never a prediction
                best: List[int] = []
            else:
                best = sorted(range(size), key=lambda c, row=row: (-row[c], c))[:5]  # type: ignore[misc]
                self.predictions.append(best[0] if best else -1)
            if labels is not None:
                self.labelled += 1
                self.top1 += best[:1] == [labels[i]]
                self.top5 += labels[i] in best


def check(
    session: Any, feeder: Feeder, dataset: Optional[DataSet], batch: int, samples_max: int = SAMPLES_MAX
) -> Dict[str, Any]:
    """Runs the data set (or the one generated feed) through the model and tells what came out."""
    tally = Tally()
    labels = dataset.labels if dataset else None
    total = min(feeder.samples, SAMPLES_MAX, max(batch, samples_max))
    started = time.monotonic()
    for start in range(0, total, batch):
        session.prepare(feeder.feed(start))
        session.run()
        outputs = session.outputs()
        keep = min(batch, total - start)
        tally.add(outputs, batch, labels[start : start + keep] if labels else None, keep)
        if time.monotonic() - started > SPAN_MAX_S:
            break
    scored = bool(tally.labelled)
    return {
        "samples": tally.samples,
        "nan_count": tally.nan,
        "inf_count": tally.inf,
        "hits_top1": tally.top1 if scored else None,
        "hits_top5": tally.top5 if scored and tally.classes > 5 else None,
        "labelled": tally.labelled,
        "predictions": tally.predictions,
        "first_outputs": [v if math.isfinite(v) else None for v in tally.first],
        "reason": tally.reason,
    }
