"""The folder of outputs that a runner kept, sample by sample, as its agent's runner/outputs.py writes it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchfleet.core.datasets.archive import ITEMS
from benchfleet.core.task import Output, TaskError


def samples(folder: Path) -> Iterator[list[Output]]:
    """The outputs of each sample in order; an empty list where the call raised."""
    with (folder / "outputs.jsonl").open() as lines, (folder / "outputs.bin").open("rb") as raw:
        for line in lines:
            call = json.loads(line)
            tensors = []
            for name, dtype, shape, offset, size, scale, zero in call["tensors"]:
                raw.seek(offset)
                tensors.append((name, shape, _numbers(dtype, raw.read(size), scale, zero)))
            for k in range(call["keep"]):
                yield [_row(name, shape, found, call["batch"], k) for name, shape, found in tensors]


def _numbers(dtype: str, data: bytes, scale: float | None, zero: int) -> Sequence[float]:
    plain: Any = (
        struct.unpack(f"<{len(data) // 2}e", data) if dtype == "float16" else memoryview(data).cast(ITEMS[dtype])  # type: ignore[call-overload]
    )
    return [scale * (v - zero) for v in plain] if scale else plain.tolist() if dtype != "float16" else list(plain)


def _row(name: str, shape: list[int], numbers: Sequence[float], batch: int, k: int) -> Output:
    if shape and shape[0] == batch:
        size = math.prod(shape) // batch
        return Output(name=name, shape=tuple(shape[1:]), numbers=numbers[k * size : (k + 1) * size])
    if batch == 1:
        return Output(name=name, shape=tuple(shape), numbers=numbers)
    raise TaskError(f"output {name} of shape {shape} has no axis of the batch, {batch}; measure with batch 1")
