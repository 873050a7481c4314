"""Output checks, outside the timed region: finite, stable, kept for the task's scorer, held against others.

A sample whose call raises is counted as an error and predicts nothing, and the check goes on; a timed call that raises
fails the run, since a loop with holes measures nothing.
"""

import importlib
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from benchfleet.agent.runner import outputs as out
from benchfleet.agent.runner.contract import RuntimeFault, Tensor
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.tensors import FORMATS, DataSet, product

SAMPLES_MAX = 10_000
SPAN_MAX_S = 60.0
"""Labelled samples are many for a slow model: the check ends after this, and n says how many were seen."""
ERRORS_IN_A_ROW_MAX = 20
"""A model that raises this often will not recover; what it raises is the outcome of the run."""


class Tally:
    """Counts over all outputs seen."""

    def __init__(self, bare: bool = False) -> None:
        """`bare`: the model has no batch axis, so all of an output is of the one sample."""
        self._bare = bare
        self.samples = self.nan = self.inf = self.calls = self.errors = 0
        self.predictions: List[int] = []
        self.reason = self.error = ""

    def add(self, found: List[Tensor], batch: int, keep: int) -> None:
        """One call's outputs; of the batch only the first `keep` samples are new."""
        for k, tensor in enumerate(found):
            if tensor.dtype not in FORMATS:
                self.reason = "output %r has type %s, which is not checked" % (tensor.name, tensor.dtype)
                continue
            if tensor.dtype.startswith("float"):
                nan, inf = out.odd(out.numbers(tensor))
                self.nan += nan
                self.inf += inf
            if k == 0:
                self._predict(tensor, batch, keep)
        self.samples += keep

    def _predict(self, tensor: Tensor, batch: int, keep: int) -> None:
        apart = tensor.shape and (self._bare or tensor.shape[0] == batch)
        if not apart or product(tensor.shape) % batch:
            self.reason = "the first output's first axis is not the batch"
            return
        self.predictions.extend(out.best(row) for row in out.rows(tensor, batch, keep) or [])


class Check:
    """One pass over the data set (or over the one generated feed)."""

    def __init__(self, session: Any, feeder: Feeder, dataset: Optional[DataSet], batch: int) -> None:
        self._session, self._feeder, self._dataset, self._batch = session, feeder, dataset, batch
        self._tally = Tally(feeder.bare)
        self._stored = out.Likeness() if dataset and dataset.references else None
        self._others: Optional[out.Likeness] = None
        self._theirs: Iterator[Tuple[int, List[Tensor]]] = iter(())

    def run(self, samples_max: int, keep_in: Optional[str], against: Optional[str]) -> Dict[str, Any]:
        """Runs the samples through the model; `keep_in` and `against` are folders of outputs."""
        _bring_numpy()
        keeper = out.Keeper(keep_in) if keep_in else None
        if against:
            self._others, self._theirs = out.Likeness(), out.kept(against)
        total = min(self._feeder.samples, SAMPLES_MAX, max(self._batch, samples_max))
        started, row = time.monotonic(), 0
        for start in range(0, total, self._batch):
            keep = min(self._batch, total - start)
            found = self._call(start)
            row = 0 if found is not None else row + 1
            if row > ERRORS_IN_A_ROW_MAX:
                raise RuntimeFault("exception", "%d calls in a row raised, last: %s" % (row, self._tally.error))
            if found is None:
                self._tally.predictions.extend([-1] * keep)
                self._tally.samples += keep
            else:
                self._tally.add(found, self._batch, keep)
                self._compare(found, start, keep)
            if keeper:
                keeper.add(found or [], start, keep, self._batch)
            if time.monotonic() - started > SPAN_MAX_S:
                break
        if keeper:
            keeper.close()
        return self._summary(keeper)

    def _call(self, start: int) -> Optional[List[Tensor]]:
        """The outputs of one call; None when the runtime raised."""
        feed = self._feeder.feed(start)
        self._tally.calls += 1
        try:
            self._session.prepare(feed)
            self._session.run()
            return list(self._session.outputs())
        except MemoryError:
            raise
        except Exception as error:  # whatever a runtime raises for one sample is counted
            self._tally.errors += 1
            self._tally.error = ("%s: %s" % (type(error).__name__, error))[:300]
            return None

    def _compare(self, found: List[Tensor], start: int, keep: int) -> None:
        known = [t for t in found if t.dtype in FORMATS]
        if self._stored is not None and self._dataset is not None:
            references = self._dataset.references
            chosen = [references[n] for n in sorted(references)]
            ours = _apart(out.named(known, references), self._batch, keep)
            if len(ours) != keep:
                self._stored.unlike += keep
            for k, each in enumerate(ours if len(ours) == keep else []):
                self._stored.add(each, [_row(t, start + k) for t in chosen])
        if self._others is not None:
            at, theirs_found = next(self._theirs, (-1, []))
            while 0 <= at < start:
                at, theirs_found = next(self._theirs, (-1, []))
            if at == start and theirs_found:
                pairs = zip(_apart(known, self._batch, keep), _apart(theirs_found, self._batch, keep))
                for ours_of_one, theirs_of_one in pairs:
                    self._others.add(ours_of_one, theirs_of_one)

    def _summary(self, keeper: Optional[out.Keeper]) -> Dict[str, Any]:
        tally = self._tally
        return {
            "samples": tally.samples,
            "nan_count": tally.nan,
            "inf_count": tally.inf,
            "predictions": tally.predictions,
            "reason": tally.reason,
            "calls": tally.calls,
            "errors": tally.errors,
            "error_detail": tally.error,
            "kept_samples": keeper.samples if keeper else 0,
            "kept_reason": keeper.reason if keeper else "",
            "stored": self._stored.summary() if self._stored else None,
            "baseline": self._others.summary() if self._others else None,
            "fed": self._feeder.fed(),
            "task": self._dataset.about.get("task") if self._dataset else None,
            "tolerance": self._dataset.section("tolerance") if self._dataset else {},
        }


def _apart(found: List[Tensor], batch: int, keep: int) -> List[List[Any]]:
    """All outputs by sample; the whole call as one where the samples cannot be told apart."""
    apart = [out.rows(t, batch, keep) for t in found]
    if any(each is None for each in apart):
        return [[out.numbers(t) for t in found]]
    return [[each[k] for each in apart if each is not None] for k in range(keep)]


def _row(stored: Tensor, i: int) -> Any:
    size = len(stored.data) // stored.shape[0]
    return out.numbers(Tensor(stored.name, stored.dtype, stored.shape[1:], stored.data[i * size : (i + 1) * size]))


def _bring_numpy() -> None:
    """Nothing is timed any more: the library may come now, where it is installed, and the check is then fast."""
    try:
        importlib.import_module("numpy")
    except ImportError:
        pass
