"""Outputs of one sample as numbers, their way into a file, and how far they are from others of the same sample.

A folder of outputs is `outputs.bin`, the raw bytes, and `outputs.jsonl`, a line a call: {"start", "keep", "batch",
"tensors": [[name, dtype, shape, offset, bytes, scale, zero_point], ...]}. It is read by the scorer, and by the next
lane's runner to compare itself.
"""

import json
import math
import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from benchfleet.agent.runner.contract import Tensor
from benchfleet.agent.runner.tensors import numpy, product, values

KEPT_BYTES_MAX = 512 * 1024**2
"""Of all outputs of one lane: what the disk of a small board spares for some minutes."""


def numbers(tensor: Tensor) -> Any:
    """The elements, dequantised: an array of floats where numpy is there, else a sequence."""
    np = numpy()
    if np is None:
        return values(tensor)
    x = np.frombuffer(tensor.data, dtype=tensor.dtype)
    if tensor.scale:
        return (x.astype(np.float64) - tensor.zero_point) * tensor.scale
    return x.astype(np.float64) if x.dtype.kind == "f" and x.dtype.itemsize < 4 else x


def odd(found: Any) -> Tuple[int, int]:
    """(NaN, infinities) among the elements."""
    np = numpy()
    if np is not None:
        if found.dtype.kind != "f" or bool(np.isfinite(found).all()):
            return 0, 0
        return int(np.isnan(found).sum()), int(np.isinf(found).sum())
    bad = [v for v in found if not math.isfinite(v)]
    nan = sum(v != v for v in bad)
    return nan, len(bad) - nan


def rows(tensor: Tensor, batch: int, keep: int) -> Optional[List[Any]]:
    """The elements of each of the first `keep` samples; None when they cannot be told apart."""
    found = numbers(tensor)
    if batch == 1:
        return [found]
    if not tensor.shape or tensor.shape[0] != batch:
        return None
    size = product(tensor.shape) // batch
    return [found[i * size : (i + 1) * size] for i in range(keep)]


def best(row: Any) -> int:
    """The index of the largest element, the lowest of equals; -1 when one is NaN."""
    if not len(row):
        return -1
    np = numpy()
    if np is not None:
        if row.dtype.kind == "f" and bool(np.isnan(row).any()):
            return -1
        return int(row.argmax())
    return -1 if any(v != v for v in row) else max(range(len(row)), key=row.__getitem__)


class Keeper:
    """Writes outputs into a folder until it is full; `samples` says how many are in it, `reason` why not all."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        self._bin = open(os.path.join(folder, "outputs.bin"), "wb")  # noqa: SIM115 - closed by close()
        self._lines = open(os.path.join(folder, "outputs.jsonl"), "w")  # noqa: SIM115
        self._written = self.samples = 0
        self.reason = ""

    def add(self, found: List[Tensor], start: int, keep: int, batch: int) -> None:
        """One call's outputs."""
        if self.reason:
            return
        size = sum(len(t.data) for t in found)
        if self._written + size > KEPT_BYTES_MAX:
            self.reason = "outputs of %d samples fill the %d MiB kept" % (self.samples, KEPT_BYTES_MAX >> 20)
            return
        entries = []
        try:
            for t in found:
                self._bin.write(t.data)
                entries.append([t.name, t.dtype, list(t.shape), self._written, len(t.data), t.scale, t.zero_point])
                self._written += len(t.data)
            line = {"start": start, "keep": keep, "batch": batch, "tensors": entries}
            self._lines.write(json.dumps(line) + "\n")
        except OSError as error:
            self.reason = "outputs cannot be kept (%s)" % error.strerror
            return
        self.samples += keep

    def close(self) -> None:
        """Flushes; a disk that is full is a reason, not an end."""
        for file in (self._bin, self._lines):
            try:
                file.close()
            except OSError as error:
                self.reason, self.samples = "outputs cannot be kept (%s)" % error.strerror, 0


def kept(folder: str) -> Iterator[Tuple[int, List[Tensor]]]:
    """(start, outputs) of every call in a folder."""
    with open(os.path.join(folder, "outputs.jsonl")) as lines, open(os.path.join(folder, "outputs.bin"), "rb") as raw:
        for line in lines:
            call = json.loads(line)
            found = []
            for name, dtype, shape, offset, size, scale, zero in call["tensors"]:
                raw.seek(offset)
                found.append(Tensor(name, dtype, tuple(shape), raw.read(size), scale, zero))
            yield call["start"], found


class Likeness:
    """How far outputs are from others of the same samples."""

    def __init__(self) -> None:
        self.samples = self.unlike = self.odd = 0
        self.worst = 0.0
        self.cosines: List[float] = []

    def add(self, ours: Sequence[Any], theirs: Sequence[Any]) -> None:
        """All outputs of one sample, ours and the others'."""
        if len(ours) != len(theirs) or any(len(a) != len(b) for a, b in zip(ours, theirs)):
            self.unlike += 1
            return
        np = numpy()
        worst, dot, one, two = 0.0, 0.0, 0.0, 0.0
        for a, b in zip(ours, theirs):
            if not len(a):
                continue
            if np is not None:
                a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
                worst = max(worst, float(np.abs(a - b).max()), key=_odd_first)
                dot, one, two = dot + float(a @ b), one + float(a @ a), two + float(b @ b)
            else:
                worst = max(worst, max((abs(x - y) for x, y in zip(a, b)), key=_odd_first), key=_odd_first)
                dot += math.fsum(x * y for x, y in zip(a, b))
                one += math.fsum(x * x for x in a)
                two += math.fsum(y * y for y in b)
        if not (math.isfinite(worst) and math.isfinite(one) and math.isfinite(two)):
            self.odd += 1
            return
        self.samples += 1
        self.worst = max(self.worst, worst)
        if one and two:
            self.cosines.append(max(-1.0, min(1.0, dot / math.sqrt(one) / math.sqrt(two))))
        else:
            self.cosines.append(1.0 if one == two else 0.0)

    def summary(self) -> Dict[str, Any]:
        """As the agent reads it; numbers only when every sample could be compared."""
        reason = ""
        if self.odd:
            reason = "an output is not finite"
        elif self.unlike:
            reason = "the outputs have different sizes on %d samples" % self.unlike
        elif not self.samples:
            reason = "no sample could be compared"
        whole = not reason
        return {
            "samples": self.samples,
            "max_abs_diff": self.worst if whole else None,
            "cosine_mean": math.fsum(self.cosines) / len(self.cosines) if whole else None,
            "cosine_min": min(self.cosines) if whole else None,
            "reason": reason,
        }


def _odd_first(value: float) -> float:
    """NaN counts as the largest."""
    return math.inf if value != value else value


def named(found: List[Tensor], references: Dict[str, Tensor]) -> List[Tensor]:
    """Our outputs in the order of the references' names; a reference whose output is not there is left out."""
    by_name = {t.name: t for t in found}
    if len(found) == len(references) == 1:
        return list(found)
    return [by_name[name] for name in sorted(references) if name in by_name]
