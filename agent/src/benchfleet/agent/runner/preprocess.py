"""From a sample as it is stored to what an input of the model is fed: the steps a data set declares, and no others.

Steps, in this order: resize, crop, channels, scale (multiplied), mean and std (per channel), layout, then the input's
own quantisation or type. Of several inputs only images are touched. numpy makes them where the runtime brought it;
plain Python makes the same numbers, slowly.
"""

import math
from typing import Any, Dict, List, Optional, Sequence, Tuple

from benchfleet.agent.runner.contract import RuntimeFault, Tensor, TensorSpec
from benchfleet.agent.runner.tensors import item_bytes, numpy, pack, permute, product, transpose_order, values

Taps = List[Tuple[int, int, float]]
"""For each new position: the two old ones and the weight of the second."""


class Preparation:
    """The way of one input; `steps` says it in words, `low`, `high` and `outside` what was fed so far."""

    def __init__(
        self, spec: TensorSpec, given: Tensor, shape: Tuple[int, ...], about: Dict[str, Any], only: bool
    ) -> None:
        """`given` is the stored array with its first axis the samples; `shape` what the model takes at its batch."""
        self._spec, self._given = spec, given
        stored = dict(about.get("stored") or {})
        self._layout = stored.get("layout", about.get("layout"))
        self._sample, self._wanted = given.shape[1:], shape[1:]
        self.steps: List[str] = []
        self.low, self.high = math.inf, -math.inf
        self.count = self.outside = 0
        picture = len(self._sample) == 3 and self._layout in ("NCHW", "NHWC")
        self._wants: Dict[str, Any] = dict(about.get("wants") or {}) if picture or only else {}
        self.declared = self._wants.get("range")
        # Of images; a quantised input says itself what it holds, and its metadata is often of the float model.
        self.by_file = spec.expects if picture and spec.dtype.startswith("float") else None
        skipped = sorted({"resize", "crop", "channels"} & set(self._wants)) if not picture else []
        self._note(bool(skipped), "no image of three axes, so no %s", ", ".join(skipped))
        self._size = (self._sample[1:] if self._layout == "NCHW" else self._sample[:2]) if picture else ()
        self._rows: Optional[Taps] = None
        self._columns: Optional[Taps] = None
        if picture:
            self._plan_size()
        self._flip = picture and self._wants.get("channels", stored.get("channels")) != stored.get("channels")
        self._note(self._flip, "channels %s to %s", stored.get("channels"), self._wants.get("channels"))
        self._plan_numbers(picture)
        self._plan_layout(picture)
        self._plan_type()

    def _note(self, there: bool, text: str, *parts: Any) -> None:
        if there:
            self.steps.append("%s: %s" % (self._spec.name, text % parts))

    def _plan_size(self) -> None:
        high, wide = self._size
        rows, columns = [(i, i, 0.0) for i in range(high)], [(i, i, 0.0) for i in range(wide)]
        if "resize" in self._wants:
            method = self._wants.get("resize_method", "bilinear")
            new_high, new_wide = self._wants["resize"]
            rows, columns = taps(high, new_high, method), taps(wide, new_wide, method)
            self._note(True, "resize %dx%d to %dx%d (%s)", high, wide, new_high, new_wide, method)
        if "crop" in self._wants:
            new_high, new_wide = self._wants["crop"]
            if new_high > len(rows) or new_wide > len(columns):
                raise RuntimeFault(
                    "dataset_mismatch",
                    "crop of %dx%d from images of %dx%d" % (new_high, new_wide, len(rows), len(columns)),
                )
            self._note(True, "crop %dx%d to %dx%d (centre)", len(rows), len(columns), new_high, new_wide)
            top, left = (len(rows) - new_high) // 2, (len(columns) - new_wide) // 2
            rows, columns = rows[top : top + new_high], columns[left : left + new_wide]
        if {"resize", "crop"} & set(self._wants):
            self._rows, self._columns = rows, columns
            channels = self._sample[0] if self._layout == "NCHW" else self._sample[2]
            new = (len(rows), len(columns))
            self._sample = (channels, *new) if self._layout == "NCHW" else (*new, channels)

    def _plan_numbers(self, picture: bool) -> None:
        """mean and std folded into one factor and one offset a channel: y = x * factor + offset."""
        scale, mean, std = (self._wants.get(key) for key in ("scale", "mean", "std"))
        axis = (0 if self._layout == "NCHW" else 2) if picture else None
        channels = self._sample[axis] if axis is not None else 1
        lists = []
        for name, each, usual in (("mean", mean, 0.0), ("std", std, 1.0)):
            each = usual if each is None else each
            held = [float(v) for v in each] if isinstance(each, list) else [float(each)] * channels
            if len(held) == 1:
                held = held * channels
            if len(held) != channels:
                raise RuntimeFault(
                    "dataset_mismatch", "wants.%s has %d numbers for %d channels" % (name, len(held), channels)
                )
            lists.append(held)
        self._factors = [float(1.0 if scale is None else scale) / s for s in lists[1]]
        self._offsets = [-m / s for m, s in zip(*lists)]
        self._arithmetic = any(each is not None for each in (scale, mean, std))
        self._axis = axis
        self._note(scale is not None, "scale x %g", scale)
        self._note(mean is not None or std is not None, "mean %s std %s", mean, std)

    def _plan_layout(self, picture: bool) -> None:
        before = self._sample
        wants = self._wants.get("layout") if picture else None
        if wants is not None and wants != self._layout:
            self._order: Optional[Tuple[int, ...]] = (2, 0, 1) if wants == "NCHW" else (1, 2, 0)
            if tuple(before[i] for i in self._order) != self._wanted:
                raise RuntimeFault(
                    "dataset_mismatch",
                    "samples of shape %s in layout %s do not fit the model's input %s"
                    % (list(before), wants, list(self._wanted)),
                )
        else:
            self._order = transpose_order(self._layout, before, self._wanted)
        self._note(self._order is not None, "transpose %s to %s", list(before), list(self._wanted))

    def _plan_type(self) -> None:
        """Real numbers are quantised by the input's own scale; whole numbers stored go in as they are."""
        spec, given = self._spec, self._given
        self._quantised = bool(spec.scale) and (given.dtype.startswith("float") or self._arithmetic)
        if self._quantised:
            self._note(True, "quantise scale=%g zero_point=%d", spec.scale, spec.zero_point)
        elif spec.dtype != given.dtype:
            self._note(True, "convert %s to %s", given.dtype, spec.dtype)
        self._untouched = not (
            self._quantised or self._arithmetic or self._flip or self._rows is not None or self._order is not None
        )

    def held(self) -> Optional[Tuple[float, float]]:
        """What a quantised input can represent."""
        if not self._quantised or self._spec.dtype not in ("int8", "uint8", "int16", "uint16"):
            return None
        bits = 8 * item_bytes(self._spec.dtype)
        low = 0 if self._spec.dtype.startswith("u") else -(2 ** (bits - 1))
        assert self._spec.scale is not None
        return tuple(self._spec.scale * (q - self._spec.zero_point) for q in (low, low + 2**bits - 1))  # type: ignore

    def sample(self, i: int) -> Any:
        """The bytes that sample i is fed as."""
        size = product(self._given.shape[1:]) * item_bytes(self._given.dtype)
        raw = self._given.data[i * size : (i + 1) * size]
        library = numpy()
        made = self._by_numpy(library, raw) if library is not None else self._by_hand(raw)
        return raw if self._untouched and self._given.dtype == self._spec.dtype else made

    def _seen(self, low: float, high: float, count: int, outside: int) -> None:
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.count += count
        self.outside += outside

    def _by_numpy(self, np: Any, raw: Any) -> Any:
        x = np.frombuffer(raw, dtype=self._given.dtype).reshape(self._given.shape[1:])
        if self._untouched and self._given.dtype == self._spec.dtype:
            if x.size:
                self._seen(float(x.min()), float(x.max()), x.size, 0)
            return None
        if not self._untouched:
            x = x.astype(np.float64)
        if self._rows is not None and self._columns is not None:
            first = 1 if self._layout == "NCHW" else 0
            for axis, all_taps in ((first, self._rows), (first + 1, self._columns)):
                low, high, weight = (np.array(part) for part in zip(*all_taps))
                weight = weight.reshape([-1 if k == axis else 1 for k in range(3)])
                x = x.take(low, axis) * (1 - weight) + x.take(high, axis) * weight
        if self._flip:
            x = np.flip(x, self._axis)
        if self._arithmetic:
            shape = [-1 if k == self._axis else 1 for k in range(x.ndim)] if self._axis is not None else []
            x = x * np.array(self._factors).reshape(shape) + np.array(self._offsets).reshape(shape)
        if self._order is not None:
            x = x.transpose(self._order)
        return self._typed(np, x)

    def _typed(self, np: Any, x: Any) -> bytes:
        held, outside = self.held(), 0
        if held is not None:
            outside = int(((x < held[0]) | (x > held[1])).sum())
        if x.size:
            self._seen(float(x.min()), float(x.max()), x.size, outside)
        if self._quantised:
            x = x / self._spec.scale + self._spec.zero_point
        if "int" in self._spec.dtype:
            limits = np.iinfo(self._spec.dtype)
            x = x if x.dtype.kind in "iu" else np.rint(x)
            x = np.clip(x, limits.min, limits.max)
        return bytes(np.ascontiguousarray(x).astype(self._spec.dtype).tobytes())

    def _by_hand(self, raw: Any) -> Any:
        numbers: Sequence[float] = values(Tensor("", self._given.dtype, self._given.shape[1:], raw))
        if self._rows is not None and self._columns is not None:
            numbers = self._resized(numbers)
        if self._axis is not None and (self._flip or self._arithmetic):
            numbers = self._by_channel(numbers)
        elif self._arithmetic:
            numbers = [v * self._factors[0] + self._offsets[0] for v in numbers]
        if self._order is not None:
            numbers = permute(numbers, self._sample, self._order)
        held = self.held()
        if len(numbers):
            outside = sum(not held[0] <= v <= held[1] for v in numbers) if held is not None else 0
            self._seen(float(min(numbers)), float(max(numbers)), len(numbers), outside)
        if self._untouched and self._given.dtype == self._spec.dtype:
            return None
        if self._quantised:
            assert self._spec.scale is not None
            scale, zero = self._spec.scale, self._spec.zero_point
            numbers = [v / scale + zero for v in numbers]
        return pack(self._spec.dtype, numbers)

    def _resized(self, numbers: Sequence[float]) -> List[float]:
        assert self._rows is not None
        assert self._columns is not None
        first = self._layout == "NCHW"
        channels = self._sample[0] if first else self._sample[2]
        wide = self._size[1]
        area = self._size[0] * wide

        def at(c: int, y: int, x: int) -> float:
            return numbers[c * area + y * wide + x] if first else numbers[(y * wide + x) * channels + c]

        def mixed(c: int, row: Tuple[int, int, float], column: Tuple[int, int, float]) -> float:
            (y0, y1, v), (x0, x1, u) = row, column
            left = at(c, y0, x0) * (1 - v) + at(c, y1, x0) * v
            right = at(c, y0, x1) * (1 - v) + at(c, y1, x1) * v
            return left * (1 - u) + right * u

        if first:
            return [mixed(c, row, column) for c in range(channels) for row in self._rows for column in self._columns]
        return [mixed(c, row, column) for row in self._rows for column in self._columns for c in range(channels)]

    def _by_channel(self, numbers: Sequence[float]) -> List[float]:
        first = self._layout == "NCHW"
        channels = self._sample[0] if first else self._sample[2]
        area = len(numbers) // channels
        order = range(channels - 1, -1, -1) if self._flip else range(channels)
        if first:
            return [
                numbers[c * area + k] * self._factors[i] + self._offsets[i]
                for i, c in enumerate(order)
                for k in range(area)
            ]
        return [
            numbers[k * channels + c] * self._factors[i] + self._offsets[i]
            for k in range(area)
            for i, c in enumerate(order)
        ]


def taps(old: int, new: int, method: str) -> Taps:
    """Where the pixels of a resized axis come from: pixel centres are aligned, nothing is smoothed before shrinking."""
    found = []
    for i in range(new):
        place = (i + 0.5) * old / new - 0.5
        if method == "nearest":
            near = min(old - 1, int((i + 0.5) * old / new))
            found.append((near, near, 0.0))
            continue
        place = min(max(place, 0.0), old - 1.0)
        low = int(place)
        found.append((low, min(low + 1, old - 1), place - low))
    return found
