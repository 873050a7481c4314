"""What a model is fed: samples of a data set adapted to its inputs, or values of a seeded generator.

Every step of adaptation is recorded, so that a wrong one is visible in the result.
"""

import random
from typing import Any, Dict, List, Optional, Tuple

from benchfleet.agent.runner.contract import Feed, RuntimeFault, Tensor, TensorSpec
from benchfleet.agent.runner.tensors import (
    FORMATS,
    DataSet,
    item_bytes,
    pack,
    permute,
    product,
    transpose_order,
    values,
)


def resolve_shape(spec: TensorSpec, batch: int, given: Dict[str, List[int]]) -> Tuple[int, ...]:
    """The shape of an input at a batch; RuntimeFault when a size stays open."""
    if spec.dtype not in FORMATS:
        raise RuntimeFault("unsupported_model", "input %r has type %s, which cannot be fed" % (spec.name, spec.dtype))
    if spec.name in given:
        shape = tuple(int(size) for size in given[spec.name])
        _check_given(spec, shape, batch)
        return shape
    rest = spec.shape[1:]
    if any(size is None for size in rest):
        shown = "x".join("?" if size is None else str(size) for size in spec.shape)
        raise RuntimeFault(
            "dynamic_shape",
            "input %r has open sizes (%s); say them with --shape %s=1x... or shapes: in the campaign"
            % (spec.name, shown, spec.name),
        )
    fixed = tuple(size for size in rest if size is not None)
    if not spec.shape:
        return ()
    return (batch, *fixed)


def _check_given(spec: TensorSpec, shape: Tuple[int, ...], batch: int) -> None:
    """RuntimeFault when a shape that was given contradicts the model or the batch."""
    if len(shape) != len(spec.shape):
        raise RuntimeFault(
            "dynamic_shape", "input %r has %d axes, the shape given has %d" % (spec.name, len(spec.shape), len(shape))
        )
    for axis, (asked, fixed) in enumerate(zip(shape, spec.shape)):
        if fixed is not None and asked != fixed:
            raise RuntimeFault(
                "dynamic_shape",
                "input %r has a fixed size of %d at axis %d, the shape given has %d" % (spec.name, fixed, axis, asked),
            )
    if shape and shape[0] != batch:
        raise RuntimeFault(
            "dynamic_shape",
            "the shape of input %r starts with %d, the batch is %d; they must be equal" % (spec.name, shape[0], batch),
        )


class Feeder:
    """Makes feeds: `feed(i)` is the batch that starts at sample i; `steps` says how samples were adapted."""

    def __init__(self, specs: List[TensorSpec], spec: Dict[str, Any], dataset: Optional[DataSet]) -> None:
        self._specs = specs
        self._batch = int(spec["batch"])
        strange = sorted(set(spec["shapes"]) - {s.name for s in specs})
        if strange:
            raise RuntimeFault(
                "unsupported_option",
                "the model has no input %s; it has: %s" % (", ".join(strange), ", ".join(s.name for s in specs)),
            )
        self._shapes = {s.name: resolve_shape(s, self._batch, spec["shapes"]) for s in specs}
        self._seed = int(spec["seed"])
        self._dataset = dataset
        self.steps: List[str] = []
        self.samples = dataset.samples if dataset else self._batch
        self._orders: Dict[str, Optional[Tuple[int, ...]]] = {}
        if dataset:
            for s in specs:
                self._plan(s, dataset)
        else:
            self.steps.append("seeded generator, seed %d" % self._seed)

    def _plan(self, spec: TensorSpec, dataset: DataSet) -> None:
        given = dataset.array_for(spec.name, len(self._specs) == 1)
        order = transpose_order(dataset.layout, given.shape[1:], self._shapes[spec.name][1:])
        self._orders[spec.name] = order
        if order:
            self.steps.append(
                "%s: transpose %s to %s" % (spec.name, list(given.shape[1:]), list(self._shapes[spec.name][1:]))
            )
        if spec.scale and given.dtype.startswith("float"):
            self.steps.append("%s: quantise scale=%g zero_point=%d" % (spec.name, spec.scale, spec.zero_point))
        elif spec.dtype != given.dtype:
            self.steps.append("%s: convert %s to %s" % (spec.name, given.dtype, spec.dtype))

    def feed(self, start: int) -> Feed:
        """One Tensor per input; past the end of the data set samples repeat from its start."""
        if self._dataset is None:
            return [self._generated(i, s) for i, s in enumerate(self._specs)]
        return [self._taken(s, start, self._dataset) for s in self._specs]

    def _taken(self, spec: TensorSpec, start: int, dataset: DataSet) -> Tensor:
        given = dataset.array_for(spec.name, len(self._specs) == 1)
        sample = product(given.shape[1:])
        size_bytes = sample * item_bytes(given.dtype)
        parts = []
        for k in range(self._batch):
            i = (start + k) % dataset.samples
            raw = given.data[i * size_bytes : (i + 1) * size_bytes]
            order = self._orders[spec.name]
            if order is None and given.dtype == spec.dtype and not spec.scale:
                parts.append(raw)
                continue
            numbers = values(Tensor(given.name, given.dtype, given.shape[1:], raw))
            if order is not None:
                numbers = permute(numbers, given.shape[1:], order)
            if spec.scale and given.dtype.startswith("float"):
                numbers = [v / spec.scale + spec.zero_point for v in numbers]
            parts.append(pack(spec.dtype, numbers))
        return Tensor(spec.name, spec.dtype, self._shapes[spec.name], b"".join(parts))

    def _generated(self, index: int, spec: TensorSpec) -> Tensor:
        shape = self._shapes[spec.name]
        count = product(shape)
        source = random.Random("%d/%d" % (self._seed, index))
        if spec.dtype.startswith("float"):
            data = pack(spec.dtype, [source.random() for _ in range(count)])
        elif spec.dtype in ("int8", "uint8"):
            data = bytes(source.getrandbits(8) for _ in range(count))
        else:
            data = pack(spec.dtype, [source.getrandbits(1) for _ in range(count)])  # small: they may be indices
        return Tensor(spec.name, spec.dtype, shape, data)
