"""What a scenario promises, read from its file: parameters and their check, its pace, its refusals.

A parameter is one of three kinds: `count` (a whole number from 1), `rate` (a number per second, above 0) or `duration`
(a number with a unit, in documents like `50 ms` or `10min`). One without `default` must be given; a list of values is a
sweep, one cell a value. In cells a duration is in seconds under NAME_s, and what equals its default is left out: so
`multi_stream` and `{multi_stream: {samples: 8}}` are one cell.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from benchfleet.core import plugins

PACKAGE = "benchfleet.core.scenarios"
GROUP = "benchfleet.scenarios"
SHOWN_ANYWAY = ("latency_ms_p50",)
SWEEP_MAX = 64
"""Values of one parameter in one document."""
_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(us|ms|s|min|h)\s*")
_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


class ParameterError(ValueError):
    """A parameter that a scenario does not take; `key` is where it stands, None for the scenario as a whole."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter as its scenario declares it."""

    name: str
    kind: str
    help: str
    most: float
    least: float
    needed: bool
    default: Any

    @property
    def stored(self) -> str:
        """Its name in a cell, with its unit."""
        return f"{self.name}_s" if self.kind == "duration" else self.name


def names() -> list[str]:
    """Every scenario there is."""
    return plugins.names(PACKAGE, GROUP)


def module(name: str) -> ModuleType:
    """The file of a scenario; ParameterError with the nearest name for one that is not there."""
    known = names()
    if name not in known:
        raise ParameterError(f"scenario {name[:80]!r} is not known{_hint(name, known)}")
    return plugins.load(PACKAGE, GROUP, name)


def path(name: str) -> str:
    """The file of a scenario, for a runner that has none of our packages."""
    return str(module(name).__file__)


def parameters(name: str) -> dict[str, Parameter]:
    """The parameters of a scenario."""
    return {
        key: Parameter(
            name=key,
            kind=told["kind"],
            help=told["help"],
            most=float(told["max"]),
            least=float(told.get("min", 0.0)),
            needed="default" not in told,
            default=told.get("default"),
        )
        for key, told in module(name).PARAMS.items()
    }


def expand(name: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells' parameters of a scenario as a document writes it; ParameterError says what is wrong, and where."""
    known = parameters(name)
    for key in given:
        if key not in known:
            raise ParameterError(
                f"scenario {name} has no parameter {str(key)[:80]!r}{_hint(str(key), known)}", str(key)
            )
    axes = []
    for key, parameter in known.items():
        if key not in given:
            if parameter.needed:
                raise ParameterError(
                    f"scenario {name} needs {key} ({parameter.help}), like {{{name}: {{{key}: {_example(parameter)}}}}}"
                )
            continue
        axes.append([(parameter, value) for value in _values(name, parameter, given[key])])
    return [
        {parameter.stored: value for parameter, value in cell if parameter.needed or value != parameter.default}
        for cell in itertools.product(*axes)
    ]


def complete(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's parameters with the defaults of those left out: what the scenario's functions are given."""
    return {p.stored: params.get(p.stored, p.default) for p in parameters(name).values()}


def refusal(name: str, params: Mapping[str, Any], *, batch: int, threads: int, cpu_count: int) -> str:
    """Why a cell of this scenario cannot be measured on so many CPUs; empty when it can."""
    found, full = module(name), complete(name, params)
    refused = found.refuse(batch, full)
    if refused:
        return str(refused)
    streams = stream_count(name, params)
    if streams * threads > max(cpu_count, threads):
        return f"{streams} streams of {threads} threads need {streams * threads} CPUs, there are {cpu_count}"
    return ""


def stream_count(name: str, params: Mapping[str, Any]) -> int:
    """Calls under way at the same time."""
    found = module(name)
    return int(found.streams(complete(name, params))) if hasattr(found, "streams") else 1


def batch_max(name: str, params: Mapping[str, Any], batch: int) -> int:
    """The largest batch of one call."""
    found = module(name)
    return int(found.batch_max(complete(name, params))) if hasattr(found, "batch_max") else batch


def shows(name: str) -> tuple[str, ...]:
    """The metrics that answer what a scenario asks; the median alone of one that is not known here."""
    try:
        return tuple(getattr(module(name), "SHOWS", SHOWN_ANYWAY))
    except ParameterError:
        return SHOWN_ANYWAY


def pace(name: str, params: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """What of a profile this scenario does otherwise."""
    found = module(name)
    return dict(found.pace(profile, complete(name, params))) if hasattr(found, "pace") else {}


def span_s(name: str, params: Mapping[str, Any], profile: str) -> float | None:
    """Seconds of load of one model in all launches, where the scenario says it; None where the profile does."""
    told = pace(name, params, profile)
    if "launches" not in told:
        return None
    return float(told["launches"] * told["rounds_min"] * told["round_span_s"])


def is_alone(name: str) -> bool:
    """Whether rounds of another model in between would change what is measured."""
    return bool(getattr(module(name), "ALONE", False))


def _values(name: str, parameter: Parameter, given: Any) -> list[Any]:
    """One value or a sweep of them, each checked."""
    several = given if isinstance(given, list) else [given]
    if not 0 < len(several) <= SWEEP_MAX:
        raise ParameterError(f"{name}.{parameter.name}: a sweep is 1 to {SWEEP_MAX} values", parameter.name)
    values = [_value(name, parameter, each) for each in several]
    if len(set(values)) != len(values):
        raise ParameterError(f"{name}.{parameter.name}: a value is there twice", parameter.name)
    return values


def _value(name: str, parameter: Parameter, given: Any) -> Any:
    where = f"{name}.{parameter.name}"
    value: float
    if parameter.kind == "duration":
        match = _DURATION.fullmatch(given) if isinstance(given, str) else None
        if match is None:
            raise ParameterError(
                f"{where}: a duration is a number with a unit (us, ms, s, min, h), like '50 ms' or '10min', "
                f"not {str(given)[:80]!r}",
                parameter.name,
            )
        value = _whole(float(match[1]) * _UNIT_S[match[2]])
        unit = " s"
    else:
        number = _number(given)
        if number is None:
            raise ParameterError(f"{where}: a number is needed, not {str(given)[:80]!r}", parameter.name)
        if parameter.kind == "count" and number != int(number):
            raise ParameterError(f"{where}: a whole number is needed, not {given}", parameter.name)
        value = _whole(number)
        unit = ""
    if value <= 0:
        raise ParameterError(f"{where}: must be above 0, not {given}", parameter.name)
    if not parameter.least <= value <= parameter.most:
        bounds = f"from {parameter.least:g} to" if parameter.least else "at most"
        raise ParameterError(f"{where}: must be {bounds} {parameter.most:g}{unit}, not {given}", parameter.name)
    return value


def _whole(number: float) -> float:
    """A whole number as one, so that 30 and 30.0 are one cell."""
    return int(number) if number == int(number) else number


def _number(given: Any) -> float | None:
    """A finite number; None for anything else, also for one too large to be one."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return float(given) if math.isfinite(given) else None
    except OverflowError:
        return None


def _example(parameter: Parameter) -> str:
    return {"duration": "10min", "rate": "30", "count": "4"}[parameter.kind]


def _hint(name: str, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(known)}" if known else "; it takes none"
