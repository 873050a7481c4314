"""The prices document: `kind: Prices`, strict, one currency for all of it.

    apiVersion: benchfleet/v1
    kind: Prices
    name: lab-2025
    currency: EUR
    electricity: {price_per_kwh: 0.30, source: our bill of May 2025}
    devices:
      - match: {board: raspberry-pi-5}
        hardware: {price: 95 EUR, lifetime: 3 years, utilisation: 50 %}
      - match: {device: "gpu-*"}
        cloud: {price_per_hour: 1.20}

The first entry that matches a device holds. Patterns are globs over what the result says of the device.
"""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from benchfleet.controller.documents import load_document, read_document
from benchfleet.core.errors import DocumentError

CURRENCY = re.compile(r"[A-Z]{3}")
_MONEY = re.compile(r"(\d+(?:\.\d+)?)(?:\s*([A-Z]{3}))?")
PRICE_MAX = 1e12
HOURS_MAX = 24 * 366 * 100.0
"""A century; a longer lifetime is a slip of units."""


def _money(value: Any) -> str:
    """A number, or one with the currency behind it; kept as text until the currency of the document is known."""
    match = None if isinstance(value, bool) else _MONEY.fullmatch(str(value).strip())
    if match is None or not 0 <= float(match[1]) <= PRICE_MAX:
        raise ValueError(f"{value!r} is no price; write 95 or 95 EUR")
    return f"{match[1]} {match[2] or ''}".strip()


def _hours(value: Any) -> float:
    from benchfleet.controller.policies.limits import quantity

    try:
        hours = quantity("lifetime", value, "hour")
    except DocumentError as error:
        raise ValueError(f"{value!r} is no lifetime; write 3 years or 20000 hours") from error
    if not 0 < hours <= HOURS_MAX:
        raise ValueError(f"{value!r} is not between zero and a hundred years")
    return hours


def _share(value: Any) -> float:
    from benchfleet.controller.policies.limits import quantity

    try:
        share = quantity("utilisation", value, "1")
    except DocumentError as error:
        raise ValueError(f"{value!r} is no share; write 0.5 or 50 %") from error
    if not 0 < share <= 1:
        raise ValueError(f"{value!r} is not above 0 % and up to 100 %")
    return share


Money = Annotated[str, BeforeValidator(_money)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Sourced(_Strict):
    source: Annotated[str, Field(max_length=500)] | None = None


class Electricity(_Sourced):
    """The price of a kWh."""

    price_per_kwh: Money


class Hardware(_Sourced):
    """A device that was bought: `utilisation` is the share of its lifetime in which it works on samples."""

    price: Money
    lifetime: Annotated[float, BeforeValidator(_hours)]
    utilisation: Annotated[float, BeforeValidator(_share)]


class Cloud(_Sourced):
    """A machine that is rented."""

    price_per_hour: Money


class Match(_Strict):
    """Globs; all that are given must match."""

    device: str | None = None
    board: str | None = None
    cpu_model: str | None = None
    arch: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Match:
        if not self.model_dump(exclude_none=True):
            raise ValueError('a match names at least one of device, board, cpu_model, arch; {device: "*"} is every one')
        return self

    def takes(self, facts: dict[str, str]) -> bool:
        """Whether a device with these facts is meant."""
        wanted = self.model_dump(exclude_none=True)
        return all(fnmatchcase(facts.get(key, ""), pattern) for key, pattern in wanted.items())


class DevicePrices(_Strict):
    """What some devices cost."""

    match: Match
    hardware: Hardware | None = None
    cloud: Cloud | None = None
    electricity: Electricity | None = None

    @model_validator(mode="after")
    def _priced(self) -> DevicePrices:
        if self.hardware is None and self.cloud is None and self.electricity is None:
            raise ValueError("the entry has no price; give it hardware, cloud or electricity")
        return self


class Prices(_Strict):
    """The whole document."""

    api_version: Literal["benchfleet/v1"] = Field(alias="apiVersion")
    kind: Literal["Prices"]
    name: Annotated[str, Field(min_length=1, max_length=63)]
    currency: Annotated[str, Field(pattern=CURRENCY.pattern, max_length=3)]
    electricity: Electricity | None = None
    devices: Annotated[list[DevicePrices], Field(max_length=1000)] = []

    @model_validator(mode="after")
    def _one_currency(self, info: ValidationInfo) -> Prices:
        written = [self.electricity] + [part for d in self.devices for part in (d.hardware, d.cloud, d.electricity)]
        for part in filter(None, written):
            for value in part.model_dump().values():
                match = _MONEY.fullmatch(value) if isinstance(value, str) else None
                if match is not None and match[2] not in (None, self.currency):
                    raise ValueError(f"{value} is not in {self.currency}, the currency of the document")
        if self.electricity is None and not self.devices:
            raise ValueError("the document has no price; give it electricity or devices")
        return self

    def of(self, facts: dict[str, str]) -> DevicePrices | None:
        """The first entry for a device."""
        return next((entry for entry in self.devices if entry.match.takes(facts)), None)


def amount(money: str) -> float:
    """The number of a price."""
    number = float(money.split()[0])
    assert math.isfinite(number)
    return number


def load_prices(path: Path) -> Prices:
    """The prices in a YAML file; DocumentError names the file, the line and the key that is wrong."""
    return parse_prices(read_document(path, "prices"), str(path))


def parse_prices(text: str, source: str) -> Prices:
    """The prices in YAML text."""
    return load_document(text, source, Prices)
