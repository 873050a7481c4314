"""Limits with units: "< 33 ms", ">= 90 %", {min: 10 W, max: 15 W}; converted to the unit of the metric.

A bare number is refused where the metric has a unit: 33 of what is exactly the mistake that ships a slow model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pint

from benchfleet.core.errors import DocumentError
from benchfleet.core.metrics.cost import CURRENCY

LIMIT = re.compile(r"\s*(<=|>=|<|>)\s*(.+?)\s*")
QUANTITY = re.compile(r"\s*([-+]?(?:\d+(?:_?\d+)*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")

UNIT = re.compile(r"[A-Za-zµμ°%]{1,24}(/[A-Za-zµμ]{1,24})?|1?/ ?[A-Za-z]{1,24}")
"""What may reach the unit parser: no powers and no arithmetic, which could be made to compute for minutes."""

CODE = re.compile(r"[A-Z]{3}")
"""A currency, as in ISO 4217; no unit of a metric is written so."""

PLAIN = ("1", "", "ratio", "count", "none", "dimensionless", "score")
"""Units of the catalogue that mean a bare number; a percentage is accepted too."""

WORDS = {"bytes": "byte", "inf": "inference", "°C": "degC", "C": "degC", "c": "degC", "celsius": "degC", "pp": "pp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A range in the unit of its metric; `text` is what the user wrote."""

    low: float = -math.inf
    high: float = math.inf
    low_included: bool = True
    high_included: bool = True
    unit: str
    text: str

    def holds(self, value: float) -> bool:
        """Whether the value is within the range."""
        above = value >= self.low if self.low_included else value > self.low
        below = value <= self.high if self.high_included else value < self.high
        return above and below

    @property
    def bounds(self) -> tuple[float, ...]:
        """The finite ends."""
        return tuple(bound for bound in (self.low, self.high) if math.isfinite(bound))


def parse(name: str, value: Any, unit: str) -> Limit:
    """The limit of a policy entry; DocumentError names the entry and what to write instead."""
    if unit == CURRENCY:
        unit = _currency(name, value)
    if isinstance(value, Mapping):
        return _range(name, value, unit)
    if isinstance(value, str) and (match := LIMIT.fullmatch(value)):
        number = quantity(name, match[2], unit)
        sign, included = match[1][0], match[1].endswith("=")
        if sign == "<":
            return Limit(high=number, high_included=included, unit=unit, text=value.strip())
        return Limit(low=number, low_included=included, unit=unit, text=value.strip())
    raise DocumentError(f'{name}: a limit is a comparison, like "{_example(unit)}", not {value!r}')


def _currency(name: str, value: Any) -> str:
    """The code that a limit on money is written in."""
    texts = value.values() if isinstance(value, Mapping) else (value,)
    codes = {code for text in texts for code in re.findall(r"\b[A-Z]{3}\b", str(text))}
    if len(codes) != 1:
        raise DocumentError(f'{name}: a limit on money says one currency, like "< 2 EUR", not {value!r}')
    return str(codes.pop())


def check_possible(name: str, limit: Limit, within: tuple[float, float]) -> Limit:
    """`limit`; DocumentError when no value that can be measured would hold."""
    low, high = max(limit.low, within[0]), min(limit.high, within[1])
    if low > high or (low == high and not limit.holds(low)):
        unit = "" if limit.unit in PLAIN else f" {limit.unit}"
        hint = ', and a share is written like "0.9" or "90 %"' if within == (0, 1) else ""
        raise DocumentError(
            f"{name}: {limit.text!r} can never hold; it is within {within[0]:g} and {within[1]:g}{unit}{hint}"
        )
    return limit


def _range(name: str, value: Mapping[Any, Any], unit: str) -> Limit:
    unknown = sorted(str(key) for key in value if key not in ("min", "max"))
    if unknown or not value:
        raise DocumentError(f"{name}: a range has min and max, not {', '.join(unknown) or 'nothing'}")
    low = quantity(name, value["min"], unit) if "min" in value else -math.inf
    high = quantity(name, value["max"], unit) if "max" in value else math.inf
    if low > high:
        raise DocumentError(f"{name}: min {value['min']} is greater than max {value['max']}; nothing could pass")
    text = " and ".join(f"{'>=' if key == 'min' else '<='} {value[key]}" for key in ("min", "max") if key in value)
    return Limit(low=low, high=high, unit=unit, text=text)


def quantity(name: str, text: Any, unit: str) -> float:
    """The number in `unit`; DocumentError when the unit is missing, unknown or of another dimension."""
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise DocumentError(f"{name}: {text!r} is not a quantity")
    match = QUANTITY.fullmatch(str(text))
    if match is None:
        raise DocumentError(f'{name}: {text!r} is not a finite number with a unit, like "{_example(unit)}"')
    number, written_unit = float(match[1]), match[2]
    if CODE.fullmatch(unit) and written_unit == unit:
        return number
    if not math.isfinite(number):
        raise DocumentError(f"{name}: {text!r} is not a finite number")
    plain = unit in PLAIN
    if not written_unit:
        if plain:
            return number
        raise DocumentError(f'{name}: {text!r} has no unit; write for example "{_example(unit)}"')
    if plain:
        return _converted(name, number, written_unit, "dimensionless")
    return _converted(name, number, written_unit, unit)


def _converted(name: str, number: float, written_unit: str, unit: str) -> float:
    registry = _registry()
    try:
        if UNIT.fullmatch(written_unit) is None:
            raise ValueError(written_unit)
        quantity = registry.Quantity(number, _pint_unit(written_unit))
        converted = float(quantity.to(_pint_unit(unit)).magnitude)
    except Exception as error:  # pint raises its own tree, tokenizer and arithmetic errors for what users type
        wanted = "a bare number or %" if unit == "dimensionless" else unit
        raise DocumentError(f"{name}: {written_unit!r} is not a unit of this metric, which is in {wanted}") from error
    if not math.isfinite(converted):
        raise DocumentError(f"{name}: {number} {written_unit} is beyond what can be measured")
    return float(f"{converted:.15g}")


def _pint_unit(text: str) -> str:
    """Our spelling of units to the registry's: `samples/s`, `/s`, `bytes`, `°C`, `%`."""
    spelled = WORDS.get(text, text).replace("%", "percent").replace("°C", "degC")
    return f"1{spelled}" if spelled.startswith("/") else spelled


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[float]:
    registry: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
    for definition in (
        "sample = []",
        "frame = []",
        "inference = []",
        "fps = 1 / second",
        "pp = [percentage_point] = _ = percentage_point",
        "dollar = [money] = USD = usd",
    ):
        registry.define(definition)
    return registry


def written(value: float, ci95: tuple[float, float] | None, unit: str) -> str:
    """`31.2 ms (95 %: 30.8 to 31.7)` with four significant digits."""
    name = "" if unit in PLAIN else f" {unit}"
    text = f"{value:.4g}{name}" if abs(value) < 1e4 or unit not in ("bytes", "byte", "B") else f"{value / 1e6:.4g} MB"
    if ci95 is None or unit in ("bytes", "byte", "B"):
        return text
    return f"{text} (95 %: {ci95[0]:.4g} to {ci95[1]:.4g})"


def _example(unit: str) -> str:
    return {"ms": "< 33 ms", "bytes": "< 20 MB", "W": "< 10 W", "pp": "< 1 pp"}.get(
        unit, ">= 0.9" if unit in PLAIN else f"< 10 {unit}"
    )
