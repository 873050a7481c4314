"""The campaign document (docs/campaigns.md), strict: an unknown key is an error with its line."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from benchfleet.controller.campaigns.selector import parse_selector
from benchfleet.controller.documents import load_document
from benchfleet.controller.names import MODEL_NAME, NAME
from benchfleet.core import power_modes, scenario
from benchfleet.core.errors import DocumentError
from benchfleet.core.runspec import parse_shape

CELLS_MAX = 10_000
"""Of one campaign on all its devices: a day of a fleet of fifty, and a plan that a person can still read."""


_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|min|h)\s*")
_UNIT_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Devices(_Strict):
    """Which devices: a selector over labels and facts; a list of names is short for one."""

    selector: str = Field(max_length=1000)

    @model_validator(mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if not value or not all(isinstance(name, str) and NAME.fullmatch(name) for name in value):
            raise ValueError("a list of devices is a list of their names")
        return {"selector": f"name in ({', '.join(value)})"}

    @field_validator("selector")
    @classmethod
    def _selects(cls, value: str) -> str:
        try:
            parse_selector(value)
        except DocumentError as error:
            raise ValueError(str(error)) from error
        return value


def _power_mode(given: Any) -> str:
    """A mode by name or id (whole numbers are ids); which modes a device has is not known before the plan."""
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise ValueError(f"a power mode is a name or id of the device, like 15W or 2, not {str(given)[:40]!r}")
    return power_modes.check(str(given))


class Matrix(_Strict):
    """The axes whose product makes the cells."""

    runtime: Annotated[list[str], Field(min_length=1, max_length=32)]
    threads: Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=1)] = [1]
    batch: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(min_length=1)] = [1]
    providers: Annotated[list[list[str]], Field(min_length=1, max_length=32)] = [[]]
    power_mode: Annotated[list[Annotated[str, BeforeValidator(_power_mode)]], Field(min_length=1, max_length=32)] = []

    @property
    def power_modes(self) -> list[str | None]:
        """None, the device as it is found, where the document does not say."""
        return [*self.power_mode] or [None]


class Measure(_Strict):
    """How long and how hard."""

    profile: Literal["quick", "standard", "gate"] = "standard"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    timeout: Annotated[float, Field(ge=10, le=86_400)] = 900.0
    operators: bool = False
    sustained: dict[str, Any] | None = None

    @field_validator("sustained", mode="before")
    @classmethod
    def _sustained(cls, value: Any) -> dict[str, Any] | None:
        """`10min` as the parameters of the scenario that it adds."""
        if value is None:
            return None
        if isinstance(value, list):
            raise ValueError("one duration, like '10min'; sweeps are written under scenarios")
        try:
            (params,) = scenario.expand("sustained", {"duration": value})
        except scenario.ParameterError as error:
            raise ValueError(str(error).removeprefix("sustained.duration: ")) from error
        return params

    @field_validator("timeout", mode="before")
    @classmethod
    def _timeout(cls, value: Any) -> float:
        """Seconds of `90 s`, `20min` or `2h`."""
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("a timeout is a number with a unit, like '90 s', '20min' or '2h'")
        return float(match[1]) * _UNIT_S[match[2]]


class Baseline(_Strict):
    """What every cell is compared with."""

    model: str

    @field_validator("model")
    @classmethod
    def _model(cls, value: str) -> str:
        if not MODEL_NAME.fullmatch(value):
            raise ValueError(f"{value[:80]!r} is not NAME:TAG")
        return value


def _scenario(given: Any) -> list[tuple[str, dict[str, Any]]]:
    """One entry of `scenarios`, a name or a map of names to parameters, as cells' scenarios with their parameters."""
    if isinstance(given, str):
        given = {given: {}}
    if not isinstance(given, dict) or not given:
        raise ValueError(f"a scenario is a name, or {{name: {{parameter: value}}}}, not {str(given)[:80]!r}")
    found = []
    for name, params in given.items():
        try:
            if not isinstance(params, dict):
                raise scenario.ParameterError(f"{name}: parameters are a map, like {{{name}: {{key: value}}}}")
            found += [(name, cell) for cell in scenario.expand(name, params)]
        except scenario.ParameterError as error:
            below = [name] if error.key is None else [name, error.key]
            raise PydanticCustomError("scenario", str(error), {"below": below}) from error
    return found


Scenarios = Annotated[list[tuple[str, dict[str, Any]]], BeforeValidator(_scenario)]


class CampaignDocument(_Strict):
    """A declared matrix."""

    api_version: Literal["benchfleet/v1"] = Field(alias="apiVersion")
    kind: Literal["Campaign"]
    name: str
    models: Annotated[list[str], Field(min_length=1, max_length=1000)]
    devices: Devices
    matrix: Matrix
    scenarios: Annotated[list[Scenarios], Field(min_length=1, max_length=32)] = [[("single_stream", {})]]
    dataset: str | None = None
    measure: Measure = Measure()
    baseline: Baseline | None = None
    runtime_options: dict[str, dict[str, Any]] = {}
    shapes: dict[str, str] = {}

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("a name is a-z, 0-9 and ._- (at most 63), beginning with a letter or digit")
        return value

    @field_validator("models")
    @classmethod
    def _models(cls, value: list[str]) -> list[str]:
        for name in value:
            if not MODEL_NAME.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is not NAME:TAG")
        if len(set(value)) != len(value):
            raise ValueError("a model is named twice")
        return value

    @field_validator("runtime_options")
    @classmethod
    def _options(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise ValueError("options are text, finite numbers, true, false, and lists and maps of these") from None
        return value

    @field_validator("shapes")
    @classmethod
    def _shapes(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value.values():
            try:
                parse_shape(text)
            except ValueError:
                raise ValueError(f"a shape is sizes joined by x, like 1x3x224x224, not {text[:80]!r}") from None
        return value

    @model_validator(mode="after")
    def _options_of_the_matrix(self) -> CampaignDocument:
        """Options of a runtime that is not measured would be ignored without a word."""
        for name in self.runtime_options:
            if name not in self.matrix.runtime:
                near = difflib.get_close_matches(name, self.matrix.runtime, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(self.matrix.runtime)}"
                raise PydanticCustomError(
                    "runtime_options",
                    "options of a runtime that is not in matrix.runtime; {hint}",
                    {"hint": hint, "below": ["runtime_options", name]},
                )
        return self

    @model_validator(mode="after")
    def _bounded(self) -> CampaignDocument:
        for name in ("runtime", "threads", "batch", "providers", "power_mode"):
            values = getattr(self.matrix, name)
            if len({str(value) for value in values}) != len(values):
                raise ValueError(f"matrix.{name} has a value twice")
        listed = [json.dumps(each, sort_keys=True) for each in self.scenario_list]
        if len(set(listed)) != len(listed):
            raise ValueError("scenarios has one twice")
        if self.cell_count > CELLS_MAX:
            raise ValueError(
                f"the matrix has {self.cell_count:,} cells on each device; at most {CELLS_MAX:,} are planned"
            )
        return self

    @property
    def cell_count(self) -> int:
        """Cells on each device, counted without making them."""
        matrix = self.matrix
        axes = (
            self.models, matrix.runtime, matrix.threads, matrix.batch, matrix.providers, matrix.power_modes,
            self.scenario_list,
        )  # fmt: skip
        return math.prod(len(axis) for axis in axes)

    @property
    def scenario_list(self) -> list[tuple[str, dict[str, Any]]]:
        """Each scenario with its parameters, sweeps expanded; `measure.sustained` adds one."""
        lasting = [("sustained", self.measure.sustained)] if self.measure.sustained is not None else []
        return [cell for entry in self.scenarios for cell in entry] + lasting


def parse_campaign(text: str, source: str = "campaign") -> CampaignDocument:
    """A campaign document; DocumentError with line and suggestion."""
    return load_document(text, source, CampaignDocument)
