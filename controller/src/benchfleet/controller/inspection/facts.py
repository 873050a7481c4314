"""The facts of one model file and their JSON form (`benchfleet inspect --json`).

A fact that cannot be known is null with the reason beside it: never 0, never a partial sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1

Shapes = Mapping[str, tuple[int, ...]]
"""Sizes by input, as `--shape` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number that may be unknown; then `reason` says why."""

    value: int | None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError("a count that is unknown needs its reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFacts:
    """One input or output; a size is a number, a symbol such as "batch", or None when the file leaves it open."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What one file says; `precision_shares` is by bytes, `macs` is of one call with inputs of `counted_with`."""

    file: str
    digest: str
    size_bytes: int
    format: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    precision: str
    precision_shares: dict[str, float]
    parameters: Count
    weight_bytes: Count
    macs: Count
    peak_activation_bytes: Count = field(
        default_factory=lambda: Count(value=None, reason="not counted by the version that read this file")
    )
    operators: dict[str, int] = field(default_factory=dict)
    opset: dict[str, int] = field(default_factory=dict)
    external_data: tuple[str, ...] = ()
    dynamic_batch: bool = False
    custom_operators: tuple[str, ...] = ()
    precision_shares_by_count: dict[str, float] = field(default_factory=dict)
    counted_with: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    subgraphs: int = 1

    @property
    def dynamic_axes(self) -> tuple[str, ...]:
        """The open sizes, as `input[axis]`, with their symbol where the file names one."""
        return tuple(
            f"{tensor.name}[{axis}]" + (f"={size}" if size else "")
            for tensor in (*self.inputs, *self.outputs)
            for axis, size in enumerate(tensor.shape)
            if not isinstance(size, int)
        )

    @property
    def flops(self) -> Count:
        """Two for each multiply-accumulate."""
        return self.macs if self.macs.value is None else Count(value=2 * self.macs.value)

    def to_json(self) -> dict[str, Any]:
        """Plain data; flops beside macs."""
        return {"schema": SCHEMA, **asdict(self), "flops": asdict(self.flops), "dynamic_axes": self.dynamic_axes}

    @staticmethod
    def from_json(data: dict[str, Any]) -> ModelFacts:
        """The inverse of to_json."""
        plain = {k: v for k, v in data.items() if k not in ("schema", "flops", "dynamic_axes")}
        for name in ("parameters", "weight_bytes", "macs", "peak_activation_bytes"):
            if name in plain:  # a file read by an older version has no peak
                plain[name] = Count(**plain[name])
        for name in ("inputs", "outputs"):
            plain[name] = tuple(TensorFacts(**{**t, "shape": tuple(t["shape"])}) for t in plain[name])
        for name in ("external_data", "custom_operators"):
            plain[name] = tuple(plain.get(name, ()))
        plain["counted_with"] = {name: tuple(sizes) for name, sizes in plain.get("counted_with", {}).items()}
        return ModelFacts(**plain)


def precision_of(
    bytes_by_dtype: dict[str, int], count_by_dtype: dict[str, int]
) -> tuple[str, dict[str, float], dict[str, float]]:
    """The precision, and the shares by bytes and by count; `mixed` when no type holds 80 % of the bytes."""
    by_bytes, by_count = _shares(bytes_by_dtype), _shares(count_by_dtype)
    if not by_bytes:
        return "unknown", {}, {}
    best, share = next(iter(by_bytes.items()))
    return (best if share >= 0.8 else "mixed"), by_bytes, by_count


def _shares(by_dtype: dict[str, int]) -> dict[str, float]:
    """int32 counts with int8: it is the type of the biases and accumulators of an int8 network."""
    family = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
    family |= dict.fromkeys(("int8", "uint8"), "int8") | dict.fromkeys(("int4", "uint4"), "int4")
    shares: dict[str, float] = {}
    total = sum(by_dtype.values())
    if not total:
        return {}
    for dtype, amount in by_dtype.items():
        name = family.get(dtype, dtype)
        shares[name] = shares.get(name, 0.0) + amount / total
    if "int8" in shares and "int32" in shares:
        shares["int8"] += shares.pop("int32")
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
