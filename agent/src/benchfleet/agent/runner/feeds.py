"""What a model is fed: samples of a data set adapted to its inputs, or values of a seeded generator.

Every step of adaptation is recorded, so that a wrong one is visible in the result.
"""

import math
import random
from typing import Any, Dict, List, Optional, Tuple

from benchfleet.agent.runner.batch import first_axis
from benchfleet.agent.runner.contract import Feed, RuntimeFault, Tensor, TensorSpec
from benchfleet.agent.runner.preprocess import Preparation
from benchfleet.agent.runner.tensors import FORMATS, DataSet, pack, product

SHOWN_MAX = 20
"""Inputs whose shapes a result tells: some models take one for each layer of a cache."""


def resolve_shape(spec: TensorSpec, batch: int, given: Dict[str, List[int]]) -> Tuple[int, ...]:
    """The shape of an input at a batch; RuntimeFault when a size stays open."""
    if spec.dtype not in FORMATS:
        raise RuntimeFault("unsupported_model", "input %r has type %s, which cannot be fed" % (spec.name, spec.dtype))
    if spec.name in given:
        shape = tuple(int(size) for size in given[spec.name])
        _check_given(spec, shape, batch)
        return shape
    rest = spec.shape[1:]
    if any(size is None for size in (rest if spec.batched else spec.shape)):
        shown = "x".join("?" if size is None else str(size) for size in spec.shape)
        raise RuntimeFault(
            "dynamic_shape",
            "input %r has open sizes (%s); say them with --shape %s=1x... or shapes: in the campaign"
            % (spec.name, shown, spec.name),
        )
    first = first_axis(spec.shape, batch)
    return () if first is None else (first, *(size for size in rest if size is not None))


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
    room = spec.batched and (len(shape) > 1 or batch > 1)  # else its first axis is one sample's own
    if room and shape and spec.shape[0] is None and shape[0] != batch:
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
        self.prepared: List[Preparation] = []
        self.bare = False  # one sample a call, which fills an input that has no batch axis
        if dataset:
            for s in specs:
                self._plan(s, dataset)
        else:
            shown = ["%s %s" % (n, "x".join(map(str, s)) or "scalar") for n, s in self._shapes.items()]
            shown[SHOWN_MAX:] = ["and %d more" % (len(shown) - SHOWN_MAX)] if len(shown) > SHOWN_MAX else []
            self.steps.append("seeded generator, seed %d: %s" % (self._seed, ", ".join(shown)))

    def _plan(self, spec: TensorSpec, dataset: DataSet) -> None:
        given = dataset.array_for(spec.name, len(self._specs) == 1)
        shape = self._shapes[spec.name]
        if self._batch == 1 and shape == given.shape[1:] and shape and shape[0] != 1:
            self.bare, shape = True, (1, *shape)
        try:
            made = Preparation(spec, given, shape, dataset.about, len(self._specs) == 1)
        except (TypeError, ValueError, KeyError, ZeroDivisionError) as error:
            raise RuntimeFault(
                "dataset_mismatch", "dataset.json does not say how to feed input %r (%s)" % (spec.name, error)
            ) from error
        self.prepared.append(made)
        self.steps.extend(made.steps)

    def feed(self, start: int) -> Feed:
        """One Tensor per input; past the end of the data set samples repeat from its start."""
        if self._dataset is None:
            return [self._generated(i, s) for i, s in enumerate(self._specs)]
        pairs = zip(self.prepared, self._specs)
        return [self._taken(made, s, start, self._dataset.samples) for made, s in pairs]

    def _taken(self, made: Preparation, spec: TensorSpec, start: int, samples: int) -> Tensor:
        parts = [made.sample((start + k) % samples) for k in range(self._batch)]
        return Tensor(spec.name, spec.dtype, self._shapes[spec.name], b"".join(parts))

    def fed(self) -> List[Dict[str, Any]]:
        """What each input was fed so far, in the numbers before quantisation, and what was declared."""
        return [
            {
                "name": s.name,
                "low": made.low,
                "high": made.high,
                "declared": made.declared,
                "by_file": made.by_file,
                "held": made.held(),
                "outside_ratio": made.outside / made.count,
            }
            for s, made in zip(self._specs, self.prepared)
            if made.count and math.isfinite(made.low) and math.isfinite(made.high)
        ]

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
